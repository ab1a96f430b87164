"""Load inside valgrind what `making` made outside of it.

Inside everything runs some fifty times slower, so a bench there imports numpy, the
stage it measures, and nothing that makes input.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Input:
    """What `making` left in a directory; `sys.argv[1]` names it."""

    def __init__(self) -> None:
        self.directory = Path(sys.argv[1])

    def array(self, name: str) -> NDArray[np.void]:
        """Return one array by name."""
        return np.load(self.directory / f"{name}.npy")

    def gateways(self) -> list[tuple[str, int]]:
        """Return the gateways of the capture's site."""
        lines = (self.directory / "gateways.txt").read_text("utf-8").splitlines()
        return [(ip, int(port)) for ip, port in map(str.split, lines)]

    def batches(self) -> list[tuple[NDArray[np.void], NDArray[np.void]]]:
        """Return (HEADER[n], MESSAGE[m]) of each batch."""
        count = len(list(self.directory.glob("headers*.npy")))
        return [
            (self.array(f"headers{number}"), self.array(f"messages{number}"))
            for number in range(count)
        ]
