from typing import Self, final

import numpy as np
from numpy.typing import NDArray

@final
class Writer:
    def __new__(cls, fd: int, name: bytes) -> Self: ...
    def write(
        self,
        rows: NDArray[np.void] | memoryview,
        count: int,
        buffer: NDArray[np.uint8] | memoryview,
    ) -> None: ...
    @property
    def whole_bytes(self) -> int: ...
    def statistics(self, seen: int, lost: int, delivered: int) -> None: ...
