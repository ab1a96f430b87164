"""Trading halt: a symbol stops, its orders are refused, then it opens in a rush."""

from airnet.twin.disturb import news
from airnet.twin.plan import Plan
from airnet.twin.spec import volatility

SPEC = volatility("how busy the reopening is: 3 to 40 times")


def prepare(plan: Plan) -> None:
    """Halt the most traded symbol for a while."""
    span = plan.span(0.3, 0.5)
    middle = (span[0] + span[1]) // 2
    news(plan, "halt", span, 1.0, symbol=0, hold_ns=middle - span[0])
    excess = plan.easy(hardest=40.0, easiest=3.0)
    jump = float(plan.rng.uniform(-0.03, 0.03))
    again = (middle, span[1])
    news(plan, "single", again, excess, symbol=0, jump=jump, rise_ns=1_000_000)
    plan.mark(span, f"a halt, then {excess:.1f} times as busy", excess=excess)
