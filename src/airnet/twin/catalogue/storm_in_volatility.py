"""Reconnect storm inside volatility: sessions fall while the market moves."""

from airnet.twin.disturb import burst, trouble
from airnet.twin.plan import Plan
from airnet.twin.rows_line import Trouble
from airnet.twin.spec import volatility

SPEC = volatility("how busy, and how many fall: 2 times and 0.1, to 20 and 0.8")


def prepare(plan: Plan) -> None:
    """Cut a share of the lines in the middle of a burst."""
    span = plan.span(0.3, 0.5)
    excess = plan.easy(hardest=20.0, easiest=2.0)
    burst(plan, span, excess)
    share = plan.easy(hardest=0.8, easiest=0.1)
    count = max(2, round(share * plan.count("line")))
    chosen = plan.rng.choice(plan.count("line"), min(count, plan.count("line")), False)
    at_ns = span[0] + (span[1] - span[0]) // 4
    lines = tuple(sorted(int(line) for line in chosen))
    trouble(plan, Trouble.CUT, lines, (at_ns, at_ns + 1_000_000))
    plan.mark((at_ns, span[1]), f"{len(lines)} sessions fall", excess=share)
