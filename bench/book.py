"""Race of the twin's order book against bourse (PyPI): CPU ns an operation.

`python bench/book.py [--json] [--gate]` runs the same stream of operations through
both in turns, chunk by chunk, in one process. bourse is driven as its users drive it,
by calls whose arguments were made before; ours takes an array. Both do the same work:
ours keeps price-time priority and says the best prices after every operation, so
bourse is told the time (else it keeps orders of one price in no order) and asked for
them, and what they say is compared. `bare` is bourse without both: its operations
alone. `--gate` ends with status 1 below GATE times the same work.
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
    prices: dict[int, int] = {}
    for kind, side, price, quantity, number in zip(
        *(made[name].tolist() for name in names), strict=True
    ):
        if kind == book.CANCEL:
            made_calls.append((other.cancel_order, (number,)))
        elif kind == book.REPLACE:
            # A price that is said loses the place in the queue.
            said = None if prices.get(number) == price else price
            made_calls.append((other.modify_order, (number, said, quantity)))
        elif kind == book.MARKET:
            made_calls.append((other.place_order, (side == 0, quantity, 0)))
        else:
            made_calls.append((other.place_order, (side == 0, quantity, 0, price)))
        if kind in {book.LIMIT, book.REPLACE}:
            prices[number] = price
    return made_calls


def best_prices(made: Any) -> tuple[Any, Any]:
    """Return ours as bourse says them: an empty side is 0 or 2**32 - 1."""
    bids = np.where(made["bid"] == book.NONE, 0, made["bid"])
    return bids, made["ask"]


def drive(other: Any, todo: Any, start: int) -> tuple[int, list[tuple[int, int]]]:
    """Give bourse operations as ours has them; CPU ns, best prices after each."""
    seen = []
    tell, ask = other.set_time, other.bid_ask
    begun = time.process_time_ns()
    for now, (call, arguments) in enumerate(todo, start):
        tell(now)
        call(*arguments)
        seen.append(ask())
    return time.process_time_ns() - begun, seen


def bare(todo: Any) -> int:
    """Give bourse operations and nothing else; CPU ns."""
    begun = time.process_time_ns()
    for call, arguments in todo:
        call(*arguments)
    return time.process_time_ns() - begun


def race(seed: int) -> dict[str, list[float]]:
    """Return CPU ns an operation of each chunk, by who did it."""
    from bourse import core  # noqa: PLC0415 -- a dev extra: only the race needs it

    made = stream(OPERATIONS, seed)
    whole, alone = core.OrderBook(0, 1), core.OrderBook(0, 1)
    todo, todo_bare = calls(made, whole), calls(made, alone)
    one = book.Book(0, 1, 65536, OPERATIONS, OPERATIONS)
    trades = np.zeros(OPERATIONS, book.TRADE)
    found: dict[str, list[float]] = {"airnet": [], "bourse": [], "bare": []}
    for start in range(0, OPERATIONS, CHUNK):
        rows = made[start : start + CHUNK]
        begun = time.process_time_ns()
        done, _ = one.run(rows, trades)
        found["airnet"].append((time.process_time_ns() - begun) / CHUNK)
        assert done == CHUNK
        took, seen = drive(whole, todo[start : start + CHUNK], start)
        found["bourse"].append(took / CHUNK)
        found["bare"].append(bare(todo_bare[start : start + CHUNK]) / CHUNK)
        if not np.array_equal(np.array(seen).T, np.array(best_prices(rows))):
            sys.exit(f"bench/book.py: best prices differ in chunk {start // CHUNK}")
    return found


def main() -> int:
    """Race, print, and gate when asked to."""
    try:
        rounds = [race(seed) for seed in range(ROUNDS)]
    except ImportError:
        print("bench: no bourse: pip install airnet[dev]")
        return 69
    each = {
        name: float(np.median([value for one in rounds for value in one[name]]))
        for name in ("airnet", "bourse", "bare")
    }
    times = each["bourse"] / each["airnet"]
    found = {f"{name}_ns": round(value, 1) for name, value in each.items()}
    found |= {
        "airnet_operations_per_s": round(1e9 / each["airnet"]),
        "times": round(times, 1),
        "times_bare": round(each["bare"] / each["airnet"], 1),
    }
    if "--json" in sys.argv:
        print(json.dumps(found, indent=1))
    else:
        for name, value in each.items():
            print(f"{name:8}{value:8.1f} ns an operation")
        print(f"airnet is {times:.1f} times as fast (wanted {GATE:.0f}) at the same")
        print(f"work, {found['times_bare']} times without time and best prices")
    return 1 if "--gate" in sys.argv and times < GATE else 0


if __name__ == "__main__":
    sys.exit(main())
