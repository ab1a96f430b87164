"""Duplicate ClOrdID loop: one order's number is used without end."""

from airnet.twin.disturb import EXECUTION, MAKER, TAKER, fail, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm("how many times its own rate: 50 to 1.2", "moderate")


def prepare(plan: Plan) -> None:
    """Let an algorithm repeat an order under the same ClOrdID."""
    line = pick(plan, MAKER, TAKER, EXECUTION)
    excess = plan.easy(hardest=1.2, easiest=50.0)
    fail(plan, "duplicate_loop", line, plan.span(0.2, 0.4), excess=excess)
