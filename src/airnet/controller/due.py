"""Due: what the fast lane is to do later, soonest first, never more than so much."""

import bisect
from typing import NamedTuple

#: Beyond this the soonest is done at once, which opens a meter a little early.
DUE_MAX = 16_384


class Later(NamedTuple):
    """One thing to do.

    `slot` is whose rules are written again; REOPEN, of a decision; or ASK, of an xid
    that nobody has told of.
    """

    at_ns: int
    slot: int
    decision: int


REOPEN, ASK = -1, -2


class Due:
    """A queue by time."""

    def __init__(self) -> None:
        self._later: list[Later] = []

    def __len__(self) -> int:
        return len(self._later)

    def add(self, *later: Later) -> None:
        """Take in what is to be done."""
        for one in later:
            bisect.insort(self._later, one)

    def forget(self, decision: int) -> None:
        """Do nothing more for a decision."""
        self._later = [one for one in self._later if one.decision != decision]

    def next_ns(self, otherwise_ns: int) -> int:
        """Return when the soonest is due, not later than another moment."""
        return min(otherwise_ns, self._later[0].at_ns) if self._later else otherwise_ns

    def take(self, now_ns: int) -> list[Later]:
        """Take out what is due, and what is too much to keep."""
        count = bisect.bisect_right(self._later, now_ns, key=lambda one: one.at_ns)
        count = max(count, len(self._later) - DUE_MAX)
        taken, self._later = self._later[:count], self._later[count:]
        return taken
