"""Floods against an exchange's gateways."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strangers.exchange import Exchange
from strangers.exchange_mirror import PLAIN, Ends, Step
from strangers.exchange_tcp import Gateway
from strangers.exchange_wire import (
    ACK,
    IPV4,
    MS,
    PSH,
    RST,
    SYN,
    US,
    WORD,
    Many,
    Numbers,
    S,
    Segment,
    Times,
    number,
)
from strangers.registry import family

FULL = (
    b"\x02\x04\x05\xb4\x04\x02\x08\x0a\x00\x11\x22\x33\x00\x00\x00\x00\x01\x03\x03\x07"
)
BRIEF = b"\x02\x04\x05\xb4"
HTTP = b"GET / HTTP/1.1\r\nHost: gw\r\nUser-Agent: zgrab/0.x\r\n\r\n"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
Harm = dict[str, list[int]]


def outside(w: Exchange) -> str:
    """Return an address of the Internet."""
    r = w.rng
    first = r.choice([45, 91, 185, 193, 194, 203, 212])
    rest = r.randrange(1, 255), r.randrange(1, 255), r.randrange(2, 250)
    return ".".join(map(str, (first, *rest)))


def strangers(w: Exchange, count: int, inside: str = "maybe") -> list[str]:
    """Return hosts that nobody knows: all of one network, or all of the Internet."""
    r = w.rng
    if inside == "maybe" and r.random() < 0.4:
        net = w.net()
        return [f"{net}.{last}" for last in r.sample(range(100, 250), count)]
    drawn: set[str] = set()
    while len(drawn) < count:
        drawn.add(outside(w))
    found = sorted(drawn)
    r.shuffle(found)
    return found


def hurt(w: Exchange, gw: Gateway, times: float) -> None:
    """Have a flood make a gateway so much slower while it lasts."""
    usual = gw.lat
    w.at(w.onset + 200 * MS, setattr, gw, "lat", usual * times)
    w.at(w.onset + w.length + 200 * MS, setattr, gw, "lat", usual)


def blame(w: Exchange, gw: Gateway, end: int, sources: list[str], harm: Harm) -> None:
    """Note that sources flood a gateway."""
    w.incident("flood", (w.onset, end), (), sources, harm, gateway=gw.addr)


def steady(w: Exchange, rate: float, frames: int) -> int:
    """Return when a flood of at most about so many frames ends: 5 s at least."""
    most = w.onset + max(5 * S, int(frames / rate * S))
    return min(w.onset + w.length, most)


@dataclasses.dataclass
class Syns:
    """A flood of SYN segments: when, from where to where, with which numbers."""

    w: Exchange
    gw: Gateway
    sources: list[str]
    is_forged: bool

    def draw(self, end: int, rate: float) -> None:
        """Draw what the segments say."""
        w, r = self.w, self.w.np
        self.times: Times = w.times((w.onset, end), rate, 0.3, 240_000)
        count = len(self.times)
        self.who = r.integers(0, len(self.sources), count)
        listed = np.array([number(one) for one in self.sources], np.int64)
        self.source: NDArray[Any] = listed[self.who]
        self.sport = r.integers(1024, 65536, count)
        self.seq = r.integers(0, 2**32, count)

    def send(self) -> None:
        """Have them pass the mirror."""
        w, gw, r = self.w, self.gw, self.w.rng
        options = FULL if r.random() < 0.5 else (BRIEF if r.random() < 0.6 else b"")
        self.ttl: Numbers = 0
        if self.is_forged:
            self.ttl = r.randint(44, 60)
        else:
            self.ttl = np.array([w.ttl(one) for one in self.sources])[self.who]
        self.far = w.mac(outside(w) if self.is_forged else self.sources[0])
        forth = w.mac(gw.ip) + self.far + IPV4
        window = r.choice([1024, 64240, 65535, 512])
        ways = self.source, number(gw.ip), self.sport, gw.port, self.ttl
        rest: dict[str, Any] = {"seq": self.seq, "flags": SYN, "window": window}
        w.many_tcp(Many(self.times, forth, *ways, **rest, options=options))

    def answer(self, rate: float) -> None:
        """Have the gateway answer: while it has room, then by cookies or hardly."""
        w, gw, r, q = self.w, self.gw, self.w.rng, self.w.np
        has_cookies = r.random() < 0.6
        most = min(rate, r.uniform(2000, 9000)) if has_cookies else r.uniform(60, 250)
        kept = q.random(len(self.times)) < np.minimum(1, most / rate)
        kept[: r.randint(128, 1024)] = True
        room = max(360_000 - len(w.frames), 0)
        kept[np.flatnonzero(kept)[room:]] = False
        count = int(kept.sum())
        times = self.times[kept] + q.integers(7 * US, 40 * US, count)
        source, sport = self.source[kept], self.sport[kept]
        near, gwi = w.mac(gw.ip), number(gw.ip)
        ways = gwi, source, gw.port, sport, 64
        seen = (self.seq[kept] + 1) % 2**32
        rest: dict[str, Any] = {"seq": q.integers(0, 2**32, count), "ack": seen}
        rest |= {"flags": SYN | ACK, "window": 65160, "options": BRIEF}
        w.many_tcp(Many(times, self.far + near + IPV4, *ways, **rest))
        if not self.is_forged and r.random() < 0.5:
            ttl = self.ttl if isinstance(self.ttl, int) else self.ttl[kept]
            ways = source, gwi, sport, gw.port, ttl
            forth = near + self.far + IPV4
            w.many_tcp(Many(times + 250 * US, forth, *ways, seq=seen, flags=RST))

    def harm(self) -> Harm:
        """Return when each source, or all that are forged, sent."""
        return by_source(self.times, self.who, self.sources, self.is_forged)


def by_source(times: Times, who: Times, sources: list[str], is_forged: int) -> Harm:
    """Return when each source sent, or all of them, if they are forged."""
    if is_forged:
        return {"*": times.tolist()}
    return {one: times[who == at].tolist() for at, one in enumerate(sources)}


def syns(flood: Syns, end: int, rate: float) -> Harm:
    """Have a flood of SYN segments pass, and its answers; return when they came."""
    flood.draw(end, rate)
    flood.send()
    flood.answer(rate)
    return flood.harm()


@family("flood", Exchange)
def exchange_syn_flood(w: Exchange) -> None:
    """SYN segments: odd seeds from a few hosts, even ones from thousands of forged."""
    r = w.rng
    w.start_sessions()
    gw = r.choice(w.gws)
    is_forged = w.seed % 2 == 0
    if is_forged:
        sources = strangers(w, r.randint(2000, 6000), "no")
    else:
        sources = strangers(w, r.randint(1, 5))
    rate = r.between_logs(1500, 30000)
    end = steady(w, rate, 150_000)
    harm = syns(Syns(w, gw, sources, is_forged), end, rate)
    hurt(w, gw, r.uniform(1, 2.5))
    blame(w, gw, end, sources, harm)


@family("flood", Exchange)
def exchange_connect_flood(w: Exchange) -> None:
    """Hosts open whole connections to the FIX port, and hold or drop them."""
    r = w.rng
    w.start_sessions()
    gw = r.choice(w.gws)
    sources = strangers(w, r.randint(2, 12))
    rate = r.between_logs(150, 1500)
    harm: Harm = {one: [] for one in sources}
    way_out = r.choice(["hold", "fin", "rst", "hold"])
    ports = {one: r.randrange(1024, 60000) for one in sources}
    length = min(w.length, int(14_000 / rate * S)) if rate > 1000 else w.length
    end = w.onset + length
    rtts = {one: int(r.between_logs(0.2, 20) * MS) for one in sources}
    for t in w.times((w.onset, end), rate, 0.5, 15_000).tolist():
        one = r.choice(sources)
        ports[one] = 1024 + (ports[one] - 1023) % 64000
        w.flow(t, Ends(one, ports[one], gw.ip, gw.port), rtts[one], [], way_out)
        harm[one].append(t)
    hurt(w, gw, r.uniform(1, 2))
    blame(w, gw, end, sources, harm)


@family("flood", Exchange)
def exchange_logon_flood(w: Exchange) -> None:
    """Strangers log on under made-up CompIDs, and are refused each time."""
    r = w.rng
    w.start_sessions()
    gw = r.choice(w.gws)
    sources = strangers(w, r.randint(1, 8))
    rate = r.between_logs(60, 400)
    harm: Harm = {one: [] for one in sources}
    rtts = {one: int(r.between_logs(0.2, 15) * MS) for one in sources}
    end = w.onset + w.length
    for t in w.times((w.onset, end), rate, 0.5, 8000).tolist():
        one = r.choice(sources)
        comp = "".join(r.choice(LETTERS) for _ in range(5)) + f"{r.randrange(100):02d}"
        ends = Ends(one, r.randrange(1024, 65000), gw.ip, gw.port)
        logon = w.bad_logon(comp, 1, f"{r.getrandbits(32):08x}", t)
        late = int(r.between_logs(0.2, 3) * MS)
        said = w.refusal(comp, t + MS, "Unknown CompID")
        steps = [(60 * US, "c", logon), (late, "s", said)]
        w.flow(t, ends, rtts[one], steps, "sfin")
        harm[one].append(t)
    hurt(w, gw, r.uniform(1, 2))
    blame(w, gw, end, sources, harm)


@family("flood", Exchange)
def exchange_udp_flood(w: Exchange) -> None:
    """UDP to a gateway's address from a few hosts, some of it told unreachable."""
    r = w.rng
    w.start_sessions()
    gw = r.choice(w.gws)
    sources = strangers(w, r.randint(1, 6))
    rate = r.between_logs(2000, 40000)
    end = steady(w, rate, 150_000)
    size = r.choice([18, 64, 256, 512])
    is_random = r.random() < 0.5
    harm: Harm = {}
    for one in sources:
        span = w.onset + r.randrange(80 * MS), end
        own = rate / len(sources), 0.2, 230_000 // len(sources)
        times = w.times(span, *own)
        sport: Numbers
        dport: Numbers = gw.port
        if is_random:
            dport = w.np.integers(1, 65536, len(times))
            sport = w.np.integers(1024, 65536, len(times))
        else:
            sport = r.randrange(1024, 65000)
        ends = number(one), number(gw.ip)
        many = Many(times, w.eth(one, gw.ip), *ends, sport, dport, w.ttl(one))
        many.size = size
        w.many_udp(many)
        harm[one] = times.tolist()
        for t in range(w.onset + 100 * MS, end, S):
            for k in range(6):
                _unreachable(w, t + k * 200 * US, gw, one, size)
    hurt(w, gw, r.uniform(1, 2))
    blame(w, gw, end, sources, harm)


