"""What else goes on near order entry: bugs, checks, clocks, provocation."""

import numpy as np

from strangers import bulk, floods
from strangers.benign import back
from strangers.fix import LOGOUT
from strangers.latencies import fault
from strangers.loop import MS, SECOND
from strangers.mixed import flood_now
from strangers.registry import family
from strangers.session import Session
from strangers.tcp import DOWN, UP, Connection, Link
from strangers.wire import ACK, PSH, RST, SYN, UDP, Host, Segment
from strangers.world import World


@family("benign")
def health_checks(world: World) -> None:
    """A balancer asks whether the order ports are open: SYN, SYN-ACK, RST, again."""
    world.populate()
    world.trade_all()
    balancer = world.host()
    period, volley = world.uniform(0.2, 3), int(world.rng.choice([1, 2, 4, 12]))
    far = world.log_uniform(0.05, 8) * MS
    for at in np.arange(world.uniform(1, 4), world.seconds - 1, period):
        for gateway in world.gateways:
            for number in range(volley):
                t_ns = world.start + int(at * SECOND) + number * 40_000
                ports = (balancer.port(), gateway.port)
                mine, yours = (int(one) for one in world.rng.integers(1 << 32, size=2))
                ends = (balancer, gateway.host)
                knock = Segment(ports, mine, 0, SYN, 1024)
                here = Segment(ports[::-1], yours, mine + 1, SYN | ACK)
                thanks = Segment(ports, mine + 1, 0, RST, 0)
                world.tape.tcp(t_ns, *ends, knock)
                world.tape.tcp(t_ns + 30_000, *ends[::-1], here)
                world.tape.tcp(t_ns + 30_000 + int(far), *ends, thanks)


@family("benign")
def cold_start(world: World) -> None:
    """A firm brings its whole floor up in one moment, from far away."""
    world.populate()
    world.trade_all()
    net = world.net + (int(world.rng.integers(32, 60)) << 8)
    hosts = [world.host(net) for _ in range(int(world.rng.integers(2, 14)))]
    far = int(world.log_uniform(1, 25) * MS)
    spread = world.log_uniform(0.005, 0.5)
    for number in range(int(world.rng.integers(8, 33))):
        wait = world.second(world.onset) + world.uniform(0, spread)
        one = world.join(hosts[number % len(hosts)], "mixed", 0.01)
        one.link = Link(far, one.link.near_ns, 0.0)
        one.connection = None
        one.is_on = False
        world.loop.at(world.start + int(wait * SECOND), one.connect)
        one.rate = world.uniform(1, 20)
        world.trade(one)


@family("benign")
def client_churn(world: World) -> None:
    """A client's monitor connects to order entry and hangs up, without end."""
    world.populate()
    world.trade_all()
    one = world.choose()
    rate, at = world.log_uniform(2, 25), float(world.onset)
    end_ns = world.last(5, 15)
    while at < end_ns:
        ends = (one.host, one.gateway.host)
        line = Connection(
            *(world.loop, world.tape, ends, one.gateway.port, one.link, world.rng)
        )
        stay = world.uniform(0.5, 60) * MS
        world.loop.at(at, line.open, hang_up_after(world, line, stay))
        at += float(world.rng.exponential(1 / rate)) * SECOND


def hang_up_after(world: World, line: Connection, stay: float) -> object:
    """Return what closes a connection some time after it is open."""
    return lambda: world.loop.after(stay, line.close)


@family("benign")
def session_flapping(world: World) -> None:
    """A firm's line to the venue is bad: its sessions break off and come back."""
    world.populate()
    world.trade_all()
    host = world.choose().host
    own = [one for one in world.sessions if one.host is host]
    at, end_ns = world.onset, world.last(8, 20)
    while at < end_ns:
        for one in own:
            world.loop.at(at, one.cut, int(world.rng.choice([UP, DOWN])))
            back(world, one, at, world.uniform(0.3, 1.2))
        at += int(world.uniform(1.5, 4) * SECOND)


@family("benign")
def data_burst(world: World) -> None:
    """Market data by UDP, to a group and to some hosts: fifty times as much at once."""
    world.populate()
    world.trade_all()
    source = world.host(world.net + (16 << 8))
    group = Host(
        int(world.rng.integers(239 << 24, 240 << 24)), bytes([1, 0, 94, 1, 2, 3])
    )
    hosts = [one.host for one in world.sessions[:3]]
    if world.rng.random() < 0.5:
        hosts.append(world.gateways[0].host)
    usual = world.log_uniform(5, 60)
    ports, end_ns = (31000, 31001), world.onset + int(world.uniform(0.3, 4) * SECOND)
    for target in [group, *hosts]:
        span = world.seconds
        times = world.start + world.rng.uniform(0, span, int(usual * span)) * SECOND
        much = int(50 * usual * (end_ns - world.onset) / SECOND)
        times = np.concatenate([times, world.rng.uniform(world.onset, end_ns, much)])
        times = np.sort(times).astype(np.int64)
        size = int(world.rng.integers(40, 400))
        both = tuple(np.full(len(times), port) for port in ports)
        bodies = bulk.udp_bodies((both[0], both[1]), size, world.rng)
        # Numbered, as MoldUDP64 is: ten letters of a session, and eight bytes.
        bodies[:, 8:18] = np.frombuffer(b"SESSION001", np.uint8)
        number = np.arange(1, len(times) + 1)
        for byte in range(8):
            bodies[:, 18 + byte] = number >> 8 * (7 - byte) & 255
        bodies[:, 26:28] = (0, 1)
        rows = bulk.packets(
            np.full(len(times), source.address), target.address, UDP, bodies, world.rng
        )
        world.tape.many(times, rows, source, target)


