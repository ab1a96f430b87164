"""Intervals: how far a number from a few seeds can be from the truth.

No number of this package stands alone. Shares get exact bounds (Clopper and Pearson),
counts over a time get exact bounds (Garwood; with weights, Fay and Feuer), differences
of paired runs get bootstrap intervals from a seeded stream. Nothing that was never
seen is reported as zero: the bound of nothing in n is about 3 / n.
"""

import functools
import hashlib
import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist

import msgspec
import numpy as np

from airnet.twin.special import (
    beta_below,
    gamma_below,
    quantile_of,
    student_below,
)

LEVEL = 0.95
#: Resamples of a bootstrap: the ends of an interval then move by about a hundredth of
#: its width from stream to stream. Source: Hesterberg 2015, section 5.3 (10,000+).
RESAMPLES = 10_000

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
Places = np.ndarray[tuple[int, int], np.dtype[np.int64]]


class Interval(msgspec.Struct, frozen=True):
    """An estimate and where the truth may lie, at a stated level."""

    estimate: float
    low: float
    high: float
    level: float = LEVEL

    @property
    def is_above_zero(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.low > 0

    @property
    def is_below_zero(self) -> bool:
        """Whether the whole interval is below 0."""
        return self.high < 0


def proportion(count: int, trials: int, level: float = LEVEL) -> Interval:
    """Return the exact two-sided interval of a share seen `count` times in `trials`.

    Without a trial nothing is known: 0 to 1. Source: Clopper and Pearson,
    Biometrika 26 (1934) 404, in its form with beta quantiles.
    """
    assert 0 <= count <= trials, "a share is of its trials"
    if trials == 0:
        return Interval(math.nan, 0.0, 1.0, level)
    tail = (1 - level) / 2
    low = 0.0
    if count > 0:
        low = _beta_quantile(tail, count, trials - count + 1)
    high = 1.0
    if count < trials:
        high = _beta_quantile(1 - tail, count + 1, trials - count)
    return Interval(count / trials, low, high, level)


def share_max(count: int, trials: int, level: float = LEVEL) -> float:
    """Return the exact one-sided upper bound of a share. Source: as proportion."""
    assert 0 <= count <= trials, "a share is of its trials"
    if count == trials:
        return 1.0
    return _beta_quantile(level, count + 1, trials - count)


def _beta_quantile(share: float, a: float, b: float) -> float:
    return quantile_of(lambda x: beta_below(x, a, b), share, 0.0, 1.0)


def count_max(count: float, level: float = LEVEL) -> float:
    """Return the one-sided upper bound of a Poisson count's mean.

    Source: Garwood, Biometrika 28 (1936) 437, in its form with a gamma quantile.
    """
    return _gamma_quantile(level, count + 1)


def weighted_count_max(
    weights: Sequence[float], weight_max: float, level: float = LEVEL
) -> float:
    """Return the one-sided upper bound of a weighted sum of Poisson counts.

    Each thing seen has its weight (how many like it one simulated thing stands for);
    `weight_max` is the largest that one could have had, seen or not. With equal weights
    it is count_max times the weight. Source: Fay and Feuer, Statistics in Medicine 16
    (1997) 791, equation for the upper limit.
    """
    total = math.fsum(weights)
    squares = math.fsum(weight * weight for weight in weights)
    largest = max([weight_max, *weights])
    if largest <= 0:
        return 0.0
    mean, variance = total + largest, squares + largest * largest
    return variance / mean * _gamma_quantile(level, mean * mean / variance)


def _gamma_quantile(share: float, shape: float) -> float:
    high = shape + 40 * math.sqrt(shape) + 100
    return quantile_of(lambda x: gamma_below(x, shape), share, 0.0, high)


def quantile(values: Iterable[float], share: float) -> float:
    """Return a quantile by linear interpolation; not a number when there is no value.

    Source: definition 7 of Hyndman and Fan, The American Statistician 50 (1996) 361.
    """
    ordered = sorted(values)
    if not ordered:
        return math.nan
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    if place == below or ordered[below] == ordered[above]:  # also of infinities
        return ordered[below]
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def median_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """Return a median with its exact interval, whatever the distribution.

    The ends are two of the values, as far out as binomial counts of one half demand; so
    infinities (never contained) are no trouble. Too few values bound nothing. Source:
    Hahn and Meeker, Statistical Intervals (1991), section 5.2.
    """
    ordered = sorted(values)
    size = len(ordered)
    tail, below, out = (1 - level) / 2, 0.0, 0
    while out < size // 2:
        below += math.comb(size, out) / 2.0**size
        if below > tail:
            break
        out += 1
    middle = quantile(ordered, 0.5)
    if out == 0:
        return Interval(middle, -math.inf, math.inf, level)
    return Interval(middle, ordered[out - 1], ordered[size - out], level)


def stream_key(*words: object) -> int:
    """Return the 128-bit key of the chance stream that these words name."""
    text = "\0".join(str(word) for word in words).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:16], "little")


