"""Parameter reload: one maker cancels all and loads new parameters."""

from airnet.twin.disturb import MAKER, habit, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("how many reloads in a row: 1 to 12")


def prepare(plan: Plan) -> None:
    """Reload a maker's parameters by hand until they are right."""
    line = pick(plan, MAKER)
    times = 1 + round(11 * plan.difficulty)
    span = plan.span(0.25, 0.45)
    apart = (span[1] - span[0]) // times
    for turn in range(times):
        at_ns = span[0] + turn * apart
        habit(plan, "reload", line, (at_ns, at_ns + apart // 2))
    plan.mark(span, f"{plan.comp(line)} reloads {times} times", lines=(line,))
