"""Venue stall: the gateway answers late; nobody is to blame on our side."""

import msgspec

from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.market import SECOND_NS
from airnet.twin.scenario import Expectation, Label, World

EXPECTATION = Expectation(
    cause=Cause.VENUE_FAULT,
    action=Action.ALERT,
    tier_max=Tier.OBSERVE,
    within_ms=2000,
)


def prepare(world: World) -> None:
    """Let every answer take far longer for a while."""
    world.populate()
    onset_ns, offset_ns = world.span(1.0, 5.0)
    late_ns = world.excess(0.02, 0.4) * SECOND_NS
    factor = late_ns / world.manner.latency_ns
    for plan in world.sessions:
        plan.manner = msgspec.structs.replace(
            plan.manner, stalls=((onset_ns, offset_ns, factor),)
        )
    world.labels.append(
        Label(
            cause=Cause.VENUE_FAULT,
            onset_ns=onset_ns,
            offset_ns=offset_ns,
            hosts=tuple(server.host.ip for server in world.servers),
            action=Action.ALERT,
            about=f"answers take {late_ns / 1e6:.0f} ms",
        )
    )
