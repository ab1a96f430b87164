"""Floods of a bourse's gateways."""

import dataclasses
import struct
from collections.abc import Callable

from strangers import bourse_sieges as sieges
from strangers.bourse import Bourse
from strangers.bourse_clock import Steps
from strangers.bourse_desk import Harm
from strangers.bourse_fix import in_36
from strangers.bourse_gateway import Gateway
from strangers.bourse_sieges import Force, Talk
from strangers.bourse_tcp import Conn, Context
from strangers.bourse_wire import Host, Way
from strangers.loop import MS, SECOND
from strangers.registry import family
from strangers.wire import ACK, FIN, PSH, RST, SYN, Segment

MSS = b"\x02\x04\x05\xb4"
STAMPED = MSS + b"\x04\x02\x08\x0a\x12\x34\x56\x78" + bytes(4) + b"\x01\x03\x03\x07"
LOGON = "98=0\x01108=30\x01"
FORMS = ("rand", "tls", "http", "fix")
#: Flags of the segments of a flood that begins no connection.
BARE = ((ACK,), (RST,), (RST | ACK,), (ACK, RST), (PSH | ACK,), (FIN | ACK, ACK))
#: The most packets a flood has, by its kind.
MOST_SYN, MOST_UDP, MOST_BARE = 85000, 110000, 90000


@family("flood", Bourse)
def bourse_syn_flood(w: Bourse) -> None:
    """SYNs, forged where the seed is even; 100 to 12,600 a second."""
    gw = w.rng.choice(w.gws)
    rate = w.level(9000, 150) * w.rng.uniform(0.7, 1.4)
    SynFlood(w, gw, rate, is_forged=w.seed % 2 == 0)


class SynFlood:
    """SYNs of some sources, or of forged addresses, and what the gateway answers."""

    def __init__(self, w: Bourse, gw: Gateway, rate: float, *, is_forged: bool) -> None:
        r = w.rng
        self.w, self.gw, self.is_forged = w, gw, is_forged
        self.rate = min(rate, MOST_SYN / ((w.end - w.onset) / SECOND))
        self.answered = min(1.0, r.uniform(300, 2500) / self.rate)
        self.options = r.choice((b"", MSS, STAMPED))
        self.rests = sieges.pulses(w)
        self.ttl = r.randrange(40, 120)
        sieges.strain(w, gw, self.rate, w.end)
        self.sources: list[Host] = []
        self.pool: list[str] = []
        if not is_forged:
            self.sources = sieges.some_sources(w, r.choice((1, 2, 4, 8, 20)))
        elif r.random() < 0.7:
            count = r.choice((60, 400, 2000, 20000))
            self.pool = [w.foreign() for _ in range(count)]
        self.does_reset = r.random() < 0.6
        self.harm: dict[str, Harm] = {}
        self.hosts = [host.ip for host in self.sources]
        self._named = set(self.hosts)
        w.clock.play(self._go(), w.onset + w.warm)
        sieges.blame(w, gw, self.harm, self.hosts)

    def _go(self) -> Steps:
        w, r = self.w, self.w.rng
        while w.clock.now < w.end:
            yield r.expovariate(self.rate) * SECOND
            if self.rests():
                continue
            seq, port = r.randrange(1 << 32), r.randrange(1024, 65535)
            ports = port, self.gw.port
            one = Segment(ports, seq, 0, SYN, 65535, self.options)
            if self.is_forged:
                self._forge(one)
                continue
            host = r.choice(self.sources)
            t = sieges.throw(w, host, self.gw.host, one)
            self.harm.setdefault(host.ip, []).append(t)
            if r.random() < self.answered:
                w.clock.after(40000, self._answer, (host.mac, host.raw), one, host)

    def _forge(self, one: Segment) -> None:
        w, r = self.w, self.w.rng
        ip = r.choice(self.pool) if self.pool else _anything(w)
        if ip in w.used:
            return
        if ip not in self._named:
            self._named.add(ip)
            self.hosts.append(ip)
        raw = bytes(int(part) for part in ip.split("."))
        ttl, ident = self.ttl + r.randrange(-3, 4), r.randrange(65536)
        target = self.gw.host
        way = Way(target.mac + w.edge, raw, target.raw, ttl, ident)
        t = w.mirror.tcp(w.clock.now + r.randrange(1000, 9000), way, one)
        self.harm.setdefault("spoofed", []).append(t)
        if r.random() < self.answered:
            w.clock.after(40000, self._answer, (w.edge, raw), one, None)

    def _answer(self, to: tuple[bytes, bytes], one: Segment, host: Host | None) -> None:
        w, r, gw = self.w, self.w.rng, self.gw
        back, first = one.ports[::-1], r.randrange(1 << 32)
        segment = Segment(back, first, one.sequence + 1, SYN | ACK, 64240, MSS)
        sieges.answer(w, gw, to, segment)
        if self.does_reset and host:
            end = Segment(one.ports, one.sequence + 1, 0, RST)
            late = host.delay() * 2 + gw.host.near
            w.clock.after(late, sieges.throw, w, host, gw.host, end)
        elif r.random() < 0.3:
            w.clock.after(SECOND, self._again, to, segment, 1)

    def _again(self, to: tuple[bytes, bytes], segment: Segment, shift: int) -> None:
        sieges.answer(self.w, self.gw, to, segment)
        if shift < 2:
            wait = (1 << shift) * SECOND
            self.w.clock.after(wait, self._again, to, segment, shift + 1)


