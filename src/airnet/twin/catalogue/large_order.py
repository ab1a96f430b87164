"""A large legitimate order: one execution slices a parent many times its usual."""

from airnet.twin.disturb import EXECUTION, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("how many times larger and denser the parent is: 2 to 40")


def prepare(plan: Plan) -> None:
    """Give an execution algorithm more to do than on any other day."""
    line = pick(plan, EXECUTION)
    agent = plan.row("agent", plan.agents_of(line)[0])
    factor = plan.easy(hardest=40.0, easiest=2.0)
    agent["size"] *= factor
    agent["slices"] = min(2000, int(agent["slices"] * factor))
    agent["rate"] = max(float(agent["rate"]), 0.5)
    span = (plan.start_ns + plan.duration_ns // 10, plan.end_ns)
    plan.mark(
        span, f"{factor:.0f} times its usual parent", lines=(line,), excess=factor
    )
