"""Race of the twin's order book against bourse (PyPI): CPU ns an operation.

`python bench/book.py [--json] [--gate]` runs the same stream of operations through
both in turns, chunk by chunk, in one process. bourse is driven as its users drive it,
one call an operation, with the arguments made before; ours takes an array. bourse's
clock is not set between operations (that call would count against it), so its queue
within a price is not ours; tests/property/test_book.py sets it and compares every
trade. `--gate` ends with status 1 below GATE times.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from airnet._ext import book

GATE = 10.0
OPERATIONS, CHUNK, ROUNDS = 300_000, 10_000, 3


def stream(count: int, seed: int) -> Any:
    """Return orders, cancels and replaces about a wandering middle."""
    draw = np.random.default_rng(seed)
    made = np.zeros(count, book.OPERATION)
    middle = 20_000 + np.cumsum(draw.integers(-1, 2, count))
    made["side"] = draw.integers(0, 2, count)
    away = draw.geometric(0.15, count) - 4
    made["price"] = np.where(made["side"] == 0, middle - away, middle + away)
    made["quantity"] = draw.integers(1, 100, count)
    share = draw.random(count)
    made["kind"] = np.select(
        [share < 0.48, share < 0.5, share < 0.93],
        [book.LIMIT, book.MARKET, book.CANCEL],
        book.REPLACE,
    )
    made["kind"][:100] = book.LIMIT
    is_new = made["kind"] <= book.FOK
    orders = np.cumsum(is_new)
    recent = np.minimum(draw.geometric(0.01, count), orders)
    made["number"] = np.where(is_new, orders - 1, orders - recent)
    return made


def calls(made: Any, other: Any) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Return the stream as calls of bourse."""
    names = ("kind", "side", "price", "quantity", "number")
    made_calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
    for kind, side, price, quantity, number in zip(
        *(made[name].tolist() for name in names), strict=True
    ):
        if kind == book.CANCEL:
            made_calls.append((other.cancel_order, (number,)))
        elif kind == book.REPLACE:
            made_calls.append((other.modify_order, (number, price, quantity)))
        elif kind == book.MARKET:
            made_calls.append((other.place_order, (side == 0, quantity, 0)))
        else:
            made_calls.append((other.place_order, (side == 0, quantity, 0, price)))
    return made_calls


def race(seed: int) -> tuple[list[float], list[float]]:
    """Return CPU ns an operation of each chunk: ours, bourse's."""
    from bourse import core  # noqa: PLC0415 - a dev extra: only the race needs it

    made = stream(OPERATIONS, seed)
    other = core.OrderBook(0, 1)
    todo = calls(made, other)
    one = book.Book(0, 1, 65536, OPERATIONS, OPERATIONS)
    trades = np.zeros(OPERATIONS, book.TRADE)
    ours, theirs = [], []
    for start in range(0, OPERATIONS, CHUNK):
        begun = time.process_time_ns()
        done, _ = one.run(made[start : start + CHUNK], trades)
        ours.append((time.process_time_ns() - begun) / CHUNK)
        assert done == CHUNK
        some = todo[start : start + CHUNK]
        begun = time.process_time_ns()
        for call, arguments in some:
            call(*arguments)
        theirs.append((time.process_time_ns() - begun) / CHUNK)
    return ours, theirs


def main() -> int:
    """Race, print, and gate when asked to."""
    try:
        rounds = [race(seed) for seed in range(ROUNDS)]
    except ImportError:
        print("bench: no bourse: pip install airnet[dev]")
        return 69
    ours, theirs = (
        float(np.median([value for one in rounds for value in one[side]]))
        for side in (0, 1)
    )
    found = {
        "airnet_ns": round(ours, 1),
        "bourse_ns": round(theirs, 1),
        "airnet_operations_per_s": round(1e9 / ours),
        "times": round(theirs / ours, 1),
    }
    if "--json" in sys.argv:
        print(json.dumps(found, indent=1))
    else:
        print(f"airnet {ours:8.1f} ns an operation   bourse {theirs:8.1f} ns")
        print(f"       {theirs / ours:8.1f} times as fast (wanted {GATE:.0f})")
    return 1 if "--gate" in sys.argv and theirs / ours < GATE else 0


if __name__ == "__main__":
    sys.exit(main())
