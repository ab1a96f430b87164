"""Moments: what makes a stream of orders look like a market's, measured.

`measure` takes what happened as records (time, line, kind, order) in time order, of a
twin's market or of a capture, and returns numbers; `BANDS` says what real feeds have,
and whose measurement that is. A number that cannot be measured is NaN, not a guess.
"""

import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.twin.market import SECOND_NS

#: RECORD kinds.
NEW, REPLACE, CANCEL, TRADE, END = 1, 2, 3, 4, 5
#: One thing that happened to an order, as the mirror saw it. TRADE: a report of a
#: fill; END: the report that an order is filled, cancelled or refused.
RECORD = np.dtype(
    [("time_ns", "<i8"), ("order", "<u8"), ("line", "<u4"), ("kind", "u1")]
)
MILLISECOND_NS = 1_000_000
#: Reports of fills nearer than this are of one trade: both its sides are told, and an
#: order that sweeps the book trades several times at once.
TOGETHER_NS = 100_000
#: Least bins a Fano factor is taken over: fewer say nothing.
BINS_MIN = 50
Records = NDArray[np.void]
Times = NDArray[np.int64]


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """What a moment must lie in, both ends included, and who says so."""

    name: str
    least: float
    most: float
    about: str
    source: str

    def holds(self, value: float) -> bool:
        """Say whether a measured value is in the band; NaN is in none."""
        return self.least <= value <= self.most


_FEED = "survey of real venues' feeds for this project; nothing public to cite"
# It says "no more than one quarter" and "less than 8 %" of all US stocks' cancels in Q2
# 2013; a feed with far fewer has no fleeting orders, so the lower ends (ours) are a
# fifth and an eighth of that.
_SEC = "SEC, The Speed of the Equity Markets, 2013-10-09; the lower ends are ours"
_OTTR = "Khomyn and Putnins, SSRN 3719765: 97 % of orders end cancelled"
_HAWKES = "Lallouache and Challet arXiv:1406.3967; Hardiman and Bouchaud 2014"

BANDS: tuple[Band, ...] = (
    Band(
        name="fano_1ms",
        least=4,
        most=19,
        about="variance over mean of arrivals in 1 ms",
        source=_FEED,
    ),
    Band(name="fano_10ms", least=17, most=96, about="in 10 ms", source=_FEED),
    Band(name="fano_100ms", least=60, most=336, about="in 100 ms", source=_FEED),
    Band(name="fano_1s", least=158, most=860, about="in 1 s", source=_FEED),
    Band(
        name="gap_cv",
        least=2,
        most=29,
        about="standard deviation over mean of the gaps between arrivals",
        source=_FEED,
    ),
    Band(
        name="orders_per_trade",
        least=20,
        most=50,
        about="orders and replaces a trade, about 33",
        source=_OTTR,
    ),
    Band(
        name="cancelled_in_50ms",
        least=0.05,
        most=0.25,
        about="share of cancels within 50 ms of their order: up to a quarter",
        source=_SEC,
    ),
    Band(
        name="cancelled_in_half_ms",
        least=0.01,
        most=0.08,
        about="share of cancels within 0.5 ms of their order: below 8 %",
        source=_SEC,
    ),
    Band(
        name="live_5s",
        least=0.30,
        most=0.70,
        about="share of orders that live for 5 s and more: a third and up",
        source=_SEC,
    ),
    Band(
        name="branching",
        least=0.65,
        most=0.95,
        about="share of trades that others excite (mean-variance estimator)",
        source=_HAWKES,
    ),
    Band(
        name="day_ratio",
        least=1.3,
        most=4.0,
        about="arrivals near open and close over those at noon",
        source="Xu and Zhou arXiv:1811.08076: the day's U is in the baseline",
    ),
)
BY_NAME = {band.name: band for band in BANDS}


def merged(times: Times, apart_ns: int = TOGETHER_NS) -> Times:
    """Return the first of each run of times less than so far apart."""
    if not len(times):
        return times
    first = np.ones(len(times), bool)
    first[1:] = np.diff(times) >= apart_ns
    return times[first]


