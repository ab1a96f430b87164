"""Calibration: p-values never too small, regimes by features, a second word."""

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


@given(st.lists(st.integers(-50, 50), max_size=60), st.integers(-60, 60))
def test_p_value_is_the_share_as_high(scores: list[int], score: int) -> None:
    """(1 + as high) / (1 + windows), rounded up; between two scores, of the lower."""
    table = table_of(np.array(scores, np.int64))
    lower = max((one for one in scores if one <= score), default=-100)
    as_high = sum(one >= lower for one in scores)

    exact = Fraction((1 + as_high) * PPM, 1 + len(scores))
    assert table.p_value_ppm(score) == min(
        PPM, -(-exact.numerator // exact.denominator)
    )


@given(st.integers(300, 5000), st.integers(0, 2**32 - 1))
def test_a_thinned_table_is_never_too_small(count: int, seed: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    scores = rng.integers(-(10**6), 10**6, count)
    whole = np.sort(scores)
    table = table_of(scores)

    assert len(table.scores) < calibrate.KEPT + 400
    for score in rng.integers(-(10**6), 10**6, 20).tolist():
        as_high = count - int(np.searchsorted(whole, score, side="left"))
        exact = -(-(1 + as_high) * PPM // (1 + count))
        most = (3 + 1.03 * as_high) * PPM / (1 + count) + 1
        assert exact <= table.p_value_ppm(score) <= most


def test_the_first_regime_that_holds_is_the_rows() -> None:
    empty = table_of(np.zeros(0, np.int64))
    known = table_of(np.arange(99))
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
