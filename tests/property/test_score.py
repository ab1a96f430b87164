"""Scores are the same bits however rows are batched."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from airnet import score
from airnet.domain.session import SESSION
from airnet.domain.window import FEATURE_LIMIT, WINDOW

MODELS = Path(__file__).resolve().parents[2] / "models"
SCORER = score.load(MODELS)
SESSIONS = np.zeros(4, SESSION)


@st.composite
def batches(draw: st.DrawFn) -> tuple[NDArray[np.void], NDArray[np.float32]]:
    """Windows of every kind with wild features, sources after their gateways."""
    rng = np.random.Generator(np.random.PCG64(draw(st.integers(0, 2**32))))
    count = draw(st.integers(1, 60))
    windows = np.zeros(count, WINDOW)
    windows["kind"] = rng.choice([1, 2, 3], count)
    windows["kind"][0] = rng.choice([1, 2])
    for place in range(1, count):
        if windows["kind"][place] == 3 and windows["kind"][place - 1] == 1:
            windows["kind"][place] = 2
    windows["subject"] = rng.integers(0, 4, count)
    size = 10.0 ** rng.uniform(0, 7.2, (count, 64)) * (rng.random((count, 64)) < 0.7)
    return windows, np.minimum(size, FEATURE_LIMIT).astype(np.int64).astype(np.float32)


def gateway_starts(windows: NDArray[np.void]) -> list[int]:
    """Return where a batch may end: not between a gateway and its sources."""
    return [place for place, kind in enumerate(windows["kind"]) if kind != 3]


@given(batches())
def test_margins_are_the_same_bits_in_any_batch(
    batch: tuple[NDArray[np.void], NDArray[np.float32]],
) -> None:
    """Row by row or all at once: exact sums have no order."""
    _, rows = batch
    for model in (SCORER.session_model, SCORER.flood_model):
        together = model.margins(rows)
        alone = np.concatenate(
            [model.margins(rows[i : i + 1]) for i in range(len(rows))]
        )

        assert together.tobytes() == alone.tobytes()
        assert not np.any(np.mod(together * 65_536, 1))


@given(batches())
def test_verdicts_do_not_depend_on_batches(
    batch: tuple[NDArray[np.void], NDArray[np.float32]],
) -> None:
    """The same Verdicts, in the same order, from one call or from many."""
    windows, rows = batch
    starts = [*gateway_starts(windows), len(windows)]

    together = SCORER.score(windows, rows, SESSIONS)

    alone = []
    for first, last in pairwise(starts):
        alone += SCORER.score(windows[first:last], rows[first:last], SESSIONS)
    assert together == alone
    assert [verdict.window_kind for verdict in together].count(3) == 0


@given(batches())
def test_plain_rows_are_at_least_half_normal(
    batch: tuple[NDArray[np.void], NDArray[np.float32]],
) -> None:
    """What is passed over without a softmax would have been normal by it."""
    _, rows = batch
    for model in (SCORER.session_model, SCORER.flood_model):
        margins = model.margins(rows)
        for place in np.flatnonzero(model.is_plain(margins)):
            chances = model.probabilities_ppm(margins[place])
            assert chances[0] >= 499_999
            assert chances[0] == max(chances)


def test_threads_do_not_change_a_bit() -> None:
    """A runtime with other settings gives the same margins."""
    rng = np.random.Generator(np.random.PCG64(5))
    rows = rng.integers(0, 40_000, (500, 64)).astype(np.float32)
    for name, model in (
        ("session", SCORER.session_model),
        ("flood", SCORER.flood_model),
    ):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        other = onnxruntime.InferenceSession(
            (MODELS / name / "model.onnx").read_bytes(),
            options,
            providers=["CPUExecutionProvider"],
        )

        (margins,) = other.run(None, {"features": rows})

        assert margins.tobytes() == model.margins(rows).tobytes()
