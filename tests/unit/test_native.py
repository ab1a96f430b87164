"""The native scorer: let in only as the model's equal, watched, and let go again."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import structlog
from numpy.typing import NDArray

from airnet._ext.trees import KERNELS, LIMIT, RULE, SHADOW, SUSPECT, Screen, Trees
from airnet.domain.columns import FLOOD_SCHEMA, SESSION_SCHEMA
from airnet.domain.session import SESSION
from airnet.domain.window import WINDOW
from airnet.score import OnnxScorer, graph
from airnet.score.model import Model
from airnet.score.native import REFERENCE, Native, admit, kernel, trial_rows
from tests.reference.trees import (
    FLOATS,
    INT,
    INTS,
    STRING,
    Branch,
    Tree,
    arrays,
    margins,
    onnx_bytes,
)

MODELS = Path(__file__).resolve().parents[2] / "models"
Rows = NDArray[np.float32]
STUMP: Tree = Branch(3, 10.0, -0.5, 0.25)
OTHER: Tree = Branch(5, 7.0, STUMP, 1.0)


def file_of(*trees: Tree, **extra: tuple[int, list[object]]) -> bytes:
    """Return an ONNX file of one class."""
    return onnx_bytes(*arrays([(0, tree) for tree in trees]), 1, extra=extra)


def load(*, is_native: bool, shadow_every: int = 4096) -> OnnxScorer:
    """Return the shipped models' scorer, by a kernel of ours or by onnxruntime."""
    models = (
        Model(MODELS / "session", SESSION_SCHEMA),
        Model(MODELS / "flood", FLOOD_SCHEMA),
    )
    for model in models:
        assert model.native.trees is not None
        if not is_native:
            model.native = Native(None, REFERENCE, "for comparison", 0)
    return OnnxScorer(*models, shadow_every)


def batch(seed: int, count: int) -> tuple[NDArray[np.void], Rows]:
    """Return windows of every kind, sources behind gateways, some of them calm."""
    rng = np.random.Generator(np.random.PCG64(seed))
    windows = np.zeros(count, WINDOW)
    windows["kind"] = rng.choice([1, 1, 2, 3], count)
    windows["kind"][0] = 2
    for place in range(1, count):
        if windows["kind"][place] == 3 and windows["kind"][place - 1] == 1:
            windows["kind"][place] = 2
    windows["known"] = rng.integers(0, 2, count)
    size = 10.0 ** rng.uniform(0, 5, (count, 64)) * (rng.random((count, 64)) < 0.6)
    return windows, np.floor(size).astype(np.float32)


def test_shipped_models_are_scored_natively() -> None:
    scorer = load(is_native=True)

    assert set(scorer.kernels().values()) == {kernel()}
    for model in (scorer.session_model, scorer.flood_model):
        assert model.native.rows > 600
        assert model.native.why == ""


def test_both_ways_say_the_same_of_any_windows() -> None:
    """Verdict for Verdict, byte for byte, and the same counts."""
    ours, theirs = load(is_native=True), load(is_native=False)
    assert theirs.kernels()["session"] == "onnxruntime: for comparison"
    sessions = np.zeros(4, SESSION)
    said = 0
    for seed in range(40):
        windows, rows = batch(seed, 1 + 7 * seed)
        found = ours.score(windows, rows, sessions)
        assert found == theirs.score(windows, rows, sessions)
        said += len(found)

    assert said > 100
    assert ours.counters() == theirs.counters()


def test_more_windows_than_there_is_room_for() -> None:
    windows, rows = batch(3, 9000)
    sessions = np.zeros(1, SESSION)

    found = load(is_native=True).score(windows, rows, sessions)

    assert found == load(is_native=False).score(windows, rows, sessions)


def test_simd_can_be_switched_off() -> None:
    """AIRNET_SIMD=none takes the portable kernel, for the same answers."""
    code = (
        "from pathlib import Path; from airnet import score;"
        f"print(score.load(Path({str(MODELS)!r})).kernels()['flood'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "AIRNET_SIMD": "none",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
    )

    assert done.stdout.split() == ["portable"]


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (b"", "0 graphs"),
        (b"not a model", "protobuf"),
        (file_of(STUMP, aggregate_function=(STRING, [b"MAX"])), "not SUM"),
        (file_of(STUMP, post_transform=(STRING, [b"SOFTMAX"])), "not NONE"),
        (file_of(STUMP, base_values=(FLOATS, [0.5])), "base_values"),
        (
            file_of(STUMP, nodes_missing_value_tracks_true=(INTS, [1, 0, 0])),
            "missing",
        ),
        (file_of(STUMP, nodes_values=(FLOATS, [1.0])), "has 1 values, not 3"),
        (file_of(STUMP, nodes_featureids=(INTS, [-1, 0, 0])), "below 0"),
        (file_of(STUMP, n_targets=(INT, [0])), "no number of classes"),
        (file_of(Branch(3, float("nan"), 1.0, 2.0)), "not a number"),
        (file_of(Branch(3, 1.0, float("inf"), 2.0)), "not a number"),
        (file_of(Branch(3, 1.0, 0.1, 1000.0)), "not be exact"),
        (file_of(*[1.0] * 9000), "too many"),
    ],
)
def test_what_does_not_fit_is_left_to_onnxruntime(model: bytes, why: str) -> None:
    """Each with its reason; nothing is scored by something that may differ."""
    found = admit(model, np.zeros((1, 64), np.float32), lambda rows: rows)

    assert found.trees is None
    assert found.kernel == REFERENCE
    assert why in found.why
    assert found.describe() == f"onnxruntime: {found.why}"


