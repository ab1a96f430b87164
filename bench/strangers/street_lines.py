"""A street's venue and lines when they limp."""

from typing import Any

from strangers.registry import family
from strangers.street import Street
from strangers.street_venue import MS, SECOND, Gate


def limping(world: Street, low: float = 6, high: float = 14) -> tuple[Gate, int, int]:
    """Note that a gateway limps; return it, and from when till when."""
    dice = world.dice
    paces = dict.fromkeys(world.gates, 0.0)
    for one in world.clients:
        paces[one.gate] += one.desk.rate
    busiest = max(paces, key=lambda gate: paces[gate])
    gate = busiest if dice.chance(0.6) else dice.choice(world.gates)
    start = world.at_share(dice.uniform(0.35, 0.55))
    end = int(start + dice.uniform(low, high) * SECOND)
    more: dict[str, Any] = {"gateway": gate.name, "victims": [gate.name]}
    hosts = [gate.host.address]
    world.incident("venue_fault", (start, end), (), hosts, **more)
    return gate, start, end


@family("latency", Street)
def street_slow(world: Street) -> None:
    """One gateway's answers take many times as long."""
    gate, start, end = limping(world)
    world.at(start, setattr, gate, "extra_ns", int(world.pick(15, 1.5) * MS))
    world.at(start, setattr, gate, "slow", world.pick(5, 2))
    world.at(end, setattr, gate, "extra_ns", 0)
    world.at(end, setattr, gate, "slow", 1.0)


@family("latency", Street)
def street_pause(world: Street) -> None:
    """A gateway stops answering while its TCP goes on; then all at once."""
    gate, start, _ = limping(world)
    length = world.pick(4, 1.2) * SECOND
    world.incidents[-1]["end_ns"] = int(start + length)
    world.at(start, setattr, gate, "pause_ns", int(start + length))


@family("latency", Street)
def street_lossy(world: Street) -> None:
    """The line to one gateway loses frames."""
    gate, start, end = limping(world)
    world.at(start, setattr, gate.host, "loss", world.pick(0.12, 0.02))
    world.at(end, setattr, gate.host, "loss", 0.0)


@family("latency", Street)
def street_lossy_firm(world: Street) -> None:
    """The line of one firm's machine loses many frames."""
    one = world.active(3, 60)
    start = world.at_share(world.dice.uniform(0.35, 0.5))
    end = start + world.dice.uniform(8, 14) * SECOND
    own = [other.comp for other in world.clients if other.host is one.host]
    hosts = [one.host.address]
    world.incident("venue_fault", (start, end), (), hosts, victims=own)
    world.at(start, setattr, one.host, "loss", world.pick(0.15, 0.04))
    world.at(end, setattr, one.host, "loss", 0.0)


@family("latency", Street)
def street_jitter(world: Street) -> None:
    """One gateway's answers come late, each by another time."""
    gate, start, end = limping(world)
    most = world.pick(20, 2) * MS

    def shake() -> None:
        is_over = world.now >= end
        gate.extra_ns = 0 if is_over else int(world.dice.wait(most))
        if not is_over:
            world.after(world.dice.uniform(1, 20) * MS, shake)

    world.at(start, shake)


@family("latency", Street)
def street_longer_way(world: Street) -> None:
    """The carrier takes another way: a gateway's sessions are some ms farther."""
    gate, start, end = limping(world, 10, 20)
    more = int(world.pick(25, 3) * MS)
    for host in dict.fromkeys(one.host for one in world.clients if one.gate is gate):
        world.at(start + world.dice.below(40 * MS), setattr, host, "extra_ns", more)
        world.at(end, setattr, host, "extra_ns", 0)
