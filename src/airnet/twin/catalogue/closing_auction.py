"""Closing auction: a rush before the bell, a call phase, then silence."""

from airnet.twin.disturb import news
from airnet.twin.market import SECOND_NS
from airnet.twin.plan import Plan
from airnet.twin.spec import volatility

SPEC = volatility("how many times busier the last seconds are: 2 to 25")


def prepare(plan: Plan) -> None:
    """Rush into the call phase at the end of the day, and close."""
    venue = plan.row("venue", 0)
    call_ns = plan.start_ns + int(plan.duration_ns * 0.6)
    close_ns = plan.start_ns + int(plan.duration_ns * 0.85)
    venue["close_ns"] = close_ns
    venue["call_ns"] = min(close_ns - call_ns, 60 * SECOND_NS)
    span = (plan.start_ns + plan.duration_ns // 3, close_ns)
    excess = plan.easy(hardest=25.0, easiest=2.0)
    tilt = float(plan.rng.uniform(-0.5, 0.5))
    news(plan, "market", span, excess, rise_ns=(span[1] - span[0]) // 3, tilt=tilt)
    plan.mark(span, f"the close, {excess:.1f} times as busy", excess=excess)
