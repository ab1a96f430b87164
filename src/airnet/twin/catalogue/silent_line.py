"""A silent line: nothing passes any more, heartbeats go missing, no end is seen."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import pick, trouble
from airnet.twin.plan import Plan
from airnet.twin.rows_line import Trouble
from airnet.twin.spec import watched

SPEC = watched(Cause.VENUE_FAULT, "share of the sessions: 0.5 to one alone", 5000)


def prepare(plan: Plan) -> None:
    """Let lines go dead without a FIN or a RST."""
    span = plan.span(0.35, 0.45)
    count = max(1, round(0.5 * (1.0 - plan.difficulty) * plan.count("line")))
    lines = {pick(plan)}
    chosen = plan.rng.choice(plan.count("line"), count, replace=False)
    lines |= {int(line) for line in chosen[1:]}
    dead = tuple(sorted(lines))
    for line in dead:
        plan.row("line", line)["heartbeat_ms"] = 1000
    number = plan.mark(span, f"{len(dead)} lines are silent", lines=dead)
    trouble(plan, Trouble.SILENCE, dead, span, incident=number)
