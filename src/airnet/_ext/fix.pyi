"""One FIX message's bytes to one Message row (ext/fix.pyx)."""

from typing import Final, final

import numpy as np
from numpy.typing import NDArray

PATHS: Final[tuple[str, ...]]
"""The ways to scan that this processor has, the fastest last; all give the same."""
NAMES: Final[tuple[str, ...]]
"""The ways to scan that there are."""
BEST: Final[str]
"""The fastest of PATHS."""
SPANS: Final[int]
"""How many slots `Reader.span` finds; ext/fixtags.h has their order."""

@final
class Reader:
    """Reads messages by one path, with or without the table of layouts."""

    def __init__(self, path: str = ..., has_layouts: bool = ...) -> None: ...
    def read(self, data: NDArray[np.uint8] | bytes, row: NDArray[np.void]) -> int:
        """Read the message at the start of `data` into MESSAGE[1].

        Returns its size in bytes; 0 when more bytes are needed; the negative MALFORMED
        reason when it is no message. Never raises on foreign bytes.
        """

    def span(self, data: NDArray[np.uint8] | bytes, spans: NDArray[np.uint32]) -> int:
        """Find the first value of each slot of the message at the start of `data`.

        `spans` is uint32[SPANS, 2]: offset and size, both 0 where there is none.
        Returns as `read` does.
        """

def key(identifier: bytes) -> int:
    """Return an identifier's 64-bit key, as in Message rows; never 0.

    Source: ext/fixvalue.h, fix_key.
    """
