"""What moved the model: the features behind each Decision of a ledger, weighed again.

The ledger keeps every feature of the window a Decision rests on, and the hash of the
model that judged it. With that model at hand the same numbers come out again.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from airnet.domain.incident import Evidence, Incident
from airnet.domain.verdict import PPM, Share, Verdict
from airnet.errors import ModelError

#: What of a Verdict shares do not depend on.
NOT_KEPT = {
    "open_ns": 0,
    "close_ns": 0,
    "frame_count": 0,
    "accepted_ns": 0,
    "abstains": False,
}


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """The largest shares of one Decision, or why there are none.

    `entry` is the ledger entry of the Decision; shares are as in Share.
    """

    entry: int
    decision_id: str
    model: str
    shares: tuple[Share, ...] = ()
    problem: str = ""


def moved(
    incident: Incident, evidence: Iterable[Evidence], models: Path
) -> list[Moved]:
    """Weigh the features of an Incident's Decisions with the models in a folder."""
    from airnet.score import load  # noqa: PLC0415 -- onnxruntime, 0.2 s
    from airnet.score.explain import shares  # noqa: PLC0415 -- numpy

    wanted = set(incident.evidence)
    entries = [
        entry
        for entry in evidence
        if entry.kind == "decision"
        and entry.sequence in wanted
        and "features" in entry.body
    ]
    try:
        scorer = load(models)
    except ModelError as error:
        return [_told(entry, problem=error.what) for entry in entries]
    found = []
    for entry in entries:
        try:
            told = _told(entry, shares=tuple(shares(scorer, _verdict(entry))))
        except ModelError as error:
            told = _told(entry, problem=error.what)
        except (KeyError, TypeError, ValueError) as error:
            told = _told(entry, problem=f"the entry's features cannot be read: {error}")
        found.append(told)
    return found


def lines(found: Iterable[Moved]) -> list[str]:
    """Return what moved the model as text, one feature a line."""
    out = []
    for one in found:
        out.append(f"  by {one.model or 'no model'} [{one.entry}]")
        if one.problem:
            out.append(f"    not weighed: {one.problem}")
        elif not one.shares:
            out.append("    no feature moved it: a rule spoke")
        for share in one.shares:
            value = "missing" if share.value is None else f"{share.value:,}"
            out.append(
                f"    {share.feature:<18} {value:>10} (benign: "
                f"{share.reference:,})  moved it by {share.share / PPM:+.3f}"
            )
    return out


def _told(
    entry: Evidence, *, shares: tuple[Share, ...] = (), problem: str = ""
) -> Moved:
    return Moved(
        entry=entry.sequence,
        decision_id=str(entry.body.get("id", "")),
        model=str(entry.body.get("model", "")),
        shares=shares,
        problem=problem,
    )


def _verdict(entry: Evidence) -> Verdict:
    """Return the Verdict an entry rests on, as far as shares need it.

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
    cause = {"cause": kept["cause"], "probability_ppm": kept["probability_ppm"]}
    return msgspec.convert({**NOT_KEPT, **fields, **cause}, Verdict)
