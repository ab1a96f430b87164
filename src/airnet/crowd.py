"""Crowd: tells decide who trades, and how much, by what a scorer says nothing of.

A scorer gives no Verdict of what is plainly normal, and so decide would know only the
sessions that looked odd once. What is found counts from the first Verdict that closed
later: so it does not matter which windows came in one batch.
"""

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airnet.decide import Judge
    from airnet.domain.session import Heard, Look


class Crowd:
    """Keeps what was seen of sessions until the judge may know it.

    Args:
        judge: is told before it judges what closed later.
    """

    def __init__(self, judge: "Judge") -> None:
        self._judge = judge
        self._waiting: deque[Look | Heard] = deque()

    def add(self, looks: "Iterable[Look | Heard]") -> None:
        """Keep what was seen now, in the order of the windows' ends."""
        for look in looks:
            # Windows come in the order of their end: what is older may be told.
            self.until(look.close_ns)
            self._waiting.append(look)

    def until(self, now_ns: int) -> None:
        """Tell the judge what closed before `now_ns`."""
        waiting = self._waiting
        while waiting and waiting[0].close_ns < now_ns:
            self._judge.meet(waiting.popleft())
