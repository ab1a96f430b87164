"""Another hand's trading floor: no event loop, terse TCP, one FIX dialect a venue.

Each line's story is told from its beginning to its end, then all are merged by time.
Nothing of `world`, `session`, `gateway` and `tcp` is used: what holds for both is less
likely to be a habit of one author.
"""

import dataclasses
import heapq
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from strangers.wire import checksum, dotted, save

MS, SECOND = 1_000_000, 1_000_000_000
UP, DOWN = 0, 1
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
Body = dict[int, str]
Level = Callable[[float], float]
#: Kind, body, further fields of the header, whether it gets lost on its way.
Told = tuple[str, Body, Body, bool]


@dataclasses.dataclass
class Trouble:
    """An incident; fields as in `world.Incident`, times in seconds of the capture."""

    cause: str
    first: float
    last: float
    sessions: list[str] = dataclasses.field(default_factory=list)
    hosts: list[str] = dataclasses.field(default_factory=list)
    victims: list[str] = dataclasses.field(default_factory=list)
    gateway: str = ""
    due: float = 0.0
    harm: dict[str, list[int]] = dataclasses.field(default_factory=dict)


class Floor:
    """Hosts, lines and frames of one capture."""

    def __init__(self, family: str, seed: int) -> None:
        self.family, self.seed = family, seed
        self.rng = rng = np.random.default_rng([seed, 7, zlib.crc32(family.encode())])
        self.seconds = float(rng.uniform(14, 45))
        self.onset = float(rng.uniform(4, 9))
        day = int(rng.integers(19_400, 20_300)) * 86_400
        self.start = (day + int(rng.integers(28_000, 58_000))) * SECOND
        self.frames: list[tuple[int, bytes]] = []
        self.lines: list[Line] = []
        self.troubles: list[Trouble] = []
        self.midstream = bool(rng.random() < 0.4)
        #: Sums left to the card that sends; microseconds in SendingTime.
        self.offload = bool(rng.random() < 0.25)
        self.fine = bool(rng.random() < 0.4)
        self.begins_pending = bool(rng.random() < 0.3)
        self.per_line = bool(rng.random() < 0.35)
        self.lead = str(
            rng.choice(["BRK-{:04d}/T", "FIRM{:02d}OE", "c{:d}", "X{:05d}"])
        )
        self.venue = str(rng.choice(["MTF", "EXCHANGE_1", "OEG"]))
        self.base_ns = float(np.exp(rng.uniform(np.log(60e3), np.log(1.5e6))))
        self.first_port = int(rng.choice([4500, 9880, 11001, 20100]))
        self.gateways = [
            self.address(9, 20 + n) for n in range(int(rng.integers(1, 3)))
        ]
        self.symbols = [
            f"{chr(65 + n % 26)}{chr(75 + n % 9)}{n:02d}" for n in range(24)
        ]
        self.prices = rng.uniform(8, 400, len(self.symbols))
        #: Activity of everybody; extra delay of answers; share of segments lost.
        self.level: Level = lambda _at: 1.0
        self.slow: Callable[[Line, float], float] = lambda _line, _at: 0.0
        self.loss: Callable[[Line, float], float] = lambda _line, _at: 0.0
        #: What the venue will not take of a symbol; how much longer the firms' way is.
        self.refuses: Callable[[int, float], bool] = lambda _symbol, _at: False
        self.far: Level = lambda _at: 0.0
        self._ports = 49_152

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return float(self.rng.uniform(low, high))

    def spread(self, low: float, high: float) -> float:
        """Return a number in [low, high), each magnitude as likely."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def address(self, net: int, host: int) -> int:
        """Return 172.20.net.host."""
        return 172 << 24 | 20 << 16 | net << 8 | host

    def port(self) -> int:
        """Return a client port nobody has had."""
        self._ports += int(self.rng.integers(1, 9))
        return self._ports

    def ns(self, at: float) -> int:
        """Return capture time of a second of the capture."""
        return self.start + int(at * SECOND)

    def trouble(self, cause: str, low: float = 4, high: float = 9) -> Trouble:
        """Declare an incident from the onset."""
        last = self.onset + self.uniform(low, high)
        self.seconds = max(self.seconds, last + 2)
        made = Trouble(cause, self.onset, last)
        self.troubles.append(made)
        return made

    # -- frames -------------------------------------------------------------

    def packet(self, at_ns: int, ends: tuple[int, int], kind: int, body: bytes) -> None:
        """Record one IPv4 packet."""
        source, target = (one.to_bytes(4, "big") for one in ends)
        head = struct.pack("!BBHHHBBH", 69, 0, 20 + len(body), 0, 0x4000, 63, kind, 0)
        head += source + target
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        lead = b"\x00\x1b\x21" + target[1:] + b"\x00\x1b\x21" + source[1:] + b"\x08\0"
        self.frames.append((at_ns, lead + head + body))

    def tcp(
        self,
        at_ns: int,
        ends: tuple[int, int],
        ports: tuple[int, int],
        numbers: tuple[int, int, int],
        payload: bytes = b"",
    ) -> None:
        """Record one segment; `numbers` are sequence, acknowledgement, flags."""
        options = b"\x02\x04\x05\xb4" if numbers[2] & SYN else b""
        flags = (5 + len(options) // 4) << 12 | numbers[2]
        fixed = (numbers[0] & 0xFFFFFFFF, numbers[1] & 0xFFFFFFFF, flags, 29200, 0, 0)
        body = struct.pack("!HHIIHHHH", *ports, *fixed) + options + payload
        if not self.offload:
            pair = b"".join(one.to_bytes(4, "big") for one in ends)
            total = checksum(pair + struct.pack("!BBH", 0, 6, len(body)) + body)
            body = body[:16] + struct.pack("!H", total) + body[18:]
        self.packet(at_ns, ends, 6, body)

    def udp(
        self, at_ns: int, ends: tuple[int, int], ports: tuple[int, int], data: bytes
    ) -> None:
        """Record one datagram; its sum is left out (RFC 768: zero)."""
        body = struct.pack("!HHHH", *ports, 8 + len(data), 0) + data
        self.packet(at_ns, ends, 17, body)

    # -- the result ---------------------------------------------------------

    def labels(self) -> dict[str, Any]:
        """Return what a grader has to know; fields as `World.labels`."""
        owners = {one.comp: one for one in reversed(self.lines)}
        ends = {(f"{dotted(one.host)}:{one.port}", one.comp) for one in self.lines}
        return {
            "family": self.family,
            "seed": self.seed,
            "start_ns": self.start,
            "end_ns": self.ns(self.seconds),
            "midstream": self.midstream,
            "gateways": sorted({one.place for one in self.lines}),
            "sessions": [
                {"comp": c, "host": dotted(one.host), "gateway": one.place}
                for c, one in owners.items()
            ],
            "endpoints": [list(one) for one in sorted(ends)],
            "incidents": [self._label(one) for one in self.troubles],
        }

    def _label(self, one: Trouble) -> dict[str, Any]:
        fields = dataclasses.asdict(one)
        fields["class"] = fields.pop("cause")
        fields["due_ns"] = self.ns(fields.pop("due") or one.first)
        fields["onset_ns"] = self.ns(fields.pop("first"))
        fields["end_ns"] = self.ns(fields.pop("last"))
        fields["harm"] = {key: sorted(times) for key, times in one.harm.items()}
        return fields

    def finish(self, path: Path) -> dict[str, Any]:
        """Write the capture, return its labels."""
        for line in self.lines:
            line.tell()
        end = self.ns(self.seconds)
        frames = sorted(
            (one for one in self.frames if one[0] < end), key=lambda x: x[0]
        )
        save(path, frames, "nano" if self.fine else "pcap")
        return self.labels()


class Line:
    """One FIX session over one connection: what is said when, and the TCP under it."""

    def __init__(
        self, floor: Floor, host: int, gateway: tuple[int, int], comp: str
    ) -> None:
        self.floor, self.host, self.gateway, self.comp = floor, host, gateway, comp
        self.port = floor.port()
        self.far_ns = int(floor.spread(60e3, 3e6))
        self.near_ns = int(floor.uniform(15e3, 60e3))
        self.opens: float | None = None
        self.closes: float | None = None
        self.seq = [int(floor.rng.integers(10, 99_999)) for _ in range(2)]
        self.replied = 0.0
        self.handshake_ns = 0
        self.said: list[tuple[int, int, Told]] = []

    @property
    def place(self) -> str:
        """Return the gateway as text."""
        return f"{dotted(self.gateway[0])}:{self.gateway[1]}"

    def say(self, at: float, side: int, kind: str, body: Body, **head: str) -> float:
        """Have one end send a message; return the second at which the other has it."""
        tags = {int(tag[1:]): text for tag, text in head.items()}
        lost = bool(self.floor.rng.random() < self.floor.loss(self, at))
        self.said.append((self.floor.ns(at), side, (kind, body, tags, lost)))
        return at + 0.21 * lost

    def reply(self, at: float, kind: str, body: Body, **head: str) -> float:
        """Have the gateway answer, in the order in which it was asked."""
        self.replied = max(self.replied + 4e-6, at)
        self.say(self.replied, DOWN, kind, body, **head)
        return self.replied

    def answer_in(self, at: float) -> float:
        """Return how long the gateway takes for what it gets at this second."""
        rng, floor = self.floor.rng, self.floor
        own = floor.base_ns * float(np.exp(0.35 * rng.standard_normal())) / SECOND
        return own + floor.slow(self, at)

    def log_on(self, at: float, *, accepted: bool = True) -> float:
        """Open the connection and log on; return when that is done."""
        self.opens = at
        extra = self.handshake_ns / SECOND
        asked = at + self.far_ns / SECOND + extra + 0.0004
        self.seq = [0, 0]
        self.say(asked, UP, "A", {98: "0", 108: "30", 141: "Y"})
        wait = self.answer_in(asked) * 3
        if not accepted:
            self.closes = self.reply(asked + wait, "5", {58: "Invalid login"}) + 0.001
            return self.closes
        return self.reply(asked + wait, "A", {98: "0", 108: "30", 141: "Y"})

    # -- telling it ---------------------------------------------------------

    def _encode(self, at_ns: int, side: int, told: Told) -> bytes:
        kind, body, head, _ = told
        self.seq[side] += 1
        written_ns = at_ns - 9_000
        if side == UP:
            way = self.floor.far((at_ns - self.floor.start) / SECOND)
            written_ns -= self.far_ns // 2 + int(way * SECOND)
        second, rest = divmod(written_ns, SECOND)
        stamp = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(second))
        stamp += f".{rest // 1000:06d}" if self.floor.fine else f".{rest // MS:03d}"
        ends = (self.comp, self.floor.venue)
        names = ends if side == UP else ends[::-1]
        first = {35: kind, 34: f"{self.seq[side]}", 49: names[0], 52: stamp}
        first |= {56: names[1]} | head
        if 60 in body:
            body = body | {60: stamp}
        text = "".join(f"{tag}={say}\x01" for tag, say in {**first, **body}.items())
        inner = text.encode()
        whole = b"8=FIX.4.4\x019=%d\x01" % len(inner) + inner
        return whole + b"10=%03d\x01" % (sum(whole) & 255)

    def tell(self) -> None:
        """Turn what was said into frames."""
        floor = self.floor
        mark = self.floor.rng.integers(1 << 31, size=2).tolist()
        state = _Tcp(self, [int(one) for one in mark])
        if self.opens is not None:
            state.shake(floor.ns(self.opens))
        queue: list[tuple[int, int, int, Told | int]] = []
        last = floor.ns(floor.seconds if self.closes is None else self.closes)
        for number, (at_ns, side, told) in enumerate(self.said):
            if at_ns < last:
                heapq.heappush(queue, (at_ns, number, side, told))
        count = len(self.said)
        while queue:
            at_ns, _, side, what = heapq.heappop(queue)
            if isinstance(what, int):
                state.acknowledge(at_ns, side, what)
                continue
            payload = self._encode(at_ns, side, what)
            wait = state.data(at_ns, side, payload, lost=what[3])
            if side == DOWN:
                wait += int(2 * floor.far((at_ns - floor.start) / SECOND) * SECOND)
            count += 1
            heapq.heappush(queue, (at_ns + wait, count, 1 - side, state.next[side]))
        if self.closes is not None:
            state.end(floor.ns(self.closes))


class _Tcp:
    """Sequence numbers of one connection."""

    def __init__(self, line: Line, mark: list[int]) -> None:
        self.line, self.next, self.heard = line, mark, [mark[1], mark[0]]
        self.ends = (line.host, line.gateway[0]), (line.gateway[0], line.host)
        self.ports = (line.port, line.gateway[1]), (line.gateway[1], line.port)

    def emit(self, at_ns: int, side: int, flags: int, payload: bytes = b"") -> None:
        numbers = (self.next[side], self.heard[side] if flags != SYN else 0, flags)
        self.line.floor.tcp(at_ns, self.ends[side], self.ports[side], numbers, payload)

    def shake(self, at_ns: int) -> None:
        near = self.line.near_ns + self.line.handshake_ns
        self.emit(at_ns, UP, SYN)
        self.next[UP] += 1
        self.heard[DOWN] = self.next[UP]
        self.emit(at_ns + near, DOWN, SYN | ACK)
        self.next[DOWN] += 1
        self.heard[UP] = self.next[DOWN]
        self.emit(at_ns + near + self.line.far_ns, UP, ACK)

    def data(self, at_ns: int, side: int, payload: bytes, *, lost: bool) -> int:
        """Send, again if it is lost; return after how many ns it is acknowledged."""
        self.emit(at_ns, side, PSH | ACK, payload)
        wait = self.line.near_ns if side == UP else self.line.far_ns
        if lost:
            wait += 210 * MS
            self.emit(at_ns + 210 * MS, side, PSH | ACK, payload)
        self.next[side] += len(payload)
        return wait

    def acknowledge(self, at_ns: int, side: int, upto: int) -> None:
        if self.heard[side] < upto:
            self.heard[side] = upto
            self.emit(at_ns, side, ACK)

    def end(self, at_ns: int) -> None:
        self.emit(at_ns, DOWN, FIN | ACK)
        self.next[DOWN] += 1
        self.heard[UP] = self.next[DOWN]
        self.emit(at_ns + self.line.far_ns, UP, FIN | ACK)
        self.next[UP] += 1
        self.heard[DOWN] = self.next[UP]
        self.emit(at_ns + self.line.far_ns + self.line.near_ns, DOWN, ACK)
