from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from airnet._ext.gather import Gather
from airnet._ext.reflex import Arms
from airnet._ext.ring import Rings
from airnet._ext.stream import Stream
from airnet._ext.window import WindowTable

def check_layouts() -> None:
    """Refuse to work on memory that others lay out otherwise: a stale build.

    Raises:
        ImportError: one of them was built from other headers.
    """

@final
class Step:
    """The stages left of score, in one call.

    It reads `rings`, or is given batches when that is None, and works on the state of
    `stream` and `table`; nobody else may call those meanwhile. FRAME[n], HEADER[>= n]
    and MESSAGE[MESSAGES_MAX] are the caller's to read between calls; frames' bytes lie
    in `buffer`, the rings' memory, and go back to the kernel with the next poll. The
    rows of closed windows lie where the table's own update puts them.
    """

    def __new__(
        cls,
        rings: Rings | None,
        stream: Stream,
        table: WindowTable,
        buffer: NDArray[np.uint8] | memoryview,
        frames: NDArray[np.void] | memoryview,
        headers: NDArray[np.void] | memoryview,
        messages: NDArray[np.void] | memoryview,
    ) -> Self: ...
    def poll(self, wait_ms: int) -> int: ...
    def give(self, count: int) -> None: ...
    def follow(self, headers: int, messages: int, wire_bytes: int) -> None: ...
    def advance(self) -> bool: ...
    def spin(self, spin_ns: int) -> int: ...
    def nap(self, least_ns: int) -> bool: ...
    @property
    def stirs(self) -> int: ...
    def coast(
        self,
        engine: tuple[int, int, int],
        now_ns: int,
        last_ns: int,
        limit_ns: int,
        least_ns: int,
    ) -> tuple[bool, int, int, int, int, int, int]: ...
    def tell(self, told: Arms | Gather | None, spin_ns: int) -> None: ...
    def measure(self, late_ns: NDArray[np.uint32], is_idle: bool) -> None: ...
    @property
    def measured(self) -> int: ...
    @property
    def totals(self) -> tuple[int, int, int]: ...
