"""Injection: forged orders inside a live session, at its own pace.

The forged segments carry the right TCP and FIX numbers and are sent when the session
itself would send, from a machine that has taken a place on its path.
"""

from airnet.domain.decision import TargetType
from airnet.twin import wiring
from airnet.twin.disturb import MAKER, TAKER, pick, strike
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import compromised

SPEC = compromised(
    "forged orders a second: 60 to 0.5",
    "severe",
    TargetType.SESSION,
    4000,
    is_held_out=True,
)


def prepare(plan: Plan) -> None:
    """Forge orders in a session that trades."""
    line = pick(plan, MAKER, TAKER)
    source = wiring.stranger(plan)
    span = plan.span(0.35, 0.45)
    rate = plan.easy(hardest=0.5, easiest=60.0)
    about = f"{rate:.1f} forged orders a second in {plan.comp(line)}"
    number = plan.mark(span, about, lines=(line,), excess=rate)
    strike(
        plan,
        Strike.INJECT,
        span,
        rate=rate,
        source=source,
        line=line,
        lines=1,
        incident=number,
    )
