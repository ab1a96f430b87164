"""Everbright 2013: an arbitrage engine retries within milliseconds.

On 2013-08-16 a fault in an arbitrage system sent 26,082 orders, worth 23.4 billion
yuan, of which 7.27 billion traded; the index rose by nearly 6 % within two minutes.
(That the orders were made within two seconds: from memory; the press said minutes.)
Source: China Securities Regulatory Commission, statement of 2013-08-18, and the
firm's, as reported by Xinhua and China Daily (2013-08-23).
"""

from airnet.twin.disturb import ARBITRAGE, fail, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm(
    "orders a second for two seconds: 13000 to 130", "severe", 500, is_held_out=True
)


def prepare(plan: Plan) -> None:
    """Let a retry loop burst, all on the buying side."""
    line = pick(plan, ARBITRAGE)
    agent = plan.row("agent", plan.agents_of(line)[0])
    agent["symbol"], agent["symbols"] = 0, plan.symbols
    rate = plan.easy(hardest=130.0, easiest=13_000.0)
    onset, _ = plan.span(0.2, 0.3)
    span = (onset, min(onset + 2_000_000_000, plan.end_ns))
    fail(plan, "retry_burst", line, span, rate=rate, side=ord("1"))
