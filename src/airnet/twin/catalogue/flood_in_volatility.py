"""A flood inside a volatility burst: both at once, only one may be cut."""

from airnet.twin.disturb import burst, flood
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import flooding

SPEC = flooding(
    "packets a second 20000 to 60, the market's burst 2 to 20", "severe", spoofed=True
)


def prepare(plan: Plan) -> None:
    """Start a burst, and a spoofed flood inside it."""
    span = plan.span(0.25, 0.4)
    early = plan.duration_ns // 12
    burst(plan, (span[0] - early, span[1]), plan.easy(hardest=20.0, easiest=2.0))
    rate = plan.easy(hardest=60.0, easiest=20_000.0)
    flood(plan, Strike.SYN, span, rate, spoof=0.9, borrow=0.1, answers=0.6)
