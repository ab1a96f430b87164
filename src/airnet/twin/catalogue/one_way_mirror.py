"""One-way mirror: the frames of one direction are missing."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import impair
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Impairment
from airnet.twin.spec import watched

SPEC = watched(
    Cause.SENSOR_FAULT, "share of the time the direction is missing: 1 to 0.15"
)
PIECES = 4


def prepare(plan: Plan) -> None:
    """Miss a direction: all the time, or a while at a time."""
    span = plan.span(0.25, 0.45)
    direction = int(plan.rng.integers(2))
    side = ("client to venue", "venue to client")[direction]
    share = plan.easy(hardest=0.15, easiest=1.0)
    about = f"nothing from {side} is mirrored, {share * 100:.0f} % of the time"
    number = plan.mark(span, about, excess=share)
    each = (span[1] - span[0]) // PIECES
    for piece in range(PIECES):
        start_ns = span[0] + piece * each
        end_ns = start_ns + int(each * share)
        kind = Impairment.ONE_WAY
        impair(plan, kind, (start_ns, end_ns), direction=direction, incident=number)
