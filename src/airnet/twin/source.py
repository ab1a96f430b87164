"""WorldSource: the mirror of a world as the role Source."""

from typing import TYPE_CHECKING

from airnet.decode import Decoder
from airnet.errors import UnsupportedError
from airnet.twin.stage import FULL, VOID, World

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class WorldSource:
    """Role Source: the mirror of a world, until a set virtual time."""

    def __init__(self, world: World, decoder: Decoder | None = None) -> None:
        self.name = "twin"
        self._world = world
        self._is_decoded = decoder is not None
        self._bytes = 0
        if decoder is not None:
            world.attach(decoder.stream, *decoder.rows)
        self.until_ns = world.now_ns
        self.frames = world.frames
        self.seen = 0
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
        return count

    def counters(self) -> dict[str, int]:
        """Return how many frames the mirror showed; all of them were delivered."""
        return {"seen": self.seen, "delivered": self.seen}

    def close(self) -> None:
        """Do nothing: the world is its maker's."""
