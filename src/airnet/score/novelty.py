"""Novelty: how strange a row is, whatever that may mean; it names no Cause.

An ONNX ensemble of one small tree a feature (airnet.train.strange): its score is a sum
of parts, each of one feature, in powers of ten of how rare that value is.
"""

import numpy as np
from numpy.typing import NDArray

from airnet.errors import ModelError
from airnet.score.card import REMEDY
from airnet.score.golden import Golden, require
from airnet.score.kept import Place
from airnet.score.native import Native, admit
from airnet.score.runtime import COLUMNS, Runtime

FILE = "novelty.onnx"


class Novelty:
    """The novelty score beside a model.

    Args:
        folder: where the model is.
        golden: rows it is compared on, and what it must say of them.

    Raises:
        ModelError: it cannot be read, or does not say what it said in training.
    """

    def __init__(self, folder: Place, golden: Golden) -> None:
        path = folder / FILE
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error}", REMEDY) from error
        self._runtime = Runtime(data, 1, str(path))
        rows = golden.array()
        require(golden, FILE, self._runtime.margins(rows), "onnxruntime")
        self.native: Native = admit(data, rows, self._runtime.margins)

    def scores(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32[k], 0 = like everybody, of filled rows."""
        if self.native.trees is None:
            return self._runtime.margins(rows)[:, 0]
        return self.native.trees.score(rows)[:, 0]

    def parts(self, row: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what each column of float32[1, 64] adds: they add up to its score.

        A tree asks one column only, so what it says does not hang on the others.
        """
        ensemble = self.native.ensemble
        assert ensemble is not None, "novelty is in the profile"
        out = np.zeros(COLUMNS)
        weights = ensemble.weights
        value = {
            (int(one["tree"]), int(one["node"])): float(one["value"]) for one in weights
        }
        nodes = {(int(one["tree"]), int(one["node"])): one for one in ensemble.nodes}
        for tree in np.unique(ensemble.nodes["tree"]).tolist():
            at, column = nodes[tree, 0], -1
            while not at["is_leaf"]:
                column = int(at["column"])
                is_yes = row[0, column] <= at["threshold"]
                at = nodes[tree, int(at["yes"] if is_yes else at["no"])]
            if column >= 0:
                out[column] += value[tree, int(at["node"])]
        return out
