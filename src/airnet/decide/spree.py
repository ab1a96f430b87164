"""Spree: orders that are all filled, name after name, without end.

What tells an algorithm that has forgotten its parent orders is not how fast it is. Each
order is filled and none withdrawn, in one name after the other, on both sides; the
window by itself is what any taker's is for a moment, and only that it never ends is
odd. So orders are counted, not time: of a score of 80 it is told, of 3,000 acted upon,
which is a thousand orders at least: baskets of several hundred names, both sides of
them, look the same until they end. An order gives

- 3 where the session is four times as fast as ever, at 40 messages a second, while
  the others rest;
- 1 where it is half as fast again as it was, by its past and by its first seconds;
- half of one where it is no faster: of who has no past, no more can be said.

Messages of windows that show anything else take two each from it, and time takes eight
a second, so that who trades so now and then never gathers it. While another session is
contained for its algorithm it is told only: the market that one moved fills others as
it filled him. Integers; time is capture time. Bounded: who was heard least lately goes.
docs/adr/0065 has how near honest sessions come.
"""

import operator

import msgspec

from airnet.decide.dwell import SPREE_RULE, fact
from airnet.decide.findings import Columns, Finding
from airnet.decide.streaks import STREAKS_MAX, Key
from airnet.decide.terms import Terms
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import FEATURE_LIMIT, WINDOW_SESSION

SECOND_NS = 1_000_000_000
#: A window closes with so many orders: the messages before came in other windows.
OWN_MAX = 16
#: Scores are kept in quarters.
PARTS = 4
TOLD, LIMIT = 80 * PARTS, 3000 * PARTS
#: What is above the limit is forgotten, so that it ends soon after its cause.
SPARE = 16 * PARTS
#: What a message gives, and one of another window takes; what a second takes.
SURE, LIKELY, SLIGHT = 12, 4, 2
TAKEN, LEAK = 2 * PARTS, 8 * PARTS

#: All filled over a second and, by the regulator's count, over ten; none withdrawn or
#: replaced; nothing repeats, in content, side or name; at even gaps or as of chance:
#: who takes what he sees does so in volleys.
ALL_FILLED = (
    ("rate_1s", 81, FEATURE_LIMIT),
    ("fills_per_new", 900, FEATURE_LIMIT),
    ("order_to_trade", 0, 300),
    ("unfilled_run", 0, 3),
    ("cancels_per_new", 0, 100),
    ("replaces_per_new", 0, 50),
    ("rate_quote_fast", 0, 0),
    ("same_symbol_share", 0, 250),
    ("side_run", 0, 8),
    ("entropy", 3700, FEATURE_LIMIT),
    ("loop_share", 0, 100),
    ("elevated_share", 0, 250),
    ("gap_deviation", 0, 1000),
)
#: And several times as fast as ever, while the others rest.
_RISEN = (
    ("rate_16", 400, FEATURE_LIMIT),
    ("relative_fast", 4000, FEATURE_LIMIT),
    ("relative_1s", 1500, FEATURE_LIMIT),
    ("history_ms", 3000, FEATURE_LIMIT),
    ("market_1s", 0, 1500),
)
#: Or somewhat faster than it was, likewise.
_FASTER = (
    ("relative_1s", 1500, FEATURE_LIMIT),
    ("relative_first", 1500, FEATURE_LIMIT),
    ("market_1s", 0, 1500),
)
_SLIGHT = (("rate_1s", 100, FEATURE_LIMIT),)

_Bounds = tuple[tuple[str, int, int], ...]


class Spree(msgspec.Struct, frozen=True, gc=False):
    """A session's score in quarters, when it was last added to, after how many."""

    at_ns: int
    messages: int
    score: int


