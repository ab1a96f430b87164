from typing import Self, final

import numpy as np
from numpy.typing import NDArray

COLUMNS: int
EDGES: int
BINS: int
SUBJECTS: int
LOWEST: int

def integers(
    rows: NDArray[np.float32], place: int, columns: int
) -> tuple[int | None, ...]: ...
def window(
    windows: NDArray[np.void], place: int
) -> tuple[int, int, int, int, int, int, int, int, int]: ...
def identity(sessions: NDArray[np.void], place: int) -> bytes: ...
def places(
    table: NDArray[np.float64], rows: NDArray[np.float32], leads: NDArray[np.float64]
) -> NDArray[np.int64]: ...
def count(counts: NDArray[np.int64], bins: NDArray[np.int64], place: int) -> None: ...

@final
class Turns:
    def __new__(cls, kind: int, turn_ns: int) -> Self: ...
    def choose(self, windows: NDArray[np.void]) -> list[int]: ...

@final
class Habits:
    def __new__(cls) -> Self: ...
    def choose(
        self, windows: NDArray[np.void], sessions: NDArray[np.void]
    ) -> list[int]: ...
