from typing import Self, final

import numpy as np
from numpy.typing import NDArray

FRAME_BYTES: int
QUEUES_MAX: int
BATCH_FRAMES_MAX: int
BATCH_BYTES: int

def memory_bytes(queues: int, ring_frames: int, side_bytes: int) -> int: ...
def frame_layout() -> np.dtype[np.void]: ...

@final
class Rings:
    def __new__(
        cls,
        descriptors: list[int],
        ring_frames: int,
        memory: NDArray[np.uint8],
        side_bytes: int,
        epoch_ns: int,
    ) -> Self: ...
    @property
    def place(self) -> tuple[int, int, int, int]: ...
    def busy(self) -> None: ...
    def poll(self, rows: NDArray[np.void] | memoryview, wait_ms: int) -> int: ...
    def statistics(self) -> dict[str, int]: ...
    def close(self) -> None: ...

@final
class Batch:
    def __new__(cls, fd: int, link: int, memory: NDArray[np.uint8]) -> Self: ...
    def poll(self, rows: NDArray[np.void] | memoryview, wait_ms: int) -> int: ...
