"""Cast: draws the venue, its symbols, the firms and their agents into a Plan.

Which session does what is drawn from the seed and the domain alone, never from the
scenario: the same firms live through a quiet day and through an incident.
"""

from typing import Any

import numpy as np

from airnet.twin import wiring
from airnet.twin.balance import balance
from airnet.twin.market import SECOND_NS, stream
from airnet.twin.plan import NONE, TRADING_NS, Plan, within
from airnet.twin.rows_line import LineFlag

MAKER, TAKER, EXECUTION, ARBITRAGE, DROP_COPY = range(1, 6)
#: The fewest ticks a ladder has room for on either side of the value, and the most.
LEVELS = 4096
#: Relative, a root second: a usual stock's walk (30 % a year).
UNIT = 1e-4


def populate(plan: Plan) -> None:
    """Fill a Plan with a venue, symbols, firms, sessions, background and mirror."""
    rng = stream(plan.seed, "cast", plan.ranges.name)
    gateways = 1 + (plan.sessions > 60) + (rng.random() < 0.3)
    hosts = [wiring.host(plan, is_gateway=True) for _ in range(gateways)]
    _venue(plan, rng, gateways)
    _symbols(plan, rng)
    kinds = _roles(plan, rng)
    firms = max(2, round(plan.sessions / rng.uniform(1.2, 3.0)))
    for number, kind in enumerate(kinds):
        session(plan, kind, number % firms, hosts[int(rng.integers(gateways))])
    balance(plan)
    wiring.feed(plan, wiring.host(plan))
    clients = sorted({int(plan.row("line", n)["client"]) for n in range(len(kinds))})
    wiring.murmurs(plan, clients)
    wiring.mirror(plan)


def session(plan: Plan, kind: int, firm: int, gateway: int) -> int:
    """Add a session of a firm with its agent; return its line."""
    number = plan.count("line")
    rng = stream(plan.seed, "session", plan.ranges.name, number)
    name = f"FIRM{firm + 1:02d}"
    client = _desk(plan, rng, name)
    comp = f"{name}{('A', '_MM', '-')[number % 3]}{number}"
    line = wiring.line(plan, client, gateway, comp)
    plan.firms.append(name)
    if kind == DROP_COPY:
        plan.row("line", line)["flags"] |= int(LineFlag.DROP_COPY)
    AGENTS[kind](plan, rng, {"line": line, "firm": firm, "kind": kind})
    agent = plan.row("agent", plan.count("agent") - 1)
    agent["gateway"] = plan.gateways.index(gateway)
    agent["cancels_on_loss"] = rng.random() < 0.8
    return line


def _desk(plan: Plan, rng: np.random.Generator, firm: str) -> int:
    """Return a machine for a firm's next session: one it has, or a new one."""
    own = [
        int(plan.row("line", line)["client"])
        for line, name in enumerate(plan.firms)
        if name == firm and line not in plan.strangers
    ]
    if own and rng.random() < 0.5:
        return own[int(rng.integers(len(own)))]
    return wiring.host(plan)


