"""Quote stuffing: orders and cancels within fractions of a millisecond."""

from airnet.twin.disturb import ARBITRAGE, MAKER, fail, pick, symbol_of
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm("excess 50 to 1.5, lifetimes 0.1 ms to 20 ms", "moderate")


def prepare(plan: Plan) -> None:
    """Stuff one symbol from one session."""
    line = pick(plan, MAKER, ARBITRAGE)
    lifetime_ns = int(plan.easy(hardest=20e6, easiest=0.1e6))
    excess = plan.easy(hardest=1.5, easiest=50.0)
    fail(
        plan,
        "stuffing",
        line,
        plan.span(0.2, 0.4),
        excess=excess,
        lifetime_ns=lifetime_ns,
        symbol=symbol_of(plan, line),
    )
