"""What makers, worked orders and lists do, whatever both models make of it."""

import pytest

from airnet.decide import likeness
from tests.unit.test_likeness import BASKET, is_called_honest, window

QUOTED = {
    "same_symbol_share": 162,
    "new_price_share": 404,
    "cancels_per_new": 1018,
    "replaces_per_new": 0,
    "fills_per_new": 14,
    "loop_share": 125,
    "repeat_run": 0,
    "rejects": 0,
}


@pytest.mark.parametrize(
    "stood",
    [{}, {"cancel_age_us": 100_000}, {"cancels_per_new": 276, "fills_per_new": 28}],
)
def test_who_quotes_many_names_for_long_is_quoting(stood: dict[str, int]) -> None:
    """Windows of three makers in a market that a large order moved."""
    assert likeness.is_quoting(window(**(QUOTED | stood)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cancel_age_us", 99_999),
        ("same_symbol_share", 600),
        ("new_price_share", 900),
        ("cancels_per_new", 200),
        ("fills_per_new", 600),
        ("loop_share", 500),
        ("repeat_run", 9),
        ("rejects", 5),
    ],
)
def test_who_stuffs_repeats_or_is_filled_is_not(name: str, value: int) -> None:
    assert not likeness.is_quoting(window(**{**QUOTED, name: value}))
    assert not likeness.is_quoting(window())


MINDED = {
    "same_side_share": 1000,
    "fills_per_new": 860,
    "cancels_per_new": 421,
    "replaces_per_new": 263,
    "new_price_share": 0,
    "repeat_run": 0,
    "loop_share": 125,
    "rejects": 0,
    "relative_fast": 6457,
}


def test_a_large_order_of_which_half_rests_is_worked() -> None:
    assert likeness.is_worked(window(**MINDED))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cancels_per_new", 49),
        ("cancels_per_new", 950),
        ("replaces_per_new", 49),
        ("fills_per_new", 100),
        ("new_price_share", 600),
        ("relative_fast", 12_000),
        ("rejects", 9),
    ],
)
def test_who_only_takes_or_takes_all_back_is_none(name: str, value: int) -> None:
    assert not likeness.is_worked(window(**{**MINDED, name: value}))


def test_no_pace_makes_a_told_list_a_fault() -> None:
    """Some hundred orders in many names: as by a clock, and as they come."""
    even = {**BASKET, "gap_deviation": 219}

    assert likeness.is_paced(window(**even))
    assert likeness.is_paced(window(**BASKET))
    assert not likeness.is_basket(window(**even))
    assert is_called_honest(**even)


def test_like_pieces_that_are_taken_have_no_second_witness() -> None:
    pieces = {
        "same_side_share": 1000,
        "fills_per_new": 1187,
        "drift_share": 1000,
        "replaces_per_new": 75,
        "rejects": 1,
    }

    assert is_called_honest(**pieces)
    for name, value in [("same_side_share", 500), ("replaces_per_new", 0)]:
        assert not is_called_honest(**{**pieces, name: value})
