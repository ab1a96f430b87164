"""LightGBM boosters as ONNX files in our canonical profile, and their cards.

One ai.onnx.ml TreeEnsembleRegressor (opset 15, ml 3; SUM, BRANCH_LEQ, post_transform
NONE), raw margins out. Features are integers, so a threshold is its floor; leaves lie
on a grid of 2^-16 and no sum of them can reach 2^24 steps, so that float32 sums are
exact in any order: the same bits for every batch size and runtime.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import lightgbm
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from airnet.domain.window import FeatureSchema

GRID = 1 << 16
EXACT = 1 << 24
COLUMNS = 64
#: Fixed so that the file is a function of data and seed (LightGBM Parameters.rst).
PARAMETERS = {
    "objective": "multiclass",
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "max_depth": 6,
    "num_leaves": 15,
    "learning_rate": 0.2,
    "min_data_in_leaf": 40,
    "lambda_l2": 1.0,
    "feature_fraction": 0.7,
    "verbosity": -1,
}

Node = dict[str, object]


def train(
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    setting: tuple[int, int, int],
) -> lightgbm.Booster:
    """Return a booster for (classes, rounds, seed); the same bytes every time."""
    classes, rounds, seed = setting
    data = lightgbm.Dataset(rows.astype(np.float64), labels, weight=weights)
    parameters = {**PARAMETERS, "num_class": classes, "seed": seed}
    return lightgbm.train(parameters, data, rounds)


def _walk(
    node: Node, tree: int, target: int, out: dict[str, list[float]], leaves: list[float]
) -> int:
    """Append a tree's nodes to the ONNX attribute lists; return the root's id."""
    nodes = out["nodes_treeids"]
    here = sum(1 for one in nodes if one == tree)
    nodes.append(tree)
    is_leaf = "leaf_value" in node and "split_feature" not in node
    out["nodes_nodeids"].append(here)
    out["nodes_featureids"].append(0 if is_leaf else node["split_feature"])
    out["nodes_values"].append(0.0 if is_leaf else float(np.floor(node["threshold"])))
    out["nodes_modes"].append("LEAF" if is_leaf else "BRANCH_LEQ")
    cover = node.get("leaf_count" if is_leaf else "internal_count", 0)
    out["nodes_hitrates"].append(float(cover))
    out["nodes_missing_value_tracks_true"].append(0)
    out["nodes_truenodeids"].append(0)
    out["nodes_falsenodeids"].append(0)
    if is_leaf:
        out["target_treeids"].append(tree)
        out["target_nodeids"].append(here)
        out["target_ids"].append(target)
        weight = round(float(node["leaf_value"]) * GRID) / GRID
        out["target_weights"].append(weight)
        leaves.append(abs(weight))
        return here
    place = len(out["nodes_truenodeids"]) - 1
    left = _walk(node["left_child"], tree, target, out, leaves)
    right = _walk(node["right_child"], tree, target, out, leaves)
    out["nodes_truenodeids"][place] = left
    out["nodes_falsenodeids"][place] = right
    return here


def onnx_bytes(booster: lightgbm.Booster, classes: int) -> bytes:
    """Return the booster as an ONNX file.

    The sums are exact: trees of one class times the largest leaf stay below 2^24
    steps of the grid, asserted here.
    """
    names = [
        "nodes_treeids",
        "nodes_nodeids",
        "nodes_featureids",
        "nodes_modes",
        "nodes_values",
        "nodes_truenodeids",
        "nodes_falsenodeids",
        "nodes_hitrates",
        "nodes_missing_value_tracks_true",
        "target_ids",
        "target_nodeids",
        "target_treeids",
        "target_weights",
    ]
    out: dict[str, list[float]] = {name: [] for name in names}
    largest = 0.0
    for tree, info in enumerate(booster.dump_model()["tree_info"]):
        leaves: list[float] = []
        _walk(info["tree_structure"], tree, tree % classes, out, leaves)
        largest += max(leaves)
    assert largest * GRID < EXACT, "leaves too large for exact sums"
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["margins"],
        domain="ai.onnx.ml",
        n_targets=classes,
        aggregate_function="SUM",
        post_transform="NONE",
        **out,
    )
    graph = helper.make_graph(
        [node],
        "airnet",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", COLUMNS])],
        [helper.make_tensor_value_info("margins", TensorProto.FLOAT, ["n", classes])],
    )
    imports = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    model.producer_name = "airnet"
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def temperature(margins: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the temperature of least log loss, to two decimals (Guo et al. 2017)."""
    best, chosen = np.inf, 1.0
    for hundredths in range(50, 301, 5):
        scaled = margins.astype(np.float64) * 100 / hundredths
        scaled -= scaled.max(axis=1, keepdims=True)
        log = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        loss = -float(log[np.arange(len(labels)), labels].mean())
        if loss < best - 1e-9:
            best, chosen = loss, hundredths / 100
    return chosen


def _toml(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return str(value)


def _wrapped(values: Sequence[int]) -> str:
    lines = [values[i : i + 10] for i in range(0, len(values), 10)]
    text = ",\n".join("  " + ", ".join(str(v) for v in line) for line in lines)
    return f"[\n{text},\n]"


def write(
    folder: Path,
    model: bytes,
    schema: FeatureSchema,
    card: Mapping[str, object],
    tables: Mapping[str, Mapping[str, object]],
) -> None:
    """Write model.onnx and card.toml; a run with the same seed writes the same."""
    lines = ["# Written by train.py beside it; `airnet models verify` reads it."]
    lines += [f"{name} = {_toml(value)}" for name, value in card.items()]
    lines += [f"sha256 = {_toml(hashlib.sha256(model).hexdigest())}"]
    lines += [f"schema = {_toml(schema.name)}", f"schema_version = {schema.version}"]
    lines += [f"schema_digest = {_toml(schema.digest())}"]
    for name, table in tables.items():
        lines += ["", f"[{name}]"]
        for key, value in table.items():
            is_row = key == "row" and isinstance(value, list)
            text = _wrapped(value) if is_row else _toml(value)
            lines.append(f"{key} = {text}")
    (folder / "model.onnx").write_bytes(model)
    (folder / "card.toml").write_text("\n".join(lines) + "\n")
