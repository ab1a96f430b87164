"""Reject loop: every refusal is answered with the same order again."""

from airnet.twin.disturb import EXECUTION, TAKER, fail, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm("how many times its own rate: 50 to 1.2", "moderate")


def prepare(plan: Plan) -> None:
    """Let an order that cannot be accepted come back for ever."""
    line = pick(plan, TAKER, EXECUTION)
    excess = plan.easy(hardest=1.2, easiest=50.0)
    fail(plan, "reject_loop", line, plan.span(0.2, 0.4), excess=excess)
