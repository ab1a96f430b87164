"""Exfiltration: a trader's machine sends a lot to where it never sent."""

from airnet.domain.decision import TargetType
from airnet.twin import wiring
from airnet.twin.disturb import pick, strike
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import compromised

SPEC = compromised("bytes a second: 20 M to 20 k", "severe", TargetType.SOURCE, 3000)


def prepare(plan: Plan) -> None:
    """Carry data out of a machine that trades."""
    source = int(plan.row("line", pick(plan))["client"])
    outside = wiring.stranger(plan)
    span = plan.span(0.3, 0.45)
    rate = plan.easy(hardest=20e3, easiest=20e6)
    about = f"{rate / 1e3:.0f} kB a second to {plan.address(outside)}"
    number = plan.mark(span, about, hosts=(plan.address(source),), excess=rate)
    strike(
        plan,
        Strike.EXFILTRATE,
        span,
        rate=rate,
        source=source,
        target=outside,
        port=int(plan.rng.choice([443, 22, 8443])),
        incident=number,
    )
