"""Stale feed: the feed's heartbeats go on, its news do not."""

from airnet.domain.verdict import Cause
from airnet.twin.plan import Plan
from airnet.twin.spec import watched

SPEC = watched(Cause.FEED_FAULT, "how long it is stale: 8 s to 0.2 s")


def prepare(plan: Plan) -> None:
    """Stop updates for a while."""
    onset, offset = plan.span(0.4, 0.48)
    length = int(plan.easy(hardest=0.2, easiest=8.0) * 1e9)
    span = (onset, min(offset, onset + length))
    feed = plan.row("feed", 0)
    feed["stale_ns"], feed["stale_until_ns"] = span
    plan.mark(span, f"no news for {length / 1e9:.1f} s", excess=length / 1e9)
