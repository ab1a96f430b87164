"""UDP flood: datagrams at the gateway's address."""

from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.floods import Flood, flood
from airnet.twin.scenario import Expectation, World

EXPECTATION = Expectation(
    cause=Cause.FLOOD,
    action=Action.DROP_SOURCES,
    tier_max=Tier.PROTECT,
    within_ms=1000,
)


def prepare(world: World) -> None:
    """Flood a gateway with datagrams; few are answered."""
    world.populate()
    flood(
        world,
        Flood(
            kind="udp",
            source=world.stranger(),
            server=world.servers[0],
            span=world.span(2.0, 6.0),
            rate=world.params.flood_pps or world.excess(400.0, 8000.0),
            answers=0.01,
        ),
    )
