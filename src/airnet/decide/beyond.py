"""Beyond: who sends, for seconds, more than in the busiest second he ever had.

Stuffing that trades, rests, or does more of its own business than ever shows nothing
that honest business does not. What is left is how much: a sum in seconds of the
session's own peak, `rate_1s` while it was not elevated, or of its baseline, whichever
is more. A message adds one over what the peak has of them in a second. In a second no
more is added than an honest burst may, and time takes some: so a book that is
withdrawn, entered anew or moved, at whatever speed, ends before it is enough, and
pulses count for what they send (`airnet.domain.beyond` has the limits, and when
anything is counted).

Makers refresh their quotes at fifteen times their peak, alone, for eight seconds: no
sum tells them from who does the same to stuff. What looks like honest business of any
kind is not counted, but where it is beyond what any of it came to; and refreshed quotes
never are.

Who has been as fast for ten seconds is let be, as by airnet.decide.belief. Integers;
time is capture time. Bounded: who was heard least lately goes.
"""

import functools

import msgspec

from airnet.decide import likeness
from airnet.decide.dwell import fact
from airnet.decide.excess import is_crowded
from airnet.decide.findings import Columns, Finding
from airnet.decide.patience import PATIENT, QUOTING
from airnet.decide.shapes import Shapes
from airnet.decide.streaks import STREAKS_MAX, Key
from airnet.decide.terms import Terms
from airnet.domain.beyond import (
    BEYOND,
    BEYOND_MEASURE,
    FAR_AHEAD,
    FAR_ALONE,
    SHAPES,
    Beyond,
)
from airnet.domain.shape import Shape
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_SESSION

SECOND_NS = 1_000_000_000
#: Sums are in millionths of what the peak has in a second, and told in thousandths.
MICRO, MILLI = 1_000_000, 1000
#: A rate is in tenths of a message a second.
TENTHS = 10
#: A window closes with so many orders: the messages before came in other windows.
OWN_MAX = 16
#: What is above the limit is forgotten, so that it ends soon after its cause.
SPARE = MICRO
#: Half as fast again over a second as the peak, in thousandths.
RISEN = 1500
#: Of slower sessions nothing is counted.
LEAST = min(
    least for one in SHAPES for name, least, _ in one.bounds if name == "rate_1s"
)
_HONEST = (*QUOTING, *PATIENT)
#: Where it looks so, nothing is counted: like any honest business, like quotes that are
#: refreshed; or, where the others are to rest, like one of a crowd.
LET_BE = {
    FAR_ALONE.shape.name: (is_crowded, *_HONEST),
    FAR_AHEAD.shape.name: _HONEST,
    BEYOND_MEASURE.shape.name: (is_crowded, likeness.is_refresh),
}


class Sum(msgspec.Struct, frozen=True, gc=False):
    """A session's sum, and what may still be added within this second."""

    at_ns: int
    messages: int
    total: int = 0
    credit: int = 0


class Beyonds:
    """The sum of each session, by the columns' names."""

    def __init__(self, columns: Columns, terms: Terms) -> None:
        self._terms = terms
        self._names = columns.get(WINDOW_SESSION, {})
        asked = {"messages", "rate_fast", "rate_10s"}
        is_shown = asked <= set(self._names)
        self._shapes = Shapes(SHAPES, self._names if is_shown else {})
        self._rate = self._names.get("rate_1s") if is_shown else None
        self._by_name = {one.shape.name: one for one in BEYOND}
        self._by_key: dict[tuple[Key, str], Sum] = {}

    def of(self, verdict: Verdict, key: Key) -> Finding | None:
        """Add a window of a subject, and return what it comes to, if enough."""
        if verdict.window_kind != WINDOW_SESSION or verdict.session is None:
            return None
        values, rate = verdict.features, self._rate
        # Nearly all windows are slower, and cost no call.
        if rate is None or len(values) <= rate or (values[rate] or 0) < LEAST:
            return None
        shapes = self._shapes.of(values)
        return self._of_shapes(verdict, key, shapes) if shapes else None

    def _of_shapes(
        self, verdict: Verdict, key: Key, shapes: list[Shape]
    ) -> Finding | None:
        feature = functools.partial(self._value, verdict.features)
        peak, messages = peak_of(feature), feature("messages")
        second = feature("rate_1s") or 0
        if messages is None or second * MILLI < peak * RISEN:
            return None
        if likeness.is_settled(feature):
            return None
        rule = self._terms.contain(Cause.ALGO_FAULT, verdict)
        if rule is None:
            return None
        best: Finding | None = None
        for shape in shapes:
            if any(looks_so(feature) for looks_so in LET_BE[shape.name]):
                continue
            counted = self._by_name[shape.name]
            before = self._by_key.pop((key, shape.name), None)
            now = grown(before, verdict.close_ns, messages, peak, counted)
            self._by_key[key, shape.name] = now
            if len(self._by_key) > STREAKS_MAX:
                del self._by_key[next(iter(self._by_key))]
            found = _come_to(shape, now, is_acted=shape.name in rule.at_once)
            if found is not None and (best is None or best.is_told > found.is_told):
                best = found
        return best

    def forget(self, key: Key) -> None:
        """Begin a session's sum anew: it has been acted upon."""
        for name in self._by_name:
            self._by_key.pop((key, name), None)

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, oldest first, as a value."""
        return tuple(self._by_key.items())

    def _value(self, values: tuple[int | None, ...], name: str) -> int | None:
        column = self._names.get(name, len(values))
        return values[column] if column < len(values) else None


def peak_of(feature: likeness.Feature) -> int:
    """Return a session's busiest second, in tenths of a message a second.

    Of who began in a rush no calm second was seen: what it learned of itself is more.
    """
    fast, ratio = feature("rate_fast") or 0, feature("peak_ratio") or 0
    peak = fast * MILLI // ratio if ratio else 0
    return max(peak, feature("baseline") or 0, 1)


def grown(
    before: Sum | None, at_ns: int, messages: int, peak: int, counted: Beyond
) -> Sum:
    """Return a sum with one window more: the messages so far, and the peak.

    What comes at once, after a silence, is no more than its pace lets it be: a book of
    thousands of orders may be withdrawn in a tenth of a second.
    """
    pace, shape = counted.pace * MICRO, counted.shape
    if before is None or messages < before.messages or at_ns < before.at_ns:
        return Sum(at_ns, messages)
    span_ns, sent = at_ns - before.at_ns, messages - before.messages
    credit = min(pace, before.credit + pace * span_ns // SECOND_NS)
    credit = credit if span_ns <= SECOND_NS else 0
    gain = min(min(sent, OWN_MAX) * TENTHS * MICRO // peak, credit)
    left = max(before.total - counted.taken * MICRO * span_ns // SECOND_NS, 0)
    most = max(shape.told, shape.limit) * (MICRO // MILLI) + SPARE
    return Sum(at_ns, messages, min(left + gain, most), credit - gain)


def _come_to(shape: Shape, now: Sum, *, is_acted: bool) -> Finding | None:
    """Return what a sum amounts to: nothing, evidence, or what is acted upon."""
    measured = now.total // (MICRO // MILLI)
    if measured < shape.told:
        return None
    is_enough = is_acted and 0 < shape.limit <= measured
    limit = shape.limit if is_enough else shape.told
    return fact(shape.name, measured, limit, is_told=not is_enough)


__all__ = ["Beyonds", "Sum", "grown", "peak_of"]
