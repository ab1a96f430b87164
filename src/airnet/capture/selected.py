"""Selected: another Source's frames, but only order traffic, as XDP takes it live."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from airnet.capture.selection import Selection
    from airnet.capture.source import Source


class Selected:
    """Those frames of a Source that a Selection wants; the others are counted.

    Raises:
        UnsupportedError: there are more addresses than the rule's table holds.
    """

    def __init__(self, source: "Source", selection: "Selection") -> None:
        self.name = source.name
        self._source = source
        self._selector = selection.selector()
        self._not_order = 0

    @property
    def buffer(self) -> "NDArray[np.uint8] | memoryview":
        """Where rows' `offset` points, until the next poll."""
        return self._source.buffer

    @property
    def is_exhausted(self) -> bool:
        """Whether a file has ended; an interface never does."""
        return self._source.is_exhausted

    def poll(self, rows: "NDArray[np.void] | memoryview", wait_ms: int) -> int:
        """Fill rows with wanted frames; 0 when there are no more.

        Raises:
            CaptureError: a file can no longer be read.
        """
        while True:
            count = self._source.poll(rows, wait_ms)
            kept = self._selector.select_batch(rows, count, self._source.buffer)
            self._not_order += count - kept
            if kept or not count:
                return kept

    def mark(self) -> "tuple[int, int] | None":
        """Return what the Source says was lost in front of what was polled."""
        mark = getattr(self._source, "mark", None)
        return None if mark is None else mark()

    def counters(self) -> dict[str, int]:
        """Return the Source's counters; frames not wanted are `not_order`."""
        found = self._source.counters()
        found["delivered"] -= self._not_order
        found["not_order"] = self._not_order
        return found

    def close(self) -> None:
        """Close the Source; closing twice is harmless."""
        self._source.close()
