"""A late drop copy: a listener logs on mid-day and asks for the whole day."""

from airnet.twin.cast import DROP_COPY, session
from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("how many listeners come: 1 to 6")


def prepare(plan: Plan) -> None:
    """Let drop copies of several firms log on late."""
    at_ns = plan.start_ns + int(plan.duration_ns * 0.4)
    count = 1 + round(5 * plan.difficulty)
    firms = len(set(plan.firms))
    lines = []
    for number in range(count):
        line = session(plan, DROP_COPY, number % firms, plan.gateways[0])
        row = plan.row("line", line)
        row["open_ns"] = at_ns + int(plan.rng.uniform(0, 1e9))
        row["number_up"], row["number_down"] = 0, 0
        lines.append(line)
    plan.mark((at_ns, plan.end_ns), f"{count} drop copies", lines=tuple(lines))
