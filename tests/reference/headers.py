"""Link, IP, tunnel and transport headers, read the slow way from the standards.

Sources: IEEE 802.1Q, IEEE 802.1BR, RFC 791, RFC 8200, RFC 9293, RFC 768, RFC 3032, RFC
2516, the pcap LINKTYPE registry; tunnels: tests/reference/tunnels.py.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.reference.datagrams import Datagrams, Fragment
from tests.reference.question import Question, read_icmp, read_question

OK, SHORT, NOT_IP, BAD_IP, FRAGMENT, BAD_TCP, BAD_UDP, LINK, DEPTH = range(9)
DATAGRAM = 0x80
LEVELS = 8
MAPPED = bytes(10) + b"\xff\xff"
EXTENSIONS = (0, 43, 44, 51, 60)
LINKS = {1: (12, 14), 113: (14, 16), 276: (0, 20)}
#: Ethertypes of tags, and how many bytes lie between one and the next ethertype.
TAGS = {0x8100: 2, 0x88A8: 2, 0x9100: 2, 0x8926: 4, 0x893F: 6, 0x8909: 6}
PPP = {0x21: 0x0800, 0x57: 0x86DD, 0x281: 0x8847, 0x283: 0x8847}


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
    stream_flags: int = 0
    sequence: int = 0
    acknowledged: int = 0
    window: int = 0
    ttl: int = 0
    identification: int = 0
    feed: int = 0
    feed_sequence: int = 0
    feed_messages: int = 0
    urgent: int = 0
    options: bytes = b""
    tcp_words: int = 0
    link_source: int = 0
    question: Question = field(default_factory=Question)
    segment: bytes = b""  # TCP's header and payload, as far as captured
    payload: bytes = field(default=b"")


@dataclass
class Ahead:
    """What lies ahead: bytes captured, and how many the last IP header states."""

    data: bytes
    stated: int = 0
    ethertype: int = 0

    def take(self, count: int) -> bytes:
        """Take `count` bytes, or stop with SHORT."""
        if len(self.data) < count:
            raise StopError(SHORT)
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def typed(self, before: int) -> None:
        """Step over `before` bytes and an ethertype."""
        self.ethertype = int.from_bytes(self.take(before + 2)[before:], "big")


def ppp(ahead: Ahead) -> None:
    """Read a PPP protocol number."""
    number = ahead.take(1)[0]
    if number % 2 == 0:
        number = number << 8 | ahead.take(1)[0]
    if number not in PPP:
        raise StopError(NOT_IP)
    ahead.ethertype = PPP[number]


def ppp_link(ahead: Ahead) -> None:
    """Read a PPP frame, whose address and control may be left out."""
    ahead.data = ahead.data.removeprefix(b"\xff\x03")
    ppp(ahead)


def pppoe(ahead: Ahead) -> None:
    """Read a PPPoE session header."""
    start, _, size = struct.unpack(">HHH", ahead.take(6))
    if start != 0x1100:
        raise StopError(NOT_IP)
    ahead.data = ahead.data[:size]
    ppp(ahead)


def mpls(ahead: Ahead) -> None:
    """Read a label stack, and tell by a nibble what it carries."""
    labels = 0
    while True:
        if labels == 8:
            raise StopError(DEPTH)
        labels += 1
        if ahead.take(4)[2] & 1:
            break
    if not ahead.data:
        raise StopError(SHORT)
    nibble = ahead.data[0] >> 4
    if nibble == 0:
        ahead.typed(16)
    elif nibble in (4, 6):
        ahead.ethertype = {4: 0x0800, 6: 0x86DD}[nibble]
    else:
        raise StopError(NOT_IP)


def raw(ahead: Ahead) -> None:
    """Tell IPv4 from IPv6 by the version."""
    if not ahead.data:
        raise StopError(SHORT)
    ahead.ethertype = {4: 0x0800, 6: 0x86DD}.get(ahead.data[0] >> 4, -1)
    if ahead.ethertype < 0:
        raise StopError(BAD_IP)


def read_link(ahead: Ahead, link: int) -> None:
    """Find the ethertype behind a link header."""
    if link in LINKS:
        at, size = LINKS[link]
        ahead.ethertype = int.from_bytes(ahead.take(size)[at : at + 2], "big")
    elif link in (101, 228, 229):
        raw(ahead)
    elif link in (0, 108):
        family = ahead.take(4)
        families = {int.from_bytes(family, order) for order in ("big", "little")}
        ahead.ethertype = 0x0800 if 2 in families else 0
        if families & {10, 24, 28, 30}:
            ahead.ethertype = 0x86DD
    elif link == 9:
        ppp_link(ahead)
    else:
        raise StopError(LINK)


def read_tags(ahead: Ahead) -> None:
    """Step over tags, labels and sessions to an IP header."""
    readers = {0x8864: pppoe, 0x8847: mpls, 0x8848: mpls}
    count = 0
    while ahead.ethertype not in (0x0800, 0x86DD):
        known = ahead.ethertype in TAGS or ahead.ethertype in readers
        if not known:
            raise StopError(NOT_IP)
        if count == 8:
            raise StopError(DEPTH)
        count += 1
        if ahead.ethertype in TAGS:
            ahead.typed(TAGS[ahead.ethertype])
        else:
            readers[ahead.ethertype](ahead)


class Reader:
    """Reads frames one after the other: fragments need those before them.

    `tunnel` steps from a protocol to what it carries, or returns False.
    """

    def __init__(self, tunnel: Callable[["Reader", Headers, Ahead], bool]) -> None:
        self.tunnel = tunnel
        self.datagrams = Datagrams()
        self.counts = self.datagrams.counts
        self.time_ns = 0
        self.stamp: tuple[int, bytes] | None = None

    def read(self, time_ns: int, link: int, data: bytes) -> Headers:
        """Return what the frame's headers say."""
        headers = Headers()
        self.time_ns = time_ns
        self.stamp = None
        if link == 1 and len(data) >= 12:
            headers.link_source = int.from_bytes(data[8:12], "little")
        try:
            self.walk(headers, Ahead(data), link)
        except StopError as stop:
            headers.reason = stop.args[0]
        return headers

    def walk(self, headers: Headers, ahead: Ahead, link: int) -> None:
        """Follow IP header after IP header, then read the transport."""
        read_link(ahead, link)
        for level in range(LEVELS + 1):
            read_tags(ahead)
            if level == LEVELS:
                raise StopError(DEPTH)
            if ahead.ethertype == 0x0800:
                self.ipv4(headers, ahead, level)
            else:
                self.ipv6(headers, ahead, level)
            self.counts["tunnels"] += level > 0
            if not self.tunnel(self, headers, ahead):
                break
        read_transport(headers, ahead)

    def ipv4(self, headers: Headers, ahead: Ahead, level: int) -> None:
        """Read an IPv4 header."""
        data = ahead.data
        if len(data) < 20:
            raise StopError(SHORT)
        total, identity, fragment = struct.unpack(">HHH", data[2:8])
        size = (data[0] & 15) * 4
        if data[0] >> 4 != 4 or size < 20 or total < size:
            raise StopError(BAD_IP)
        begin(headers, MAPPED + data[12:16], MAPPED + data[16:20], data[9])
        headers.ttl, headers.identification = data[8], identity
        ahead.data = data[:total]
        ahead.take(size)
        ahead.stated = total - size
        if fragment & 0x3FFF:
            place = (identity, fragment % 0x2000 * 8, bool(fragment & 0x2000))
            self.fragment(headers, ahead, place, level, is_v6=False)

    def ipv6(self, headers: Headers, ahead: Ahead, level: int) -> None:
        """Read an IPv6 header and the extension headers behind it."""
        if len(ahead.data) < 40:
            raise StopError(SHORT)
        if ahead.data[0] >> 4 != 6:
            raise StopError(BAD_IP)
        head = ahead.take(40)
        ahead.stated = int.from_bytes(head[4:6], "big")
        ahead.data = ahead.data[: ahead.stated]
        begin(headers, head[8:24], head[24:40], head[6])
        headers.ttl, headers.identification = head[7], 0
        count = 0
        while headers.protocol in EXTENSIONS:
            if count == 8:
                raise StopError(DEPTH)
            count += 1
            self.extension(headers, ahead, level)

    def extension(self, headers: Headers, ahead: Ahead, level: int) -> None:
        """Read one extension header."""
        kind, data = headers.protocol, ahead.data
        if ahead.stated < 8:
            raise StopError(BAD_IP)
        if len(data) < 8:
            raise StopError(SHORT)
        size = {44: 8, 51: (data[1] + 2) * 4}.get(kind, (data[1] + 1) * 8)
        if size > ahead.stated:
            raise StopError(BAD_IP)
        head = ahead.take(size)
        ahead.stated -= size
        headers.protocol = head[0]
        if kind == 44:
            field_, identity = struct.unpack(">HI", head[2:8])
            place = (identity, field_ & 0xFFF8, bool(field_ & 1))
            if place[1] or place[2]:
                self.fragment(headers, ahead, place, level, is_v6=True)

    def fragment(
        self,
        headers: Headers,
        ahead: Ahead,
        place: tuple[int, int, bool],
        level: int,
        *,
        is_v6: bool,
    ) -> None:
        """Give a fragment to its datagram; stop unless that is complete."""
        identity, offset, has_more = place
        protocol = 0 if is_v6 else headers.protocol
        key = (is_v6, level, headers.source, headers.target, identity, protocol)
        piece = Fragment(
            key,
            self.time_ns,
            offset,
            ahead.stated,
            has_more,
            headers.protocol,
            ahead.data[: ahead.stated],
            is_v6,
        )
        whole = self.datagrams.take(piece)
        if whole is None:
            headers.payload_bytes = ahead.stated
            raise StopError(FRAGMENT)
        ahead.data, headers.protocol = whole
        ahead.stated = len(ahead.data)
        headers.stream_flags = DATAGRAM