@family("latency")
def refusing_gateway(world: World) -> None:
    """The venue's risk check fails: every new order of everybody is refused."""
    world.populate()
    world.busy *= 2
    world.trade_all()
    made, gateway = fault(world)
    why = str(world.rng.choice(["Risk check unavailable", "Instrument halted", "91"]))
    gateway.refuses = lambda _session, _body: (
        why if made.onset_ns <= world.loop.now < made.end_ns else ""
    )


@family("latency")
def goodbye(world: World) -> None:
    """The venue logs all its clients out at once and lets nobody back in."""
    world.populate()
    world.trade_all()
    made, gateway = fault(world, 6, 12)
    gateway.accepts = lambda _session: (
        not (made.onset_ns <= world.loop.now < made.end_ns)
    )
    for one in world.sessions:
        if one.gateway is gateway:
            world.loop.at(made.onset_ns, leave, one)
            for wait in np.arange(0.5, 12, world.uniform(0.7, 2)):
                world.loop.at(made.onset_ns + int(wait * SECOND), one.connect)


def leave(one: Session) -> None:
    """Have the gateway say good-bye and end the connection."""
    if one.is_on:
        one.reply(LOGOUT, {58: "System not available"})
        one.hang_up()


@family("sensor")
def clock_jump(world: World) -> None:
    """The capture's clock is set, by milliseconds or seconds, on or back."""
    world.populate()
    world.trade_all()
    step = int(world.log_uniform(10, 3000) * MS) * int(world.rng.choice([-1, 1]))
    world.steps.append((world.onset, step))
    # Where it goes back, what is said of it has a time before it.
    first = world.onset + min(0, step)
    world.incident("sensor_fault", world.onset + 2 * SECOND, first)


@family("sensor")
def mirror_twice(world: World) -> None:
    """Both switches mirror: every frame of a while comes twice."""
    world.populate()
    world.trade_all()
    world.twice.append((world.onset, world.last(4, 10)))
    world.incident("sensor_fault", world.twice[-1][1])


@family("flood")
def slow_drip(world: World) -> None:
    """Strangers open connection after connection, say a byte now and then, and stay."""
    world.populate()
    world.trade_all()
    made, gateway = floods.hit(world, world.last(8, 16))
    hosts = [world.outside() for _ in range(int(world.rng.integers(1, 6)))]
    made.hosts = [host.text for host in hosts]
    rate = world.log_uniform(30, 300)
    at = float(made.onset_ns)
    link = Link(int(world.log_uniform(1, 40) * MS), 30_000, 0.0)
    while at < made.end_ns:
        host = hosts[int(world.rng.integers(len(hosts)))]
        made.marks(host.text).append(int(at))
        ends = (host, gateway.host)
        line = Connection(
            *(world.loop, world.tape, ends, gateway.port, link, world.rng)
        )
        world.loop.at(at, line.open, drip(world, line))
        at += float(world.rng.exponential(1 / rate)) * SECOND


def drip(world: World, line: Connection) -> object:
    """Return what says one more byte of a request every few seconds."""

    def say() -> None:
        line.send(UP, world.rng.bytes(1))
        world.loop.after(world.uniform(1, 4) * SECOND, say)

    return say


@family("mixed")
def provoked_freeze(world: World) -> None:
    """A client makes its traffic look as if the mirror were broken; then it floods."""
    world.populate()
    world.trade_all()
    first = world.onset - int(world.uniform(1.5, 4) * SECOND)
    one = world.choose()
    rate = world.log_uniform(100, 800)
    every = np.arange(first, world.onset + 3 * SECOND, SECOND / rate)
    for number, at in enumerate(every.tolist()):
        world.loop.at(at, mislead, world, one, number)
    flood_now(world, world.last(4, 10))


def mislead(world: World, one: Session, number: int) -> None:
    """Send one thing twice, or acknowledge what was never sent, or speak for many."""
    line = one.connection
    if line is None or not line.is_open:
        return
    now, ends, known = world.loop.now, (one.host, one.gateway.host), line.known[UP]
    form = number % 3
    if form == 0:
        again = Segment(line.ports, line.next[UP] - 1, known, ACK | PSH, payload=b"\1")
        world.tape.tcp(now, *ends, again)
        world.tape.tcp(now + 20_000, *ends, again)
    elif form == 1:
        ahead = Segment(line.ports, line.next[UP], known + 9000 + number, ACK)
        world.tape.tcp(now, *ends, ahead)
    else:
        other = Host(int(floods.forged(world, 1)[0]), one.host.mac)
        ports = (int(world.rng.integers(1024, 65536)), one.gateway.port)
        text = b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01"
        alone = Segment(ports, number * 40, number, ACK | PSH, payload=text)
        world.tape.tcp(now, other, one.gateway.host, alone)