def _unreachable(w: Exchange, t: int, gw: Gateway, source: str, size: int) -> None:
    head = w.stacks.ip((number(source), number(gw.ip)), 17, 8 + size, 64)
    ports = bytes([4, 0, gw.port >> 8, gw.port & 255])
    rest = bytes(4) + head + ports + bytes([0, 8 + size & 255, 0, 0])
    w.icmp(t, (gw.ip, source), (3, 3), rest, 64)


@family("flood", Exchange)
def exchange_stray_flood(w: Exchange) -> None:
    """ACK or RST segments of no connection; the gateway resets what it can."""
    r, q = w.rng, w.np
    w.start_sessions()
    gw = r.choice(w.gws)
    is_forged = r.random() < 0.5
    if is_forged:
        sources = strangers(w, r.randint(1500, 4000), "no")
    else:
        sources = strangers(w, r.randint(1, 6))
    rate = r.between_logs(1500, 25000)
    end = steady(w, rate, 130_000)
    times = w.times((w.onset, end), rate, 0.3, 200_000)
    count = len(times)
    who = q.integers(0, len(sources), count)
    source = np.array([number(one) for one in sources], np.int64)[who]
    mode = r.choice(["ack", "rst", "mix"])
    mixed = q.choice([ACK, RST, RST | ACK, PSH | ACK], count)
    flags = {"ack": np.full(count, ACK), "rst": np.full(count, RST), "mix": mixed}[mode]
    sport, seq = q.integers(1024, 65536, count), q.integers(0, 2**32, count)
    ack = q.integers(0, 2**32, count)
    far, near, gwi = w.mac(sources[0]), w.mac(gw.ip), number(gw.ip)
    window = q.integers(64, 65535, count)
    rest: dict[str, Any] = {"seq": seq, "ack": np.where(flags & ACK, ack, 0)}
    rest |= {"flags": flags, "window": window}
    way = source, gwi, sport, gw.port, r.randint(44, 60)
    w.many_tcp(Many(times, near + far + IPV4, *way, **rest))
    share = min(1, (340_000 - len(w.frames)) / max(1, count))
    kept = ((flags & RST) == 0) & (q.random(count) < share)
    late = times[kept] + q.integers(5 * US, 25 * US, int(kept.sum()))
    back = gwi, source[kept], gw.port, sport[kept], 64
    w.many_tcp(Many(late, far + near + IPV4, *back, seq=ack[kept], flags=RST))
    hurt(w, gw, r.uniform(1, 2))
    blame(w, gw, end, sources, by_source(times, who, sources, is_forged))


