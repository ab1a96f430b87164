"""Counterfactual: the smallest change with which the same would not have been said.

A margin of trees is constant between two neighbouring thresholds of a feature, and a
hard rule between two limits. Trying the whole numbers beside each of them is therefore
exact: what is found is the nearest value on its side, and where nothing is found, no
value of that feature (or of those two) suffices. Off the hot path.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from airnet.domain.explanation import Change, Counterfactual
from airnet.domain.verdict import PPM, Cause
from airnet.domain.window import FEATURE_LIMIT, FeatureSchema
from airnet.score.model import Model
from airnet.score.opinion import LEAD_PPM
from airnet.score.rule import Rule, fired

Rows = NDArray[np.float32]

#: Where no feature alone suffices, pairs of so many are tried: the most telling ones.
PAIRED = 10
#: Circumstances, not behaviour: nobody could have behaved otherwise in them.
CIRCUMSTANCES = frozenset(
    {"window_us", "history_ms", "messages", "active_sessions", "known", "registered"}
)


class Question(NamedTuple):
    """What was said of a row, by whom, and whom to ask again.

    `row` is as the model is given it; `rules` may say the same `cause`, too. `spoken`
    is the model's class of that cause, and `margins` answers for the model; it is None
    where a rule spoken of outranks the model, and `model`, too, where there is none.
    """

    model: Model | None
    row: Rows
    cause: Cause
    spoken: int
    schema: FeatureSchema
    rules: tuple[Rule, ...]
    margins: Callable[[Rows], Rows] | None


class Found(NamedTuple):
    """Values of columns with which it is not said, and how far away they are."""

    distance: float
    columns: tuple[int, ...]
    values: tuple[float, ...]


def says(question: Question, rows: Rows) -> NDArray[np.bool_]:
    """Return of which rows the same is said: by the model, or by a rule.

    The model says it when its class is the likeliest, and surely: not an abstention.
    """
    said = np.zeros(len(rows), np.bool_)
    if question.model is not None and question.margins is not None:
        margins = question.margins(rows) / question.model.card.temperature
        parts = np.exp(margins - margins.max(axis=1, keepdims=True))
        chances = np.rint(parts / parts.sum(axis=1, keepdims=True) * PPM)
        own = chances[:, question.spoken].copy()
        chances[:, question.spoken] = -1
        said = own - chances.max(axis=1) >= LEAD_PPM
    for place, fact in fired(question.rules, _columns(question), rows).items():
        said[place] |= fact.rule.cause is question.cause
    return said


def find(question: Question, order: list[int]) -> Counterfactual:
    """Return the smallest change of one column, else of two, with which it is not said.

    `order` lists columns, the most telling first: pairs are made of those. Whatever
    is returned has been tried.
    """
    names = question.schema.names
    usable = [column for column in order if not np.isnan(question.row[0, column])]
    values = {column: candidates(question, column) for column in usable}
    singles: list[tuple[int, ...]] = [(column,) for column in usable]
    best = _nearest(question, singles, values)
    if best is None:
        acted = [one for one in usable if names[one] not in CIRCUMSTANCES][:PAIRED]
        best = _nearest(question, [*itertools.combinations(acted, 2)], values)
    if best is None:
        return Counterfactual()
    cause, chance = _instead(question, best)
    return Counterfactual(
        changes=tuple(
            Change(
                feature=names[column],
                value=int(question.row[0, column]),
                bound=int(value),
                is_most=bool(value < question.row[0, column]),
            )
            for column, value in zip(best.columns, best.values, strict=True)
        ),
        cause=cause,
        probability_ppm=chance,
    )


def _instead(question: Question, found: Found) -> tuple[Cause, int]:
    """Return what the model holds likeliest after a change, and how likely."""
    if question.model is None:
        return Cause.NORMAL, PPM
    changed = question.row.copy()
    changed[0, list(found.columns)] = found.values
    chances = question.model.probabilities_ppm(question.model.margins(changed)[0])
    top = chances.index(max(chances))
    return question.model.card.classes[top], chances[top]


def _columns(question: Question) -> dict[str, int]:
    return {name: place for place, name in enumerate(question.schema.names)}


def candidates(question: Question, column: int) -> Rows:
    """Return the whole numbers beside every threshold and limit of a column, sorted."""
    edges = [np.zeros(0)]
    if question.model is not None and question.margins is not None:
        ensemble = question.model.native.ensemble
        assert ensemble is not None
        nodes = ensemble.nodes
        mine = (nodes["is_leaf"] == 0) & (nodes["column"] == column)
        edges.append(np.floor(nodes["threshold"][mine].astype(np.float64)))
    columns = _columns(question)
    for rule in question.rules:
        if columns[rule.feature] == column:
            edges.append(np.array([rule.limit * rule.divisor], np.float64))
        for name, least, most in rule.needs:
            if columns[name] == column:
                edges.append(np.array([least - 1, most], np.float64))
    sides = np.unique(np.concatenate(edges))
    whole = np.unique(np.concatenate([sides, sides + 1]))
    whole = whole[(whole >= 0) & (whole <= FEATURE_LIMIT)]
    out: Rows = whole[whole != question.row[0, column]].astype(np.float32)
    return out


def _nearest(
    question: Question, groups: list[tuple[int, ...]], values: dict[int, Rows]
) -> Found | None:
    """Return the nearest change of any of these groups of columns, or None."""
    best: tuple[tuple[bool, bool, float, tuple[int, ...]], Found] | None = None
    for columns in groups:
        found = _of_group(question, columns, values)
        if found is None:
            continue
        rank = (*_oddness(question, found), found.distance, columns)
        if best is None or rank < best[0]:
            best = (rank, found)
    return best[1] if best else None


def _of_group(
    question: Question, columns: tuple[int, ...], values: dict[int, Rows]
) -> Found | None:
    """Return the nearest change of these columns together with which it is not said."""
    grids = np.meshgrid(*(values[column] for column in columns), indexing="ij")
    points = np.stack([grid.ravel() for grid in grids], axis=1)
    if not len(points):
        return None
    rows = np.repeat(question.row, len(points), axis=0)
    rows[:, list(columns)] = points
    free = ~says(question, np.ascontiguousarray(rows))
    if not free.any():
        return None
    far = np.zeros(len(points))
    for place, column in enumerate(columns):
        far += _crossed(question.row[0, column], points[:, place], values[column])
    chosen = int(np.where(free, far, np.inf).argmin())
    return Found(float(far[chosen]), columns, tuple(points[chosen].tolist()))


def _crossed(value: np.float32, points: Rows, column: Rows) -> NDArray[np.float64]:
    """Return how many of a column's values lie from `value` to each point, 0 to 1."""
    own = float(np.searchsorted(column, value))
    places = np.searchsorted(column, points) + np.where(points < value, 0, 1)
    far: NDArray[np.float64] = np.abs(places - own) / len(column)
    return far


def _oddness(question: Question, found: Found) -> tuple[bool, bool]:
    """Return whether a change is of circumstances, and whether it leads away from calm.

    Who reads it asks what should have been otherwise: behaviour, and less of it.
    """
    names = question.schema.names
    is_odd = any(names[column] in CIRCUMSTANCES for column in found.columns)
    if question.model is None:
        return is_odd, False
    calm = question.model.card.reference.row
    leads_away = any(
        (value - question.row[0, column]) * (calm[column] - question.row[0, column]) < 0
        for column, value in zip(found.columns, found.values, strict=True)
    )
    return is_odd, leads_away
