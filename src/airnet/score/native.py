"""Native: a model's trees in our own kernel, once it has shown that it is the model.

onnxruntime stays the reference. A kernel is let in when it gives the same bits as
onnxruntime on rows made for finding a difference; while it works, one window in
SHADOW_EVERY is scored by both; and where it does not fit, or once differed, it is
onnxruntime that scores (ADR 0023).
"""

import hashlib
import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from airnet._ext.trees import COLUMNS, KERNELS, Trees
from airnet.score import graph

Rows = NDArray[np.float32]

#: What is used where no kernel of ours is.
REFERENCE = "onnxruntime"
#: One window in so many, by their count, is scored by onnxruntime as well: a thousandth
#: of the time, and a fault of one bit in a thousand rows is found in four million.
SHADOW_EVERY = 4096
#: Rows made at random for the trial, and the most made of thresholds.
RANDOM_ROWS = 512
THRESHOLD_ROWS = 4096
#: Neighbours of 0 and the ends of float32; then what it calls no number.
ODD_VALUES = np.array(
    [
        *(0.0, -0.0, 1e-45, -1e-45, 1e-38, -1, 1 << 24, 3.4e38, -3.4e38),
        *(np.inf, -np.inf, np.nan),
    ],
    np.float32,
)


class Native(NamedTuple):
    """A kernel that was let in, or why none was.

    `rows` is how many were compared; `ensemble` is what the file has, if it is ours.
    """

    trees: Trees | None
    kernel: str
    why: str
    rows: int
    ensemble: graph.Ensemble | None = None

    def describe(self) -> str:
        """Return the kernel's name, and why it is none of ours."""
        return f"{self.kernel}: {self.why}" if self.why else self.kernel


def kernel() -> str:
    """Return this processor's best kernel; AIRNET_SIMD=none asks for the portable."""
    return KERNELS[0] if os.environ.get("AIRNET_SIMD") == "none" else KERNELS[-1]


def admit(model: bytes, golden: Rows, reference: Callable[[Rows], Rows]) -> Native:
    """Return the kernel of the model in an ONNX file, if it equals the reference.

    Args:
        model: the file's bytes.
        golden: rows that must be among those compared.
        reference: gives the margins of rows, by onnxruntime.
    """
    try:
        ensemble = graph.read(model)
        trees = Trees(*ensemble, kernel())
    except (graph.Unfit, ValueError) as error:
        return Native(None, REFERENCE, str(error), 0)
    rows = trial_rows(ensemble, golden, hashlib.sha256(model).digest())
    if trees.score(rows).tobytes() != reference(rows).tobytes():
        why = f"the kernel {trees.kernel} differs from onnxruntime"
        return Native(None, REFERENCE, why, len(rows), ensemble)
    return Native(trees, trees.kernel, "", len(rows), ensemble)


def trial_rows(ensemble: graph.Ensemble, golden: Rows, seed: bytes) -> Rows:
    """Return rows that would show a difference: the same of the same seed.

    Golden rows; rows in which every column is one of its thresholds or the float next
    to it, each of them at least once; and rows of anything at all.
    """
    inner = ensemble.nodes[ensemble.nodes["is_leaf"] == 0]
    thresholds = [
        np.unique(inner["threshold"][inner["column"] == column])
        for column in range(COLUMNS)
    ]
    most = max(len(values) for values in thresholds)
    near = np.zeros((min(3 * most, THRESHOLD_ROWS), COLUMNS), np.float32)
    wild = np.zeros((RANDOM_ROWS, COLUMNS), np.float32)
    turn = np.arange(len(near))
    for column, values in enumerate(thresholds):
        if len(values):
            chosen = values[(turn // 3 + 13 * column) % len(values)]
            near[:, column] = _beside(chosen, (turn + column) % 3)
        wild[:, column] = _anything(values, seed + bytes([column]))
    return np.ascontiguousarray(np.concatenate([golden, near, wild]))


def _anything(thresholds: Rows, seed: bytes) -> Rows:
    """Return RANDOM_ROWS values of a column: odd ones, near thresholds, whole ones."""
    words = np.frombuffer(hashlib.shake_256(seed).digest(4 * RANDOM_ROWS), "<u4")
    kinds, words = words % 8, words // 8
    near = thresholds if len(thresholds) else np.zeros(1, np.float32)
    near = _beside(near[words // 3 % len(near)], words % 3)
    odd = ODD_VALUES[words % len(ODD_VALUES)]
    whole = (words % (1 << 24)).astype(np.float32)
    small = (words % 1000).astype(np.float32)
    part = (words % 65_536).astype(np.float32) / 256 - 128
    return np.choose(kinds, [odd, near, near, near, whole, whole, small, part])


def _beside(values: Rows, which: NDArray[np.integer]) -> Rows:
    """Return each value, the float below it, or the one above it."""
    below = np.nextafter(values, np.float32(-np.inf))
    above = np.nextafter(values, np.float32(np.inf))
    return np.choose(which, [values, below, above]).astype(np.float32)
