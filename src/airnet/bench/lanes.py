"""Lanes: what decode costs on 1, 2 and 4 of them, side by side.

Wall time shows what lanes bring only where as many processors are free. The calling
thread's own processor time says it anywhere: it is what the next batch waits for when
the other lanes keep up.
"""

import numpy as np
from numpy.typing import NDArray

from airnet.bench.stages import Cost, Load
from airnet.decode import Decoder
from airnet.decode.streams import LANES
from airnet.domain.frame import FRAMES_MAX

REPEATS = 9


def lanes(load: Load) -> list[Cost]:
    """Decode all frames over each number of lanes in turn, time after time."""
    _once(load, 1)
    runs = np.array(
        [[_once(load, count) for count in LANES] for _ in range(REPEATS)]
    ) / len(load.frames)
    return [
        _cost(len(load.frames), f"frame, lanes: {count}, {what}", runs[:, at, which])
        for which, what in enumerate(("wall", "calling thread", "all threads"))
        for at, count in enumerate(LANES)
    ]


def _once(load: Load, count: int) -> tuple[int, int, int]:
    """Return ns of wall time, of the calling thread and of all threads."""
    clock, decoder = load.clock, Decoder(load.gateways, count)
    left = load.frames
    begun = clock.mono_ns(), clock.thread_ns(), clock.cpu_ns()
    while len(left):
        headers, _ = decoder.take(left[:FRAMES_MAX], load.buffer)
        left = left[len(headers) :]
    ended = clock.mono_ns(), clock.thread_ns(), clock.cpu_ns()
    decoder.close()
    return ended[0] - begun[0], ended[1] - begun[1], ended[2] - begun[2]


def _cost(rows: int, row: str, each: NDArray[np.float64]) -> Cost:
    return Cost(
        row=row,
        rows=rows,
        repeats=REPEATS,
        best_ns=round(float(each.min()), 1),
        median_ns=round(float(np.median(each)), 1),
        p90_ns=round(float(np.quantile(each, 0.9)), 1),
        max_ns=round(float(each.max()), 1),
    )
