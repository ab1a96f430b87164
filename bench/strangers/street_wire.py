"""Frames of a street, byte by byte, and the file they end in."""

import struct
from pathlib import Path
from typing import NamedTuple

from strangers.street_dice import Dice

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SECOND = 1_000_000_000
VENDORS = (b"\0\x1b!", b"<\xfd\xfe", b"\0\x0fS", b"\0PV", b"\xb8Y\x9f")


def _sum(data: bytes) -> int:
    """Return the one's complement sum of 16-bit words (RFC 1071)."""
    if len(data) & 1:
        data += b"\0"
    return int.from_bytes(data, "big") % 65535 or 65535


class Nic:
    """A machine on the wire: its addresses, TTL, how it numbers datagrams."""

    def __init__(self, dice: Dice, address: str, vlan: int = 0) -> None:
        self.address = address
        self.raw = bytes(int(part) for part in address.split("."))
        self.mac = dice.choice(VENDORS) + dice.octets(3)
        self.ttl = dice.choice((64, 64, 64, 128)) - dice.choice((0, 0, 1, 2, 3))
        self.ident = dice.below(65536)
        self.counts = not dice.chance(0.3)
        self.vlan = vlan


class Segment(NamedTuple):
    """What a TCP header says, and what follows it."""

    ports: tuple[int, int]
    sequence: int
    acknowledged: int
    flags: int
    window: int
    options: bytes = b""
    data: bytes = b""


def _packet(source: Nic, target: Nic, protocol: int, body: bytes) -> bytes:
    source.ident = (source.ident + 1) & 0xFFFF
    ident = source.ident if source.counts else 0
    head = struct.pack(
        "!BBHHHBBH4s4s",
        *(0x45, 0, len(body) + 20, ident, 0x4000, source.ttl, protocol, 0),
        *(source.raw, target.raw),
    )
    total = struct.pack("!H", 0xFFFF - _sum(head))
    vlan = source.vlan or target.vlan
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    ether = target.mac + source.mac + tag + b"\x08\0"
    frame = ether + head[:10] + total + head[12:] + body
    return frame + bytes(max(0, 60 - len(frame)))


def tcp(source: Nic, target: Nic, one: Segment) -> bytes:
    """Return a TCP segment as a frame."""
    offset = (5 + len(one.options) // 4) << 4
    head = struct.pack(
        "!HHIIBBHHH",
        *(*one.ports, one.sequence & 0xFFFFFFFF, one.acknowledged & 0xFFFFFFFF),
        *(offset, one.flags, one.window, 0, 0),
    )
    body = head + one.options + one.data
    pseudo = source.raw + target.raw + struct.pack("!HH", 6, len(body))
    total = struct.pack("!H", 0xFFFF - _sum(pseudo + body))
    return _packet(source, target, 6, body[:16] + total + body[18:])


def udp(source: Nic, target: Nic, ports: tuple[int, int], data: bytes) -> bytes:
    """Return a datagram as a frame."""
    head = struct.pack("!HHHH", *ports, 8 + len(data), 0)
    pseudo = source.raw + target.raw + struct.pack("!HH", 17, 8 + len(data))
    total = (0xFFFF - _sum(pseudo + head + data)) or 0xFFFF
    return _packet(source, target, 17, head[:6] + struct.pack("!H", total) + data)


def icmp(source: Nic, target: Nic, kind: tuple[int, int], rest: bytes) -> bytes:
    """Return an ICMP message of a type and code as a frame."""
    body = struct.pack("!BBH", *kind, 0) + rest
    total = struct.pack("!H", 0xFFFF - _sum(body))
    return _packet(source, target, 1, body[:2] + total + body[4:])


def save(path: Path, frames: list[tuple[int, bytes]], unit_ns: int) -> None:
    """Write a pcap, in order of time; its clock ticks every 1 or 1000 ns."""
    frames.sort(key=lambda one: one[0])
    magic = 0xA1B23C4D if unit_ns == 1 else 0xA1B2C3D4
    out = [struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 262144, 1)]
    for t_ns, frame in frames:
        seconds, rest = divmod(t_ns, SECOND)
        size = len(frame)
        out += [struct.pack("<IIII", seconds, rest // unit_ns, size, size), frame]
    path.write_bytes(b"".join(out))
