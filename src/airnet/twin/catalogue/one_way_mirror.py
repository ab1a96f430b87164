"""One-way mirror: the frames of one direction are missing."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import sensor_fault
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Impairment
from airnet.twin.spec import watched

SPEC = watched(Cause.SENSOR_FAULT, "always the whole direction; the ramp is none")


def prepare(plan: Plan) -> None:
    """Miss a direction."""
    span = plan.span(0.25, 0.45)
    direction = int(plan.rng.integers(2))
    side = ("client to venue", "venue to client")[direction]
    about = f"nothing from {side} is mirrored"
    sensor_fault(plan, Impairment.ONE_WAY, span, about, direction=direction)
