"""Trees give the bits that onnxruntime gives, by every kernel, or are refused."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from airnet._ext.trees import KERNELS, LEAVES, Shapley, Trees
from airnet.score import graph
from airnet.score.native import trial_rows
from tests.reference.trees import (
    Branch,
    Tree,
    arrays,
    margins,
    onnx_bytes,
    shapley,
)

MODELS = Path(__file__).resolve().parents[2] / "models"
Rows = NDArray[np.float32]
#: What rows and thresholds are drawn from: ties, neighbours, edges of float32.
EDGES = np.array(
    [
        *(0.0, -0.0, 1, -1, 5, 1e-45, -1e-45, 1e-38, 1 << 24, 3.4e38, -3.4e38),
        *(np.inf, -np.inf),
    ],
    np.float32,
)
NEAR = np.concatenate(
    [
        EDGES,
        np.nextafter(EDGES, np.float32(np.inf)),
        np.nextafter(EDGES, np.float32(-np.inf)),
    ]
)


def grown(
    rng: np.random.Generator, leaves: int, shape: str, grid: int, columns: int = 64
) -> Tree:
    """Return a tree: a chain to one side, halved, or as it comes."""
    if leaves == 1:
        return float(rng.integers(-4000, 4001)) / grid
    left = {"left": leaves - 1, "right": 1, "halves": leaves // 2}.get(
        shape, int(rng.integers(1, leaves))
    )
    return Branch(
        int(rng.integers(0, columns)),
        float(rng.choice(NEAR)),
        grown(rng, left, shape, grid, columns),
        grown(rng, leaves - left, shape, grid, columns),
    )


@st.composite
def ensembles(draw: st.DrawFn) -> tuple[list[tuple[int, Tree]], int, Rows]:
    """Trees of every shape, single leaves among them, and rows to meet them."""
    rng = np.random.Generator(np.random.PCG64(draw(st.integers(0, 2**32))))
    classes = draw(st.integers(1, 7))
    count = draw(st.integers(1, 40))
    most = draw(st.sampled_from([1, 2, 3, 15, 16, LEAVES]))
    grid = 2 ** draw(st.integers(0, 10))
    shape = draw(st.sampled_from(["left", "right", "halves", "random"]))
    trees = [
        (
            int(rng.integers(0, classes)),
            grown(rng, int(rng.integers(1, most + 1)), shape, grid),
        )
        for _ in range(count)
    ]
    pool = np.append(NEAR, np.float32(np.nan))
    rows = rng.choice(pool, (draw(st.integers(0, 9)), 64)).astype(np.float32)
    return trees, classes, rows


def session_of(model: bytes) -> onnxruntime.InferenceSession:
    """Return onnxruntime's reading of a model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model, options, providers=["CPUExecutionProvider"]
    )


def by_onnxruntime(session: onnxruntime.InferenceSession, rows: Rows) -> Rows:
    """Return the margins that onnxruntime gives."""
    (out,) = session.run(None, {"features": rows})
    return np.asarray(out)


@given(ensembles())
def test_every_kernel_gives_the_reference(
    drawn: tuple[list[tuple[int, Tree]], int, Rows],
) -> None:
    """The same bits as a walk by the definition, summed exactly."""
    trees, classes, rows = drawn
    nodes, weights = arrays(trees)
    wanted = margins(trees, classes, rows)

    for kernel in KERNELS:
        made = Trees(nodes, weights, classes, kernel)
        assert made.score(rows).tobytes() == wanted.tobytes(), kernel
        assert made.count == len(trees)


@settings(max_examples=60)
@given(ensembles(), st.booleans())
def test_the_file_is_read_as_onnxruntime_reads_it(
    drawn: tuple[list[tuple[int, Tree]], int, Rows],
    packed: bool,
) -> None:
    """What was written is read back, and scored as onnxruntime scores it."""
    trees, classes, rows = drawn
    nodes, weights = arrays(trees)
    model = onnx_bytes(nodes, weights, classes, packed=packed)

    ensemble = graph.read(model)

    assert ensemble.nodes.tobytes() == nodes.tobytes()
    assert ensemble.weights.tobytes() == weights.tobytes()
    assert ensemble.classes == classes
    session = session_of(model)
    if len(rows):
        wanted = by_onnxruntime(session, rows)
        for kernel in KERNELS:
            made = Trees(*ensemble, kernel)
            assert made.score(rows).tobytes() == wanted.tobytes(), kernel


