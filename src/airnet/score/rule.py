"""Rule: one hard limit, and which rows break it.

A rule fires when its feature is above the limit and every condition holds. What a rule
says outranks the model, an abstention included. A missing feature (NaN) is neither
above a limit nor within a condition: nothing fires for what was not seen.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.domain.verdict import Cause
from airnet.domain.window import FEATURE_LIMIT


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One hard limit.

    `limit` is in `unit`; the feature's integer divided by `divisor` is compared.
    `needs` lists (feature, least, most) in the features' own units: all must hold.
    What `is_told` only is worth saying and alone too little to act upon (policy's
    `told`): it speaks where nothing else is broken and the model says how sure it is.
    """

    name: str
    cause: Cause
    unit: str
    feature: str
    limit: int
    divisor: int = 1
    needs: tuple[tuple[str, int, int], ...] = ()
    is_told: bool = False


ANY = FEATURE_LIMIT


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that fired, with the value it measured, in its unit."""

    rule: Rule
    measured: int


#: Rows that are looked at one by one; above it a column at a time costs less.
FEW = 8
#: Kinds of windows there may be; tests make rules of their own.
COMPILED_MAX = 64


class _Plain(NamedTuple):
    """A rule with places for names and bounds as float32 compares them."""

    rule: Rule
    column: int
    limit: float
    needs: tuple[tuple[int, float, float], ...]


#: By identity of rules and columns; it holds both, so that no other can have theirs.
_compiled: dict[
    tuple[int, int], tuple[tuple[Rule, ...], Mapping[str, int], list[_Plain]]
] = {}


def fired(
    rules: tuple[Rule, ...], columns: Mapping[str, int], rows: NDArray[np.float32]
) -> dict[int, Fired]:
    """Return the first rule that fires of each row of float32[k, 64], by row.

    `columns` says where each feature is.
    """
    plain = _plain(rules, columns)
    if len(rows) > FEW:
        return fired_of_many(plain, rows)
    out: dict[int, Fired] = {}
    for place, values in enumerate(rows.tolist()):
        for rule, column, limit, needs in plain:
            if values[column] > limit and all(
                least <= values[need] <= most for need, least, most in needs
            ):
                measured = int(values[column]) // rule.divisor
                out[place] = Fired(rule=rule, measured=measured)
                break
    return out


def fired_of_many(plain: list[_Plain], rows: NDArray[np.float32]) -> dict[int, Fired]:
    """Do the same a column at a time."""
    out: dict[int, Fired] = {}
    for rule, column, limit, needs in plain:
        holds = rows[:, column] > limit
        if not holds.any():
            continue
        for need, least, most in needs:
            values = rows[:, need]
            holds &= (values >= least) & (values <= most)
        for place in np.flatnonzero(holds).tolist():
            if place not in out:
                measured = int(rows[place, column]) // rule.divisor
                out[place] = Fired(rule=rule, measured=measured)
    return out


def _plain(rules: tuple[Rule, ...], columns: Mapping[str, int]) -> list[_Plain]:
    """Return rules as `fired` reads them, made once."""
    key = id(rules), id(columns)
    found = _compiled.get(key)
    if found is None:
        if len(_compiled) >= COMPILED_MAX:
            _compiled.clear()
        made = [
            _Plain(
                rule,
                columns[rule.feature],
                float(np.float32(rule.limit * rule.divisor)),
                tuple(
                    (columns[name], float(np.float32(least)), float(np.float32(most)))
                    for name, least, most in rule.needs
                ),
            )
            for rule in rules
        ]
        found = _compiled[key] = rules, columns, made
    return found[2]
