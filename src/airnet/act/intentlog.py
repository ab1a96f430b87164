"""IntentLog: intents in memory that dies with what they were written for.

The ledger is on a disk that takes milliseconds to be sure; an XDP rule is in kernel
memory and in force in microseconds. What is written here lies in a map beside the
rules: it survives every death of airnet that they survive, and is lost when they are.
From there it goes to the ledger; see docs/adr, "An intent as durable as its effect".

    u32 bytes of the intent, 0 for none further
    u32 CRC-32 of it (ISO 3309)
    the intent, at least one byte, and zeros to a multiple of 8

Its length is written last, so that whenever a process is killed there are whole
intents and then nothing.
"""

import struct
import threading
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_HEAD = struct.Struct("<II")
_SIZE = struct.Struct("<I")


class IntentLog:
    """Intents on their way to the ledger. One writes, another settles.

    Args:
        room: where they lie; what is there already is `pending`.
    """

    def __init__(self, room: NDArray[np.uint8]) -> None:
        self._room = room.data
        self._lock = threading.Lock()
        self._at = self._written = self._settled = 0
        self.refused = 0

    def pending(self) -> Iterator[bytes]:
        """Return what an earlier process intended and did not settle, in order."""
        at = 0
        while at + _HEAD.size <= len(self._room):
            size, check = _HEAD.unpack_from(self._room, at)
            at += _HEAD.size
            text = bytes(self._room[at : at + size])
            if not size or len(text) < size or zlib.crc32(text) != check:
                return
            yield text
            at += _padded(size)

    def clear(self) -> None:
        """Forget everything: it is in the ledger, or was given up."""
        with self._lock:
            _SIZE.pack_into(self._room, 0, 0)
            self._at = self._written = self._settled = 0

    def write(self, text: bytes) -> bool:
        """Keep an intent; False when there is no room, and nothing may be done on it.

        When this returns, no death of this process loses it.
        """
        with self._lock:
            at = self._at
            end = at + _HEAD.size + _padded(len(text))
            if end + _HEAD.size > len(self._room):
                self.refused += 1
                return False
            _SIZE.pack_into(self._room, end, 0)
            start = at + _HEAD.size
            self._room[start : start + len(text)] = text
            _SIZE.pack_into(self._room, at + _SIZE.size, zlib.crc32(text))
            _SIZE.pack_into(self._room, at, len(text))
            self._at = end
            self._written += 1
        return True

    def settle(self, count: int) -> None:
        """Say that so many more are durable elsewhere; when all are, none are here."""
        with self._lock:
            self._settled += count
            assert self._settled <= self._written, "more than there were"
            if self._settled == self._written:
                _SIZE.pack_into(self._room, 0, 0)
                self._at = self._written = self._settled = 0


def _padded(size: int) -> int:
    return size + -size % 8
