"""Single rows of a batch, slow and obvious: reference of ext/rows.pyx."""

import bisect
import math

import numpy as np
from numpy.typing import NDArray

from airnet.domain.window import WINDOW

LOWEST = -(2**63)


def integers(
    rows: NDArray[np.float32], place: int, columns: int
) -> tuple[int | None, ...]:
    """Return a row's first columns as integers, None for what is missing."""
    out: list[int | None] = []
    for value in rows[place, :columns].tolist():
        if math.isnan(value):
            out.append(None)
        elif abs(value) >= 2.0**63:
            out.append(LOWEST)
        else:
            out.append(int(value))
    return tuple(out)


def window(windows: NDArray[np.void], place: int) -> tuple[int, ...]:
    """Return every field but the address."""
    names = [name for name in WINDOW.names or () if name != "address"]
    return tuple(int(windows[place][name]) for name in names)


def places(
    edges: list[list[float]], rows: NDArray[np.float32], leads: NDArray[np.float64]
) -> list[list[int]]:
    """Return the bin of each column and of the lead: edges below it; NaN: the last."""
    out = []
    for row, lead in zip(rows.tolist(), leads.tolist(), strict=True):
        values = [*row[: len(edges) - 1], lead]
        out.append(
            [
                10 if math.isnan(value) else bisect.bisect_left(own, value)
                for value, own in zip(values, edges, strict=True)
            ]
        )
    return out


class Turns:
    """One window of a kind for each subject and turn."""

    def __init__(self, kind: int, turn_ns: int) -> None:
        self.kind, self.turn_ns = kind, turn_ns
        self.seen: dict[int, int] = {}

    def choose(self, windows: NDArray[np.void]) -> list[int]:
        """Return the places of the windows whose turn it is."""
        out = []
        for place, one in enumerate(windows):
            turn = int(one["open_ns"]) // self.turn_ns
            if one["kind"] != self.kind or self.seen.get(int(one["subject"])) == turn:
                continue
            self.seen[int(one["subject"])] = turn
            out.append(place)
        return out
