"""Clock drift: the capture's clock runs fast, as in a long holdover."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import sensor_fault
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Impairment
from airnet.twin.spec import watched

SPEC = watched(
    Cause.SENSOR_FAULT, "how fast: 20 ms to 20 us a second", 5000, is_held_out=True
)


def prepare(plan: Plan) -> None:
    """Let the clock run away."""
    span = plan.span(0.25, 0.45)
    rate = plan.easy(hardest=2e4, easiest=2e7)
    about = f"the clock gains {rate / 1e3:.0f} us a second"
    sensor_fault(plan, Impairment.DRIFT, span, about, rate=rate, excess=rate / 1e3)
