"""A street's floods: what belongs to no session, and is too much."""

import struct
from collections.abc import Callable
from typing import Any

from strangers import street_wire as wire
from strangers.registry import family
from strangers.street import Street
from strangers.street_fix import frame, stamp
from strangers.street_tcp import Conn, Host
from strangers.street_venue import MS, SECOND, US, Gate
from strangers.street_wire import ACK, PSH, RST, SYN, Segment

MSS = struct.pack("!BBH", 2, 4, 1460)
OPTIONS = (b"", MSS, MSS + b"\1\3\3\7\1\1\4\2")
Make = Callable[[Host], tuple[bytes, ...]]


def outsiders(world: Street, count: int, *, outside: bool = True) -> list[Host]:
    """Return machines behind a router: of the Internet, or of a far part of ours."""
    dice = world.dice
    router, made = dice.octets(6), []
    for _ in range(count):
        rest = f"{dice.between(1, 250)}.{dice.below(250)}.{dice.between(1, 250)}"
        net = dice.choice((45, 91, 185, 193, 203))
        inside = f"10.{world.nets[36]}.{dice.below(200)}.{dice.between(2, 250)}"
        kind = dice.choice(("linux", "windows"))
        one = Host(
            world,
            f"{net}.{rest}" if outside else inside,
            dice.uniform(0.1, 20) * MS,
            kind,
        )
        one.nic.mac, one.nic.ttl = router, dice.between(40, 62)
        made.append(one)
    return made


def span(world: Street, low: float = 3, high: float = 8) -> tuple[int, int]:
    """Return when an incident begins and ends."""
    start = world.at_share(world.dice.uniform(0.35, 0.6))
    return start, int(start + world.dice.uniform(low, high) * SECOND)


def times(world: Street, when: tuple[int, int], rate: float) -> list[int]:
    """Return when a flood's packets come, so many a second; some swell at first."""
    dice, out = world.dice, []
    ramp = dice.choice((0, 0, 0, 0.05, 0.4)) * SECOND
    is_even = dice.chance(0.3)
    at = float(when[0])
    while at < when[1] and len(out) < 25_000:
        share = min(1.0, 0.1 + 0.9 * (at - when[0]) / ramp) if ramp else 1.0
        out.append(int(at))
        gap = SECOND / (rate * share)
        at += gap if is_even else dice.wait(gap)
    return out


def pour(
    world: Street, make: Make, rate: float, sources: list[Host], gate: Gate, **more: Any
) -> None:
    """Send frames that `make(source)` gives; forged ones take sources in turns."""
    dice, when = world.dice, more.get("when") or span(world, 2, 5)
    hosts = [one.address for one in sources]
    incident = world.incident("flood", when, (), hosts, gateway=gate.name)
    for number, at in enumerate(times(world, when, rate)):
        forged = more.get("forged")
        source = sources[number % len(sources)] if forged else dice.choice(sources)
        sent, *answer = make(source)
        world.put(at, sent)
        world.hurt(incident, "*" if forged else source.address, at)
        for one in answer:
            world.put(at + dice.between(6, 40) * US, one)


def syns(world: Street, gate: Gate, *, answered: bool = True) -> Make:
    """Return a maker of SYNs, and of what answers them."""
    dice = world.dice
    options = dice.choice(OPTIONS)
    window = dice.choice((1024, 512, 64240, 8192))

    def make(source: Host) -> tuple[bytes, ...]:
        port, seq = dice.between(1024, 65535), dice.below(1 << 32)
        one = Segment((port, gate.port), seq, 0, SYN, window, options)
        sent = wire.tcp(source.nic, gate.host.nic, one)
        back = (gate.port, port), dice.below(1 << 32), seq + 1
        two = Segment(*back, SYN | ACK, 64240, MSS)
        return (sent, wire.tcp(gate.host.nic, source.nic, two)) if answered else (sent,)

    return make


