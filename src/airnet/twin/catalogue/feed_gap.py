"""Feed gap: packets of market data are missing on both groups."""

from airnet.domain.verdict import Cause
from airnet.twin.plan import Plan
from airnet.twin.spec import watched

SPEC = watched(Cause.FEED_FAULT, "packets missing: 2000 to 1")


def prepare(plan: Plan) -> None:
    """Lose a run of packets."""
    span = plan.span(0.1, 0.2)
    count = max(1, round(plan.easy(hardest=1.0, easiest=2000.0)))
    feed = plan.row("feed", 0)
    feed["gap_ns"], feed["gap_packets"] = span[0], count
    plan.mark(span, f"{count} packets of data are missing", excess=float(count))
