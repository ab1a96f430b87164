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
    "rejects": 0,
    "relative_fast": 6405,
}


@pytest.mark.parametrize("fills", [1000, 300, 0])
def test_pieces_of_a_large_order_in_one_name_are_honest(fills: int) -> None:
    """What a desk sends that makes up for an outage, whether it is filled or not."""
    assert likeness.is_worked(window(**{**WORKED, "fills_per_new": fills}))
    assert likeness.is_honest(window(**WORKED, relative_1s=9000, relative_first=9000))


def test_pieces_in_two_names_are_honest_at_prices_that_they_hold_to() -> None:
    """Both models were 0.98 sure of it, and half of its messages repeated."""
    parted = WORKED | {
        "same_symbol_share": 645,
        "new_price_share": 0,
        "loop_share": 583,
    }

    assert likeness.is_worked(window(**parted))
    assert not likeness.is_worked(window(**parted | {"new_price_share": 640}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("same_symbol_share", 500),
        ("cancels_per_new", 300),
        ("repeat_run", 12),
        ("loop_share", 900),
        ("rejects", 9),
        ("relative_fast", 15_000),
    ],
)
def test_pieces_that_loop_or_are_refused_are_none(name: str, value: int) -> None:
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


PROBED = {
    "same_symbol_share": 1000,
    "new_price_share": 0,
    "cancels_per_new": 1000,
    "cancel_age_us": 2162,
    "entropy": 1975,
    "loop_share": 625,
    "rejects": 0,
}


def is_called_honest(**values: int) -> bool:
    return any(looks_so(window(**values)) for looks_so in likeness.HONEST)


def test_who_asks_prices_that_he_knows_is_no_loop() -> None:
    """What desks did in news: an order, and 2 ms later its cancel, in one name."""
    assert is_called_honest(**PROBED)


@pytest.mark.parametrize(
    ("name", "value"),
    [("entropy", 1000), ("loop_share", 791), ("cancel_age_us", 126_000)],
)
def test_an_order_and_its_cancel_without_end_is_one(name: str, value: int) -> None:
    assert not is_called_honest(**{**PROBED, name: value})


@pytest.mark.parametrize(
    "values",
    [
        {"streak_ms": 5001},
        {"peak_ratio": 1999},
        {"relative_symbol": 999},
        {"relative_fast": 5999, "loop_share": 699, "rejects": 2},
    ],
)
def test_no_told_rule_is_believed_of_what_lasts_or_has_been(
    values: dict[str, int],
) -> None:
    assert is_called_honest(**values)
    assert not is_called_honest(streak_ms=5000, peak_ratio=2000, relative_symbol=1000)
    for told in ({"relative_fast": 6000}, {"loop_share": 700}, {"rejects": 3}):
        slight = {"relative_fast": 5999, "loop_share": 699, "rejects": 2} | told
        assert not is_called_honest(**slight)


ALONE = {
    "history_ms": 5000,
    "streak_ms": 5000,
    "relative_symbol": 1500,
    "fills_per_new": 300,
    "same_symbol_share": 500,
    "cancels_per_new": 400,
    "loop_share": 100,
    "entropy": 3500,
    "rate_new_fast": 900,
    "relative_fast": 12_000,
}


@pytest.mark.parametrize(
    "does",
    [
        {"fills_per_new": 1326},
        {
            "cancels_per_new": 1000,
            "cancel_age_us": 298,
            "fills_per_new": 0,
            "same_symbol_share": 978,
            "new_price_share": 841,
        },
        {"loop_share": 600, "fills_per_new": 0},
        {"cancels_per_new": 1000, "entropy": 2400, "fills_per_new": 68},
        {"rate_new_fast": 0, "entropy": 2109, "fills_per_new": 0},
        {
            "same_symbol_share": 1000,
            "new_price_share": 640,
            "cancels_per_new": 69,
            "replaces_per_new": 0,
        },
    ],
)
def test_an_opinion_is_acted_upon_of_what_faults_do(does: dict[str, int]) -> None:
    shown = ALONE | does

    assert not likeness.is_vague(window(**shown))
    assert likeness.is_vague(window(**shown | {"history_ms": 4999}))
    assert likeness.is_vague(window(**shown | {"streak_ms": 5001}))
    assert likeness.is_vague(window(**shown | {"relative_symbol": 1499}))
    assert likeness.is_vague(window(**shown | {"rate_1s": 1850, "rate_10s": 2814}))
    assert likeness.is_vague(window(**shown | PROBED))


@pytest.mark.parametrize(
    "does",
    [
        {},
        {"fills_per_new": 163, "cancels_per_new": 428},
        {"cancels_per_new": 850, "cancel_age_us": 10_944, "fills_per_new": 15},
        {"same_symbol_share": 1000, "cancels_per_new": 69, "relative_fast": 8000},
        {"same_symbol_share": 1000, "cancels_per_new": 27, "fills_per_new": 1124},
    ],
)
def test_what_traders_do_is_said_only(does: dict[str, int]) -> None:
    """Some of it is filled, some withdrawn, in name after name: whoever doubts it."""
    assert likeness.is_vague(window(**ALONE | does))


