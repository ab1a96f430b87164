from typing import Self, final

import numpy as np
from numpy.typing import NDArray

@final
class Gather:
    """Copies windows as they close, with their features, and who they are about.

    `sessions` is the decoder's SESSION table: where a session's window shows that its
    row's name, state or number is another, the row is copied too.
    """

    def __new__(cls, sessions: NDArray[np.void] | memoryview) -> Self: ...
    @property
    def place(self) -> tuple[int, int]: ...
    def take(self, windows: NDArray[np.void], rows: NDArray[np.float32]) -> None:
        """Take WINDOW[k] with float32[k, 64] that closed together."""

    def gathered(
        self,
    ) -> tuple[
        bytearray,
        NDArray[np.float32],
        NDArray[np.uint32],
        bytearray,
        NDArray[np.uint32],
        NDArray[np.uint32],
    ]:
        """Return copies of all there is so far.

        WINDOW[n] as bytes, their features, how many there were after each batch;
        SESSION[m] as bytes, whose rows they are, and from which window on.

        Raises:
            MemoryError: there was no room for some, or no such row of the table.
        """
