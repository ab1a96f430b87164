"""Frames that hide their ports, and ones that only look so: by hand, for hypothesis."""

import struct
from collections.abc import Callable
from ipaddress import ip_address

from hypothesis import strategies as st

HEAD = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
TCP, UDP, GRE, AH = 6, 17, 47, 51
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60


def segment(sport: int, dport: int, body: bytes = b"") -> bytes:
    """Return a TCP SYN; checksums are left out, nobody here asks for one."""
    return struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 5 << 4, 2, 1024, 0, 0) + body


def datagram(sport: int, dport: int, body: bytes = b"") -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(body), 0) + body


def packet(
    source: str,
    target: str,
    body: bytes,
    protocol: int = TCP,
    *,
    options: bytes = b"",
    part: tuple[int, int, int] = (0, 0, 0),
) -> bytes:
    """Return an IP packet; `part`: number, offset in bytes, whether more follow."""
    here, there = ip_address(source), ip_address(target)
    name, offset, more = part
    if here.version == 6:
        if offset or more:
            body = piece(protocol, name, offset, more) + body
            protocol = FRAGMENT
        head = struct.pack("!IHBB", 6 << 28, len(body), protocol, 64)
        return head + here.packed + there.packed + body
    flags = more << 13 | offset // 8
    words = 5 + len(options) // 4
    total = 4 * words + len(body)
    head = struct.pack(
        "!BBHHHBBH", 4 << 4 | words, 0, total, name, flags, 64, protocol, 0
    )
    return head + here.packed + there.packed + options + body


def extension(following: int, eights: int = 0) -> bytes:
    """Return hop-by-hop, routing or destination options: all of one shape, padded."""
    return bytes([following, eights, 1, 4, 0, 0, 0, 0]) + bytes(8 * eights)


def piece(following: int, name: int, offset: int, more: int) -> bytes:
    """Return a fragment header (RFC 8200 section 4.5)."""
    return struct.pack("!BBHI", following, 0, offset | more, name)


def chain(kinds: list[int], last: int, body: bytes) -> tuple[int, bytes]:
    """Return extension headers of these kinds in front of a body, and the first."""
    for kind in reversed(kinds):
        if kind == AH:
            body = struct.pack("!BBHII", last, 1, 0, 7, 1) + body
        elif kind == FRAGMENT:
            body = piece(last, 9, 0, 0) + body
        else:
            body = extension(last) + body
        last = kind
    return last, body


def frame(inside: bytes, tags: bytes = b"") -> bytes:
    """Return an Ethernet frame of an IP packet, behind `tags`."""
    return HEAD + tags + (b"\x08\0" if inside[0] >> 4 == 4 else b"\x86\xdd") + inside


def label(inside: bytes, count: int = 1) -> bytes:
    """Return an MPLS frame of `count` labels."""
    stack = b"".join(
        struct.pack("!I", 16 << 12 | (at == count - 1) << 8 | 64) for at in range(count)
    )
    return HEAD + b"\x88\x47" + stack + inside


def gre(inside: bytes, flags: int = 0, more: bytes = b"") -> bytes:
    """Return a GRE header and what it carries."""
    kind = 0x0800 if inside[0] >> 4 == 4 else 0x86DD
    return struct.pack("!HH", flags, kind) + more + inside


def vxlan(inside: bytes) -> bytes:
    return datagram(5, 4789, b"\x08\0\0\0\0\0\1\0" + frame(inside))


FOUR = ("10.0.0.10", "10.0.1.1", "198.51.100.9")
SIX = ("2001:db8::10", "2001:db8::1", "fd00::9")
PORTS = (9878, 40_000, 4789, 6081, 6635, 0)
KINDS = (HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION, AH, 135, 139, 140, 50, 59)


@st.composite
def inner(draw: st.DrawFn, depth: int = 2) -> bytes:
    """Return an IP packet: whole or in parts, behind headers, tunnels in it."""
    pool = draw(st.sampled_from([FOUR, SIX]))
    source, target = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
    protocol, body = draw(contents(depth))
    if draw(st.integers(0, 2)) == 0:
        kinds = draw(st.lists(st.sampled_from(KINDS), max_size=4))
        if draw(st.integers(0, 9)) == 0:
            kinds = [DESTINATION] * draw(st.integers(18, 26))
        protocol, body = chain(kinds, protocol, body)
    part = (draw(st.integers(1, 2)), 0, 0)
    if draw(st.integers(0, 2)) == 0:
        part = (part[0], draw(st.sampled_from([0, 8, 1280])), draw(st.integers(0, 1)))
    options = bytes(4 * draw(st.sampled_from([0, 0, 1, 10])))
    return packet(source, target, body, protocol, options=options, part=part)


@st.composite
def contents(draw: st.DrawFn, depth: int) -> tuple[int, bytes]:
    ports = draw(st.sampled_from(PORTS)), draw(st.sampled_from(PORTS))
    choices: list[Callable[[], tuple[int, bytes]]] = [
        lambda: (TCP, segment(*ports)),
        lambda: (TCP, segment(*ports)),
        lambda: (UDP, datagram(*ports, bytes(draw(st.integers(0, 12))))),
        lambda: (1, bytes(8)),
    ]
    if depth:
        choices += [
            lambda: (4, draw(inner(depth - 1))),
            lambda: (41, draw(inner(depth - 1))),
            lambda: (GRE, gre(draw(inner(depth - 1)))),
            lambda: (GRE, gre(draw(inner(depth - 1)), 0xB000, bytes(12))),
            lambda: (UDP, vxlan(draw(inner(depth - 1)))),
            lambda: (137, label(draw(inner(depth - 1)), 2)[14:]),
        ]
    return draw(st.sampled_from(choices))()


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Return a frame: tagged, labelled, cut short or hurt, or none of it."""
    inside = draw(inner())
    tags = b"\x81\0\0\7" * draw(st.sampled_from([0, 0, 0, 1, 2, 3, 9]))
    shaped = frame(inside, tags)
    if not tags and draw(st.integers(0, 7)) == 0:
        shaped = label(inside, draw(st.integers(1, 3)))
    elif not tags and draw(st.integers(0, 9)) == 0:
        shaped = HEAD + b"\x88\x64\x11\0\0\1\0\0" + pppoe(inside)
    if draw(st.integers(0, 3)) == 0:
        shaped = shaped[: draw(st.integers(14, len(shaped)))]
    if draw(st.integers(0, 3)) == 0 and len(shaped) > 15:
        at = draw(st.integers(14, len(shaped) - 1))
        changed = draw(st.integers(0, 255))
        shaped = shaped[:at] + bytes([changed]) + shaped[at + 1 :]
    return shaped


def pppoe(inside: bytes) -> bytes:
    return (b"\0\x21" if inside[0] >> 4 == 4 else b"\x57") + inside