@family("flood", Street)
def street_syn_forged(world: Street) -> None:
    """SYNs of sources that do not exist."""
    dice, gate = world.dice, world.dice.choice(world.gates)
    sources = outsiders(world, dice.choice((800, 3000)))
    make = syns(world, gate, answered=dice.chance(0.7))
    pour(world, make, world.pick(12000, 900), sources, gate, forged=True)


@family("flood", Street)
def street_syn_few(world: Street) -> None:
    """SYNs of one to four machines, of the inside or the outside."""
    dice, gate = world.dice, world.dice.choice(world.gates)
    sources = outsiders(world, dice.between(1, 5), outside=dice.chance(0.6))
    pour(world, syns(world, gate), world.pick(6000, 250), sources, gate)


@family("flood", Street)
def street_syn_slow(world: Street) -> None:
    """SYNs of one machine at a low rate, until the backlog is full."""
    gate = world.dice.choice(world.gates)
    when = span(world, 6, 12)
    sources = outsiders(world, 1)
    pour(world, syns(world, gate), world.pick(180, 40), sources, gate, when=when)


@family("flood", Street)
def street_acks(world: Street) -> None:
    """ACKs of no connection; each is answered with RST."""
    dice, gate = world.dice, world.dice.choice(world.gates)
    forged = dice.chance(0.5)
    flags, size = dice.choice((ACK, ACK | PSH)), dice.choice((0, 0, 64, 512))

    def make(source: Host) -> tuple[bytes, ...]:
        port, seq, ack = (
            dice.between(1024, 65535),
            dice.below(1 << 32),
            dice.below(1 << 32),
        )
        one = Segment((port, gate.port), seq, ack, flags, 512, b"", bytes(size))
        two = Segment((gate.port, port), ack, 0, RST, 0)
        sent = wire.tcp(source.nic, gate.host.nic, one)
        return sent, wire.tcp(gate.host.nic, source.nic, two)

    sources = outsiders(world, 2000 if forged else dice.between(1, 4))
    pour(world, make, world.pick(8000, 500), sources, gate, forged=forged)


@family("flood", Street)
def street_datagrams(world: Street) -> None:
    """Datagrams to the gateway, reflected or not; now and then it says unreachable."""
    dice, gate = world.dice, world.dice.choice(world.gates)
    size, port = dice.choice((18, 64, 512, 1400)), dice.choice((0, 53, 123, gate.port))
    reflected = dice.chance(0.4)

    def make(source: Host) -> tuple[bytes, ...]:
        own = (
            dice.choice((53, 123, 1900, 389))
            if reflected
            else dice.between(1024, 65535)
        )
        ports = own, port or dice.between(1, 65535)
        sent = wire.udp(source.nic, gate.host.nic, ports, dice.octets(size))
        if not dice.chance(0.005):
            return (sent,)
        inner = bytes(4) + sent[18 if world.vlan else 14 :][:28]
        return sent, wire.icmp(gate.host.nic, source.nic, (3, 3), inner)

    sources = outsiders(world, 400 if reflected else dice.between(1, 6))
    pour(world, make, world.pick(9000, 500), sources, gate, forged=reflected)


def each(
    world: Street, when: tuple[int, int], rate: float, one: Any, **more: Any
) -> None:
    """Have `one(source, incident)` happen so many times a second, by few sources."""
    gate, sources = more["gate"], more["sources"]
    hosts = [source.address for source in sources]
    incident = world.incident("flood", when, (), hosts, gateway=gate.name)
    for at in times(world, when, rate):
        world.at(at, one, world.dice.choice(sources), incident)


@family("flood", Street)
def street_connections(world: Street) -> None:
    """Whole connections, opened and left, or closed soon."""
    dice, gate = world.dice, world.dice.choice(world.gates)
    close = dice.choice((0, 5 * MS, 300 * MS))

    def one(source: Host, incident: dict[str, Any]) -> None:
        conn = Conn(world, source, gate.host, gate.port)
        end = conn.reset if dice.chance(0.5) else conn.finish
        if close:
            conn.on_open = lambda: world.after(close, end, conn.c)
        conn.connect()
        world.hurt(incident, source.address, conn.c.last_tap)

    sources = outsiders(world, dice.between(1, 8), outside=dice.chance(0.5))
    given = {"gate": gate, "sources": sources}
    each(world, span(world, 3, 6), world.pick(1200, 50), one, **given)


