"""Brute force: Logons under a real CompID with one password after another."""

from airnet.domain.decision import TargetType
from airnet.twin import wiring
from airnet.twin.disturb import pick, strike
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import compromised

SPEC = compromised("attempts a second: 100 to 0.5", "moderate", TargetType.SOURCE)


def prepare(plan: Plan) -> None:
    """Guess a session's password from a machine that is not its own."""
    line = pick(plan)
    source = wiring.stranger(plan)
    span = plan.span(0.3, 0.45)
    rate = plan.easy(hardest=0.5, easiest=100.0)
    about = f"{rate:.1f} guesses a second for {plan.comp(line)}"
    number = plan.mark(span, about, hosts=(plan.address(source),), excess=rate)
    strike(
        plan,
        Strike.BRUTE,
        span,
        rate=rate,
        source=source,
        target=int(plan.row("line", line)["gateway"]),
        port=int(plan.row("line", line)["gateway_port"]),
        line=line,
        lines=1,
        incident=number,
    )
