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

#: The digests of a `start` entry, and the file that each is the SHA-256 of.
FILES = {
    "config": "airnet.toml",
    "approvers": "approvers.toml",
    "agents": "agents.toml",
    "site": "site.toml",
    "policy": "policy.toml",
}
#: The SHA-256 of nothing, which stands for a file that was not named (FIPS 180-4).
NO_FILE = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

_MODES = {
    Mode.SHADOW: "shadow, so it was not sent",
    Mode.PROPOSE: "proposed, to be sent once {} people approve",
    Mode.ENFORCE: "enforced",
}
#: What an entry names by which it came about: the model, and the policy's SHA-256.
_SAID_BY = ("model", "policy")
_ACTIONS = {
    Action.OBSERVE: "observe: nothing is changed",
    Action.ALERT: "alert: people are told, nothing is changed",
    Action.EVIDENCE: "evidence: frames and features are kept, nothing is changed",
    Action.RATE_LIMIT_SOURCES: "rate limit unknown sources at the switch",
    Action.DROP_SOURCES: "drop the sources' frames at the switch",
    Action.CONFINE_HOST: "keep the host from a stranger, or from new connections but "
    "to gateways; its orders pass",
    Action.REROUTE: "send what goes to the gateway by another path; nothing is dropped",
    Action.THROTTLE_SESSION: "refuse new orders at the order gateway; cancels pass",
    Action.THROTTLE_PROCESS: "slow the algorithm's process down on its own host",
    Action.FREEZE_PROCESS: "freeze the algorithm's process on its own host, after its "
    "orders are cancelled",
    Action.CANCEL_ORDERS: "cancel every open order of the session at its gateway",
    Action.DISABLE_SESSION: "cancel every open order, then refuse new ones, until a "
    "named person allows them again",
    Action.ISOLATE_SESSION: "cancel every open order, then log the session out",
    Action.ISOLATE_HOST: "cut the host off, after its orders are cancelled",
    Action.ISOLATE_SUBNET: "cut the subnet off, after all its orders are cancelled",
}


def tell(incident: Incident, evidence: Iterable[Evidence]) -> str:
    """Return the incident's story as plain text, one fact a line.

    `evidence` is the ledger, or at least the entries the Incident names.
    """
    evidence, wanted = list(evidence), set(incident.evidence)
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
    under = [line for start in _starts(evidence, wanted) for line in _under(start)]
    if under:
        lines += ["", "Under which configuration", *under]
    return "\n".join(lines) + "\n"


def _starts(evidence: Iterable[Evidence], wanted: set[int]) -> list[Evidence]:
    """Return the beginnings of the runs that made some of the wanted Decisions."""
    start: Evidence | None = None
    found: dict[int, Evidence] = {}
    for entry in evidence:
        if entry.kind == "start":
            start = entry
        is_decided = entry.kind == "decision" and entry.sequence in wanted
        if is_decided and start is not None:
            found[start.sequence] = start
    return list(found.values())


def _under(start: Evidence) -> list[str]:
    """Return the digest of each file that a run was configured by."""
    lines = []
    for name, file in FILES.items():
        digest = start.body.get(name)
        if digest is not None:
            text = "no such file was named" if digest == NO_FILE else digest
            lines.append(f"  {file}: {text} [{start.sequence}]")
    return lines


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
        lines.append(f"    {mode}; {_length(decision)} {cite}")
    lines.append(f"    {decision.why} {cite}")
    by = [f"{name} {entry.body[name]}" for name in _SAID_BY if entry.body.get(name)]
    if by:
        lines.append(f"    by {', '.join(by)} {cite}")
    kept = entry.body.get("evidence")
    if isinstance(kept, dict):
        lines += [f"    {text} {cite}" for text in _rarity(kept)]
    return lines


def _length(decision: Decision) -> str:
    """Return how long it was to last, were it carried out."""
    ttl = _span(decision.until_ns - decision.t_ns)
    if decision.action is Action.DISABLE_SESSION:
        return f"asked of the gateway for {ttl}, and then until a named person lifts it"
    is_sent = decision.mode is Mode.ENFORCE
    return f"{'ends' if is_sent else 'would end'} by itself after {ttl}"


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
            State.ENDED: f"ended at {at}: {containment.detail}",
            State.ROLLED_BACK: f"taken back: {containment.detail}",
            State.FAILED: f"not in force as far as is known; at the latest {at}",
            State.WITHHELD: f"never sent: {containment.detail}",
            State.INTENDED: "whether it was sent is not on record",
            State.UNVERIFIABLE: "nothing live was changed: this is a replay",
        }.get(containment.state, f"still in force; {_end_words(containment)}")
        lines.append(f"  {decision.action.value}: {text} [{sequence}]")
    if lines:
        return lines
    wanted = {d.mode for d in incident.decisions if d.action not in PASSIVE}
    reason = "no containment was ordered"
    if Mode.ENFORCE in wanted:
        reason = "what was ordered is not on record as sent"
    elif Mode.PROPOSE in wanted:
        reason = "what was proposed was not approved by as many people as it takes"
    elif wanted:
        reason = "policy was in shadow"
    cites = "".join(
        f"[{entry.sequence}]" for entry in entries if entry.kind == "decision"
    )
    return [f"  Nothing on the network was changed: {reason} {cites}"]
