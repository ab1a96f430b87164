"""Paths: in what range of each feature a model says exactly the same of a row.

In every tree a row takes one way from the root to a leaf. What all those ways ask of
one feature together is an interval; while every feature stays in its own, each tree
ends in the same leaf, and the margins are the same bits.
"""

import math

import numpy as np
from numpy.typing import NDArray

from airnet.domain.explanation import Bound
from airnet.domain.window import FEATURE_LIMIT, FeatureSchema

Range = tuple[float, float]


def ranges(nodes: NDArray[np.void], row: NDArray[np.float32]) -> dict[int, Range]:
    """Return, by column, what the row's ways ask of it: above the first, to the second.

    `nodes` is NODE[n] of an ensemble of our profile; a column that no way asks about
    is not there. A missing value takes the no side, as in ONNX (NaN compares false),
    and asks nothing: no number would stand for it.
    """
    found: dict[int, Range] = {}
    starts, lookup = _places(nodes)
    for at in starts:
        place = at
        while not nodes["is_leaf"][place]:
            column = int(nodes["column"][place])
            threshold = float(nodes["threshold"][place])
            is_yes = bool(row[column] <= nodes["threshold"][place])
            if not math.isnan(row[column]):
                low, high = found.get(column, (-math.inf, math.inf))
                if is_yes:
                    high = min(high, threshold)
                else:
                    low = max(low, threshold)
                found[column] = (low, high)
            step = "yes" if is_yes else "no"
            tree = int(nodes["tree"][place])
            place = lookup[tree, int(nodes[step][place])]
    return found


def bounds(
    nodes: NDArray[np.void],
    row: NDArray[np.float32],
    schema: FeatureSchema,
    columns: list[int],
) -> tuple[Bound, ...]:
    """Return the ranges of these columns as whole numbers, in this order."""
    found = ranges(nodes, row)
    told = []
    for column in columns:
        if column not in found:
            continue
        low, high = found[column]
        # Features are whole and not negative: above 3.5 is at least 4.
        least = math.floor(low) + 1 if low >= 0 else None
        most = math.floor(high) if high < FEATURE_LIMIT else None
        told.append(
            Bound(
                feature=schema.features[column].name,
                value=int(row[column]),
                least=least,
                most=most,
            )
        )
    return tuple(told)


def _places(nodes: NDArray[np.void]) -> tuple[list[int], dict[tuple[int, int], int]]:
    """Return where each tree's root is, and where each node of a tree is."""
    lookup = {
        (int(tree), int(node)): place
        for place, (tree, node) in enumerate(
            zip(nodes["tree"].tolist(), nodes["node"].tolist(), strict=True)
        )
    }
    inner = nodes[nodes["is_leaf"] == 0]
    below = {
        (int(one["tree"]), int(one[step])) for one in inner for step in ("yes", "no")
    }
    return [place for key, place in lookup.items() if key not in below], lookup
