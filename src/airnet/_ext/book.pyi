from typing import Self, final

import numpy as np
from numpy.typing import NDArray

LIMIT: int
MARKET: int
IOC: int
FOK: int
CANCEL: int
REPLACE: int
RESTS: int
DONE: int
REFUSED: int
FULL: int
NONE: int
OPERATION: np.dtype[np.void]
TRADE: np.dtype[np.void]

def layouts() -> tuple[np.dtype[np.void], np.dtype[np.void]]: ...

@final
class Book:
    def __new__(
        cls, base: int, tick: int, levels: int, numbers: int, orders: int
    ) -> Self: ...
    def run(
        self, rows: NDArray[np.void], trades: NDArray[np.void]
    ) -> tuple[int, int]: ...
    @property
    def resting(self) -> tuple[int, int]: ...
    def price(self, tick: int) -> int | None: ...
