"""TSE 2020: heartbeats go on, but market data stops and orders are not answered.

On 2020-10-01 at 07:04 a memory fault hit a shared disk device of the Tokyo exchange;
the automatic switch to its twin did not happen, data distribution failed and trading
stayed halted all day.
Source: Japan Exchange Group, report on the cash equity trading system failure on
October 1, 2020 (2020-10-19).
"""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import news
from airnet.twin.plan import Plan
from airnet.twin.spec import watched

SPEC = watched(
    Cause.VENUE_FAULT, "whether all gateways stop, or one: below 0.5 all", 5000
)


def prepare(plan: Plan) -> None:
    """Let the feed go stale and a gateway stand still; sessions stay logged on."""
    span = plan.span(0.4, 0.48)
    length = span[1] - span[0]
    feed = plan.row("feed", 0)
    feed["stale_ns"], feed["stale_until_ns"] = span
    late = span[0] + length // 20
    gateway = {"gateway": 0} if plan.difficulty >= 0.5 else {}
    news(plan, "stall", (late, span[1]), 1.0, hold_ns=span[1] - late, **gateway)
    plan.mark(span, "data stops, then orders are not answered")
