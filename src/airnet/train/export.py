"""Export: boosters as ONNX files in our canonical profile (ADR 0012).

One ai.onnx.ml TreeEnsembleRegressor (opset 15, ml 3; SUM, BRANCH_LEQ, post_transform
NONE), raw margins out. Features are integers, so a threshold is its floor; leaves lie
on a grid of 2^-16 and no sum of them can reach 2^24 steps, so that float32 sums are
exact in any order: the same bits for every batch size and runtime.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from airnet.extras import extra

if TYPE_CHECKING:
    import lightgbm

GRID = 1 << 16
EXACT = 1 << 24
COLUMNS = 64
#: Attributes of nodes, in the order in which Ensemble keeps them, and of leaves.
NODE = (
    "nodes_treeids",
    "nodes_nodeids",
    "nodes_featureids",
    "nodes_modes",
    "nodes_values",
    "nodes_truenodeids",
    "nodes_falsenodeids",
    "nodes_hitrates",
    "nodes_missing_value_tracks_true",
)
LEAF = ("target_ids", "target_nodeids", "target_treeids", "target_weights")


class Leaf(msgspec.Struct, frozen=True):
    """An end of a tree: what it adds, and how many rows of training came to it."""

    value: float
    cover: float = 0.0


class Branch(msgspec.Struct, frozen=True):
    """A question: is the column at most the threshold."""

    column: int
    threshold: float
    yes: "Branch | Leaf"
    no: "Branch | Leaf"
    cover: float = 0.0


Tree = Branch | Leaf


def trees_of(booster: "lightgbm.Booster") -> list[Tree]:
    """Return a booster's trees."""
    return [_tree(one["tree_structure"]) for one in booster.dump_model()["tree_info"]]


def _tree(node: Mapping[str, Any]) -> Tree:
    if "split_feature" not in node:
        value = round(float(node["leaf_value"]) * GRID) / GRID
        return Leaf(value, float(node.get("leaf_count", 0)))
    return Branch(
        int(node["split_feature"]),
        math.floor(node["threshold"]),
        _tree(node["left_child"]),
        _tree(node["right_child"]),
        float(node["internal_count"]),
    )


class Ensemble:
    """Trees as the arrays of the ONNX operator."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {name: [] for name in (*NODE, *LEAF)}
        self._trees = 0
        self._largest = 0.0

    def add(self, tree: Tree, target: int) -> None:
        """Append a tree that adds to one of the outputs."""
        self._largest += self._walk(tree, target, [0])
        self._trees += 1

    def _walk(self, tree: Tree, target: int, count: list[int]) -> float:
        """Append a node and what is below; return the largest leaf."""
        here = count[0]
        count[0] += 1
        out = self.attributes
        is_leaf = isinstance(tree, Leaf)
        node: tuple[object, ...] = (0, "LEAF", 0.0)
        if isinstance(tree, Branch):
            node = (tree.column, "BRANCH_LEQ", float(tree.threshold))
        row = (self._trees, here, *node, 0, 0, tree.cover, 0)
        for name, value in zip(NODE, row, strict=True):
            out[name].append(value)
        if isinstance(tree, Leaf):
            leaf = (target, here, self._trees, tree.value)
            for name, value in zip(LEAF, leaf, strict=True):
                out[name].append(value)
            return abs(tree.value)
        assert not is_leaf
        place = len(out["nodes_truenodeids"]) - 1
        out["nodes_truenodeids"][place] = count[0]
        largest = self._walk(tree.yes, target, count)
        out["nodes_falsenodeids"][place] = count[0]
        return max(largest, self._walk(tree.no, target, count))

    def onnx(self, outputs: int) -> bytes:
        """Return the ONNX file: the same arrays, the same bytes.

        Raises:
            ValueError: a sum of leaves might not be exact.
        """
        onnx = extra("onnx", "train")
        helper = onnx.helper
        if self._largest * GRID >= EXACT:
            raise ValueError("leaves are too large for exact sums")
        node = helper.make_node(
            "TreeEnsembleRegressor",
            ["features"],
            ["margins"],
            domain="ai.onnx.ml",
            n_targets=outputs,
            aggregate_function="SUM",
            post_transform="NONE",
            **self.attributes,
        )
        taken = helper.make_tensor_value_info(
            "features", onnx.TensorProto.FLOAT, ["n", COLUMNS]
        )
        given = helper.make_tensor_value_info(
            "margins", onnx.TensorProto.FLOAT, ["n", outputs]
        )
        graph = helper.make_graph([node], "airnet", [taken], [given])
        imports = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=8)
        model.producer_name = "airnet"
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))


def onnx_of(boosters: "list[lightgbm.Booster]") -> bytes:
    """Return the ONNX file of one booster a class."""
    ensemble = Ensemble()
    for target, booster in enumerate(boosters):
        for tree in trees_of(booster):
            ensemble.add(tree, target)
    return ensemble.onnx(len(boosters))
