"""Fit: boosted trees for each class against the others, the same bytes every time.

One ensemble a class, so that each may have directions of its own: more identical orders
can never speak against a fault, and a market that moves never for one. Where a
direction is known, what holds beyond what was generated follows from it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.domain.verdict import Cause
from airnet.domain.window import FeatureSchema
from airnet.extras import extra

if TYPE_CHECKING:
    import lightgbm

#: Fixed so that the file is a function of data and seed (LightGBM Parameters.rst).
PARAMETERS: Mapping[str, Any] = {
    "objective": "binary",
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "lambda_l2": 1.0,
    "max_bin": 127,
    "verbosity": -1,
}
#: Columns that tell how an episode was made, not what happens in it.
IGNORED = {
    "session": ("window_us", "history_ms", "messages", "bytes_rate"),
    "flood": ("window_us", "history_ms", "streak_ms", "registered"),
}
#: By class, features that may only speak for it (+), or against it (-).
_WILD = ("relative_fast", "relative_1s", "relative_new", "relative_first")
_STUCK = ("repeat_run", "repeat_share", "identical_rate", "loop_share", "replace_run")
_REFUSED = ("duplicates", "retries", "resend_rate", "unfilled_run")
_MARKET = ("market_fast", "market_1s", "elevated_share", "symbol_market", "elevated_1s")
DIRECTIONS: dict[Cause, dict[str, int]] = {
    Cause.ALGO_FAULT: {
        **dict.fromkeys((*_WILD, *_STUCK, *_REFUSED, "relative_symbol"), 1),
        **dict.fromkeys(("ratio_fast", "ratio_1s", "streak_ms", "drift_share"), 1),
        # Fills speak for nobody: Knight's orders were all filled.
        **dict.fromkeys((*_MARKET, "others_rejected"), -1),
        "side_run": 1,
    },
    Cause.VOLATILITY: {
        **dict.fromkeys(_MARKET, 1),
        **dict.fromkeys((*_WILD, "repeat_run", "loop_share", "duplicates"), -1),
        **dict.fromkeys(("retries", "replace_run"), -1),
    },
    Cause.FLOOD: {
        **dict.fromkeys(
            ("packets", "rate", "rate_1s", "over_baseline", "half_open_rate"), 1
        ),
        **dict.fromkeys(("half_open", "stray_rate", "fragment_rate"), 1),
        **dict.fromkeys(("known_share", "known", "completed_rate"), -1),
    },
}


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How large an ensemble may be; `rounds` are trees of each class."""

    rounds: int
    leaves: int
    depth: int
    rate: float
    least: int = 80
    columns: float = 0.7


#: The hot path: 120 trees of 15 leaves at most, whatever the number of classes.
VERDICT = {
    3: Shape(rounds=40, leaves=15, depth=6, rate=0.15),
    2: Shape(rounds=60, leaves=15, depth=6, rate=0.12),
}
#: Asked before a containment that no hard rule calls for.
SECOND = {
    3: Shape(rounds=100, leaves=31, depth=10, rate=0.06, least=40, columns=0.5),
    2: Shape(rounds=120, leaves=31, depth=10, rate=0.05, least=40, columns=0.5),
}


def masked(rows: NDArray[np.float32], schema: FeatureSchema) -> NDArray[np.float64]:
    """Return the schema's columns as they are learned from."""
    names = schema.names
    out = rows[:, : len(names)].astype(np.float64)
    out[:, [names.index(name) for name in IGNORED[schema.name] if name in names]] = 0
    return out


def balance(labels: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return weights: normal is half of everything, the others share the rest.

    To be wrong about who is normal costs more than to be late.
    """
    found = np.bincount(labels, minlength=count)
    wanted = np.full(count, 0.5 / (count - 1))
    wanted[0] = 0.5
    weights: NDArray[np.float64] = (wanted * len(labels) / np.maximum(found, 1))[labels]
    return weights


def boosters(
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    about: tuple[FeatureSchema, tuple[Cause, ...]],
    shape: Shape,
    seed: int,
) -> "list[lightgbm.Booster]":
    """Return one ensemble a class.

    Args:
        rows: float32[n, 64].
        labels: the class of each.
        about: the columns, and the classes' causes; the first is normal.
        shape: how large.
        seed: of the choice of columns.
    """
    trainer = extra("lightgbm", "train")
    schema, causes = about
    values = masked(rows, schema)
    weights = balance(labels, len(causes))
    out = []
    for number, cause in enumerate(causes):
        parameters = {
            **PARAMETERS,
            "num_leaves": shape.leaves,
            "max_depth": shape.depth,
            "learning_rate": shape.rate,
            "min_data_in_leaf": shape.least,
            "feature_fraction": shape.columns,
            "seed": seed + number,
            "monotone_constraints": _directions(schema, cause),
        }
        own = (labels == number).astype(np.int64)
        data = trainer.Dataset(values, own, weight=weights, params=parameters)
        out.append(trainer.train(parameters, data, shape.rounds))
    return out


def _directions(schema: FeatureSchema, cause: Cause) -> list[int]:
    """Return each column's sign; normal's are those of the other classes, reversed."""
    known = DIRECTIONS.get(cause)
    if known is None:
        known = {} if schema.name == "session" else _against(DIRECTIONS[Cause.FLOOD])
    return [known.get(name, 0) for name in schema.names]


def _against(known: dict[str, int]) -> dict[str, int]:
    return {name: -sign for name, sign in known.items()}
