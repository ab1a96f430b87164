"""Runaway in volatility: everyone is busy, one of them for no reason."""

from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.faults import fail
from airnet.twin.market import Burst
from airnet.twin.scenario import Expectation, World

EXPECTATION = Expectation(
    cause=Cause.ALGO_FAULT,
    action=Action.THROTTLE_SESSION,
    tier_max=Tier.KILL_ALGO,
    within_ms=1000,
)


def prepare(world: World) -> None:
    """Let one session run away while the market is busy."""
    world.populate()
    onset_ns, offset_ns = world.span(3.0, 8.0)
    early_ns = int(world.rng.uniform(0.2e9, 1.5e9))
    world.burst(
        Burst(
            onset_ns=max(0, onset_ns - world.start_ns - early_ns),
            ramp_ns=int(world.rng.uniform(0.05e9, 0.5e9)),
            hold_ns=offset_ns - onset_ns,
            decay_ns=(offset_ns - onset_ns) // 3,
            factor=float(world.rng.uniform(2.0, 6.0)),
        ),
        Cause.VOLATILITY,
        "market-wide burst around a runaway",
    )
    plan = world.pick("market_maker", "taker", "arbitrage")
    rate = max(plan.rate * (world.excess(8.0, 60.0) - 1.0), 100.0)
    fail(world, plan, "identical", rate, (onset_ns, offset_ns))
