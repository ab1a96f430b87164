from typing import Any, Self, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

COLUMNS: int
LEAVES: int
CLASSES: int
REFERENCES: int
SUSPECT: int
FACT: int
EXCUSED: int
SHADOW: int
KERNELS: tuple[str, ...]
REASONS: tuple[str, ...]
NODE: np.dtype[np.void]
WEIGHT: np.dtype[np.void]
LIMIT: np.dtype[np.void]
RULE: np.dtype[np.void]

_Voice: TypeAlias = tuple[float, tuple[int, ...], int, tuple[tuple[int, float], ...]]

@final
class Trees:
    def __new__(
        cls,
        nodes: NDArray[np.void],
        weights: NDArray[np.void],
        classes: int,
        kernel: str,
    ) -> Self: ...
    @property
    def kernel(self) -> str: ...
    @property
    def count(self) -> int: ...
    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float32]: ...

@final
class Screen:
    def __new__(
        cls,
        models: tuple[Any, ...],
        slacks: tuple[float, ...],
        rules: NDArray[np.void],
        limits: NDArray[np.void],
        shadow_every: int,
        fills: tuple[tuple[int, int | None], ...] = ...,
        voices: tuple[_Voice, ...] = ...,
    ) -> Self: ...
    @property
    def place(self) -> tuple[int, int]: ...
    @property
    def marked(self) -> int: ...
    def opinions(self) -> list[tuple[int, int, int, int, int, int]]: ...
    @property
    def heard(self) -> int: ...
    def look(
        self,
        windows: NDArray[np.void],
        rows: NDArray[np.float32],
        marks: NDArray[np.uint8],
    ) -> int: ...

@final
class Shapley:
    def __new__(
        cls,
        nodes: NDArray[np.void],
        weights: NDArray[np.void],
        classes: int,
        references: NDArray[np.float32],
    ) -> Self: ...
    def explain(
        self, row: NDArray[np.float32], coefficients: NDArray[np.float64]
    ) -> NDArray[np.float64]: ...
