"""WorldSource: the mirror of a world as the role Source."""

from typing import TYPE_CHECKING

import numpy as np

from airnet.decode import Decoder
from airnet.domain.frame import HEADER
from airnet.errors import UnsupportedError
from airnet.twin.stage import FULL, VOID, World

if TYPE_CHECKING:
    from numpy.typing import NDArray


class WorldSource:
    """Role Source: the mirror of a world, until a set virtual time."""

    def __init__(self, world: World, decoder: Decoder | None = None) -> None:
        self.name = "twin"
        self._world = world
        self._is_decoded = decoder is not None
        self._bytes = 0
        self._times = world.frames["time_ns"]
        if decoder is not None:
            world.attach(decoder.stream, *decoder.rows)
            self._times = np.frombuffer(decoder.rows[0], HEADER)["time_ns"]
        self.until_ns = world.now_ns
        self.frames = world.frames
        self.seen = self.last_ns = self._count = 0
        self.is_exhausted = False

    @property
    def buffer(self) -> "NDArray[np.uint8]":
        """Where rows' `offset` points."""
        return self._world.buffer

    @property
    def decoded(self) -> tuple[int, int] | None:
        """Messages and bytes of the last batch, where the world decodes itself."""
        if not self._is_decoded:
            return None
        before, self._bytes = self._bytes, self._world.wire_bytes
        return self._world.message_count, self._bytes - before

    def poll(self, rows: object, wait_ms: int) -> int:
        """Run on; the rows are the world's own.

        Raises:
            UnsupportedError: the world was built too small.
        """
        del rows, wait_ms
        count = self._world.run(self.until_ns)
        ended = self._world.ended
        self.is_exhausted = ended != FULL
        if ended == VOID:
            raise UnsupportedError(
                "the twin's world overflowed: too much happens at once in it",
                "play fewer sessions, or less excess",
            )
        self.seen += count
        self._count = count
        if count:
            self.last_ns = int(self._times[count - 1])
        return count

    def first_ns(self, time_ns: int) -> int:
        """Return when the first frame of this batch from `time_ns` on was seen."""
        times = self._times[: self._count]
        after = times[times >= time_ns]
        return int(after[0]) if len(after) else time_ns

    def counters(self) -> dict[str, int]:
        """Return how many frames the mirror showed; all of them were delivered."""
        return {"seen": self.seen, "delivered": self.seen}

    def close(self) -> None:
        """Do nothing: the world is its maker's."""
