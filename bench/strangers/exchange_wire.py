"""Frames of an exchange's mirror port: headers, checksums, and the file of them."""

import dataclasses
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

US, MS, S = 1_000, 1_000_000, 1_000_000_000
SYN, ACK, PSH, FIN, RST = 2, 16, 8, 1, 4
IPV4 = b"\x08\x00"
WORD = 0xFFFFFFFF
Times = NDArray[np.int64]
#: A number for all frames, or one for each.
Numbers = int | NDArray[Any]
_TCP = struct.Struct(">HHIIBBHHH")
_IP = struct.Struct(">BBHHHBBHII")


def number(address: str) -> int:
    """Return an IPv4 address as a number."""
    a, b, c, d = address.split(".")
    return int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)


class Way(NamedTuple):
    """One direction of a connection: Ethernet header, addresses, ports, TTL."""

    eth: bytes
    source: int
    target: int
    sport: int
    dport: int
    ttl: int = 64


class Segment(NamedTuple):
    """What a TCP segment says; None is what its sender usually says."""

    seq: int
    ack: int
    flags: int
    payload: bytes = b""
    options: bytes | None = None
    window: int | None = None


@dataclasses.dataclass
class Many:
    """Many frames alike: each field is one number, or one for each frame."""

    times: Times
    eth: bytes
    source: Numbers
    target: Numbers
    sport: Numbers
    dport: Numbers
    ttl: Numbers = 64
    seq: Numbers = 0
    ack: Numbers = 0
    flags: Numbers = 0
    window: Numbers = 0
    options: bytes = b""
    size: int = 0

    def column(self, name: str) -> Times:
        """Return a field as a column."""
        held = np.asarray(getattr(self, name), np.int64)
        return np.broadcast_to(held, (len(self.times),))


class Rows:
    """Frames as rows of bytes, written column by column."""

    def __init__(self, many: Many, width: int) -> None:
        self.count = len(many.times)
        self.bytes = np.zeros((self.count, width), np.uint8)
        self.bytes[:, :14] = np.frombuffer(many.eth, np.uint8)

    def put(self, place: int, value: Numbers, width: int) -> None:
        """Write a number of so many bytes at a place of each row."""
        for at in range(width):
            self.bytes[:, place + at] = value >> (8 * (width - 1 - at)) & 255

    def ip(self, many: Many, protocol: int, length: int, ident: Times) -> None:
        """Write the IPv4 headers; TCP's forbid fragments, UDP's do not."""
        source, target = many.column("source"), many.column("target")
        ttl = many.column("ttl")
        fragment = 0x4000 if protocol == 6 else 0
        self.put(14, 0x4500, 2)
        self.put(16, length, 2)
        self.put(18, ident, 2)
        self.put(20, fragment, 2)
        self.put(22, ttl, 1)
        self.put(23, protocol, 1)
        self.put(26, source, 4)
        self.put(30, target, 4)
        total = 0x4500 + length + ident + fragment + (ttl << 8) + protocol
        total = total + source + target
        self.put(24, (65535 - total % 65535) % 65535, 2)

    def frames(self, times: Times) -> list[tuple[int, bytes]]:
        """Return time and bytes of each row."""
        block, width = self.bytes.tobytes(), self.bytes.shape[1]
        return [
            (t_ns, block[at * width : (at + 1) * width])
            for at, t_ns in enumerate(times.tolist())
        ]


def tcp_rows(many: Many, ident: Times) -> Rows:
    """Return frames of TCP segments without payload."""
    length = 20 + len(many.options)
    rows = Rows(many, 34 + length)
    rows.ip(many, 6, 20 + length, ident)
    sport, dport = many.column("sport"), many.column("dport")
    seq, ack = many.column("seq"), many.column("ack")
    flags, window = many.column("flags"), many.column("window")
    rows.put(34, sport, 2)
    rows.put(36, dport, 2)
    rows.put(38, seq, 4)
    rows.put(42, ack, 4)
    rows.put(46, length << 2, 1)
    rows.put(47, flags, 1)
    rows.put(48, window, 2)
    if many.options:
        rows.bytes[:, 54:] = np.frombuffer(many.options, np.uint8)
    total = sport + dport + seq + ack + (length << 10) + flags + window
    total = total + int.from_bytes(many.options, "big") % 65535
    total = total + many.column("source") + many.column("target") + 6 + length
    rows.put(50, (65535 - total % 65535) % 65535, 2)
    return rows


