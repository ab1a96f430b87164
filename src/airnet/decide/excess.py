"""Excess: what a session sends above its own envelope, as far as models doubt it.

A sequential test beside that of airnet.decide.dwell, for what rides below it: a fault
of which no window is bad enough, or bad for long enough, and that goes on for seconds.
Page's sum (Biometrika 41, 1954), over messages instead of time. Each message adds what
its window is sure of, in nats, less a toll of policy's, divided by the messages that
the session's own envelope allows in a second: twice its baseline, times what the market
does. So a pulse counts for what it sends and not for how short it is, silence between
pulses breaks nothing, and a quick session must send more than a slow one. What is not
above the envelope, what others do as well, what has been so for ten seconds (through an
opening, and after it) and what nobody doubts takes away from it.
No burst counts for more than two nats a second, whatever is in it: a fault has to last.

A baseline learns, and who raises slowly rides it: where an envelope is registered for
the algorithm, nothing that was learned is above an order and its cancel of it.
Integers throughout; time is capture time. Bounded: who was heard least lately goes.
"""

import functools
import operator
from typing import NamedTuple

import msgspec

from airnet.config import Site
from airnet.decide import errands, likeness
from airnet.decide.dwell import EXCESS_RULE, FACT_PPM, MILLI, log_odds
from airnet.decide.findings import ORDERS_PER_SECOND, Columns, Finding, envelopes
from airnet.decide.policy import Contain, Policy
from airnet.decide.streaks import STREAKS_MAX, Key
from airnet.decide.terms import Terms
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import FEATURE_LIMIT, WINDOW_SESSION

SECOND_NS = 1_000_000_000
#: Sums are kept in millionths of a nat.
MICRO = 1_000_000
#: A window's part of the messages since the one before: it closes with so many orders
#: (WINDOW_ORDERS_MAX in ext/window.h). The rest came in windows that nobody doubts.
OWN_MAX = 16
#: The envelope is so many times the baseline, of which the prior is 20 messages a
#: second: quiet sessions are not wild, and what they could stuff harms nobody.
TIMES = 2
PRIOR = 200
#: Only what is half as much again over a second is above it.
RISEN_MILLI = 1500
#: A message adds no more, and takes no more, in thousandths of a nat.
MOST, LEAST = 2 * MILLI, -MILLI // 2
#: Nothing adds more in a second; in the first, as much may come at once.
PACE = 2 * MICRO
#: What takes, takes no more in a second, or for one window; and time takes always.
TAKEN = MICRO
TAKEN_NS = 10_000_000
LEAK = MICRO // 10
#: What is above what is needed is forgotten, so that it ends soon after its cause.
SPARE = 2 * MICRO
#: Younger sessions have no envelope; when so many others rise as well, or are refused
#: by the same gateway, it is no matter of one session.
HISTORY_MS = 10_000
OTHERS_ELEVATED, OTHERS_REJECTED = 250, 100
#: A session that is filled moves the others, but not to eight times what they sent: so
#: a market opens, or falls.
OTHERS_MOVED = 8000

#: Orders of which each is withdrawn within 20 ms and hardly any filled count as much,
#: whatever models make of them. No honest session did so at such a rate for seconds.
WITHDRAWN = 1500
_WITHDRAWN = (
    ("fills_per_new", 0, 50),
    ("cancels_per_new", 850, 1200),
    ("cancel_age_us", 0, 20_000),
)
#: And as much what is filled as often as sent, on both sides, name after name, at three
#: times the envelope: the market that it moves looks busy, and is elevated, through it.
FILLED = 1200
FILLED_MILLI = 3000
_FILLED = (
    ("fills_per_new", 900, FEATURE_LIMIT),
    ("cancels_per_new", 0, 450),
    ("replaces_per_new", 0, 100),
    ("side_run", 0, 16),
    ("same_side_share", 250, 750),
    ("same_symbol_share", 0, 350),
)
#: And as much what mostly is filled, or is moved more often than sent anew, at twice
#: the envelope, at gaps as of chance: who refreshes quotes does so in volleys, who
#: works an order by plan evenly. The mean absolute deviation of an exponential law is
#: 2/e of its mean, 736 thousandths, and that of 16 gaps of it within these. In one name
#: alone that is a maker whom the others hit, at up to fifty times its past.
MOVED = 1200
MOVED_MILLI = 2000
_MOVED = (
    ("fills_per_new", 600, FEATURE_LIMIT),
    ("gap_deviation", 400, 1300),
    ("same_symbol_share", 0, 700),
)

_NAMES = (
    "messages",
    "baseline",
    "rate_1s",
    "market_1s",
    "symbol_market",
    "elevated_share",
    "others_rejected",
    "history_ms",
)


