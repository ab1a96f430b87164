"""Pulsing flood: short bursts with long pauses, to stay under any average."""

from airnet.twin.disturb import flood
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import flooding

SPEC = flooding(
    "share of the time it is on: 0.5 to 0.02; packets a second while on: 30000 to 800",
    "moderate",
    2000,
    spoofed=True,
)


def prepare(plan: Plan) -> None:
    """Pulse a spoofed SYN flood."""
    rate = plan.easy(hardest=800.0, easiest=30_000.0)
    duty = plan.easy(hardest=0.02, easiest=0.5)
    period_ns = int(plan.rng.uniform(0.2, 1.5) * 1e9)
    span = plan.span(0.3, 0.45)
    flood(
        plan,
        Strike.SYN,
        span,
        rate,
        spoof=1.0,
        period_ns=period_ns,
        duty=duty,
        ramp_ns=0,
    )