def udp_rows(many: Many, ident: Times, rng: np.random.Generator) -> Rows:
    """Return frames of UDP datagrams of one size with random content."""
    size = many.size
    rows = Rows(many, 42 + size)
    rows.ip(many, 17, 28 + size, ident)
    sport, dport = many.column("sport"), many.column("dport")
    rows.put(34, sport, 2)
    rows.put(36, dport, 2)
    rows.put(38, 8 + size, 2)
    rows.bytes[:, 42:] = rng.integers(0, 256, (rows.count, size), dtype=np.uint8)
    body = rows.bytes[:, 42:].astype(np.int64)
    total = (body[:, 0::2].sum(1) << 8) + body[:, 1::2].sum(1) + sport + dport
    total = total + 2 * (8 + size) + 17
    total = total + many.column("source") + many.column("target")
    rows.put(40, 65535 - total % 65535, 2)
    return rows


class Stacks:
    """Every machine's IPv4: what it numbered last."""

    def __init__(self) -> None:
        self._idents: dict[int, int] = {}

    def ip(self, ends: tuple[int, int], protocol: int, size: int, ttl: int) -> bytes:
        """Return an IPv4 header in front of `size` bytes."""
        source, target = ends
        last = self._idents.get(source, source * 40503 & 0xFFFF)
        ident = self._idents[source] = (last + 1) & 0xFFFF
        total = 0x4500 + 20 + size + ident + 0x4000 + (ttl << 8 | protocol)
        check = (65535 - (total + source + target) % 65535) % 65535
        head = (0x45, 0, 20 + size, ident, 0x4000, ttl, protocol, check)
        return _IP.pack(*head, source, target)

    def tcp(self, way: Way, one: Segment) -> bytes:
        """Return a frame of a segment, whose options and window are given."""
        options = one.options or b""
        tail = options + one.payload
        size = 20 + len(tail)
        ports = way.sport, way.dport
        shape = (20 + len(options)) << 2
        rest = (one.seq, one.ack, shape, one.flags, one.window or 0, 0, 0)
        head = _TCP.pack(*ports, *rest)
        total = _sum(head + tail) + way.source + way.target + 6 + size
        check = (65535 - total % 65535) % 65535
        lead = way.eth + self.ip((way.source, way.target), 6, size, way.ttl)
        return lead + head[:16] + check.to_bytes(2, "big") + head[18:] + tail

    def udp(self, way: Way, data: bytes) -> bytes:
        """Return a frame of a datagram."""
        size = 8 + len(data)
        head = struct.pack(">HHHH", way.sport, way.dport, size, 0)
        total = _sum(head + data) + way.source + way.target + 17 + size
        check = 65535 - total % 65535
        lead = way.eth + self.ip((way.source, way.target), 17, size, way.ttl)
        return lead + head[:6] + check.to_bytes(2, "big") + data

    def icmp(self, way: Way, kind: tuple[int, int], rest: bytes) -> bytes:
        """Return a frame of an ICMP message of a type and code."""
        body = struct.pack(">BBH", *kind, 0) + rest
        check = (65535 - _sum(body) % 65535) % 65535
        lead = way.eth + self.ip((way.source, way.target), 1, len(body), way.ttl)
        return lead + body[:2] + check.to_bytes(2, "big") + body[4:]


def _sum(data: bytes) -> int:
    return int.from_bytes(data + (b"\0" if len(data) & 1 else b""), "big")


def save(path: Path, frames: list[tuple[int, bytes]], start_ns: int) -> None:
    """Write frames, in order, each at least 1 ns after the one before."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)]
    last = 0
    for t_ns, frame in frames:
        last = max(t_ns, last + 1)
        seconds, rest = divmod(last + start_ns, S)
        whole = frame.ljust(60, b"\0")
        parts.append(struct.pack("<IIII", seconds, rest, len(whole), len(whole)))
        parts.append(whole)
    path.write_bytes(b"".join(parts))
