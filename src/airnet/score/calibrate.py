"""Calibrate: how usual the evidence of a window is among benign ones like it.

`calibration.json` beside the model: regimes told by features alone, and for each the
scores of benign windows that share nothing they look back at. The p-value of a score is
the share of those as high (split conformal, one table a group: Vovk's Mondrian sets).
Windows of one day resemble each other, so days are what is exchangeable: each counts as
much as any other, however many windows it has, and the new one as one more (Dunn,
Wasserman and Ramdas, 2023: hierarchical conformal). Nothing is rarer than one day in
all. Scores are whole steps of the models' grid; parts of days are whole millionths,
rounded up.
"""

import bisect
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from airnet.config import Closed
from airnet.domain.verdict import PPM, Cause
from airnet.domain.window import FeatureSchema
from airnet.errors import ModelError
from airnet.score import beside
from airnet.score.kept import Place

FILE = "calibration.json"
#: Steps of the grid that leaves lie on, in one unit of margin (ADR 0012).
GRID = 1 << 16
NOVELTY = "novelty"
#: The worst benign scores are kept one by one, the others ever further apart.
KEPT, RATIO = 256, 1.02
#: What a day's windows share out among them: enough that rounding up is no matter.
DAY = 10**12


class Table(Closed, frozen=True):
    """Benign scores, ascending, and how many millionths of a day are as high or higher.

    A day counts as one, whatever it has of the `windows`.
    """

    days: int
    windows: int
    scores: tuple[int, ...]
    above: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.above):
            raise ValueError("`scores` and `above` must be as many")

    def p_value_ppm(self, score: int) -> int:
        """Return the conformal p-value, never too small: of the kept score below."""
        place = bisect.bisect_right(self.scores, score) - 1
        as_high = self.above[place] if place >= 0 else self.days * PPM
        return min(PPM, -(-(as_high + PPM) // (self.days + 1)))


class Regime(Closed, frozen=True):
    """Benign windows of one sort: what holds of them, and their tables by cause.

    `where` lists (feature, least, most): all must hold; what is missing holds nothing.
    """

    name: str
    where: tuple[tuple[str, int, int], ...]
    tables: dict[str, Table]


class Calibration(Closed, frozen=True):
    """`calibration.json`, whole: the first regime that holds is a row's."""

    schema_digest: str
    regimes: tuple[Regime, ...]

    def __post_init__(self) -> None:
        if not self.regimes or self.regimes[-1].where:
            raise ValueError("the last regime must be everybody's")


def table_of(scores: NDArray[np.int64], days: NDArray[np.int64]) -> Table:
    """Return the Table of benign scores, thinned where they are many.

    `days` has the number of each one's day.
    """
    _, which, sizes = np.unique(days, return_inverse=True, return_counts=True)
    order = np.argsort(scores, kind="stable")[::-1]
    ordered, count = scores[order], len(scores)
    # Rounded up, so that a part of a day is never too small.
    parts = -(-DAY // sizes.astype(np.int64))[which[order]]
    total = np.concatenate([[0], np.cumsum(parts, dtype=np.int64)])
    ranks, rank = set(range(min(KEPT, count))), float(KEPT)
    while rank < count:
        ranks.add(int(rank))
        rank *= RATIO
    if count:
        ranks.add(count - 1)
    kept = np.unique(ordered[sorted(ranks)])
    as_many = count - np.searchsorted(np.sort(scores), kept, side="left")
    above = -(-total[as_many] // (DAY // PPM))
    return Table(
        days=len(sizes),
        windows=count,
        scores=tuple(kept.tolist()),
        above=tuple(np.minimum(above, len(sizes) * PPM).tolist()),
    )


def read(folder: Place, schema: FeatureSchema) -> Calibration | None:
    """Return the Calibration beside a model, None when it has none.

    Raises:
        ModelError: it is damaged, or of another schema.
    """
    path = folder / FILE
    found = beside.read(path, Calibration)
    if found is None:
        return None
    named = {name for regime in found.regimes for name, _, _ in regime.where}
    if found.schema_digest != schema.digest() or not named <= set(schema.names):
        raise ModelError(f"{path}: of another schema than {schema.name}", beside.REMEDY)
    return found


class Calibrated:
    """A Calibration made ready for rows."""

    def __init__(self, calibration: Calibration, columns: Mapping[str, int]) -> None:
        self._regimes = calibration.regimes
        self._columns = [
            [(columns[name], least, most) for name, least, most in regime.where]
            for regime in calibration.regimes
        ]

    def regime_of(self, row: list[float]) -> int:
        """Return the number of a row's regime. NaN holds nothing."""
        for number, where in enumerate(self._columns):
            if all(least <= row[column] <= most for column, least, most in where):
                return number
        raise AssertionError("the last regime is everybody's")

    def name(self, regime: int) -> str:
        """Return a regime's name."""
        return self._regimes[regime].name

    def p_value_ppm(self, regime: int, cause: Cause, score: int) -> int:
        """Return how usual a cause's evidence is in a regime; PPM where unknown."""
        table = self._regimes[regime].tables.get(cause.value)
        return PPM if table is None else table.p_value_ppm(score)

    def novelty_ppm(self, regime: int, score: int) -> int:
        """Return the share of benign windows of a regime that look less strange."""
        table = self._regimes[regime].tables.get(NOVELTY)
        return 0 if table is None else PPM - table.p_value_ppm(score)
