"""What honest sessions did at openings and in news, a hair within a rule's bounds.

Rows as kept days have them (docs/adr/0071); each rule still holds a fault of its kind.
"""

import numpy as np
import pytest

from airnet.domain.columns import SESSION_SCHEMA
from airnet.score.rule import fired
from airnet.score.rules_session import SESSION_RULES

COLUMN = {name: place for place, name in enumerate(SESSION_SCHEMA.names)}

#: A program that sends one order again whenever it is refused: the twin's reject_loop.
REFUSED_AGAIN = {
    "retries": 27,
    "rejects": 5,
    "reject_share": 833,
    "others_rejected": 13,
    "entropy": 2900,
    "repeat_share": 523,
    "same_symbol_share": 991,
    "market_1s": 130,
}
#: Stuffing by one alone, each order withdrawn after a millisecond.
STUFFED = {
    "ratio_1s": 18_199,
    "rate_1s": 4949,
    "relative_1s": 11_628,
    "peak_ratio": 11_004,
    "market_1s": 1200,
    "relative_symbol": 11_628,
    "relative_first": 13_789,
    "ratio_fast": 23_394,
    "streak_ms": 600,
    "history_ms": 9800,
    "active_sessions": 23,
    "elevated_share": 136,
    "elevated_1s": 1,
    "others_rejected": 0,
    "fills_per_new": 25,
    "cancels_per_new": 919,
    "cancel_age_us": 1448,
    "same_side_share": 467,
    "same_symbol_share": 988,
    "new_price_share": 860,
}
#: Knight's: all filled, in all names, at even gaps.
FILLED = {
    "relative_1s": 44_693,
    "fills_per_new": 992,
    "replaces_per_new": 0,
    "side_run": 2,
    "same_side_share": 515,
    "market_1s": 1100,
    "market_fast": 1100,
    "elevated_share": 60,
    "relative_fast": 49_301,
    "relative_first": 44_199,
    "rate_new_fast": 8004,
    "cancels_per_new": 92,
    "same_symbol_share": 90,
    "gap_deviation": 688,
    "others_rejected": 2,
}


def broken(values: dict[str, int]) -> str:
    """Return the rule that a row of these values breaks first, or nothing."""
    row = np.full((1, 64), np.nan, np.float32)
    for name, value in values.items():
        row[0, COLUMN[name]] = value
    found = fired(SESSION_RULES, COLUMN, row)
    return found[0].rule.name.removeprefix("session.") if found else ""


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        (REFUSED_AGAIN, "refused_again_per_second"),
        (STUFFED, "withdrawn_over_own_baseline"),
        (FILLED, "filled_in_all_symbols"),
    ],
)
def test_a_fault_is_one(fault: dict[str, int], rule: str) -> None:
    assert broken(fault) == rule


@pytest.mark.parametrize("share", [0, 300])
def test_who_is_refused_in_all_names_is_unlucky(share: int) -> None:
    """After an opening a session that had slowed to a third was within the rest."""
    assert not broken(REFUSED_AGAIN | {"same_symbol_share": share})


@pytest.mark.parametrize("shown", [{}, {"same_symbol_share": 310}])
def test_stuffing_in_one_name_or_several_is_told(shown: dict[str, int]) -> None:
    assert broken(STUFFED | shown) == "withdrawn_over_own_baseline"


@pytest.mark.parametrize("risen", [5, 8, 14])
def test_who_asks_prices_in_news_with_others_is_no_stuffer(risen: int) -> None:
    """At openings and in news eight others at least had risen within the second."""
    assert not broken(STUFFED | {"elevated_1s": risen})


def test_who_is_filled_while_others_are_refused_trades_at_an_opening() -> None:
    assert not broken(FILLED | {"others_rejected": 329})


#: One order alike sent again and again, and nothing else.
LOOPED = {
    "rate_16": 2000,
    "fills_per_new": 0,
    "loop_share": 916,
    "cancels_per_new": 0,
    "rate_cancel_fast": 0,
    "relative_fast": 70_000,
    "relative_1s": 2900,
    "relative_first": 2283,
    "market_fast": 800,
    "market_1s": 500,
    "elevated_share": 30,
    "history_ms": 41_000,
}