def _roles(plan: Plan, rng: np.random.Generator) -> list[int]:
    """Return the kinds of the sessions; never a market without makers and takers."""
    around = np.array(plan.ranges.roles) * plan.ranges.concentration
    shares = rng.dirichlet(around)
    drawn = rng.choice(np.arange(1, 6), plan.sessions, p=shares)
    kinds: list[int] = [int(kind) for kind in drawn]
    least = max(2, plan.sessions // 8)
    kinds[: 2 * least] = [MAKER, TAKER] * least
    if DROP_COPY not in kinds and plan.sessions >= 6:
        kinds[-1] = DROP_COPY
    rng.shuffle(kinds)  # a session's number must not tell what it is
    return kinds


def _venue(plan: Plan, rng: np.random.Generator, gateways: int) -> None:
    plan.add(
        "venue",
        open_ns=plan.open_ns,
        close_ns=plan.open_ns + TRADING_NS,
        service_ns=int(within(rng, plan.ranges.exchange_ns) * 0.3),
        call_ns=60 * SECOND_NS,
        slow_ns=int(within(rng, (20.0, 60.0)) * SECOND_NS),
        service_sigma=float(rng.uniform(0.2, 0.6)),
        slow_sigma=float(rng.uniform(0.6, 0.9)),
        day_amplitude=float(rng.uniform(0.8, 2.5)),
        factor_volatility=float(UNIT * rng.uniform(*plan.ranges.factor)),
        move_share=float(rng.uniform(0.2, 0.6)),
        gateways=gateways,
        queue_limit=4096,
        orders=1 << 19,
    )


def _symbols(plan: Plan, rng: np.random.Generator) -> None:
    tick = int(rng.choice(plan.ranges.ticks))
    lot = int(rng.choice(plan.ranges.lots))
    weights = 1.0 / np.arange(1, plan.symbols + 1) ** float(rng.uniform(0.5, 1.0))
    weights *= plan.symbols / weights.sum()
    for number in range(plan.symbols):
        value = int(within(rng, (1_500.0, 15_000.0)))
        walk = within(rng, (0.15, 0.6)) * tick / value  # ticks a root second
        follows = number > 0 and rng.random() < 0.5
        plan.add(
            "symbol",
            price=value - value % tick,
            decay_ns=int(within(rng, (0.05, 2.0)) * SECOND_NS),
            volatility=walk,
            beta=float(rng.uniform(0.5, 1.5) * walk / UNIT),
            move_rate=float(min(20.0, 4.0 * weights[number]) * rng.uniform(0.7, 1.3)),
            impact=within(rng, (0.01, 0.06)),
            transient=within(rng, (0.05, 0.3)),
            size_alpha=float(rng.uniform(*plan.ranges.size_alpha)),
            activity=float(weights[number]),
            lag_ns=int(within(rng, (50e3, 3e6))) if follows else 0,
            tick=tick,
            levels=LEVELS,
            lot=lot,
            size=max(lot, int(within(rng, (100.0, 800.0))) // lot * lot),
            leader=0 if follows else NONE,
            band_ticks=LEVELS // 4,
        )


def _some(
    plan: Plan, rng: np.random.Generator, most: int, least: int = 1
) -> dict[str, Any]:
    """Return the block of neighbouring symbols an agent trades."""
    most = min(most, plan.symbols)
    count = int(rng.integers(min(least, most), most + 1))
    first = int(rng.integers(plan.symbols - count + 1))
    return {"symbol": first, "symbols": count}


def _excitement(plan: Plan, rng: np.random.Generator) -> dict[str, Any]:
    """Return two Hawkes kernels: 50 to 5000 a second, and 1 to 50."""
    branching = float(rng.uniform(*plan.ranges.branching))
    fast = branching * float(rng.uniform(0.4, 0.7))
    return {
        "n1": fast,
        "beta1": within(rng, (50.0, 5000.0)),
        "n2": branching - fast,
        "beta2": within(rng, (1.0, 50.0)),
        "self_share": float(rng.uniform(0.3, 0.7)),
        "symbol_share": float(rng.uniform(0.2, 0.7)),
        "memory": float(rng.uniform(0.5, 0.8)),
    }


def _fleeting(
    rng: np.random.Generator, share: float, often: tuple[float, float]
) -> dict[str, Any]:
    """Return how often an agent's looks make fleeting orders: a share of agents do."""
    does = rng.random() < share
    looks = float(rng.uniform(*often))
    life_ns = int(within(rng, (0.3e6, 8e6)))
    return {"fleeting_share": looks if does else 0.0, "fleeting_ns": life_ns}


def is_maker(plan: Plan, agent: int) -> bool:
    """Say whether an agent makes a market."""
    return int(plan.row("agent", agent)["kind"]) == MAKER


def _maker(plan: Plan, rng: np.random.Generator, who: dict[str, Any]) -> None:
    least, most = plan.ranges.covered
    covered = _some(plan, rng, most, least=least)
    makers = [n for n in range(plan.count("agent")) if is_maker(plan, n)]
    if len(makers) < 2:  # somebody quotes everything
        covered = {"symbol": 0, "symbols": plan.symbols}
    plan.add(
        "agent",
        **who,
        **covered,
        reaction_ns=int(within(rng, plan.ranges.reaction_ns)),
        reaction_sigma=float(rng.uniform(0.4, 1.2)),
        rate=within(rng, (0.2, 1.0)),
        news=float(rng.uniform(0.6, 1.2)),
        spread_ticks=float(rng.uniform(1.0, 3.0)),
        step_ticks=float(rng.uniform(1.0, 3.0)),
        threshold_ticks=float(rng.uniform(0.7, 2.0)),
        threshold_growth=float(rng.uniform(1.2, 1.6)),
        size=float(rng.uniform(0.5, 2.0)),
        skew_ticks=float(rng.uniform(0.5, 3.0)),
        replace_share=float(rng.choice([0.0, 0.3, 1.0])),
        position=int(rng.integers(20, 100)),
        levels=int(rng.integers(plan.ranges.levels[0], plan.ranges.levels[1] + 1)),
        **_fleeting(rng, 0.65, (0.2, 0.8)),
    )


def _taker(plan: Plan, rng: np.random.Generator, who: dict[str, Any]) -> None:
    plan.add(
        "agent",
        **who,
        **_some(plan, rng, 40),
        **_excitement(plan, rng),
        reaction_ns=int(within(rng, (20e3, 3e6))),
        patience_ns=int(within(rng, (0.5, 20.0)) * SECOND_NS),
        reaction_sigma=float(rng.uniform(0.3, 1.0)),
        rate=within(rng, (0.08, 0.5)),
        news=float(rng.uniform(0.6, 1.3)),
        size=float(rng.uniform(0.3, 1.5)),
        rest_share=float(rng.uniform(0.5, 0.9)),
        market_share=float(rng.uniform(0.0, 0.4)),
        fill_share=float(rng.uniform(0.0, 0.2)),
        position=int(rng.integers(50, 500)),
    )


def _execution(plan: Plan, rng: np.random.Generator, who: dict[str, Any]) -> None:
    periodic = rng.random() < 0.5
    plan.add(
        "agent",
        **who,
        **_some(plan, rng, 20),
        reaction_ns=int(within(rng, (50e3, 5e6))),
        reaction_sigma=float(rng.uniform(0.3, 0.8)),
        patience_ns=int(within(rng, (0.3, 4.0)) * SECOND_NS),
        horizon_ns=int(within(rng, (3.0, 30.0)) * SECOND_NS),
        period_ns=int(rng.choice([250_000_000, SECOND_NS])) if periodic else 0,
        phase_ns=int(rng.integers(1, 2_000_000)) if periodic else 0,
        rate=within(rng, (0.05, 0.4)),
        news=float(rng.uniform(0.2, 0.8)),
        size=float(rng.uniform(2.0, 20.0)),
        slices=int(rng.integers(5, 40)),
        chases=int(rng.integers(1, 6)),
        position=10_000,
    )


def _arbitrage(plan: Plan, rng: np.random.Generator, who: dict[str, Any]) -> None:
    plan.add(
        "agent",
        **who,
        **_some(plan, rng, 30),
        reaction_ns=int(within(rng, (3e3, 60e3))),
        reaction_sigma=float(rng.uniform(0.2, 0.6)),
        rate=within(rng, (3.0, 25.0)),
        news=float(rng.uniform(0.8, 1.4)),
        threshold_ticks=float(rng.uniform(0.3, 1.3)),
        size=float(rng.uniform(0.3, 1.2)),
        position=int(rng.integers(20, 200)),
        **_fleeting(rng, 0.8, (0.3, 1.0)),
    )


def _drop_copy(plan: Plan, _: np.random.Generator, who: dict[str, Any]) -> None:
    plan.add("agent", **who, symbols=plan.symbols)


AGENTS = {
    MAKER: _maker,
    TAKER: _taker,
    EXECUTION: _execution,
    ARBITRAGE: _arbitrage,
    DROP_COPY: _drop_copy,
}
