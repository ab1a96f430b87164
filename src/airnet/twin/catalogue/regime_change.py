"""A legitimate regime change: from one second on, everything is different."""

from airnet.twin.disturb import news
from airnet.twin.plan import Plan
from airnet.twin.spec import volatility

SPEC = volatility("how different: 1.5 to 8 times, for good")


def prepare(plan: Plan) -> None:
    """Change activity and volatility and never go back."""
    span = (plan.start_ns + int(plan.duration_ns * 0.4), plan.end_ns)
    excess = plan.easy(hardest=8.0, easiest=1.5)
    news(plan, "regime", span, excess, volatility=excess**0.5, hold_ns=plan.duration_ns)
    plan.mark(span, f"{excess:.1f} times as busy from now on", excess=excess)
