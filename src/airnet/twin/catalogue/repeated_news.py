"""Repeated news: a press conference; several bursts of seconds in a row."""

from airnet.twin.disturb import news
from airnet.twin.plan import Plan
from airnet.twin.spec import volatility

SPEC = volatility("how many times busier each burst is: 2 to 30", is_held_out=True)


def prepare(plan: Plan) -> None:
    """Let three to seven sentences move the market."""
    span = plan.span(0.4, 0.5)
    excess = plan.easy(hardest=30.0, easiest=2.0)
    count = int(plan.rng.integers(3, 8))
    apart = (span[1] - span[0]) // count
    for number in range(count):
        start_ns = span[0] + number * apart + int(plan.rng.uniform(0, 0.4 * apart))
        jump = float(plan.rng.uniform(-1.0, 1.0)) * plan.easy(0.003, 0.0002)
        brief = (start_ns, start_ns + apart // 2)
        news(plan, "market", brief, excess, jump=jump, rise_ns=2_000_000)
    plan.mark(span, f"{count} bursts, {excess:.1f} times as busy", excess=excess)
