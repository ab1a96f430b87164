"""Mass-quote refresh: one maker refreshes all its quotes, again and again."""

from airnet.twin.disturb import MAKER, busiest, habit
from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("refreshes of everything it quotes, a second: 0.5 to 6")


def prepare(plan: Plan) -> None:
    """Let the busiest maker refresh on a timer."""
    line = busiest(plan, MAKER)
    span = plan.span(0.25, 0.45)
    often = plan.easy(hardest=6.0, easiest=0.5)
    habit(plan, "refresh", line, span, lifetime_ns=int(1e9 / often))
    about = f"{plan.comp(line)} refreshes {often:.1f} times a second"
    plan.mark(span, about, lines=(line,), excess=often)
