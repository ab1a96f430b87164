"""Grades of decisions against labels, event by event; no model of any product."""

import dataclasses
from typing import Any

PASSIVE = frozenset({"observe", "alert", "evidence"})
FAULTS = ("flood", "algo_fault", "compromise", "venue_fault")
SAYS = frozenset({*FAULTS, "feed_fault", "sensor_fault"})
CONTAINED = frozenset({"flood", "algo_fault"})
SECOND = 1_000_000_000
#: What is said so long after the end of an incident still counts as said of it.
GRACE_NS = {"flood": SECOND, "algo_fault": SECOND, "venue_fault": 2 * SECOND}
GRACE_NS |= {"compromise": 5 * SECOND, "sensor_fault": 2 * SECOND}

Decision = dict[str, Any]
Labels = dict[str, Any]


@dataclasses.dataclass
class Event:
    """How one incident was judged."""

    cause: str
    said: str
    delay_ns: int | None
    named: bool
    changes: int
    harm: int
    avoided: int
    told_ns: int | None

    @property
    def found(self) -> bool:
        """Return whether its own class was said of it."""
        return self.delay_ns is not None


@dataclasses.dataclass
class Grade:
    """How one capture was judged."""

    file: str
    family: str
    kind: str
    seed: int
    events: list[Event]
    false_containments: list[str]
    collateral: list[str]
    said_of_nothing: list[str]


class Capture:
    """The labels of one capture, ready to be asked who is who."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.incidents: list[dict[str, Any]] = labels["incidents"]
        self.gateways = set(labels["gateways"])
        self.comp_of = dict(labels["endpoints"])
        self.sessions = {one["comp"]: one for one in labels["sessions"]}
        self.hosts = {one["host"] for one in labels["sessions"]}

    def names(self, decision: Decision) -> set[str]:
        """Return CompIDs, addresses and gateways that a decision's target names."""
        found: set[str] = set()
        for one in decision["target"]:
            found.add(one)
            address = one.rsplit(":", 1)[0]
            if decision["target_type"] == "gateway":
                found.add(f"gateway {address}")
            elif one in self.comp_of:
                found |= {self.comp_of[one], address}
            else:
                found.add(address)
        return found

    def is_about(self, decision: Decision, incident: dict[str, Any]) -> bool:
        """Return whether the target is a culprit, or what the incident hits."""
        names = self.names(decision)
        hit = {*incident["sessions"], *incident["hosts"], *incident["victims"]}
        if incident["gateway"]:
            hit |= {incident["gateway"], _gateway(incident)}
        if incident["class"] == "venue_fault":
            for comp, one in self.sessions.items():
                if one["gateway"] == incident["gateway"]:
                    hit.add(comp)
        return bool(names & hit)

    def is_kept_right(self, decision: Decision, incident: dict[str, Any]) -> bool:
        """Return whether a host is kept from the incident's stranger, and no other.

        True of whatever else is done, of who may call nobody, and where the labels
        name no stranger.
        """
        if decision["action"] != "confine_host":
            return True
        culprit, *kept = decision["target"]
        named = _strangers(self, incident)
        return culprit in incident["hosts"] and (
            not kept or not named or kept[0] in named
        )

    def is_blamed(self, decision: Decision, incident: dict[str, Any]) -> bool:
        """Return whether an active decision hits a culprit and nobody else's thing."""
        names = self.names(decision)
        if not self.is_kept_right(decision, incident):
            return False
        if decision["target_type"] == "gateway":
            return incident["class"] == "flood" and _gateway(incident) in names
        return bool(names & {*incident["sessions"], *incident["hosts"]})


def _strangers(capture: Capture, incident: dict[str, Any]) -> set[str]:
    """Return the addresses of an incident that are no machine's that trades."""
    return {one for one in incident["hosts"] if one not in capture.hosts}


def _gateway(incident: dict[str, Any]) -> str:
    return "gateway " + incident["gateway"].rsplit(":", 1)[0]


def _during(decision: Decision, incident: dict[str, Any]) -> bool:
    last = incident["end_ns"] + GRACE_NS[incident["class"]]
    # A capture in microseconds has every frame up to 1 us early.
    return bool(incident["onset_ns"] - 1000 <= decision["t_ns"] <= last)


