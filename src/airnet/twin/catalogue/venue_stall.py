"""Venue stall: a gateway stops for a while, then answers everything at once."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import news
from airnet.twin.plan import Plan
from airnet.twin.spec import watched

SPEC = watched(Cause.VENUE_FAULT, "how long it stands still: 2 s to 20 ms")


def prepare(plan: Plan) -> None:
    """Stop the matching for a moment, several times."""
    span = plan.span(0.3, 0.45)
    stall_ns = int(plan.easy(hardest=20e6, easiest=2e9))
    count = max(1, min(6, (span[1] - span[0]) // (3 * stall_ns)))
    apart = (span[1] - span[0]) // count
    for number in range(count):
        start_ns = span[0] + number * apart
        news(plan, "stall", (start_ns, start_ns + stall_ns), 1.0, hold_ns=stall_ns)
    plan.mark(span, f"{count} stalls of {stall_ns / 1e6:.0f} ms", excess=stall_ns / 1e6)
