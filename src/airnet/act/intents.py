"""Intents: what is recorded before acting, and folding it back after a restart."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import msgspec

from airnet.domain.containment import Containment
from airnet.domain.decision import PASSIVE, Action, Decision, Mode, Tier
from airnet.domain.incident import Evidence
from airnet.domain.verdict import Verdict

#: What stands until a named person lifts it: the one exception to "ends by itself"
#: (ADR 0040). An order gateway keeps it, and its own staff can lift it without us.
LASTING = frozenset({Action.DISABLE_SESSION})

#: People that must agree from this tier on, whatever a proposal says.
APPROVALS_TIER, APPROVALS = Tier.KILL_ALGO, 2


def approvals_needed(decision: Decision) -> int:
    """Return how many people must agree before it is sent; 0 unless it is proposed."""
    if decision.mode is not Mode.PROPOSE:
        return 0
    least = APPROVALS if decision.tier >= APPROVALS_TIER else 1
    return max(decision.approvals_needed, least)


class Journal(Protocol):
    """The part of the Ledger role that acting needs."""

    def append(self, kind: str, time_ns: int, body: dict[str, object]) -> Evidence:
        """Add one fact."""
        ...

    def sync(self) -> None:
        """Return when everything appended survives the loss of the host."""
        ...


class Order(NamedTuple):
    """A Decision to carry out, and what it rests on.

    `outcome` is what stands of it already, of a Decision that was carried out where
    its intent is as durable as its effect (docs/adr, the fast lane).
    """

    decision: Decision
    verdict: Verdict | None = None
    outcome: Containment | None = None


def intent_body(decision: Decision, verdict: Verdict | None) -> dict[str, object]:
    """Return the ledger body of an intent: the Decision and what it rests on."""
    body: dict[str, object] = msgspec.to_builtins(decision)
    if verdict is not None:
        body["features"] = list(verdict.features)
        body["schema"] = verdict.schema
        body["model"] = verdict.model
        body["evidence"] = {
            "open_ns": verdict.open_ns,
            "close_ns": verdict.close_ns,
            "frame_count": verdict.frame_count,
            "accepted_ns": verdict.accepted_ns,
            "fanout": verdict.fanout,
            "sources": list(verdict.sources),
            "cause": verdict.cause.value,
            "probability_ppm": verdict.probability_ppm,
            "regime": verdict.regime,
            "p_value_ppm": verdict.p_value_ppm,
            "novelty_ppm": verdict.novelty_ppm,
            "second": verdict.second.value if verdict.second else None,
            "second_ppm": verdict.second_ppm,
        }
    return body


def fold_intents(
    evidence: Iterable[Evidence],
) -> dict[str, tuple[Decision, Containment | None]]:
    """Return each enforced intent with the last that is known of it, in order."""
    found: dict[str, tuple[Decision, Containment | None]] = {}
    for entry in evidence:
        if entry.kind == "decision":
            intent = msgspec.convert(entry.body, Decision)
            if intent.mode is Mode.ENFORCE and intent.action not in PASSIVE:
                found[intent.id] = (intent, None)
        elif entry.kind == "containment":
            outcome = msgspec.convert(entry.body, Containment)
            if outcome.decision_id in found:
                intent, _ = found[outcome.decision_id]
                found[outcome.decision_id] = (intent, outcome)
    return found


def fold_proposals(evidence: Iterable[Evidence]) -> list[Decision]:
    """Return what an earlier run proposed and never saw the end of, in order."""
    found: dict[str, Decision] = {}
    became: dict[str, str] = {}
    written: set[str] = set()
    for entry in evidence:
        if entry.kind == "decision":
            intent = msgspec.convert(entry.body, Decision)
            written.add(intent.id)
            if intent.mode is Mode.PROPOSE:
                found[intent.id] = intent
        elif entry.kind == "proposal":
            key = str(entry.body["decision_id"])
            if entry.body["state"] == "approved":
                became[key] = str(entry.body["enforced"])
            elif entry.body["state"] != "open":
                found.pop(key, None)
    return [one for one in found.values() if became.get(one.id) not in written]