def is_active(decision: Decision) -> bool:
    """Return whether a decision does more than watch."""
    return decision["action"] not in PASSIVE


def _covers(capture: Capture, decision: Decision, key: str, hit: str) -> bool:
    names = capture.names(decision)
    if decision["target_type"] == "gateway":
        return hit in names
    if decision["target_type"] == "session" and key in capture.hosts:
        return False
    return key in names


def _avoided(
    capture: Capture, active: list[Decision], incident: dict[str, Any]
) -> tuple[int, int]:
    total = stopped = 0
    for key, times in incident["harm"].items():
        spans = [
            (one["t_ns"], one["until_ns"])
            for one in active
            if _covers(capture, one, key, _gateway(incident))
            and capture.is_kept_right(one, incident)
        ]
        due = [t_ns for t_ns in times if t_ns >= incident["due_ns"]]
        total += len(due)
        stopped += sum(any(a <= t_ns < b for a, b in spans) for t_ns in due)
    return total, stopped


def _changes(active: list[Decision], incident: dict[str, Any]) -> int:
    """Return the most often that one target's state changed while it lasted."""
    spans: dict[str, list[list[int]]] = {}
    for one in active:
        for target in one["target"][:8]:
            known = spans.setdefault(target, [])
            if known and one["t_ns"] <= known[-1][1]:
                known[-1][1] = max(known[-1][1], one["until_ns"])
            else:
                known.append([one["t_ns"], one["until_ns"]])
    end = incident["end_ns"]
    return max(
        (sum(1 + (until < end) for _, until in known) for known in spans.values()),
        default=0,
    )


def _event(
    capture: Capture, decisions: list[Decision], incident: dict[str, Any]
) -> Event:
    cause = incident["class"]
    near = [one for one in decisions if _during(one, incident)]
    says = [one for one in near if one["cause"] in SAYS]
    about = [one for one in says if capture.is_about(one, incident)]
    strict = about if cause in CONTAINED else about or says
    right = [one for one in strict if one["cause"] == cause]
    others = {one["class"] for one in capture.incidents} - {cause}
    wrong = [one for one in says if one["cause"] not in others]
    pool = strict or wrong
    active = [one for one in about if is_active(one)]
    harm, avoided = _avoided(capture, active, incident)
    delay = max(0, right[0]["t_ns"] - incident["due_ns"]) if right else None
    return Event(
        cause,
        pool[0]["cause"] if pool else "nothing",
        delay,
        any(one in about for one in right),
        _changes(active, incident),
        harm,
        avoided,
        right[0]["t_ns"] if right else None,
    )


def _hurt(capture: Capture, decision: Decision) -> list[str]:
    """Return legitimate hosts and sessions that an active decision hits."""
    if decision["target_type"] == "gateway":
        return []
    guilty = {comp for one in capture.incidents for comp in one["sessions"]}
    names = capture.names(decision)
    if decision["target_type"] == "session":
        return sorted(names & set(capture.sessions) - guilty)
    return sorted(names & capture.hosts)


def grade(labels: Labels, decisions: list[Decision]) -> Grade:
    """Return how well `decisions` fit the labels of their capture."""
    capture = Capture(labels)
    incidents = capture.incidents
    false, hurt, nothing = [], [], []
    for one in decisions:
        line = f"{one['cause']} {one['action']} {','.join(one['target'][:3])}"
        line += f" at {(one['t_ns'] - labels['start_ns']) / SECOND:.3f} s"
        near = [found for found in incidents if _during(one, found)]
        if is_active(one):
            if not any(capture.is_blamed(one, found) for found in near):
                false.append(line)
            if any(found["class"] == "flood" for found in near):
                hurt += [f"{name}: {line}" for name in _hurt(capture, one)]
        elif one["cause"] in SAYS and not near:
            nothing.append(line)
    return Grade(
        *(labels["file"], labels["family"], labels["kind"], labels["seed"]),
        [_event(capture, decisions, one) for one in incidents],
        *(false, hurt, nothing),
    )
