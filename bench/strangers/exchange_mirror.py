"""The mirror port in front of an exchange's gateways: time, chance, frames.

Times are ns from the start of the capture; the start is added when it is written.
"""

import heapq
import random
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from strangers import exchange_wire as wire
from strangers.exchange_dice import Dice
from strangers.exchange_wire import (
    ACK,
    FIN,
    IPV4,
    MS,
    PSH,
    RST,
    SYN,
    US,
    WORD,
    Many,
    S,
    Segment,
    Times,
    Way,
    number,
)

CAP = 400_000
PLAIN = b"\x02\x04\x05\xb4\x01\x03\x03\x07"
Kept = TypeVar("Kept")
#: What is said in a conversation: after how many ns, by "c" or "s", what.
Step = tuple[int, str, bytes]


class Ends(NamedTuple):
    """Who speaks with whom: addresses and ports of client and server."""

    client: str
    cport: int
    server: str
    sport: int


class _Nic(random.Random):
    """What a machine's MAC is drawn from."""

    def mac(self) -> bytes:
        """Return a MAC of one of three makers."""
        maker = [0x00, self.choice([0x1C, 0x0F, 0x25]), self.choice([0x73, 0x53, 0x90])]
        return bytes(maker + [self.randrange(256) for _ in range(3)])


class Mirror:
    """What happens when, and every frame that the mirror port saw of it."""

    def __init__(self, name: str, seed: int, dur_ns: int = 0) -> None:
        # Captures were first made under another name, which their chances still have.
        key = name.replace("exchange", "h4")
        r = self.rng = Dice(f"hand4/{key}/{seed}")
        self.name, self.seed = name, seed
        self.np = np.random.default_rng(r.getrandbits(63))
        self.hard = r.random()
        self.dur = dur_ns or int(r.uniform(31, 44) * S)
        self.onset = int(r.uniform(8.5, 17.5) * S)
        rest = self.dur - self.onset - 1.5 * S
        self.length = int(min(r.uniform(6, 18) * S, rest))
        self.now = 0
        day = r.randrange(0, 60)
        start = 1_772_000_000 + day * 86400 + r.randrange(0, 28000)
        self.base = start * S + r.randrange(S)
        self.frames: list[tuple[int, bytes]] = []
        self.local: set[str] = set()
        self.stacks = wire.Stacks()
        self._heap: list[tuple[int, int, Callable[..., Any], tuple[Any, ...]]] = []
        self._count = 0
        self._macs: dict[str, bytes] = {}
        self._ttls: dict[str, int] = {}
        self._stamps: dict[str, bool] = {}
        self._quick: dict[str, bool] = {}
        self._ports: set[int] = set()

    # -- time ------------------------------------------------------------------

    def at(self, t: float, call: Callable[..., Any], *given: Any) -> None:
        """Have `call(*given)` happen at `t`."""
        self._count += 1
        heapq.heappush(self._heap, (int(t), self._count, call, given))

    def run(self) -> None:
        """Let everything happen, until the capture ends or is full."""
        while self._heap:
            t, _, call, given = heapq.heappop(self._heap)
            if t > self.dur:
                break
            self.now = t
            call(*given)
            if len(self.frames) > CAP:
                break

    # -- machines --------------------------------------------------------------

    def mac(self, address: str) -> bytes:
        """Return the MAC that the mirror sees: a gateway's, a firm's, or a router's."""
        found = self._macs.get(address)
        if found is None:
            key = "rtr"
            if address in self.local:
                key = "gw" + address
            elif address.startswith("10."):
                key = address.rsplit(".", 1)[0]
            found = self._macs.get(key)
            if found is None:
                found = self._macs[key] = _Nic(f"{self.seed}{key}").mac()
            self._macs[address] = found
        return found

    def keep(self, kept: dict[str, Kept], key: str, draw: Callable[[], Kept]) -> Kept:
        """Return what is kept of a key, drawn the first time."""
        if key not in kept:
            kept[key] = draw()
        return kept[key]

    def has_stamps(self, address: str) -> bool:
        """Return whether a machine's TCP uses timestamps."""
        return self.keep(self._stamps, address, lambda: self.rng.random() < 0.75)

    def is_quick(self, address: str) -> bool:
        """Return whether a machine acknowledges at once."""
        return self.keep(self._quick, address, lambda: self.rng.random() < 0.7)

    def ttl(self, address: str) -> int:
        """Return the TTL of a machine's packets at the mirror."""
        return self.keep(self._ttls, address, lambda: self._draw_ttl(address))

    def _draw_ttl(self, address: str) -> int:
        r = self.rng
        if address.startswith("10."):
            return 64 - r.randint(1, 3)
        return r.choice([64, 128]) - r.randint(6, 18)

    def port(self) -> int:
        """Return a port that nobody has yet."""
        while True:
            port = self.rng.randrange(32768, 60999)
            if port not in self._ports:
                self._ports.add(port)
                return port

    # -- frames ----------------------------------------------------------------

    def eth(self, source: str, target: str) -> bytes:
        """Return the Ethernet header from one machine to another."""
        return self.mac(target) + self.mac(source) + IPV4

    def way(self, ends: Ends, ttl: int = 63, mac: bytes = b"") -> Way:
        """Return the way from a client to a server."""
        eth = (mac or self.mac(ends.server)) + self.mac(ends.client) + IPV4
        ports = ends.cport, ends.sport
        return Way(eth, number(ends.client), number(ends.server), *ports, ttl)

    def put(self, t: float, frame: bytes) -> None:
        """Have the mirror see a frame."""
        self.frames.append((int(t), frame))

    def tcp(self, t: int, way: Way, one: Segment) -> None:
        """Have the mirror see a TCP segment."""
        self.frames.append((t, self.stacks.tcp(way, one)))

    def udp(self, t: int, ends: Ends, data: bytes, ttl: int = 63) -> None:
        """Have the mirror see a UDP datagram."""
        self.put(t, self.stacks.udp(self.way(ends, ttl), data))

    def icmp(
        self,
        t: int,
        ends: tuple[str, str],
        kind: tuple[int, int],
        rest: bytes,
        ttl: int = 63,
    ) -> None:
        """Have the mirror see an ICMP message."""
        way = self.way(Ends(ends[0], 0, ends[1], 0), ttl)
        self.put(t, self.stacks.icmp(way, kind, rest))

    def many_tcp(self, many: Many) -> None:
        """Have the mirror see many segments without payload."""
        ident = self.np.integers(0, 65536, len(many.times))
        self.frames += wire.tcp_rows(many, ident).frames(many.times)

    def many_udp(self, many: Many) -> None:
        """Have the mirror see many datagrams of random content."""
        ident = self.np.integers(0, 65536, len(many.times))
        self.frames += wire.udp_rows(many, ident, self.np).frames(many.times)

    def times(
        self, span: tuple[int, int], rate: float, ramp: float = 0.3, cap: int = 300_000
    ) -> Times:
        """Return when a flood's packets come: a short ramp, then an uneven pace."""
        (t0, t1), r = span, self.np
        found, t, room, step = [], t0, cap, 100 * MS
        while t < t1 and room > 0:
            mean = rate * min(1.0, (t - t0 + step) / (ramp * S + 1))
            mean = mean * r.lognormal(0, 0.12)
            count = min(int(r.poisson(mean * 0.1)), room)
            found.append(np.sort(r.integers(t, min(t + step, t1), count)))
            room -= count
            t += step
        return np.concatenate(found).astype(np.int64)

    def flow(
        self,
        t: int,
        ends: Ends,
        rtt: int,
        steps: list[Step],
        end: str = "fin",
        srv: int = 25 * US,
    ) -> None:
        """Have the mirror see a whole conversation.

        It ends by "fin", "sfin" (the server's), "rst", "hold" (never); or nothing
        comes of it: "refused", "filtered".
        """
        talk = Talk(self, ends, rtt, srv)
        if talk.open(t, end):
            for step in steps:
                talk.say(step)
            talk.close(end)


