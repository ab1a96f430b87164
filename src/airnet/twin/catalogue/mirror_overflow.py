"""Mirror overflow: both directions share one port, and a busy market overflows it."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import burst, sensor_fault
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Impairment
from airnet.twin.spec import watched

SPEC = watched(
    Cause.SENSOR_FAULT,
    "bytes a second the port passes: 0.2 M to 8 M",
    3000,
    is_held_out=True,
)


def prepare(plan: Plan) -> None:
    """Lose frames just when the market is busy."""
    span = plan.span(0.3, 0.45)
    burst(plan, span, plan.easy(hardest=4.0, easiest=15.0))
    rate = plan.easy(hardest=8e6, easiest=0.2e6)
    about = f"the mirror port passes {rate / 1e6:.1f} MB a second"
    sensor_fault(plan, Impairment.OVERFLOW, span, about, rate=rate, amount_ns=2_000_000)
