"""What honest sessions do is told from what changed, by a window's own features."""

import math

import pytest

from airnet.decide import likeness


def window(**values: int) -> likeness.Feature:
    return values.get


@pytest.mark.parametrize(
    ("now", "before", "is_settled"),
    [(894, 1632, True), (2061, 1781, True), (1499, 1000, True), (1500, 1000, False)],
)
def test_who_was_as_fast_for_ten_seconds_does_nothing_new(
    now: int, before: int, *, is_settled: bool
) -> None:
    found = likeness.is_settled(window(rate_1s=now, rate_10s=before))

    assert found is is_settled


def test_a_rate_that_rises_fivefold_is_news_for_seconds() -> None:
    """Exponential means of one second and of ten, from the moment that it rises."""
    for tenths in range(5, 45):
        short, long = math.exp(-tenths / 10), math.exp(-tenths / 100)
        now, before = 1000 + 4000 * (1 - short), 1000 + 4000 * (1 - long)
        feature = window(rate_1s=round(now), rate_10s=round(before))
        assert not likeness.is_settled(feature), tenths


def test_nobody_is_settled_of_whom_ten_seconds_are_not_known() -> None:
    assert not likeness.is_settled(window(rate_1s=5))
    assert not likeness.is_settled(window())


WORKED = {
    "same_symbol_share": 1000,
    "same_side_share": 1000,
    "fills_per_new": 1000,
    "cancels_per_new": 0,
    "replaces_per_new": 0,
    "repeat_run": 1,
    "loop_share": 416,
    "relative_fast": 6405,
}


def test_pieces_of_a_large_order_in_one_name_are_honest() -> None:
    """What a desk sends that makes up for an outage, each piece filled."""
    assert likeness.is_worked(window(**WORKED))
    assert likeness.is_honest(window(**WORKED, relative_1s=9000, relative_first=9000))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("same_symbol_share", 500),
        ("fills_per_new", 300),
        ("repeat_run", 12),
        ("loop_share", 900),
        ("relative_fast", 15_000),
    ],
)
def test_pieces_that_loop_or_are_not_filled_are_none(name: str, value: int) -> None:
    assert not likeness.is_worked(window(**{**WORKED, name: value}))


SEVERAL = {"peak_ratio": 1950, "repeat_run": 2, "loop_share": 333, "rejects": 0}
RISEN = {"relative_fast": 4259, "relative_1s": 5207, "relative_first": 7816}


def test_several_large_orders_at_once_are_honest() -> None:
    """What a desk sends that has been half as fast before, and nothing repeats."""
    assert likeness.is_honest(window(**SEVERAL, **RISEN))


@pytest.mark.parametrize(
    ("name", "value"),
    [("peak_ratio", 2600), ("repeat_run", 12), ("loop_share", 500), ("rejects", 9)],
)
def test_who_repeats_or_was_never_near_as_fast_is_not(name: str, value: int) -> None:
    assert not likeness.is_honest(window(**{**SEVERAL, name: value}, **RISEN))
