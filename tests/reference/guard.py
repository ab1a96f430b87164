"""The guard of bpf/guard.bpf.c, slow and obvious: how a frame ends, by rules that drop.

Reference of guard.bpf.c and with it of bpf/walk.h: where the ports of a frame are, and
what becomes of one that hides them.
"""

from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from tests.reference.selection import Fields

#: Headers of one frame that are walked.
STEPS = 24
#: Parts of one datagram that pass, its first left out.
PARTS = 64
READ, LATER, UNREAD = "read", "later", "unread"
TAG_BYTES = {0x8100: 2, 0x88A8: 2, 0x9100: 2, 0x8926: 4, 0x893F: 6, 0x8909: 6}
MPLS = (0x8847, 0x8848)
IPV4, IPV6, ETHERNET = 0x0800, 0x86DD, 0x6558
EXTENSIONS = {0, 43, 44, 60, 135, 139, 140}
VXLAN, GENEVE, MPLS_PORT = (4789, 8472), 6081, 6635


class Ends(NamedTuple):
    """Who sends to whom, as one IP header and what is behind it say."""

    source: str
    target: str
    source_port: int = 0
    target_port: int = 0


class Piece(NamedTuple):
    source: str
    target: str
    number: bytes
    protocol: int


class Cut(Exception):
    """The frame ends before the header does."""


class Done(Exception):
    """There is no header more to walk."""


class Walk:
    """One frame, header by header."""

    def __init__(self, frame: bytes) -> None:
        self.levels: list[Ends] = []
        self.how = READ
        self.piece: Piece | None = None
        self._version = 0
        self._rest = frame
        self._next: tuple[str, int] = ("link", ETHERNET)
        try:
            for _ in range(STEPS):
                self._step()
            self.how = UNREAD
        except Done:
            pass

    def _take(self, count: int) -> bytes:
        """Take so many bytes, or be done: what is cut has no header there."""
        if len(self._rest) < count:
            raise Done
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _skip(self, count: int) -> None:
        self._rest = self._rest[count:]

    def _step(self) -> None:
        layer, kind = self._next
        if layer == "ip":
            self._protocol(kind)
        elif kind == ETHERNET:
            self._typed(12)
        elif kind in TAG_BYTES:
            self._typed(TAG_BYTES[kind])
        elif kind == 0x8864:
            self._pppoe()
        elif kind in MPLS:
            self._label()
        elif kind == IPV4:
            self._ipv4()
        elif kind == IPV6:
            self._ipv6()
        else:
            raise Done

    def _typed(self, before: int) -> None:
        self._link(number(self._take(before + 2)[before:]))

    def _link(self, kind: int) -> None:
        if kind < 0x600:
            raise Done
        self._next = ("link", kind)

    def _pppoe(self) -> None:
        if len(self._rest) < 8 or self._rest[:2] != b"\x11\0":
            raise Done
        self._skip(6)
        is_short = self._rest[0] & 1
        kind = self._rest[0] if is_short else number(self._rest[:2])
        self._skip(1 if is_short else 2)
        kinds = {0x21: IPV4, 0x57: IPV6, 0x281: MPLS[0], 0x283: MPLS[0]}
        self._link(kinds.get(kind, 0))

    def _label(self) -> None:
        if len(self._rest) < 5:
            raise Done
        is_last = self._take(4)[2] & 1
        nibble = self._rest[0] >> 4
        if is_last and nibble == 0:
            self._typed(4 + 12)
        elif is_last:
            self._link(IPV4 if nibble == 4 else IPV6)

    def _ipv4(self) -> None:
        head = self._rest[:20]
        length = 4 * (head[0] & 15) if head else 0
        if len(head) < 20 or head[0] >> 4 != 4 or length < 20:
            raise Done
        self._skip(length)
        self._address(head[12:16], head[16:20], 4)
        self._next = ("ip", head[9])
        flags = number(head[6:8])
        if flags & 0x3FFF:
            self._part(head[4:6], head[9], is_later=bool(flags & 0x1FFF))

    def _ipv6(self) -> None:
        if len(self._rest) < 40 or self._rest[0] >> 4 != 6:
            raise Done
        head = self._take(40)
        self._address(head[8:24], head[24:40], 6)
        self._next = ("ip", head[6])

    def _address(self, source: bytes, target: bytes, version: int) -> None:
        self._version = version
        self.levels.append(Ends(plain(source), plain(target)))

    def _part(self, name: bytes, protocol: int, *, is_later: bool) -> None:
        self.piece = Piece(*self.levels[-1][:2], name, protocol)
        self.is_first = not is_later
        if is_later:
            self.how = LATER
            raise Done

    def _protocol(self, kind: int) -> None:
        if kind == 51 or (self._version == 6 and kind in EXTENSIONS):
            self._extension(kind)
        elif kind in (6, 17):
            self._ports(kind)
        elif kind == 4:
            self._next = ("link", IPV4)
        elif kind == 41:
            self._next = ("link", IPV6)
        elif kind == 47:
            self._gre()
        elif kind == 137:
            self._next = ("link", MPLS[0])
        else:
            raise Done

    def _extension(self, kind: int) -> None:
        if len(self._rest) < 8:
            self.how = UNREAD
            raise Done
        head = self._rest[:8]
        length = 8 * (head[1] + 1)
        if kind == 51:
            length = 4 * (head[1] + 2)
        if kind == 44:
            length = 8
        self._skip(length)
        self._next = ("ip", head[0])
        if kind == 44 and number(head[2:4]) & 0xFFF9:
            is_later = bool(number(head[2:4]) & 0xFFF8)
            self._part(head[4:8], 0, is_later=is_later)

    def _ports(self, kind: int) -> None:
        if len(self._rest) < 4:
            self.how = UNREAD
            raise Done
        ports = number(self._rest[:2]), number(self._rest[2:4])
        self.levels[-1] = Ends(*self.levels[-1][:2], *ports)
        if kind == 6 or len(self._rest) < 16:
            raise Done
        self._udp(ports[1])

    def _udp(self, port: int) -> None:
        inside = self._rest[8:]
        if port == MPLS_PORT:
            self._skip(8)
            self._link(MPLS[0])
        elif port in VXLAN and inside[0] & 8:
            self._skip(16)
            self._link(ETHERNET)
        elif port == GENEVE and inside[0] >> 6 == 0:
            self._skip(16 + 4 * (inside[0] & 63))
            self._link(number(inside[2:4]))
        else:
            raise Done

    def _gre(self) -> None:
        head = self._rest[:4]
        if len(head) < 4 or head[0] & 0x40 or head[1] & 7:
            raise Done
        self._skip(4 + 4 * sum(head[0] >> bit & 1 for bit in (7, 5, 4)))
        self._link(number(head[2:4]))


