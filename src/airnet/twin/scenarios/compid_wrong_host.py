"""CompID from the wrong host: a firm's name, a stranger's machine."""

from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.faults import impersonate
from airnet.twin.scenario import Expectation, World

EXPECTATION = Expectation(
    cause=Cause.COMPROMISE,
    action=Action.ISOLATE_SESSION,
    tier_max=Tier.ISOLATE_HOST,
    within_ms=2000,
)


def prepare(world: World) -> None:
    """Let a known CompID log on from elsewhere and trade."""
    world.populate()
    plan = world.pick("taker", "market_maker")
    others = [host for host in world.hosts if host.ip != plan.host.ip]
    inside = bool(others) and world.rng.random() < 0.5
    host = others[int(world.rng.integers(len(others)))] if inside else world.stranger()
    impersonate(world, plan, host, world.span(4.0, 8.0))
