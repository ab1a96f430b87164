"""Single-name news: one symbol moves, and its specialist rises alone."""

from airnet.twin.disturb import MAKER, news, quietest, symbol_of
from airnet.twin.plan import Plan
from airnet.twin.spec import volatility

SPEC = volatility("how many times busier one symbol gets: 3 to 60; its jump with it")


def prepare(plan: Plan) -> None:
    """Move a symbol that few trade, so that one session stands out."""
    line = quietest(plan, MAKER)
    agent = plan.row("agent", plan.agents_of(line)[0])
    symbol = symbol_of(plan, line)
    agent["symbol"], agent["symbols"] = symbol, 1
    span = plan.span(0.25, 0.5)
    excess = plan.easy(hardest=60.0, easiest=3.0)
    most = plan.easy(hardest=0.05, easiest=0.004)
    jump = float(plan.rng.choice([-1.0, 1.0]) * plan.rng.uniform(0.3, 1.0)) * most
    news(plan, "single", span, excess, symbol=symbol, jump=jump, volatility=3.0)
    plan.mark(
        span,
        f"news in symbol {symbol}, {excess:.1f} times as busy",
        lines=(line,),
        excess=excess,
    )
