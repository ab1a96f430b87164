"""Screening: which windows are surely normal, told in one call for a whole batch.

What the kernel passes over would have given no Verdict: the model is plainly for
normal, and no hard rule fires. The rules are those of airnet.score.rules, turned into
bounds of columns.
"""

import numpy as np
from numpy.typing import NDArray

from airnet._ext.trees import EXCUSED, FACT, LIMIT, RULE, Screen
from airnet.domain.window import WINDOW_GATEWAY, WINDOW_SESSION, WINDOW_SOURCE
from airnet.score.model import Model
from airnet.score.native import SHADOW_EVERY
from airnet.score.rules import EXCUSES, RULES, Rule

KINDS = (WINDOW_SESSION, WINDOW_GATEWAY, WINDOW_SOURCE)


def screen(models: dict[int, Model], shadow_every: int = SHADOW_EVERY) -> Screen | None:
    """Return the Screen of models by window kind; None when one has no kernel."""
    trees = tuple(models[kind].native.trees for kind in KINDS)
    if None in trees:
        return None
    slacks = tuple(float(models[kind].slack) for kind in KINDS)
    return Screen(trees, slacks, *_bounds(models), shadow_every)


def _bounds(models: dict[int, Model]) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return RULE[n] and LIMIT[m] of every rule and excuse."""
    named = [(kind, FACT, rule) for kind in KINDS for rule in RULES[kind]]
    named += [(WINDOW_GATEWAY, EXCUSED, rule) for rule in EXCUSES]
    rules: list[tuple[int, int, int, int]] = []
    limits: list[tuple[int, np.float32, np.float32]] = []
    for kind, mark, rule in named:
        found = _limits(rule, models[kind])
        rules.append((kind, mark, len(limits), len(found)))
        limits += found
    return np.array(rules, RULE), np.array(limits, LIMIT)


def _limits(rule: Rule, model: Model) -> list[tuple[int, np.float32, np.float32]]:
    """Return column, least and most of everything that must hold."""
    above = np.nextafter(np.float32(rule.limit * rule.divisor), np.float32(np.inf))
    out = [(model.schema.index(rule.feature), above, np.float32(np.inf))]
    for name, least, most in rule.needs:
        out.append((model.schema.index(name), np.float32(least), np.float32(most)))
    return out