_BASELINE, _RATE, _HISTORY = map(_NAMES.index, ("baseline", "rate_1s", "history_ms"))


class Shown(NamedTuple):
    """What a session's window shows, in the units of its columns."""

    messages: int
    baseline: int
    rate_1s: int
    market_1s: int
    symbol_market: int
    elevated_share: int
    others_rejected: int
    history_ms: int


class Sum(msgspec.Struct, frozen=True, gc=False):
    """A session's sum, and what may still be added within this second."""

    at_ns: int
    messages: int
    total: int
    credit: int


class Excess:
    """The sum of each session, by policy, site and the columns' names."""

    def __init__(
        self, policy: Policy, site: Site, columns: Columns, terms: Terms
    ) -> None:
        self._terms = terms
        self._envelopes = envelopes(policy, site)
        self._names = columns.get(WINDOW_SESSION, {})
        columns_shown = [self._names.get(name) for name in _NAMES]
        known = [column for column in columns_shown if column is not None]
        self._columns_min = 1 + max(known, default=0)
        is_shown = len(known) == len(_NAMES)
        self._pick = operator.itemgetter(*known) if is_shown else None
        self._by_key: dict[Key, Sum] = {}

    def of(self, verdict: Verdict, finding: Finding, key: Key) -> Finding:
        """Add a window of a subject, and return what it shows: the sum, if enough."""
        if verdict.window_kind != WINDOW_SESSION or verdict.session is None:
            return finding
        rule = self._terms.contain(Cause.ALGO_FAULT, verdict)
        if rule is None or not rule.excess_min:
            return finding
        values = verdict.features
        if self._pick is None or len(values) < self._columns_min:
            return finding
        shown = self._pick(values)
        if None in shown:
            return finding
        before = self._by_key.pop(key, None)
        if before is None:
            before = Sum(verdict.close_ns, shown[0], 0, PACE)
            if len(self._by_key) >= STREAKS_MAX:
                del self._by_key[next(iter(self._by_key))]
        bound = self._envelopes.get(verdict.session.client_comp)
        if not before.total and is_below(shown, bound):
            self._by_key[key] = idle(before, verdict.close_ns, shown[0])
            return finding
        self._by_key[key] = before
        return self._weigh(verdict, finding, rule, key, Shown(*shown))

    def _weigh(
        self,
        verdict: Verdict,
        finding: Finding,
        rule: Contain,
        key: Key,
        shown: Shown,
    ) -> Finding:
        """Grow the sum of what is, or lately was, above its envelope."""
        session = verdict.session
        bound = self._envelopes.get(session.client_comp) if session else None
        envelope = envelope_of(shown, bound)
        nats = LEAST
        if is_above(shown, envelope) and not self._is_settled(verdict):
            nats = self._doubt(verdict, shown, envelope)
            nats -= round(rule.excess_toll * MILLI)
        limit = round(rule.excess_min * MICRO)
        now = grown(self._by_key[key], verdict.close_ns, shown, (envelope, nats))
        if now.total > limit + SPARE:
            now = msgspec.structs.replace(now, total=limit + SPARE)
        self._by_key[key] = now
        is_stronger = finding.is_hard and not finding.is_told
        if nats <= 0 or now.total < limit or is_stronger:
            return finding
        return Finding(
            cause=Cause.ALGO_FAULT,
            rule=EXCESS_RULE,
            measured=now.total // (MICRO // MILLI),
            limit=limit // (MICRO // MILLI),
            probability_ppm=FACT_PPM,
            is_hard=True,
            is_told=EXCESS_RULE in rule.told,
        )

    def forget(self, key: Key) -> None:
        """Begin a session's sum anew: it has been acted upon."""
        self._by_key.pop(key, None)

    def state(self) -> tuple[tuple[Key, Sum], ...]:
        """Return everything remembered, oldest first, as a value."""
        return tuple(self._by_key.items())

    def _doubt(self, verdict: Verdict, shown: Shown, envelope: int) -> int:
        """Return how sure it is that a window is none of an honest desk, 1/1000 nat.

        Both models must hold it for a fault, while the others rest; or its orders must
        be what no honest desk's are, whatever they hold it for: a market that answers
        looks busy to them. How rare that is among benign windows does not limit it: the
        sum over seconds says.
        """
        feature = functools.partial(self._feature, verdict)
        rate = shown.rate_1s * MILLI
        if shown.market_1s > OTHERS_MOVED or likeness.is_paced(feature):
            return LEAST
        if errands.is_clients(feature) or errands.is_requoted(feature):
            return LEAST
        if rate >= envelope * FILLED_MILLI and _is_within(feature, _FILLED):
            told = FILLED
        elif rate >= envelope * MOVED_MILLI and _is_within(feature, _MOVED):
            told = MOVED
        elif shown.elevated_share > OTHERS_ELEVATED or is_crowded(feature):
            return LEAST
        else:
            told = WITHDRAWN if _is_within(feature, _WITHDRAWN) else LEAST
        if verdict.cause is not Cause.ALGO_FAULT or likeness.is_refresh(feature):
            return told
        if likeness.is_quoting(feature) or errands.is_errand(feature):
            return told
        if rate < envelope * FILLED_MILLI and likeness.is_none(feature):
            return told
        sure = log_odds(verdict.probability_ppm)
        if verdict.second is not None:
            is_same = verdict.second is verdict.cause
            sure = min(sure, log_odds(verdict.second_ppm)) if is_same else LEAST
        return max(sure, told)

    def _is_settled(self, verdict: Verdict) -> bool:
        return likeness.is_settled(functools.partial(self._feature, verdict))

    def _feature(self, verdict: Verdict, name: str) -> int | None:
        column = self._names.get(name, len(verdict.features))
        return verdict.features[column] if column < len(verdict.features) else None


