"""A SYN flood that borrows the firms' own addresses, to have them cut off."""

from airnet.twin.disturb import flood
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import flooding

SPEC = flooding(
    "packets a second 20000 to 60, share of borrowed addresses 0.05 to 1",
    "severe",
    spoofed=True,
    is_held_out=True,
)


def prepare(plan: Plan) -> None:
    """Flood a gateway under the names of those who trade there."""
    rate = plan.easy(hardest=60.0, easiest=20_000.0)
    borrow = plan.easy(hardest=1.0, easiest=0.05)
    span = plan.span(0.2, 0.4)
    spoof = 1.0 - borrow
    flood(plan, Strike.SYN, span, rate, spoof=spoof, borrow=borrow, answers=0.6)
