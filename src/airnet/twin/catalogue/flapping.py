"""Flapping: a session connects and disconnects without end."""

from airnet.twin.disturb import pick, strike
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import algorithm

SPEC = algorithm("cuts a second: 10 to 0.3", "moderate", 6000)


def prepare(plan: Plan) -> None:
    """Cut one session's connection each time it is back."""
    line = pick(plan)
    row = plan.row("line", line)
    row["retry_first_ms"] = row["retry_last_ms"] = 20
    span = plan.span(0.35, 0.45)
    rate = plan.easy(hardest=0.3, easiest=10.0)
    about = f"{plan.comp(line)} falls {rate:.1f} times a second"
    number = plan.mark(span, about, lines=(line,), excess=rate)
    strike(
        plan,
        Strike.FLAP,
        span,
        rate=rate,
        line=line,
        lines=1,
        incident=number,
        jitter=0.5,
    )