def test_where_nothing_is_known_nothing_is_vague() -> None:
    assert not likeness.is_vague(window())


def test_a_large_order_holds_to_its_prices_however_fast_it_is() -> None:
    """At the bell one gathered 6.4 of the 7 nats that an opinion is acted upon for."""
    poured = ALONE | {
        "same_symbol_share": 1000,
        "fills_per_new": 27,
        "cancels_per_new": 0,
        "replaces_per_new": 0,
        "new_price_share": 0,
        "loop_share": 166,
        "entropy": 3328,
        "relative_fast": 67_745,
    }

    assert likeness.is_vague(window(**poured))
    assert not likeness.is_vague(window(**poured | {"new_price_share": 640}))


def test_several_large_orders_that_are_taken_back_are_no_loop() -> None:
    """Four times as fast as it was; both models were 0.97 sure for half a second."""
    moved = ALONE | {
        "relative_fast": 12_000,
        "entropy": 2228,
        "fills_per_new": 57,
        "cancels_per_new": 1222,
        "loop_share": 291,
        "rejects": 0,
    }

    assert not likeness.is_vague(window(**moved))
    assert likeness.is_vague(window(**moved | {"relative_fast": 3652}))
    assert likeness.is_vague(window(**moved | {"cancels_per_new": 2250}))
    taken = {"fills_per_new": 1829, "relative_fast": 3503, "same_symbol_share": 361}
    assert not likeness.is_vague(window(**ALONE | taken | {"loop_share": 0}))


def test_several_large_orders_on_either_side_hold_to_their_prices() -> None:
    """At six and a half times its past, where less than half of it is alike."""
    both = WORKED | {
        "same_symbol_share": 228,
        "same_side_share": 543,
        "new_price_share": 0,
        "cancels_per_new": 100,
        "fills_per_new": 0,
        "loop_share": 458,
        "relative_fast": 6493,
    }

    assert likeness.is_worked(window(**both))
    assert not likeness.is_worked(window(**both | {"loop_share": 541}))
    assert not likeness.is_worked(window(**both | {"new_price_share": 425}))
    assert not likeness.is_worked(window(**both | {"relative_fast": 9001}))


def test_two_models_know_no_more_of_whom_nobody_knows_anything() -> None:
    """The first thing that a session did was to begin a large order in like pieces."""
    pieces = {"loop_share": 1000, "entropy": 0, "repeat_run": 26, "rejects": 0}

    assert is_called_honest(**pieces, history_ms=88)
    assert is_called_honest(**pieces, history_ms=9999)
    assert not is_called_honest(**pieces, history_ms=10_000)


#: An honest basket of an independent generator: both models were 0.97 sure of a fault.
BASKET = {
    "entropy": 3875,
    "loop_share": 41,
    "repeat_run": 0,
    "same_symbol_share": 0,
    "cancels_per_new": 0,
    "replaces_per_new": 0,
    "fills_per_new": 1614,
    "reject_share": 0,
    "gap_deviation": 836,
}


def test_a_list_of_names_is_honest_however_fast_it_is_worked() -> None:
    fast = window(**BASKET, relative_fast=35_000, relative_1s=9000, relative_first=9000)

    assert likeness.is_basket(window(**BASKET))
    assert likeness.is_honest(fast)
    assert any(looks_so(fast) for looks_so in likeness.HONEST)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("entropy", 2999),
        ("loop_share", 151),
        ("repeat_run", 4),
        ("same_symbol_share", 401),
        ("cancels_per_new", 301),
        ("replaces_per_new", 101),
        ("fills_per_new", 299),
        ("reject_share", 51),
        ("gap_deviation", 399),
    ],
)
def test_what_repeats_is_withdrawn_or_refused_is_no_basket(
    name: str, value: int
) -> None:
    assert not likeness.is_basket(window(**BASKET | {name: value}))


#: A maker that renews one quote while a large order moves it, as kept days have it.
STANDING = {
    "rate_new_fast": 1784,
    "cancels_per_new": 1857,
    "fills_per_new": 0,
    "cancel_age_us": 526_405,
}


def test_quotes_that_are_renewed_have_stood() -> None:
    assert likeness.is_standing(window(**STANDING))
    forgotten = {key: one for key, one in STANDING.items() if key != "cancel_age_us"}
    assert likeness.is_standing(window(**forgotten)), "for so long nobody remembers"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate_new_fast", 499),
        ("cancels_per_new", 499),
        ("fills_per_new", 101),
        ("cancel_age_us", 99_999),
    ],
)
def test_what_is_taken_back_at_once_or_filled_has_not_stood(
    name: str, value: int
) -> None:
    assert not likeness.is_standing(window(**{**STANDING, name: value}))
