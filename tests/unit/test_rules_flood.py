"""Rules of floods: each fires on its row, and none on what its excuse describes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from airnet.config import load
from airnet.decide.policy import Policy
from airnet.domain.columns import FLOOD_SCHEMA
from airnet.domain.window import WINDOW_GATEWAY
from airnet.pipeline import policy_path
from airnet.score.rule import Rule, fired
from airnet.score.rules import GATEWAY_RULES, RULES
from tests.property.test_window import closed
from tests.property.test_window_strike import NO_MESSAGES, flood

COLUMN = {name: place for place, name in enumerate(FLOOD_SCHEMA.names)}
AT_ONCE = tuple(rule for rule in GATEWAY_RULES if rule.name.endswith("_at_once"))


def row_of(rule: Rule) -> NDArray[np.float32]:
    """Return a row that breaks the rule, as barely as may be."""
    row = np.zeros((1, 64), np.float32)
    row[0, COLUMN[rule.feature]] = (rule.limit + 1) * rule.divisor
    for name, least, _ in rule.needs:
        row[0, COLUMN[name]] = max(least, row[0, COLUMN[name]])
    return row


def test_policy_names_rules_that_exist_and_no_others_are_meant_for_it() -> None:
    named = load(policy_path(), Policy).cause.flood.at_once

    assert set(named) == {rule.name for rule in AT_ONCE}
    assert named == Policy().cause.flood.at_once


def test_names_are_one_rule_each() -> None:
    names = [rule.name for rules in RULES.values() for rule in rules]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("rule", GATEWAY_RULES, ids=lambda rule: rule.name)
def test_a_rule_fires_above_its_limit_and_not_on_it(rule: Rule) -> None:
    row = row_of(rule)
    assert list(fired((rule,), COLUMN, row)) == [0]

    row[0, COLUMN[rule.feature]] = rule.limit * rule.divisor
    assert not fired((rule,), COLUMN, row)


@pytest.mark.parametrize("rule", AT_ONCE, ids=lambda rule: rule.name)
@pytest.mark.parametrize(
    "excuse",
    [
        {"known_share": 300},  # who trades comes back
        {"known": 2},  # nobody knows yet that this is a gateway
        {"history_ms": 900},  # the capture begins
        {"over_baseline": 15_000},  # it is like this here
        {"packets": 9},
    ],
    ids=lambda excuse: next(iter(excuse)),
)
def test_one_window_is_never_enough_for_what_has_an_excuse(
    rule: Rule, excuse: dict[str, int]
) -> None:
    row = row_of(rule)
    for name, value in excuse.items():
        row[0, COLUMN[name]] = value

    assert not fired((rule,), COLUMN, row)


def test_a_dozen_new_programs_in_one_moment_are_not_judged_in_one_window() -> None:
    """One handshake each, as a firm that starts: it takes 20 that nobody completes."""
    for count, is_flood in ((15, False), (40, True)):
        windows, rows = closed(flood([(0, 200_000, count)], 16), NO_MESSAGES, 64)
        gateway = rows[windows["kind"] == WINDOW_GATEWAY].copy()
        gateway[:, COLUMN["known"]] = 8
        gateway[:, COLUMN["history_ms"]] = 60_000

        assert len(gateway) >= 1
        assert bool(fired(AT_ONCE, COLUMN, gateway)) == is_flood


@pytest.mark.parametrize(("gap_ms", "is_flood"), [(10, True), (50, False)])
def test_handshakes_that_add_up_are_a_flood_if_they_do_not_stop(
    gap_ms: int, is_flood: bool
) -> None:
    """A hundred a second from few, never completed; twenty is a firm that retries."""
    spells = [(0, gap_ms * 1_000_000, 200)]
    windows, rows = closed(flood(spells, 3), NO_MESSAGES, 64)
    gateway = rows[windows["kind"] == WINDOW_GATEWAY].copy()
    for name, value in (("known", 8), ("session_rate", 90), ("over_baseline", 9000)):
        gateway[:, COLUMN[name]] = value
    found = fired((named("gateway.half_open_adding_up"),), COLUMN, gateway)

    assert gateway[-1, COLUMN["half_open"]] > 150
    assert bool(found) == is_flood
    assert all(gateway[place, COLUMN["half_open"]] > 95 for place in found)


@pytest.mark.parametrize(
    "excuse",
    [
        {"known_share": 100},  # one of them has been let in
        {"fresh_share": 900},  # nobody of them has been here before
        {"unspoken": 12},  # they wait for their answer yet
        {"empty_share": 500},  # a backup passes by as everybody logs on
        {"reply_share": 100},  # so does a feed
        {"session_rate": 0},  # nobody trades here
    ],
    ids=lambda excuse: next(iter(excuse)),
)
def test_who_logs_on_for_the_first_time_is_not_refused(excuse: dict[str, int]) -> None:
    rule = named("gateway.refused_logons_per_second")
    row = row_of(rule)
    assert fired((rule,), COLUMN, row)

    for name, value in excuse.items():
        row[0, COLUMN[name]] = value
    assert not fired((rule,), COLUMN, row)


def named(name: str) -> Rule:
    """Return the rule of this name."""
    return next(rule for rule in GATEWAY_RULES if rule.name == name)
