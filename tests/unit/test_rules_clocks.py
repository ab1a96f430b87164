"""What clocks and timers give away: a capture clock, a longer way, a beacon."""

from typing import Any

import numpy as np
import pytest

from airnet.domain.columns_host import HOST_SCHEMA
from airnet.domain.columns_sensor import SENSOR_SCHEMA
from airnet.score.rule import fired
from airnet.score.rules_host import HOST_RULES
from airnet.score.rules_sensor import SENSOR_RULES

KINDS: dict[str, Any] = {
    "sensor": (SENSOR_RULES, SENSOR_SCHEMA),
    "host": (HOST_RULES, HOST_SCHEMA),
}
CLIENTS = {"clocks_up": 12, "ahead_up_share": 1000, "clock_shift_us": 71_000}
CALLS = {"lawful": 1, "beat_period_ms": 900}


def names(kind: str, given: dict[str, int]) -> set[str]:
    """Return the rules that a row of these features breaks; the others are 0."""
    rules, schema = KINDS[kind]
    columns = {name: place for place, name in enumerate(schema.names)}
    row = np.zeros((1, 64), np.float32)
    for name, value in given.items():
        row[0, columns[name]] = value
    return {
        found.rule.name.removeprefix(f"{kind}.")
        for rule in rules
        for found in fired((rule,), columns, row).values()
    }


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, {"clock_ahead_of_clients_share"}),
        ({"clock_shift_us": 1000}, set()),
        ({"venues_risen": 1}, set()),
        ({"clocks_up": 5}, set()),
        ({"clocks_down": 9, "ahead_down_share": 1000}, {"clock_ahead_share"}),
    ],
)
def test_a_clock_that_jumps(more: dict[str, int], told: set[str]) -> None:
    """Gateways that say whole seconds leave it to many clients, and to 5 ms."""
    assert names("sensor", CLIENTS | more) == told


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"ahead_up_share": 500}, {"path_longer_share"}),
        ({"ahead_up_share": 300}, set()),
        ({"ahead_up_share": 500, "ahead_down_share": 200}, set()),
        ({"ahead_up_share": 500, "behind_down_share": 200}, set()),
        ({"ahead_up_share": 500, "clocks_up": 5}, set()),
    ],
)
def test_a_way_that_gets_longer(more: dict[str, int], told: set[str]) -> None:
    """What clients send is late, what gateways send is not."""
    assert names("sensor", CLIENTS | {"clocks_down": 9} | more) == told


@pytest.mark.parametrize(
    ("calls", "deviation", "told"),
    [
        (4, 200, {"regular_calls"}),
        (4, 400, set()),
        (6, 290, {"regular_calls_again"}),
        (7, 350, set()),
        (10, 390, {"regular_calls_at_length"}),
        (30, 1000, set()),
    ],
)
def test_a_timer_is_told_from_chance(
    calls: int, deviation: int, told: set[str]
) -> None:
    """The fewer the calls, the more even they must be."""
    given = {"beat_contacts": calls, "beat_deviation": deviation}

    assert names("host", CALLS | given) == told
