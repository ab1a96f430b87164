"""Balance: how much a cast quotes and takes, so that its market is like a market.

Agents are drawn one by one and know nothing of each other; a venue of many makers and
few takers would quote 80 times a trade, another 8 times. Here the makers' depth and
the takers' rates are set to what `airnet twin realism` measures to be right.
"""

from airnet.twin.plan import Plan

MAKER, TAKER = 1, 2
#: Quotes a symbol that give bursts of the size real feeds have.
QUOTES_A_SYMBOL = 300.0
#: Quotes for one trade a second: with them about 33 orders are sent for a trade.
QUOTES_A_TRADE = 1000.0
LEVELS_MIN, LEVELS_MAX = 3, 16


def quotes(plan: Plan) -> int:
    """Return how many quotes the makers of a Plan hold."""
    agents = [plan.row("agent", number) for number in range(plan.count("agent"))]
    return sum(
        2 * int(agent["levels"]) * int(agent["symbols"])
        for agent in agents
        if agent["kind"] == MAKER
    )


def balance(plan: Plan) -> None:
    """Set the makers' levels and the takers' rates in proportion to each other."""
    agents = [plan.row("agent", number) for number in range(plan.count("agent"))]
    wanted = QUOTES_A_SYMBOL * plan.symbols / max(1, quotes(plan))
    factor = min(2.0, max(0.5, wanted))
    for agent in agents:
        if agent["kind"] == MAKER:
            levels = round(int(agent["levels"]) * factor)
            agent["levels"] = min(LEVELS_MAX, max(LEVELS_MIN, levels))
    takers = [agent for agent in agents if agent["kind"] == TAKER]
    trades = sum(
        float(agent["rate"])
        / (1.0 - float(agent["n1"]) - float(agent["n2"]))
        * (1.0 - float(agent["rest_share"]))
        for agent in takers
    )
    for agent in takers:
        agent["rate"] *= quotes(plan) / QUOTES_A_TRADE / max(trades, 1e-9)
