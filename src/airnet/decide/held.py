"""Held: connections to a gateway that strangers open, keep, and do not log on with.

Each takes what a client needs, and no window of them is odd: who connects as often as a
monitor shows what a monitor does. What is odd is that none of them ends. So they are
counted over windows: one that is completed adds one, and takes away are

- a half of one for each empty segment of no session, but for the acknowledgement that
  completed it: who hangs up sends two (FIN, and the answer to the other's), who
  listens to an answer one or more;
- one for each RST, and each Logon, whoever of them it was;
- one for each packet of who holds a session;
- one for each that the gateway itself is seen to let go of (`unspoken`), and two a
  second for what was not seen.

Of three that are held for longer than one volley of a monitor takes it is told; of 40,
which is half as many again as a firm's programs that start while the venue is slow,
what belongs to no session is limited. Clients' count, too, where they are more than
all of them would try at three times: an address that trades may be forged, or shared.
Integers; time is capture time. Bounded: the gateway heard of least lately goes.
"""

import operator

import msgspec

from airnet.decide.dwell import FACT_PPM
from airnet.decide.findings import Columns, Finding
from airnet.decide.streaks import Key
from airnet.decide.terms import Terms
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.domain.window import WINDOW_GATEWAY

HELD_RULE = "gateway.connections_held"
CLIENTS_RULE = "gateway.connections_held_by_clients"
SECOND_NS = 1_000_000_000
#: Scores are kept in thousandths of a connection.
PARTS = 1000
#: Three, less what a tenth of a second or two takes; and forty.
TOLD, LIMIT = 5 * PARTS // 2, 40 * PARTS
#: Of everybody's, those who trade among them: as many as a floor of 48 sessions tries
#: at three times, or of more than that (airnet.score.rules_flood_odd).
ALL_TOLD, ALL_LIMIT, ALL_LIMIT_OF_MANY = 64 * PARTS, 160 * PARTS, 512 * PARTS
MANY_SESSIONS = 48
#: What is above the limit is forgotten, so that it ends soon after its cause.
SPARE = 8 * PARTS
#: What a second takes.
LEAK = 2 * PARTS
#: A volley of a monitor's dozen checks is over by then.
VOLLEY_NS = 20_000_000
#: Gateways remembered.
GATEWAYS_MAX = 1024
MILLI = 1000
#: Sessions held there, ever; and packets to one port, in thousandths: what belongs to
#: other services is not counted as order entry's.
SESSIONS_MIN, PORT_SHARE_MIN = 3, 800

#: Of what is asked for, where the number of sessions is.
_KNOWN = 2
_RATES = (
    "syn_rate",
    "completed_rate",
    "stray_tcp_rate",
    "reset_rate",
    "refused_rate",
    "logon_rate",
)
_ASKED = (
    "span_us",
    "packets",
    "known",
    "known_share",
    "busiest_port_share",
    "empty_share",
    "unspoken",
    *_RATES,
)


class Count(msgspec.Struct, frozen=True, gc=False):
    """A gateway's scores in PARTS, since when and until when, and its `unspoken`.

    `score` is of strangers, `whole` of everybody.
    """

    first_ns: int
    at_ns: int
    score: int
    whole: int
    unspoken: int


class Shown(msgspec.Struct, frozen=True, gc=False):
    """What one window shows: counts, but for shares in thousandths."""

    packets: int
    known: int
    known_share: int
    port_share: int
    empty_share: int
    unspoken: int
    syns: int
    completed: int
    segments: int
    resets: int
    refused: int
    logons: int


