"""Orders: what each session of a plain market sends and what it is answered."""

import numpy as np
from numpy.typing import NDArray

from airnet.train.plain import MIXES, Market, Trader, Trouble, arrivals

NEW, CANCEL, REPLACE = 1, 2, 3
#: Rows of what a session sends; `order` is its ClOrdID's number.
ORDER = np.dtype(
    [
        ("time", "<f8"),
        ("order", "<i8"),
        ("original", "<i8"),
        ("price", "<i8"),
        ("quantity", "<i8"),
        ("symbol", "<i8"),
        ("side", "u1"),
        ("kind", "u1"),
        ("bad", "?"),
        ("refused", "?"),
    ]
)
#: Rows of what it is answered: 150 and 39 as in FIX 4.4.
ANSWER = np.dtype([("time", "<f8"), ("of", "<i8"), ("exec", "u1")])
Rows = NDArray[np.void]


def sent(
    rng: np.random.Generator,
    market: Market,
    trader: Trader,
    expected: NDArray[np.float64],
) -> Rows:
    """Return everything a session sends, in the order of time."""
    times = arrivals(rng, trader.arrival, expected)
    parts = [_ordinary(rng, trader, times)]
    for trouble in market.troubles:
        if trader.number not in trouble.lines:
            continue
        if trouble.kind == "requote":
            parts.append(_requote(rng, trader, trouble))
        elif trouble.kind not in ("volatility", "slicing", "surge", "start"):
            parts.append(_failing(rng, trader, trouble))
    rows = np.concatenate(parts)
    rows = rows[np.argsort(rows["time"], kind="stable")]
    rows = rows[rows["time"] < market.seconds]
    _number(rows)
    rows["refused"] |= (rng.random(len(rows)) < market.refuse_share) & ~rows["bad"]
    return rows


def _ordinary(
    rng: np.random.Generator, trader: Trader, times: NDArray[np.float64]
) -> Rows:
    """Return a session's own trading at these times."""
    rows = np.zeros(len(times), ORDER)
    rows["time"] = times
    rows["kind"] = 1 + rng.choice(3, len(times), p=MIXES[trader.mix])
    _content(rng, trader, rows)
    if trader.mix != "pairs":
        return rows
    later = rows.copy()
    later["kind"] = CANCEL
    later["time"] += rng.exponential(trader.hold_s, len(rows))
    return np.concatenate([rows, later])


def _content(rng: np.random.Generator, trader: Trader, rows: Rows) -> None:
    """Give orders symbols, sides, prices and sizes."""
    count = len(rows)
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


def _requote(rng: np.random.Generator, trader: Trader, trouble: Trouble) -> Rows:
    """Return everything cancelled and placed anew, at once."""
    count = int(trouble.factor)
    rows = np.zeros(2 * count, ORDER)
    width = float(rng.choice([0.01, 0.05, 0.2]))
    rows["time"] = trouble.start_s + np.sort(rng.uniform(0.0, width, 2 * count))
    _content(rng, trader, rows)
    rows["kind"][:count], rows["kind"][count:] = CANCEL, NEW
    if rng.random() < 0.5:
        rows["kind"] = REPLACE
    rows["price"] = 10_000 + rng.permutation(2 * count)
    return rows


def _times(
    rng: np.random.Generator, rate: float, trouble: Trouble
) -> NDArray[np.float64]:
    """Return when a failing algorithm sends."""
    span = trouble.end_s - trouble.start_s
    count = max(int(rate * span), 8)
    if rng.random() < 0.4:
        shares = np.linspace(0.0, 1.0, count, endpoint=False)
    else:
        shares = np.sort(rng.random(count))
    if trouble.kind == "ramp":
        shares = np.sqrt(shares)
    elif trouble.ramp_s:
        shares = shares ** (1 / (1 + trouble.ramp_s))
    times = trouble.start_s + span * shares
    if trouble.kind == "pulse":
        period = float(rng.choice([0.2, 0.5, 1.0]))
        into = (times - trouble.start_s) % period
        times = times - into + into * 0.3
    return np.sort(times)


def _failing(rng: np.random.Generator, trader: Trader, trouble: Trouble) -> Rows:
    """Return what an algorithm sends that has lost its mind, on top of its trading."""
    if trouble.kind == "reconnect":
        return np.zeros(0, ORDER)
    times = _times(rng, trouble.factor * trader.rate, trouble)
    rows = np.zeros(len(times), ORDER)
    rows["time"], rows["bad"], rows["kind"] = times, True, NEW
    _content(rng, trader, rows)
    turn = np.arange(len(rows))
    if trouble.kind in ("loop", "stuffing"):
        rows["kind"] = np.where(turn % 2, CANCEL, NEW)
    elif trouble.kind == "cancels":
        rows["kind"] = CANCEL
    elif trouble.kind == "replaces":
        rows["kind"] = REPLACE
    is_alike = trouble.kind in ("identical", "duplicates", "refused", "loop")
    if len(rows) and (is_alike or rng.random() < 0.2):
        for name in ("symbol", "side", "price", "quantity"):
            rows[name] = rows[name][0]
    if trouble.kind == "one_sided":
        rows["side"] = 49
    if trouble.kind == "duplicates":
        rows["order"] = -1
    if trouble.kind == "refused" or rng.random() < 0.15:
        rows["refused"] = True
    return rows


def _number(rows: Rows) -> None:
    """Give every message its ClOrdID, and what it changes the one before."""
    is_again = rows["order"] < 0
    rows["order"] = np.arange(1, len(rows) + 1)
    if is_again.any():
        rows["order"][is_again] = rows["order"][is_again][0]
    last = np.maximum.accumulate(np.where(rows["kind"] == NEW, rows["order"], 0))
    rows["original"] = np.where(rows["kind"] == NEW, 0, np.maximum(last, 1))


def answered(
    rng: np.random.Generator, market: Market, trader: Trader, rows: Rows
) -> Rows:
    """Return what the venue says of a session's orders, in the order of time."""
    count = len(rows)
    wait = trader.answer_s * rng.lognormal(0.0, trader.spread, count)
    is_refused, is_lost = rows["refused"].copy(), np.zeros(count, np.bool_)
    for trouble in market.troubles:
        inside = (rows["time"] >= trouble.start_s) & (rows["time"] < trouble.end_s)
        if trouble.kind == "slow":
            wait[inside] *= trouble.factor
        elif trouble.kind == "refusing":
            is_refused |= inside
        elif trouble.kind == "silent":
            is_lost |= inside
    out = np.zeros(count, ANSWER)
    out["time"], out["of"] = rows["time"] + wait, np.arange(count)
    out["exec"] = np.array([0, 48, 52, 53], np.uint8)[rows["kind"]]
    out["exec"][is_refused] = 56
    filled = (rows["kind"] == NEW) & ~is_refused
    filled &= rng.random(count) < np.where(rows["bad"], 0.1, 1.0) * trader.fill_share
    fills = out[filled].copy()
    fills["time"] += rng.exponential(0.02, len(fills)) + 1e-6
    fills["exec"] = 70
    out = np.concatenate([out[~is_lost], fills])
    return out[np.argsort(out["time"], kind="stable")]
