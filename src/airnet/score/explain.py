"""Explain: what each feature added to a Verdict, against a named benign cohort.

Exact interventional Shapley values of the deployed model's own arrays: how far the
margin of the Verdict's Cause over normal is from the cohort's, divided among the
features so that the parts add up (ext/shapley.h). Off the hot path.
"""

import numpy as np
from numpy.typing import NDArray

from airnet.domain.verdict import PPM, Cause, Share, Verdict
from airnet.errors import ModelError
from airnet.score.model import COLUMNS, Model
from airnet.score.onnx import RULES_ALONE, OnnxScorer

METHOD = "exact Shapley values against the reference"


def shares(scorer: OnnxScorer, verdict: Verdict, count: int = 5) -> list[Share]:
    """Return the `count` largest shares of a Verdict, largest first.

    All of them add up to the margin of its Cause over normal less that of the cohort,
    but for the rounding of each to a millionth. Where rules alone spoke, there is no
    margin to share: the list is empty.

    Raises:
        ModelError: another model gave this Verdict, or one outside our profile.
    """
    if verdict.model == RULES_ALONE:
        return []
    model = scorer.model_of(verdict.window_kind)
    if verdict.model != model.card.identity or verdict.schema != model.digest:
        raise ModelError(
            f"the verdict is by {verdict.model}, loaded is {model.card.identity}",
            "load the models folder named in the ledger's first entry",
        )
    columns = len(model.columns)
    row = np.zeros((1, COLUMNS), np.float32)
    row[0, :columns] = [
        np.nan if value is None else value for value in verdict.features
    ]
    row = model.fill(row)
    coefficients = np.zeros(len(model.card.classes))
    coefficients[_spoken_of(model, verdict, row)] = 1
    coefficients[0] = -1
    values = model.shapley.explain(row, coefficients)
    moved = np.rint(values * PPM).astype(np.int64).tolist()[:columns]
    order = sorted(range(columns), key=lambda column: (-abs(moved[column]), column))
    return [
        Share(
            feature=model.schema.features[column].name,
            value=verdict.features[column],
            reference=model.card.reference.row[column],
            share=moved[column],
        )
        for column in order[:count]
        if moved[column]
    ]


def _spoken_of(model: Model, verdict: Verdict, row: NDArray[np.float32]) -> int:
    """Return the class of the Verdict's Cause; the likeliest but normal if it has none.

    An abstention has none, nor has the cause of a rule that no model knows.
    """
    if verdict.cause in model.card.classes and verdict.cause is not Cause.NORMAL:
        return model.card.classes.index(verdict.cause)
    return 1 + int(model.margins(row)[0, 1:].argmax())
