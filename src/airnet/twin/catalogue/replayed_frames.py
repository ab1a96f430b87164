"""Replayed frames: segments of a live session are sent again by a stranger."""

from airnet.domain.decision import TargetType
from airnet.twin import wiring
from airnet.twin.disturb import MAKER, busiest, pick, strike
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import compromised

SPEC = compromised("segments a second: 500 to 2", "moderate", TargetType.SESSION, 3000)


def prepare(plan: Plan) -> None:
    """Repeat what a session said."""
    line = busiest(plan, MAKER) if plan.rng.random() < 0.5 else pick(plan, MAKER)
    source = wiring.stranger(plan)
    span = plan.span(0.3, 0.45)
    rate = plan.easy(hardest=2.0, easiest=500.0)
    about = f"{rate:.1f} segments a second of {plan.comp(line)} again"
    number = plan.mark(span, about, lines=(line,), excess=rate)
    strike(
        plan,
        Strike.REPLAY,
        span,
        rate=rate,
        source=source,
        line=line,
        lines=1,
        incident=number,
    )
