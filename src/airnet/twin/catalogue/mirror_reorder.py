"""Mirror reorder: two mirror paths; frames overtake each other."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import sensor_fault
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Impairment
from airnet.twin.spec import watched

SPEC = watched(Cause.SENSOR_FAULT, "share of frames that come late: 0.5 to 0.01", 4000)


def prepare(plan: Plan) -> None:
    """Let frames overtake."""
    span = plan.span(0.25, 0.45)
    rate = plan.easy(hardest=0.01, easiest=0.5)
    about = f"{rate * 100:.0f} % of frames come late"
    sensor_fault(
        plan, Impairment.REORDER, span, about, rate=rate, run_frames=4.0, excess=rate
    )
