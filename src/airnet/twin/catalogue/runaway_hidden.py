"""Runaway hidden in the busiest maker: part of its healthy flow turns bad."""

from airnet.twin.disturb import MAKER, busiest, fail
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm(
    "its excess 5 to 1.1, its share of the flow 0.9 to 0.1", "moderate", 4000
)


def prepare(plan: Plan) -> None:
    """Replace a share of the busiest maker's flow and add a little."""
    line = busiest(plan, MAKER)
    excess = plan.easy(hardest=1.1, easiest=5.0)
    share = plan.easy(hardest=0.1, easiest=0.9)
    fail(plan, "hidden", line, plan.span(0.3, 0.45), excess=excess, share=share)
