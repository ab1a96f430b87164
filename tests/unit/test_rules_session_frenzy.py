"""Rules of sessions in a frenzy: a loop is told from haste that everybody has."""

import numpy as np
import pytest

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
