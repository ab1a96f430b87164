"""Workers: a thread for each enforcer, so that one that hangs holds up no other.

The hands own what stands, and wait for an enforcer's answer before they go on. While
they wait they hear people, whose word about another enforcer is done at once.
"""

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

#: While an enforcer is waited for, people are heard so often.
HEAR_S = 0.005

Result = TypeVar("Result")


class Call(Generic[Result]):
    """Something an enforcer was asked, and what comes of it."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._done = threading.Event()
        self._results: list[Result] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """Ask; whatever comes of it is kept."""
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001 -- raised again by `result`
            self._error = error
        self._done.set()

    def is_done(self, wait_s: float = 0.0) -> bool:
        """Return whether it was answered, or could not be."""
        return self._done.wait(wait_s)

    def result(self) -> Result:
        """Return what came of it, once it is done, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._results[0]


class Workers:
    """Threads that ask, one for each name; without anybody to hear, none at all."""

    def __init__(self) -> None:
        self._queues: dict[str, queue.SimpleQueue[Callable[[], None]]] = {}
        self._between: Callable[[], None] | None = None

    def attend(self, between: Callable[[], None]) -> None:
        """Have `between` called while an answer is waited for."""
        self._between = between

    def begin(self, name: str, work: Callable[[], Result]) -> Call[Result]:
        """Ask, after whatever was asked there before."""
        call = Call(work)
        if self._between is None:
            call.run()
            return call
        waiting = self._queues.get(name)
        if waiting is None:
            waiting = self._queues[name] = queue.SimpleQueue()
            threading.Thread(
                target=_work, args=(waiting,), name=f"ask {name}", daemon=True
            ).start()
        waiting.put(call.run)
        return call

    def wait(self, call: Call[Result], limit_s: float = threading.TIMEOUT_MAX) -> bool:
        """Return whether it is done, at the latest when so many seconds are over."""
        waited_s = 0.0
        while not call.is_done(HEAR_S):
            waited_s += HEAR_S
            if waited_s >= limit_s:
                return False
            if self._between is not None:
                self._between()
        return True

    def do(self, name: str, work: Callable[[], Result]) -> Result:
        """Ask, wait, and return what comes of it, or raise what it raises."""
        if self._between is None:
            return work()
        call = self.begin(name, work)
        self.wait(call)
        return call.result()


def _work(waiting: "queue.SimpleQueue[Callable[[], None]]") -> None:
    while True:
        waiting.get()()
