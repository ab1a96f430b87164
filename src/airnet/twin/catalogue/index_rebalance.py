"""Index rebalance: executions trade one way, in many symbols, on schedule."""

from airnet.twin.disturb import EXECUTION, lines_of, news
from airnet.twin.market import SECOND_NS
from airnet.twin.plan import Plan
from airnet.twin.spec import volatility

SPEC = volatility("how one-sided and how busy: 0.3 and 2 times, to 0.95 and 15 times")


def prepare(plan: Plan) -> None:
    """Let executions slice large parents at the same second boundaries."""
    span = plan.span(0.3, 0.5)
    excess = plan.easy(hardest=15.0, easiest=2.0)
    tilt = plan.easy(hardest=0.95, easiest=0.3) * float(plan.rng.choice([-1.0, 1.0]))
    news(plan, "rebalance", span, excess, tilt=tilt)
    for line in lines_of(plan, EXECUTION):
        for number in plan.agents_of(line):
            plan.row("agent", number)["period_ns"] = SECOND_NS
            plan.row("agent", number)["phase_ns"] = 0
    plan.mark(span, f"a rebalance, tilt {tilt:.2f}", excess=excess)
