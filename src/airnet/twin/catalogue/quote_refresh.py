"""Mass-quote refresh: one maker refreshes all its quotes, again and again."""

from airnet.twin.disturb import MAKER, busiest, habit
from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("how many times its usual rate the refresh is: 1.5 to 20")


def prepare(plan: Plan) -> None:
    """Let the busiest maker refresh on a timer."""
    line = busiest(plan, MAKER)
    span = plan.span(0.25, 0.45)
    excess = plan.easy(hardest=20.0, easiest=1.5)
    habit(plan, "refresh", line, span, excess=excess)
    plan.mark(span, f"{plan.comp(line)} refreshes", lines=(line,), excess=excess)
