"""Explain: why a Verdict is what it is, from the deployed model's own arrays.

Exact interventional Shapley values: how far the margin of the Verdict's Cause over
normal is from that of a named benign cohort, divided among the features so that the
parts add up (ext/shapley.h); the range in which the model says exactly the same
(paths); and the smallest change with which it would not have (counterfactual). All of
it is checked by onnxruntime, and none of it is on the hot path.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from airnet.domain.columns import SCHEMAS
from airnet.domain.explanation import Counterfactual, Explanation
from airnet.domain.verdict import PPM, Cause, Share, Verdict
from airnet.errors import ModelError
from airnet.score import counterfactual, paths
from airnet.score.counterfactual import Question
from airnet.score.model import Model
from airnet.score.onnx import RULES_ALONE, OnnxScorer
from airnet.score.rule import Rule
from airnet.score.rules import RULES
from airnet.score.runtime import COLUMNS

#: Shares and ranges that are told.
TOLD = 5

Rows = NDArray[np.float32]


class Weighed(NamedTuple):
    """A row as its model was given it, the class spoken of, and what each column did.

    `order` lists columns, the most telling first.
    """

    model: Model
    row: Rows
    spoken: int
    values: NDArray[np.float64]
    order: list[int]


def shares(scorer: OnnxScorer, verdict: Verdict, count: int = TOLD) -> list[Share]:
    """Return the `count` largest shares of a Verdict, largest first.

    All of them add up to the margin of its Cause over normal less that of the cohort,
    but for the rounding of each to a millionth. Where rules alone spoke, there is no
    margin to share: the list is empty.

    Raises:
        ModelError: another model gave this Verdict, or one outside our profile.
    """
    if verdict.model == RULES_ALONE:
        return []
    return _shares(_weigh(scorer, verdict), verdict, count)


def explain(scorer: OnnxScorer, verdict: Verdict, count: int = TOLD) -> Explanation:
    """Return the whole Explanation of a Verdict, with the `count` largest shares.

    Raises:
        ModelError: another model gave this Verdict, or one outside our profile.
    """
    if verdict.model == RULES_ALONE:
        return _of_rules(verdict)
    weighed = _weigh(scorer, verdict)
    model, row = weighed.model, weighed.row
    cohort = cohort_rows(model)
    margins = model.reference(np.concatenate([row, cohort])).astype(np.float64)
    leads = margins[:, weighed.spoken] - margins[:, 0]
    baseline = float(leads[1:].mean())
    found = _counterfactual(weighed, verdict)
    assert model.native.ensemble is not None
    told = weighed.order[:count]
    return Explanation(
        spoken=model.card.classes[weighed.spoken],
        cohort=model.card.reference.name,
        margin=round(leads[0] * PPM),
        baseline=round(baseline * PPM),
        error=abs(float(weighed.values.sum()) - (float(leads[0]) - baseline)),
        shares=tuple(_shares(weighed, verdict, count)),
        bounds=paths.bounds(model.native.ensemble.nodes, row[0], model.schema, told),
        counterfactual=found,
    )


def cohort_rows(model: Model) -> Rows:
    """Return the rows a model's Verdicts are compared with, as it is given them."""
    cohort = (model.card.reference.row, *model.card.reference.others)
    rows = np.zeros((len(cohort), COLUMNS), np.float32)
    rows[:, : len(model.columns)] = [row[: len(model.columns)] for row in cohort]
    return rows


def _weigh(scorer: OnnxScorer, verdict: Verdict) -> Weighed:
    """Return what each column of a Verdict's row did to its margin."""
    model = scorer.model_of(verdict.window_kind)
    if verdict.model != model.card.identity or verdict.schema != model.digest:
        raise ModelError(
            f"the verdict is by {verdict.model}, loaded is {model.card.identity}",
            "load the models folder named in the ledger's first entry",
        )
    row = model.fill(_row_of(verdict, len(model.columns)))
    spoken = _spoken_of(model, verdict, row)
    coefficients = np.zeros(len(model.card.classes))
    coefficients[spoken] = 1
    coefficients[0] = -1
    values = model.shapley.explain(row, coefficients)[: len(model.columns)]
    order = sorted(
        range(len(values)), key=lambda column: (-abs(values[column]), column)
    )
    return Weighed(model, row, spoken, values, order)


