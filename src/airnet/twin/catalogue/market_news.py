"""Market-wide news: every session and every book speeds up together."""

from airnet.twin.disturb import news
from airnet.twin.plan import Plan
from airnet.twin.spec import volatility

SPEC = volatility("how many times busier the market gets: 2 to 25")


def prepare(plan: Plan) -> None:
    """Let a number come out that moves everything."""
    span = plan.span(0.25, 0.5)
    excess = plan.easy(hardest=25.0, easiest=2.0)
    news(
        plan,
        "market",
        span,
        excess,
        rise_ns=int(plan.rng.uniform(1e6, 2e8)),
        jump=float(plan.rng.uniform(-1.0, 1.0)) * plan.easy(0.004, 0.0002),
        volatility=float(plan.rng.uniform(1.5, 4.0)),
    )
    plan.mark(span, f"news for all, {excess:.1f} times as busy", excess=excess)
