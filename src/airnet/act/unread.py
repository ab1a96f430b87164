"""Rules for frames whose ports nobody can read, beside the rules that ask for ports.

Later parts of a datagram say no ports, and a chain of headers may be longer than the
guard walks. Such frames would be a way past every rule of a port; so where one stands,
they are held to at least as much: to a session's pair of addresses, to a gateway.
"""

import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from airnet.kernel.guard import KernelGuard, Rule
from airnet.kernel.tables import Table


class Place(NamedTuple):
    """Where a rule goes: a table of the guard, and a key in it."""

    table: Table
    key: bytes


class Unread:
    """Keeps the guard's table `unread` as strict as what stands beside it.

    A pair or a gateway has one rule there, of all that hide behind it: the strictest
    rate and the last end of them. Two threads may call.

    Args:
        guard: the tables; it stays the caller's.
        now_ns: CLOCK_MONOTONIC.
    """

    def __init__(self, guard: KernelGuard, now_ns: Callable[[], int]) -> None:
        self._guard = guard
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._behind: dict[bytes, set[Place]] = {}

    def cast(self, places: Iterable[Place], rule: Rule) -> None:
        """Hold what hides its ports to a rule that now stands at these places.

        Raises:
            UnsupportedError: the table is full, or the kernel refused.
        """
        with self._lock:
            for place in places:
                key = self._guard.unread_key(*place)
                if key is None:
                    continue
                self._behind.setdefault(key, set()).add(place)
                if not self._guard.unread.insert(key, rule.packed()):
                    self._merge(key, rule)

    def lift(self, places: Iterable[Place]) -> None:
        """Let go of what was cast for these places; of others it goes on.

        Raises:
            UnsupportedError: the kernel refused.
        """
        with self._lock:
            for place in places:
                key = self._guard.unread_key(*place)
                if key is not None:
                    self._behind.get(key, set()).discard(place)
                    self._renew(key)

    def rebuild(self) -> None:
        """Cast for every rule that stands, whoever wrote it; and for no other.

        Raises:
            UnsupportedError: the tables cannot be read, or the kernel refused.
        """
        now_ns = self._now_ns()
        for table in (self._guard.sessions, self._guard.gateways):
            for key, rule in self._guard.rules(table):
                if rule.until_ns > now_ns:
                    self.cast([Place(table, key)], rule)
        with self._lock:
            for key in list(self._guard.unread.keys()):
                self._renew(key)

    def sweep(self) -> int:
        """Take away rules that have ended, and forget for whom; how many.

        Raises:
            UnsupportedError: the tables cannot be read.
        """
        now_ns, count = self._now_ns(), 0
        with self._lock:
            for key, rule in self._guard.rules(self._guard.unread):
                if rule.until_ns <= now_ns:
                    self._behind.pop(key, None)
                    count += self._guard.unread.delete(key)
                elif len(self._behind.get(key, ())) > 1:
                    self._renew(key)
        return count

    def _merge(self, key: bytes, rule: Rule) -> None:
        """Let the rule there be as strict as another one, and last as long."""
        standing = self._guard.rule(self._guard.unread, key)
        if standing is None or standing.until_ns <= self._now_ns():
            self._guard.unread.update(key, rule.packed())
        elif not covers(standing, rule):
            self._guard.unread.update(key, _both(standing, rule).packed())

    def _renew(self, key: bytes) -> None:
        """Make the rule there again, of those that still stand beside it."""
        now_ns = self._now_ns()
        found = {
            place: rule
            for place in self._behind.get(key, ())
            if (rule := self._guard.rule(*place)) is not None and rule.until_ns > now_ns
        }
        if not found:
            self._behind.pop(key, None)
            self._guard.unread.delete(key)
            return
        self._behind[key] = set(found)
        first, *others = found.values()
        wanted = msgspec.structs.replace(first, next_ns=0, passed=0, refused=0)
        for rule in others:
            wanted = _both(wanted, rule)
        standing = self._guard.rule(self._guard.unread, key)
        if standing is None or _terms(standing) != _terms(wanted):
            self._guard.unread.update(key, wanted.packed())


def covers(rule: Rule, other: Rule) -> bool:
    """Return whether a rule is at least as strict as another, and lasts as long."""
    is_strict = rule.interval_ns == 0 or (
        other.interval_ns != 0 and rule.interval_ns >= other.interval_ns
    )
    return is_strict and rule.until_ns >= other.until_ns


def _both(standing: Rule, rule: Rule) -> Rule:
    """Return the stricter of two, until the end of both; what was counted stays."""
    is_stricter = covers(rule, msgspec.structs.replace(standing, until_ns=0))
    terms = rule if is_stricter else standing
    return msgspec.structs.replace(
        standing,
        until_ns=max(standing.until_ns, rule.until_ns),
        interval_ns=terms.interval_ns,
        slack_ns=terms.slack_ns,
        decision=rule.decision,
    )


def _terms(rule: Rule) -> tuple[int, int, int]:
    return rule.until_ns, rule.interval_ns, rule.slack_ns
