"""Logon flood: an unknown host logs on again and again, well-formed."""

from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.floods import LogonFlood, label
from airnet.twin.scenario import Expectation, World

EXPECTATION = Expectation(
    cause=Cause.FLOOD,
    action=Action.DROP_SOURCES,
    tier_max=Tier.PROTECT,
    within_ms=1000,
)


def prepare(world: World) -> None:
    """Let a stranger try one CompID after the other."""
    world.populate()
    source, span = world.stranger(), world.span(2.0, 6.0)
    rate = world.params.flood_pps / 8 or world.excess(40.0, 400.0)
    world.disturbances.append(
        LogonFlood(source=source, server=world.servers[0], span=span, rate=rate)
    )
    label(world, span, (source.ip,), f"{rate:.0f} refused logons a second")
