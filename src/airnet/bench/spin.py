"""Spin: reads the clock until standard input ends; prints the gaps it saw.

Run by its path, so that it imports next to nothing and starts at once: it prints an
empty line when it does, and one JSON object at the end.
"""

import json
import select
import sys

import numpy as np
from numpy.typing import NDArray

from airnet.clock import SystemClock

STEP_NS = 16  # of the histogram, a power of two
BUCKETS = 1 << 16  # up to about a millisecond; longer gaps are kept one by one
LONG_NS = STEP_NS * BUCKETS
CHECK_EVERY = 1 << 14  # readings between two looks at standard input
QUANTILES = (("p50_ns", 0.5), ("p99_ns", 0.99), ("p99_9_ns", 0.999))


def summarise(counts: NDArray[np.int64], long_ns: list[int]) -> dict[str, int | float]:
    """Return quantiles of the gaps; a bucket counts as its upper edge."""
    long_ns = sorted(long_ns)
    short = int(counts.sum())
    total = short + len(long_ns)
    below = np.cumsum(counts)
    found: dict[str, int | float] = {"readings": total}
    for name, quantile in QUANTILES:
        rank = int(np.ceil(quantile * total))
        if rank <= short:
            found[name] = (int(np.searchsorted(below, rank)) + 1) * STEP_NS
        else:
            found[name] = long_ns[rank - short - 1]
    occupied = np.flatnonzero(counts)
    longest = (int(occupied[-1]) + 1) * STEP_NS if len(occupied) else 0
    found["max_ns"] = long_ns[-1] if long_ns else longest
    found["over_1_ms"] = sum(gap > 1_000_000 for gap in long_ns)
    return found


def watch() -> dict[str, int | float]:
    """Read the clock until standard input ends, and return the gaps seen."""
    read = SystemClock().mono_ns
    counts = [0] * BUCKETS
    long_ns: list[int] = []
    start = read()
    has_ended = False
    while not has_ended:
        last = read()
        for _ in range(CHECK_EVERY):
            now = read()
            gap = now - last
            last = now
            if gap < LONG_NS:
                counts[gap // STEP_NS] += 1
            else:
                long_ns.append(gap)
        has_ended = bool(select.select([sys.stdin], [], [], 0)[0])
    found = summarise(np.array(counts, np.int64), long_ns)
    found["seconds"] = round((read() - start) / 1e9, 3)
    return found


if __name__ == "__main__":
    sys.stdout.write("\n")
    sys.stdout.flush()
    sys.stdout.write(json.dumps(watch()))
