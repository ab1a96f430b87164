"""Too many packets, from few, from many, from nobody, from our own."""

import dataclasses

import numpy as np

from strangers import bulk
from strangers.gateway import Gateway
from strangers.loop import MS, SECOND
from strangers.registry import family
from strangers.session import Session
from strangers.wire import ICMP, TCP, UDP, Host
from strangers.world import Incident, World

SYN_OPTIONS = (
    b"",
    b"\x02\x04\x05\xb4",
    b"\x02\x04\x05\xb4\x01\x03\x03\x07\x04\x02\x01\x01",
)
PACKETS_MAX = 90_000


@dataclasses.dataclass
class Stream:
    """When and from where packets of a flood come."""

    times: np.ndarray
    sources: np.ndarray
    target: Host
    port: int


def pace(world: World, rate: float, end_ns: int) -> np.ndarray:
    """Return times of about `rate` packets a second from the onset to `end_ns`."""
    span = (end_ns - world.onset) / SECOND
    rate = min(rate, PACKETS_MAX / span)
    count = int(rate * span)
    form = int(world.rng.integers(3))
    if form == 0:
        gaps = world.rng.exponential(1 / rate, count)
    elif form == 1:
        gaps = np.full(count, 1 / rate) * world.rng.uniform(0.8, 1.2, count)
    else:
        gaps = np.where(world.rng.random(count) < 0.05, 18 / rate, 0.1 / rate)
    offsets = np.cumsum(gaps) - gaps[0]
    times = world.onset + (offsets * SECOND).astype(np.int64)
    return times[times < end_ns]


def emit(world: World, stream: Stream, protocol: int, bodies: np.ndarray) -> None:
    """Record a flood's packets."""
    rng = world.rng
    rows = bulk.packets(stream.sources, stream.target.address, protocol, bodies, rng)
    base = int(rng.integers(40, 120))
    spread = int(rng.choice([1, 6, 60]))
    rows = bulk.vary_ttl(rows, base + rng.integers(0, spread, len(rows)))
    world.tape.many(stream.times, rows, Host(0, world.router), stream.target)


def syns(world: World, stream: Stream) -> None:
    """Record SYNs; the server answers some of them until its backlog is full."""
    rng = world.rng
    count = len(stream.times)
    fixed = rng.random() < 0.2
    ports = np.full(count, 40001) if fixed else rng.integers(1024, 65536, count)
    options = SYN_OPTIONS[int(rng.integers(len(SYN_OPTIONS)))]
    asked = bulk.tcp_bodies((ports, stream.port), 2, options, rng)
    emit(world, stream, TCP, asked)
    answered = min(count, int(rng.integers(64, 2000)))
    bodies = bulk.syn_acks(asked[:answered], options, rng)
    rows = bulk.packets(np.full(answered, stream.target.address), 0, TCP, bodies, rng)
    back = bulk.towards(rows, stream.sources[:answered])
    times = stream.times[:answered] + int(world.uniform(10, 60) * 1000)
    world.tape.many(times, back, stream.target, Host(0, world.router))


def hit(world: World, end_ns: int) -> tuple[Incident, Gateway]:
    """Declare a flood on one gateway."""
    gateway = world.gateways[int(world.rng.integers(len(world.gateways)))]
    made = world.incident("flood", end_ns)
    made.gateway = f"{gateway.host.text}:{gateway.port}"
    return made, gateway


def blame(made: Incident, stream: Stream, hosts: list[Host]) -> None:
    """Note which packets harm, by source; all under `*` when it is forged."""
    if not hosts:
        made.marks("*").extend(stream.times.tolist())
        return
    made.hosts = [host.text for host in hosts]
    for host in hosts:
        own = stream.times[stream.sources == host.address]
        made.marks(host.text).extend(own.tolist())


def from_hosts(world: World, hosts: list[Host], count: int) -> np.ndarray:
    """Return a source for each packet, drawn from a few hosts."""
    known = np.array([host.address for host in hosts])
    return known[world.rng.integers(len(known), size=count)]


def forged(world: World, count: int) -> np.ndarray:
    """Return made-up sources: all of the internet, a net, or our own range."""
    rng = world.rng
    form = int(rng.integers(3))
    if form == 0:
        return rng.integers(1 << 24, 224 << 24, count)
    if form == 1:
        return int(rng.integers(20, 200)) << 24 | rng.integers(0, 1 << 16, count)
    return world.net + (64 << 8) + rng.integers(0, 1 << 13, count)


@family("flood")
def syn_few(world: World) -> None:
    """SYNs from one to a handful of real addresses."""
    world.populate()
    world.trade_all()
    made, gateway = hit(world, world.last(3, 15))
    times = pace(world, world.log_uniform(1500, 20000), made.end_ns)
    outside = world.rng.random() < 0.6
    hosts = [
        world.outside() if outside else world.host()
        for _ in range(int(world.rng.integers(1, 7)))
    ]
    sources = from_hosts(world, hosts, len(times))
    stream = Stream(times, sources, gateway.host, gateway.port)
    syns(world, stream)
    blame(made, stream, hosts)


