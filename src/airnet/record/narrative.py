"""The narrative: an Incident told to a compliance officer, every number cited.

Template language only: what it says is in the ledger, and `[n]` is the entry that
says it. Times are UTC. It claims no more than the Cause found: never intent, never
"malicious", and in shadow and replay it says that nothing was done or seen.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from airnet.domain.containment import Containment, State
from airnet.domain.decision import PASSIVE, Action, Decision, Mode
from airnet.domain.incident import Evidence, Incident
from airnet.domain.verdict import Cause

NS_PER_MS, NS_PER_S = 1_000_000, 1_000_000_000

_CAUSES = {
    Cause.FLOOD: "Flood",
    Cause.ALGO_FAULT: "Algorithm out of bounds",
    Cause.COMPROMISE: "Signs of a compromised host",
    Cause.VENUE_FAULT: "Venue or line fault",
    Cause.FEED_FAULT: "Market-data fault",
    Cause.SENSOR_FAULT: "Fault of the sensor itself",
    Cause.VOLATILITY: "Market volatility",
    Cause.NORMAL: "Normal trading",
    Cause.UNKNOWN: "Unclassified behaviour",
}

_MODES = {
    Mode.SHADOW: "shadow, so it was not sent",
    Mode.PROPOSE: "proposed, to be sent once {} people approve",
    Mode.ENFORCE: "enforced",
}
_ACTIONS = {
    Action.OBSERVE: "observe: nothing is changed",
    Action.ALERT: "alert: people are told, nothing is changed",
    Action.EVIDENCE: "evidence: frames and features are kept, nothing is changed",
    Action.RATE_LIMIT_SOURCES: "rate limit unknown sources at the switch",
    Action.DROP_SOURCES: "drop the sources' frames at the switch",
    Action.THROTTLE_SESSION: "refuse new orders at the order gateway; cancels pass",
    Action.CANCEL_ORDERS: "cancel every open order of the session at its gateway",
    Action.DISABLE_SESSION: "cancel every open order, then refuse new ones, until a "
    "named person allows them again",
    Action.ISOLATE_SESSION: "cancel every open order, then log the session out",
    Action.ISOLATE_HOST: "cut the host off, after its orders are cancelled",
}


def tell(incident: Incident, evidence: Iterable[Evidence]) -> str:
    """Return the incident's story as plain text, one fact a line.

    `evidence` is the ledger, or at least the entries the Incident names.
    """
    wanted = set(incident.evidence)
    entries = [entry for entry in evidence if entry.sequence in wanted]
    cause = _CAUSES[Cause(incident.cause)]
    lines = [
        f"Incident {incident.id}: {cause}, {' '.join(incident.target)}",
        "",
        "What happened",
        *_what(incident, entries),
        "",
        "What was decided and done",
    ]
    decisions: dict[str, Decision] = {}
    for entry in entries:
        if entry.kind == "decision":
            decision = msgspec.convert(entry.body, Decision)
            decisions[decision.id] = decision
            lines += _decided(decision, entry)
        elif entry.kind == "containment":
            containment = msgspec.convert(entry.body, Containment)
            lines += _done(containment, decisions[containment.decision_id], entry)
        elif entry.kind in ("instruction", "proposal"):
            lines += _said(entry)
        elif entry.kind == "effect":
            lines += _seen(entry, decisions)
    lines += ["", "How it ended", *_ending(incident, entries)]
    return "\n".join(lines) + "\n"


def utc(time_ns: int) -> str:
    """Return ns since the epoch as UTC text, to the ns."""
    whole, rest = divmod(time_ns, NS_PER_S)
    moment = datetime.fromtimestamp(whole, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest:09d} UTC"


def _span(span_ns: int) -> str:
    return f"{span_ns / NS_PER_MS:.3f} ms"


def _what(incident: Incident, entries: Sequence[Evidence]) -> list[str]:
    first = incident.decisions[0]
    cite = f"[{entries[0].sequence}]"
    lag = _span(first.t_ns - first.first_ns)
    lines = [
        f"  {utc(incident.first_ns)}  first frame of it on the mirror {cite}",
        f"  {utc(first.t_ns)}  first decision, {lag} of capture time later {cite}",
    ]
    session = first.session
    if session is not None:
        name = session.client_comp or "(no CompID read)"
        lines.append(
            f"  Session {name}, client {session.client} port {session.client_port}, "
            f"gateway {session.gateway} port {session.gateway_port} {cite}"
        )
    elif first.gateway:
        lines.append(f"  Towards gateway {first.gateway} port {first.port} {cite}")
    return lines


def _decided(decision: Decision, entry: Evidence) -> list[str]:
    cite = f"[{entry.sequence}]"
    action = _ACTIONS.get(decision.action, decision.action.value)
    mode = _MODES[decision.mode]
    if decision.mode is Mode.PROPOSE:
        mode = mode.format(decision.approvals_needed)
    lines = [
        f"  {utc(decision.t_ns)}  T{decision.tier:d} {action} {cite}",
        f"    target: {', '.join(decision.target)} {cite}",
        (
            f"    rule {decision.rule}: measured {decision.measured}, limit "
            f"{decision.limit}, probability {decision.probability:.6f} {cite}"
        ),
    ]
    if decision.action not in PASSIVE:
        ttl = _span(decision.until_ns - decision.t_ns)
        lines.append(f"    {mode}; ends by itself after {ttl} {cite}")
    lines.append(f"    {decision.why} {cite}")
    model = entry.body.get("model")
    if model:
        lines.append(f"    model {model} {cite}")
    kept = entry.body.get("evidence")
    if isinstance(kept, dict):
        lines += [f"    {text} {cite}" for text in _rarity(kept)]
    return lines


def _rarity(kept: dict[str, object]) -> list[str]:
    """Return how unusual the evidence is on benign days, and what a second model said.

    A regime is named only where that was asked: of what may be contained.
    """
    lines = []
    if kept.get("regime"):
        lines.append(
            f"of a million benign windows in the regime {kept['regime']}, at most "
            f"{kept['p_value_ppm']} show as much evidence, and {kept['novelty_ppm']} "
            "look less strange"
        )
    if kept.get("second"):
        lines.append(
            f"second opinion: {kept['second']}, {kept['second_ppm']} of a million"
        )
    return lines


def _done(containment: Containment, decision: Decision, entry: Evidence) -> list[str]:
    cite = f"[{entry.sequence}]"
    by = containment.actuator or "nothing"
    if containment.state in (State.APPLIED, State.UNVERIFIABLE):
        lag = containment.applied_ns - containment.command_ns
        ends = "stands until a named person lifts it"
        if containment.until_ns:
            ends = f"ends by itself at {utc(containment.until_ns)}"
        text = f"acknowledged by {by} {_span(lag)} after the command left; {ends}"
        if containment.state is State.UNVERIFIABLE:
            text += "; its effect cannot be verified (nothing live was watched)"
        when = containment.applied_ns
    else:
        text = {
            State.INTENDED: f"{by} is about to be told",
            State.VERIFIED: f"the effect of {by} was seen on the mirror",
            State.FAILED: f"{by} FAILED",
            State.WITHHELD: "was not sent",
            State.ROLLED_BACK: f"taken back from {by}",
            State.ENDED: f"ended at {by}",
        }[containment.state]
        when = entry.time_ns
    lines = [f"  {utc(when)}  {decision.action.value}: {text} {cite}"]
    if containment.detail:
        lines.append(f"    {containment.detail} {cite}")
    return lines


def _end_words(containment: Containment) -> str:
    """Return when something that stands will end."""
    if not containment.until_ns:
        return "a named person must lift it"
    return f"ends by itself at {utc(containment.until_ns)}"


def _said(entry: Evidence) -> list[str]:
    """Return what a person said, or where a proposal had got to."""
    body = entry.body
    if entry.kind == "proposal":
        text = f"proposal {body['state']}: {body['detail']}"
    else:
        word = "signed" if body["key"] else "unsigned"
        text = f"{body['ask']} by {body['by']}, {word}: {body['reason']}"
    return [f"  {utc(entry.time_ns)}  {text} [{entry.sequence}]"]


def _seen(entry: Evidence, decisions: dict[str, Decision]) -> list[str]:
    cite = f"[{entry.sequence}]"
    decision = decisions[str(entry.body["decision_id"])]
    last_bad_ns = entry.body["last_bad_ns"]
    assert isinstance(last_bad_ns, int)
    word = "verified" if entry.body["verified"] else "NOT verified"
    last = f"last bad frame {utc(last_bad_ns)}" if last_bad_ns else "no bad frame since"
    seen = f"{decision.action.value}: effect {word} on the mirror, {last} {cite}"
    return [f"  {utc(entry.time_ns)}  {seen}"]


def _ending(incident: Incident, entries: Sequence[Evidence]) -> list[str]:
    """Return how each thing that was done ended, or that nothing was done."""
    last: dict[str, tuple[Containment, int]] = {}
    for entry in entries:
        if entry.kind == "containment":
            containment = msgspec.convert(entry.body, Containment)
            last[containment.decision_id] = (containment, entry.sequence)
    lines = []
    for decision in incident.decisions:
        if decision.id not in last:
            continue
        containment, sequence = last[decision.id]
        at = utc(containment.until_ns) if containment.until_ns else "once"
        text = {
            State.ENDED: f"ended at {at} without anyone's doing: {containment.detail}",
            State.ROLLED_BACK: f"taken back: {containment.detail}",
            State.FAILED: f"not in force as far as is known; at the latest {at}",
            State.WITHHELD: f"never sent: {containment.detail}",
        }.get(containment.state, f"still in force; {_end_words(containment)}")
        lines.append(f"  {decision.action.value}: {text} [{sequence}]")
    if lines:
        return lines
    shadowed = any(d.action not in PASSIVE for d in incident.decisions)
    reason = "policy was in shadow" if shadowed else "no containment was ordered"
    cites = "".join(
        f"[{entry.sequence}]" for entry in entries if entry.kind == "decision"
    )
    return [f"  Nothing on the network was changed: {reason} {cites}"]
