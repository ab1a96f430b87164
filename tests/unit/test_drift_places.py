"""Bins of few windows, by one comparison, are those of many, column by column."""

import numpy as np

from airnet.domain.columns import SESSION_SCHEMA
from airnet.pipeline import models_path
from airnet.score.reference import FEW, Binned, read


def test_few_rows_are_placed_as_many_are() -> None:
    """Values at and beside edges, infinite and missing ones fall into the same bins."""
    reference = read(models_path() / "session", SESSION_SCHEMA)
    assert reference is not None
    binned = Binned(reference, SESSION_SCHEMA)
    draw = np.random.default_rng(3)
    columns = len(SESSION_SCHEMA.names)
    rows = np.empty((4 * FEW, columns), np.float32)
    for column, name in enumerate(SESSION_SCHEMA.names):
        edges = (*reference.features[name].edges, -np.inf, np.inf, np.nan)
        rows[:, column] = draw.choice(edges, len(rows)) + draw.integers(
            -1, 2, len(rows)
        )
    leads = draw.normal(size=len(rows))

    many = binned.places(rows, leads)
    few = [
        binned.places(rows[at : at + 7], leads[at : at + 7])
        for at in range(0, len(rows), 7)
    ]

    assert np.array_equal(np.concatenate(few), many)
    assert len(np.unique(many)) > 8