class Guard:
    """Rules that let nothing pass, and what became known of datagrams in parts."""

    def __init__(self) -> None:
        self.spared: set[str] = set()
        self.sources: set[str] = set()
        self.sessions: set[Ends] = set()
        self.gateways: set[tuple[str, int]] = set()
        self.unread: set[tuple[str, str]] = set()  # "" is anybody
        self.known: set[Ends] = set()
        self._parts: Counter[Piece] = Counter()
        self._firsts: set[Piece] = set()

    def end(self, frame: bytes) -> str:
        """Return how a frame ends."""
        if not Fields(frame).is_opaque:
            return self._level(Walk(frame), 0)
        walk = Walk(frame)
        if len(walk.levels) > 1:
            outer = self._judge(walk.levels[0], READ, None)
            if outer in ("session", "source", "unknown"):
                return outer
        return self._level(walk, -1)

    def _level(self, walk: Walk, place: int) -> str:
        if not walk.levels:
            return "passed"
        return self._judge(walk.levels[place], walk.how, walk)

    def _judge(self, ends: Ends, how: str, walk: Walk | None) -> str:
        if matches(ends.source, self.spared):
            return "spared"
        if how == READ and ends in self.sessions:
            return "session"
        if how == UNREAD and ends[:2] in self.unread:
            return "session"
        if self._is_known(ends, how, walk):
            return "allowed"
        if matches(ends.source, self.sources):
            return "source"
        return "unknown" if any(self._flooded(ends, how)) else "passed"

    def _flooded(self, ends: Ends, how: str) -> Iterator[bool]:
        yield (ends.target, ends.target_port) in self.gateways
        yield (ends.target, 0) in self.gateways
        yield how != READ and ("", ends.target) in self.unread

    def _is_known(self, ends: Ends, how: str, walk: Walk | None) -> bool:
        piece = walk.piece if walk else None
        if how == UNREAD:
            return False
        if how == LATER:
            assert piece is not None
            if piece not in self._firsts:
                return False
            self._parts[piece] += 1
            return self._parts[piece] <= PARTS
        if ends not in self.known:
            return False
        if piece is not None:
            self._firsts.add(piece)
            self._parts[piece] = 0
        return True


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def plain(address: bytes) -> str:
    """Return an address as text; a mapped one is that of IPv4 (RFC 4291 2.5.5.2)."""
    found = ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)


def matches(address: str, networks: set[str]) -> bool:
    found = ip_address(address)
    return any(found in ip_network(one) for one in networks)
