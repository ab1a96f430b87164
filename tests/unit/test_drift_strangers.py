"""Drift of what anybody can send: it speaks for nobody, and lowers nothing."""

import numpy as np
import pytest
from numpy.typing import NDArray

from airnet.decide.doubts import Doubts
from airnet.decide.policy import Policy
from airnet.domain.columns import FLOOD_SCHEMA
from airnet.domain.decision import Decision, Mode
from airnet.domain.drift import DriftKind
from airnet.domain.session import SESSION
from airnet.domain.window import WINDOW, WINDOW_GATEWAY
from airnet.score import load
from airnet.score.drift import LOOK_NS, POPULATION, Drifts
from airnet.score.scorer import Watching
from airnet.shipped import models_path
from tests.fakes.verdicts import drop

TARGETS = 256
TURNS = POPULATION // TARGETS
NOBODY = np.zeros(0, SESSION)
Batch = tuple[NDArray[np.void], NDArray[np.float32]]


@pytest.fixture
def drifts() -> Drifts:
    """Return what looks at gateways in the product."""
    scorer = load(models_path())
    assert isinstance(scorer, Watching)
    (found,) = (one for one in scorer.drifts(()) if one.kind == WINDOW_GATEWAY)
    return found


def packets(**features: int) -> Batch:
    """Return a window in each turn of as many addresses as a stranger likes."""
    count = TARGETS * TURNS
    windows, turn = np.zeros(count, WINDOW), np.arange(count)
    windows["kind"] = WINDOW_GATEWAY
    windows["subject"] = turn % TARGETS
    windows["open_ns"] = (turn // TARGETS + 400_000_000) * LOOK_NS
    windows["close_ns"] = windows["open_ns"] + 5_000_000
    rows = np.zeros((count, 64), np.float32)
    for name, value in features.items():
        rows[:, FLOOD_SCHEMA.index(name)] = value
    return windows, rows


#: Of gateway.half_open_per_second.
FLOOD = {
    "packets": 450,
    "rate": 90_000,
    "syn_rate": 90_000,
    "half_open_rate": 90_000,
    "half_open": 60_000,
    "half_open_share": 1000,
    "busiest_port_share": 1000,
}


def lowered(doubts: Doubts) -> Decision:
    return doubts.lower(drop(window_kind=WINDOW_GATEWAY))


@pytest.mark.parametrize("known", [0, 1, 2])
def test_packets_to_any_address_are_no_drift(drifts: Drifts, known: int) -> None:
    found = drifts.look(*packets(known=known, packets=9), NOBODY)

    assert found == []


def test_what_a_rule_takes_for_a_flood_is_no_drift(drifts: Drifts) -> None:
    """Even at a gateway of the site, for as long as it may last."""
    found = drifts.look(*packets(registered=1, known=9, **FLOOD), NOBODY)

    assert found == []


def test_another_population_of_gateways_is_told_and_lowers_nothing(
    drifts: Drifts,
) -> None:
    (found,) = drifts.look(*packets(registered=1, known=9), NOBODY)
    doubts = Doubts(Policy())

    (alert,) = doubts.hear(found)

    assert found.kind is DriftKind.POPULATION
    assert "policy leaves its autonomy as it is" in alert.why
    assert lowered(doubts).mode is Mode.ENFORCE
    again = Doubts(Policy())
    again.recover([alert])
    assert lowered(again).mode is Mode.ENFORCE
