"""Flapping: a session connects and disconnects without end."""

from airnet.twin.disturb import flap, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm("cuts a second: 10 to 0.3", "moderate", 6000)


def prepare(plan: Plan) -> None:
    """Cut one session's connection each time it is back."""
    line = pick(plan)
    row = plan.row("line", line)
    row["retry_first_ms"] = row["retry_last_ms"] = 20
    flap(plan, line, (0.3, 10.0), "")
