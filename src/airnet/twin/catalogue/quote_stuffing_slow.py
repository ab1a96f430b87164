"""Quote stuffing, slow and low: it stays below every rate, but never trades."""

from airnet.twin.disturb import MAKER, busiest, fail
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm(
    "excess 4 to 1.1, lifetimes 5 ms to 500 ms", "mild", 6000, is_held_out=True
)


def prepare(plan: Plan) -> None:
    """Stuff through a busy maker, at a rate like its own."""
    line = busiest(plan, MAKER)
    lifetime_ns = int(plan.easy(hardest=500e6, easiest=5e6))
    excess = plan.easy(hardest=1.1, easiest=4.0)
    span = plan.span(0.35, 0.45)
    fail(plan, "stuffing_slow", line, span, excess=excess, lifetime_ns=lifetime_ns)
