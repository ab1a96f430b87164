"""Screening: which windows are surely normal, told in one call for a whole batch.

What is passed over gives no Verdict: the model is plainly for normal, and no hard rule
fires. The rules are those of airnet.score.rules, turned into bounds of columns for the
kernel; `marks_of` is the same slowly, for where no kernel fits.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from airnet._ext.trees import EXCUSED, FACT, LIMIT, RULE, SUSPECT, Screen
from airnet.domain.columns import SCHEMAS
from airnet.domain.window import WINDOW_GATEWAY, WINDOW_SESSION, WINDOW_SOURCE
from airnet.score.model import Model
from airnet.score.native import SHADOW_EVERY
from airnet.score.opinion import READY, Voice
from airnet.score.rule import Rule, fired
from airnet.score.rules import COUNTED, EXCUSES, GATEWAY_RULES, RULES

#: Of which a model speaks.
KINDS = (WINDOW_SESSION, WINDOW_GATEWAY, WINDOW_SOURCE)
#: Of which rules alone do.
RULED = tuple(kind for kind in SCHEMAS if kind not in KINDS)
#: By window kind, the column of each feature.
COLUMNS = {
    kind: {name: place for place, name in enumerate(schema.names)}
    for kind, schema in SCHEMAS.items()
}


def voices_of(models: dict[int, Model]) -> dict[int, Voice]:
    """Return how each model speaks, by window kind: of sessions, once it is ready."""
    return {
        kind: Voice(model, READY if kind == WINDOW_SESSION else ())
        for kind, model in models.items()
    }


def screen(
    models: dict[int, Model],
    voices: dict[int, Voice],
    shadow_every: int = SHADOW_EVERY,
    more: Sequence[tuple[int, Rule]] = (),
) -> Screen | None:
    """Return the Screen of models by window kind; None when one has no kernel.

    `more` are rules, with their kinds, beside those of airnet.score.rules.
    """
    trees = tuple(models[kind].native.trees for kind in KINDS)
    if None in trees:
        return None
    slacks = tuple(float(models[kind].slack) for kind in KINDS)
    fills = tuple(
        (sum(1 << column for column in models[kind].filled), models[kind].card.missing)
        for kind in KINDS
    )
    spoken = tuple(voices[kind].native for kind in KINDS)
    return Screen(trees, slacks, *_bounds(more), shadow_every, fills, spoken)


def marks_of(kind: int, model: Model, rows: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the marks of rows of one kind, as Screen would write them."""
    marks = np.where(model.is_plain(model.margins(rows)), 0, SUSPECT).astype(np.uint8)
    if kind == WINDOW_GATEWAY:
        for place in fired(EXCUSES, model.columns, rows):
            marks[place] |= EXCUSED if marks[place] else 0
    for place in fired(RULES[kind], model.columns, rows):
        marks[place] |= FACT
    for place in fired(COUNTED.get(kind, ()), model.columns, rows):
        marks[place] |= FACT
    marks[marks == SUSPECT | EXCUSED] = 0
    return marks


def ruled_marks(kind: int, rows: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the marks of rows of a kind that no model speaks of, likewise."""
    marks = np.zeros(len(rows), np.uint8)
    marks[list(fired(RULES[kind], COLUMNS[kind], rows))] = FACT
    return marks


def gateway_bounds() -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return RULE[n] and LIMIT[m] of the hard rules of gateways that are acted upon."""
    named = [(WINDOW_GATEWAY, FACT, rule) for rule in GATEWAY_RULES]
    return _arrays(named)


def _bounds(
    more: Sequence[tuple[int, Rule]],
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return RULE[n] and LIMIT[m] of every rule and excuse."""
    named = [(kind, FACT, rule) for kind in RULES for rule in RULES[kind]]
    named += [(kind, FACT, rule) for kind in COUNTED for rule in COUNTED[kind]]
    named += [(kind, FACT, rule) for kind, rule in more]
    named += [(WINDOW_GATEWAY, EXCUSED, rule) for rule in EXCUSES]
    return _arrays(named)


def _arrays(
    named: list[tuple[int, int, Rule]],
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return RULE[n] and LIMIT[m] of rules, with their kinds and marks."""
    rules: list[tuple[int, int, int, int]] = []
    limits: list[tuple[int, np.float32, np.float32]] = []
    for kind, mark, rule in named:
        found = _limits(rule, COLUMNS[kind])
        rules.append((kind, mark, len(limits), len(found)))
        limits += found
    return np.array(rules, RULE), np.array(limits, LIMIT)


def _limits(
    rule: Rule, columns: dict[str, int]
) -> list[tuple[int, np.float32, np.float32]]:
    """Return column, least and most of everything that must hold."""
    above = np.nextafter(np.float32(rule.limit * rule.divisor), np.float32(np.inf))
    out = [(columns[rule.feature], above, np.float32(np.inf))]
    for name, least, most in rule.needs:
        out.append((columns[name], np.float32(least), np.float32(most)))
    return out