@family("flood")
def syn_spoofed(world: World) -> None:
    """SYNs, each from another forged address."""
    world.populate()
    world.trade_all()
    made, gateway = hit(world, world.last(3, 15))
    times = pace(world, world.log_uniform(2000, 20000), made.end_ns)
    stream = Stream(times, forged(world, len(times)), gateway.host, gateway.port)
    syns(world, stream)
    blame(made, stream, [])


@family("flood")
def udp_amplified(world: World) -> None:
    """Answers of open resolvers and time servers to questions nobody asked."""
    world.populate()
    world.trade_all()
    made, gateway = hit(world, world.last(3, 12))
    times = pace(world, world.log_uniform(1500, 12000), made.end_ns)
    rng = world.rng
    hosts = [world.outside() for _ in range(int(rng.choice([3, 6, 40, 300])))]
    sources = from_hosts(world, hosts, len(times))
    size = int(rng.choice([64, 440, 480, 1200]))
    if rng.random() < 0.7:
        reflected = np.full(len(times), int(rng.choice([53, 123, 1900, 389, 11211])))
        ports = (reflected, np.full(len(times), int(rng.integers(1024, 65535))))
    else:
        ports = (
            rng.integers(1024, 65536, len(times)),
            rng.integers(1, 65536, len(times)),
        )
    stream = Stream(times, sources, gateway.host, gateway.port)
    emit(world, stream, UDP, bulk.udp_bodies(ports, size, rng))
    blame(made, stream, hosts)


@family("flood")
def stray_packets(world: World) -> None:
    """ACKs or RSTs of no connection, or echo requests, by the thousand."""
    world.populate()
    world.trade_all()
    made, gateway = hit(world, world.last(3, 12))
    times = pace(world, world.log_uniform(2000, 15000), made.end_ns)
    rng, count = world.rng, len(times)
    hosts = [world.outside() for _ in range(int(rng.integers(1, 6)))]
    if rng.random() < 0.5:
        hosts = []
    sources = from_hosts(world, hosts, count) if hosts else forged(world, count)
    stream = Stream(times, sources, gateway.host, gateway.port)
    if rng.random() < 0.4:
        emit(
            world,
            stream,
            ICMP,
            bulk.icmp_bodies(count, int(rng.integers(8, 1000)), rng),
        )
    else:
        ports = rng.integers(1024, 65536, count)
        flags = int(rng.choice([16, 16, 24, 4]))
        bodies = bulk.tcp_bodies((ports, gateway.port), flags, b"", rng)
        emit(world, stream, TCP, bodies)
    blame(made, stream, hosts)


@family("flood")
def pulsing(world: World) -> None:
    """Short volleys of SYNs with pauses, so that no average looks high."""
    world.populate()
    world.trade_all()
    made, gateway = hit(world, world.last(6, 18))
    times = pace(world, world.log_uniform(4000, 20000), made.end_ns)
    period = world.uniform(0.25, 2.0)
    duty = world.uniform(0.08, 0.4)
    phase = (times - world.onset) / SECOND % period
    times = times[phase < period * duty]
    hosts = [world.outside() for _ in range(int(world.rng.integers(1, 7)))]
    if world.rng.random() < 0.5:
        hosts = []
    count = len(times)
    sources = from_hosts(world, hosts, count) if hosts else forged(world, count)
    stream = Stream(times, sources, gateway.host, gateway.port)
    syns(world, stream)
    blame(made, stream, hosts)


@family("flood")
def own_hosts(world: World) -> None:
    """SYNs with the addresses of firms that trade: infected, or forged so."""
    world.populate()
    world.trade_all()
    made, gateway = hit(world, world.last(3, 12))
    times = pace(world, world.log_uniform(2000, 15000), made.end_ns)
    every = {one.host.address: one.host for one in world.sessions}
    count = min(len(every), int(world.rng.choice([1, 3, 8, 30])))
    picked = world.rng.choice(sorted(every), count, replace=False)
    hosts = [every[int(one)] for one in picked]
    stream = Stream(
        times, from_hosts(world, hosts, len(times)), gateway.host, gateway.port
    )
    syns(world, stream)
    blame(made, stream, hosts)


@family("flood")
def logon_flood(world: World) -> None:
    """Connections that log on, are refused or dropped, and come again at once."""
    world.populate()
    world.trade_all()
    made, gateway = hit(world, world.last(4, 12))
    hosts = [world.host() for _ in range(int(world.rng.integers(1, 5)))]
    made.hosts = [host.text for host in hosts]
    rate = world.log_uniform(60, 700)
    gateway.accepts = lambda session: session in world.sessions
    at = float(world.onset)
    while at < made.end_ns:
        host = hosts[int(world.rng.integers(len(hosts)))]
        world.loop.at(at, attempt, world, (host, gateway), made)
        at += float(world.rng.exponential(1 / rate)) * SECOND


def attempt(world: World, ends: tuple[Host, Gateway], made: Incident) -> None:
    """Connect as somebody nobody knows, and log on."""
    host, gateway = ends
    name = f"U{int(world.rng.integers(1000, 9999))}"
    one = Session(world, host, gateway, name, "mixed")
    one.coalesce_ns, one.p_split = 0, 0.0
    made.marks(host.text).append(world.loop.now)
    one.connect()
    world.loop.after(world.uniform(5, 200) * MS, one.hang_up)
