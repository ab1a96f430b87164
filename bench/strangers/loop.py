"""A queue of what happens when, in ns of capture time."""

import heapq
from collections.abc import Callable
from typing import Any

SECOND = 1_000_000_000
MS = 1_000_000
US = 1_000


class Loop:
    """Runs callbacks in the order of their time; ties in the order they came."""

    def __init__(self, start_ns: int) -> None:
        self.now = start_ns
        self._queue: list[tuple[int, int, Callable[..., Any], tuple[Any, ...]]] = []
        self._count = 0

    def at(self, t_ns: float, call: Callable[..., Any], *given: Any) -> None:
        """Have `call(*given)` happen at `t_ns`, or now if that is past."""
        self._count += 1
        when = max(int(t_ns), self.now)
        heapq.heappush(self._queue, (when, self._count, call, given))

    def after(self, delay_ns: float, call: Callable[..., Any], *given: Any) -> None:
        """Have `call(*given)` happen in `delay_ns`."""
        self.at(self.now + delay_ns, call, *given)

    def run(self, until_ns: int) -> None:
        """Let everything before `until_ns` happen."""
        while self._queue and self._queue[0][0] < until_ns:
            self.now, _, call, given = heapq.heappop(self._queue)
            call(*given)
