from typing import Self, final

import numpy as np
from numpy.typing import NDArray

MODE_ALL: int
MODE_ORDER: int
TABLE_WORDS: int
SUMMARY_WORDS: int
SKETCH_WORDS: int

@final
class Selector:
    def __new__(
        cls, mode: int, addresses: list[bytes], ports: list[int], seed: int = 0
    ) -> Self: ...
    def table(self) -> NDArray[np.uint64]: ...
    def summary(self) -> NDArray[np.uint64]: ...
    def sketch(self) -> NDArray[np.uint64]: ...
    def select_batch(
        self,
        rows: NDArray[np.void] | memoryview,
        count: int,
        buffer: NDArray[np.uint8] | memoryview,
    ) -> int: ...

def estimate(
    sketch: NDArray[np.uint64], address: bytes, seed: int
) -> tuple[int, int, int]: ...
