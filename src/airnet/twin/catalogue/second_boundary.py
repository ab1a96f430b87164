"""Second boundaries: executions act in step with the wall clock."""

from airnet.twin.disturb import EXECUTION, lines_of
from airnet.twin.market import SECOND_NS
from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("how much they do at each boundary: 1 to 12 times the usual")


def prepare(plan: Plan) -> None:
    """Align every execution to whole seconds, and enlarge it."""
    factor = plan.easy(hardest=12.0, easiest=1.0)
    lines = lines_of(plan, EXECUTION)
    for line in lines:
        for number in plan.agents_of(line):
            agent = plan.row("agent", number)
            agent["period_ns"], agent["phase_ns"] = SECOND_NS, 0
            agent["rate"] *= factor
    span = (plan.start_ns, plan.end_ns)
    plan.mark(span, f"{len(lines)} executions in step", lines=tuple(lines))