@pytest.mark.parametrize("name", ["session", "flood"])
def test_shipped_models_on_a_hundred_thousand_rows(name: str) -> None:
    """Random rows, thresholds and their neighbours, NaN, infinities, denormals."""
    model = (MODELS / name / "model.onnx").read_bytes()
    ensemble = graph.read(model)
    rng = np.random.Generator(np.random.PCG64(11))
    inner = ensemble.nodes[ensemble.nodes["is_leaf"] == 0]
    rows = rng.integers(0, 40_000, (100_000, 64)).astype(np.float32)
    for column in range(64):
        pool = np.concatenate([inner["threshold"][inner["column"] == column], EDGES])
        around = rng.choice(pool, len(rows))
        above = np.nextafter(around, np.float32(np.inf))
        below = np.nextafter(around, np.float32(-np.inf))
        kind = rng.integers(0, 8, len(rows))
        choices = [around, above, below, np.full(len(rows), np.nan, np.float32)]
        for number, values in enumerate(choices):
            rows[:, column] = np.where(kind == number, values, rows[:, column])
    rows = np.concatenate([trial_rows(ensemble, rows[:1], b"another seed"), rows])

    wanted = by_onnxruntime(session_of(model), rows)

    for kernel in KERNELS:
        assert Trees(*ensemble, kernel).score(rows).tobytes() == wanted.tobytes()


@given(st.data())
def test_damaged_files_are_refused_or_read(data: st.DataObject) -> None:
    """Whatever the bytes are: an ensemble, or a reason; never another exception."""
    trees: list[tuple[int, Tree]] = [(0, Branch(3, 1.0, 0.5, Branch(4, 2.0, 1.0, 2.0)))]
    nodes, weights = arrays(trees)
    good = onnx_bytes(nodes, weights, 1, packed=data.draw(st.booleans()))
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(bad) - 1))
        if data.draw(st.booleans()):
            bad[place] = data.draw(st.integers(0, 255))
        else:
            del bad[place : place + data.draw(st.integers(1, 20))]

    try:
        ensemble = graph.read(bytes(bad))
        Trees(*ensemble, KERNELS[0]).score(np.zeros((2, 64), np.float32))
    except (graph.Unfit, ValueError):
        pass


@given(st.data())
def test_damaged_arrays_are_refused_or_scored(data: st.DataObject) -> None:
    """Nodes that point anywhere never lead out of the ensemble."""
    rng = np.random.Generator(np.random.PCG64(data.draw(st.integers(0, 2**32))))
    trees = [(int(rng.integers(0, 2)), grown(rng, 7, "random", 4)) for _ in range(3)]
    nodes, weights = arrays(trees)
    for _ in range(data.draw(st.integers(1, 3))):
        rows, dtype = data.draw(st.sampled_from([(nodes, "nodes"), (weights, "w")]))
        name = data.draw(st.sampled_from(rows.dtype.names))
        assert dtype
        value = data.draw(st.sampled_from([0, 1, 2, 3, 7, 63, 64, 255, 2**31 - 1]))
        rows[name][data.draw(st.integers(0, len(rows) - 1))] = value
    row = np.full((1, 64), 2, np.float32)

    scores = []
    for kernel in KERNELS:
        try:
            scores.append(Trees(nodes, weights, 2, kernel).score(row).tobytes())
        except ValueError as error:
            scores.append(str(error).encode())
    assert len(set(scores)) == 1


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from(["left", "halves", "random"]))
def test_shapley_values_are_those_of_the_definition(seed: int, shape: str) -> None:
    """Over every coalition of the columns asked about, against several references."""
    rng = np.random.Generator(np.random.PCG64(seed))
    classes = int(rng.integers(1, 4))
    trees = [
        (
            int(rng.integers(0, classes)),
            grown(rng, int(rng.integers(1, 12)), shape, 64, columns=6),
        )
        for _ in range(int(rng.integers(1, 5)))
    ]
    pool = np.append(NEAR, np.float32(np.nan))
    rows = rng.choice(pool, (1 + int(rng.integers(1, 6)), 64)).astype(np.float32)
    coefficients = rng.integers(-2, 3, classes).astype(np.float64)
    wanted = shapley(trees, coefficients.tolist(), rows[0], rows[1:])

    found = Shapley(*arrays(trees), classes, rows[1:]).explain(rows[:1], coefficients)

    assert np.abs(found - np.array([float(one) for one in wanted])).max() < 1e-9


@pytest.mark.parametrize("name", ["session", "flood"])
def test_shapley_values_add_up_to_onnxruntime_s_margin(name: str) -> None:
    """The margin of the row less the mean of the references', for each class."""
    model = (MODELS / name / "model.onnx").read_bytes()
    ensemble = graph.read(model)
    session = session_of(model)
    rows = trial_rows(ensemble, np.zeros((0, 64), np.float32), b"shapley")
    cohort, rows = rows[:16], rows[-200:]
    explainer = Shapley(*ensemble, cohort)
    usual = by_onnxruntime(session, cohort).astype(np.float64).mean(axis=0)
    margins_of = by_onnxruntime(session, rows).astype(np.float64)
    for place, margin in enumerate(margins_of):
        for target, wanted in enumerate(margin - usual):
            only = np.zeros(ensemble.classes)
            only[target] = 1
            values = explainer.explain(rows[place : place + 1], only)
            assert abs(values.sum() - wanted) < 1e-9
