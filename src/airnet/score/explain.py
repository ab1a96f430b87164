"""Explain: how far each feature moved a Verdict, against a named benign row.

One feature at a time is set to the reference and the model asked again: the share is
how far the margin of the Verdict's Cause over normal falls. Each share is exact for the
deployed model, but shares of features that act together do not add up to the whole.
Off the hot path.
"""

import numpy as np

from airnet.domain.verdict import PPM, Cause, Share, Verdict
from airnet.errors import ModelError
from airnet.score.model import COLUMNS
from airnet.score.onnx import RULES_ALONE, OnnxScorer

METHOD = "one feature at a time, set to the reference"


def shares(scorer: OnnxScorer, verdict: Verdict, count: int = 5) -> list[Share]:
    """Return the `count` largest shares of a Verdict, largest first.

    Where rules alone spoke, there is no margin to share: the list is empty.

    Raises:
        ModelError: another model gave this Verdict.
    """
    if verdict.model == RULES_ALONE:
        return []
    model = scorer.model_of(verdict.window_kind)
    if verdict.model != model.card.identity or verdict.schema != model.digest:
        raise ModelError(
            f"the verdict is by {verdict.model}, loaded is {model.card.identity}",
            "load the models folder named in the ledger's first entry",
        )
    columns = len(model.schema.features)
    reference = model.card.reference.row[:columns]
    rows = np.zeros((columns + 1, COLUMNS), np.float32)
    rows[:, :columns] = verdict.features
    for column, value in enumerate(reference):
        rows[column + 1, column] = value
    margins = model.margins(rows).astype(np.float64)
    classes = model.card.classes
    if verdict.cause in classes and verdict.cause is not Cause.NORMAL:
        cause = classes.index(verdict.cause)
    else:
        cause = 1 + int(margins[0, 1:].argmax())
    lead = margins[:, cause] - margins[:, 0]
    moved = np.rint((lead[0] - lead[1:]) * PPM).astype(np.int64).tolist()
    order = sorted(range(columns), key=lambda column: (-abs(moved[column]), column))
    return [
        Share(
            feature=model.schema.features[column].name,
            value=verdict.features[column],
            reference=reference[column],
            share=moved[column],
        )
        for column in order[:count]
        if moved[column]
    ]
