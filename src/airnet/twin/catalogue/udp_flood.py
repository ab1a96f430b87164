"""UDP flood: datagrams at a port where nobody listens."""

from airnet.twin.disturb import flood
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import flooding

SPEC = flooding("datagrams a second: 20000 to 60", "moderate")


def prepare(plan: Plan) -> None:
    """Flood a gateway with datagrams of any size; it answers with ICMP."""
    rate = plan.easy(hardest=60.0, easiest=20_000.0)
    span = plan.span(0.2, 0.4)
    flood(
        plan,
        Strike.UDP,
        span,
        rate,
        sources=1 + round(7 * plan.difficulty),
        answers=0.05,
        bytes_min=16,
        bytes_max=1400,
    )
