"""Knight 2012: a reused flag wakes old code; child orders without end, one way.

On 2012-08-01 one of eight servers lacked the new code; 212 parent orders became more
than 4 million executions in about 45 minutes: 397 million shares, about 1,480
executions a second, a loss of more than 460 million dollars. (In 154 stocks: from
memory.) The fills were real, so the ratio of orders to trades was low. One source
diverges from its peers.
Source: SEC, order in the matter of Knight Capital Americas LLC, release 34-70694
(2013-10-16), introduction; the rate is ours, from it.
"""

from airnet.twin.disturb import EXECUTION, TAKER, fail, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm("children a second: 1480 to 15", "severe", 1000)


def prepare(plan: Plan) -> None:
    """Let an execution algorithm forget that its parents are filled."""
    line = pick(plan, EXECUTION, TAKER)
    agent = plan.row("agent", plan.agents_of(line)[0])
    agent["symbol"], agent["symbols"] = 0, plan.symbols
    rate = plan.easy(hardest=15.0, easiest=1480.0)
    span = (plan.start_ns + int(plan.duration_ns * 0.4), plan.end_ns)
    fail(plan, "knight", line, (span[0], span[1] - plan.duration_ns // 20), rate=rate)
