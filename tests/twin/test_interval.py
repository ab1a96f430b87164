"""Intervals hold what they promise: against scipy, brute force and known truths."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, strategies as st

from airnet.twin import interval
from airnet.twin.special import beta_below, gamma_below, quantile_of, student_below

stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")


def binomial_below(count: int, trials: int, share: float) -> float:
    """Return the probability of at most `count` of `trials`, summed by hand."""
    return math.fsum(
        math.comb(trials, k) * share**k * (1 - share) ** (trials - k)
        for k in range(count + 1)
    )


@given(st.floats(0.001, 0.999), st.floats(0.5, 400), st.floats(0.5, 400))
def test_incomplete_beta_equals_scipy(x: float, a: float, b: float) -> None:
    assert beta_below(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), abs=1e-11)


@given(st.floats(0.0, 500), st.floats(0.1, 400))
def test_incomplete_gamma_equals_scipy(x: float, shape: float) -> None:
    assert gamma_below(x, shape) == pytest.approx(stats.gamma.cdf(x, shape), abs=1e-11)


@given(st.floats(-30, 30), st.integers(1, 200))
def test_student_equals_scipy(t: float, freedom: int) -> None:
    assert student_below(t, freedom) == pytest.approx(
        stats.t.cdf(t, freedom), abs=1e-11
    )


def test_quantile_of_finds_the_step_of_a_rising_function() -> None:
    assert quantile_of(lambda x: float(x >= 0.25), 0.5, 0.0, 1.0) == 0.25


@pytest.mark.parametrize("trials", [1, 2, 7, 30, 1000])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_proportion_equals_scipy(trials: int, level: float) -> None:
    for count in sorted({0, 1, trials // 3, trials - 1, trials}):
        found = interval.proportion(count, trials, level)
        exact = stats.binomtest(count, trials).proportion_ci(level, method="exact")

        assert found.low == pytest.approx(exact.low, abs=1e-10)
        assert found.high == pytest.approx(exact.high, abs=1e-10)
        assert found.estimate == count / trials


@pytest.mark.parametrize("share", [0.003, 0.1, 0.5, 0.97])
def test_proportion_covers_the_truth_as_often_as_it_says(share: float) -> None:
    """Summed over every outcome of 40 trials: at least 95 %, by definition."""
    covered = 0.0
    for count in range(41):
        found = interval.proportion(count, 40)
        if found.low <= share <= found.high:
            covered += stats.binom.pmf(count, 40, share)

    assert covered >= 0.95


def test_share_max_is_where_so_few_become_unlikely() -> None:
    """At the bound, at most that many are seen with probability 5 %."""
    for count, trials in [(0, 30), (1, 30), (4, 17), (29, 30)]:
        bound = interval.share_max(count, trials)

        assert binomial_below(count, trials, bound) == pytest.approx(0.05, abs=1e-9)
    assert interval.share_max(5, 5) == 1.0


def test_rule_of_three_bounds_the_exact_bounds_of_nothing() -> None:
    """Source: Hanley and Lippman-Hand, JAMA 249 (1983) 1743: -ln 0.05 is 2.996."""
    for trials in (10, 30, 252, 10_000):
        assert interval.share_max(0, trials) < 3 / trials
        assert interval.count_max(0) < 3 < 1.02 * interval.count_max(0)


def test_nothing_tried_says_nothing() -> None:
    found = interval.proportion(0, 0)

    assert (found.low, found.high) == (0.0, 1.0)
    assert math.isnan(found.estimate)
    assert interval.share_max(0, 0) == 1.0


@pytest.mark.parametrize("count", [0, 1, 5, 60])
def test_counts_equal_garwood_with_scipy(count: int) -> None:
    for level in (0.025, 0.95, 0.975):
        found = interval.count_max(count, level)
        assert found == pytest.approx(stats.chi2.ppf(level, 2 * count + 2) / 2)
    assert interval.count_max(count) == pytest.approx(stats.gamma.ppf(0.95, count + 1))


def test_weighted_counts_are_counts_when_weights_are_equal() -> None:
    assert interval.weighted_count_max([1.0] * 7, 1.0) == pytest.approx(
        interval.count_max(7)
    )
    assert interval.weighted_count_max([13.0] * 3, 13.0) == pytest.approx(
        13 * interval.count_max(3)
    )
    assert interval.weighted_count_max([], 13.0) == pytest.approx(
        13 * interval.count_max(0)
    )
    assert interval.weighted_count_max([], 0.0) == 0.0


def test_weighted_counts_cover_the_truth() -> None:
    """Two kinds of event, one standing for 39 of itself: at least 95 % are covered."""
    chance = np.random.default_rng(7)
    few, many = chance.poisson(1.5, 2000), chance.poisson(6.0, 2000)
    truth = 1.5 * 39.0 + 6.0
    known: Counter[tuple[int, int]] = Counter(
        zip(few.tolist(), many.tolist(), strict=True)
    )
    covered = sum(
        times
        for (a, b), times in known.items()
        if interval.weighted_count_max([39.0] * a + [1.0] * b, 39.0) >= truth
    )

    assert covered >= 0.95 * 2000


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.floats(0, 1))
def test_quantile_equals_numpy(values: list[float], share: float) -> None:
    assert interval.quantile(values, share) == pytest.approx(
        float(np.quantile(values, share)), rel=1e-9, abs=1e-9
    )


def test_quantile_of_never() -> None:
    """Never contained is an infinite time, and a median of it stays that."""
    assert interval.quantile([1.0, math.inf, math.inf], 0.5) == math.inf
    assert interval.quantile([1.0, 2.0, math.inf], 0.5) == 2.0
    assert math.isnan(interval.quantile([], 0.5))


def test_median_intervals_cover_the_truth() -> None:
    """Of 25 values of a skewed distribution: at least 95 % of intervals hold it."""
    chance = np.random.default_rng(5)
    covered = 0
    for _ in range(1000):
        found = interval.median_interval(list(chance.exponential(1.0, 25)))
        covered += found.low <= math.log(2) <= found.high

    assert covered >= 945


def test_median_intervals_of_few_and_of_never() -> None:
    few = interval.median_interval([1.0, 2.0, 3.0])
    assert (few.estimate, few.low, few.high) == (2.0, -math.inf, math.inf)
    six = interval.median_interval([6.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    assert (six.estimate, six.low, six.high) == (3.5, 1.0, 6.0)
    half = interval.median_interval([1.0] * 10 + [math.inf] * 10)
    assert half.low == 1.0
    assert half.high == math.inf


def test_resampled_means_are_those_of_every_resample() -> None:
    """The distribution drawn is that of all 4**4 resamples, listed one by one."""
    values = [0.0, 1.0, 10.0, 100.0]
    exact = sorted(math.fsum(one) / 4 for one in itertools.product(values, repeat=4))
    drawn = interval.places(4, 40_000, interval.stream_key("every"))
    means = np.asarray(values)[drawn].mean(axis=1)

    for at in (5.0, 20.0, 30.25, 52.0):
        share = sum(one <= at for one in exact) / len(exact)
        assert float(np.mean(means <= at)) == pytest.approx(share, abs=0.01)


def test_paired_interval_is_near_scipys_for_many_pairs() -> None:
    """With 200 pairs the expansion is small and both are percentiles."""
    chance = np.random.default_rng(3)
    before = chance.lognormal(3, 1, 200)
    after = before + chance.normal(4, 9, 200)
    found = interval.paired(list(before), list(after), interval.stream_key("p"))
    theirs = stats.bootstrap(
        (after - before,), np.mean, method="percentile", rng=chance
    ).confidence_interval

    width = theirs.high - theirs.low
    assert found.low == pytest.approx(theirs.low, abs=0.05 * width)
    assert found.high == pytest.approx(theirs.high, abs=0.05 * width)
    assert found.is_above_zero


def test_thirty_pairs_cover_the_truth() -> None:
    """The expanded interval of 30 normal pairs holds the mean 93 to 97 times in 100."""
    chance = np.random.default_rng(11)
    covered = 0
    for number in range(400):
        values = chance.normal(1.0, 5.0, 30)
        found = interval.mean_interval(list(values), number, resamples=2000)
        covered += found.low <= 1.0 <= found.high

    assert 0.92 * 400 <= covered <= 0.98 * 400


def test_streams_are_seeded() -> None:
    """The same words give the same interval, other words another."""
    values = [float(one * one % 17) for one in range(30)]
    one, again, other = (
        interval.mean_interval(values, interval.stream_key("a", key))
        for key in (1, 1, 2)
    )

    assert one == again
    assert one != other
    first = interval.places(5, 2, interval.stream_key("fixed"))
    assert (
        first.tolist() == interval.places(5, 2, interval.stream_key("fixed")).tolist()
    )


def test_what_never_varies_has_no_width_and_one_value_no_interval() -> None:
    assert interval.mean_interval([2.0] * 30, 1) == interval.Interval(2.0, 2.0, 2.0)
    assert interval.mean_interval([2.0], 1).high == math.inf
    assert math.isnan(interval.mean_interval([], 1).estimate)


def test_strata_are_resampled_apart_and_weighed() -> None:
    """A stratum that never varies adds its weight times its value, exactly."""
    values = [float(one % 7) for one in range(30)]
    alone = interval.weighted_mean_interval([(2.0, values)], 5)
    both = interval.weighted_mean_interval([(2.0, values), (3.0, [1.0] * 30)], 5)

    assert both.estimate == pytest.approx(alone.estimate + 3)
    assert both.low == pytest.approx(alone.low + 3)
    assert both.high == pytest.approx(alone.high + 3)


@pytest.mark.parametrize(("worse", "better"), [(0, 0), (6, 0), (3, 9), (5, 5)])
def test_sign_test_equals_scipy(worse: int, better: int) -> None:
    expected = 1.0
    if worse + better:
        expected = stats.binomtest(worse, worse + better, 0.5).pvalue
    assert interval.sign_test(worse, better) == pytest.approx(expected)
