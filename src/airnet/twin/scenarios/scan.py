"""Scan: one host tries the ports of all others."""

from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.floods import Scan, label
from airnet.twin.scenario import Expectation, World

EXPECTATION = Expectation(
    cause=Cause.COMPROMISE,
    action=Action.DROP_SOURCES,
    tier_max=Tier.PROTECT,
    within_ms=1000,
)


def prepare(world: World) -> None:
    """Let a stranger, or a firm's host, look around."""
    world.populate()
    rng = world.rng
    inside = rng.random() < 0.5
    source = world.hosts[int(rng.integers(len(world.hosts)))]
    source = source if inside else world.stranger()
    servers = tuple(server.host for server in world.servers)
    others = tuple(host for host in world.hosts if host.ip != source.ip)
    span = world.span(2.0, 6.0)
    ports = frozenset((server.host.ip, server.port) for server in world.servers)
    rate = world.params.flood_pps or world.excess(50.0, 1500.0)
    scan = Scan(
        source=source, targets=servers + others, open_ports=ports, span=span, rate=rate
    )
    world.disturbances.append(scan)
    label(
        world,
        span,
        (source.ip,),
        f"{rate:.0f} probes a second",
        cause=Cause.COMPROMISE,
    )
