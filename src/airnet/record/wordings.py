"""Wordings: in which words each ledger entry may be told, read from the entry alone.

A second hand beside the narrative, on purpose: it shares no sentence, no name and no
code with who tells, so that a word that is wrong there is not borne out here.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from airnet.domain.incident import Evidence, Incident

CAUSES = {
    "flood": "Flood",
    "algo_fault": "Algorithm out of bounds",
    "compromise": "Signs of a compromised host",
    "venue_fault": "Venue or line fault",
    "feed_fault": "Market-data fault",
    "sensor_fault": "Fault of the sensor itself",
    "volatility": "Market volatility",
    "normal": "Normal trading",
    "unknown": "Unclassified behaviour",
}
_CANCEL = "cancel every open order"
ACTIONS = {
    "observe": "observe: nothing is changed",
    "alert": "alert: people are told, nothing is changed",
    "evidence": "evidence: frames and features are kept, nothing is changed",
    "rate_limit_sources": "rate limit unknown sources at the switch",
    "drop_sources": "drop the sources' frames at the switch",
    "confine_host": "keep the host from a stranger, or from new connections but to "
    "gateways; its orders pass",
    "reroute": "send what goes to the gateway by another path; nothing is dropped",
    "throttle_session": "refuse new orders at the order gateway; cancels pass",
    "throttle_process": "slow the algorithm's process down on its own host",
    "freeze_process": "freeze the algorithm's process on its own host, after its "
    "orders are cancelled",
    "cancel_orders": f"{_CANCEL} of the session at its gateway",
    "disable_session": f"{_CANCEL}, then refuse new ones, until a named person allows "
    "them again",
    "isolate_session": f"{_CANCEL}, then log the session out",
    "isolate_host": "cut the host off, after its orders are cancelled",
    "isolate_subnet": "cut the subnet off, after all its orders are cancelled",
}
#: What changes nothing outside airnet, so nothing is said of its mode or length.
QUIET = ("observe", "alert", "evidence")
FILES = ("config", "approvers", "agents", "site", "policy")
NAMES = ("airnet.toml", "approvers.toml", "agents.toml", "site.toml", "policy.toml")
NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
STOOD = "still in force; "
LIFTED = "until a named person lifts it"


class Line(msgspec.Struct, frozen=True):
    """A line: words, and {slots} with what the entry says; the others are numbers."""

    template: str
    slots: dict[str, str] = {}


class Book:
    """A ledger, as far as more than one entry has a say in how one is told."""

    def __init__(self, evidence: Iterable[Evidence]) -> None:
        self.entries = {entry.sequence: entry for entry in evidence}
        self._orders: dict[str, dict[str, Any]] = {}
        self._last: dict[str, int] = {}
        for entry in self.entries.values():
            if entry.kind == "decision":
                self._orders[str(entry.body.get("id"))] = entry.body
            elif entry.kind == "containment":
                self._last[str(entry.body.get("decision_id"))] = entry.sequence

    def lines(self, cited: Iterable[int]) -> Iterator[Line]:
        """Yield every line that these entries may be told in."""
        entries = [self.entries[one] for one in cited]
        if entries and all(entry.kind == "decision" for entry in entries):
            yield self._nothing(entries)
        for entry in entries:
            body: dict[str, Any] = entry.body
            if entry.kind == "decision":
                yield from _began(body)
                yield from _ordered(body)
                yield from _kept(body)
            elif entry.kind == "containment":
                order = self._orders.get(body["decision_id"], {})
                yield from _done(body, str(order.get("action")))
                if self._last[body["decision_id"]] == entry.sequence:
                    yield from _ended(body, str(order.get("action")))
            elif entry.kind == "effect":
                order = self._orders.get(body["decision_id"], {})
                yield _seen(body, str(order.get("action")))
            elif entry.kind in ("instruction", "proposal"):
                yield _said(body, is_proposal=entry.kind == "proposal")
            elif entry.kind == "start":
                yield from _configured(body)

    def _nothing(self, entries: list[Evidence]) -> Line:
        """Return why nothing was changed, by what was ordered."""
        modes = {e.body["mode"] for e in entries if e.body["action"] not in QUIET}
        reason = "no containment was ordered"
        if "enforce" in modes:
            reason = "what was ordered is not on record as sent"
        elif "propose" in modes:
            reason = "what was proposed was not approved by as many people as it takes"
        elif "shadow" in modes:
            reason = "policy was in shadow"
        return Line("Nothing on the network was changed: {reason}", {"reason": reason})


def headings(incident: Incident) -> Iterator[Line]:
    """Yield what a story of an Incident may be headed with."""
    told = {"cause": CAUSES[incident.cause], "target": " ".join(incident.target)}
    yield Line(
        "Incident {incident}: {cause}, {target}", {**told, "incident": incident.id}
    )
    yield Line(
        "{cause}  {incident}", {"cause": incident.cause, "incident": incident.id}
    )


def _began(body: dict[str, Any]) -> Iterator[Line]:
    yield Line("{moment}  first frame of it on the mirror")
    yield Line("{moment}  first decision, {span} of capture time later")
    session = body.get("session")
    if session is not None:
        yield Line(
            "Session {session}, client {client} port {client port}, gateway {gateway} "
            "port {gateway port}",
            {
                "session": session["client_comp"] or "(no CompID read)",
                "client": session["client"],
                "client port": str(session["client_port"]),
                "gateway": session["gateway"],
                "gateway port": str(session["gateway_port"]),
            },
        )
    elif body.get("gateway"):
        yield Line(
            "Towards gateway {gateway} port {port}",
            {"gateway": body["gateway"], "port": str(body["port"])},
        )


def _ordered(body: dict[str, Any]) -> Iterator[Line]:
    action, mode = body["action"], body["mode"]
    yield Line(
        "{moment}  T{tier} {action}",
        {"tier": str(body["tier"]), "action": ACTIONS[action]},
    )
    yield Line("target: {target}", {"target": ", ".join(body["target"])})
    yield Line(
        "rule {rule}: measured {measured}, limit {limit}, probability {probability}",
        {
            "rule": body["rule"],
            "measured": str(body["measured"]),
            "limit": str(body["limit"]),
            "probability": format(body["probability"], ".6f"),
        },
    )
    people = body.get("approvals_needed", 0)
    words = {
        "shadow": "shadow, so it was not sent",
        "propose": f"proposed, to be sent once {people} people approve",
        "enforce": "enforced",
    }[mode]
    if action == "disable_session":
        template = "{mode}; asked of the gateway for {span}, and then " + LIFTED
    elif action not in QUIET:
        ends = "ends" if mode == "enforce" else "would end"
        template = "{mode}; " + ends + " by itself after {span}"
    if action not in QUIET:
        yield Line(template, {"mode": words})
    yield Line("{why}", {"why": body["why"]})


def _kept(body: dict[str, Any]) -> Iterator[Line]:
    """Yield by what it was decided, and what was kept of the evidence for it."""
    by = {name: str(body[name]) for name in ("model", "policy") if body.get(name)}
    yield Line("by " + ", ".join(f"{name} {{{name}}}" for name in by), by)
    kept = body.get("evidence") or {}
    if kept.get("regime"):
        yield Line(
            "of a million benign windows in the regime {regime}, at most {rare} show "
            "as much evidence, and {strange} look less strange",
            {
                "regime": kept["regime"],
                "rare": str(kept["p_value_ppm"]),
                "strange": str(kept["novelty_ppm"]),
            },
        )
    if kept.get("second"):
        yield Line(
            "second opinion: {second}, {share} of a million",
            {"second": kept["second"], "share": str(kept["second_ppm"])},
        )


def _done(body: dict[str, Any], action: str) -> Iterator[Line]:
    state, by = body["state"], body["actuator"] or "nothing"
    slots = {"action": action, "actuator": by}
    text = {
        "intended": "{actuator} is about to be told",
        "verified": "the effect of {actuator} was seen on the mirror",
        "failed": "{actuator} FAILED",
        "withheld": "was not sent",
        "rolled_back": "taken back from {actuator}",
        "ended": "ended at {actuator}",
    }.get(state, "acknowledged by {actuator} {span} after the command left; ")
    if state in ("applied", "unverifiable"):
        text += "ends by itself at {moment}" if body["until_ns"] else f"stands {LIFTED}"
    if state == "unverifiable":
        text += "; its effect cannot be verified (nothing live was watched)"
    yield Line("{moment}  {action}: " + text, slots)
    if body.get("detail"):
        yield Line("{detail}", {"detail": body["detail"]})


def _ended(body: dict[str, Any], action: str) -> Iterator[Line]:
    at = "{moment}" if body["until_ns"] else "once"
    slots = {"action": action, "detail": body.get("detail", "")}
    text = {
        "ended": f"ended at {at}: {{detail}}",
        "rolled_back": "taken back: {detail}",
        "failed": f"not in force as far as is known; at the latest {at}",
        "withheld": "never sent: {detail}",
        "intended": "whether it was sent is not on record",
        "unverifiable": "nothing live was changed: this is a replay",
    }.get(body["state"])
    if text is None:
        text = STOOD + "a named person must lift it"
        if body["until_ns"]:
            text = STOOD + "ends by itself at {moment}"
    yield Line("{action}: " + text, slots)


def _seen(body: dict[str, Any], action: str) -> Line:
    slots = {"action": action, "effect": "verified"}
    if not body["verified"]:
        slots["effect"] = "NOT verified"
    last = "last bad frame {moment}" if body["last_bad_ns"] else "no bad frame since"
    told = "{moment}  {action}: effect {effect} on the mirror, "
    return Line(told + last, slots)


def _said(body: dict[str, Any], *, is_proposal: bool) -> Line:
    if is_proposal:
        slots = {"state": body["state"], "detail": body["detail"]}
        return Line("{moment}  proposal {state}: {detail}", slots)
    slots = {name: str(body[name]) for name in ("ask", "by", "reason")}
    slots["word"] = "signed" if body["key"] else "unsigned"
    return Line("{moment}  {ask} by {by}, {word}: {reason}", slots)


def _configured(body: dict[str, Any]) -> Iterator[Line]:
    for field, name in zip(FILES, NAMES, strict=True):
        if body.get(field) is not None:
            digest = body[field]
            told = "no such file was named" if digest == NOTHING else digest
            yield Line(name + ": {digest}", {"digest": told})
