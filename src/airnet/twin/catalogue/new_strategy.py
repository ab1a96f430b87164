"""A new strategy: a second algorithm starts on a session that was quiet."""

from airnet.twin import cast
from airnet.twin.disturb import TAKER, quietest
from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("how many times a usual taker it is: 1 to 15")


def prepare(plan: Plan) -> None:
    """Add an agent to a line that has one already."""
    line = quietest(plan, TAKER)
    first = plan.row("agent", plan.agents_of(line)[0])
    who = {"line": line, "firm": int(first["firm"]), "kind": cast.TAKER}
    cast.AGENTS[cast.TAKER](plan, plan.rng, who)
    agent = plan.row("agent", plan.count("agent") - 1)
    start_ns = plan.start_ns + int(plan.duration_ns * 0.4)
    agent["start_ns"] = start_ns
    agent["gateway"] = first["gateway"]
    agent["rate"] *= plan.easy(hardest=15.0, easiest=1.0)
    plan.mark((start_ns, plan.end_ns), "a new strategy starts", lines=(line,))
