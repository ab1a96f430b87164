"""Somebody is in: looks around, calls home, carries out, trades for others."""

import dataclasses

import numpy as np

from strangers import office
from strangers.fix import NEW, Dialect
from strangers.gateway import Gateway
from strangers.loop import MS, SECOND
from strangers.registry import family
from strangers.session import Session
from strangers.tcp import DOWN, UP
from strangers.wire import ACK, PSH, Host, Segment
from strangers.world import Incident, World


@dataclasses.dataclass
class Break:
    """A host that is no longer its owner's."""

    world: World
    host: Host
    made: Incident

    @property
    def goes_on(self) -> bool:
        """Return whether the intruder is still at it."""
        return self.world.loop.now < self.made.end_ns

    def note(self) -> None:
        """Note that something harmful happens now."""
        self.made.marks(self.host.text).append(self.world.loop.now)


def intrude(world: World, low: float = 6, high: float = 16) -> Break:
    """Declare a compromise of a host: of a firm, a desk, or one plugged in."""
    host = world.choose().host if world.rng.random() < 0.6 else world.host()
    made = world.incident("compromise", world.last(low, high))
    made.hosts.append(host.text)
    return Break(world, host, made)


def calm(world: World) -> None:
    """Set up a day on which nobody trades out of the ordinary."""
    world.populate()
    world.trade_all()


@family("compromise")
def port_scan(world: World) -> None:
    """One host asks for many ports of a few, or for one port of many."""
    calm(world)
    found = intrude(world, 4, 14)
    rng = world.rng
    rate = world.log_uniform(8, 250)
    span = (found.made.end_ns - found.made.onset_ns) / SECOND
    gaps = rng.exponential(1 / rate, int(rate * span))
    times = found.made.onset_ns + (np.cumsum(gaps) * SECOND).astype(np.int64)
    times = times[times < found.made.end_ns]
    servers = [one.host for one in world.gateways]
    every = servers + [one.host for one in world.sessions]
    found.made.victims = [one.text for one in servers]
    wide = rng.random() < 0.5
    port = int(rng.choice([22, 445, 3389, 1433, 8080]))
    for number, t_ns in enumerate(times.tolist()):
        target = every[number % len(every)] if wide else servers[0]
        asked = port if wide else int(rng.integers(1, 10000))
        if wide and number % 3:
            far = world.net + (number * 7 % 1024)
            target = Host(far, world.router)
        world.loop.at(t_ns, knock, found, target, asked)


def knock(found: Break, target: Host, port: int) -> None:
    """Send a SYN; most hosts refuse, some say nothing."""
    world = found.world
    own, number = found.host.port(), int(world.rng.integers(1 << 32))
    syn = Segment((own, port), number, 0, 2, 1024, b"\x02\x04\x05\xb4")
    world.tape.tcp(world.loop.now, found.host, target, syn)
    found.note()
    if world.rng.random() < 0.6:
        refusal = Segment((port, own), 0, number + 1, 20, 0)
        world.tape.tcp(world.loop.now + 150_000, target, found.host, refusal)


@family("compromise")
def stolen_identity(world: World) -> None:
    """A CompID logs on from a host that it never came from, and trades."""
    calm(world)
    host = world.host() if world.rng.random() < 0.6 else world.choose().host
    made = world.incident("compromise", world.last(6, 16))
    steal(world, host, made)


def steal(world: World, host: Host, made: Incident) -> None:
    """Have `host` log on as one of the sessions, which may stay on or be cut."""
    others = [one for one in world.sessions if one.host is not host]
    victim = others[int(world.rng.integers(len(others)))]
    made.hosts.append(host.text)
    made.sessions.append(victim.comp)
    if world.rng.random() < 0.5:
        world.loop.at(made.onset_ns - 2 * SECOND, victim.log_off)
    thief = Session(world, host, victim.gateway, victim.comp, "taker")
    if world.rng.random() < 0.5:
        thief.dialect = victim.dialect
    world.loop.at(made.onset_ns, thief.connect)
    rate = world.log_uniform(0.5, 15)
    at = float(made.onset_ns + 200 * MS)
    while at < made.end_ns:
        world.loop.at(at, trade_as, thief, made)
        at += float(world.rng.exponential(1 / rate)) * SECOND
    world.loop.at(made.end_ns, thief.log_off)