LEGS = {
    "fills_per_new": 1100,
    "same_symbol_share": 0,
    "entropy": 1800,
    "streak_ms": 100,
    "replaces_per_new": 0,
}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"fills_per_new": 600}, "loop_out_of_nothing"),
        ({"same_symbol_share": 470}, "loop_of_one_name"),
        ({"same_side_share": 1000, "entropy": 1000}, "loop_one_way"),
        ({"same_side_share": 333, "entropy": 1580}, ""),  # three legs
        ({"same_side_share": 0, "entropy": 1000}, ""),  # two
        ({"same_side_share": 1000, "entropy": 3000}, ""),  # a list of names
    ],
)
def test_legs_of_an_arbitrage_are_no_loop(changes: dict[str, int], rule: str) -> None:
    """All of them are filled, thousands alike, for as long as there is something."""
    assert broken(LOOPED | LEGS | changes) == rule


@pytest.mark.parametrize(
    "honest",
    [
        {"streak_ms": 99},
        {"history_ms": 4200},
        {"replaces_per_new": 73},
        {"cancels_per_new": 88},
    ],
)
def test_a_burst_of_what_is_filled_is_no_loop(honest: dict[str, int]) -> None:
    """Who hedges each fill, lot by lot, in one name; an iceberg that is minded."""
    hedged = LOOPED | LEGS | {"same_symbol_share": 1000}

    assert broken(hedged) == "loop_of_one_name"
    assert broken(hedged | honest) != "loop_of_one_name"


def test_who_withdraws_all_that_he_has_is_no_loop() -> None:
    """Who flattens, or loads new parameters, sends like cancels and no order."""
    assert broken(LOOPED) == "loop_out_of_nothing"
    assert not broken(LOOPED | {"rate_cancel_fast": 9600})


@pytest.mark.parametrize(
    "rule", ["orders_alike_per_second", "identical_orders_per_second"]
)
def test_who_tries_again_what_all_are_refused_is_no_loop(rule: str) -> None:
    """In a crash of the market 715 in 1,000 orders of the others were refused."""
    alike = {
        "identical_rate": 19_240,
        "repeat_run": 40,
        "relative_fast": 16_443,
        "relative_1s": 36_653,
        "relative_first": 112_137,
        "streak_ms": 4304,
        "cancels_per_new": 0,
        "replaces_per_new": 0,
        "loop_share": 1000,
        "others_rejected": 30,
    }
    if rule == "identical_orders_per_second":
        alike["streak_ms"] = 0

    assert broken(alike) == rule
    assert not broken(alike | {"others_rejected": 715})


@pytest.mark.parametrize("minded", [{"replaces_per_new": 75}, {"loop_share": 708}])
def test_an_iceberg_that_takes_at_once_is_no_loop(minded: dict[str, int]) -> None:
    """Fifteen like pieces in 6 ms, while what rests of it is moved."""
    alike = LOOPED | LEGS | {"identical_rate": 2320, "repeat_run": 15}
    alike |= {"streak_ms": 484, "replaces_per_new": 0, "others_rejected": 0}
    alike |= {"relative_fast": 7330, "relative_1s": 10_066, "relative_first": 11_960}

    assert broken(alike) == "orders_alike_per_second"
    assert broken(alike | minded) == "likely_loop_per_second", "which is told"


def test_who_takes_a_basket_is_no_knight() -> None:
    """55 orders in a second, each in another name, most of them in a tenth of it."""
    basket = FILLED | {"relative_1s": 10_170, "relative_fast": 23_737}
    basket |= {"relative_first": 9187, "rate_new_fast": 3045, "rate_1s": 686}

    assert broken(basket) == "filled_in_many_symbols", "which alone is told"
    assert broken(basket | {"rate_1s": 1500}) == "filled_while_others_rest"
    assert broken(basket | {"rate_new_fast": 5000}) == "filled_in_all_symbols"


#: One order moved back and forth at 130 a second, ten times as fast as ever.
MOVED = {
    "replace_run": 60,
    "loop_share": 416,
    "gap_deviation": 500,
    "rate_16": 1289,
    "relative_1s": 12_228,
    "relative_first": 12_228,
    "market_fast": 605,
    "market_1s": 922,
    "elevated_share": 0,
}


@pytest.mark.parametrize(
    ("name", "loop", "honest"),
    [("gap_deviation", 799, 1083), ("elevated_share", 200, 240)],
)
def test_a_maker_that_leans_moves_two_orders_in_volleys(
    name: str, loop: int, honest: int
) -> None:
    """Two such, each of one name, were throttled while others hurried or slept."""
    assert broken(MOVED | {name: loop}) == "replaces_of_one_order"
    assert not broken(MOVED | {name: honest})
