"""Incidents: a pure fold over the ledger. The same evidence tells the same story."""

import hashlib
from collections.abc import Iterable

import msgspec

from airnet.domain.containment import Containment
from airnet.domain.decision import Decision
from airnet.domain.incident import Evidence, Incident
from airnet.domain.verdict import Cause

#: Decisions about the same thing this far apart, in capture time, are two incidents.
GAP_NS = 60_000_000_000

_ID_HEX = 16

Place = tuple[str, ...]


class _Story(msgspec.Struct, kw_only=True):
    """An Incident as it grows."""

    place: Place
    cause: Cause
    target: tuple[str, ...]
    tier: int
    first_ns: int
    last_ns: int
    last_bad_ns: int = 0
    decisions: list[Decision] = msgspec.field(default_factory=list)
    containments: list[Containment] = msgspec.field(default_factory=list)
    evidence: list[int] = msgspec.field(default_factory=list)

    def incident(self) -> Incident:
        """Return the story so far as a value."""
        seed = [self.decisions[0].id, *self.place, self.first_ns]
        digest = hashlib.sha256(msgspec.json.encode(seed)).hexdigest()
        return Incident(
            id=digest[:_ID_HEX],
            cause=self.cause.value,
            target=self.target,
            first_ns=self.first_ns,
            last_bad_ns=self.last_bad_ns,
            decisions=tuple(self.decisions),
            containments=tuple(self.containments),
            evidence=tuple(self.evidence),
        )


def fold(evidence: Iterable[Evidence]) -> list[Incident]:
    """Return the Incidents the evidence tells, in the order they began.

    Decisions of one Cause about one thing belong together while no more than `GAP_NS`
    lies between one's end and the next; what began as `unknown` joins what it turned
    out to be. A flood's thing is the attacked gateway, whoever the sources are.
    """
    stories: list[_Story] = []
    open_by_place: dict[Place, list[_Story]] = {}
    by_decision: dict[str, _Story] = {}
    for entry in evidence:
        if entry.kind == "decision":
            decision = msgspec.convert(entry.body, Decision)
            story = _find(open_by_place.get(_place(decision), []), decision)
            if story is None:
                story = _begin(decision)
                stories.append(story)
                open_by_place.setdefault(story.place, []).append(story)
            _join(story, decision, entry.sequence)
            by_decision[decision.id] = story
            continue
        told = by_decision.get(str(entry.body.get("decision_id", "")))
        if told is None:
            continue
        if entry.kind == "containment":
            containment = msgspec.convert(entry.body, Containment)
            told.containments.append(containment)
            told.last_ns = max(told.last_ns, containment.until_ns)
            told.evidence.append(entry.sequence)
        elif entry.kind == "effect":
            last_bad = entry.body.get("last_bad_ns", 0)
            if isinstance(last_bad, int):
                told.last_bad_ns = max(told.last_bad_ns, last_bad)
            told.evidence.append(entry.sequence)
        elif entry.kind in ("instruction", "proposal"):
            told.evidence.append(entry.sequence)
    return [story.incident() for story in stories]


def _place(decision: Decision) -> Place:
    """Return the thing a Decision is about."""
    if decision.session is not None and decision.cause not in _SHARED:
        return decision.target[:1]
    return (decision.gateway,)


#: Causes that are about a gateway even when one session showed them.
_SHARED = frozenset(
    {Cause.FLOOD, Cause.VOLATILITY, Cause.VENUE_FAULT, Cause.FEED_FAULT}
)


def _find(stories: list[_Story], decision: Decision) -> _Story | None:
    """Return the latest story this Decision continues."""
    for story in reversed(stories):
        is_same = story.cause == decision.cause
        is_doubt = Cause.UNKNOWN in (story.cause, decision.cause)
        if (is_same or is_doubt) and decision.first_ns - story.last_ns <= GAP_NS:
            return story
    return None


def _begin(decision: Decision) -> _Story:
    return _Story(
        place=_place(decision),
        cause=decision.cause,
        target=decision.target,
        tier=decision.tier,
        first_ns=decision.first_ns,
        last_ns=decision.t_ns,
    )


def _join(story: _Story, decision: Decision, sequence: int) -> None:
    story.decisions.append(decision)
    story.evidence.append(sequence)
    story.first_ns = min(story.first_ns, decision.first_ns)
    story.last_ns = max(story.last_ns, decision.t_ns, decision.until_ns)
    is_named = story.cause is Cause.UNKNOWN and decision.cause is not Cause.UNKNOWN
    if is_named or decision.tier > story.tier:
        story.target = decision.target
        story.tier = max(story.tier, decision.tier)
    if is_named:
        story.cause = decision.cause
