"""Mirror duplicates: frames are mirrored on both switches and come twice."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import sensor_fault
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Impairment
from airnet.twin.spec import watched

SPEC = watched(Cause.SENSOR_FAULT, "share of frames that come twice: 1 to 0.02")


def prepare(plan: Plan) -> None:
    """Write frames twice."""
    span = plan.span(0.25, 0.45)
    rate = plan.easy(hardest=0.02, easiest=1.0)
    about = f"{rate * 100:.0f} % of frames come twice"
    sensor_fault(plan, Impairment.DUPLICATE, span, about, rate=rate, excess=rate)
