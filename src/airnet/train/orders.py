"""Orders: what each session of a plain market sends and what it is answered."""

import numpy as np
from numpy.typing import NDArray

from airnet.train.faults import BUY, SELL, failing
from airnet.train.plain import BURSTS, MIXES, Market, Trader, Trouble, arrivals
from airnet.train.rows import (
    CANCEL,
    NEW,
    ORDER,
    REPLACE,
    RESTED,
    Rows,
    content,
    number,
)

#: Rows of what it is answered: 150 and 39 as in FIX 4.4.
ANSWER = np.dtype([("time", "<f8"), ("of", "<i8"), ("exec", "u1")])


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
        elif trouble.kind == "sweep":
            parts.append(_sweep(rng, trader, trouble))
        elif trouble.kind not in (*BURSTS, "start"):
            parts.append(failing(rng, trader, trouble))
    rows = np.concatenate(parts)
    rows = rows[np.argsort(rows["time"], kind="stable")]
    rows = rows[rows["time"] < market.seconds]
    number(rows)
    rows["refused"] |= (rng.random(len(rows)) < market.refuse_share) & ~rows["bad"]
    return rows


def _ordinary(
    rng: np.random.Generator, trader: Trader, times: NDArray[np.float64]
) -> Rows:
    """Return a session's own trading at these times."""
    rows = np.zeros(len(times), ORDER)
    rows["time"] = times
    rows["kind"] = 1 + rng.choice(3, len(times), p=MIXES[trader.mix])
    content(rng, trader, rows)
    if trader.mix != "pairs":
        return rows
    rows["chain"] = np.arange(1, len(rows) + 1)
    later = rows.copy()
    later["kind"] = CANCEL
    later["time"] += rng.exponential(trader.hold_s, len(rows))
    return np.concatenate([rows, later])


def _requote(rng: np.random.Generator, trader: Trader, trouble: Trouble) -> Rows:
    """Return all quotes pulled and placed anew, one message after the other."""
    count = int(trouble.factor)
    rows = np.zeros(2 * count, ORDER)
    gaps = rng.exponential(trouble.hold_s, 2 * count)
    gaps[count] += rng.uniform(0.001, 0.3)
    start = trouble.start_s + float(rng.uniform(0.0, trouble.ramp_s))
    rows["time"] = start + np.cumsum(gaps)
    content(rng, trader, rows)
    rows["kind"][:count], rows["kind"][count:] = CANCEL, NEW
    if rng.random() < 0.4:
        rows["kind"] = REPLACE
    rows["chain"] = RESTED
    if rng.random() < 0.7:
        rows["price"] = 10_000 + rng.permutation(2 * count)
    return rows


def _sweep(rng: np.random.Generator, trader: Trader, trouble: Trouble) -> Rows:
    """Return a large order in pieces, at once, all of it traded."""
    rows = np.zeros(int(trouble.factor), ORDER)
    gaps = rng.exponential(trouble.hold_s, len(rows))
    rows["time"] = trouble.start_s + np.cumsum(gaps)
    rows["kind"] = NEW
    content(rng, trader, rows)
    rows["side"], rows["fill"] = rng.choice([BUY, SELL]), rng.uniform(0.5, 1.0)
    if rng.random() < 0.7:
        rows["price"] = 10_000 + np.arange(len(rows)) // rng.integers(1, 8)
    return rows


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
    usual = np.isnan(rows["fill"])
    filled &= rng.random(count) < np.where(usual, trader.fill_share, rows["fill"])
    fills = out[filled].copy()
    fills["time"] += rng.exponential(0.02, len(fills)) + 1e-6
    fills["exec"] = 70
    out = np.concatenate([out[~is_lost], fills])
    return out[np.argsort(out["time"], kind="stable")]
