"""Clock step: the capture's clock jumps, and jumps back."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import sensor_fault
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Impairment
from airnet.twin.spec import watched

SPEC = watched(Cause.SENSOR_FAULT, "how far: 2 s to 0.2 ms, forward or back")


def prepare(plan: Plan) -> None:
    """Step the clock."""
    span = plan.span(0.25, 0.45)
    sign = float(plan.rng.choice([-1.0, 1.0]))
    step = int(sign * plan.easy(hardest=2e5, easiest=2e9))
    about = f"the clock is {step / 1e6:.1f} ms off"
    excess = abs(step) / 1e6
    sensor_fault(plan, Impairment.STEP, span, about, amount_ns=step, excess=excess)
