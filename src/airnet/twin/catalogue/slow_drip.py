"""Slow drip: connections that stay open and send a byte now and then."""

from airnet.twin.disturb import flood
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import flooding

SPEC = flooding(
    "connections opened a second: 200 to 1", "moderate", 4000, is_held_out=True
)


def prepare(plan: Plan) -> None:
    """Hold as many of the gateway's connections as possible."""
    rate = plan.easy(hardest=1.0, easiest=200.0)
    span = plan.span(0.35, 0.45)
    flood(
        plan,
        Strike.DRIP,
        span,
        rate,
        sources=1 + round(7 * plan.difficulty),
        bytes_min=1,
        bytes_max=4,
        period_ns=int(plan.rng.uniform(0.2, 1.0) * 1e9),
        about="connections that drip",
    )
