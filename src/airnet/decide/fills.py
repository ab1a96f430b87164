"""Fills: what sessions show whose orders are all filled, counted in two ways.

A surge is far above the session's own past, and a few dozen orders of it are enough; a
spree need not be, and takes hundreds.
"""

from airnet.decide.findings import Columns, Finding
from airnet.decide.spree import Sprees
from airnet.decide.streaks import Key
from airnet.decide.surge import Surges
from airnet.decide.terms import Terms
from airnet.domain.verdict import Verdict


class Fills:
    """The scores of each session, by the columns' names."""

    def __init__(self, columns: Columns, terms: Terms) -> None:
        self._sprees = Sprees(columns, terms)
        self._surges = Surges(columns, terms, self._sprees.is_moved)

    def of(self, verdict: Verdict, finding: Finding, key: Key) -> Finding:
        """Add a window of a subject, and return the first that is found, if any is."""
        finding = self._surges.of(verdict, finding, key)
        return self._sprees.of(verdict, finding, key)

    def forget(self, key: Key) -> None:
        """Begin a session's scores anew: it has been acted upon."""
        self._surges.forget(key)
        self._sprees.forget(key)

    def moved(self, key: Key, until_ns: int) -> None:
        """Know that a session's algorithm is contained until then, capture time."""
        self._sprees.moved(key, until_ns)

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, oldest first, as a value."""
        return (self._surges.state(), self._sprees.state())


__all__ = ["Fills"]
