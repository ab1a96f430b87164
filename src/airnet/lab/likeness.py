"""Likeness, what was sent held against what the mirror showed: frame by frame.

Frames are matched by their bytes, in order where several are alike. So a frame counts
as seen only if every byte of it arrived, and the stamps need no common clock.
"""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.capture.pcap import PcapSource
from airnet.domain.frame import FRAME, FRAMES_MAX
from airnet.lab.sender import LATE_NS


class Film(msgspec.Struct, frozen=True, kw_only=True):
    """A capture: each frame's stamp, and a print of its bytes (within a process)."""

    times_ns: NDArray[np.int64]
    prints: NDArray[np.int64]


def film(path: Path) -> Film:
    """Read a capture.

    Raises:
        CaptureError: it is none.
    """
    source, rows = PcapSource([path]), np.zeros(FRAMES_MAX, FRAME)
    times, prints = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    try:
        while not source.is_exhausted:
            found = rows[: source.poll(rows, 0)]
            data = memoryview(source.buffer)
            places, sizes = found["offset"].tolist(), found["captured_bytes"].tolist()
            pieces = zip(places, sizes, strict=True)
            hashes = (hash(bytes(data[place : place + size])) for place, size in pieces)
            prints.append(np.fromiter(hashes, np.int64, len(found)))
            times.append(found["time_ns"].astype(np.int64))
    finally:
        source.close()
    return Film(times_ns=np.concatenate(times), prints=np.concatenate(prints))


def _turns(kinds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return of each frame how many alike it are before it."""
    order = np.argsort(kinds, kind="stable")
    places = np.arange(len(kinds))
    is_first = np.append(True, np.diff(kinds[order]) != 0)[: len(kinds)]
    turns = np.empty(len(kinds), np.int64)
    turns[order] = places - np.maximum.accumulate(np.where(is_first, places, 0))
    return turns


class Likeness:
    """Which frame of the mirror is which one of the sender's.

    Args:
        sent: what the sender read; its times go forward as the sender makes them.
        seen: what the mirror showed.
        speed: how many times faster it was sent.
    """

    def __init__(self, sent: Film, seen: Film, speed: float) -> None:
        self._speed = speed
        self._sent_ns = np.maximum.accumulate(sent.times_ns)
        count = len(sent.prints)
        both = np.concatenate([sent.prints, seen.prints])
        kinds = np.unique(both, return_inverse=True)[1].astype(np.int64)
        mine, theirs = kinds[:count], kinds[count:]
        _, mine, theirs = np.intersect1d(
            mine * len(both) + _turns(mine),
            theirs * len(both) + _turns(theirs),
            assume_unique=True,
            return_indices=True,
        )
        order = np.argsort(theirs)
        self._which, self._seen_ns = mine[order], seen.times_ns[theirs[order]]
        #: Frames of the mirror that nobody sent.
        self.foreign = len(seen.prints) - len(mine)
        #: Frames that did not come to the mirror.
        self.missing = count - len(mine)

    @property
    def swapped(self) -> int:
        """How many frames came after one that was sent later."""
        if not len(self._which):
            return 0
        return int((self._which < np.maximum.accumulate(self._which)).sum())

    def late(self) -> tuple[int, int]:
        """Return how many frames came late, and how late the worst, in ns.

        Late is measured against the frame that was on its way for the shortest time.
        """
        if not len(self._which):
            return 0, 0
        first_ns = self._sent_ns[self._which[0]]
        due_ns = (self._sent_ns[self._which] - first_ns) / self._speed
        lag_ns = (self._seen_ns - self._seen_ns[0]) - due_ns.astype(np.int64)
        lag_ns -= lag_ns.min()
        return int((lag_ns > LATE_NS).sum()), int(lag_ns.max())

    def at(self, sent_ns: int) -> int:
        """Return when, by the mirror's stamps, a time of the sender's file came.

        That is when its next frame was seen; beyond the last, as far beyond it.
        """
        order = np.argsort(self._which, kind="stable")
        times_ns = self._sent_ns[self._which[order]]
        if not len(times_ns):
            return sent_ns
        place = int(np.searchsorted(times_ns, sent_ns))
        if place < len(times_ns):
            return int(self._seen_ns[order[place]])
        beyond_ns = (sent_ns - int(times_ns[-1])) / self._speed
        return int(self._seen_ns[order[-1]]) + int(beyond_ns)
