"""Market open: the call ends, everyone quotes everything and trades."""

from airnet.twin.disturb import news
from airnet.twin.market import SECOND_NS
from airnet.twin.plan import Plan
from airnet.twin.spec import volatility

SPEC = volatility("how many times the day's mean the first seconds are: 3 to 30")


def prepare(plan: Plan) -> None:
    """Let sessions log on before the bell, then open the market."""
    bell_ns = plan.start_ns + plan.duration_ns // 5
    shift = bell_ns - SECOND_NS - int(plan.row("venue", 0)["open_ns"])
    venue = plan.row("venue", 0)
    venue["open_ns"] += shift
    venue["close_ns"] += shift
    venue["call_ns"] = SECOND_NS
    for line in range(plan.count("line")):
        row = plan.row("line", line)
        before = int(plan.rng.uniform(0.2, 0.9) * (bell_ns - SECOND_NS - plan.start_ns))
        row["open_ns"] = plan.start_ns + before
        row["number_up"] = row["number_down"] = 0
    span = (bell_ns, min(plan.end_ns, bell_ns + plan.duration_ns // 2))
    excess = plan.easy(hardest=30.0, easiest=3.0)
    news(plan, "market", span, excess, rise_ns=5_000_000, volatility=2.0)
    plan.mark(span, f"the market opens, {excess:.1f} times as busy", excess=excess)
