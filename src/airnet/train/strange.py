"""Strange: a score of how unusual a row is, whatever that may mean.

Of every feature the two-sided tail of what benign windows have (as ECOD does: Li and
others, arXiv:2201.00382), binned, as one small tree; their sum. It explains itself: a
tree's part is that feature's. Unlike a verdict it needs no example of trouble.
"""

import numpy as np
from numpy.typing import NDArray

from airnet.domain.window import FeatureSchema
from airnet.train.export import GRID, Branch, Ensemble, Leaf, Tree
from airnet.train.fit import IGNORED

#: Shares of benign windows at which a feature's bins end.
CUTS = (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.25, 0.5)
#: What one feature can add, in powers of ten: a tail of 1 in 8000. Of 64 features the
#: sum stays below 2^24 steps of the grid.
MOST = 3.9


def onnx_of(rows: NDArray[np.float32], schema: FeatureSchema) -> bytes:
    """Return the ONNX file of the score, of benign rows as a model is given them."""
    ensemble = Ensemble()
    for column, name in enumerate(schema.names):
        if name not in IGNORED[schema.name]:
            ensemble.add(tree_of(rows[:, column], column), 0)
    return ensemble.onnx(1)


def tree_of(values: NDArray[np.float32], column: int) -> Tree:
    """Return the tree of one feature."""
    ordered = np.sort(values.astype(np.float64))
    count = len(ordered)
    cuts = [*CUTS, *(1 - cut for cut in CUTS[-2::-1])]
    edges = np.unique([ordered[min(int(cut * count), count - 1)] for cut in cuts])
    ends = np.searchsorted(ordered, edges, side="right")
    below = np.concatenate([[0], ends])  # rows at most the bin's lower edge
    above = count - below
    until = np.concatenate([ends, [count]])
    leaves = []
    for place in range(len(edges) + 1):
        left = (until[place] + 1) / (count + 1)
        right = (above[place] + 1) / (count + 1)
        tail = min(1.0, 2 * min(left, right))
        part = min(-np.log10(tail), MOST)
        cover = float(until[place] - below[place])
        leaves.append(Leaf(round(part * GRID) / GRID, cover))
    return _balanced(edges, leaves, column)


def _balanced(edges: NDArray[np.float64], leaves: list[Leaf], column: int) -> Tree:
    """Return a search tree over the bins."""
    if len(leaves) == 1:
        return leaves[0]
    middle = len(edges) // 2
    return Branch(
        column,
        float(edges[middle]),
        _balanced(edges[:middle], leaves[: middle + 1], column),
        _balanced(edges[middle + 1 :], leaves[middle + 1 :], column),
        sum(leaf.cover for leaf in leaves),
    )
