"""Tree ensembles, slow and obvious: walked as ONNX defines, written as an ONNX file.

Reference of ext/trees.pyx and of airnet.score.graph. Source: onnx/docs/Operators-ml.md,
TreeEnsembleRegressor; onnx/onnx.proto; protobuf's encoding guide.
"""

import itertools
import math
import struct
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from airnet._ext.trees import COLUMNS, NODE, WEIGHT

FLOAT, INT, STRING, FLOATS, INTS, STRINGS = 1, 2, 3, 6, 7, 8


class Branch:
    """Where a row's column is at most the threshold, `yes`; else, or NaN, `no`."""

    def __init__(self, column: int, threshold: float, yes: "Tree", no: "Tree") -> None:
        self.column, self.threshold = column, np.float32(threshold)
        self.yes, self.no = yes, no


#: A leaf is its weight.
Tree = Branch | float


def leaf_of(tree: Tree, row: NDArray[np.float32]) -> float:
    """Return the weight of the leaf in which a row ends."""
    while isinstance(tree, Branch):
        tree = tree.yes if row[tree.column] <= tree.threshold else tree.no
    return tree


def margins(
    trees: list[tuple[int, Tree]], classes: int, rows: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the margins of rows by (class, tree): exact sums, rounded once."""
    out = np.zeros((len(rows), classes), np.float32)
    for place, row in enumerate(rows):
        sums = [Fraction(0)] * classes
        for target, tree in trees:
            sums[target] += Fraction(float(leaf_of(tree, row)))
        out[place] = [float(one) for one in sums]
    return out


def shapley(
    trees: list[tuple[int, Tree]],
    coefficients: list[float],
    row: NDArray[np.float32],
    references: NDArray[np.float32],
) -> list[Fraction]:
    """Return the Shapley values by columns: over every coalition, by the definition.

    The players are the columns that some branch asks about; the others have 0.
    """
    players = sorted({column for _, tree in trees for column in asked(tree)})
    worth: dict[frozenset[int], Fraction] = {}
    for size in range(len(players) + 1):
        for coalition in itertools.combinations(players, size):
            mixed = references.copy()
            mixed[:, list(coalition)] = row[list(coalition)]
            total = Fraction(0)
            for (target, tree), one in itertools.product(trees, mixed):
                total += Fraction(coefficients[target]) * Fraction(leaf_of(tree, one))
            worth[frozenset(coalition)] = total / len(references)
    out = [Fraction(0)] * COLUMNS
    count = len(players)
    for player in players:
        for coalition, value in worth.items():
            if player in coalition:
                continue
            before = len(coalition)
            ways = math.factorial(before) * math.factorial(count - before - 1)
            gain = worth[coalition | {player}] - value
            out[player] += Fraction(ways, math.factorial(count)) * gain
    return out


def asked(tree: Tree) -> set[int]:
    """Return the columns that a tree's branches ask about."""
    if not isinstance(tree, Branch):
        return set()
    return {tree.column} | asked(tree.yes) | asked(tree.no)


def arrays(
    trees: list[tuple[int, Tree]],
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return NODE[n] and WEIGHT[m], each tree's nodes before those below them."""
    nodes: list[list[float]] = []
    weights: list[tuple[int, int, int, float]] = []
    for number, (target, root) in enumerate(trees):
        first = len(nodes)
        waiting = [(root, -1, "")]
        while waiting:
            tree, parent, side = waiting.pop()
            here = len(nodes) - first
            if side:
                nodes[parent][3 if side == "yes" else 4] = here
            if isinstance(tree, Branch):
                threshold = float(tree.threshold)
                nodes.append([number, here, tree.column, 0, 0, 0, threshold])
                place = first + here
                waiting += [(tree.no, place, "no"), (tree.yes, place, "yes")]
            else:
                nodes.append([number, here, 0, 0, 0, 1, 0.0])
                weights.append((number, here, target, tree))
    return (
        np.array([tuple(node) for node in nodes], NODE),
        np.array(weights, WEIGHT),
    )


def varint(value: int) -> bytes:
    """Return a number as protobuf has it; one below 0 as 64 bits."""
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: bytes | int) -> bytes:
    """Return one field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def attribute(name: str, kind: int, values: list[object], *, packed: bool) -> bytes:
    """Return an AttributeProto, its numbers packed or one by one."""
    body = b""
    if kind == FLOATS:
        raw = [struct.pack("<f", value) for value in values]
        body = b"".join(b"\x3d" + one for one in raw)
        body = field(7, b"".join(raw)) if packed else body
    elif kind == INTS:
        body = b"".join(field(8, value) for value in values)
        body = field(8, b"".join(varint(one) for one in values)) if packed else body
    elif kind == STRINGS:
        body = b"".join(field(9, value) for value in values)
    else:
        body = field(3 if kind == INT else 4, values[0])
    return field(1, name.encode()) + body + field(20, kind)


def tensor(name: str, columns: int) -> bytes:
    """Return a ValueInfoProto of float[n, columns]."""
    shape = field(1, field(2, b"n")) + field(1, field(1, columns))
    return field(1, name.encode()) + field(2, field(1, field(1, 1) + field(2, shape)))


def onnx_bytes(
    nodes: NDArray[np.void],
    weights: NDArray[np.void],
    classes: int,
    *,
    packed: bool = False,
    extra: dict[str, tuple[int, list[object]]] | None = None,
) -> bytes:
    """Return an ONNX file of the ensemble; `extra` adds or replaces attributes."""
    modes = [b"LEAF" if one else b"BRANCH_LEQ" for one in nodes["is_leaf"]]
    given: dict[str, tuple[int, list[object]]] = {
        "aggregate_function": (STRING, [b"SUM"]),
        "n_targets": (INT, [classes]),
        "nodes_falsenodeids": (INTS, nodes["no"].tolist()),
        "nodes_featureids": (INTS, nodes["column"].tolist()),
        "nodes_missing_value_tracks_true": (INTS, [0] * len(nodes)),
        "nodes_modes": (STRINGS, modes),
        "nodes_nodeids": (INTS, nodes["node"].tolist()),
        "nodes_treeids": (INTS, nodes["tree"].tolist()),
        "nodes_truenodeids": (INTS, nodes["yes"].tolist()),
        "nodes_values": (FLOATS, nodes["threshold"].tolist()),
        "post_transform": (STRING, [b"NONE"]),
        "target_ids": (INTS, weights["target"].tolist()),
        "target_nodeids": (INTS, weights["node"].tolist()),
        "target_treeids": (INTS, weights["tree"].tolist()),
        "target_weights": (FLOATS, weights["value"].tolist()),
    }
    given |= extra or {}
    node = field(1, b"features") + field(2, b"margins")
    node += field(4, b"TreeEnsembleRegressor")
    for name, (kind, values) in given.items():
        node += field(5, attribute(name, kind, values, packed=packed))
    node += field(7, b"ai.onnx.ml")
    graph = field(1, node) + field(2, b"airnet")
    graph += field(11, tensor("features", COLUMNS))
    graph += field(12, tensor("margins", classes))
    opsets = field(8, field(1, b"") + field(2, 15))
    opsets += field(8, field(1, b"ai.onnx.ml") + field(2, 3))
    return field(1, 8) + field(7, graph) + opsets
