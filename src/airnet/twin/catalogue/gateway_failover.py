"""Gateway fail-over: sessions leave one gateway in order and log on to another."""

from airnet.twin import wiring
from airnet.twin.disturb import trouble
from airnet.twin.plan import Plan
from airnet.twin.rows_line import Trouble
from airnet.twin.spec import normal

SPEC = normal("share of the gateway's sessions that move at once: 0.2 to 1")


def prepare(plan: Plan) -> None:
    """Move the sessions of the first gateway to a standby nobody has seen."""
    first = plan.gateways[0]
    standby = wiring.host(plan, is_gateway=True)
    plan.row("venue", 0)["gateways"] += 1
    lines = [
        line
        for line in range(plan.count("line"))
        if int(plan.row("line", line)["gateway"]) == first
    ]
    share = plan.easy(hardest=1.0, easiest=0.2)
    moved = tuple(lines[: max(1, round(share * len(lines)))])
    span = plan.span(0.2, 0.4)
    trouble(plan, Trouble.MOVE, moved, span, amount=float(standby))
    plan.mark(span, f"{len(moved)} sessions move to a standby", excess=share)
