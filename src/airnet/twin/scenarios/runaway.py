"""Runaway: one algorithm sends the same new order again and again."""

from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.faults import fail
from airnet.twin.scenario import Expectation, World

EXPECTATION = Expectation(
    cause=Cause.ALGO_FAULT,
    action=Action.THROTTLE_SESSION,
    tier_max=Tier.KILL_ALGO,
    within_ms=1000,
)


def prepare(world: World) -> None:
    """Let one session exceed its own rate 5 to 50 times."""
    world.populate()
    plan = world.pick("market_maker", "taker", "arbitrage")
    rate = max(plan.rate * (world.excess(5.0, 50.0) - 1.0), 60.0)
    fail(world, plan, "identical", rate, world.span(3.0, 8.0))
