"""The market's hours as plain intervals, so that deciding stays a pure function.

Written from an exchange's calendar by `airnet policy calendar`, half days and holidays
included; read once. Nobody asks a calendar while deciding, and no time zone either.
"""

import bisect
import enum
import itertools
from collections.abc import Sequence
from datetime import datetime

import msgspec

from airnet.config import Closed, require


class Phase(enum.StrEnum):
    """What the market does. Without a calendar it is taken to be open, always."""

    CONTINUOUS = "continuous"
    AUCTION = "auction"
    CLOSED = "closed"


PHASES = tuple(Phase)


class Interval(Closed, frozen=True):
    """One stretch of the market's day, [`start`, `end`), both with an offset."""

    start: datetime
    end: datetime
    phase: Phase

    def __post_init__(self) -> None:
        for moment in (self.start, self.end):
            require(moment.tzinfo is not None, "`start` must have its offset from UTC")
        require(self.start < self.end, "`end` must be after `start`")


def require_order(intervals: Sequence[Interval]) -> None:
    """Refuse intervals of which one begins before another ends.

    Hours look for the last that began: the ones around it would be forgotten, and an
    open market be taken for closed.

    Raises:
        ValueError: they are out of order, or overlap.
    """
    pairs = itertools.pairwise(intervals)
    ordered = all(one.end <= other.start for one, other in pairs)
    require(ordered, "`interval` must be in order of time, without overlap")


class Calendar(Closed, frozen=True):
    """A calendar file: intervals of one exchange, in order; between them it is closed.

    From the first interval to the last it is known; outside, nobody has said, and the
    market is taken to be open.
    """

    exchange: str
    source: str = ""
    intervals: tuple[Interval, ...] = msgspec.field(name="interval", default=())

    def __post_init__(self) -> None:
        require_order(self.intervals)


class Hours:
    """Says which phase the market is in at a moment; never fails, never guesses shut.

    Args:
        intervals: of a Calendar; none means open, always.
    """

    def __init__(self, intervals: Sequence[Interval] = ()) -> None:
        self._starts = [_ns(one.start) for one in intervals]
        self._ends = [_ns(one.end) for one in intervals]
        self._phases = [one.phase for one in intervals]

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Return the phases that it can say."""
        if not self._phases:
            return (Phase.CONTINUOUS,)
        return PHASES

    def at(self, now_ns: int) -> Phase:
        """Return the phase at capture time `now_ns`."""
        place = bisect.bisect_right(self._starts, now_ns) - 1
        if place < 0:
            return Phase.CONTINUOUS
        if now_ns < self._ends[place]:
            return self._phases[place]
        is_last = place + 1 == len(self._ends)
        return Phase.CONTINUOUS if is_last else Phase.CLOSED


def _ns(moment: datetime) -> int:
    """Return a moment in ns since the epoch."""
    return round(moment.timestamp()) * 1_000_000_000