def bad_logon(world: Street, source: Host, gate: Gate, comp: str, secret: str) -> int:
    """Connect and log on with what is not accepted; return when the tap saw it."""
    conn = Conn(world, source, gate.host, gate.port)

    def hello() -> None:
        head = f"49={comp}|56={gate.comp}|34=1|52={stamp(world.now, 3)}"
        text = f"98=0|108=30|553={comp}|554={secret}"
        conn.send(conn.c, frame("A", head, text), ("bad", comp))

    conn.on_open = hello
    conn.connect()
    return conn.c.last_tap


@family("flood", Street)
def street_logons(world: Street) -> None:
    """Logons of nobody, as fast as it goes; each is refused."""
    dice, gate = world.dice, world.dice.choice(world.gates)

    def one(source: Host, incident: dict[str, Any]) -> None:
        comp = f"CL{dice.below(99999):05d}"
        tap = bad_logon(world, source, gate, comp, "x")
        world.hurt(incident, source.address, tap)

    sources = outsiders(world, dice.between(1, 6), outside=dice.chance(0.5))
    given = {"gate": gate, "sources": sources}
    each(world, span(world, 3, 6), world.pick(350, 25), one, **given)


@family("flood", Street)
def street_drip(world: Street) -> None:
    """Connections that log on three bytes at a time, and never finish."""
    dice, gate = world.dice, world.dice.choice(world.gates)
    start, end = span(world, 8, 12)
    text = frame(
        "A", f"49=DRIP|56={gate.comp}|34=1|52={stamp(start, 3)}", "98=0|108=30"
    )

    def drip(conn: Conn, incident: dict[str, Any], at: int) -> None:
        if conn.is_dead or world.now > end:
            return
        conn.send(conn.c, text[at : at + 3])
        world.hurt(incident, conn.c.host.address, conn.c.last_tap)
        if at + 6 < len(text):
            world.after(dice.uniform(0.3, 1.5) * SECOND, drip, conn, incident, at + 3)

    def one(source: Host, incident: dict[str, Any]) -> None:
        conn = Conn(world, source, gate.host, gate.port)
        conn.on_open = lambda: drip(conn, incident, 0)
        conn.connect()
        world.hurt(incident, source.address, conn.c.last_tap)

    given = {"gate": gate, "sources": outsiders(world, dice.between(1, 5))}
    each(world, (start, end - 3 * SECOND), world.pick(60, 12), one, **given)


@family("flood", Street)
def street_garbage(world: Street) -> None:
    """Noise, or FIX whose sums are wrong, on a few open connections."""
    dice, gate = world.dice, world.dice.choice(world.gates)
    when = span(world, 3, 6)
    sources = outsiders(world, dice.between(1, 5), outside=dice.chance(0.5))
    hosts = [one.address for one in sources]
    incident = world.incident("flood", when, (), hosts, gateway=gate.name)
    is_fix, size = dice.chance(0.4), dice.choice((60, 400, 1300))
    gap = len(sources) / world.pick(3000, 200) * SECOND

    def noise() -> bytes:
        if not is_fix:
            return dice.octets(size)
        head = b"8=FIX.4.4\x019=%d\x0135=D\x01" % dice.below(999)
        return head + dice.octets(size // 2) + b"\x0110=999\x01"

    def go_on(conn: Conn) -> None:
        if conn.is_dead or world.now > when[1]:
            return
        conn.send(conn.c, noise())
        world.hurt(incident, conn.c.host.address, conn.c.last_tap)
        world.after(dice.wait(gap), go_on, conn)

    def one(source: Host) -> None:
        conn = Conn(world, source, gate.host, gate.port)
        conn.on_open = lambda: go_on(conn)
        conn.connect()

    for source in sources:
        world.at(when[0], one, source)
