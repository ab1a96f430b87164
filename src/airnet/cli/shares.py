"""What moved the model: the features behind each Decision of a ledger, weighed again.

The ledger keeps every feature of the window a Decision rests on, and the hash of the
model that judged it. With that model at hand the same numbers come out again: all of
them are a function of one entry and one model, and each line cites the entry.
"""

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import msgspec

from airnet.domain.explanation import Bound, Change, Explanation
from airnet.domain.incident import Evidence, Incident
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.errors import ModelError
from airnet.record.citations import problems
from airnet.record.narrative import tell
from airnet.record.words import problems as word_problems

#: What of a Verdict an explanation does not depend on.
NOT_KEPT = {"open_ns": 0, "close_ns": 0, "frame_count": 0, "accepted_ns": 0}

#: Shares must add up to the margin: what is left is the rounding of 64-bit floats.
ERROR_MAX = 1e-9


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What moved the model to one Decision, or why that is not known.

    `entry` is the ledger entry of the Decision, `rule` the rule that it names.
    """

    entry: int
    decision_id: str
    model: str
    explanation: Explanation | None = None
    problem: str = ""
    rule: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An Incident's story: what the ledger says of it, and what moved the model."""

    incident: Incident
    narrative: str
    moved: tuple[Moved, ...]

    @classmethod
    def of(
        cls,
        incident: Incident,
        evidence: list[Evidence],
        models: Path,
        *,
        is_signed: bool = True,
    ) -> Self:
        """Tell an Incident by a ledger and the models in a folder.

        `is_signed`: False takes what nobody signed.
        """
        return cls(
            incident=incident,
            narrative=tell(incident, evidence),
            moved=tuple(moved(incident, evidence, models, is_signed=is_signed)),
        )

    @property
    def heading(self) -> str:
        """Return what its story is headed with: cause and id."""
        return f"{self.incident.cause}  {self.incident.id}"

    @property
    def text(self) -> str:
        """Return all of it as plain text, one fact a line."""
        weighed = "\n".join(["What moved the model", *lines(self.moved)])
        return f"{self.narrative}\n{weighed}\n"


def unproved(
    story: str,
    told: Iterable[Told],
    evidence: Iterable[Evidence],
    *,
    is_ours: bool = True,
) -> list[str]:
    """Return what in a story the ledger and the models do not bear out.

    What the model said is made anew for `told`, and must be there word for word; of
    what could not be weighed, nothing is borne out. `is_ours`: False for a story in
    somebody else's words, of which the numbers are looked up and the words are not.
    """
    told, evidence = list(told), list(evidence)
    derived = {line.strip() for one in told for line in lines(one.moved)}
    found = []
    if is_ours:
        incidents = [one.incident for one in told]
        found = word_problems(story, evidence, incidents, frozenset(derived))
    # An Incident's id is a hash over the entries, which no entry holds.
    derived |= {one.narrative.splitlines()[0].strip() for one in told}
    derived |= {one.heading for one in told}
    found = problems(story, evidence, frozenset(derived)) + found
    found += [
        f"entry {one.entry}: {what}"
        for each in told
        for one in each.moved
        if (what := _unsound(one))
    ]
    return found


def _unsound(one: Moved) -> str:
    """Return why what moved a model to a Decision is not to be relied on, or ""."""
    if one.explanation is None:
        return f"not weighed: {one.problem}"
    if one.explanation.error > ERROR_MAX:
        return f"the shares miss the margin by {one.explanation.error}"
    return ""


def moved(
    incident: Incident,
    evidence: Iterable[Evidence],
    models: Path,
    *,
    is_signed: bool = True,
) -> list[Moved]:
    """Weigh the features of an Incident's Decisions with the models in a folder."""
    from airnet.score import load
    from airnet.score.explain import explain

    wanted = set(incident.evidence)
    entries = [
        entry
        for entry in evidence
        if entry.kind == "decision"
        and entry.sequence in wanted
        and "features" in entry.body
    ]
    try:
        scorer = load(models, is_signed=is_signed)
    except ModelError as error:
        return [_told(entry, problem=error.what) for entry in entries]
    found = []
    for entry in entries:
        try:
            told = _told(entry, explanation=explain(scorer, _verdict(entry)))
        except ModelError as error:
            told = _told(entry, problem=error.what)
        except (KeyError, TypeError, ValueError) as error:
            told = _told(entry, problem=f"the entry's features cannot be read: {error}")
        found.append(told)
    return found


