"""TSE 2020: heartbeats go on, but market data stops and orders are not answered.

On 2020-10-01 at 07:04 a memory error hit the first of two shared disk devices of the
Tokyo exchange; the automatic switch to the second was set to off, unknown to the
exchange; prices could not be distributed and trading stayed halted all day. (That
heartbeats went on and orders hung is ours: the exchange stopped before its open.)
Source: Tokyo Stock Exchange, report of 2020-10-19 as reported by The Mainichi
(2020-10-20), and press accounts of 2020-10-02.
"""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import news
from airnet.twin.plan import Plan
from airnet.twin.spec import watched

SPEC = watched(
    Cause.VENUE_FAULT,
    "share of the span it lasts: 1 to 0.2; below 0.5 all gateways stop, above one",
    5000,
)


def prepare(plan: Plan) -> None:
    """Let the feed go stale and a gateway stand still; sessions stay logged on."""
    whole = plan.span(0.4, 0.48)
    share = plan.easy(hardest=0.2, easiest=1.0)
    span = (whole[0], whole[0] + int((whole[1] - whole[0]) * share))
    length = span[1] - span[0]
    feed = plan.row("feed", 0)
    feed["stale_ns"], feed["stale_until_ns"] = span
    late = span[0] + length // 20
    gateway = {"gateway": 0} if plan.difficulty >= 0.5 else {}
    news(plan, "stall", (late, span[1]), 1.0, hold_ns=span[1] - late, **gateway)
    plan.mark(span, "data stops, then orders are not answered", excess=share)
