"""Market open: everyone logs on, quotes everything, and trades far above the mean."""

import msgspec

from airnet.domain.verdict import Cause
from airnet.twin.faults import requote
from airnet.twin.market import SECOND_NS, Burst
from airnet.twin.scenario import Expectation, World

EXPECTATION = Expectation(cause=Cause.VOLATILITY)


def prepare(world: World) -> None:
    """Let sessions log on through the first seconds, then open the market."""
    world.populate()
    rng = world.rng
    open_ns = world.start_ns + int(min(0.15 * world.params.duration_s, 3.0) * SECOND_NS)
    for plan in world.sessions:
        early = int(rng.uniform(0.05, 1.0) * (open_ns - world.start_ns))
        first = msgspec.structs.replace(plan.connections[0], open_ns=open_ns - early)
        plan.connections[0] = first
        if plan.kind == "market_maker":
            requote(world, plan, [open_ns + int(rng.uniform(0.0, 30e6))])
    world.burst(
        Burst(
            onset_ns=open_ns - world.start_ns,
            ramp_ns=5_000_000,
            hold_ns=int(rng.uniform(0.2e9, 1.0e9)),
            decay_ns=int(rng.uniform(0.08, 0.25) * world.duration_ns),
            factor=world.excess(5.0, 15.0),
        ),
        Cause.VOLATILITY,
        "the market opens",
    )
