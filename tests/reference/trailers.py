"""The time that devices write into frames, and the clock of a run, the slow way.

Sources: as ext/trailer.h.
"""

import zlib
from dataclasses import dataclass

from tests.reference.headers import FRAGMENT, OK, Headers, Reader
from tests.reference.tunnels import open_reader

DAY_NS, SECOND_NS = 86_400 * 10**9, 10**9
MOVES = 64
TRAILER = 4
NONE, METAMAKO, EXABLAZE, ERSPAN = range(4)
UNITS_NS = (100_000, 100, 1, 0)


@dataclass
class Row:
    """What capture says of a frame."""

    time_ns: int
    clock: int = 0
    link: int = 1
    cut: int = 0


def is_frame(data: bytes) -> bool:
    """Return whether the last four bytes are the check sequence of the rest."""
    check = zlib.crc32(data[:-4])
    written = (check.to_bytes(4, "little"), check.to_bytes(4, "big"))
    return len(data) >= 18 and data[-4:] in written


def extensions(data: bytes) -> bytes | None:
    """Return what lies in front of Metamako extensions."""
    while True:
        if len(data) < 4:
            return None
        word = int.from_bytes(data[-4:], "big")
        words = word >> 6 & 3
        if word & 31 == 31:
            words = (word >> 6 & 1023) + 1
        if len(data) < 4 + 4 * words:
            return None
        data = data[: len(data) - 4 - 4 * words]
        if word & 32:
            return data


def metamako(data: bytes) -> tuple[int, bytes] | None:
    """Return the time of a Metamako trailer, and the frame with its FCS."""
    if len(data) < 12:
        return None
    front, tail = data[:-12], data[-12:]
    seconds, fraction = (
        int.from_bytes(tail[:4], "big"),
        int.from_bytes(tail[4:8], "big"),
    )
    if fraction >= SECOND_NS:
        return None
    inner = extensions(front) if tail[8] & 2 else front
    return None if inner is None else (seconds * SECOND_NS + fraction, inner)


def exablaze(data: bytes) -> tuple[int, bytes] | None:
    """Return the time of an Exablaze trailer, and the frame with its FCS."""
    if len(data) < 12:
        return None
    tail = data[-12:]
    fraction = int.from_bytes(tail[6:11], "big") * SECOND_NS >> 40
    return int.from_bytes(tail[2:6], "big") * SECOND_NS + fraction, data[:-12]


def erspan(stamp: tuple[int, bytes]) -> int | None:
    """Return the time in an ERSPAN III header with its subheader."""
    granularity, head = stamp
    low, high = int.from_bytes(head[4:8], "big"), int.from_bytes(head[16:20], "big")
    platform = head[12] >> 2
    if platform in (5, 6) and granularity == 2 and low < SECOND_NS:
        return high * SECOND_NS + low
    ticks = (high << 32 | low) * UNITS_NS[granularity]
    return ticks if platform in (3, 7) and UNITS_NS[granularity] > 0 else None


class Clock:
    """Gives frames their time."""

    def __init__(self, trailer: int) -> None:
        self.trailer = trailer
        self.reader: Reader = open_reader()
        self.counts = self.reader.counts
        self.clock: int | None = None
        self.foreign = 0
        self.last_ns = self.last_capture_ns = 0

    def near(self, stamp_ns: int | None, capture_ns: int) -> bool:
        """Return whether a time is believable."""
        if stamp_ns is None:
            return False
        if self.clock == TRAILER:
            expected = self.last_ns + capture_ns - self.last_capture_ns
            return abs(stamp_ns - expected) <= SECOND_NS
        return abs(stamp_ns - capture_ns) <= DAY_NS

    def stamp(self, row: Row, data: bytes) -> int | None:
        """Return the time that the frame carries, if it can be believed."""
        if self.trailer == ERSPAN:
            found = erspan(self.reader.stamp) if self.reader.stamp else None
            return found if self.near(found, row.time_ns) else None
        if self.trailer == NONE or row.link != 1 or row.cut:
            return None
        read = metamako if self.trailer == METAMAKO else exablaze
        for part in (data, data[:-4] if len(data) >= 4 else b""):
            trailer = read(part)
            if trailer and self.near(trailer[0], row.time_ns) and is_frame(trailer[1]):
                return trailer[0]
        return None

    def read(self, row: Row, data: bytes) -> tuple[Headers, int]:
        """Return a frame's headers and its time."""
        headers = self.reader.read(row.time_ns, row.link, data)
        stamp_ns = self.stamp(row, data)
        if self.trailer != NONE:
            self.counts["stamps"] += stamp_ns is not None
            self.counts["stamps_missing"] += stamp_ns is None
        return headers, self.time(row, headers, stamp_ns)

    def time(self, row: Row, headers: Headers, stamp_ns: int | None) -> int:
        """Return the row's time."""
        if self.clock is None and headers.reason in (OK, FRAGMENT):
            self.clock = row.clock if stamp_ns is None else TRAILER
        if self.clock is None:
            return row.time_ns
        time_ns = row.time_ns
        if self.clock == TRAILER:
            self.counts["clock_foreign"] += stamp_ns is None
            carried = self.last_ns + row.time_ns - self.last_capture_ns
            time_ns = carried if stamp_ns is None else stamp_ns
        elif row.clock != self.clock:
            self.counts["clock_foreign"] += 1
            self.foreign += 1
            if self.foreign < MOVES:
                return self.last_ns
            self.counts["clock_moves"] += 1
            self.clock = row.clock
            self.foreign = 0
            self.last_ns = row.time_ns
            return row.time_ns
        else:
            self.foreign = 0
        self.last_ns, self.last_capture_ns = time_ns, row.time_ns
        return time_ns