class Helds:
    """The score of each gateway, by the columns' names."""

    def __init__(self, columns: Columns, terms: Terms) -> None:
        self._terms = terms
        names = columns.get(WINDOW_GATEWAY, {})
        known = [names[name] for name in _ASKED if name in names]
        is_shown = len(known) == len(_ASKED)
        self._pick = operator.itemgetter(*known) if is_shown else None
        self._columns_min = 1 + max(known, default=0)
        self._by_key: dict[Key, Count] = {}

    def of(self, verdict: Verdict, finding: Finding, key: Key) -> Finding:
        """Add a window of a gateway, and return what it shows: the held, if enough."""
        values = verdict.features
        if verdict.window_kind != WINDOW_GATEWAY or self._pick is None:
            return finding
        if len(values) < self._columns_min:
            return finding
        rule = self._terms.contain(Cause.FLOOD, verdict)
        picked = self._pick(values)
        if rule is None or None in picked:
            return finding
        now = counted(self._by_key.pop(key, None), verdict.close_ns, _shown(picked))
        self._by_key[key] = now
        if len(self._by_key) > GATEWAYS_MAX:
            del self._by_key[next(iter(self._by_key))]
        is_stronger = finding.is_hard and not finding.is_told
        if is_stronger and finding.cause is not Cause.NORMAL:
            return finding
        found = _found(now, picked[_KNOWN])
        if found is None:
            return finding
        is_told = found.measured < found.limit or found.rule in rule.told
        if is_told and finding.cause is not Cause.NORMAL:
            return finding  # which may be acted upon in its own time
        return msgspec.structs.replace(found, is_told=is_told)

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, oldest first, as a value."""
        return tuple(self._by_key.items())


def _found(now: Count, sessions: int) -> Finding | None:
    """Return what a gateway's scores say; None: not enough to tell."""
    limit = ALL_LIMIT if sessions <= MANY_SESSIONS else ALL_LIMIT_OF_MANY
    if now.whole >= limit or (now.whole >= ALL_TOLD and now.score < TOLD):
        return _finding(CLIENTS_RULE, now.whole, limit)
    if now.score < TOLD or now.at_ns - now.first_ns < VOLLEY_NS:
        return None
    return _finding(HELD_RULE, now.score, LIMIT)


def _finding(rule: str, score: int, limit: int) -> Finding:
    return Finding(
        cause=Cause.FLOOD,
        rule=rule,
        measured=score // PARTS,
        limit=limit // PARTS,
        probability_ppm=FACT_PPM,
        is_hard=True,
    )


def counted(before: Count | None, at_ns: int, shown: Shown) -> Count:
    """Return a gateway's score with one window more."""
    if before is None:
        before = Count(at_ns, at_ns, 0, 0, shown.unspoken)
    leaked = LEAK * max(at_ns - before.at_ns, 0) // SECOND_NS
    grown = shown.unspoken - before.unspoken
    outside = min(shown.completed, shown.segments)
    inside = min(shown.completed - outside, max(grown, 0))
    change = PARTS * (outside + inside - max(-grown, 0))
    empty = (shown.empty_share * shown.packets + MILLI // 2) // MILLI - shown.syns
    change -= PARTS // 2 * max(min(empty, shown.segments) - outside, 0)
    change -= PARTS * (shown.resets + shown.refused + shown.logons)
    if shown.known < SESSIONS_MIN or shown.port_share < PORT_SHARE_MIN:
        change = min(change, 0)
    own = change - PARTS * (shown.known_share * shown.packets // MILLI)
    score = max(max(before.score - leaked, 0) + own, 0)
    whole = max(max(before.whole - leaked, 0) + change, 0)
    return Count(
        first_ns=before.first_ns if before.score else at_ns,
        at_ns=at_ns,
        score=min(score, LIMIT + SPARE),
        whole=min(whole, ALL_LIMIT_OF_MANY + SPARE),
        unspoken=shown.unspoken,
    )


def _shown(picked: tuple[int, ...]) -> Shown:
    """Return the counts behind a window's rates, whose fractions were cut off."""
    span_us, *shown = picked
    counts = [(rate * span_us + PPM // 2) // PPM for rate in shown[-len(_RATES) :]]
    return Shown(*shown[: -len(_RATES)], *counts)


__all__ = [
    "CLIENTS_RULE",
    "HELD_RULE",
    "LIMIT",
    "PARTS",
    "TOLD",
    "Count",
    "Helds",
    "Shown",
    "counted",
]
