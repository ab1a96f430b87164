"""Leader move: the leading symbol jumps and arbitrageurs sweep its followers."""

from airnet.twin.disturb import news
from airnet.twin.plan import Plan
from airnet.twin.spec import volatility

SPEC = volatility("how far the leader jumps: 0.1 % to 3 %, several times")


def prepare(plan: Plan) -> None:
    """Jump the leader a few times in a row."""
    span = plan.span(0.3, 0.5)
    jump = plan.easy(hardest=0.03, easiest=0.001)
    times = sorted(plan.rng.integers(span[0], span[1], int(plan.rng.integers(3, 9))))
    for start_ns in times:
        sign = float(plan.rng.choice([-1.0, 1.0]))
        brief = (int(start_ns), int(start_ns) + plan.duration_ns // 20)
        news(plan, "single", brief, 2.0, symbol=0, jump=sign * jump, rise_ns=1_000_000)
    plan.mark(span, f"the leader jumps {len(times)} times by {jump * 100:.2f} %")
