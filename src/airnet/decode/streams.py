"""Frames to Header and Message rows, and the table of Sessions."""

import errno
import os

from airnet._ext import stream as kernel
from airnet._ext.fix import key
from airnet.arrays import as_array
from airnet.domain.address import address_bytes
from airnet.domain.frame import CLOCKS, FRAME_REASONS, FRAMES_MAX, TRAILERS
from airnet.domain.message import MALFORMED_REASONS, MESSAGES_MAX
from airnet.errors import ConfigError

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

#: How many lanes a Decoder may have: divisors of its number of shards.
LANES = (1, 2, 4)


def key_of(identifier: bytes) -> int:
    """Return the key that Message rows carry for an identifier's bytes; never 0."""
    return key(identifier)


def type_text(number: int) -> str:
    """Return a Message row's `type` as text; bytes that are not ASCII are escaped."""
    packed = number.to_bytes(4, "little").rstrip(b"\0")
    return packed.decode("ascii", "backslashreplace")


def _require_processors(cpus: "Sequence[int]") -> None:
    """Raise OSError as the kernel does when a thread cannot go where it should."""
    if not set(cpus) <= os.sched_getaffinity(0):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def holes(counters: "dict[str, Any]") -> dict[str, dict[str, int]]:
    """Return what is missing, by why: docs/architecture.md says how that is told.

    `capture` and `unknown` together are the gaps of the streams; what the network lost
    came again, and what the application left out was never sent.
    """
    lost, lost_bytes = counters["capture_losses"], counters["capture_loss_bytes"]
    return {
        "capture": {"holes": lost, "bytes": lost_bytes},
        "network": {
            "holes": counters["network_losses"],
            "bytes": counters["network_loss_bytes"],
        },
        "application": {
            "holes": counters["application_gaps"],
            "messages": counters["application_gap_messages"],
        },
        "unknown": {
            "holes": counters["gaps"] - lost,
            "bytes": counters["gap_bytes"] - lost_bytes,
        },
    }


class Decoder:
    """Reads headers, reassembles TCP, frames FIX and keeps the table of Sessions.

    Memory is fixed; what does not fit is counted, and so is what is malformed:
    foreign bytes never raise. The rows do not depend on how frames are batched, nor
    on the number of lanes.

    Args:
        gateways: known order gateways, address and port; more are learned from FIX.
        lanes: how many processors share the work on large batches: the calling
            thread's, and those of `lanes` - 1 threads that `close` ends.
        cpus: the processor of each lane, none to leave that to the kernel. The first
            is the calling thread's, which is for the caller to move.
        trailer: one of TRAILERS, what the mirroring device writes to tell a frame's
            time; rows then have its time where it can be believed.

    Raises:
        ConfigError: more gateways than can be known, or lanes that cannot be had.
    """

    def __init__(
        self,
        gateways: "Sequence[tuple[str, int]]",
        lanes: int = 1,
        cpus: "Sequence[int]" = (),
        trailer: str = "none",
    ) -> None:
        assert lanes in LANES, "1, 2 or 4 lanes"
        assert len(cpus) in (0, lanes), "a processor for each lane, or none"
        self._lanes = lanes
        self._sessions = kernel.session_rows(kernel.SESSIONS_MAX)
        self._session_array: NDArray[np.void] | None = None
        self._headers = kernel.header_rows(FRAMES_MAX)
        self._messages = kernel.message_rows(lanes * MESSAGES_MAX)
        try:
            _require_processors(cpus)
            places = tuple(cpus) or (-1,) * lanes
            self._stream = kernel.Stream(self._sessions, places)
        except OSError as error:
            wanted = ", ".join(map(str, cpus)) or "any"
            raise ConfigError(
                f"{lanes} lanes on processors {wanted}: {error.strerror}",
                "name processors that are there and that this process may use",
            ) from error
        self._stream.read_trailers(TRAILERS.index(trailer))
        for address, port in gateways:
            if not self._stream.add_gateway(address_bytes(address), port):
                raise ConfigError(
                    f"more than {kernel.GATEWAYS_MAX} gateways",
                    "list the gateways this capture host can see",
                )

    def decode(
        self,
        frames: "NDArray[np.void] | memoryview",
        buffer: "NDArray[np.uint8] | memoryview",
    ) -> "tuple[NDArray[np.void], NDArray[np.void]]":
        """Decode FRAME[n], whose bytes lie in `buffer`, into HEADER[k] and MESSAGE[m].

        k < n when the next frame's messages might not fit: call again with
        frames[k:]; k is at least 1. Both views are valid until the next call. With
        several lanes only rows that a header points to are messages.
        """
        headers, messages = self.take(frames, buffer)
        return as_array(headers), as_array(messages)

    def take(
        self,
        frames: "NDArray[np.void] | memoryview",
        buffer: "NDArray[np.uint8] | memoryview",
    ) -> tuple[memoryview, memoryview]:
        """Decode as decode() does, and return the rows as memory."""
        first, last, made = self._stream.decode(
            frames[:FRAMES_MAX], buffer, self._headers, self._messages
        )
        return self._headers[first:last], self._messages[:made]

    @property
    def rows(self) -> tuple[memoryview, memoryview]:
        """HEADER[FRAMES_MAX] and MESSAGE[MESSAGES_MAX a lane]: where rows are made."""
        return self._headers, self._messages

    def close(self) -> None:
        """End the lanes' threads. What comes after is decoded on the caller's."""
        self._stream.close()

    def finish(self) -> None:
        """Give up what is still waited for; the capture is over.

        Messages behind a hole that was never filled are counted, by type and by
        session. They make no rows: no frame completed them, and no window will close.
        """
        self._stream.finish()

    @property
    def lanes(self) -> int:
        """How many processors share large batches."""
        return self._lanes

    @property
    def stream(self) -> kernel.Stream:
        """The kernel's state, for who decodes in one call with the rest."""
        return self._stream

    @property
    def sessions(self) -> "NDArray[np.void]":
        """Return SESSION[SESSIONS_MAX]; rows change with every call.

        Rows in use have a state; they are not dense. A header's or a message's
        `session` is an index of this table.
        """
        if self._session_array is None:
            self._session_array = as_array(self._sessions)
        return self._session_array

    @property
    def clock(self) -> str:
        """Return which clock the rows' time is of, one of CLOCKS; "" before a row."""
        number = self._stream.clock
        return CLOCKS[number] if number < len(CLOCKS) else ""

    def counters(self) -> "dict[str, Any]":
        """Return counts since the start.

        `frames` by reason, "ok" for those processed: their sum is every frame.
        `messages` by MsgType and direction. `malformed` by reason. `sessions`. The
        rest is what happened in streams, by name: bytes skipped to find a message,
        gaps, retransmits and the like, and what was full.
        """
        types = sorted(
            (type_text(number), up, down)
            for number, up, down in self._stream.messages()
        )
        reasons = zip(MALFORMED_REASONS, self._stream.malformed(), strict=True)
        return {
            "frames": dict(zip(FRAME_REASONS, self._stream.frames(), strict=True)),
            "messages": {name: {"up": up, "down": down} for name, up, down in types},
            "malformed": {name: n for name, n in reasons if name != "no"},
            "sessions": self._stream.session_count,
            **self._stream.counts(),
        }
