"""Scan: one machine tries the ports of all others."""

from airnet.domain.decision import TargetType
from airnet.twin import wiring
from airnet.twin.disturb import strike
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import compromised

SPEC = compromised("probes a second: 3000 to 20", "moderate", TargetType.SOURCE)


def prepare(plan: Plan) -> None:
    """Let a stranger, or a firm's machine, look around."""
    inside = plan.rng.random() < 0.5
    targets = plan.count("host")
    source = int(plan.rng.integers(targets)) if inside else wiring.stranger(plan)
    while inside and plan.row("host", source)["is_gateway"]:
        source = int(plan.rng.integers(targets))
    span = plan.span(0.3, 0.45)
    rate = plan.easy(hardest=20.0, easiest=3000.0)
    about = f"{rate:.1f} probes a second"
    number = plan.mark(span, about, hosts=(plan.address(source),), excess=rate)
    strike(
        plan,
        Strike.SCAN,
        span,
        rate=rate,
        source=source,
        target=0,
        targets=targets,
        incident=number,
    )