class Sprees:
    """The score of each session, by the columns' names."""

    def __init__(self, columns: Columns, terms: Terms) -> None:
        self._terms = terms
        names = columns.get(WINDOW_SESSION, {})
        asked = ("messages", "orders", *(name for name, _, _ in ALL_FILLED))
        known = [names[name] for name in asked if name in names]
        is_shown = len(known) == len(asked)
        self._pick = operator.itemgetter(*known) if is_shown else None
        self._columns_min = 1 + max(known, default=0)
        self._names = names
        self._by_key: dict[Key, Spree] = {}
        #: Whose algorithm was contained, and until when.
        self._movers: dict[Key, int] = {}

    def of(self, verdict: Verdict, finding: Finding, key: Key) -> Finding:
        """Add a window of a subject, and return what it shows: the spree, if enough."""
        values = verdict.features
        if verdict.window_kind != WINDOW_SESSION or verdict.session is None:
            return finding
        if self._pick is None or len(values) < self._columns_min:
            return finding
        messages, orders, *shown = self._pick(values)
        if messages is None or orders is None or not _is_all_filled(shown):
            return finding
        rule = self._terms.contain(Cause.ALGO_FAULT, verdict)
        if rule is None:
            return finding
        given = self._given(values)
        before = self._by_key.pop(key, None)
        is_new = before is None
        if before is None or messages < before.messages:
            before = Spree(verdict.close_ns, max(messages - orders, 0), 0)
        now = added(before, verdict.close_ns, messages, given)
        self._by_key[key] = now
        if is_new and len(self._by_key) > STREAKS_MAX:
            del self._by_key[next(iter(self._by_key))]
        is_stronger = finding.is_hard and not finding.is_told
        if now.score < TOLD or (is_stronger and finding.cause is not Cause.NORMAL):
            return finding
        is_told = (
            now.score < LIMIT
            or SPREE_RULE in rule.told
            or self.is_moved(key, verdict.close_ns)
        )
        if is_told and finding.cause is not Cause.NORMAL:
            return finding  # which may be acted upon in its own time
        return fact(SPREE_RULE, now.score // PARTS, LIMIT // PARTS, is_told=is_told)

    def forget(self, key: Key) -> None:
        """Begin a session's score anew: it has been acted upon."""
        self._by_key.pop(key, None)

    def moved(self, key: Key, until_ns: int) -> None:
        """Know that a session's algorithm is contained until then, capture time."""
        self._movers.pop(key, None)
        self._movers[key] = until_ns
        if len(self._movers) > STREAKS_MAX:
            del self._movers[next(iter(self._movers))]

    def is_moved(self, key: Key, at_ns: int) -> bool:
        """Return whether another is contained at a time in ns, and this one was not."""
        if key in self._movers:
            return False
        return any(at_ns < until_ns for until_ns in self._movers.values())

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, oldest first, as a value."""
        return (tuple(self._by_key.items()), tuple(self._movers.items()))

    def _given(self, values: tuple[int | None, ...]) -> int:
        """Return what each message of such a window gives."""
        for bounds, given in ((_RISEN, SURE), (_FASTER, LIKELY), (_SLIGHT, SLIGHT)):
            if self._is_within(values, bounds):
                return given
        return 0

    def _is_within(self, values: tuple[int | None, ...], bounds: _Bounds) -> bool:
        for name, least, most in bounds:
            column = self._names.get(name, len(values))
            value = values[column] if column < len(values) else None
            if value is None or not least <= value <= most:
                return False
        return True


def added(before: Spree, at_ns: int, messages: int, given: int) -> Spree:
    """Return a score with one window more, of which each message gives so much."""
    sent = messages - before.messages
    own = min(sent, OWN_MAX)
    span_ns = max(at_ns - before.at_ns, 0)
    lost = (sent - own) * TAKEN + LEAK * span_ns // SECOND_NS
    score = max(before.score - lost, 0) + own * given
    return Spree(at_ns, messages, min(score, LIMIT + SPARE))


def _is_all_filled(shown: list[int | None]) -> bool:
    """Return whether values, in the order of ALL_FILLED, are within its bounds."""
    for value, (_, least, most) in zip(shown, ALL_FILLED, strict=True):
        if value is None or not least <= value <= most:
            return False
    return True


__all__ = ["ALL_FILLED", "Spree", "Sprees", "added"]
