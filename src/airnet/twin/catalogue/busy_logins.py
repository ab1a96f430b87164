"""Start of the day's sessions: everybody logs on within a second."""

from airnet.twin.market import SECOND_NS
from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("how closely they log on together: within 5 s to 50 ms")


def prepare(plan: Plan) -> None:
    """Open every connection in the same moment."""
    at_ns = plan.start_ns + int(plan.duration_ns * 0.3)
    width = int(plan.easy(hardest=0.05, easiest=5.0) * SECOND_NS)
    for line in range(plan.count("line")):
        row = plan.row("line", line)
        row["open_ns"] = at_ns + int(plan.rng.uniform(0, width))
        row["number_up"] = row["number_down"] = 0
    plan.mark((at_ns, at_ns + width + 2 * SECOND_NS), "everybody logs on")
