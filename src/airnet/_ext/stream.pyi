"""Frames to Header rows, Message rows and the session table (ext/stream.pyx)."""

from typing import final

import numpy as np
from numpy.typing import NDArray

#: Gateways that can be known.
GATEWAYS_MAX: int
#: Lanes a decoder can have.
LANES_MAX: int
SESSIONS_MAX: int
#: Sizes of what it shares with Step.
LAYOUT: tuple[int, ...]

def header_rows(count: int) -> memoryview:
    """Return HEADER[count], all zero: memory that numpy need not be loaded for."""

def message_rows(count: int) -> memoryview:
    """Return MESSAGE[count], all zero."""

def session_rows(count: int) -> memoryview:
    """Return SESSION[count], all zero."""

@final
class Stream:
    """TCP reassembly, FIX framing and the session table.

    Memory is fixed (about 15 MB, touched as needed); what does not fit is counted.
    Foreign bytes never raise. State changes frame by frame, so the rows are the same
    for any division of the frames into batches, and over any number of lanes.

    Args:
        sessions: SESSION[SESSIONS_MAX], zeroed; the table, filled in place.
        cpus: for each lane the processor its thread stays on, -1 for any. The first
            lane is the calling thread, which is left where it is.

    Raises:
        OSError: a lane's thread could not be started, or not there.
    """

    def __init__(
        self,
        sessions: NDArray[np.void] | memoryview,
        cpus: tuple[int, ...] = (-1,),
    ) -> None: ...
    def close(self) -> None:
        """End the threads; what comes after is decoded on the calling thread."""

    @property
    def place(self) -> int: ...
    def add_gateway(self, address: bytes, port: int) -> bool:
        """Make a gateway known: 16 network-order bytes; False when too many are."""

    def decode(
        self,
        frames: NDArray[np.void] | memoryview,
        buffer: NDArray[np.uint8] | memoryview,
        headers: NDArray[np.void] | memoryview,
        messages: NDArray[np.void] | memoryview,
    ) -> tuple[int, int, int]:
        """Decode FRAME[n] into HEADER[n] and MESSAGE[lanes * MESSAGES_MAX].

        Returns (first, last, m): headers[first:last] and messages[:m] are what was
        made of the first `last - first` frames: all, or fewer when one more frame's
        messages might not fit; at least one. The rest must be given next, where it
        lies. With several lanes a row of `messages` is no message unless a header
        points to it.

        Raises:
            ValueError: an array has another shape, or frames are not the rest.
        """

    def finish(self) -> None:
        """Give up what is still waited for; the capture is over.

        Messages behind holes are counted, by type and session; they make no rows.
        Calling it again changes nothing.
        """

    def read_trailers(self, trailer: int) -> None:
        """Take time from what the mirroring device wrote: TRAILERS in order."""

    @property
    def clock(self) -> int:
        """Which clock the rows are of, CLOCKS in order; 255 before the first."""

    @property
    def session_count(self) -> int:
        """How many sessions have appeared; their rows may be others' by now."""

    def frames(self) -> list[int]:
        """Return frames by reason, FRAME_REASONS in order."""

    def malformed(self) -> list[int]:
        """Return malformed messages by reason, MALFORMED_REASONS in order."""

    def messages(self) -> list[tuple[int, int, int]]:
        """Return (MsgType as in the row, up, down) of each type seen."""

    def counts(self) -> dict[str, int]:
        """Return what happened in headers and streams, other than rows, by name."""
