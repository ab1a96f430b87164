"""Frames of every kind that selection tells apart, for hypothesis."""

import ipaddress

from hypothesis import strategies as st

WATCHED = ("10.1.0.1", "10.1.0.2", "2001:db8::1")
OTHERS = ("192.0.2.7", "10.1.0.3", "2001:db8::2", "::", "0.0.0.0", "224.1.1.1")
PORTS = (9876, 4789, 8472, 6081, 6635, 53, 0, 65535)
PROTOCOLS = (1, 6, 17, 4, 41, 47, 58, 132, 0, 43, 44, 50, 51, 60, 135, 137, 139, 255)
TYPES = (0x0806, 0x88CC, 0x8847, 0x8864, 0x8926, 0x05DC, 0x0000, 0x0600, 0x88B5)
TAGS = (0x8100, 0x88A8, 0x9100)


@st.composite
def transports(draw: st.DrawFn, protocol: int) -> bytes:
    ports = b"".join(draw(st.sampled_from(PORTS)).to_bytes(2, "big") for _ in range(2))
    if protocol == 6:
        flags = draw(st.sampled_from([0x02, 0x12, 0x10, 0x18, 0x42, 0x04]))
        return ports + bytes(8) + bytes([0x50, flags]) + bytes(6)
    if protocol == 17:
        return ports + b"\0\x08\0\0"
    return draw(st.binary(max_size=24))


@st.composite
def packets(draw: st.DrawFn) -> tuple[int, bytes]:
    """Return EtherType and packet of IP, version 4 or 6, fragments among them."""
    version = draw(st.sampled_from([4, 6]))
    known = [one for one in WATCHED + OTHERS if (":" in one) == (version == 6)]
    source, target = (
        ipaddress.ip_address(draw(st.sampled_from(known))).packed for _ in range(2)
    )
    protocol = draw(st.sampled_from(PROTOCOLS) | st.sampled_from([6, 17, 1, 58]))
    body = draw(transports(protocol))
    if version == 6:
        head = bytes([0x60, 0, 0, 0]) + len(body).to_bytes(2, "big")
        return 0x86DD, head + bytes([protocol, 64]) + source + target + body
    options = draw(st.integers(0, 10)) if draw(st.booleans()) else 0
    flags = draw(st.sampled_from([0, 0, 0, 0x4000, 0x2000, 0x0001, 0x8000]))
    first = draw(st.sampled_from([0x40, 0x40, 0x40, 0x60])) | (
        draw(st.integers(0, 4)) if draw(st.integers(0, 20)) == 0 else 5 + options
    )
    head = bytes([first, 0, 0, 40, 0, 0]) + flags.to_bytes(2, "big")
    head += bytes([64, protocol, 0, 0]) + source + target
    return 0x0800, head + bytes(4 * options) + body


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Return an Ethernet frame: IP or not, tagged or not, cut short or not."""
    ethertype, body = draw(
        packets() | st.tuples(st.sampled_from(TYPES), st.binary(max_size=60))
    )
    frame = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 3]))):
        frame += draw(st.sampled_from(TAGS)).to_bytes(2, "big") + b"\x20\x2a"
    frame += ethertype.to_bytes(2, "big") + body
    if draw(st.booleans()):
        return frame
    return frame[: draw(st.integers(0, len(frame)))]
