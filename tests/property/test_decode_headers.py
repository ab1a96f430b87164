"""Header parsing equals its reference, on frames whole, cut, nested and corrupted."""

import struct

from hypothesis import given, strategies as st

from tests.fakes.frames import Decoded, ethernet, packet, tcp
from tests.reference import tunnels

V4 = st.sampled_from(
    [("10.0.0.1", "10.0.0.2"), ("192.0.2.7", "10.0.0.10"), ("10.0.0.1", "233.54.12.1")]
)
V6 = st.sampled_from([("2001:db8::1", "2001:db8::2"), ("fe80::1", "ff02::1")])
EXTENSIONS = st.lists(
    st.tuples(st.sampled_from([0, 43, 44, 51, 60]), st.binary(min_size=3, max_size=3)),
    max_size=10,
)
TAGS = st.lists(st.sampled_from([0x8100, 0x88A8, 0x9100]), max_size=10)
LINKS = st.sampled_from([0, 1, 101, 108, 113, 228, 229, 276, 147])


@st.composite
def feeds(draw: st.DrawFn) -> bytes:
    """Draw a MoldUDP64 packet, right or nearly."""
    session = draw(st.sampled_from([b"SESSION  1", b"\0ESSION  1"]))
    number = draw(st.sampled_from([0, 1, 77, 1 << 47, 1 << 48]))
    texts = draw(st.lists(st.binary(max_size=4), max_size=3))
    count = draw(st.sampled_from([len(texts), len(texts), 0, 1, 0xFFFF]))
    blocks = b"".join(struct.pack(">H", len(text)) + text for text in texts)
    return session + struct.pack(">QH", number, count) + blocks


@st.composite
def transports(draw: st.DrawFn, ends: tuple[str, str]) -> tuple[int, bytes]:
    """Draw an IP protocol and its bytes."""
    payload = draw(st.binary(max_size=40) | feeds())
    if draw(st.booleans()):
        segment = tcp(((ends[0], 5), (ends[1], 6)), draw(st.integers(0, 99)), payload)
        return 6, segment[40 if ":" in ends[0] else 20 :]
    size = 8 + len(payload) + draw(st.sampled_from([0, 0, 0, -5, 9, -100]))
    head = struct.pack(">HHHH", 53, 99, max(size, 0), 0)
    return draw(st.sampled_from([17, 17, 1, 132])), head + payload


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """Draw an IP packet: options, fragments, extension headers."""
    ends = draw(V4 | V6)
    protocol, payload = draw(transports(ends))
    if ":" in ends[0]:
        for kind, rest in draw(EXTENSIONS):
            length = draw(st.sampled_from([0, 0, 0, 1, 4, 200]))
            length = 4 if kind == 51 else 0 if kind == 44 else length
            size = {44: 8, 51: (length + 2) * 4}.get(kind, (length + 1) * 8)
            body = bytes([protocol, length]) + rest[:2] + bytes(size - 4)
            payload, protocol = body + payload, kind
        return packet(*ends, protocol, payload)
    data = bytearray(packet(*ends, protocol, payload))
    fragment = draw(st.sampled_from([0, 0, 0x4000, 0x2000, 0x2001, 0x0007]))
    data[6:8] = struct.pack(">H", fragment)
    return bytes(data)


@st.composite
def frames(draw: st.DrawFn) -> tuple[int, bytes]:
    """Draw a link type and a frame, perhaps cut, padded or corrupted."""
    inner, link = draw(packets()), draw(LINKS)
    data = inner
    if link == 1:
        data = ethernet(inner, draw(TAGS), draw(st.integers(0, 20)))
    elif link in (113, 276):
        kind = b"\x86\xdd" if inner[0] >> 4 == 6 else b"\x08\0"
        data = bytes(14) + kind + inner if link == 113 else kind + bytes(18) + inner
    elif link in (0, 108):
        family = draw(st.sampled_from([2, 10, 24, 30, 7]))
        data = struct.pack(draw(st.sampled_from("<>")) + "I", family) + inner
    changed = bytearray(data)
    for _ in range(draw(st.integers(0, 2))):
        changed[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return link, bytes(changed[: draw(st.integers(0, 140))])


def check(link: int, data: bytes) -> None:
    """Hold kernel and reference equal on one frame."""
    row = Decoded([(1, link, data)]).headers[0]
    seen = tunnels.open_reader().read(1, link, data)

    assert int(row["reason"]) == seen.reason
    assert bytes(row["source"]) == seen.source
    assert bytes(row["target"]) == seen.target
    for name in (
        "source_port",
        "target_port",
        "protocol",
        "payload_bytes",
        "tcp_flags",
        "feed",
        "feed_sequence",
        "feed_messages",
        "ttl",
        "sequence",
        "tcp_words",
        "link_source",
    ):
        assert int(row[name]) == getattr(seen, name), name
    for name in ("name_key", "domain_key", "name_bytes", "name_letters", "code"):
        assert int(row[name]) == getattr(seen.question, name), name


@given(frames())
def test_any_frame_parses_alike(frame: tuple[int, bytes]) -> None:
    """Every field of the header row, and the reason, are the reference's."""
    check(*frame)


@given(LINKS, st.binary(max_size=80))
def test_any_bytes_parse_alike(link: int, data: bytes) -> None:
    """Bytes that are no frame at all have the reference's reason."""
    check(link, data)


LABELS = st.lists(st.binary(min_size=1, max_size=70), max_size=6)


@given(
    LABELS,
    st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 1)),
    st.integers(0, 300),
    st.booleans(),
)
def test_a_dns_message_is_about_a_name(
    labels: list[bytes], head: tuple[int, int, int], cut: int, is_asked: bool
) -> None:
    """Names of any length, cut anywhere, and labels that are too long."""
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0\0\1\0\1"
    payload = bytes([0, 7, *head[:2], 0, head[2]]) + bytes(6) + name
    payload = payload[:cut]
    ports = (40_000, 53) if is_asked else (53, 40_000)
    datagram = struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload
    check(1, ethernet(packet("10.0.0.1", "10.0.0.2", 17, datagram), [], 0))


@given(st.sampled_from([1, 58]), st.binary(max_size=5))
def test_an_icmp_message_has_a_type(protocol: int, payload: bytes) -> None:
    check(1, ethernet(packet("10.0.0.1", "10.0.0.2", protocol, payload), [], 0))
