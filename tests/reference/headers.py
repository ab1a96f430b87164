"""Link, IP and transport headers, read the slow way from the standards.

Sources: IEEE 802.1Q, RFC 791, RFC 8200, RFC 9293, RFC 768, the pcap LINKTYPE registry.
"""

import struct
from dataclasses import dataclass, field

OK, SHORT, NOT_IP, BAD_IP, FRAGMENT, BAD_TCP, BAD_UDP, LINK, DEPTH = range(9)
MAPPED = bytes(10) + b"\xff\xff"
TAGS = (0x8100, 0x88A8, 0x9100)
EXTENSIONS = (0, 43, 44, 51, 60)
LINKS = {1: (12, 14), 113: (14, 16), 276: (0, 20)}


class StopError(Exception):
    """The frame is not read further; the argument is the reason."""


@dataclass
class Headers:
    """What one frame's headers say; `payload` is what was captured of TCP's."""

    reason: int = OK
    source: bytes = bytes(16)
    target: bytes = bytes(16)
    protocol: int = 0
    source_port: int = 0
    target_port: int = 0
    payload_bytes: int = 0
    tcp_flags: int = 0
    sequence: int = 0
    acknowledged: int = 0
    payload: bytes = field(default=b"")


def need(data: bytes, count: int) -> None:
    """Stop with SHORT when fewer than `count` bytes were captured."""
    if len(data) < count:
        raise StopError(SHORT)


def parse(data: bytes, link: int) -> Headers:
    """Return what the frame's headers say."""
    headers = Headers()
    try:
        read_link(headers, data, link)
    except StopError as stop:
        headers.reason = stop.args[0]
    return headers


def read_link(headers: Headers, data: bytes, link: int) -> None:
    """Find the ethertype and step over VLAN tags."""
    if link in LINKS:
        at, size = LINKS[link]
        need(data, size)
        ethertype = int.from_bytes(data[at : at + 2], "big")
        data = data[size:]
    elif link in (101, 228, 229):
        need(data, 1)
        ethertype = {4: 0x0800, 6: 0x86DD}.get(data[0] >> 4, -1)
        if ethertype < 0:
            raise StopError(BAD_IP)
    elif link in (0, 108):
        need(data, 4)
        families = {int.from_bytes(data[:4], order) for order in ("big", "little")}
        ethertype = 0x0800 if 2 in families else 0
        ethertype = 0x86DD if families & {10, 24, 28, 30} else ethertype
        data = data[4:]
    else:
        raise StopError(LINK)
    tags = 0
    while ethertype in TAGS:
        if tags == 8:
            raise StopError(DEPTH)
        need(data, 4)
        ethertype = int.from_bytes(data[2:4], "big")
        data = data[4:]
        tags += 1
    if ethertype == 0x0800:
        read_ipv4(headers, data)
    elif ethertype == 0x86DD:
        read_ipv6(headers, data)
    else:
        raise StopError(NOT_IP)


def read_ipv4(headers: Headers, data: bytes) -> None:
    """Read an IPv4 header."""
    need(data, 20)
    total, _, fragment = struct.unpack(">HHH", data[2:8])
    size = (data[0] & 15) * 4
    if data[0] >> 4 != 4 or size < 20 or total < size:
        raise StopError(BAD_IP)
    headers.source = MAPPED + data[12:16]
    headers.target = MAPPED + data[16:20]
    headers.protocol = data[9]
    data = data[:total]
    need(data, size)
    if fragment & 0x1FFF:
        headers.payload_bytes = total - size
        raise StopError(FRAGMENT)
    read_transport(headers, data[size:], total - size, bool(fragment & 0x2000))


def read_ipv6(headers: Headers, data: bytes) -> None:
    """Read an IPv6 header and the extension headers behind it."""
    need(data, 40)
    if data[0] >> 4 != 6:
        raise StopError(BAD_IP)
    left = int.from_bytes(data[4:6], "big")
    headers.protocol = data[6]
    headers.source, headers.target = data[8:24], data[24:40]
    data = data[40 : 40 + left]
    is_fragment = False
    count = 0
    while headers.protocol in EXTENSIONS:
        kind = headers.protocol
        if left < 8:
            raise StopError(BAD_IP)
        need(data, 8)
        size = {44: 8, 51: (data[1] + 2) * 4}.get(kind, (data[1] + 1) * 8)
        if size > left:
            raise StopError(BAD_IP)
        need(data, size)
        headers.protocol = data[0]
        offset = int.from_bytes(data[2:4], "big") if kind == 44 else 0
        left -= size
        data = data[size:]
        is_fragment |= bool(offset & 0xFFF9)
        if offset & 0xFFF8:
            headers.payload_bytes = left
            raise StopError(FRAGMENT)
        count += 1
        if count == 9:
            raise StopError(DEPTH)
    read_transport(headers, data, left, is_fragment)


def require(headers: Headers, sizes: tuple[int, int, int], bad: int) -> None:
    """Stop unless `count` bytes of a transport header are there."""
    captured, stated, count = sizes
    if stated < count and bad == FRAGMENT:
        headers.payload_bytes = stated
    if stated < count:
        raise StopError(bad)
    if captured < count:
        raise StopError(SHORT)


def read_transport(headers: Headers, data: bytes, stated: int, is_part: bool) -> None:
    """Read a TCP or UDP header; `stated` is the IP payload's length."""
    if headers.protocol == 6:
        bad = FRAGMENT if is_part else BAD_TCP
        require(headers, (len(data), stated, 20), bad)
        headers.source_port, headers.target_port = struct.unpack(">HH", data[:4])
        headers.sequence, headers.acknowledged = struct.unpack(">II", data[4:12])
        headers.tcp_flags = data[13]
        size = (data[12] >> 4) * 4
        if size < 20:
            raise StopError(BAD_TCP)
        require(headers, (len(data), stated, size), bad)
        headers.payload_bytes = stated - size
        headers.payload = data[size:]
    elif headers.protocol == 17:
        require(headers, (len(data), stated, 8), FRAGMENT if is_part else BAD_UDP)
        headers.source_port, headers.target_port, size = struct.unpack(">HHH", data[:6])
        if size < 8 or (size > stated and not is_part):
            raise StopError(BAD_UDP)
        headers.payload_bytes = min(size, stated) - 8
    else:
        headers.payload_bytes = stated