@family("flood", Exchange)
def exchange_slow_drip(w: Exchange) -> None:
    """Half-open connections, 50 to 200 a second; the gateway repeats its answers."""
    r = w.rng
    w.start_sessions()
    gw = r.choice(w.gws)
    count = r.choice([1, 2, 4, 20, 60])
    sources = strangers(w, count, "no" if r.random() < 0.6 else "maybe")
    rate = r.between_logs(50, 200)
    has_room = w.onset + 10 * S < w.dur
    end = w.onset + max(w.length, 9 * S) if has_room else w.dur - S
    harm: Harm = {one: [] for one in sources}
    for t in w.times((w.onset, end), rate, 1.0).tolist():
        one = r.choice(sources)
        sport, a, b = r.randrange(1024, 65536), r.getrandbits(32), r.getrandbits(32)
        forth = w.way(Ends(one, sport, gw.ip, gw.port), w.ttl(one))
        back = w.way(Ends(gw.ip, gw.port, one, sport), 64)
        w.tcp(t, forth, Segment(a, 0, SYN, b"", PLAIN, 64240))
        for late in (12 * US, S + 4 * MS, 3 * S + 7 * MS, 7 * S + 9 * MS):
            then = t + late + r.randrange(MS) * (late > S)
            seen = a + 1 & WORD
            w.tcp(then, back, Segment(b, seen, SYN | ACK, b"", PLAIN, 65160))
        harm[one].append(t)
    blame(w, gw, end, sources, {one: own for one, own in harm.items() if own})


