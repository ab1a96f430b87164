"""Frames as bytes (RFC 791, 792, 768, 9293) and the capture files that hold them."""

import dataclasses
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ICMP, TCP, UDP = 1, 6, 17
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

Bytes2 = NDArray[np.uint8]
Times = NDArray[np.int64]


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071): a sum modulo 0xffff, inverted."""
    if len(data) & 1:
        data += b"\0"
    left = int.from_bytes(data, "big") % 0xFFFF
    return 0xFFFF - left if left else 0


def dotted(address: int) -> str:
    """Return an IPv4 address as text."""
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))


@dataclasses.dataclass(slots=True)
class Host:
    """One IPv4 stack: its address, the MAC the mirror sees, and its habits."""

    address: int
    mac: bytes
    ttl: int = 64
    stamps: bool = True
    ident: int = 0
    next_port: int = 40000

    @property
    def text(self) -> str:
        """Return the address as text."""
        return dotted(self.address)

    @property
    def raw(self) -> bytes:
        """Return the address as four bytes."""
        return self.address.to_bytes(4, "big")

    def port(self) -> int:
        """Return a fresh ephemeral port."""
        self.next_port = 32768 + (self.next_port - 32768 + 1) % 28000
        return self.next_port


@dataclasses.dataclass(slots=True)
class Segment:
    """What one TCP segment says, but for the addresses."""

    ports: tuple[int, int]
    sequence: int
    acknowledgement: int
    flags: int
    window: int = 502
    options: bytes = b""
    payload: bytes = b""


class Tape:
    """Everything the mirror port saw, in any order until it is saved."""

    def __init__(self, vlan: int = 0, *, pad: bool = True) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.bulk: list[tuple[Times, Bytes2]] = []
        self._type = b"\x08\0"
        if vlan:
            self._type = struct.pack("!HHH", 0x8100, vlan, 0x0800)
        self._pad = 60 if pad else 0

    def ip(self, source: Host, target: Host, protocol: int, payload: bytes) -> bytes:
        """Return one Ethernet frame around an IPv4 payload."""
        source.ident = (source.ident + 1) & 0xFFFF
        head = struct.pack(
            "!BBHHHBBH4s4s",
            *(0x45, 0, 20 + len(payload), source.ident, 0x4000, source.ttl),
            *(protocol, 0, source.raw, target.raw),
        )
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        frame = target.mac + source.mac + self._type + head + payload
        return frame.ljust(self._pad, b"\0")

    def tcp(self, t_ns: int, source: Host, target: Host, one: Segment) -> None:
        """Record one TCP segment."""
        length = 20 + len(one.options)
        head = struct.pack(
            "!HHIIBBHHH",
            *one.ports,
            one.sequence & 0xFFFFFFFF,
            one.acknowledgement & 0xFFFFFFFF,
            *(length // 4 << 4, one.flags, one.window, 0, 0),
        )
        body = head + one.options + one.payload
        pseudo = source.raw + target.raw + struct.pack("!HH", TCP, len(body))
        total = struct.pack("!H", checksum(pseudo + body))
        body = body[:16] + total + body[18:]
        self.frames.append((t_ns, self.ip(source, target, TCP, body)))

    def udp(
        self,
        t_ns: int,
        source: Host,
        target: Host,
        ports: tuple[int, int],
        payload: bytes,
    ) -> None:
        """Record one UDP datagram."""
        head = struct.pack("!HHHH", *ports, 8 + len(payload), 0)
        pseudo = source.raw + target.raw + struct.pack("!HH", UDP, 8 + len(payload))
        total = checksum(pseudo + head + payload) or 0xFFFF
        body = head[:6] + struct.pack("!H", total) + payload
        self.frames.append((t_ns, self.ip(source, target, UDP, body)))

    def icmp(
        self, t_ns: int, source: Host, target: Host, kind: int, payload: bytes
    ) -> None:
        """Record one ICMP message of code 0."""
        body = struct.pack("!BBH", kind, 0, 0) + payload
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        self.frames.append((t_ns, self.ip(source, target, ICMP, body)))

    def many(self, times: Times, packets: Bytes2, source: Host, target: Host) -> None:
        """Record rows of whole IPv4 packets, from one MAC to another."""
        count, length = packets.shape
        lead = target.mac + source.mac + self._type
        width = max(len(lead) + length, self._pad)
        rows = np.zeros((count, width), np.uint8)
        rows[:, : len(lead)] = np.frombuffer(lead, np.uint8)
        rows[:, len(lead) : len(lead) + length] = packets
        self.bulk.append((times, rows))

    def sorted(self) -> list[tuple[int, bytes]]:
        """Return every frame in the order of time."""
        every = list(self.frames)
        for times, rows in self.bulk:
            block, width = rows.tobytes(), rows.shape[1]
            every += [
                (t_ns, block[at * width : (at + 1) * width])
                for at, t_ns in enumerate(times.tolist())
            ]
        every.sort(key=lambda frame: frame[0])
        return every


def save(
    path: Path, frames: list[tuple[int, bytes]], form: str, limit: int = 262144
) -> None:
    """Write frames as `pcap` (microseconds), `nano` (pcap in ns) or `pcapng` (ns).

    The file says that it keeps at most `limit` bytes of a frame.
    """
    parts: list[bytes] = []
    if form == "pcapng":
        parts.append(struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28))
        options = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
        parts.append(struct.pack("<IIHHI", 1, 32, 1, 0, limit) + options)
        parts[-1] += struct.pack("<I", 32)
        for t_ns, frame in frames:
            padded = frame.ljust(-(-len(frame) // 4) * 4, b"\0")
            size = 32 + len(padded)
            high, low = t_ns >> 32, t_ns & 0xFFFFFFFF
            head = (6, size, 0, high, low, len(frame), len(frame))
            parts.append(struct.pack("<7I", *head) + padded + struct.pack("<I", size))
    else:
        magic, unit = (0xA1B23C4D, 1) if form == "nano" else (0xA1B2C3D4, 1000)
        parts.append(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, limit, 1))
        for t_ns, frame in frames:
            seconds, rest = divmod(t_ns, 1_000_000_000)
            size = len(frame)
            parts.append(struct.pack("<4I", seconds, rest // unit, size, size) + frame)
    path.write_bytes(b"".join(parts))
