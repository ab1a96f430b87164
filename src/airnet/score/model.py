"""Model: one ONNX file, its card, and what it says of rows."""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from airnet._ext.trees import Shapley
from airnet.domain.verdict import PPM
from airnet.domain.window import FeatureSchema
from airnet.errors import ModelError
from airnet.score import calibrate, golden as golden_rows, reference as distribution
from airnet.score.calibrate import Calibrated
from airnet.score.card import Card, read
from airnet.score.kept import Place
from airnet.score.native import REFERENCE, admit
from airnet.score.novelty import Novelty
from airnet.score.runtime import COLUMNS, Runtime
from airnet.score.second import Second

FILE = "model.onnx"


class Model:
    """A trained model. Its margins are sums of numbers on a grid: exact in any order.

    Args:
        folder: where model.onnx and card.toml lie, or what was read of it.
        schema: the columns this airnet makes.

    Raises:
        ModelError: missing, unreadable, altered, or for another schema.
    """

    def __init__(self, folder: Place, schema: FeatureSchema) -> None:
        self.card: Card
        self.card, model = read(folder, schema)
        self.identity = self.card.identity
        self.schema = schema
        self.digest = schema.digest()
        self.columns = {name: place for place, name in enumerate(schema.names)}
        self._runtime = Runtime(model, len(self.card.classes), str(folder / FILE))
        slack = self.card.temperature * math.log(len(self.card.classes) - 1)
        self.slack = np.float32(slack)
        missing = [
            self.columns[one.name] for one in schema.features if one.may_be_missing
        ]
        #: Columns in which something stands for NaN before the model sees them.
        self.filled = [] if self.card.missing is None else missing
        known = golden_rows.read(folder)
        trial = np.zeros((2, COLUMNS), np.float32)
        trial[1, : len(self.card.reference.row)] = self.card.reference.row
        if known is not None:
            trial = np.concatenate([trial, known.array()])
            said = self.reference(known.array())
            golden_rows.require(known, FILE, said, "onnxruntime")
        self.native = admit(model, trial, self.reference)
        #: How features and margin were distributed in training, if that was kept.
        self.distribution = distribution.read(folder, schema)
        #: What beside the margins a Verdict rests on, as far as it is there.
        found = calibrate.read(folder, schema)
        self.calibrated = None if found is None else Calibrated(found, self.columns)
        self.novelty = None if known is None else Novelty(folder, known)
        self.second = Second(folder, self.card, known)

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32[k, classes] of float32[k, 64] rows, contiguous.

        What is missing is what the card says that it was in training.
        """
        rows = self.fill(rows)
        if self.native.trees is None:
            return self.reference(rows)
        return self.native.trees.score(rows)

    def fill(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows as the model was trained on them."""
        missing = np.isnan(rows)
        if not self.filled or not missing.any():
            return rows
        rows = rows.copy()
        rows[missing] = np.float32(self.card.missing)
        return rows

    def reference(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return margins of filled rows by onnxruntime, which says what is right."""
        return self._runtime.margins(rows)

    def agrees(self, rows: NDArray[np.float32]) -> bool:
        """Compare margins with the reference's; once they differ, that one scores."""
        right = self.reference(self.fill(rows))
        if self.margins(rows).tobytes() == right.tobytes():
            return True
        why = f"the kernel {self.native.kernel} differed from onnxruntime while working"
        self.native = self.native._replace(trees=None, kernel=REFERENCE, why=why)
        return False

    @functools.cached_property
    def shapley(self) -> Shapley:
        """Return what explains its margins, against the card's cohort; made once.

        Raises:
            ModelError: the model is outside our profile.
        """
        if self.native.ensemble is None:
            raise ModelError(
                f"{self.card.identity} cannot be explained: {self.native.why}",
                "train a model of the profile in docs/adr/0012",
            )
        cohort = (self.card.reference.row, *self.card.reference.others)
        rows = np.zeros((len(cohort), COLUMNS), np.float32)
        rows[:, : len(self.columns)] = [row[: len(self.columns)] for row in cohort]
        return Shapley(*self.native.ensemble, rows)

    def is_plain(self, margins: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which rows are surely normal: at least half of the probability.

        P(normal) >= 1/2 follows when normal leads by temperature times log(classes
        - 1); the comparison needs no exponential, hence no rounding to agree on.
        """
        lead = margins[:, 0] - margins[:, 1:].max(axis=1)
        plain: NDArray[np.bool_] = lead >= self.slack
        return plain

    def probabilities_ppm(self, margins: NDArray[np.float32]) -> list[int]:
        """Return the softmax of one row's margins in parts per million."""
        scaled = [value / self.card.temperature for value in margins.tolist()]
        top = max(scaled)
        parts = [math.exp(value - top) for value in scaled]
        whole = 0.0
        for part in parts:  # in this order, each sum rounded, as ext/opinion.h does
            whole += part
        return [round(part / whole * PPM) for part in parts]
