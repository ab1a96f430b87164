"""Graph: the tree ensemble in an ONNX file, read without the onnx package.

Only what our profile has is understood (ADR 0012): one TreeEnsembleRegressor with
BRANCH_LEQ, summing, raw margins out. The bytes are foreign: whatever they are, the
answer is an Ensemble or an Unfit that says why not. Sources: onnx/onnx.proto for the
fields, docs/Operators-ml.md for the operator, protobuf's encoding guide for the wire.
"""

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from airnet._ext.trees import COLUMNS, NODE, WEIGHT

#: Protobuf's wire types.
VARINT, LENGTH = 0, 2
#: Bytes of a value by wire type; LENGTH says its own.
SIZES = {1: 8, LENGTH: 0, 5: 4}
EARLY = "the file ends early, or is not protobuf"
#: Field numbers: ModelProto.graph; GraphProto.node, .initializer, .input, .output;
#: NodeProto.input, .output, .op_type, .attribute, .domain.
GRAPH = 7
NODES, INITIALIZERS, INPUTS, OUTPUTS = 1, 5, 11, 12
NODE_INPUT, NODE_OUTPUT, NODE_TYPE, NODE_ATTRIBUTES, NODE_DOMAIN = 1, 2, 4, 5, 7
#: AttributeProto.name, .i, .s, .floats, .ints, .strings; .doc_string and .type.
NAME, INT, STRING, FLOATS, INTS, STRINGS = 1, 3, 4, 7, 8, 9
IGNORED = frozenset({13, 20})
#: ValueInfoProto.name: which tensor is meant.
VALUE_NAME = 1

#: Attributes of one number a node, and of one a leaf.
BY_NODE = {
    "nodes_treeids": "tree",
    "nodes_nodeids": "node",
    "nodes_featureids": "column",
    "nodes_truenodeids": "yes",
    "nodes_falsenodeids": "no",
    "nodes_values": "threshold",
}
BY_LEAF = {
    "target_treeids": "tree",
    "target_nodeids": "node",
    "target_ids": "target",
    "target_weights": "value",
}
#: Attributes that may be left out or have the one value we know.
FIXED = {"aggregate_function": b"SUM", "post_transform": b"NONE"}
KNOWN = {*BY_NODE, *BY_LEAF, *FIXED}
KNOWN |= {"n_targets", "nodes_modes", "nodes_hitrates"}
KNOWN |= {"nodes_missing_value_tracks_true"}

#: Thousands of values lie one behind the other, each with its key (5, 0 and 2 of the
#: wire types, 7, 8 and 9 of the numbers above): taken together, ten times as fast.
RUN = re.compile(
    rb"(?P<floats>(?:=.{4})+)"
    rb"|(?P<integers>(?:@[\x80-\xff]{0,9}[\x00-\x7f])+)"
    rb"|(?P<modes>(?:J(?:\x04LEAF|\x0aBRANCH_LEQ))+)",
    re.DOTALL,
)
FLOAT = np.dtype([("key", "u1"), ("value", "<f4")])
INTEGER = re.compile(rb"@([\x80-\xff]{0,9}[\x00-\x7f])")
MODE = re.compile(rb"J.(LEAF|BRANCH_LEQ)", re.DOTALL)

Values = list[Any]


class Unfit(Exception):
    """The file is no ensemble of our profile; the text says why."""


class Ensemble(NamedTuple):
    """The arrays of a TreeEnsembleRegressor: NODE[n], WEIGHT[m]."""

    nodes: NDArray[np.void]
    weights: NDArray[np.void]
    classes: int


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at `at`, of 64 bits at most, and where it ends."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Unfit(EARLY)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), at
        shift += 7


def field(data: bytes, at: int) -> tuple[int, int, int | bytes, int]:
    """Return number, wire type and value of the field at `at`, and where it ends.

    Raises:
        Unfit: there is none.
    """
    key, at = _varint(data, at)
    number, wire = key >> 3, key & 7
    if wire == VARINT:
        value, at = _varint(data, at)
        return number, wire, value, at
    if wire not in SIZES:
        raise Unfit(f"protobuf wire type {wire}")
    size = SIZES[wire]
    if wire == LENGTH:
        size, at = _varint(data, at)
    if at + size > len(data):
        raise Unfit(EARLY)
    return number, wire, data[at : at + size], at + size


def _parts(data: bytes, number: int) -> list[bytes]:
    """Return the fields of this number that hold bytes."""
    at, out = 0, []
    while at < len(data):
        found, wire, value, at = field(data, at)
        if found == number and wire == LENGTH and isinstance(value, bytes):
            out.append(value)
    return out


def _one(data: bytes, number: int, what: str) -> bytes:
    parts = _parts(data, number)
    if len(parts) != 1:
        raise Unfit(f"{len(parts)} {what}, not one")
    return parts[0]