def _anything(w: Bourse) -> str:
    r = w.rng
    first, second, third = r.randrange(1, 223), r.randrange(256), r.randrange(256)
    return f"{first}.{second}.{third}.{r.randrange(1, 255)}"


def connect(
    w: Bourse, gw: Gateway, counts: tuple[int, ...], rate: float, talk: Talk
) -> None:
    """Have one of these counts of sources connect so often a second, about."""
    count, rate = w.rng.choice(counts), rate * w.rng.uniform(0.7, 1.4)
    force = Force(gw, sieges.some_sources(w, count), rate, w.end)
    sieges.connections(w, force, talk)


@family("flood", Bourse)
def bourse_conn_flood(w: Bourse) -> None:
    """Handshakes that are finished, then held, closed, or reset by either side."""
    r, clock = w.rng, w.clock
    gw, manner = r.choice(w.gws), r.choice(("hold", "fin", "rst", "srv"))

    def talk(conn: Conn) -> None:
        if manner == "hold":
            clock.after(r.uniform(2, 20) * SECOND, conn.close, 0)
        elif manner == "fin":
            clock.after(r.expovariate(1) * 80 * MS, conn.close, 0)
        elif manner == "rst":
            clock.after(r.expovariate(1) * 4 * MS, conn.reset, 0)
        else:
            clock.after(r.uniform(0.5, 3) * SECOND, conn.reset, 1)

    connect(w, gw, (1, 1, 2, 5, 12, 40), w.level(900, 25), talk)


@family("flood", Bourse)
def bourse_logon_flood(w: Bourse) -> None:
    """Logons of known or made-up CompIDs, each refused or cut off."""
    r, clock = w.rng, w.clock
    gw, comps = r.choice(w.gws), [link.comp for link in w.links]
    manner = r.choice(("bogus", "known", "mix"))
    end = r.choice(("logout", "fin", "rst"))

    def refuse(conn: Conn, comp: str) -> None:
        if end == "logout":
            text = "58=Logon refused\x01"
            conn.write(1, sieges.raw_fix(w, "5", 1, (gw.comp, comp), text))
        clock.after(2 * MS, conn.reset if end == "rst" else conn.close, 1)

    def talk(conn: Conn) -> None:
        if manner == "known" or (manner == "mix" and r.random() < 0.5):
            comp = r.choice(comps)
        else:
            comp = in_36(r.randrange(36**6), 6)

        def hear(side: int, _: Context) -> None:
            if side == 0:
                clock.after(r.uniform(0.2, 2) * MS, refuse, conn, comp)

        conn.on_data = hear
        body = LOGON + ("141=Y\x01" if r.random() < 0.5 else "")
        conn.write(0, sieges.raw_fix(w, "A", 1, (comp, gw.comp), body), ("A",))

    connect(w, gw, (1, 2, 5, 12), w.level(500, 12), talk)