def begin(headers: Headers, source: bytes, target: bytes, protocol: int) -> None:
    """Take an IP header's ends; what an outer header said of ports is past."""
    headers.source, headers.target, headers.protocol = source, target, protocol
    headers.source_port = headers.target_port = 0
    headers.tcp_flags = headers.stream_flags = 0


def require(ahead: Ahead, count: int, bad: int) -> None:
    """Stop unless `count` bytes of a transport header are there."""
    if ahead.stated < count:
        raise StopError(bad)
    if len(ahead.data) < count:
        raise StopError(SHORT)


def read_transport(headers: Headers, ahead: Ahead) -> None:
    """Read a TCP or UDP header."""
    data = ahead.data
    if headers.protocol == 6:
        require(ahead, 20, BAD_TCP)
        headers.source_port, headers.target_port = struct.unpack(">HH", data[:4])
        headers.sequence, headers.acknowledged = struct.unpack(">II", data[4:12])
        headers.tcp_flags = data[13]
        headers.window, _, headers.urgent = struct.unpack(">HHH", data[14:20])
        headers.tcp_words = data[12] >> 4
        size = headers.tcp_words * 4
        if size < 20:
            raise StopError(BAD_TCP)
        require(ahead, size, BAD_TCP)
        headers.payload_bytes = ahead.stated - size
        headers.options, headers.payload = data[20:size], data[size:]
        headers.segment = data
    elif headers.protocol == 17:
        require(ahead, 8, BAD_UDP)
        headers.source_port, headers.target_port, size = struct.unpack(">HHH", data[:6])
        if size < 8 or size > ahead.stated:
            raise StopError(BAD_UDP)
        headers.payload_bytes = size - 8
        read_feed(headers, data[8:])
        if 53 in (headers.source_port, headers.target_port):
            headers.question = read_question(data[8:size])
    else:
        headers.payload_bytes = ahead.stated
        if headers.protocol in (1, 58):
            headers.question = read_icmp(data)


def read_feed(headers: Headers, data: bytes) -> None:
    """Look for a place in a sequence in a datagram to a group: MoldUDP64 or 8 bytes."""
    size = headers.payload_bytes
    is_v4 = headers.target[:12] == MAPPED
    is_group = headers.target[0] == 0xFF or (is_v4 and headers.target[12] >> 4 == 14)
    if not is_group or size < 8 or len(data) < 8:
        return
    headers.feed, headers.feed_sequence = 1, int.from_bytes(data[:8], "big")
    if size < 20 or len(data) < 20:
        return
    session, number, count = struct.unpack(">10sQH", data[:20])
    is_text = all(0x20 <= one <= 0x7E for one in session)
    if not is_text or not 0 < number < 1 << 48:
        return
    if count in (0, 0xFFFF):
        fits, count = size == 20, 0
    else:
        first = int.from_bytes(data[20:22], "big")
        least = 20 + 2 * count + first
        fits = len(data) >= 22 and (size == least if count == 1 else size >= least)
    if fits:
        headers.feed, headers.feed_sequence, headers.feed_messages = 2, number, count