def trade_as(thief: Session, made: Incident) -> None:
    """Enter one order in another's name."""
    if thief.is_on:
        thief.enter(harm=made.marks(thief.comp))


@family("compromise")
def injected_orders(world: World) -> None:
    """Forged segments inside a session that lives: orders its owner never sent."""
    calm(world)
    victim = world.choose(1, 12)
    made = world.incident("compromise", world.last(5, 12))
    made.sessions.append(victim.comp)
    made.hosts.append(victim.host.text)
    forger = Host(victim.host.address, world.router, victim.host.ttl - 7)
    dialect = Dialect(world.rng)
    at = float(made.onset_ns)
    while at < made.end_ns:
        world.loop.at(at, inject, world, (victim, forger, dialect), made)
        at += float(world.rng.exponential(world.uniform(0.1, 0.8))) * SECOND


def inject(world: World, ends: tuple[Session, Host, Dialect], made: Incident) -> None:
    """Forge the client's next segment; the gateway acknowledges what is not his."""
    victim, forger, dialect = ends
    connection = victim.connection
    if connection is None or not victim.is_on or not connection.is_open:
        return
    now = world.loop.now
    head = {49: victim.comp, 56: victim.gateway.comp, 34: str(victim.seq[UP] + 1)}
    head[52] = dialect.stamp(now)
    body = {11: dialect.fresh(now), 55: victim.symbols[0], 54: "1", 38: "100"}
    body |= {40: "1", 60: dialect.stamp(now), 59: "0", 21: "1"}
    wire = dialect.encode(NEW, head, body)
    forged = Segment(
        *(connection.ports, connection.next[UP], connection.known[UP], PSH | ACK),
        payload=wire,
    )
    world.tape.tcp(now, forger, victim.gateway.host, forged)
    made.marks(victim.comp).append(now)
    taken = Segment(
        *(connection.ports[::-1], connection.next[DOWN]),
        *(connection.next[UP] + len(wire), ACK),
    )
    world.tape.tcp(now + 30_000, victim.gateway.host, victim.host, taken)
    real = Segment(connection.ports, connection.next[UP], connection.known[UP], ACK)
    for turn in range(int(world.rng.integers(1, 6))):
        world.tape.tcp(now + 90_000 + turn * 200_000, *connection.hosts, real)


@family("compromise")
def beacon(world: World) -> None:
    """A host of a firm calls somebody outside, at even intervals, with little."""
    calm(world)
    found = intrude(world, 10, 25)
    home = world.outside()
    found.made.victims.append(home.text)
    period = world.log_uniform(0.3, 2.5)
    wobble = world.uniform(0.0, 0.3)
    port = int(world.rng.choice([443, 443, 80, 8443, 53, 4444]))
    size = int(world.rng.integers(40, 400))
    at = world.second(found.made.onset_ns)
    while world.start + at * SECOND < found.made.end_ns:
        world.loop.at(world.start + at * SECOND, call, found, (home, port), size)
        at += period * world.uniform(1 - wobble, 1 + wobble)


def call(found: Break, home: tuple[Host, int], size: int) -> None:
    """Open a connection, say a little, hear a little, close."""
    world = found.world
    line = office.wire(world, (found.host, home[0]), home[1])
    found.note()

    def talk() -> None:
        line.send(UP, office.noise(world, size))
        world.loop.after(30 * MS, line.send, DOWN, office.noise(world, 90))
        world.loop.after(70 * MS, line.close)

    line.open(talk)


