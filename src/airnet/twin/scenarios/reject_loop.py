"""Reject loop: every order is refused, and sent again."""

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
    """Let one session ignore that it is refused."""
    world.populate()
    plan = world.pick("market_maker", "taker", "arbitrage")
    rate = max(plan.rate * (world.excess(3.0, 30.0) - 1.0), 30.0)
    fail(world, plan, "rejects", rate, world.span(3.0, 8.0))
