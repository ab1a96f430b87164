"""BATS 2012: the venue fails for a range of symbols; sessions stay healthy.

On 2012-03-23 a fault in the auction for the exchange's own shares hit the matching
engine that held the symbols from A to BFZZZ: for an hour and a quarter orders there
could not be reached, and one trade of 100 shares far from the market halted Apple.
(That sequence numbers and heartbeats stayed in order: from memory.)
Source: BATS, post-mortem to its members of 2012-03-23, as quoted by the trade press
of that day.
"""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import news
from airnet.twin.plan import Plan
from airnet.twin.spec import watched

SPEC = watched(Cause.VENUE_FAULT, "share of the symbols that stop: 0.6 to 0.05", 3000)


def prepare(plan: Plan) -> None:
    """Refuse everything in the first symbols, after a wild print."""
    span = plan.span(0.35, 0.45)
    share = plan.easy(hardest=0.05, easiest=0.6)
    count = max(1, round(share * plan.symbols))
    length = span[1] - span[0]
    brief = (span[0], span[0] + length // 10)
    news(plan, "flash", brief, 3.0, symbol=0, jump=-0.08, rise_ns=1_000_000)
    for symbol in range(count):
        news(plan, "halt", span, 1.0, symbol=symbol, hold_ns=length)
    plan.mark(span, f"{count} symbols stop", excess=share)
