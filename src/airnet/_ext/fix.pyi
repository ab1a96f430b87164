"""One FIX message's bytes to one Message row (ext/fix.pyx)."""

import numpy as np
from numpy.typing import NDArray

def read(data: NDArray[np.uint8] | bytes, row: NDArray[np.void]) -> int:
    """Read the message at the start of `data` into MESSAGE[1].

    Returns its size in bytes; 0 when more bytes are needed; the negative MALFORMED
    reason when it is no message. Never raises on foreign bytes.
    """

def key(identifier: bytes) -> int:
    """Return an identifier's 64-bit key, as in Message rows; never 0.

    Source: ext/fixvalue.h, fix_key.
    """