def test_large_trees_do_not_fit() -> None:
    """A leaf is a bit of 32: the 33rd has none."""
    tree: Tree = 1.0
    for _ in range(32):
        tree = Branch(0, 1.0, tree, 0.0)

    found = admit(file_of(tree), np.zeros((1, 64), np.float32), lambda rows: rows)

    assert "more than 32 leaves" in found.why


def test_a_kernel_that_differs_is_not_let_in() -> None:
    """Equality is looked at, bit for bit, before anything is scored."""
    golden = np.zeros((1, 64), np.float32)

    def wrong(rows: Rows) -> Rows:
        out = margins([(0, STUMP)], 1, rows)
        out[-1] = np.nextafter(out[-1], np.float32(np.inf))
        return out

    found = admit(file_of(STUMP), golden, wrong)
    right = admit(file_of(STUMP), golden, lambda rows: margins([(0, STUMP)], 1, rows))

    assert found.trees is None
    assert "differs from onnxruntime" in found.why
    assert right.trees is not None
    assert right.rows == found.rows


def test_trial_rows_meet_every_threshold_and_its_neighbours() -> None:
    ensemble = graph.read((MODELS / "session" / "model.onnx").read_bytes())
    golden = np.full((1, 64), 7, np.float32)

    rows = trial_rows(ensemble, golden, b"seed")

    assert rows.tobytes() == trial_rows(ensemble, golden, b"seed").tobytes()
    assert rows[:1].tobytes() == golden.tobytes()
    for node in ensemble.nodes[ensemble.nodes["is_leaf"] == 0]:
        seen = set(rows[:, node["column"]].tolist())
        for towards in (-np.inf, np.inf):
            assert float(np.nextafter(node["threshold"], np.float32(towards))) in seen
        assert float(node["threshold"]) in seen
    assert np.isnan(rows).any()
    assert np.isinf(rows).any()


def test_one_window_in_so_many_is_scored_by_both() -> None:
    """The choice hangs on their number alone, not on batches."""
    windows, rows = batch(1, 100)
    sessions = np.zeros(4, SESSION)
    whole, parts = (load(is_native=True, shadow_every=7) for _ in range(2))

    whole.score(windows, rows, sessions)
    for place in range(100):
        if windows["kind"][place] == 1:
            chosen = slice(place, place + 1)
            parts.score(windows[chosen], rows[chosen], sessions)

    assert whole.compared() == {"checked": 14, "mismatched": 0}
    alone = int(np.count_nonzero(windows["kind"] == 1))
    assert parts.compared() == {"checked": alone // 7, "mismatched": 0}


def test_a_kernel_that_differs_later_is_let_go() -> None:
    """Counted, said, and onnxruntime scores from that very batch on."""
    ours = load(is_native=True)
    model = ours.session_model
    ensemble = graph.read((MODELS / "session" / "model.onnx").read_bytes())
    ensemble.weights["value"][:] = ensemble.weights["value"][::-1]
    broken = Trees(*ensemble, KERNELS[0])
    model.native = Native(broken, KERNELS[0], "", 0)
    ours = OnnxScorer(model, ours.flood_model, 1)
    theirs = load(is_native=False)
    sessions = np.zeros(4, SESSION)

    with structlog.testing.capture_logs() as lines:
        for seed in (5, 6):
            windows, rows = batch(seed, 50)
            found = ours.score(windows, rows, sessions)
            assert found == theirs.score(windows, rows, sessions)

    assert ours.compared()["mismatched"] == 1
    assert "differed" in ours.kernels()["session"]
    assert ours.counters() == theirs.counters()
    assert [line["event"] for line in lines] == ["score.mismatch"]


def test_kernel_refuses_rows_of_another_shape() -> None:
    trees = Trees(*arrays([(0, STUMP), (1, OTHER)]), 2, KERNELS[0])
    for rows in (
        np.zeros((2, 63), np.float32),
        np.zeros((2, 64), np.float64),
        np.zeros(64, np.float32),
        np.zeros((4, 128), np.float32)[:, ::2],
    ):
        with pytest.raises(ValueError, match="float32"):
            trees.score(rows)
    with pytest.raises(ValueError, match="has no abacus"):
        Trees(*arrays([(0, STUMP)]), 1, "abacus")


def test_screen_refuses_what_does_not_fit_together() -> None:
    trees = Trees(*arrays([(0, STUMP), (1, OTHER)]), 2, KERNELS[0])
    single = Trees(*arrays([(0, STUMP)]), 1, KERNELS[0])
    rules = np.array([(1, SUSPECT, 0, 2)], RULE)
    limits = np.zeros(1, LIMIT)
    none = rules[:0]
    for arguments in (
        ((trees, trees), (0.0, 0.0), none, limits, 5),
        ((trees, trees, single), (0.0, 0.0, 0.0), none, limits, 5),
        ((trees, trees, trees), (0.0, 0.0, float("nan")), none, limits, 5),
        ((trees, trees, trees), (0.0, 0.0, 0.0), rules, limits, 5),
        ((trees, trees, trees), (0.0, 0.0, 0.0), none, limits, 0),
    ):
        with pytest.raises(ValueError, match=r"."):
            Screen(*arguments)
    good = Screen((trees, trees, trees), (0.0, 0.0, 0.0), none, limits, 2)
    rows, marks = np.zeros((2, 64), np.float32), np.zeros(2, np.uint8)
    windows = np.zeros(2, WINDOW)
    windows["kind"] = 1
    for wrong in ((windows[:1], rows, marks), (windows, rows, marks[:1])):
        with pytest.raises(ValueError, match="for each row"):
            good.look(*wrong)

    assert good.look(windows, rows, marks) == 1 + int(marks[0] != 0)
    assert marks[1] & SHADOW
    assert good.heard == 2
