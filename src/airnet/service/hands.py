"""Hands: the thread that writes the intent, acts, and writes the outcome.

What the lane orders is queued to it in order; the queue is bounded, and a full one
stops the lane rather than lose an order.
"""

import contextlib
import queue
import threading

from airnet.act.standing import Standing
from airnet.clock import SystemClock
from airnet.domain.decision import Decision
from airnet.domain.verdict import Verdict

ORDERS_MAX = 1024  # queued to the hands; beyond it the lane waits
WAIT_MS = 20


class Hands:
    """The thread that writes intents, acts, and writes outcomes, in order."""

    def __init__(self, standing: Standing, clock: SystemClock) -> None:
        self._standing = standing
        self._clock = clock
        self._orders: queue.Queue[tuple[str, tuple[object, ...]]] = queue.Queue(
            ORDERS_MAX
        )
        self.failure: BaseException | None = None
        self.beat_ns = clock.mono_ns()
        self._thread = threading.Thread(target=self._work, name="hands", daemon=True)

    def start(self) -> None:
        """Begin working on orders."""
        self._thread.start()

    def carry_out(self, decision: Decision, verdict: Verdict | None) -> None:
        """Queue a Decision."""
        self._put("carry_out", (decision, verdict))

    def tick(self, now_ns: int) -> None:
        """Do nothing: on a live line containments end by the host's clock."""

    def observe(self, decision_id: str, last_bad_ns: int, now_ns: int) -> None:
        """Queue what the mirror shows of a containment's target."""
        self._put("observe", (decision_id, last_bad_ns, now_ns))

    def stop(self) -> None:
        """Finish what is queued and return; what failed is in `failure`."""
        if self._thread.is_alive():
            self._put("stop", ())
            self._thread.join()

    def _put(self, what: str, arguments: tuple[object, ...]) -> None:
        """Queue an order, waiting for room; after a failure nothing is carried out."""
        while self.failure is None:
            with contextlib.suppress(queue.Full):
                self._orders.put((what, arguments), timeout=WAIT_MS / 1000)
                return

    def _work(self) -> None:
        """Work on orders until told to stop; a failure ends the service."""
        try:
            while self._one():
                self._standing.tick(self._clock.now_ns())
                self.beat_ns = self._clock.mono_ns()
        except BaseException as error:  # noqa: BLE001 -- the lane raises it again
            self.failure = error

    def _one(self) -> bool:
        """Work on one order, if any; False when told to stop."""
        try:
            what, arguments = self._orders.get(timeout=WAIT_MS / 1000)
        except queue.Empty:
            return True
        if what == "stop":
            return False
        if what == "carry_out":
            self._standing.carry_out(*arguments)  # type: ignore[arg-type] # as queued
        else:
            look = self._standing.observe_effect
            look(*arguments)  # type: ignore[arg-type] # as it was queued
        return True
