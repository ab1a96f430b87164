"""Days on which nothing is wrong, though somebody knocks at order entry, and again."""

import numpy as np

from strangers.gateway import Gateway
from strangers.loop import MS, SECOND
from strangers.registry import family
from strangers.session import Session
from strangers.tcp import UP, Connection, Link
from strangers.wire import ACK, RST, SYN, Host, Segment
from strangers.world import World

#: What monitors say to see whether anybody is there.
GREETINGS = (b"\r\n", b"\n", b"PING\n", b"HEAD / HTTP/1.0\r\n\r\n", b"")


def newcomers(world: World, gateway: Gateway, count: int, hosts: int) -> list[Session]:
    """Return programs of a firm that nobody knows, on so many hosts of its own."""
    net = world.net + (int(world.rng.integers(32, 60)) << 8)
    machines = [world.host(net) for _ in range(hosts)]
    far = int(world.log_uniform(0.3, 25) * MS)
    made = []
    for number in range(count):
        name = f"N{int(world.rng.integers(100, 999))}_{number}"
        one = Session(world, machines[number % hosts], gateway, name, "mixed")
        one.link = Link(far, one.link.near_ns, 0.0)
        one.rate = world.uniform(0.5, 10)
        made.append(one)
    return made


def insist(world: World, one: Session, first_ns: float, wait_ns: float) -> None:
    """Connect from a time on, and again whenever it was turned away so long ago."""

    def attempt() -> None:
        if not one.is_on:
            one.connect()
        world.loop.after(wait_ns * world.uniform(0.95, 1.05), attempt)

    world.loop.at(first_ns, attempt)


@family("benign")
def refused_firm(world: World) -> None:
    """A new firm starts its floor before the venue knows it: refused, tries again."""
    world.populate()
    world.trade_all()
    gateway = world.gateways[int(world.rng.integers(len(world.gateways)))]
    count = int(world.rng.integers(2, 25))
    own = newcomers(world, gateway, count, int(world.rng.integers(1, 7)))
    enabled = world.onset + int(world.uniform(2, 12) * SECOND)
    known = set(world.sessions)
    gateway.accepts = lambda one: one in known or world.loop.now >= enabled
    spread, wait = world.log_uniform(0.005, 2) * SECOND, world.log_uniform(1, 10)
    for one in own:
        world.trade(one)
        insist(world, one, world.onset + world.uniform(0, spread), wait * SECOND)


@family("benign")
def wrong_password(world: World) -> None:
    """A client's password has expired: refused, it tries again and hardly waits."""
    world.populate()
    world.trade_all()
    one = world.choose()
    if world.rng.random() < 0.5:
        one = newcomers(world, one.gateway, 1, 1)[0]
    else:
        world.loop.at(world.onset, one.cut, UP)
    one.gateway.accepts = lambda other: other is not one or world.loop.now < world.onset
    insist(world, one, world.onset + 0.01 * SECOND, world.log_uniform(0.06, 3) * SECOND)


@family("benign")
def greeting_monitor(world: World) -> None:
    """Monitors nobody knows connect to order entry, greet, wait, hang up."""
    world.populate()
    world.trade_all()
    monitors = [world.host() for _ in range(int(world.rng.integers(1, 4)))]
    greeting = GREETINGS[int(world.rng.integers(len(GREETINGS)))]
    period, volley = world.uniform(0.2, 3), int(world.rng.choice([1, 2, 4, 12]))
    stay, apart = world.log_uniform(0.3, 400) * MS, world.log_uniform(0.02, 8) * MS
    link = Link(int(world.log_uniform(0.05, 8) * MS), 30_000, 0.0)
    first = world.second(world.onset) if world.rng.random() < 0.5 else 1.0
    for at in np.arange(first, world.seconds - 1, period):
        for gateway in world.gateways:
            for number in range(volley):
                ends = (monitors[number % len(monitors)], gateway.host)
                line = Connection(
                    *(world.loop, world.tape, ends, gateway.port, link, world.rng)
                )
                t_ns = world.start + int(at * SECOND) + number * apart
                world.loop.at(t_ns, line.open, greet(world, line, greeting, stay))


def greet(world: World, line: Connection, greeting: bytes, stay: float) -> object:
    """Return what greets on a connection that is open, and hangs up later."""

    def say() -> None:
        if greeting:
            line.send(UP, greeting)
        world.loop.after(stay, line.close)

    return say


@family("benign")
def inventory(world: World) -> None:
    """The house looks, host after host, which of some ports are served."""
    world.populate()
    world.trade_all()
    scanner = world.host()
    own = {one.host.address: one.host for one in world.sessions}
    targets = [*(one.host for one in world.gateways), *(own[at] for at in sorted(own))]
    served = {(one.host.address, one.port) for one in world.gateways}
    ports = [22, 443, 8080, *sorted({one.port for one in world.gateways})]
    gap, at = world.log_uniform(0.004, 0.2), float(world.onset)
    for target in targets:
        for port in ports:
            knock(
                world,
                (scanner, target),
                port,
                (int(at), (target.address, port) in served),
            )
            at += gap * world.uniform(0.5, 1.5) * SECOND


def knock(
    world: World, ends: tuple[Host, Host], port: int, when: tuple[int, bool]
) -> None:
    """Ask for one port; who is served gives the connection up, who is not is told."""
    t_ns, is_served = when
    ports = (ends[0].port(), port)
    mine, yours = (int(one) for one in world.rng.integers(1 << 32, size=2))
    world.tape.tcp(t_ns, *ends, Segment(ports, mine, 0, SYN, 1024))
    flags = SYN | ACK if is_served else RST | ACK
    answer = Segment(ports[::-1], yours if is_served else 0, mine + 1, flags, 0)
    world.tape.tcp(t_ns + 40_000, *ends[::-1], answer)
    if is_served:
        thanks = Segment(ports, mine + 1, 0, RST, 0)
        world.tape.tcp(t_ns + 400_000, *ends, thanks)
