"""Tunnels, read the slow way: GRE, ERSPAN, IP in IP, VXLAN, GENEVE, MPLS in UDP.

Sources: RFC 2784, 2890, 7637, 2003, 4213, 7348, 8926, 7510; draft-foschiano-erspan-03;
draft-wilson-wrec-wccp-v2-01.
"""

import struct
from dataclasses import replace

from tests.reference.headers import (
    NOT_IP,
    SHORT,
    Ahead,
    Headers,
    Reader,
    StopError,
    mpls,
    ppp_link,
    raw,
)

#: GRE protocol types whose content begins like an ethertype's.
PLAIN = (0x0800, 0x86DD, 0x8847, 0x8848, 0x8100)
OTHER = (0x6558, 0x88BE, 0x22EB, 0x883E, 0x880B, 0x8909)


def open_reader() -> Reader:
    """Return a reader that follows every tunnel we follow."""
    return Reader(tunnel)


def tunnel(reader: Reader, headers: Headers, ahead: Ahead) -> bool:
    """Step into what the protocol carries, if that is a tunnel."""
    if headers.protocol in (4, 41):
        ahead.ethertype = {4: 0x0800, 41: 0x86DD}[headers.protocol]
        return True
    if headers.protocol == 47:
        return gre(reader, ahead)
    return headers.protocol == 17 and udp(headers, ahead)


def gre(reader: Reader, ahead: Ahead) -> bool:
    """Read a GRE header and what it carries."""
    if ahead.stated < 4:
        return False
    if len(ahead.data) < 4:
        raise StopError(SHORT)
    flags, kind = struct.unpack(">HH", ahead.data[:4])
    if flags & 0x4007 or kind not in PLAIN + OTHER:
        return False
    size = 4 + 4 * (flags & 0xB000).bit_count()
    if ahead.stated < size:
        return False
    ahead.take(size)
    if kind in PLAIN:
        ahead.ethertype = kind
    elif kind == 0x6558:
        ahead.typed(12)
    elif kind == 0x880B:
        ppp_link(ahead)
    elif kind == 0x8909:
        ahead.typed(0)
        ahead.take(6)
    elif kind == 0x883E:
        if ahead.data and ahead.data[0] >> 4 != 4:
            ahead.data = ahead.data[4:] if len(ahead.data) >= 4 else ahead.data
        ahead.ethertype = 0x0800
    else:
        erspan(reader, ahead, kind, has_sequence=bool(flags & 0x1000))
    return True


def erspan(reader: Reader, ahead: Ahead, kind: int, *, has_sequence: bool) -> None:
    """Read an ERSPAN header of any type."""
    version = ahead.data[0] >> 4 if ahead.data else None
    if kind == 0x88BE and not has_sequence:
        ahead.typed(12)
        return
    if version is None:
        raise StopError(SHORT)
    if kind == 0x88BE and version == 1:
        ahead.typed(8 + 12)
        return
    if kind == 0x88BE and version != 2:
        raise StopError(NOT_IP)
    if len(ahead.data) < 12:
        raise StopError(SHORT)
    if version != 2:
        raise StopError(NOT_IP)
    flags = int.from_bytes(ahead.data[10:12], "big")
    head = ahead.take(20 if flags & 1 else 12)
    if flags & 1:
        reader.stamp = (flags >> 1 & 3, head)
    frame_type = flags >> 10 & 31
    if frame_type == 0:
        ahead.typed(12)
    elif frame_type == 2:
        raw(ahead)
    else:
        raise StopError(NOT_IP)


def udp(headers: Headers, ahead: Ahead) -> bool:
    """Read a UDP header whose port names a tunnel, and the tunnel's."""
    if min(ahead.stated, len(ahead.data)) < 8:
        return False
    source, port, size = struct.unpack(">HHH", ahead.data[:6])
    if not 8 <= size <= ahead.stated:
        return False
    inside = replace(ahead, data=ahead.data[8:size], stated=size - 8)
    steps = {4789: vxlan, 8472: vxlan, 6081: geneve, 6635: mpls_in_udp}
    if port not in steps:
        return False
    stop = None
    try:
        if not steps[port](inside):
            return False
    except StopError as error:
        stop = error
    headers.source_port, headers.target_port = source, port
    if stop:
        raise stop
    ahead.data, ahead.stated = inside.data, inside.stated
    ahead.ethertype = inside.ethertype
    return True


def vxlan(ahead: Ahead) -> bool:
    """Read a VXLAN header."""
    if ahead.stated < 8:
        return False
    if not ahead.data or len(ahead.data) < 8:
        raise StopError(SHORT)
    if not ahead.data[0] & 8:
        return False
    ahead.typed(8 + 12)
    return True


def geneve(ahead: Ahead) -> bool:
    """Read a GENEVE header."""
    if ahead.stated < 8:
        return False
    if len(ahead.data) < 8:
        raise StopError(SHORT)
    size = 8 + (ahead.data[0] & 63) * 4
    if ahead.data[0] >> 6 or ahead.stated < size:
        return False
    ahead.ethertype = int.from_bytes(ahead.take(size)[2:4], "big")
    if ahead.ethertype == 0x6558:
        ahead.typed(12)
    return True


def mpls_in_udp(ahead: Ahead) -> bool:
    """Read a label stack; what is none is plain UDP, unless the capture cut it."""
    is_cut = len(ahead.data) < ahead.stated
    try:
        mpls(ahead)
    except StopError as stop:
        if stop.args[0] == SHORT and is_cut:
            raise
        return False
    return True
