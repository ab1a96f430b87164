"""Root: what the twin's mirror showed, as one hash."""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from airnet.domain.decision import Decision, decision_line
from airnet.domain.frame import FRAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from airnet.capture.source import Tape


class Root:
    """A Tape that hashes what it is given, and hands it on."""

    def __init__(self, tape: "Tape | None", *, is_rooted: bool) -> None:
        self._times, self._bytes = hashlib.sha256(), hashlib.sha256()
        self._tape = tape
        self._is_rooted = is_rooted

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to do."""
        return self._is_rooted or self._tape is not None

    def write(
        self,
        rows: "NDArray[np.void] | memoryview",
        count: int,
        buffer: "NDArray[np.uint8] | memoryview",
    ) -> None:
        """Take FRAME[count] rows and their bytes."""
        if self._tape is not None:
            self._tape.write(rows, count, buffer)
        if not self._is_rooted:
            return
        # As bytes: numpy takes 0.1 ms to read the layout of a memoryview of rows.
        kept, held = np.frombuffer(rows, FRAME)[:count], np.asarray(buffer).data
        self._times.update(kept["time_ns"].tobytes())
        starts = kept["offset"]
        ends = starts + kept["captured_bytes"]
        if np.array_equal(starts[1:], ends[:-1]):
            self._bytes.update(held[int(starts[0]) : int(ends[-1])])
            return
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            self._bytes.update(held[start:end])

    def mark(self, lost: int, seen: int) -> None:
        """Hand on what the capture lost; the frames say the rest."""
        if self._tape is not None:
            self._tape.mark(lost, seen)

    def of(self, decisions: "Iterable[Decision]", came: bytes) -> str:
        """Return the SHA-256, in hex, over all that came and what was decided.

        `came` is what became of the world: it stands for the frames where they were
        not looked at.
        """
        total = self._times.copy()
        total.update(self._bytes.digest() if self._is_rooted else came)
        for decision in decisions:
            total.update(decision_line(decision))
        return total.hexdigest()
