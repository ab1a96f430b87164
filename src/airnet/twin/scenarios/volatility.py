"""Volatility: the whole market speeds up together, then calms down: no action."""

from airnet.domain.verdict import Cause
from airnet.twin.market import Burst
from airnet.twin.scenario import Expectation, World

EXPECTATION = Expectation(cause=Cause.VOLATILITY)


def prepare(world: World) -> None:
    """Let everyone's rate rise 2 to 12 times within a moment."""
    world.populate()
    onset_ns, offset_ns = world.span(3.0, 8.0)
    world.burst(
        Burst(
            onset_ns=onset_ns - world.start_ns,
            ramp_ns=int(world.rng.uniform(0.02e9, 1.5e9)),
            hold_ns=(offset_ns - onset_ns) // 3,
            decay_ns=(offset_ns - onset_ns) // 4,
            factor=world.excess(2.0, 12.0),
        ),
        Cause.VOLATILITY,
        "market-wide burst",
    )
