"""Calibration: p-values never too small, regimes by features, a second word."""

from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from airnet.domain.columns import FLOOD_SCHEMA, SESSION_SCHEMA
from airnet.domain.verdict import PPM, Cause
from airnet.errors import ModelError
from airnet.score import calibrate, golden, novelty
from airnet.score.calibrate import Calibrated, Calibration, Regime, table_of
from airnet.score.evidence import needs_second
from airnet.score.model import Model
from airnet.score.opinion import Opinion

MODELS = Path(__file__).resolve().parents[2] / "models"
SCHEMAS = {"session": SESSION_SCHEMA, "flood": FLOOD_SCHEMA}


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 7)), max_size=60),
    st.integers(-60, 60),
)
def test_p_value_is_the_mean_share_of_a_day(
    found: list[tuple[int, int]], score: int
) -> None:
    """(1 + the days' shares as high) / (1 + days); between two scores, of the lower."""
    scores = np.array([one for one, _ in found], np.int64)
    days = np.array([day for _, day in found], np.int64)
    table = table_of(scores, days)
    lower = max((one for one, _ in found if one <= score), default=-100)
    sizes = Counter(day for _, day in found)
    as_high = sum(Fraction(one >= lower, sizes[day]) for one, day in found)

    exact = (1 + as_high) * PPM / (1 + len(sizes))
    assert table.days == len(sizes)
    assert exact <= table.p_value_ppm(score) <= min(PPM, exact + 2)


def test_a_day_counts_once_whatever_it_has() -> None:
    """One busy day of high scores is as rare as one that has a single window."""
    calm = [np.full(5, day) for day in range(9)]
    busy = table_of(
        np.array([0] * 45 + [7] * 500), np.concatenate([*calm, np.full(500, 9)])
    )
    brief = table_of(np.array([0] * 45 + [7]), np.concatenate([*calm, [9]]))

    assert busy.p_value_ppm(7) == brief.p_value_ppm(7) == -(-2 * PPM // 11)
    assert busy.p_value_ppm(8) == busy.p_value_ppm(7)


def test_p_values_of_a_new_day_are_never_too_small() -> None:
    """Days that differ by far more than their windows do: of 1 in 20, 1 in 20."""
    rng = np.random.Generator(np.random.PCG64(5))
    low = []
    for _ in range(400):
        levels = rng.normal(0, 1e6, 40)
        numbers = np.arange(40).repeat(rng.integers(1, 60, 40))
        scores = (levels[numbers] + rng.normal(0, 1e4, len(numbers))).astype(np.int64)
        is_new = numbers == 39
        table = table_of(scores[~is_new], numbers[~is_new])
        new = int(rng.choice(scores[is_new]))
        low.append(table.p_value_ppm(new) <= PPM // 20)

    assert 0.02 < np.mean(low) < 0.08


@given(st.integers(300, 5000), st.integers(0, 2**32 - 1))
def test_a_thinned_table_is_never_too_small(count: int, seed: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    scores = rng.integers(-(10**6), 10**6, count)
    whole = np.sort(scores)
    table = table_of(scores, np.arange(count))

    assert len(table.scores) < calibrate.KEPT + 400
    for score in rng.integers(-(10**6), 10**6, 20).tolist():
        as_high = count - int(np.searchsorted(whole, score, side="left"))
        exact = -(-(1 + as_high) * PPM // (1 + count))
        most = (3 + 1.03 * as_high) * PPM / (1 + count) + 1
        assert exact <= table.p_value_ppm(score) <= most


def test_the_first_regime_that_holds_is_the_rows() -> None:
    empty = table_of(np.zeros(0, np.int64), np.zeros(0, np.int64))
    known = table_of(np.arange(99), np.arange(99))
    found = Calibrated(
        Calibration(
            schema_digest="",
            regimes=(
                Regime(name="b", where=(("x", 5, 9),), tables={"flood": known}),
                Regime(
                    name="rest", where=(), tables={"novelty": known, "flood": empty}
                ),
            ),
        ),
        {"x": 0},
    )

    assert [
        found.name(found.regime_of([x])) for x in (4.0, 5.0, 9.0, float("nan"))
    ] == [
        "rest",
        "b",
        "b",
        "rest",
    ]
    assert found.p_value_ppm(0, Cause.FLOOD, 98) == 20_000
    assert found.p_value_ppm(1, Cause.FLOOD, 98) == PPM
    assert found.p_value_ppm(0, Cause.ALGO_FAULT, 98) == PPM
    assert found.novelty_ppm(0, 98) == 0
    assert found.novelty_ppm(1, 98) == 980_000


def test_the_last_regime_must_be_everybodys() -> None:
    with pytest.raises(ValueError, match="last regime"):
        Calibration(
            schema_digest="",
            regimes=(Regime(name="a", where=(("x", 1, 2),), tables={}),),
        )


@pytest.mark.parametrize("name", ["session", "flood"])
def test_golden_rows_have_their_margins(name: str) -> None:
    """Model, second and novelty; and a model that says otherwise is refused."""
    model = Model(MODELS / name, SCHEMAS[name])
    known = golden.read(MODELS / name)
    assert known is not None
    assert len(known.rows) > 30
    rows = known.array()

    assert model.margins(rows).tobytes() == known.expected("model.onnx").tobytes()
    second = model.second.runtime.margins(rows)
    assert second.tobytes() == known.expected("second.onnx").tobytes()
    with pytest.raises(ModelError, match="golden"):
        golden.require(known, "second.onnx", second + 1, "somebody")


@pytest.mark.parametrize("name", ["session", "flood"])
def test_novelty_is_the_sum_of_its_parts(name: str) -> None:
    known = golden.read(MODELS / name)
    assert known is not None
    found = novelty.Novelty(MODELS / name, known)
    rows = known.array()

    assert found.native.trees is not None
    for row, score in zip(rows, found.scores(rows).tolist(), strict=True):
        assert found.parts(row[None]).sum() == score


def test_a_rule_needs_no_second_and_an_opinion_does() -> None:
    said = Opinion(
        cause=Cause.FLOOD,
        probability_ppm=PPM,
        abstains=False,
        rule="model.flood",
        measured=1,
        limit=1,
    )
    fields = {name: getattr(said, name) for name in said.__struct_fields__}

    assert needs_second(said)
    assert not needs_second(Opinion(**{**fields, "rule": "gateway.half_open"}))
    assert not needs_second(Opinion(**{**fields, "cause": Cause.VOLATILITY}))