@functools.cache
def units() -> dict[str, str]:
    """Return what each hard rule measures, and in which unit, by the rule's name."""
    from airnet.score.rules import RULES

    return {
        rule.name: f"{rule.feature}, in {rule.unit}"
        for kind in RULES.values()
        for rule in kind
    }


def lines(found: Iterable[Moved]) -> list[str]:
    """Return what moved the model as text, one fact a line, each with its entry."""
    return [f"{line} [{one.entry}]" for one in found for line in _lines(one)]


def _lines(one: Moved) -> Iterator[str]:
    yield f"  by {one.model or 'no model'}"
    unit = units().get(one.rule)
    if unit:
        yield f"    {one.rule} measures {unit}"
    explanation = one.explanation
    if explanation is None:
        yield f"    not weighed: {one.problem}"
        return
    if not explanation.shares:
        yield "    no feature moved it: a rule spoke"
    else:
        yield (
            f"    {explanation.spoken.value} over normal by "
            f"{explanation.margin / PPM:+.3f}, in {explanation.cohort} by "
            f"{explanation.baseline / PPM:+.3f}"
        )
    ranges = {bound.feature: _range(bound) for bound in explanation.bounds}
    for share in explanation.shares:
        value = "missing" if share.value is None else f"{share.value:,}"
        told = (
            f"    {share.feature:<18} {value:>10} (benign: {share.reference:,})  moved "
            f"it by {share.share / PPM:+.3f}"
        )
        yield f"{told}; the same {ranges.get(share.feature, 'at any value')}"
    yield f"    {_otherwise(explanation)}"


def _range(bound: Bound) -> str:
    """Return in which values the model says exactly the same."""
    if bound.least is not None and bound.most is not None:
        return f"from {bound.least:,} to {bound.most:,}"
    if bound.most is not None:
        return f"up to {bound.most:,}"
    return f"from {bound.least:,} on" if bound.least is not None else "at any value"


def _otherwise(explanation: Explanation) -> str:
    """Return with what it would not have been said."""
    found = explanation.counterfactual
    if not found.changes:
        if explanation.spoken is Cause.UNKNOWN:
            return "nothing was said that could have been otherwise"
        return "no change of one or two features would have changed it"
    changes = " and ".join(_change(change) for change in found.changes)
    told = f"it would not have been said, had {changes}"
    if not explanation.shares:
        return told
    chance = found.probability_ppm / PPM
    return f"{told}; the model then holds {found.cause.value} likeliest, {chance:.6f}"


def _change(change: Change) -> str:
    side = "at most" if change.is_most else "at least"
    return f"{change.feature} been {side} {change.bound:,}"


def _told(
    entry: Evidence, *, explanation: Explanation | None = None, problem: str = ""
) -> Moved:
    return Moved(
        entry=entry.sequence,
        decision_id=str(entry.body.get("id", "")),
        model=str(entry.body.get("model", "")),
        rule=str(entry.body.get("rule", "")),
        explanation=explanation,
        problem=problem,
    )


def _verdict(entry: Evidence) -> Verdict:
    """Return the Verdict an entry rests on, as far as an explanation needs it.

    Raises:
        KeyError, TypeError, ValueError: the entry is not one that airnet wrote.
    """
    body = entry.body
    kept = body["evidence"]
    if not isinstance(kept, dict):
        raise TypeError("no evidence")
    fields = {
        name: body[name]
        for name in (
            "window_kind",
            "subject",
            "first_ns",
            "rule",
            "measured",
            "limit",
            "features",
            "schema",
            "model",
        )
    }
    said = {
        "cause": kept["cause"],
        "probability_ppm": kept["probability_ppm"],
        "abstains": kept["cause"] == Cause.UNKNOWN.value,
    }
    return msgspec.convert({**NOT_KEPT, **fields, **said}, Verdict)
