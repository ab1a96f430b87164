"""Surge: filled in all names, far above its past, faster than lists are worked.

What airnet.decide.spree counts takes it a thousand orders: at 1,480 a second, which
were Knight's in 2012, the market has followed long before. Of who is far above his past
fewer say enough, if each window shows all of airnet.domain.surge, at gaps as of chance,
at 900 a second: lists of names, on both sides, were worked at up to 560. Of 100 orders
it is acted upon. Messages of other windows take two each, and time takes four a second.

- As it begins, the others must rest: fewer than half of them have risen within the
  second. That they do so later may be its doing. Nor need gaps be even then: what was
  before the first order is one of them. Such a window counts half.
- Not in volleys: of who takes what he sees, gaps are anything but even, or all of it
  is sent at more than 3,000 a second.
- A list of names is no surge: until one name has come twice in a row, nothing is done.

While another session is contained for its algorithm it is told only, as a spree is.
Integers; time is capture time. Bounded: who was heard least lately goes.
docs/adr/0076 has how near honest sessions come.
"""

from collections.abc import Callable

import msgspec

from airnet.decide.dwell import SURGE_RULE, fact
from airnet.decide.findings import Columns, Finding
from airnet.decide.streaks import STREAKS_MAX, Key
from airnet.decide.terms import Terms
from airnet.domain.surge import SURGING
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_SESSION

SECOND_NS = 1_000_000_000
#: A window closes with so many orders: the messages before came in other windows.
OWN_MAX = 16
#: Scores are kept in halves.
PARTS = 2
LIMIT = 100 * PARTS
#: What is above the limit is forgotten, so that it ends soon after its cause.
SPARE = 16 * PARTS
#: What a message of another window takes, and a second.
TAKEN, LEAK = 2 * PARTS, 4 * PARTS

#: Nobody hurries as it begins; and not half of the others have risen within the second.
RESTING = (
    ("elevated_share", 0, 250),
    ("market_1s", 0, 1250),
    ("market_fast", 0, 2000),
)
#: One after the other, at gaps as of chance: the mean deviation of 16 gaps of an
#: exponential law is 736 thousandths of their mean. And faster than any list of names.
EVEN = (
    ("rate_16", 9000, 30_000),
    ("gap_deviation", 400, 1100),
    ("loop_share", 0, 100),
)

_Bounds = tuple[tuple[str, int, int], ...]
_ASKED = (
    *("messages", "orders", "elevated_1s", "active_sessions"),
    *(name for bounds in (SURGING, RESTING, EVEN) for name, _, _ in bounds),
)


class Surge(msgspec.Struct, frozen=True, gc=False):
    """A session's score in halves, when it was last added to, after how many messages.

    `is_twice`: since it began, a name has come twice in a row.
    """

    at_ns: int
    messages: int
    score: int = 0
    is_twice: bool = False


class Surges:
    """The score of each session, by the columns' names.

    Args:
        columns: by window kind, the column of each feature name.
        terms: how an algorithm's fault may be contained.
        is_moved: whether another session, that was contained, moves this one's market
            at some time, in ns.
    """

    def __init__(
        self, columns: Columns, terms: Terms, is_moved: Callable[[Key, int], bool]
    ) -> None:
        self._terms, self._is_moved = terms, is_moved
        self._names = columns.get(WINDOW_SESSION, {})
        known = [self._names[name] for name in _ASKED if name in self._names]
        is_shown = len(known) == len(_ASKED)
        self._columns_min = 1 + max(known) if is_shown else 0
        self._by_key: dict[Key, Surge] = {}

    def of(self, verdict: Verdict, finding: Finding, key: Key) -> Finding:
        """Add a window of a subject, and return what it shows: the surge, if enough."""
        values = verdict.features
        if verdict.window_kind != WINDOW_SESSION or verdict.session is None:
            return finding
        if not 0 < self._columns_min <= len(values):
            return finding
        if not self._is_within(values, SURGING):
            return finding
        rule = self._terms.contain(Cause.ALGO_FAULT, verdict)
        if rule is None:
            return finding
        now = self._added(verdict, key)
        if now.score < LIMIT or not now.is_twice:
            return finding
        is_stronger = finding.is_hard and not finding.is_told
        if is_stronger and finding.cause is not Cause.NORMAL:
            return finding
        is_told = SURGE_RULE in rule.told or self._is_moved(key, verdict.close_ns)
        if is_told and finding.cause is not Cause.NORMAL:
            return finding  # which may be acted upon in its own time
        return fact(SURGE_RULE, now.score // PARTS, LIMIT // PARTS, is_told=is_told)

    def forget(self, key: Key) -> None:
        """Begin a session's score anew: it has been acted upon."""
        self._by_key.pop(key, None)

    def state(self) -> tuple[tuple[Key, Surge], ...]:
        """Return everything remembered, oldest first, as a value."""
        return tuple(self._by_key.items())

    def _added(self, verdict: Verdict, key: Key) -> Surge:
        """Return a session's score with one window more, and remember it."""
        values, at_ns = verdict.features, verdict.close_ns
        messages = self._value(values, "messages")
        before = self._by_key.pop(key, None)
        if before is None or messages < before.messages:
            orders = self._value(values, "orders")
            before = Surge(at_ns, max(messages - orders, 0))
        now = self._with(before, at_ns, messages, values)
        self._by_key[key] = now
        if len(self._by_key) > STREAKS_MAX:
            del self._by_key[next(iter(self._by_key))]
        return now

    def _with(
        self, before: Surge, at_ns: int, messages: int, values: tuple[int | None, ...]
    ) -> Surge:
        """Return a score with one window more."""
        score, own = left(before, at_ns, messages)
        is_even = self._is_within(values, EVEN)
        if not (is_even if score else self._is_resting(values)):
            return Surge(at_ns, messages, max(score - own * PARTS, 0), before.is_twice)
        return Surge(
            at_ns,
            messages,
            min(score + own * (PARTS if is_even else 1), LIMIT + SPARE),
            (score > 0 and before.is_twice)
            or self._value(values, "same_symbol_share") > 0,
        )

    def _is_resting(self, values: tuple[int | None, ...]) -> bool:
        risen = self._value(values, "elevated_1s")
        is_most = risen * 2 >= self._value(values, "active_sessions")
        return not is_most and self._is_within(values, RESTING)

    def _is_within(self, values: tuple[int | None, ...], bounds: _Bounds) -> bool:
        for name, least, most in bounds:
            value = values[self._names[name]]
            if value is None or not least <= value <= most:
                return False
        return True

    def _value(self, values: tuple[int | None, ...], name: str) -> int:
        return values[self._names[name]] or 0


def left(before: Surge, at_ns: int, messages: int) -> tuple[int, int]:
    """Return what is left of a score, and how many orders a window adds to it."""
    sent = messages - before.messages
    own = min(sent, OWN_MAX)
    span_ns = max(at_ns - before.at_ns, 0)
    lost = (sent - own) * TAKEN + LEAK * span_ns // SECOND_NS
    return max(before.score - lost, 0), own


__all__ = ["EVEN", "LIMIT", "RESTING", "Surge", "Surges", "left"]
