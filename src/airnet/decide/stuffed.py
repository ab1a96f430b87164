"""Stuffed: who withdraws at once, for a second, and never did before, is stopped.

Stuffing in all names repeats nothing, and its own business lies between: what is left
is that orders are withdrawn within milliseconds, hardly one filled, by who sends three
times the most that it ever sent and a quarter of all there is, while the others rest
(`STUFFED` in airnet.domain.insistence). Two honest things look so. A burst, of 700
messages in a quarter of a second: so time is counted, what such windows cover less half
of what they do not, and not messages. And a desk that asks prices, which did so all its
life, at an auction for a second: so a session's own past is kept, the ages at which it
withdrew, as looks at it show them once a second (airnet.score.looks). Of whom an eighth
of these were quick nothing is said, nor of whom too little is known. Of who has just
begun to send there is no past: he has to send most of what there is, in one name
(`STUFFED_NEW`).

Whoever is far above his own past is counted by time as well, without asking what he did
before: what he shows says it (airnet.domain.risen).

What is not some seconds back is no past, and nothing is learned of a session that is
contained. Integers; time is capture time. Bounded: who was heard least lately goes.
"""

import functools
from collections import deque

from airnet.decide.covering import Count, amount, covered
from airnet.decide.errands import is_clients, is_large
from airnet.decide.findings import Columns, Finding
from airnet.decide.shapes import Shapes
from airnet.decide.streaks import STREAKS_MAX, Key
from airnet.decide.terms import Terms
from airnet.domain.insistence import LASTING, STUFFED
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_SESSION

#: Some orders come again, all filled: of few sizes, at market, so do clients', and
#: the pieces of a large order.
LIKE_RULE = "session.alike_above_its_past"

SECOND_NS = 1_000_000_000
#: A look is past when it lies so far back; so many must be.
PAST_NS = 4 * SECOND_NS
LOOKS_MIN = 3
#: An order withdrawn sooner is quick; of whom one look in so many shows that is known
#: for it. Four times what STUFFED asks for.
QUICK_US = 40_000
KNOWN_FOR = 8
#: What is remembered is of half an hour; older looks count half, and half again.
LOOKS_MAX = 1800
#: Looks that wait to be past, one a second.
WAITING_MAX = 8


class Past:
    """How soon a session withdrew its orders, when nobody was contained for it."""

    __slots__ = ("aged", "held_ns", "looks", "quick", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[tuple[int, int | None]] = deque(maxlen=WAITING_MAX)
        self.looks = self.aged = self.quick = 0
        #: Until when it is contained.
        self.held_ns = 0

    def see(self, at_ns: int, age_us: int | None) -> None:
        """Take a look, and learn what has become past."""
        self.learn(at_ns)
        if at_ns > self.held_ns:
            self.waiting.append((at_ns, age_us))

    def learn(self, now_ns: int) -> None:
        """Learn what lies far enough back."""
        while self.waiting and now_ns - self.waiting[0][0] > PAST_NS:
            _, age_us = self.waiting.popleft()
            if self.looks >= LOOKS_MAX:
                self.looks, self.aged = self.looks // 2, self.aged // 2
                self.quick //= 2
            self.looks += 1
            if age_us is not None:
                self.aged += 1
                self.quick += age_us <= QUICK_US

    @property
    def is_slow(self) -> bool:
        """Return whether it is known, and not for withdrawing at once."""
        return self.looks >= LOOKS_MIN and self.quick * KNOWN_FOR <= self.aged

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, as a value."""
        counts = (self.looks, self.aged, self.quick, self.held_ns)
        return (tuple(self.waiting), *counts)


class Stuffs:
    """What each session did, and for how long, by the columns' names."""

    def __init__(self, columns: Columns, terms: Terms) -> None:
        self._terms = terms
        self._names = columns.get(WINDOW_SESSION, {})
        self._shapes = Shapes(LASTING, self._names)
        self._pasts: dict[Key, Past] = {}
        self._counts: dict[tuple[Key, str], Count] = {}

    def see(self, key: Key, at_ns: int, age_us: int | None) -> None:
        """Take a look at a session, and at how old was what it withdrew; None: nothing.

        `age_us` is in microseconds.
        """
        past = self._pasts.pop(key, None) or Past()
        past.see(at_ns, age_us)
        self._pasts[key] = past
        if len(self._pasts) > STREAKS_MAX:
            del self._pasts[next(iter(self._pasts))]

    def of(self, verdict: Verdict, key: Key) -> Finding | None:
        """Add a window of a subject, and return what it shows, if enough."""
        if verdict.window_kind != WINDOW_SESSION:
            return None
        shapes = self._shapes.of(verdict.features)
        if not shapes or "messages" not in self._names:
            return None
        messages = verdict.features[self._names["messages"]]
        if messages is None:
            return None
        rule = self._terms.contain(Cause.ALGO_FAULT, verdict)
        if rule is None:
            return None
        feature = functools.partial(self._value, verdict.features)
        if is_clients(feature) or is_large(feature):
            shapes = [shape for shape in shapes if shape.name != LIKE_RULE]
        found = None
        for shape in shapes:
            if shape is STUFFED and not self._is_slow(key, verdict.close_ns):
                continue
            was = self._counts.pop((key, shape.name), None)
            now = covered(was, verdict.close_ns, messages, shape)
            self._counts[key, shape.name] = now
            if len(self._counts) > STREAKS_MAX:
                del self._counts[next(iter(self._counts))]
            said = amount(shape, now, is_acted=shape.name in rule.at_once)
            if said is not None and (found is None or not said.is_told):
                found = said
        return found

    def _value(self, values: tuple[int | None, ...], name: str) -> int | None:
        column = self._names.get(name, len(values))
        return values[column] if column < len(values) else None

    def forget(self, key: Key, until_ns: int) -> None:
        """Begin anew, and learn nothing until then: it has been acted upon."""
        for shape in LASTING:
            self._counts.pop((key, shape.name), None)
        past = self._pasts.get(key)
        if past is not None:
            past.waiting.clear()
            past.held_ns = max(past.held_ns, until_ns)

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, oldest first, as a value."""
        pasts = tuple((key, one.state()) for key, one in self._pasts.items())
        return (pasts, tuple(self._counts.items()))

    def _is_slow(self, key: Key, at_ns: int) -> bool:
        """Return whether a session is known not to withdraw at once."""
        past = self._pasts.get(key)
        if past is None:
            return False
        past.learn(at_ns)
        return past.is_slow


__all__ = ["Past", "Stuffs"]