@family("compromise")
def exfiltration(world: World) -> None:
    """A firm's host sends far more out than it ever did, to a stranger."""
    calm(world)
    found = intrude(world, 6, 14)
    home = world.outside()
    found.made.victims.append(home.text)
    rate = world.log_uniform(60, 1500)
    port = int(world.rng.choice([443, 22, 21, 8080, 9090]))
    line = office.wire(world, (found.host, home), port)
    line.link.far_ns = int(world.uniform(0.1, 2) * MS)
    block = office.noise(world, line.mss)

    def push() -> None:
        if found.goes_on:
            line.send(UP, block)
            found.note()
            gap = float(world.rng.exponential(1 / rate)) * SECOND
            world.loop.after(gap, push)
        else:
            line.close()

    world.loop.at(found.made.onset_ns, line.open, push)


@family("compromise")
def brute_logons(world: World) -> None:
    """Logons with guessed names or passwords, one after another, all refused."""
    calm(world)
    found = intrude(world, 6, 15)
    gateway = world.gateways[0]
    known = set(world.sessions)
    gateway.accepts = lambda session: session in known
    rate = world.log_uniform(1.5, 20)
    one_name = world.rng.random() < 0.5
    name = world.choose().comp
    found.made.victims = [f"{gateway.host.text}:{gateway.port}", gateway.host.text]
    at = float(found.made.onset_ns)
    while at < found.made.end_ns:
        guess = name if one_name else f"U{int(world.rng.integers(1000))}"
        world.loop.at(at, guess_logon, found, gateway, guess)
        at += float(world.rng.exponential(1 / rate)) * SECOND


def guess_logon(found: Break, gateway: Gateway, name: str) -> None:
    """Try one name and password."""
    world = found.world
    one = Session(world, found.host, gateway, name, "mixed")
    one.coalesce_ns, one.p_split, one.reset = 0, 0.0, False
    one.password = office.noise(world, 5).hex()
    found.note()
    one.connect()


@family("compromise")
def lateral(world: World) -> None:
    """From one host to the next: shells and shares that nobody uses here."""
    calm(world)
    found = intrude(world, 8, 18)
    every = {one.host.address: one.host for one in world.sessions}
    others = [host for at, host in sorted(every.items()) if at != found.host.address]
    world.rng.shuffle(others)
    port = int(world.rng.choice([22, 445, 3389, 5985, 135]))
    gap = world.log_uniform(0.2, 1.5)
    at = float(found.made.onset_ns)
    for number in range(int((found.made.end_ns - at) / SECOND / gap)):
        target = others[number % min(len(others), 12)]
        world.loop.at(at, visit, found, target, port)
        if number < 6:
            found.made.victims.append(target.text)
        at += gap * world.uniform(0.6, 1.4) * SECOND


def visit(found: Break, target: Host, port: int) -> None:
    """Log in to one host, put something there, leave."""
    world = found.world
    if not found.goes_on:
        return
    found.note()
    if world.rng.random() < 0.3:
        knock(found, target, port)
        return
    line = office.wire(world, (found.host, target), port)

    def talk() -> None:
        for number in range(int(world.rng.integers(4, 25))):
            size = int(world.rng.integers(60, 1400))
            wait = number * world.uniform(2, 12) * MS
            side = UP if number % 3 else DOWN
            world.loop.after(wait, line.send, side, office.noise(world, size))
        world.loop.after(400 * MS, line.close)

    line.open(talk)


@family("compromise")
def dns_tunnel(world: World) -> None:
    """Long random names under one zone, many a second, and long answers."""
    calm(world)
    found = intrude(world, 8, 18)
    resolver = world.outside() if world.rng.random() < 0.5 else world.host()
    found.made.victims.append(resolver.text)
    rate = world.log_uniform(4, 80)
    zone = f"{office.noise(world, 3).hex()}.example"
    kind = int(world.rng.choice([16, 16, 10, 1]))

    def leak() -> None:
        if not found.goes_on:
            return
        labels = [office.noise(world, 14).hex() for _ in range(3)]
        found.note()
        office.look_up(world, (found.host, resolver), ".".join([*labels, zone]), kind)
        world.loop.after(float(world.rng.exponential(1 / rate)) * SECOND, leak)

    world.loop.at(found.made.onset_ns, leak)
