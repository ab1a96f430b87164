"""Tunnels, shims and fragments, frame after frame, equal their reference."""

import struct
from collections.abc import Callable

from hypothesis import given, settings, strategies as st

from tests.fakes.frames import Decoded, Frame, ethernet, packet, tcp
from tests.reference import tunnels

ENDS = st.sampled_from(
    [
        ("10.0.0.1", "10.0.0.2"),
        ("10.0.0.1", "10.0.0.3"),
        ("2001:db8::1", "2001:db8::2"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2"),
    ]
)
COUNTED = (
    "tunnels",
    "datagrams",
    "fragments_repeated",
    "fragments_bad",
    "fragment_conflicts",
    "datagrams_rejected",
    "datagrams_expired",
    "datagrams_evicted",
)
FIELDS = (
    "source_port",
    "target_port",
    "protocol",
    "payload_bytes",
    "tcp_flags",
    "stream_flags",
)


def kind_of(inner: bytes) -> int:
    """Return the ethertype of an IP packet."""
    return 0x86DD if inner[0] >> 4 == 6 else 0x0800


def udp(port: int, payload: bytes, size: int | None = None) -> bytes:
    """Return a UDP datagram."""
    length = 8 + len(payload) if size is None else size
    return struct.pack(">HHHH", 999, port, length, 0) + payload


def gre(kind: int, payload: bytes, flags: int = 0) -> tuple[int, bytes]:
    """Return GRE: IP protocol and bytes."""
    options = bytes(4 * (flags & 0xB000).bit_count())
    return 47, struct.pack(">HH", flags, kind) + options + payload


def erspan3(inner: bytes, flags: int) -> bytes:
    """Return an ERSPAN III header, eight bytes more with the O bit, and a frame."""
    head = struct.pack(">IIHH", 2 << 28, 5, 0, flags)
    return head + bytes(8 * (flags & 1)) + inner


#: Ways to put an IP packet into another's payload.
WAYS: dict[str, Callable[[bytes], tuple[int, bytes]]] = {
    "ip": lambda inner: ({0x0800: 4, 0x86DD: 41}[kind_of(inner)], inner),
    "gre": lambda inner: gre(kind_of(inner), inner),
    "gre_key": lambda inner: gre(kind_of(inner), inner, 0xB000),
    "gre_routed": lambda inner: gre(kind_of(inner), inner, 0x4000),
    "gre_1": lambda inner: gre(kind_of(inner), inner, 1),
    "nvgre": lambda inner: gre(0x6558, ethernet(inner), 0x2000),
    "gre_mpls": lambda inner: gre(0x8847, struct.pack(">I", 0x1FF) + inner),
    "gre_ppp": lambda inner: gre(0x880B, b"\xff\x03\0\x21" + inner),
    "wccp": lambda inner: gre(0x883E, b"\0\0\0\0" + inner),
    "metadata": lambda inner: gre(
        0x8909, kind_of(inner).to_bytes(2, "big") + b"\1\1\0\1\0\7" + inner
    ),
    "erspan_1": lambda inner: gre(0x88BE, ethernet(inner)),
    "erspan_2": lambda inner: gre(
        0x88BE, struct.pack(">II", 1 << 28, 0) + ethernet(inner, (0x8100,)), 0x1000
    ),
    "erspan_3": lambda inner: gre(0x22EB, erspan3(ethernet(inner), 0x8000), 0x1000),
    "erspan_3_more": lambda inner: gre(0x22EB, erspan3(ethernet(inner), 1), 0x1000),
    "erspan_3_ip": lambda inner: gre(0x22EB, erspan3(inner, 2 << 10), 0x1000),
    "erspan_3_odd": lambda inner: gre(0x22EB, erspan3(inner, 7 << 10), 0x1000),
    "vxlan": lambda inner: (17, udp(4789, b"\x08" + bytes(7) + ethernet(inner))),
    "vxlan_old": lambda inner: (17, udp(8472, b"\x88" + bytes(7) + ethernet(inner))),
    "vxlan_flagless": lambda inner: (17, udp(4789, bytes(8) + ethernet(inner))),
    "geneve": lambda inner: (
        17,
        udp(6081, b"\x02\0\x65\x58" + bytes(12) + ethernet(inner)),
    ),
    "geneve_ip": lambda inner: (
        17,
        udp(6081, struct.pack(">HHI", 0, kind_of(inner), 0) + inner),
    ),
    "mpls_udp": lambda inner: (17, udp(6635, struct.pack(">II", 0xFF, 0x1FF) + inner)),
    "mpls_deep": lambda inner: (17, udp(6635, bytes(36) + inner)),
}


@st.composite
def wrapped(draw: st.DrawFn) -> bytes:
    """Draw an IP packet inside up to nine others."""
    ends = draw(ENDS)
    if draw(st.booleans()):
        inner = tcp(((ends[0], 5), (ends[1], 6)), 7, draw(st.binary(max_size=30)))
    else:
        payload = udp(draw(st.sampled_from([9, 4789, 6635])), draw(st.binary()))
        inner = packet(*ends, draw(st.sampled_from([17, 17, 1])), payload)
    for way in draw(st.lists(st.sampled_from(sorted(WAYS)), max_size=9)):
        inner = packet(*draw(ENDS), *WAYS[way](inner))
    return inner


def shimmed(inner: bytes, shims: list[str]) -> bytes:
    """Return an Ethernet frame with tags, labels and sessions in front of IP."""
    data, kind = inner, kind_of(inner)
    for shim in shims:
        following = kind.to_bytes(2, "big")
        if shim == "pppoe":
            data = b"\x11\0\0\7" + (len(data) + 2).to_bytes(2, "big") + b"\0\x21" + data
        elif shim == "mpls":
            data = struct.pack(">II", 0xFF, 0x1FF) + data
        elif shim == "pseudowire":
            data = struct.pack(">II", 0x1FF, 0) + bytes(12) + following + data
        else:
            size = {"vlan": 2, "vntag": 4, "etag": 6}[shim]
            data = bytes(size) + following + data
        kinds = {"vlan": 0x8100, "vntag": 0x8926, "etag": 0x893F, "pppoe": 0x8864}
        kind = kinds.get(shim, 0x8847)
    return bytes(12) + kind.to_bytes(2, "big") + data


SHIMS = st.lists(
    st.sampled_from(["vlan", "vntag", "etag", "pppoe", "mpls", "pseudowire"]),
    max_size=9,
)


@st.composite
def mirrored(draw: st.DrawFn) -> bytes:
    """Draw a frame with shims and tunnels, perhaps cut or corrupted."""
    data = bytearray(shimmed(draw(wrapped()), draw(SHIMS)))
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, 700) | st.just(9999))])


