"""Rules of sessions in a frenzy: a loop is told from haste that everybody has."""

import numpy as np
import pytest

from airnet.decide.lasting import may_pass
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.window import WINDOW_SESSION
from airnet.score.rule import fired
from airnet.score.rules import RULES
from airnet.score.rules_session_frenzy import FRENZY_RULES

COLUMN = {name: place for place, name in enumerate(SESSION_SCHEMA.names)}
#: A runaway's row half a second after it began, while all were seven times as fast.
LOOPING = {
    "identical_rate": 2486,
    "repeat_run": 43,
    "loop_share": 1000,
    "fills_per_new": 965,
    "rate_1s": 991,
    "ratio_1s": 17_656,
    "peak_ratio": 17_277,
    "relative_fast": 2642,
    "relative_1s": 2505,
    "relative_first": 2670,
    "market_fast": 7654,
    "market_1s": 7046,
    "elevated_share": 500,
    "same_side_share": 1000,
    "same_symbol_share": 1000,
    "side_run": 43,
    "history_ms": 6528,
    "messages": 125,
}


def names_of(seen: dict[str, int]) -> set[str]:
    """Return the rules of a frenzy that a row breaks, given some features."""
    row = np.zeros((1, 64), np.float32)
    for name, value in seen.items():
        row[0, COLUMN[name]] = value
    found = {one.rule.name for one in fired(FRENZY_RULES, COLUMN, row).values()}
    first = fired(RULES[WINDOW_SESSION], COLUMN, row)
    assert found <= {one.rule.name for one in first.values()}  # not hidden by another
    return found


def test_one_order_again_and_again_is_a_loop_however_busy_the_others_are() -> None:
    assert names_of(LOOPING) == {"session.one_order_in_a_frenzy"}


@pytest.mark.parametrize(
    "excuse",
    [
        {"market_1s": 1200},  # the others rest: other rules speak
        {"relative_1s": 2300, "relative_first": 2300},  # a large order's pieces
        {"ratio_1s": 6000},  # it has always been as fast, or nearly
        {"peak_ratio": 4000},  # or once was
        {"repeat_run": 20},  # not yet
        {"loop_share": 700},  # it says other things, too
        {"fills_per_new": 300},  # it quotes
        {"cancels_per_new": 400},  # and takes back
        {"history_ms": 2000},  # it has no past
        {"identical_rate": 400},
    ],
    ids=lambda excuse: next(iter(excuse)),
)
def test_what_honest_sessions_do_in_a_frenzy_is_none(excuse: dict[str, int]) -> None:
    assert not names_of(LOOPING | excuse)


#: The row of a session of which a dozen orders go up and down, a second after it began.
MOVING = {
    "rate_replace_fast": 24_110,
    "rate_new_fast": 100,
    "rate_1s": 19_390,
    "relative_fast": 61_856,
    "relative_1s": 71_564,
    "relative_first": 56_940,
    "relative_symbol": 71_564,
    "peak_ratio": 107_319,
    "market_1s": 4213,
    "market_share": 2712,
    "elevated_share": 354,
    "replaces_per_new": 455_000,
    "replace_run": 1,
    "loop_share": 83,
    "entropy": 3578,
    "streak_ms": 1096,
    "history_ms": 12_530,
}


def test_who_moves_all_he_has_without_end_is_stopped_however_busy_others_are() -> None:
    assert names_of(MOVING) == {"session.moved_in_a_frenzy"}


@pytest.mark.parametrize(
    "excuse",
    [
        {"streak_ms": 747},  # renewing quotes takes as long
        {"rate_replace_fast": 3900},  # a maker in news
        {"relative_1s": 15_750},  # a maker as a market opens
        {"relative_first": 15_750},  # or one that has become slow
        {"relative_symbol": 7100},  # all hurry in its names
        {"peak_ratio": 16_000},  # once it was as fast, or nearly
        {"market_share": 142},  # others send more, as a market opens
        {"others_rejected": 969},  # all are refused
        {"rate_new_fast": 1100},  # it sends anew
        {"rate_cancel_fast": 600},  # it withdraws
        {"rate_quote_fast": 1},  # it quotes by quotes
        {"history_ms": 4000},  # it has only begun
    ],
)
def test_who_renews_quotes_or_follows_a_market_is_none_of_it(
    excuse: dict[str, int],
) -> None:
    assert names_of(MOVING | excuse) == set()


#: A runaway's row while all are five times as fast, of orders that mostly wait.
WAITING = {
    "side_run": 385,
    "repeat_share": 1000,
    "same_side_share": 1000,
    "same_symbol_share": 1000,
    "rate_new_fast": 1950,
    "rate_1s": 3282,
    "rate_16": 3400,
    "rate_fast": 3496,
    "relative_1s": 3868,
    "relative_first": 4304,
    "fills_per_new": 175,
    "cancels_per_new": 297,
    "entropy": 1000,
    "loop_share": 666,
    "gap_deviation": 576,
    "market_1s": 7386,
    "elevated_share": 652,
    "history_ms": 13_911,
}
ONE_WAY = "session.one_order_one_way_in_a_frenzy"


def test_one_order_that_waits_again_and_again_is_a_loop_in_a_frenzy() -> None:
    assert names_of(WAITING) == {ONE_WAY}


@pytest.mark.parametrize(
    "excuse",
    [
        {"side_run": 255},  # not yet
        {"repeat_share": 799},  # it says other things, too
        {"same_symbol_share": 899},  # in several names
        {"rate_new_fast": 999},  # a large order in like pieces
        {"fills_per_new": 601},  # or in pieces that are filled
        {"cancels_per_new": 351},  # it withdraws what it sends
        {"relative_1s": 2999},  # the others are as fast
        {"relative_first": 2999},  # it began so
        {"others_rejected": 201},  # all are refused
        {"history_ms": 4999},  # it has no past
    ],
    ids=lambda excuse: next(iter(excuse)),
)
def test_who_has_an_excuse_sends_no_loop(excuse: dict[str, int]) -> None:
    assert not names_of(WAITING | excuse)


def test_a_volley_of_one_order_is_none() -> None:
    """Of a hedger of hundreds of lots: it is through in a tenth of a second."""
    assert not may_pass(ONE_WAY, WAITING.get)
    assert may_pass(ONE_WAY, (WAITING | {"rate_16": 30_000}).get)
    assert may_pass(ONE_WAY, (WAITING | {"gap_deviation": 1500}).get)