def _rubbish(w: Exchange, t: int) -> bytes:
    r = w.rng
    kind = r.random()
    if kind < 0.45:
        return r.randbytes(r.randint(40, 1400))
    if kind < 0.65:
        return HTTP
    whole = w.bad_logon("A" * r.randint(1, 300), r.getrandbits(20), "x", t)
    return whole[:-7] + b"10=%03d\x01" % r.randrange(256)


@family("flood", Exchange)
def exchange_garbage(w: Exchange) -> None:
    """Strangers connect and send rubbish; the gateway closes each connection."""
    r = w.rng
    w.start_sessions()
    gw = r.choice(w.gws)
    sources = strangers(w, r.randint(1, 6))
    rate = r.between_logs(60, 500)
    end = w.onset + w.length
    harm: Harm = {one: [] for one in sources}
    rtts = {one: int(r.between_logs(0.2, 15) * MS) for one in sources}
    for t in w.times((w.onset, end), rate, 0.5, 7000).tolist():
        one = r.choice(sources)
        data = _rubbish(w, t)
        step: Step = (int(r.uniform(30, 900)) * US, "c", data)
        steps = [step] * r.choice([1, 1, 2, 4])
        ends = Ends(one, r.randrange(1024, 65000), gw.ip, gw.port)
        w.flow(t, ends, rtts[one], steps, r.choice(["sfin", "sfin", "rst"]))
        harm[one].append(t)
    hurt(w, gw, r.uniform(1, 2))
    blame(w, gw, end, sources, harm)
