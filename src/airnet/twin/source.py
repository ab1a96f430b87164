"""WorldSource: the mirror of a world as the role Source."""

from typing import TYPE_CHECKING

import numpy as np

from airnet.clock import SimulatedClock
from airnet.decode import Decoder
from airnet.domain.frame import HEADER
from airnet.errors import UnsupportedError
from airnet.twin.stage import FULL, VOID, World

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from airnet._ext.step import Step


class WorldSource:
    """Role Source: the mirror of a world, until a set virtual time.

    Args:
        world: whose mirror.
        decoder: whose rows the world is to write itself, if it is.
        clock: is set to where each slice begins, if there is to be a course.
    """

    def __init__(
        self,
        world: World,
        decoder: Decoder | None = None,
        clock: SimulatedClock | None = None,
    ) -> None:
        self.name = "twin"
        self._world = world
        self._is_decoded = decoder is not None
        self._bytes = 0
        self._times = world.frames["time_ns"]
        if decoder is not None:
            world.attach(decoder.stream, *decoder.rows)
            self._times = np.frombuffer(decoder.rows[0], HEADER)["time_ns"]
        self.until_ns = world.now_ns
        #: Where slices may end at last, and how long they are at least, ns; see coast.
        self.course: tuple[int, int] | None = None
        self._clock = clock
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
        self._end(self._world.ended)
        self.seen += count
        self._count = count
        if count:
            self.last_ns = int(self._times[count - 1])
        return count

    def coast(self, step: "Step") -> tuple[bool, int] | None:
        """Follow the course, if one was set, until windows close; it is over then.

        `until_ns` is where the last slice ends: the rest of it is for `poll`. Returns
        whether windows closed, and how many frames there were; None: nothing was done.

        Raises:
            UnsupportedError: the world was built too small.
        """
        course, self.course = self.course, None
        clock = self._clock
        if course is None or clock is None:
            return None
        engine = self._world.engine
        if engine is None:
            return None
        has_closed, ended, seen, self._count, self.last_ns, now_ns, self.until_ns = (
            step.coast(engine, clock.time_ns, self.last_ns, *course)
        )
        self.seen += seen
        self._bytes = self._world.wire_bytes
        clock.time_ns = now_ns
        self._end(ended)
        return has_closed, seen

    def _end(self, ended: int) -> None:
        """Note why the world came back."""
        self.is_exhausted = ended != FULL
        if ended == VOID:
            raise UnsupportedError(
                "the twin's world overflowed: too much happens at once in it",
                "play fewer sessions, or less excess",
            )

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