@family("flood", Bourse)
def bourse_garbage(w: Bourse) -> None:
    """Connections that say noise, TLS, HTTP or broken FIX, until they are cut off."""
    r = w.rng
    gw, form = r.choice(w.gws), r.choice((*FORMS, "mix"))
    many = r.choice((1, 1, 3, 12))

    def talk(conn: Conn) -> None:
        for _ in range(1 + int(r.expovariate(1 / many))):
            conn.write(0, _junk(w, gw, form))
        wait = r.uniform(1, 60) * MS
        end = conn.reset if r.random() < 0.6 else conn.close
        w.clock.after(wait, end, 1)

    connect(w, gw, (1, 2, 4, 10), w.level(400, 8), talk)


def _junk(w: Bourse, gw: Gateway, form: str) -> bytes:
    r = w.rng
    form = r.choice(FORMS) if form == "mix" else form
    if form == "rand":
        return r.randbytes(r.randrange(10, 1300))
    if form == "tls":
        head = b"\x16\x03\x01" + struct.pack("!H", 508) + b"\x01\0\x01\xf8\x03\x03"
        return head + r.randbytes(502)
    if form == "http":
        page, host = in_36(r.randrange(10**9), 5), gw.host.ip
        return f"GET /{page} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    kind, body = r.choice("ADV0"), f"98=0\x01108={r.randrange(99)}\x01"
    whole = sieges.raw_fix(w, kind, 1, ("AAAA", gw.comp), body)
    if r.random() < 0.6:
        return whole[:-4] + b"%03d\x01" % r.randrange(256)
    return whole[: r.randrange(10, len(whole))] + r.randbytes(30)


@family("flood", Bourse)
def bourse_slow_open(w: Bourse) -> None:
    """Few connections a second that stay half open, idle, or drip a logon."""
    r = w.rng
    gw, count = r.choice(w.gws), r.choice((4, 8, 20, 45))
    rate = w.level(60, 6) * r.uniform(0.8, 1.3)
    manner = r.choice(("half", "drip", "idle"))
    force = Force(gw, sieges.some_sources(w, count), rate, w.end)
    if manner == "half":
        harm: dict[str, Harm] = {}
        w.clock.play(_half_open(w, force, harm), w.onset + w.warm)
        sieges.blame(w, gw, harm, [host.ip for host in force.sources])
        return

    def talk(conn: Conn) -> None:
        ends = f"CLIENT{r.randrange(99)}", gw.comp
        logon = sieges.raw_fix(w, "A", 1, ends, LOGON)
        if manner == "drip":
            w.clock.play(_drip(w, conn, logon))

    sieges.connections(w, force, talk)


def _half_open(w: Bourse, force: Force, harm: dict[str, Harm]) -> Steps:
    r, (gw, sources, rate, end) = w.rng, force
    while w.clock.now < end:
        yield r.expovariate(rate) * SECOND
        host = r.choice(sources)
        ports, seq = (host.port(), gw.port), r.randrange(1 << 32)
        one = Segment(ports, seq, 0, SYN, options=MSS)
        t = sieges.throw(w, host, gw.host, one, 64240)
        harm.setdefault(host.ip, []).append(t)
        first, to = r.randrange(1 << 32), (host.mac, host.raw)
        back = Segment(ports[::-1], first, seq + 1, SYN | ACK, 64240, MSS)
        for late in (0, 1, 3, 7):
            w.clock.after(late * SECOND + 30000, sieges.answer, w, gw, to, back)


def _drip(w: Bourse, conn: Conn, logon: bytes) -> Steps:
    """Send a logon three bytes at a time, but for its end."""
    for at in range(0, len(logon) - 12, 3):
        yield w.rng.uniform(0.3, 2) * SECOND
        conn.write(0, logon[at : at + 3])


