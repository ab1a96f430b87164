"""Mirror loss: the mirror loses frames, in bursts."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import sensor_fault
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Impairment
from airnet.twin.spec import watched

SPEC = watched(Cause.SENSOR_FAULT, "share of frames lost: 0.3 to 0.003")


def prepare(plan: Plan) -> None:
    """Lose frames."""
    span = plan.span(0.25, 0.45)
    rate = plan.easy(hardest=0.003, easiest=0.3)
    run = float(plan.rng.choice([1.0, 8.0, 60.0]))
    about = f"{rate * 100:.1f} % of frames are lost, {run:.0f} at a time"
    sensor_fault(
        plan, Impairment.LOSS, span, about, rate=rate, run_frames=run, excess=rate
    )
