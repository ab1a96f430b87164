"""Demo: the scenes of the lab: quiet, volatility, a runaway, a SYN flood, and quiet."""

import msgspec

from airnet.config import SessionKind
from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.dialect import lab
from airnet.twin.faults import fail
from airnet.twin.floods import Flood, flood
from airnet.twin.line import Connection, Manner
from airnet.twin.market import SECOND_NS, Burst
from airnet.twin.scenario import Expectation, Params, Server, World

EXPECTATION = Expectation(
    cause=Cause.ALGO_FAULT,
    action=Action.THROTTLE_SESSION,
    tier_max=Tier.KILL_ALGO,
    within_ms=1000,
)
PARAMS = Params(duration_s=50.0, sessions=6, symbols=8, background=0.3, split=0.0)

#: Seconds of each scene: from, to.
VOLATILITY, RUNAWAY, FLOOD = (9.0, 16.0), (23.0, 29.0), (38.0, 42.0)
KINDS: tuple[SessionKind, ...] = (
    "market_maker",
    "taker",
    "market_maker",
    "execution",
    "taker",
    "arbitrage",
)


def prepare(world: World) -> None:
    """Let six sessions of three firms live through the scenes."""
    world.net = "10.20"
    world.servers.append(
        Server(host=world.new_host("10.20.0.10"), port=9878, comp="VENUE")
    )
    # What QuickFIX answers within, called from Python on two cores.
    world.manner = Manner(latency_ns=1_300_000, spread=0.5, coalesce_ns=0)
    for number, kind in enumerate(KINDS):
        firm = ("ALPHA", "BRAVO", "CHARLIE")[number // 2]
        plan = world.add_session(firm, kind, float(world.rng.uniform(10.0, 20.0)))
        plan.comp = f"{firm}{number % 2 + 1}"
        plan.dialect = lab()
        plan.period_ns = 0
        plan.pace = msgspec.structs.replace(plan.pace, response=1.0)
        plan.connections = [
            Connection(
                open_ns=world.start_ns + 100_000_000 + number * 30_000_000,
                close_ns=world.end_ns,
                client_port=world.new_port(),
            )
        ]
    _scenes(world)


def _scenes(world: World) -> None:
    """Add the three disturbances."""
    since, until = (int(second * SECOND_NS) for second in VOLATILITY)
    world.burst(
        Burst(
            onset_ns=since,
            ramp_ns=300_000_000,
            hold_ns=until - since - 2 * SECOND_NS,
            decay_ns=500_000_000,
            factor=6.0,
        ),
        Cause.VOLATILITY,
        "all sessions speed up together",
    )
    span = (_at(world, RUNAWAY[0]), _at(world, RUNAWAY[1]))
    fail(world, world.sessions[1], "identical", 420.0, span)
    span = (_at(world, FLOOD[0]), _at(world, FLOOD[1]))
    attack = Flood(
        kind="syn",
        source=world.new_host("10.20.66.66"),
        server=world.servers[0],
        span=span,
        rate=4000.0,
    )
    flood(world, attack)


def _at(world: World, second: float) -> int:
    return world.start_ns + int(second * SECOND_NS)