class Talk:
    """One scripted conversation."""

    def __init__(self, mirror: Mirror, ends: Ends, rtt: int, srv: int) -> None:
        self._mirror, self._rtt, self._srv = mirror, rtt, srv
        client = mirror.way(ends, mirror.ttl(ends.client))
        back = Ends(ends.server, ends.sport, ends.client, ends.cport)
        self._ways = client, mirror.way(back, 64)
        r = mirror.rng
        self._seqs = [r.getrandbits(32), r.getrandbits(32)]
        self._t = 0

    def _tcp(self, t: int, side: int, flags: int, window: int) -> None:
        seq, ack = self._seqs[side], self._seqs[1 - side]
        one = Segment(seq, ack, flags, b"", b"", window)
        self._mirror.tcp(t, self._ways[side], one)

    def _step(self, side: int, count: int = 1) -> None:
        self._seqs[side] = self._seqs[side] + count & WORD

    def open(self, t: int, end: str) -> bool:
        """Shake hands; return whether that came about."""
        client, server = self._seqs
        mirror, ways = self._mirror, self._ways
        mirror.tcp(t, ways[0], Segment(client, 0, SYN, b"", PLAIN, 64240))
        self._step(0)
        client = self._seqs[0]
        if end == "refused":
            late = t + self._srv
            mirror.tcp(late, ways[1], Segment(0, client, RST | ACK, b"", b"", 0))
            return False
        if end == "filtered":
            return False
        t += self._srv
        one = Segment(server, client, SYN | ACK, b"", PLAIN, 65160)
        mirror.tcp(t, ways[1], one)
        self._step(1)
        self._t = t + self._rtt
        self._tcp(self._t, 0, ACK, 502)
        return True

    def say(self, step: Step) -> None:
        """Send what one side says, and the other's acknowledgement."""
        gap, who, data = step
        side = 0 if who == "c" else 1
        self._t += gap
        for at in range(0, len(data), 1460):
            part = data[at : at + 1460]
            seq, ack = self._seqs[side], self._seqs[1 - side]
            one = Segment(seq, ack, PSH | ACK, part, b"", (502, 1024)[side])
            self._mirror.tcp(self._t, self._ways[side], one)
            self._step(side, len(part))
            self._t += 1300
        self._t += self._rtt if side else self._srv
        self._tcp(self._t, 1 - side, ACK, (1024, 502)[side])

    def close(self, end: str) -> None:
        """End it, if it is ended."""
        if end == "hold":
            return
        t = self._t + self._mirror.rng.randrange(10, 300) * US
        if end == "rst":
            self._tcp(t, 0, RST | ACK, 0)
            return
        first = 1 if end == "sfin" else 0
        windows, delay = (502, 1024), (self._srv, self._rtt)
        self._tcp(t, first, FIN | ACK, windows[first])
        self._step(first)
        self._tcp(t + delay[first], 1 - first, FIN | ACK, windows[1 - first])
        self._step(1 - first)
        self._tcp(t + self._rtt + self._srv, first, ACK, windows[first])