def places(size: int, resamples: int, key: int) -> Places:
    """Return which of `size` things each resample draws: a row of indices each.

    Raw Philox numbers, whose stream numpy promises not to change (NEP 19), taken to a
    range by the upper half of a product (Lemire 2019, without the rejection: the bias
    is below size / 2**32).
    """
    raw = np.random.Philox(key=key).random_raw(size * resamples)
    drawn = ((raw >> np.uint64(32)) * np.uint64(size)) >> np.uint64(32)
    return drawn.astype(np.int64).reshape(resamples, size)


@functools.lru_cache(maxsize=8)
def _tail(size: int, level: float) -> float:
    """Return the share to leave at each end so that few pairs do not look like many.

    Percentile intervals of n values are too narrow by the n that should be n - 1 and
    the normal that should be Student's. Source: Hesterberg, The American Statistician
    69 (2015) 371, section 5.3, "expanded percentile".
    """
    share = 1 - (1 - level) / 2
    t = quantile_of(lambda x: student_below(x, size - 1), share, 0.0, 1e6)
    return NormalDist().cdf(-math.sqrt(size / (size - 1)) * t)


def mean_interval(
    values: Sequence[float], key: int, level: float = LEVEL, resamples: int = RESAMPLES
) -> Interval:
    """Return a mean with its bootstrap interval (expanded percentile).

    One value has no interval but everything. Source: Efron and Tibshirani, An
    Introduction to the Bootstrap (1993), chapter 13, and as _tail.
    """
    return weighted_mean_interval([(1.0, values)], key, level, resamples)


def weighted_mean_interval(
    strata: Sequence[tuple[float, Sequence[float]]],
    key: int,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return the sum of weight times mean over strata, each resampled by itself."""
    filled = [(weight, values) for weight, values in strata if len(values)]
    if not filled:
        return Interval(math.nan, -math.inf, math.inf, level)
    estimate = math.fsum(w * math.fsum(v) / len(v) for w, v in filled)
    smallest = min(len(values) for _, values in filled)
    if smallest < 2:
        return Interval(estimate, -math.inf, math.inf, level)
    sums = np.zeros(resamples)
    for number, (weight, values) in enumerate(filled):
        kept = np.asarray(values, np.float64)
        if np.all(kept == kept[0]):
            sums += weight * kept[0]
            continue
        drawn = places(len(kept), resamples, key + number)
        sums += weight * kept[drawn].mean(axis=1)
    tail = _tail(smallest, level)
    low, high = np.quantile(sums, [tail, 1 - tail])
    return Interval(estimate, min(float(low), estimate), max(float(high), estimate))


def paired(
    before: Sequence[float],
    after: Sequence[float],
    key: int,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return the mean of after - before with its interval, pair by pair.

    The pairs are what is resampled: both of a pair had the same seed.
    """
    assert len(before) == len(after), "pairs have two sides"
    differences = [b - a for a, b in zip(before, after, strict=True)]
    return mean_interval(differences, key, level, resamples)


def sign_test(worse: int, better: int) -> float:
    """Return how likely so many worse pairs are when nothing changed, two-sided.

    Pairs that did not change say nothing. Source: the exact form of McNemar,
    Psychometrika 12 (1947) 153: a binomial with one half.
    """
    total = worse + better
    if total == 0:
        return 1.0
    extreme = min(worse, better)
    tail = math.fsum(math.comb(total, k) / 2.0**total for k in range(extreme + 1))
    return min(1.0, 2 * tail)