def envelope_of(shown: Shown, bound: int | None) -> int:
    """Return a session's envelope in tenths of a message a second."""
    market = max(shown.market_1s, shown.symbol_market, MILLI)
    envelope = TIMES * (shown.baseline + PRIOR) * market // MILLI
    if bound is None:
        return envelope
    return min(envelope, TIMES * bound * ORDERS_PER_SECOND)


def is_below(shown: tuple[int, ...], bound: int | None) -> bool:
    """Return whether a window is surely not above its envelope: nearly all are.

    Of the values that `Shown` names. Whatever the market does, an envelope is no less
    than in a quiet one.
    """
    if shown[_HISTORY] < HISTORY_MS:
        return True
    least = TIMES * (shown[_BASELINE] + PRIOR)
    if bound is not None and bound * ORDERS_PER_SECOND * TIMES < least:
        least = bound * ORDERS_PER_SECOND * TIMES
    return shown[_RATE] * MILLI < least * RISEN_MILLI


def idle(before: Sum, at_ns: int, messages: int) -> Sum:
    """Return what `grown` does of an empty sum to which nothing is added."""
    credit = before.credit
    if messages < before.messages:
        credit = PACE
    elif credit < PACE and at_ns > before.at_ns:
        credit += PACE * (at_ns - before.at_ns) // SECOND_NS
        credit = min(credit, PACE)
    return Sum(at_ns, messages, 0, credit)


def is_above(shown: Shown, envelope: int) -> bool:
    """Return whether a session that has traded for a while is above its envelope."""
    return (
        shown.rate_1s * MILLI >= envelope * RISEN_MILLI
        and shown.history_ms >= HISTORY_MS
        and shown.others_rejected <= OTHERS_REJECTED
    )


def is_crowded(feature: likeness.Feature) -> bool:
    """Return whether a quarter of the others that trade rose within this second.

    Who stuffs one name can be told all the same.
    """
    if likeness.is_stuffing(feature):
        return False
    risen, active = feature("elevated_1s"), feature("active_sessions")
    if risen is None or active is None:
        return False
    return risen * MILLI > active * OTHERS_ELEVATED


def _is_within(
    feature: likeness.Feature, bounds: tuple[tuple[str, int, int], ...]
) -> bool:
    """Return whether what a window shows is within all bounds."""
    for name, least, most in bounds:
        value = feature(name)
        if value is None or not least <= value <= most:
            return False
    return True


def grown(before: Sum, at_ns: int, shown: Shown, weight: tuple[int, int]) -> Sum:
    """Return a sum with one window more, of an envelope and thousandths of a nat."""
    if shown.messages < before.messages:
        return Sum(at_ns, shown.messages, 0, PACE)
    envelope, nats = weight
    span_ns = max(at_ns - before.at_ns, 0)
    sent = shown.messages - before.messages
    own = min(sent, OWN_MAX)
    gain = own * ORDERS_PER_SECOND * MICRO // envelope
    gain = gain * min(max(nats, LEAST), MOST) // MILLI
    credit = min(PACE, before.credit + PACE * span_ns // SECOND_NS)
    if gain > 0:
        gain = min(gain, credit)
        credit -= gain
    else:
        gain = max(gain, -(TAKEN * max(span_ns, TAKEN_NS) // SECOND_NS))
    rest = (sent - own) * ORDERS_PER_SECOND * MICRO // envelope
    loss = min(rest, TAKEN * span_ns // SECOND_NS) + LEAK * span_ns // SECOND_NS
    return Sum(at_ns, shown.messages, max(before.total + gain - loss, 0), credit)


__all__ = [
    "Excess",
    "Shown",
    "Sum",
    "envelope_of",
    "grown",
    "idle",
    "is_above",
    "is_below",
]
