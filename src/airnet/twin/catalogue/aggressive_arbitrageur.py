"""An aggressive legitimate arbitrageur starts: many orders, few fills, no fault."""

from airnet.twin.cast import ARBITRAGE, session
from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("how many times a second it looks: 20 to 600", is_held_out=True)


def prepare(plan: Plan) -> None:
    """Let a session sweep followers whenever the leader moves."""
    line = session(plan, ARBITRAGE, len(set(plan.firms)), plan.gateways[0])
    start_ns = plan.start_ns + int(plan.duration_ns * 0.4)
    agent = plan.row("agent", plan.agents_of(line)[0])
    agent["start_ns"] = start_ns
    agent["rate"] = plan.easy(hardest=600.0, easiest=20.0)
    agent["threshold_ticks"] = 0.2
    agent["symbol"], agent["symbols"] = 0, plan.symbols
    plan.mark((start_ns, plan.end_ns), "an arbitrageur at work", lines=(line,))
