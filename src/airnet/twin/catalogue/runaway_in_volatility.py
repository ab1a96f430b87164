"""Runaway inside volatility: it starts while everyone is busy."""

from airnet.twin.disturb import MAKER, TAKER, burst, fail, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm("its excess 50 to 1.1, the market's 2 to 15", "severe", 1500)


def prepare(plan: Plan) -> None:
    """Start a burst, and a runaway inside it."""
    span = plan.span(0.3, 0.45)
    early = plan.duration_ns // 12
    burst(plan, (span[0] - early, span[1]), plan.easy(hardest=15.0, easiest=2.0))
    line = pick(plan, MAKER, TAKER)
    excess = plan.easy(hardest=1.1, easiest=50.0)
    fail(plan, "runaway", line, span, excess=excess)
