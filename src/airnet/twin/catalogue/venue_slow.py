"""A slow venue: each message takes many times as long to be served."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import news
from airnet.twin.plan import Plan
from airnet.twin.spec import watched

SPEC = watched(Cause.VENUE_FAULT, "how many times as long: 200 to 2")


def prepare(plan: Plan) -> None:
    """Slow the gateways down for a while."""
    span = plan.span(0.3, 0.45)
    factor = plan.easy(hardest=2.0, easiest=200.0)
    length = span[1] - span[0]
    news(plan, "slow", span, factor, hold_ns=length, rise_ns=plan.ramp_ns(span))
    plan.mark(span, f"service takes {factor:.1f} times as long", excess=factor)
