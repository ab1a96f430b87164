"""Rule: one hard limit, and which rows break it.

A rule fires when its feature is above the limit and every condition holds. What a rule
says outranks the model, an abstention included. A missing feature (NaN) is neither
above a limit nor within a condition: nothing fires for what was not seen.
"""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.domain.verdict import Cause
from airnet.domain.window import FEATURE_LIMIT


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One hard limit.

    `limit` is in `unit`; the feature's integer divided by `divisor` is compared.
    `needs` lists (feature, least, most) in the features' own units: all must hold.
    """

    name: str
    cause: Cause
    unit: str
    feature: str
    limit: int
    divisor: int = 1
    needs: tuple[tuple[str, int, int], ...] = ()


ANY = FEATURE_LIMIT


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that fired, with the value it measured, in its unit."""

    rule: Rule
    measured: int


def fired(
    rules: tuple[Rule, ...], columns: Mapping[str, int], rows: NDArray[np.float32]
) -> dict[int, Fired]:
    """Return the first rule that fires of each row of float32[k, 64], by row.

    `columns` says where each feature is.
    """
    out: dict[int, Fired] = {}
    for rule in rules:
        column = columns[rule.feature]
        holds = rows[:, column] > rule.limit * rule.divisor
        if not holds.any():
            continue
        for name, least, most in rule.needs:
            values = rows[:, columns[name]]
            holds &= (values >= least) & (values <= most)
        for place in np.flatnonzero(holds).tolist():
            if place not in out:
                measured = int(rows[place, column]) // rule.divisor
                out[place] = Fired(rule=rule, measured=measured)
    return out