def counts(times: Times, width_ns: int) -> NDArray[np.int64]:
    """Return how many times fall into each whole window between first and last."""
    if len(times) < 2:
        return np.zeros(0, np.int64)
    bins = int((times[-1] - times[0]) // width_ns)
    if bins < 1:
        return np.zeros(0, np.int64)
    where = (times - times[0]) // width_ns
    return np.bincount(where[where < bins], minlength=bins)


def fano(times: Times, width_ns: int) -> float:
    """Return variance over mean of the counts in windows; 1 for a Poisson stream."""
    found = counts(times, width_ns)
    if len(found) < BINS_MIN or not found.any():
        return math.nan
    return float(found.var(ddof=1) / found.mean())


def gap_cv(times: Times) -> float:
    """Return the coefficient of variation of the gaps; 1 for a Poisson stream."""
    gaps = np.diff(times)
    if len(gaps) < BINS_MIN or not gaps.any():
        return math.nan
    return float(gaps.std(ddof=1) / gaps.mean())


def branching(times: Times, width_ns: int = 5 * SECOND_NS) -> float:
    """Return the share of events that earlier ones excite: 1 - sqrt(mean / var).

    The Fano factor of a Hawkes process tends to 1 / (1 - n)^2 in wide windows
    (Hardiman and Bouchaud, Phys. Rev. E 90, 062807). Levels that drift slower than a
    few windows would be taken for excitement: the trend of ten windows is taken out.
    """
    found = counts(times, width_ns).astype(float)
    if len(found) < 20 or not found.any():
        return math.nan
    kernel = np.ones(10) / 10
    weight = np.convolve(np.ones(len(found)), kernel, "same")
    trend = np.convolve(found, kernel, "same") / weight
    variance = float(((found - trend) ** 2).sum() / (len(found) * 0.9))
    return max(0.0, 1 - math.sqrt(found.mean() / variance)) if variance else 0.0


def lives(records: Records) -> tuple[Times, Times, NDArray[np.bool_]]:
    """Return when each order was born, how long it lived, and whether it was cancelled.

    A replace ends one life and begins another, as on a feed of orders. Who has not
    ended lives until the end of the records; of them the third array is False.
    """
    kinds = (NEW, REPLACE, CANCEL, END)
    some = records[np.isin(records["kind"], kinds)]
    # One order's records are neighbours, in their own order.
    order = np.lexsort((np.arange(len(some)), some["order"]))
    some = some[order]
    starts = np.isin(some["kind"], (NEW, REPLACE))
    follows = np.zeros(len(some), bool)
    follows[:-1] = some["order"][1:] == some["order"][:-1]
    last = int(records["time_ns"][-1]) if len(records) else 0
    ends = np.full(len(some), last, np.int64)
    ends[:-1] = np.where(follows[:-1], some["time_ns"][1:], last)
    after = np.zeros(len(some), np.uint8)
    after[:-1] = np.where(follows[:-1], some["kind"][1:], 0)
    cancelled = np.isin(after, (REPLACE, CANCEL))
    born = some["time_ns"][starts].astype(np.int64)
    return born, ends[starts] - born, cancelled[starts]


def _shares(records: Records) -> dict[str, float]:
    """Return how soon orders are cancelled and how many live long."""
    born, lived, cancelled = lives(records)
    quick = lived[cancelled]
    last = int(records["time_ns"][-1]) if len(records) else 0
    whole = born <= last - 5 * SECOND_NS
    return {
        "cancelled_in_50ms": _share(quick < 50 * MILLISECOND_NS),
        "cancelled_in_half_ms": _share(quick < MILLISECOND_NS // 2),
        "live_5s": _share(lived[whole] >= 5 * SECOND_NS),
    }


def _share(those: NDArray[np.bool_]) -> float:
    return float(those.mean()) if len(those) else math.nan


def day_ratio(times: Times, open_ns: int, close_ns: int) -> float:
    """Return the rate in the day's outer eighths over that of its middle quarter."""
    span = close_ns - open_ns
    into = (times - open_ns) / span
    seen = times[0] <= open_ns + span // 16 and times[-1] >= close_ns - span // 16
    middle = float(((into > 0.375) & (into < 0.625)).sum())
    outer = float(((into < 0.125) | (into > 0.875)).sum())
    return outer / middle if seen and middle else math.nan


def measure(records: Records, **known: Any) -> dict[str, float]:
    """Return every moment of BANDS; what the records cannot say is NaN.

    Args:
        records: rows of RECORD in time order.
        known: moments that were measured otherwise (the day's shape).
    """
    asked = np.isin(records["kind"], (NEW, REPLACE, CANCEL))
    times = records["time_ns"][asked].astype(np.int64)
    trades = merged(records["time_ns"][records["kind"] == TRADE].astype(np.int64))
    orders = int(np.isin(records["kind"], (NEW, REPLACE)).sum())
    found = {
        "fano_1ms": fano(times, MILLISECOND_NS),
        "fano_10ms": fano(times, 10 * MILLISECOND_NS),
        "fano_100ms": fano(times, 100 * MILLISECOND_NS),
        "fano_1s": fano(times, SECOND_NS),
        "gap_cv": gap_cv(times),
        "orders_per_trade": orders / len(trades) if len(trades) else math.nan,
        "branching": branching(trades),
        "day_ratio": math.nan,
    }
    return found | _shares(records) | known


def failures(found: dict[str, float]) -> list[str]:
    """Return what is out of its band, or could not be measured, a line each."""
    return [
        f"{band.name}: {found.get(band.name, math.nan):.4g}, "
        f"not {band.least:g} to {band.most:g}"
        for band in BANDS
        if not band.holds(found.get(band.name, math.nan))
    ]
