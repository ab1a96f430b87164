"""Packets: frames as arrays, many of one shape at a time.

What a generator that is not the twin's would write: plain Ethernet, IPv4 without
options, FIX of fixed width. A hundred times as fast as frame by frame, and real bytes,
so that training sees what decode makes of them.
"""

import re

import numpy as np
from numpy.typing import NDArray

from airnet.domain.frame import FRAME, LINK_ETHERNET

Bytes = NDArray[np.uint8]
Times = NDArray[np.int64]

SOH = b"\x01"
SYN, FIN, RST, PSH, ACK = 0x02, 0x01, 0x04, 0x08, 0x10
ICMP, TCP, UDP = 1, 6, 17
#: Ethernet, IPv4; TCP and UDP headers without options.
LINK_BYTES, IP_BYTES = 14, 20
HEAD_BYTES = {TCP: 20, UDP: 8, ICMP: 8}
#: A frame on the wire is at least so long, without its check sequence (IEEE 802.3).
LEAST_BYTES = 60
SECOND_NS = 1_000_000_000
_SLOT = re.compile(rb"\{(\w+):(\d+)\}")


def digits(values: NDArray[np.int64], width: int) -> Bytes:
    """Return numbers as ASCII digits with leading zeros: uint8[n, width]."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (values[:, None] // powers % 10 + 48).astype(np.uint8)


class Template:
    """A FIX message of one length, with slots for digits: `{name:width}`.

    Fields are parted by `|`. The head, BodyLength(9) and CheckSum(10) are added.
    """

    def __init__(self, body: bytes) -> None:
        body = body.replace(b"|", SOH)
        whole = b"8=FIX.4.4\x019=%03d\x01"
        plain = _SLOT.sub(lambda found: b"0" * int(found[2]), body)
        text = whole % len(plain) + plain + b"10=000\x01"
        base = len(whole % len(plain))
        self.slots: dict[str, list[tuple[int, int]]] = {}
        shift = 0
        for found in _SLOT.finditer(body):
            width = int(found[2])
            at = base + found.start() + shift
            self.slots.setdefault(found[1].decode(), []).append((at, width))
            shift += width - len(found[0])
        self.text = np.frombuffer(text, np.uint8)

    @property
    def size(self) -> int:
        """Return how many bytes a message has."""
        return len(self.text)

    def render(self, count: int, columns: dict[str, NDArray[np.int64]]) -> Bytes:
        """Return messages with these columns of numbers: uint8[count, size]."""
        out = np.tile(self.text, (count, 1))
        for name, places in self.slots.items():
            for at, width in places:
                out[:, at : at + width] = digits(columns[name], width)
        total = out[:, :-7].sum(axis=1, dtype=np.int64) % 256
        out[:, -4:-1] = digits(total, 3)
        return out


def clock_columns(times: Times) -> dict[str, NDArray[np.int64]]:
    """Return hour, minute, second and millisecond of the day."""
    ms = times // 1_000_000 % 86_400_000
    return {
        "hour": ms // 3_600_000,
        "minute": ms // 60_000 % 60,
        "second": ms // 1000 % 60,
        "ms": ms % 1000,
    }


class Ends:
    """Who speaks to whom, as numbers; each may be one for all or one a frame."""

    def __init__(
        self,
        source: NDArray[np.int64] | int,
        target: NDArray[np.int64] | int,
        ports: tuple[NDArray[np.int64] | int, NDArray[np.int64] | int],
        ttl: int = 64,
    ) -> None:
        self.source, self.target, self.ports, self.ttl = source, target, ports, ttl

    def back(self) -> "Ends":
        """Return the other direction."""
        return Ends(self.target, self.source, (self.ports[1], self.ports[0]), self.ttl)

    def of(self, chosen: NDArray[np.integer] | slice) -> "Ends":
        """Return those of some of the frames."""

        def part(value: NDArray[np.int64] | int) -> NDArray[np.int64] | int:
            return value if isinstance(value, int) else value[chosen]

        ports = part(self.ports[0]), part(self.ports[1])
        return Ends(part(self.source), part(self.target), ports, self.ttl)


def _put(out: Bytes, at: int, width: int, value: NDArray[np.int64] | int) -> None:
    """Write a number in network order."""
    for place in range(width):
        out[:, at + place] = np.asarray(value) >> 8 * (width - 1 - place) & 255


def frames_of(
    ends: Ends,
    protocol: int,
    payload: Bytes,
    tcp: tuple[NDArray[np.int64] | int, NDArray[np.int64] | int, int] = (0, 0, 0),
) -> Bytes:
    """Return frames that carry `payload`; `tcp` is sequence, acknowledgement, flags."""
    count, size = payload.shape
    head = LINK_BYTES + IP_BYTES
    start = head + HEAD_BYTES[protocol]
    out = np.zeros((count, max(start + size, LEAST_BYTES)), np.uint8)
    _put(out, 0, 6, 0x020000000001)
    _put(out, 6, 6, 0x020000000002)
    _put(out, 12, 2, 0x0800)
    _put(out, 14, 2, 0x4500)
    _put(out, 16, 2, start + size - LINK_BYTES)
    _put(out, 20, 2, 0x4000)
    out[:, 22], out[:, 23] = ends.ttl, protocol
    _put(out, 26, 4, ends.source)
    _put(out, 30, 4, ends.target)
    words = out[:, LINK_BYTES:head].astype(np.int64)
    total = (words[:, 0::2] * 256 + words[:, 1::2]).sum(axis=1)
    _put(out, 24, 2, -total % 65_535)
    if protocol == ICMP:
        out[:, head] = 8
    else:
        _put(out, head, 2, ends.ports[0])
        _put(out, head + 2, 2, ends.ports[1])
    if protocol == TCP:
        _put(out, head + 4, 4, tcp[0])
        _put(out, head + 8, 4, tcp[1])
        _put(out, head + 12, 2, 5 << 12 | tcp[2])
        _put(out, head + 14, 2, 502)
    elif protocol == UDP:
        _put(out, head + 4, 2, 8 + size)
    out[:, start : start + size] = payload
    return out


class Capture:
    """Frames gathered from many blocks, then in the order of time.

    A block has frames of one size, when they were seen, and which of them belong to
    the incident with a number; 0 is nobody's.
    """

    def __init__(self) -> None:
        self._blocks: list[tuple[Times, Bytes, NDArray[np.uint32]]] = []

    def add(
        self, times: Times, frames: Bytes, marks: NDArray[np.uint32] | int = 0
    ) -> None:
        """Append a block; times need not be in order."""
        full = (
            np.full(len(times), marks, np.uint32) if isinstance(marks, int) else marks
        )
        self._blocks.append((times, frames, full))

    def rows(
        self, span_ns: tuple[int, int]
    ) -> tuple[NDArray[np.void], NDArray[np.uint32], Bytes]:
        """Return FRAME[n] within a span, their marks, and the buffer of all bytes."""
        blocks = self._blocks
        times = np.concatenate([block[0] for block in blocks])
        sizes = np.concatenate([np.full(len(b[0]), b[1].shape[1]) for b in blocks])
        marks = np.concatenate([block[2] for block in blocks])
        buffer = np.concatenate([block[1].reshape(-1) for block in blocks])
        rows = np.zeros(len(times), FRAME)
        rows["time_ns"] = times
        rows["offset"][1:] = np.cumsum(sizes)[:-1]
        rows["captured_bytes"] = rows["wire_bytes"] = sizes
        rows["link"] = LINK_ETHERNET
        order = np.argsort(times, kind="stable")
        inside = (times >= span_ns[0]) & (times < span_ns[1])
        order = order[inside[order]]
        return rows[order], marks[order], buffer