def _of_run(run: re.Match[bytes]) -> Values:
    """Return the values of a RUN."""
    if run.lastgroup == "floats":
        return [*np.frombuffer(run[0], FLOAT)["value"].tolist()]
    if run.lastgroup == "modes":
        return list(MODE.findall(run[0]))
    pieces = INTEGER.findall(run[0])
    values = {piece: _varint(piece, 0)[0] for piece in set(pieces)}
    return [values[piece] for piece in pieces]


def _of_field(number: int, wire: int, value: int | bytes) -> Values:
    """Return the values in one field of an attribute; none of what is no value."""
    if number in {STRING, STRINGS} and wire == LENGTH:
        return [value]
    if number in {INT, INTS} and isinstance(value, int):
        return [value]
    if number == FLOATS and isinstance(value, bytes) and len(value) % 4 == 0:
        return [*np.frombuffer(value, "<f4").tolist()]
    if number == INTS and isinstance(value, bytes):
        at, out = 0, Values()
        while at < len(value):
            packed, at = _varint(value, at)
            out.append(packed)
        return out
    if number not in IGNORED:
        raise Unfit(f"an attribute has field {number}")
    return []


def _values(attribute: bytes) -> tuple[str, Values]:
    """Return an attribute's name and everything it holds, packed or not."""
    at, name, out = 0, b"", Values()
    while at < len(attribute):
        run = RUN.match(attribute, at)
        if run is not None:
            out += _of_run(run)
            at = run.end()
            continue
        number, wire, value, at = field(attribute, at)
        if number == NAME and isinstance(value, bytes):
            name = value
        else:
            out += _of_field(number, wire, value)
    return name.decode("ascii", "replace"), out


def _columns(
    found: dict[str, Values], names: dict[str, str], rows: NDArray[np.void]
) -> None:
    """Fill structured rows from attributes of as many numbers."""
    for name, column in names.items():
        values = found[name]
        if len(values) != len(rows):
            raise Unfit(f"{name} has {len(values)} values, not {len(rows)}")
        is_float = rows.dtype[column].kind == "f"
        wanted = float if is_float else int
        if not all(isinstance(value, wanted) for value in values):
            raise Unfit(f"{name} holds something else than numbers")
        if not is_float and max(values, default=0) >= 2**32:
            raise Unfit(f"{name} holds a number below 0, or too large")
        rows[column] = values


def _check_whole(graph: bytes, node: bytes) -> None:
    """Raise Unfit unless the node's output is the graph's, and its input the rows."""
    if _parts(node, NODE_TYPE) != [b"TreeEnsembleRegressor"]:
        raise Unfit("the node is no TreeEnsembleRegressor")
    if _parts(node, NODE_DOMAIN) != [b"ai.onnx.ml"]:
        raise Unfit("the node is not of ai.onnx.ml")
    if _parts(graph, INITIALIZERS):
        raise Unfit("the graph has constants")
    given = _one(_one(graph, INPUTS, "inputs"), VALUE_NAME, "names of the input")
    made = _one(_one(graph, OUTPUTS, "outputs"), VALUE_NAME, "names of the output")
    if _parts(node, NODE_INPUT) != [given] or _parts(node, NODE_OUTPUT) != [made]:
        raise Unfit("the node does not lead from the input to the output")


def read(model: bytes) -> Ensemble:
    """Return the ensemble in the bytes of an ONNX file.

    Its trees are checked by who scores them (`airnet._ext.trees`), not here.

    Raises:
        Unfit: the file is damaged, or holds something else.
    """
    graph = _one(model, GRAPH, "graphs")
    node = _one(graph, NODES, "nodes in the graph")
    _check_whole(graph, node)
    found: dict[str, Values] = {}
    for attribute in _parts(node, NODE_ATTRIBUTES):
        name, values = _values(attribute)
        if name not in KNOWN or name in found:
            raise Unfit(f"attribute {name!r} is unknown, or there twice")
        found[name] = values
    missing = sorted({*BY_NODE, *BY_LEAF, "nodes_modes", "n_targets"} - found.keys())
    if missing:
        raise Unfit(f"{missing[0]} is missing")
    for name, value in FIXED.items():
        if found.get(name, [value]) != [value]:
            raise Unfit(f"{name} is not {value.decode()}")
    if any(found.get("nodes_missing_value_tracks_true", ())):
        raise Unfit("values that are missing take the branch of those that are not")
    modes = np.array(found["nodes_modes"], object)
    leaves = modes == b"LEAF"
    if not np.all(leaves | (modes == b"BRANCH_LEQ")):
        raise Unfit("a node is neither BRANCH_LEQ nor LEAF")
    nodes = np.zeros(len(modes), NODE)
    weights = np.zeros(len(found["target_ids"]), WEIGHT)
    _columns(found, BY_NODE, nodes)
    _columns(found, BY_LEAF, weights)
    nodes["is_leaf"] = leaves
    (classes,) = found["n_targets"] if len(found["n_targets"]) == 1 else (0,)
    if not isinstance(classes, int) or not 0 < classes < COLUMNS:
        raise Unfit("n_targets is no number of classes")
    return Ensemble(nodes, weights, classes)
