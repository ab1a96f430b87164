"""Replace loop: two rules of one algorithm undo each other for ever."""

from airnet.twin.disturb import EXECUTION, MAKER, fail, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm("how many times its own rate: 50 to 1.2", "moderate", is_held_out=True)


def prepare(plan: Plan) -> None:
    """Let an algorithm replace an order back and forth."""
    line = pick(plan, MAKER, EXECUTION)
    excess = plan.easy(hardest=1.2, easiest=50.0)
    fail(plan, "replace_loop", line, plan.span(0.2, 0.4), excess=excess)
