"""Rows: what sessions of a plain market send, and how it is numbered."""

import numpy as np
from numpy.typing import NDArray

from airnet.train.plain import Trader

NEW, CANCEL, REPLACE = 1, 2, 3
#: Rows of what a session sends; `order` is its ClOrdID's number. A cancel or replace
#: changes the message before it of the same `chain`; where that is 0, a recent order,
#: and where it is RESTED, one of some time ago. `fill` is the chance of being filled,
#: NaN: the session's usual one.
ORDER = np.dtype(
    [
        ("time", "<f8"),
        ("order", "<i8"),
        ("original", "<i8"),
        ("price", "<i8"),
        ("quantity", "<i8"),
        ("symbol", "<i8"),
        ("chain", "<i8"),
        ("fill", "<f8"),
        ("side", "u1"),
        ("kind", "u1"),
        ("bad", "?"),
        ("refused", "?"),
    ]
)
RESTED = -1
#: How many orders back the recent one is at most, and the rested one at least.
RECENT, LONG_AGO = 8, 20
Rows = NDArray[np.void]


def content(rng: np.random.Generator, trader: Trader, rows: Rows) -> None:
    """Give orders symbols, sides, prices and sizes."""
    count = len(rows)
    rows["fill"] = np.nan
    if trader.is_same:
        rows["symbol"], rows["side"] = trader.number % 10, 49
        rows["price"], rows["quantity"] = 10_000, 100
        return
    rows["symbol"] = rng.integers(0, trader.symbols, count)
    rows["side"] = np.where(rng.random(count) < 0.5, 49, 50)
    walk = np.cumsum(rng.choice([-1, 0, 1], count)) if count else 0
    spread = int(rng.choice([1, 5, 50]))
    rows["price"] = 10_000 + walk + rng.integers(-spread, spread + 1, count)
    sizes = np.array([100]) if rng.random() < 0.5 else np.array([1, 5, 100, 200, 500])
    rows["quantity"] = rng.choice(sizes, count)


def number(rows: Rows) -> None:
    """Give every message its ClOrdID, and what it changes the one before."""
    is_again = rows["order"] < 0
    rows["order"] = np.arange(1, len(rows) + 1)
    if is_again.any():
        rows["order"][is_again] = rows["order"][is_again][0]
    news = np.flatnonzero(rows["kind"] == NEW)
    turn = np.arange(len(rows))
    before = np.searchsorted(news, turn)
    back = 1 + turn * 5 % RECENT
    back[rows["chain"] == RESTED] += LONG_AGO
    if len(news):
        chosen = rows["order"][news[np.maximum(before - back, 0)]]
    else:
        chosen = np.ones(len(rows), np.int64)
    chained = np.flatnonzero(rows["chain"] > 0)
    by_chain = chained[np.argsort(rows["chain"][chained], kind="stable")]
    follows = rows["chain"][by_chain[1:]] == rows["chain"][by_chain[:-1]]
    chosen[by_chain[1:][follows]] = rows["order"][by_chain[:-1][follows]]
    rows["original"] = np.where(rows["kind"] == NEW, 0, np.maximum(chosen, 1))
