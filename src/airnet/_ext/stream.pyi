"""Frames to Header rows, Message rows and the session table (ext/stream.pyx)."""

from typing import final

import numpy as np
from numpy.typing import NDArray

#: Gateways that can be known.
GATEWAYS_MAX: int
SESSIONS_MAX: int

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
    for any division of the frames into batches.

    Args:
        sessions: SESSION[SESSIONS_MAX], zeroed; the table, filled in place.
    """

    def __init__(self, sessions: NDArray[np.void] | memoryview) -> None: ...
    def add_gateway(self, address: bytes, port: int) -> bool:
        """Make a gateway known: 16 network-order bytes; False when too many are."""

    def decode(
        self,
        frames: NDArray[np.void] | memoryview,
        buffer: NDArray[np.uint8] | memoryview,
        headers: NDArray[np.void] | memoryview,
        messages: NDArray[np.void] | memoryview,
    ) -> tuple[int, int]:
        """Decode FRAME[n] into HEADER[n] and MESSAGE[MESSAGES_MAX].

        Returns how many frames were taken (all, or fewer when one more frame's
        messages might not fit; at least one) and how many messages were made.
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
        """How many session rows are in use."""

    def frames(self) -> list[int]:
        """Return frames by reason, FRAME_REASONS in order."""

    def malformed(self) -> list[int]:
        """Return malformed messages by reason, MALFORMED_REASONS in order."""

    def messages(self) -> list[tuple[int, int, int]]:
        """Return (MsgType as in the row, up, down) of each type seen."""

    def counts(self) -> dict[str, int]:
        """Return what happened in headers and streams, other than rows, by name."""
