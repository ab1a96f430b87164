"""Gap ping-pong: one end skips numbers, the other asks, again and again."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import pick, trouble
from airnet.twin.plan import Plan
from airnet.twin.rows_line import Trouble
from airnet.twin.spec import watched

SPEC = watched(Cause.VENUE_FAULT, "gaps a second: 50 to 0.5", 5000, is_held_out=True)


def prepare(plan: Plan) -> None:
    """Let one session lose count."""
    line = pick(plan)
    span = plan.span(0.35, 0.45)
    gaps = plan.easy(hardest=0.5, easiest=50.0)
    about = f"{plan.comp(line)}: {gaps:.1f} gaps a second"
    number = plan.mark(span, about, lines=(line,), excess=gaps)
    trouble(plan, Trouble.PING_PONG, (line,), span, amount=gaps, incident=number)
