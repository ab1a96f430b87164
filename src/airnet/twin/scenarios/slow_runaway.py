"""Slow runaway: one algorithm sends two or three times what it should."""

from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.faults import fail
from airnet.twin.scenario import Expectation, World

EXPECTATION = Expectation(
    cause=Cause.ALGO_FAULT,
    action=Action.THROTTLE_SESSION,
    tier_max=Tier.KILL_ALGO,
    within_ms=5000,
)


def prepare(world: World) -> None:
    """Let one session exceed its own rate a little."""
    world.populate()
    plan = world.pick("market_maker", "taker", "arbitrage")
    rate = max(plan.rate * (world.excess(2.0, 3.0) - 1.0), 5.0)
    fail(world, plan, "identical", rate, world.span(3.0, 8.0))
