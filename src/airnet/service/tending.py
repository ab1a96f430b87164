"""Tending: what the fast lane wants done between two batches."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Tend(Protocol):
    """Foresees for one gateway; see Arming."""

    def __call__(
        self, sessions: NDArray[np.void], now_ns: int, *, is_idle: bool
    ) -> bool:
        """Return whether something had changed; `now_ns` is capture time."""
        ...
