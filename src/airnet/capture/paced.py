"""Paced: another Source's frames, each not before its capture time comes round."""

from typing import TYPE_CHECKING, Protocol

from airnet._ext.pcap import frame_rows, frame_time, take_until
from airnet.domain.frame import FRAMES_MAX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from airnet.capture.source import Source

#: The longest wait at once, so that a signal is answered.
WAIT_MAX_S = 0.1


class Waits(Protocol):
    """A clock that tells durations and can wait."""

    def mono_ns(self) -> int:
        """Return ns of a clock that never steps."""
        ...

    def sleep_s(self, seconds: float) -> None:
        """Give up the processor for at least `seconds`."""
        ...


class Paced:
    """Frames of a recording at `speed` times the pace they were captured at.

    Args:
        source: the recording.
        clock: tells how long ago the first frame was given.
        speed: 1.0 is as it was.
    """

    def __init__(self, source: "Source", clock: Waits, speed: float) -> None:
        self.name = f"{source.name} at {speed:g}x"
        self._source = source
        self._clock = clock
        self._speed = speed
        self._held = frame_rows(FRAMES_MAX)
        self._next = self._count = 0
        self._first_ns = self._begun_ns = -1

    @property
    def buffer(self) -> "NDArray[np.uint8] | memoryview":
        """Where rows' `offset` points, until the next poll."""
        return self._source.buffer

    @property
    def is_exhausted(self) -> bool:
        """Whether every frame was given."""
        return self._next == self._count and self._source.is_exhausted

    def poll(self, rows: "NDArray[np.void] | memoryview", wait_ms: int) -> int:
        """Fill rows with frames that are due, after waiting for the first of them.

        Raises:
            CaptureError: a file can no longer be read.
        """
        if self._next == self._count:
            self._next = 0
            self._count = self._source.poll(self._held, wait_ms)
        if self._next == self._count:
            return 0
        now_ns = self._capture_ns(frame_time(self._held, self._next))
        due = take_until(rows, self._held, self._next, self._count, now_ns)
        self._next += due
        return due

    def _capture_ns(self, time_ns: int) -> int:
        """Wait for capture time `time_ns` and return the capture time it then is."""
        if self._begun_ns < 0:
            self._first_ns, self._begun_ns = time_ns, self._clock.mono_ns()
        while True:
            gone_ns = (self._clock.mono_ns() - self._begun_ns) * self._speed
            now_ns = self._first_ns + int(gone_ns)
            if now_ns >= time_ns:
                return now_ns
            left_s = (time_ns - now_ns) / self._speed / 1e9
            self._clock.sleep_s(min(left_s, WAIT_MAX_S))

    def mark(self) -> "tuple[int, int] | None":
        """Return what the recording says was lost in front of what was polled."""
        mark = getattr(self._source, "mark", None)
        return None if mark is None else mark()

    def counters(self) -> dict[str, int]:
        """Return the recording's counters."""
        return self._source.counters()

    def close(self) -> None:
        """Close the recording; closing twice is harmless."""
        self._source.close()
        self._next = self._count
