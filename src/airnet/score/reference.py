"""Reference: how the features and the margin were distributed when a model was made.

`reference.json` beside the model: edges of at most ten bins a feature, and what share
of the training rows lay in each. The population stability index (PSI) compares shares:
the sum over bins of (p - q) ln(p / q), which is Jeffreys' divergence; below 0.1 is
taken for stable, above 0.25 for another population (Siddiqi, Credit Risk Scorecards,
2006).
"""

import itertools

import numpy as np
from numpy.typing import NDArray

from airnet._ext import rows as row_kernel
from airnet._ext.rows import BINS, EDGES
from airnet.config import Closed
from airnet.domain.window import FeatureSchema
from airnet.errors import ModelError
from airnet.score import beside
from airnet.score.kept import Place

#: Of a feature's bins: one more than edges, and the last for what is missing.
MISSING = BINS - 1
#: The file beside a model, and what the margin's bins are called in it.
FILE = "reference.json"
MARGIN = "margin"
#: Added to every count: an empty bin is no proof that nothing can be in it.
PRIOR = 0.5
MILLI = 1000

Counts = NDArray[np.int64]


class Bins(Closed, frozen=True):
    """Ascending edges (a value above an edge is beyond it), and rows in each bin."""

    edges: tuple[float, ...]
    rows: tuple[int, ...]

    def __post_init__(self) -> None:
        is_ascending = all(a < b for a, b in itertools.pairwise(self.edges))
        if not is_ascending or len(self.edges) > EDGES:
            raise ValueError(f"`edges` must ascend and be {EDGES} at most")
        if len(self.rows) != BINS or min(self.rows) < 0:
            raise ValueError(f"`rows` must be {BINS} counts")


class Reference(Closed, frozen=True):
    """`reference.json`, whole: of which schema, and the bins of each feature."""

    schema_digest: str
    features: dict[str, Bins]


def reference_of(
    rows: NDArray[np.float32], leads: NDArray[np.float64], schema: FeatureSchema
) -> Reference:
    """Return the Reference of training rows.

    Args:
        rows: float32[k, 64].
        leads: float64[k], by how much each row's best other margin is above normal's.
        schema: names the columns.
    """
    bins = {name: _bins(rows[:, place]) for place, name in enumerate(schema.names)}
    bins[MARGIN] = _bins(leads)
    return Reference(schema_digest=schema.digest(), features=bins)


def _bins(values: NDArray[np.floating]) -> Bins:
    """Return bins of about equal counts; of values that are mostly one, fewer."""
    seen = np.sort(values[~np.isnan(values)]).astype(np.float64)
    places = [len(seen) * tenth // (EDGES + 1) for tenth in range(1, EDGES + 1)]
    edges = np.unique(seen[places]) if len(seen) else np.zeros(0)
    if len(edges) and edges[-1] == seen[-1]:
        edges = edges[:-1]
    found = np.bincount(_places(values[:, None], [edges])[:, 0], minlength=BINS)
    return Bins(edges=tuple(edges.tolist()), rows=tuple(found.tolist()))


def _places(
    values: NDArray[np.floating], edges: list[NDArray[np.float64]]
) -> NDArray[np.int64]:
    """Return the bin of each value of float[k, columns]."""
    out = np.empty(values.shape, np.int64)
    for column, own in enumerate(edges):
        out[:, column] = np.searchsorted(own, values[:, column], side="left")
    out[np.isnan(values)] = MISSING
    return out


class Binned:
    """A Reference made ready: which bin a value is in, and how far shares are off."""

    def __init__(self, reference: Reference, schema: FeatureSchema) -> None:
        self.names = (*schema.names, MARGIN)
        bins = [reference.features[name] for name in self.names]
        # Behind the last edge is infinity, which no value lies above.
        self._table = np.full((len(bins), EDGES), np.inf)
        for row, one in zip(self._table, bins, strict=True):
            row[: len(one.edges)] = one.edges
        self.rows: Counts = np.array([one.rows for one in bins], np.int64)
        shares = (self.rows + PRIOR) / (self.rows + PRIOR).sum(axis=1, keepdims=True)
        #: The mean rank, 0 to 1, of a value in each bin: halfway into its share.
        self.ranks = np.cumsum(shares, axis=1) - shares / 2

    def places(
        self, rows: NDArray[np.float32], leads: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return the bin of each feature and of the margin: int64[k, features + 1]."""
        return row_kernel.places(self._table, rows, leads)


def psi(expected: Counts, found: Counts) -> NDArray[np.int64]:
    """Return the PSI of each row of counts int64[n, BINS], in thousandths."""
    p = (expected + PRIOR) / (expected + PRIOR).sum(axis=1, keepdims=True)
    q = (found + PRIOR) / (found + PRIOR).sum(axis=1, keepdims=True)
    index = ((p - q) * np.log(p / q)).sum(axis=1)
    out: Counts = np.rint(index * MILLI).astype(np.int64)
    return out


def read(folder: Place, schema: FeatureSchema) -> Reference | None:
    """Return the Reference beside a model, None when it has none.

    Raises:
        ModelError: it is damaged, or of another schema.
    """
    path = folder / FILE
    found = beside.read(path, Reference)
    if found is None:
        return None
    if found.schema_digest != schema.digest():
        raise ModelError(f"{path}: of another schema than {schema.name}", beside.REMEDY)
    if set(found.features) != {*schema.names, MARGIN}:
        raise ModelError(f"{path}: features are missing or unknown", beside.REMEDY)
    return found
