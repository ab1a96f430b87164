"""Flash spike: a symbol leaves its value for a moment and comes back."""

from airnet.twin.disturb import news
from airnet.twin.plan import NONE, Plan
from airnet.twin.spec import volatility

SPEC = volatility("how far and how busy: 1 % and 3 times, to 8 % and 40 times")


def prepare(plan: Plan) -> None:
    """Let one symbol, or all, jump and return within a second or two."""
    span = plan.span(0.05, 0.15)
    excess = plan.easy(hardest=40.0, easiest=3.0)
    jump = plan.easy(hardest=0.08, easiest=0.01) * float(plan.rng.choice([-1.0, 1.0]))
    one = int(plan.rng.integers(plan.symbols))
    symbol = one if plan.rng.random() < 0.6 else NONE
    news(plan, "flash", span, excess, symbol=symbol, jump=jump, rise_ns=2_000_000)
    plan.mark(span, f"a spike of {jump * 100:.1f} %", excess=excess)
