"""The digital twin's world (ext/twin.pyx)."""

from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from airnet._ext.stream import Stream

#: Tables of configuration, World's keywords.
TABLES: tuple[str, ...]
#: What comes out: frames, the decoder's rows, or nothing.
WIRE: int
ROWS: int
BLIND: int
#: MsgTypes in the order of truth().
TYPES: str
#: Why run() came back, in `ended`: the time is reached; the output is full, read it and
#: call again; the world was built too small and nothing of it counts.
REACHED: int
FULL: int
VOID: int
#: Forms of isolation.
DROP: int
RESET: int
LOGOUT: int
FRAMES_LIMIT: int
BYTES_LIMIT: int
#: What attach() takes at least.
HEADERS_MIN: int
MESSAGES_MIN: int

def draws(seed: int, role: int, number: int) -> tuple[int, float, float, float]:
    """Return an integer, a uniform, a normal and an exponential draw of a stream."""

@final
class World:
    """One world of a market, its lines, its attackers and the mirror that sees them.

    The same seed, times and rows give the same bytes, in runs of any length. Memory is
    taken once.

    Args:
        seed: of every chance in it.
        start_ns: virtual time it begins, ns since the epoch.
        end_ns: when agents stop.
        mode: WIRE, ROWS or BLIND.
        rows: tables by name (TABLES); those left out are empty.

    Raises:
        ValueError: a table has another shape, or the rows contradict each other.
        MemoryError: there is none.
    """

    frames: NDArray[np.void]
    marks: NDArray[np.uint32]  # of each frame its incident, 0 = benign
    buffer: NDArray[np.uint8]
    ended: int

    def __new__(
        cls,
        seed: int,
        start_ns: int,
        end_ns: int,
        mode: int = ...,
        **rows: NDArray[np.void],
    ) -> Self: ...
    def run(self, until_ns: int) -> int:
        """Handle the events before until_ns; return how many frames came out.

        They lie in frames[:count], their bytes in buffer, until the next call. When
        `ended` is FULL, call again with the same time.
        """

    def attach(
        self,
        stream: Stream,
        headers: NDArray[np.void] | memoryview,
        messages: NDArray[np.void] | memoryview,
    ) -> None:
        """Write rows instead of frames (mode ROWS): those that `stream` would make.

        Nobody else may call `stream` meanwhile; its counts and its session table move
        on as if it had decoded every frame. run() then returns how many headers lie
        in `headers`; their messages are in `messages`.

        Raises:
            ValueError: the mode is not ROWS, or there are too few rows.
            ImportError: the two kernels were built from different sources.
        """

    @property
    def engine(self) -> tuple[int, int, int] | None: ...
    @property
    def message_count(self) -> int:
        """How many messages the last run wrote, in mode ROWS."""

    @property
    def wire_bytes(self) -> int:
        """Bytes that have passed the switch since the start."""

    @property
    def now_ns(self) -> int: ...
    @property
    def events(self) -> int: ...
    def throttle(
        self, line: int, per_second: int, burst: int, until_ns: int
    ) -> None: ...
    def block(self, line: int, form: int, directions: int, until_ns: int) -> None: ...
    def delay(self, line: int, extra_ns: int, until_ns: int) -> None: ...
    def drop_source(
        self,
        address: bytes,
        bits: int,
        port: int,
        until_ns: int,
        target: bytes = ...,
    ) -> None:
        """Drop what a prefix sends to a port (0: any) of `target` (zeros: anybody)."""

    def limit_strangers(
        self,
        gateway: bytes,
        port: int,
        known: bytes,
        per_second: int,
        burst: int,
        until_ns: int,
    ) -> None:
        """Police what hosts that are not known send to a gateway's port (0: any).

        `known` are 16 bytes an address, sorted. As controller/flows.py would have a
        switch do it: one meter for all of them, which begins with a full bucket.
        """
    def cancel_all(self, line: int) -> None: ...
    def disable(self, line: int) -> None: ...
    def release(self, line: int) -> None: ...
    def harm(self) -> list[dict[str, int]]: ...
    def books(self) -> list[dict[str, int]]: ...
    def conserved(self) -> dict[str, int]: ...
    def truth(self) -> NDArray[np.uint64]: ...
    def name(self, symbol: int) -> str: ...
    def counters(self) -> dict[str, Any]: ...
