"""Explanations, held against the models that ship: every word of them is tried."""

import functools

import msgspec
import numpy as np
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from airnet.domain.columns import SCHEMAS
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.domain.window import (
    FEATURE_LIMIT,
    WINDOW_GATEWAY,
    WINDOW_SESSION,
    WINDOW_VENUE,
)
from airnet.score import OnnxScorer, load
from airnet.score.counterfactual import Question, candidates, find, says
from airnet.score.explain import explain
from airnet.score.model import COLUMNS
from airnet.score.onnx import RULES_ALONE
from airnet.score.paths import ranges
from airnet.score.rules import RULES
from airnet.shipped import models_path

SEEDS = st.integers(0, 2**32)
KINDS = st.sampled_from([WINDOW_SESSION, WINDOW_GATEWAY])


@functools.cache
def scorer() -> OnnxScorer:
    return load(models_path())


def drawn(kind: int, seed: int) -> NDArray[np.float32]:
    """Return a row in which features are near thresholds of the model, or wild."""
    rng = np.random.Generator(np.random.PCG64(seed))
    model = scorer().model_of(kind)
    assert model.native.ensemble is not None
    nodes = model.native.ensemble.nodes
    row = np.zeros((1, COLUMNS), np.float32)
    for column in range(len(model.columns)):
        mine = nodes["threshold"][(nodes["column"] == column) & (nodes["is_leaf"] == 0)]
        wild = int(10 ** rng.uniform(0, 7))
        near = int(rng.choice(mine)) + int(rng.integers(0, 2)) if len(mine) else wild
        row[0, column] = min(near if rng.random() < 0.8 else wild, FEATURE_LIMIT)
    return row


def asked(kind: int, row: NDArray[np.float32]) -> Question:
    """Return the question why the model says of a row what it says."""
    model = scorer().model_of(kind)
    spoken = 1 + int(model.margins(row)[0, 1:].argmax())
    return Question(
        model=model,
        row=row,
        cause=model.card.classes[spoken],
        spoken=spoken,
        schema=model.schema,
        rules=RULES[kind],
        margins=model.margins,
    )


@settings(max_examples=40, deadline=None)
@given(SEEDS, KINDS)
def test_in_its_range_a_model_says_the_same_bits(seed: int, kind: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    row = drawn(kind, seed)
    model = scorer().model_of(kind)
    assert model.native.ensemble is not None
    others = np.repeat(row, 50, axis=0)
    for column, (low, high) in ranges(model.native.ensemble.nodes, row[0]).items():
        least, most = max(low, -1.0), min(high, float(FEATURE_LIMIT))
        inside = rng.uniform(least, most, len(others)).astype(np.float32)
        inside = np.where(inside <= np.float32(least), np.float32(most), inside)
        others[:, column] = np.minimum(inside, np.float32(most))
        others[0, column] = np.float32(most)

    margins = model.reference(others)

    assert {one.tobytes() for one in margins} == {model.reference(row)[0].tobytes()}


@settings(max_examples=40, deadline=None)
@given(SEEDS, KINDS)
def test_a_counterfactual_flips_and_nothing_nearer_does(seed: int, kind: int) -> None:
    """Under onnxruntime; every whole number in between is tried, up to a thousand."""
    rng = np.random.Generator(np.random.PCG64(seed))
    question = asked(kind, drawn(kind, seed))
    if not says(question, question.row)[0]:
        return
    assert question.model is not None
    exact = question._replace(margins=question.model.reference)
    order = rng.permutation(len(question.schema.features)).tolist()

    found = find(question, order)

    changed = question.row.copy()
    for change in found.changes:
        column = question.schema.index(change.feature)
        assert change.value == int(question.row[0, column])
        assert change.is_most == (change.bound < change.value)
        changed[0, column] = change.bound
    assert bool(says(exact, changed)[0]) == (not found.changes)
    if len(found.changes) == 1:
        low, high = sorted((change.value, change.bound))
        between = np.arange(low + 1, high, max(1, (high - low) // 1000))
        rows = np.repeat(question.row, len(between), axis=0)
        rows[:, column] = between
        assert says(exact, rows).all()
    else:
        wild = np.floor(10 ** rng.uniform(0, 7.2, 50))
        for column in range(len(question.schema.features)):
            rows = np.repeat(question.row, len(wild), axis=0)
            rows[:, column] = np.minimum(wild, FEATURE_LIMIT)
            assert says(exact, rows).all(), "one feature would have been enough"


@settings(max_examples=40, deadline=None)
@given(SEEDS, KINDS)
def test_candidates_leave_no_answer_out(seed: int, kind: int) -> None:
    """Any value of a column is answered as one of its candidates is, or the row."""
    question = asked(kind, drawn(kind, seed))
    rng = np.random.Generator(np.random.PCG64(seed))
    column = int(rng.integers(0, len(question.schema.features)))
    values = np.append(candidates(question, column), question.row[0, column])
    known = np.repeat(question.row, len(values), axis=0)
    known[:, column] = values
    wild = np.repeat(question.row, 64, axis=0)
    wild[:, column] = np.minimum(np.floor(10 ** rng.uniform(0, 7.2, 64)), FEATURE_LIMIT)
    assert question.margins is not None

    answers = {one.tobytes() for one in question.margins(known)}

    assert {one.tobytes() for one in question.margins(wild)} <= answers


def test_a_rule_alone_is_explained_by_its_limit() -> None:
    """Venue windows have no model: what would have kept the rule from firing."""
    schema = SCHEMAS[WINDOW_VENUE]
    row = dict.fromkeys(schema.names, 0)
    row |= {"silence_us": 900_000, "unanswered": 30, "silence_ratio": 50_000}
    verdict = Verdict(
        window_kind=WINDOW_VENUE,
        subject=0,
        open_ns=0,
        close_ns=1,
        frame_count=1,
        first_ns=0,
        accepted_ns=0,
        cause=Cause.VENUE_FAULT,
        probability_ppm=PPM,
        abstains=False,
        rule="venue.silence_us",
        measured=900_000,
        limit=250_000,
        features=tuple(row.values()),
        schema=schema.digest(),
        model=RULES_ALONE,
    )

    found = explain(scorer(), verdict)

    (change,) = found.counterfactual.changes
    assert (change.feature, change.bound, change.is_most) == (
        "silence_us",
        250_000,
        True,
    )
    unsaid = msgspec.structs.replace(verdict, rule="venue.none")
    assert explain(scorer(), unsaid).counterfactual.changes == ()
