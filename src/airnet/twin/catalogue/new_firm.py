"""A never-seen firm goes live: new machines, new CompIDs, full speed at once."""

from airnet.twin.cast import ARBITRAGE, MAKER, TAKER, session
from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("how many sessions it starts at once: 1 to 8, and how busy they are")


def prepare(plan: Plan) -> None:
    """Let a firm that the network's engineers know of start to trade."""
    span = (plan.start_ns + int(plan.duration_ns * 0.4), plan.end_ns)
    firm = len(set(plan.firms)) + 40
    count = 1 + round(7 * plan.difficulty)
    lines = []
    for number in range(count):
        kind = (MAKER, TAKER, ARBITRAGE)[number % 3]
        line = session(plan, kind, firm, plan.gateways[0])
        row = plan.row("line", line)
        row["open_ns"] = span[0] + int(plan.rng.uniform(0, 5e8))
        row["number_up"] = row["number_down"] = 0
        agent = plan.row("agent", plan.agents_of(line)[0])
        agent["start_ns"] = row["open_ns"]
        agent["rate"] *= 1.0 + 3.0 * plan.difficulty
        lines.append(line)
    plan.mark(span, f"a new firm, {count} sessions", lines=tuple(lines))