def _row_of(verdict: Verdict, columns: int) -> Rows:
    row = np.zeros((1, COLUMNS), np.float32)
    row[0, :columns] = [
        np.nan if value is None else value for value in verdict.features
    ]
    return row


def _shares(weighed: Weighed, verdict: Verdict, count: int) -> list[Share]:
    moved = np.rint(weighed.values * PPM).astype(np.int64).tolist()
    return [
        Share(
            feature=weighed.model.schema.features[column].name,
            value=verdict.features[column],
            reference=weighed.model.card.reference.row[column],
            share=moved[column],
        )
        for column in weighed.order[:count]
        if moved[column]
    ]


def _counterfactual(weighed: Weighed, verdict: Verdict) -> Counterfactual:
    """Return what would have changed a Verdict of a model, or of a rule beside it.

    An abstention says nothing that could have been otherwise.
    """
    if verdict.abstains or verdict.cause is Cause.UNKNOWN:
        return Counterfactual()
    model = weighed.model
    rules = RULES[verdict.window_kind]
    fired = tuple(rule for rule in rules if rule.name == verdict.rule)
    question = Question(
        model=model,
        row=weighed.row,
        cause=verdict.cause,
        spoken=weighed.spoken,
        schema=model.schema,
        rules=fired or rules,
        margins=None if fired else model.margins,
    )
    found = _of_limit(question, fired) if fired else None
    found = found or counterfactual.find(question, weighed.order)
    reference = question.margins and model.reference
    _require_flip(question._replace(margins=reference), found)
    return found


def _of_rules(verdict: Verdict) -> Explanation:
    """Return the Explanation of a Verdict that rests on a hard rule alone."""
    schema = SCHEMAS[verdict.window_kind]
    rules = RULES[verdict.window_kind]
    fired = tuple(rule for rule in rules if rule.name == verdict.rule)
    question = Question(
        model=None,
        row=_row_of(verdict, len(schema.features)),
        cause=verdict.cause,
        spoken=0,
        schema=schema,
        rules=fired,
        margins=None,
    )
    found = _of_limit(question, fired)
    _require_flip(question, found)
    return Explanation(spoken=verdict.cause, counterfactual=found)


def _of_limit(question: Question, rules: tuple[Rule, ...]) -> Counterfactual:
    """Return what would have kept a rule from firing: its own limit, where it can."""
    columns = [question.schema.index(rule.feature) for rule in rules]
    found = counterfactual.find(question, columns)
    if found.changes:
        return found
    needs = [question.schema.index(name) for rule in rules for name, _, _ in rule.needs]
    return counterfactual.find(question, list(dict.fromkeys(columns + needs)))


def _require_flip(question: Question, found: Counterfactual) -> None:
    """Raise ModelError unless the change found is one, by whom `question` asks."""
    if not found.changes:
        return
    changed = question.row.copy()
    for change in found.changes:
        changed[0, question.schema.index(change.feature)] = change.bound
    if counterfactual.says(question, changed)[0]:
        raise ModelError(
            "a counterfactual does not hold under onnxruntime",
            "report this: the kernel and the reference differ",
        )


def _spoken_of(model: Model, verdict: Verdict, row: Rows) -> int:
    """Return the class of the Verdict's Cause; the likeliest but normal if it has none.

    An abstention has none, nor has the cause of a rule that no model knows.
    """
    if verdict.cause in model.card.classes and verdict.cause is not Cause.NORMAL:
        return model.card.classes.index(verdict.cause)
    return 1 + int(model.margins(row)[0, 1:].argmax())
