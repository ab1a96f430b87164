"""Beacon: a machine calls the same stranger on a timer with some jitter."""

from airnet.domain.decision import TargetType
from airnet.twin import wiring
from airnet.twin.disturb import pick, strike
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import compromised

SPEC = compromised(
    "calls each 0.1 s to 3 s, with jitter 0 to 0.6",
    "mild",
    TargetType.SOURCE,
    8000,
    is_held_out=True,
)


def prepare(plan: Plan) -> None:
    """Let a trader's machine call home."""
    source = int(plan.row("line", pick(plan))["client"])
    outside = wiring.stranger(plan)
    span = plan.span(0.4, 0.48)
    period_s = plan.easy(hardest=3.0, easiest=0.1)
    about = f"calls {plan.address(outside)} each {period_s:.1f} s"
    number = plan.mark(span, about, hosts=(plan.address(source),), excess=1 / period_s)
    strike(
        plan,
        Strike.BEACON,
        span,
        rate=1.0 / period_s,
        jitter=0.6 * plan.difficulty,
        ramp_ns=0,
        source=source,
        target=outside,
        port=443,
        bytes_min=60,
        bytes_max=400,
        incident=number,
    )
