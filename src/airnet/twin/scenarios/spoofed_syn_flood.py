"""Spoofed SYN flood: sources are made up, some borrowed from the firms."""

from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.floods import Flood, flood
from airnet.twin.scenario import Expectation, World

EXPECTATION = Expectation(
    cause=Cause.FLOOD,
    action=Action.RATE_LIMIT_SOURCES,
    tier_max=Tier.PROTECT,
    within_ms=1000,
)


def prepare(world: World) -> None:
    """Flood a gateway from everywhere; the firms' own hosts seem to take part."""
    world.populate()
    flood(
        world,
        Flood(
            kind="syn",
            source=world.stranger(),
            server=world.servers[0],
            span=world.span(2.0, 6.0),
            rate=world.params.flood_pps or world.excess(400.0, 8000.0),
            spoof=0.9,
            borrow=float(world.rng.uniform(0.02, 0.1)),
            answers=0.5,
        ),
    )