def pieces(inner: bytes, places: list[tuple[int, int, int]], identity: int) -> list:
    """Cut an IP packet's payload at `places`: offset, bytes, and the more bit."""
    is_v6 = inner[0] >> 4 == 6
    size = 40 if is_v6 else 20
    payload, found = inner[size:], []
    for offset, length, more in places:
        part = payload[offset : offset + length]
        head = bytearray(inner[:size])
        if is_v6:
            extra = struct.pack(">BBHI", inner[6], 0, offset | more, identity)
            head[4:7] = struct.pack(">HB", len(part) + 8, 44)
            found.append(bytes(head) + extra + part)
        else:
            head[2:8] = struct.pack(
                ">HHH", 20 + len(part), identity, offset // 8 | more << 13
            )
            found.append(bytes(head) + part)
    return found


@st.composite
def fragmented(draw: st.DrawFn) -> list[bytes]:
    """Draw a datagram's fragments: in any order, repeated, overlapping, changed."""
    inner = draw(wrapped())
    size = len(inner) - (40 if inner[0] >> 4 == 6 else 20)
    places = []
    at = 0
    while at < size:
        length = draw(st.sampled_from([8, 24, 64, 512]))
        places.append((at, length, int(at + length < size)))
        at += length
    if draw(st.booleans()):
        offset = draw(st.integers(0, size // 8)) * 8
        places.append((offset, draw(st.sampled_from([8, 16, 48, 5])), 1))
    found = pieces(inner, places, draw(st.integers(0, 2)))
    found = draw(st.permutations(found))
    if draw(st.booleans()) and len(found) > 1:
        changed = bytearray(found[-1])
        changed[-1] ^= draw(st.integers(0, 1))
        found.append(bytes(changed))
    if draw(st.booleans()):
        found = [packet("10.9.9.1", "10.9.9.2", *WAYS["ip"](one)) for one in found]
    return [ethernet(one) for one in found]


def check(frames: list[Frame]) -> None:
    """Hold kernel and reference equal, frame after frame."""
    reader = tunnels.open_reader()
    expected = [reader.read(*frame) for frame in frames]
    decoded = Decoded(frames)

    for row, seen in zip(decoded.headers, expected, strict=True):
        assert int(row["reason"]) == seen.reason
        assert bytes(row["source"]) == seen.source
        assert bytes(row["target"]) == seen.target
        for name in FIELDS:
            # What streams say of the segment is not the headers' business.
            mask = 0x80 if name == "stream_flags" else 0xFFFFFFFF
            assert int(row[name]) & mask == getattr(seen, name), name
    for name in COUNTED:
        assert decoded.counters[name] == reader.counts[name], name


@given(mirrored())
def test_tunnels_read_alike(data: bytes) -> None:
    """The innermost headers are the reference's, whatever lies around them."""
    check([(1, 1, data)])


@settings(deadline=None)
@given(
    st.lists(fragmented(), min_size=1, max_size=6),
    st.sampled_from([0, 1, 20_000_000_000]),
    st.data(),
)
def test_fragments_read_alike(
    datagrams: list[list[bytes]], step_ns: int, data: st.DataObject
) -> None:
    """Datagrams come together, or not, as the reference's do."""
    mixed = [one for frames in datagrams for one in frames]
    if data.draw(st.booleans()):
        mixed = data.draw(st.permutations(mixed))
    check([(10**18 + n * step_ns, 1, one) for n, one in enumerate(mixed)])
