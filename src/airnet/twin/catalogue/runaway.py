"""Runaway: one algorithm sends new orders without end."""

from airnet.twin.disturb import ARBITRAGE, MAKER, TAKER, fail, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm("how many times its own rate: 50 to 1.1, and the ramp", "severe")


def prepare(plan: Plan) -> None:
    """Let one session's algorithm exceed its own rate."""
    line = pick(plan, MAKER, TAKER, ARBITRAGE)
    excess = plan.easy(hardest=1.1, easiest=50.0)
    fail(plan, "runaway", line, plan.span(0.2, 0.4), excess=excess)
