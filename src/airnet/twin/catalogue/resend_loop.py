"""Resend loop: two ends ask each other for the same numbers without end."""

from airnet.twin.disturb import pick, trouble
from airnet.twin.plan import Plan
from airnet.twin.rows_line import Trouble
from airnet.twin.spec import algorithm

SPEC = algorithm("turns a second: 400 to 3", "moderate", 3000)


def prepare(plan: Plan) -> None:
    """Let one session fill gaps for ever."""
    line = pick(plan)
    span = plan.span(0.3, 0.45)
    turns = plan.easy(hardest=3.0, easiest=400.0)
    about = f"{plan.comp(line)}: {turns:.0f} resends a second"
    number = plan.mark(span, about, lines=(line,), excess=turns)
    trouble(plan, Trouble.RESEND_LOOP, (line,), span, amount=turns, incident=number)
