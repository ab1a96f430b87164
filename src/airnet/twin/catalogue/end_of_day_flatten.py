"""End-of-day flatten: makers stop and cancel all, takers trade one way."""

from airnet.twin.disturb import MAKER, lines_of, news
from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("share of the makers that leave together: 0.1 to 0.7")


def prepare(plan: Plan) -> None:
    """Let a share of the makers end their day within a second."""
    span = plan.span(0.3, 0.5)
    share = plan.easy(hardest=0.7, easiest=0.1)
    makers = lines_of(plan, MAKER)
    leaving = tuple(makers[1 : 1 + max(1, round(share * len(makers)))])
    for line in leaving:
        for number in plan.agents_of(line):
            end_ns = span[0] + int(plan.rng.uniform(0, 1e9))
            plan.row("agent", number)["end_ns"] = end_ns
    news(plan, "rebalance", span, 1.5, tilt=float(plan.rng.choice([-0.6, 0.6])))
    plan.mark(span, f"{len(leaving)} makers end their day", lines=leaving)
