"""Quiet: an ordinary minute of an ordinary day; nothing happens."""

from airnet.twin.disturb import news
from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("how busy the day is all along: as ever, to twice that")


def prepare(plan: Plan) -> None:
    """Leave everything as it is, on a busier day or a calmer one."""
    span = (plan.start_ns, plan.end_ns)
    busy = plan.easy(hardest=2.0, easiest=1.0)
    news(plan, "regime", span, busy, rise_ns=0, hold_ns=plan.duration_ns)
    plan.mark(span, "nothing happens", excess=busy)
