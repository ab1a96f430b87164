"""Insist: who says the same again and again is told of, and stopped, by how often.

A loop that runs at three times what a busy session sends breaks no limit of one window:
its own orders lie between, models are half sure, and a burst of honest desks looks so
for a moment. What no honest desk does is to go on. So messages are counted, in windows
of which each shows one of airnet.domain.insistence: of some two dozen it is told, of
twice the most that honest sessions came to it is acted upon, whatever models make of
it: that it lasts is the second witness.

Messages of other windows take from a count, and so do eight a second of time, so that
who does so now and then never gathers it. Integers; time is capture time. Bounded: who
was heard least lately goes.
"""

import functools
from collections.abc import Sequence

from airnet.decide import lasting, likeness
from airnet.decide.belief import Beliefs
from airnet.decide.beyond import Beyonds
from airnet.decide.counting import Count, added, come_to
from airnet.decide.drafts import session_key
from airnet.decide.findings import Columns, Finding
from airnet.decide.shapes import Shapes
from airnet.decide.streaks import STREAKS_MAX, Key
from airnet.decide.stuffed import Stuffs
from airnet.decide.terms import Terms
from airnet.domain.insistence import SHAPES
from airnet.domain.session import Look
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_SESSION

#: Like orders that few would have: large ones in pieces are, for as long as they last.
LIKE_RULE = "session.alike_without_end"


class Insists:
    """The counts of each session, by the columns' names."""

    def __init__(self, columns: Columns, terms: Terms) -> None:
        self._terms = terms
        self._names = columns.get(WINDOW_SESSION, {})
        self._shapes = Shapes(SHAPES, self._names)
        self._is_shown = {"messages", "orders"} <= set(self._names)
        self._by_key: dict[Key, dict[str, Count]] = {}
        self._stuffs = Stuffs(columns, terms)
        self._beliefs = Beliefs(columns, terms)
        self._beyonds = Beyonds(columns, terms)

    def meet(self, look: Look) -> None:
        """Take a look at a session, for its past."""
        self._stuffs.see(session_key(look.name), look.close_ns, look.cancel_age_us)

    def of(self, verdict: Verdict, key: Key) -> Finding | None:
        """Add a window of a subject, and return what it shows, if enough."""
        stuffed = self._stuffs.of(verdict, key)
        believed = self._beliefs.of(verdict, key)
        beyond = self._beyonds.of(verdict, key)
        if stuffed is not None and not stuffed.is_told:
            return stuffed
        insisted = self._insisted(verdict, key)
        if stuffed is believed is beyond is None:
            return insisted
        found = (insisted, stuffed, believed, beyond)
        shown = [one for one in found if one is not None]
        return next((one for one in shown if not one.is_told), shown[0])

    def _insisted(self, verdict: Verdict, key: Key) -> Finding | None:
        """Add a window to the counts of messages."""
        if verdict.window_kind != WINDOW_SESSION or verdict.session is None:
            return None
        values = verdict.features
        shapes = self._shapes.of(values) if self._is_shown else []
        if not shapes:
            return None
        feature = functools.partial(self._value, values)
        if likeness.is_worked(feature):
            shapes = [shape for shape in shapes if shape.name != LIKE_RULE]
        rule = self._terms.contain(Cause.ALGO_FAULT, verdict) if shapes else None
        messages = values[self._names["messages"]]
        if rule is None or messages is None:
            return None
        orders = values[self._names["orders"]] or 0
        counts = self._by_key.pop(key, {})
        self._by_key[key] = counts
        if len(self._by_key) > STREAKS_MAX:
            del self._by_key[next(iter(self._by_key))]
        best: Finding | None = None
        for shape in shapes:
            before = counts.get(shape.name)
            now = added(before, verdict.close_ns, messages, orders, shape)
            counts[shape.name] = now
            is_acted = shape.name in rule.at_once
            is_acted = is_acted and not lasting.may_pass(shape.name, feature)
            found = come_to(shape, now, is_acted=is_acted)
            if found is not None and (best is None or best.is_told > found.is_told):
                best = found
        return best

    def _value(self, values: Sequence[int | None], name: str) -> int | None:
        column = self._names.get(name, len(values))
        return values[column] if column < len(values) else None

    def forget(self, key: Key, until_ns: int) -> None:
        """Begin a session's counts anew: it has been acted upon, until then."""
        self._by_key.pop(key, None)
        self._stuffs.forget(key, until_ns)
        self._beliefs.forget(key)
        self._beyonds.forget(key)

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, oldest first, as a value."""
        counts = tuple((key, tuple(one.items())) for key, one in self._by_key.items())
        others = (self._stuffs, self._beliefs, self._beyonds)
        return (counts, *(one.state() for one in others))


__all__ = ["Insists"]
