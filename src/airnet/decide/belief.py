"""Belief: whom the models take for a faulty algorithm for longer than any haste lasts.

Honest sessions are taken for faulty, and with certainty, for a moment: at the bell, by
a volley, in a list. A fault is for as long as it lasts. So an opinion that no single
window, and no evidence of a few, makes a fact is one after a second or so, far above
the session's past: the time that windows cover of which no model doubts it, less half
of what they do not (airnet.domain.believed has how long).

Two kinds of honest business are taken for faulty for many seconds, and left out: what
is honest by what it is (airnet.decide.patience), and who has just begun to send, or has
been as fast for ten seconds, as through an opening. So are volleys: a hard rule counts
as an opinion, unless what broke it may pass (airnet.decide.lasting). docs/adr/0096 has
how near honest sessions came.

What is honest by what it is has an end, though: a list, a large order. Of so many
messages that no model doubts, whatever they look like, it is no longer believed that
they are one (docs/adr/0097).

Integers; time is capture time. Bounded: who was believed least lately goes.
"""

import functools

from airnet.decide import counting, lasting, likeness
from airnet.decide.counting import added, come_to
from airnet.decide.covering import Count, amount, covered
from airnet.decide.findings import Columns, Finding
from airnet.decide.patience import PATIENT, QUOTING
from airnet.decide.policy import Contain
from airnet.decide.streaks import STREAKS_MAX, Key
from airnet.decide.terms import Terms
from airnet.domain.believed import BELIEVED, ENDLESS, FAR
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_SESSION

LEAST_PPM = min(least_ppm for least_ppm, _ in BELIEVED)
#: Who has been seen for so long has a past, and who is half as young while at most so
#: many of a thousand others hurry. Among more, it is believed of who is far above it,
#: against them: a quoter whose every price moved had both models 0.9 sure for a second.
PAST_MS, YOUNG_MS, CROWD = 10_000, 5_000, 200


class Beliefs:
    """For how long each session has been taken for faulty, by the columns' names."""

    def __init__(self, columns: Columns, terms: Terms) -> None:
        self._terms = terms
        self._names = columns.get(WINDOW_SESSION, {})
        self._counts: dict[Key, dict[str, Count]] = {}
        self._endlessly: dict[Key, counting.Count] = {}

    def of(self, verdict: Verdict, key: Key) -> Finding | None:
        """Add a window of a subject, and return what it comes to, if enough."""
        if verdict.window_kind != WINDOW_SESSION or verdict.session is None:
            return None
        sure_ppm = _sure_ppm(verdict)
        if sure_ppm < LEAST_PPM:
            return None
        feature = functools.partial(self._value, verdict.features)
        messages = feature("messages")
        rule = self._terms.contain(Cause.ALGO_FAULT, verdict)
        if messages is None or rule is None or not _has_past(feature):
            return None
        if any(looks_so(feature) for looks_so in QUOTING):
            return None
        if lasting.may_pass(verdict.rule, feature):
            return None
        found = self._endless(verdict, key, feature, rule)
        if any(looks_so(feature) for looks_so in PATIENT):
            return found
        counts = self._counts.pop(key, {})
        self._counts[key] = counts
        if len(self._counts) > STREAKS_MAX:
            del self._counts[next(iter(self._counts))]
        for least_ppm, shape in BELIEVED:
            if sure_ppm < least_ppm or not likeness.is_within(feature, shape.bounds):
                continue
            was = counts.get(shape.name)
            now = counts[shape.name] = covered(was, verdict.close_ns, messages, shape)
            said = amount(shape, now, is_acted=shape.name in rule.at_once)
            if said is not None and (found is None or found.is_told > said.is_told):
                found = said
        return found

    def _endless(
        self, verdict: Verdict, key: Key, feature: likeness.Feature, rule: Contain
    ) -> Finding | None:
        """Count the messages of a window, and return what they come to, if enough."""
        least_ppm, shape = ENDLESS
        messages, orders = feature("messages"), feature("orders")
        if messages is None or _sure_ppm(verdict) < least_ppm:
            return None
        if not likeness.is_within(feature, shape.bounds):
            return None
        was = self._endlessly.pop(key, None)
        now = added(was, verdict.close_ns, messages, orders or 0, shape)
        self._endlessly[key] = now
        if len(self._endlessly) > STREAKS_MAX:
            del self._endlessly[next(iter(self._endlessly))]
        return come_to(shape, now, is_acted=shape.name in rule.at_once)

    def forget(self, key: Key) -> None:
        """Begin a session anew: it has been acted upon."""
        self._counts.pop(key, None)
        self._endlessly.pop(key, None)

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, oldest first, as a value."""
        counts = tuple((key, tuple(one.items())) for key, one in self._counts.items())
        return (counts, tuple(self._endlessly.items()))

    def _value(self, values: tuple[int | None, ...], name: str) -> int | None:
        column = self._names.get(name, len(values))
        return values[column] if column < len(values) else None


def _sure_ppm(verdict: Verdict) -> int:
    """Return how sure the least sure of the models that were asked is; 0: it doubts."""
    if verdict.cause is not Cause.ALGO_FAULT or verdict.abstains:
        return 0
    if verdict.second is None:
        return verdict.probability_ppm
    if verdict.second is not Cause.ALGO_FAULT:
        return 0
    return min(verdict.probability_ppm, verdict.second_ppm)


def _has_past(feature: likeness.Feature) -> bool:
    """Return whether a session has a past, and is above it; in a crowd, far above."""
    history_ms = feature("history_ms") or 0
    if history_ms < YOUNG_MS or likeness.is_settled(feature):
        return False
    hurried, others = feature("elevated_1s"), feature("active_sessions")
    if hurried is None or others is None:
        return history_ms >= PAST_MS
    if hurried * 1000 <= CROWD * others:
        return True
    return history_ms >= PAST_MS and likeness.is_within(feature, FAR)


__all__ = ["Beliefs"]
