"""Recorder: the frames as captured, to a pcapng file that outlives a crash."""

import contextlib
import errno
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from airnet._ext.pcapng import Writer
from airnet.domain.frame import FRAME
from airnet.errors import CaptureError, RoomError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class Recorder:
    """Appends frames to a pcapng file with times in ns.

    Every write() ends with whole blocks in the file, so that what was recorded can be
    read while it goes on and after a kill; the disk itself is awaited at close() only.
    """

    def __init__(self, path: Path, interface: str = "mirror") -> None:
        """Start the file; an earlier one of that name is kept as NAME.1, .2, ...

        Raises:
            CaptureError: the file cannot be written.
        """
        self._path = path
        self._fd = -1
        self._seen = self._lost = self._written = 0
        try:
            if path.exists():
                path.rename(_free_name(path))
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._fd = os.open(path, flags, 0o640)
            self._writer = Writer(self._fd, interface.encode())
            self.write(np.zeros(0, FRAME), 0, np.zeros(0, np.uint8))
        except OSError as error:
            raise self._failed(error) from error

    def write(
        self,
        rows: NDArray[np.void] | memoryview,
        count: int,
        buffer: NDArray[np.uint8] | memoryview,
    ) -> None:
        """Append rows[:count], whose bytes lie in `buffer`.

        Raises:
            CaptureError: the disk is full or failing; what was recorded stays whole.
        """
        try:
            self._writer.write(rows, count, buffer)
        except OSError as error:
            raise self._failed(error) from error
        self._written += count

    def mark(self, lost: int, seen: int) -> None:
        """Append how many frames were lost of how many, since the last mark.

        A replay of the file learns of it at the very same frame.

        Raises:
            CaptureError: the disk is full or failing; what was recorded stays whole.
        """
        self._lost += lost
        self._seen += seen
        try:
            self._writer.statistics(self._seen, self._lost, self._written)
        except OSError as error:
            raise self._failed(error) from error

    def close(self, counters: dict[str, int] | None = None) -> None:
        """Append the source's counters if given, sync; closing twice is harmless.

        `lost` among them is what marks have told; without it, all that was seen and
        not delivered.
        """
        if self._fd < 0:
            return
        try:
            if counters is not None:
                seen, delivered = counters["seen"], counters["delivered"]
                lost = counters.get("lost", seen - delivered)
                self._writer.statistics(seen, lost, delivered)
            os.fsync(self._fd)
        except OSError as error:
            raise self._failed(error) from error
        os.close(self._fd)
        self._fd = -1

    def _failed(self, error: OSError) -> CaptureError:
        """Cut a half-written block off, close, and say what happened."""
        if self._fd >= 0:
            # A disk that fails may refuse that as well: readers stop at the last whole.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._writer.whole_bytes)
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1
        kind = RoomError if error.errno in NO_ROOM else CaptureError
        return kind(
            f"{self._path}: recording stopped: {error.strerror}",
            "make room there or name another place",
        )


def _free_name(path: Path) -> Path:
    number = 1
    while path.with_name(f"{path.name}.{number}").exists():
        number += 1
    return path.with_name(f"{path.name}.{number}")
