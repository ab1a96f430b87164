"""Faults: what an algorithm of a plain market sends that has lost its mind.

Each kind is drawn over a wide range, so that none is known by its exact rhythm: at even
gaps, at random, in batches or faster and faster; filled or not; alike or not.
"""

import numpy as np
from numpy.typing import NDArray

from airnet.train.plain import Trader, Trouble, between
from airnet.train.rows import CANCEL, NEW, ORDER, REPLACE, Rows, content

#: Kinds whose orders are always the same one.
ALIKE = ("identical", "duplicates", "refused", "loop", "riding")
#: Chains of the orders that a fault replaces or withdraws begin here.
CHAINS = 1 << 20
#: Orders that a rider of limits leaves in the book before it withdraws the oldest.
DEPTH = 4
BUY, SELL = 49, 50


def failing(rng: np.random.Generator, trader: Trader, trouble: Trouble) -> Rows:
    """Return what it sends, on top of its trading."""
    if trouble.kind == "reconnect":
        return np.zeros(0, ORDER)
    rows = _shaped(rng, trader, trouble, _times(rng, trouble, trader.rate))
    rows["bad"] = True
    is_alike = trouble.kind in ALIKE or trouble.is_same
    if len(rows) and is_alike:
        for name in ("symbol", "side", "price", "quantity"):
            rows[name] = rows[name][0]
    if trouble.kind == "replaces":
        rows["price"] = rows["price"][:1] + np.arange(len(rows)) % trouble.states
        rows["symbol"], rows["side"] = rows["symbol"][:1], rows["side"][:1]
    if trouble.kind == "one_sided":
        rows["side"] = rng.choice([BUY, SELL])
    if trouble.kind == "duplicates":
        rows["order"] = -1
    if trouble.kind == "refused" or rng.random() < 0.1:
        rows["refused"] = True
    rows["fill"] = trader.fill_share * 0.1 if trouble.fill < 0 else trouble.fill
    return rows


def _shaped(
    rng: np.random.Generator,
    trader: Trader,
    trouble: Trouble,
    times: NDArray[np.float64],
) -> Rows:
    """Return messages at these times: which kind each is, and whose fate it changes."""
    if trouble.kind == "stuffing":
        times = times[: max(len(times) // 2, 4)]
        rows = np.zeros(2 * len(times), ORDER)
        hold = trouble.hold_s * rng.uniform(0.8, 1.2, len(times))
        rows["time"] = np.concatenate([times, times + hold])
        rows["kind"] = np.repeat([NEW, CANCEL], len(times))
        content(rng, trader, rows)
        rows["chain"] = CHAINS + np.tile(np.arange(len(times)), 2)
        half = len(times)
        for name in ("symbol", "side", "price", "quantity"):
            rows[name][half:] = rows[name][:half]
        return rows
    rows = np.zeros(len(times), ORDER)
    rows["time"], rows["kind"] = times, NEW
    content(rng, trader, rows)
    turn = np.arange(len(rows))
    if trouble.kind == "loop":
        rows["kind"] = np.where(turn % 2, CANCEL, NEW)
        rows["chain"] = CHAINS + turn // 2
    elif trouble.kind == "riding" and trouble.is_withdrawing:
        later = turn >= 2 * DEPTH
        rows["kind"] = np.where(later & (turn % 2 == 1), CANCEL, NEW)
        rows["chain"] = CHAINS + np.where(turn % 2, turn - 2 * DEPTH + 1, turn)
    elif trouble.kind == "cancels":
        rows["kind"] = CANCEL
    elif trouble.kind == "replaces":
        rows["kind"] = np.where(turn, REPLACE, NEW)
        rows["chain"] = CHAINS
    return rows


def _times(
    rng: np.random.Generator, trouble: Trouble, rate: float
) -> NDArray[np.float64]:
    """Return when a failing algorithm sends."""
    span = trouble.end_s - trouble.start_s
    count = max(int(rate * trouble.factor * span), 8)
    rhythm = rng.random()
    if trouble.kind == "refused" or rhythm < 0.3:
        shares = np.cumsum(rng.uniform(0.7, 1.3, count)) / count
    elif rhythm < 0.5:
        size = int(rng.integers(2, 12))
        shares = np.cumsum(rng.exponential(1.0, count // size + 1)).repeat(size)
        shares = shares / shares[-1]
    else:
        shares = np.sort(rng.random(count))
    if trouble.kind == "ramp" and rng.random() < 0.5:
        # Twice as fast after every doubling time: times are the logarithm of counts.
        doublings = span / between(rng, 0.3, 1.5)
        shares = np.log2(1 + shares * (2.0**doublings - 1)) / doublings
    elif trouble.kind == "ramp":
        shares = np.sqrt(shares)
    elif trouble.ramp_s:
        shares = shares ** (1 / (1 + trouble.ramp_s))
    times = trouble.start_s + span * shares
    if trouble.kind == "pulse":
        period = float(rng.choice([0.2, 0.5, 1.0]))
        into = (times - trouble.start_s) % period
        times = times - into + into * 0.3
    batch = np.arange(len(times)) % 16
    out: NDArray[np.float64] = np.sort(times) + batch * 1e-6
    return out
