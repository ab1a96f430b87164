"""What a bourse's mirror port sees: hosts, frames, and the file of them."""

import dataclasses
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from strangers import wire
from strangers.bourse_clock import Clock
from strangers.exchange_dice import Dice
from strangers.wire import Segment, checksum

IPV4 = b"\x08\0"
WORD = 0xFFFFFFFF
#: The window with which a handshake begins.
FIRST_WINDOW = 64240
WINDOWS = (501, 229, 1024, 502, 2048, 8192, 64240)
#: Bytes of a frame that the capture keeps at most.
SNAP = 65535


class Way(NamedTuple):
    """From whom to whom: MAC addresses as on the wire, addresses, TTL, identity."""

    eth: bytes
    source: bytes
    target: bytes
    ttl: int
    ident: int


@dataclasses.dataclass(frozen=True)
class Habits:
    """How far a host is from the mirror, and how its TCP behaves."""

    hops: int = 0
    has_stamps: bool = True
    #: When it acknowledges: quick, delay or lazy.
    acks: str = "delay"
    is_gateway: bool = False


class Mirror:
    """The mirror port, the clock, and the chances of one capture."""

    def __init__(self, rng: Dice, start_ns: int) -> None:
        self.rng = rng
        self.clock = Clock(0)
        #: When the capture begins (ns since 1970), and how long it lasts (ns).
        self.start_ns = start_ns
        self.dur = 0
        self.frames: list[tuple[int, bytes]] = []
        #: How likely a frame is seen late, and how likely any is lost.
        self.swap = 10 ** rng.uniform(-4.5, -3.2)
        self.loss = 10 ** rng.uniform(-5.2, -3.9)
        self.hosts: dict[str, Host] = {}
        self.endpoints: dict[str, str] = {}

    @property
    def day_ns(self) -> int:
        """Return the time now in ns since 1970."""
        return self.start_ns + self.clock.now

    def put(self, t: int, frame: bytes) -> int:
        """Have a frame be seen at `t`, or a little later; return when."""
        if self.rng.random() < self.swap:
            t += self.rng.randrange(1500, 22000)
        if 0 <= t <= self.dur:
            self.frames.append((t, frame))
        return t

    def tcp(self, t: int, way: Way, one: Segment) -> int:
        """Have a segment be seen at about `t`; return when it is."""
        size = 20 + len(one.options)
        head = struct.pack(
            "!HHIIBBHHH",
            *one.ports,
            one.sequence & WORD,
            one.acknowledgement & WORD,
            *(size << 2, one.flags, one.window, 0, 0),
        )
        tail = one.options + one.payload
        pseudo = way.source + way.target + struct.pack("!HH", 6, 20 + len(tail))
        total = struct.pack("!H", checksum(pseudo + head + tail))
        body = head[:16] + total + head[18:] + tail
        return self.put(t, _ip(way, 6, body).ljust(60, b"\0"))

    def udp(
        self,
        source: "Host",
        target: "Host",
        ports: tuple[int, int],
        data: bytes,
        t: int | None = None,
    ) -> int:
        """Have a datagram be seen at `t`, or as soon as the host sends it."""
        way = source.way(target)
        return self.datagram(way, ports, data, self.soon(source) if t is None else t)

    def cast(
        self, source: "Host", group: str, port: int, data: bytes, ttl: int
    ) -> None:
        """Have a datagram for a group (RFC 1112) be seen as soon as it is sent."""
        target = socket.inet_aton(group)
        lead = b"\x01\x00\x5e" + bytes([target[1] & 0x7F, *target[2:]])
        way = Way(lead + source.mac, source.raw, target, ttl, source.ident())
        self.datagram(way, (port, port), data, self.soon(source))

    def soon(self, source: "Host") -> int:
        """Return when the mirror sees what a host sends now."""
        return self.clock.now + source.delay()

    def datagram(self, way: Way, ports: tuple[int, int], data: bytes, t: int) -> int:
        """Have a datagram be seen at about `t`; return when it is."""
        size = 8 + len(data)
        head = struct.pack("!HHH", *ports, size)
        pseudo = way.source + way.target + struct.pack("!HH", 17, size)
        total = checksum(pseudo + head + b"\0\0" + data) or 0xFFFF
        return self.put(t, _ip(way, 17, head + struct.pack("!H", total) + data))

    def save(self, path: Path) -> None:
        """Write what was seen, in the order of time."""
        self.frames.sort(key=lambda one: one[0])
        timed = [(self.start_ns + t, frame) for t, frame in self.frames]
        wire.save(path, timed, "nano", SNAP)


def _ip(way: Way, protocol: int, body: bytes) -> bytes:
    head = struct.pack(
        "!BBHHHBBH",
        *(0x45, 0, 20 + len(body), way.ident, 0x4000, way.ttl, protocol, 0),
    )
    head += way.source + way.target
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return way.eth + IPV4 + head + body


class Host:
    """A machine: its addresses, how far it is, how its stack behaves."""

    def __init__(
        self,
        mirror: Mirror,
        ip: str,
        mac: bytes,
        delay: tuple[float, float],
        habits: Habits,
    ) -> None:
        r = mirror.rng
        self.mirror, self.ip, self.mac = mirror, ip, mac
        self.raw = socket.inet_aton(ip)
        #: The least ns to the mirror, and the mean of what is added.
        self.near, self.jitter = delay
        self.habits = habits
        self.ttl = 64 - habits.hops
        #: What a fault does to its line: packets lost, ns more.
        self.loss = 0.0
        self.more: Callable[[], float] | None = None
        self._ident = r.randrange(65536)
        self._counts = r.random() < 0.5
        self._stamp = r.randrange(1 << 31)
        self.window = r.choice(WINDOWS)
        self._port = r.randrange(32768, 60000)
        #: Its next port is less than this many above the last.
        self.stride = 9
        self.open: set[int] = set()
        #: Whether it drops what comes for a port that is not open.
        self.is_silent = False

    def delay(self) -> int:
        """Return how many ns a packet takes from here to the mirror."""
        late = self.near + self.mirror.rng.expovariate(1.0) * self.jitter
        if self.more:
            late += self.more()
        return int(late)

    def ident(self) -> int:
        """Return the identity of its next packet."""
        if not self._counts:
            return 0
        self._ident = (self._ident + 1) & 0xFFFF
        return self._ident

    def port(self) -> int:
        """Return a fresh ephemeral port."""
        r = self.mirror.rng
        self._port += r.randrange(1, self.stride)
        if self._port > 60990:
            self._port = 32768 + r.randrange(500)
        return self._port

    def stamp(self) -> int:
        """Return its TCP timestamp now, in ms."""
        return (self._stamp + self.mirror.clock.now // 1_000_000) & WORD

    def way(self, target: "Host", ttl: int = 0, ident: int | None = None) -> Way:
        """Return the way of a packet to another host."""
        own = self.ident() if ident is None else ident
        return Way(target.mac + self.mac, self.raw, target.raw, ttl or self.ttl, own)
