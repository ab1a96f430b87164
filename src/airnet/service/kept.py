"""Kept: what a run leaves beside its ledger, a recording and decisions, one a line."""

import contextlib
import os
from io import FileIO
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from airnet.capture.recorder import Recorder
from airnet.domain.decision import Decision, decision_line
from airnet.errors import CaptureError, ConfigError, RoomError

log = structlog.get_logger()


class Kept:
    """Frames as captured, and Decisions as made.

    Both are evidence and neither is what acting rests on: a full disk ends them with
    a log line, and the watch goes on.

    Raises:
        ConfigError: a file cannot be written where it should be.
    """

    def __init__(self, record: Path | None, decisions: Path | None) -> None:
        self._recorder: Recorder | None = None
        self._lost = 0
        self._lines = None if decisions is None else _open_lines(decisions)
        if record is None:
            return
        try:
            self._recorder = Recorder(record)
        except RoomError as error:
            _lost(error)
        except CaptureError as error:
            self.close({})
            raise ConfigError(
                f"capture.record: {error.what}", "name a file in a folder of its own"
            ) from error

    @property
    def is_recording(self) -> bool:
        """Return whether frames are still recorded."""
        return self._recorder is not None

    def write(
        self,
        rows: NDArray[np.void] | memoryview,
        count: int,
        buffer: NDArray[np.uint8] | memoryview,
    ) -> None:
        """Keep frames, as long as there is room."""
        if self._recorder is None:
            return
        try:
            self._recorder.write(rows, count, buffer)
        except CaptureError as error:
            self._recorder = None
            _lost(error)

    def mark(self, lost: int, seen: int) -> None:
        """Keep how many frames the capture lost since the last mark, if there is room.

        Judgement hears of it at this very frame, and must in a replay too.
        """
        self._lost += lost
        if self._recorder is None:
            return
        try:
            self._recorder.mark(lost, seen)
        except CaptureError as error:
            self._recorder = None
            _lost(error)

    def add(self, decision: Decision) -> None:
        """Keep a Decision's line whole, as long as there is room."""
        if self._lines is None:
            return
        line, size = decision_line(decision), self._lines.tell()
        try:
            is_whole, reason = self._lines.write(line) == len(line), "no room"
        except OSError as error:
            is_whole, reason = False, str(error.strerror)
        if is_whole:
            return
        with contextlib.suppress(OSError):
            self._lines.truncate(size)
        self._lines.close()
        self._lines = None
        log.error("service.decisions_stopped", reason=reason)

    def close(self, counters: dict[str, int]) -> None:
        """Write the recording's statistics and let go of both files."""
        if self._lines is not None:
            self._lines.close()
        if self._recorder is not None:
            try:
                told = counters | {"lost": self._lost}
                self._recorder.close(told if counters else None)
            except CaptureError as error:
                _lost(error)


def _open_lines(path: Path) -> FileIO:
    """Open a decisions file for whole-line appends.

    What a lost host tore ends there: the next Decision is a line of its own.
    """
    try:
        lines = path.open("a+b", buffering=0)
        if path.is_file() and lines.tell():
            lines.seek(-1, os.SEEK_END)
            if lines.read(1) != b"\n":
                lines.write(b"\n")
    except OSError as error:
        raise ConfigError(
            f"service.decisions: {path}: cannot be written: {error.strerror}",
            "name a file in a folder that exists and is airnet's",
        ) from error
    return lines


def _lost(error: CaptureError) -> None:
    log.error("capture.recording_stopped", what=error.what, remedy=error.remedy)