@family("flood", Bourse)
def bourse_udp_flood(w: Bourse) -> None:
    """Datagrams of one size or many, for one port or many; 175 to 14,000 a second."""
    r = w.rng
    gw = r.choice(w.gws)
    sources = sieges.some_sources(w, r.choice((1, 2, 5, 16)))
    rate = w.level(11000, 250) * r.uniform(0.7, 1.3)
    rate = min(rate, MOST_UDP / ((w.end - w.onset) / SECOND))
    size, port = r.choice((0, 64, 512, 1400)), r.choice((gw.port, gw.port, 0, 53))
    harm: dict[str, Harm] = {}
    rests = sieges.pulses(w)
    sieges.strain(w, gw, rate, w.end)
    junk = r.randbytes(1472)

    def go() -> Steps:
        while w.clock.now < w.end:
            yield r.expovariate(rate) * SECOND
            if rests():
                continue
            host, length = r.choice(sources), size or r.randrange(8, 1400)
            ports = r.randrange(1024, 65535), port or r.randrange(1, 65535)
            t = w.clock.now + r.randrange(1000, 9000)
            t = w.mirror.udp(host, gw.host, ports, junk[:length], t)
            harm.setdefault(host.ip, []).append(t)

    w.clock.play(go(), w.onset + w.warm)
    sieges.blame(w, gw, harm, [host.ip for host in sources])


@family("flood", Bourse)
def bourse_ackrst_flood(w: Bourse) -> None:
    """Segments that belong to no connection, of real or forged sources."""
    r = w.rng
    gw, is_forged, flags = r.choice(w.gws), r.random() < 0.5, r.choice(BARE)
    rate = w.level(11000, 250) * r.uniform(0.7, 1.3)
    rate = min(rate, MOST_BARE / ((w.end - w.onset) / SECOND))
    sources, pool = [], []
    if is_forged:
        pool = [w.foreign() for _ in range(r.choice((50, 500, 5000)))]
    else:
        sources = sieges.some_sources(w, r.choice((1, 3, 8)))
    rests = sieges.pulses(w)
    sieges.strain(w, gw, rate, w.end)
    flood = _Bare(w, gw, flags, sources, pool)
    flood.answered = r.uniform(50, 1000) / rate
    w.clock.play(flood.go(rate, rests), w.onset + w.warm)
    sieges.blame(w, gw, flood.harm, flood.hosts)


@dataclasses.dataclass
class _Bare:
    """Segments that belong to no connection, and what the gateway answers."""

    w: Bourse
    gw: Gateway
    flags: tuple[int, ...]
    sources: list[Host]
    #: Forged addresses; empty if there are none.
    pool: list[str]
    answered: float = 0.0
    harm: dict[str, Harm] = dataclasses.field(default_factory=dict)
    hosts: list[str] = dataclasses.field(default_factory=list)

    def go(self, rate: float, rests: Callable[[], bool]) -> Steps:
        """Send so many a second."""
        self.hosts += [host.ip for host in self.sources]
        named = set(self.hosts)
        r = self.w.rng
        while self.w.clock.now < self.w.end:
            yield r.expovariate(rate) * SECOND
            if rests():
                continue
            flags, port = r.choice(self.flags), r.randrange(1024, 65535)
            seq, ack = r.randrange(1 << 32), r.randrange(1 << 32)
            data = bytes(r.choice((0, 10, 100))) if flags & PSH else b""
            ports, seen = (port, self.gw.port), ack if flags & ACK else 0
            one = Segment(ports, seq, seen, flags, 8192, b"", data)
            to = self._forge(one, named) if self.pool else self._throw(one)
            if flags & ACK and not flags & RST and r.random() < self.answered:
                back = Segment(ports[::-1], ack, 0, RST, 0)
                sieges.answer(self.w, self.gw, to, back, 45000)

    def _throw(self, one: Segment) -> tuple[bytes, bytes]:
        host = self.w.rng.choice(self.sources)
        t = sieges.throw(self.w, host, self.gw.host, one)
        self.harm.setdefault(host.ip, []).append(t)
        return host.mac, host.raw

    def _forge(self, one: Segment, named: set[str]) -> tuple[bytes, bytes]:
        w, r, target = self.w, self.w.rng, self.gw.host
        ip = r.choice(self.pool)
        if ip not in named:
            named.add(ip)
            self.hosts.append(ip)
        raw = bytes(int(part) for part in ip.split("."))
        ttl, ident = r.randrange(40, 60), r.randrange(65536)
        way = Way(target.mac + w.edge, raw, target.raw, ttl, ident)
        t = w.mirror.tcp(w.clock.now + r.randrange(1000, 9000), way, one)
        self.harm.setdefault("spoofed", []).append(t)
        return w.edge, raw
