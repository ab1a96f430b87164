"""An algorithm on a stale feed: it quotes around a price that is gone."""

from airnet.twin.disturb import MAKER, fail, news, pick, symbol_of
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm(
    "how far the value moves from what it sees: 5 % to 0.1 %", "moderate", 3000
)


def prepare(plan: Plan) -> None:
    """Freeze what a maker sees, and move the value."""
    line = pick(plan, MAKER)
    symbol = symbol_of(plan, line)
    span = plan.span(0.3, 0.45)
    jump = plan.easy(hardest=0.001, easiest=0.05)
    excess = plan.easy(hardest=1.1, easiest=10.0)
    fail(plan, "stale", line, span, excess=excess, symbol=symbol)
    later = (span[0] + plan.duration_ns // 50, span[1])
    news(plan, "single", later, 1.5, symbol=symbol, jump=jump)
