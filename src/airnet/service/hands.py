"""Hands: the thread that writes the intent, acts, and writes the outcome.

What the lane orders is queued to it in order; the queue is bounded, and a full one
stops the lane rather than lose an order. What people ask goes before every order.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from airnet.act.intents import Order
from airnet.act.standing import Standing
from airnet.clock import Clock, SystemClock
from airnet.domain.decision import Decision, Tier
from airnet.domain.verdict import Verdict
from airnet.errors import ActuationError, LedgerError
from airnet.service.desk import Desk
from airnet.service.guardpost import GuardPost

ORDERS_MAX = 1024  # queued to the hands; beyond it the lane waits
WAIT_MS = 20
#: An undo is served while an approval is carried out, and no deeper.
DEPTH_MAX = 2
#: No frame for so long: nobody trades, and nothing is rehearsed.
QUIET_NS = 1_000_000_000
#: An enforcer that is letting go may take so long to say so when the service ends.
PARTING_NS = 2_000_000_000


class Rehearsal:
    """What idle hands go through while frames come, so that a real one is sooner.

    Where none has come for a while no flood has begun either: a market at rest costs
    nothing.

    Args:
        play: what is gone through; True where there was anything to.
        every_us: how often.
        frames: how many frames have come so far, by any thread.
        clock: the steady one says since when none has.
    """

    def __init__(
        self,
        play: Callable[[], bool],
        every_us: int,
        frames: Callable[[], int],
        clock: Clock,
    ) -> None:
        self.play, self.every_us = play, every_us
        self._frames, self._clock = frames, clock
        self._count, self._came_ns = 0, -QUIET_NS

    def is_wanted(self) -> bool:
        """Return whether frames have come lately."""
        count, mono_ns = self._frames(), self._clock.mono_ns()
        if count != self._count:
            self._count, self._came_ns = count, mono_ns
        return mono_ns - self._came_ns < QUIET_NS


class Seen(NamedTuple):
    """What the mirror shows of a containment's target."""

    decision_id: str
    last_bad_ns: int
    now_ns: int


class Stop:
    """The last that is queued: no more will come."""


class Hands(Collector):
    """The thread that writes intents, acts, and writes outcomes, in order."""

    def __init__(
        self,
        standing: Standing,
        clock: SystemClock,
        post: GuardPost | None = None,
        desk: Desk | None = None,
        rehearsal: Rehearsal | None = None,
    ) -> None:
        """Take the roles it works with.

        Args:
            standing: intents, outcomes, what is in force.
            clock: of signs of life.
            post: what is carried out at once, before anything is queued.
            desk: what people ask, and whether anything may leave.
            rehearsal: what idle hands go through now and then.
        """
        self._rehearsal = rehearsal
        self._standing = standing
        self._clock = clock
        self._post = post
        self._desk = desk
        self._orders: queue.Queue[Order | Seen | Stop] = queue.Queue(ORDERS_MAX)
        #: Looks at the mirror that were left out because the queue was full.
        self.left_out = 0
        self._depth = 0
        #: Taken from the queue while it was looked for more to do at once.
        self._next: Order | Seen | Stop | None = None
        self.failure: BaseException | None = None
        self.beat_ns = clock.mono_ns()
        self._thread = threading.Thread(target=self._work, name="hands", daemon=True)
        standing.attend(self._breathe)
        if post is not None and post.trigger is not None:
            post.trigger.vetoes = standing.vetoes
            standing.underway.foreseen = post.trigger

    def collect(self) -> Iterator[Metric]:
        """Yield what was left out; called by the client library."""
        name = "airnet_effect_looks_left_out"
        left_out = CounterMetricFamily(
            name, "Looks at the mirror the hands had no time for"
        )
        left_out.add_metric([], self.left_out)
        yield left_out

    def start(self) -> None:
        """Begin working on orders."""
        self._thread.start()

    def carry_out(self, decision: Decision, verdict: Verdict | None) -> None:
        """Do at once what the guard can do; queue the Decision and what stands."""
        is_open = self._desk is None or not self._desk.closed()
        # Isolation waits for orders to be gone, so it is never done at once.
        is_open = is_open and decision.tier < Tier.KILL_ALGO
        # What a person undid is recorded as withheld, in part or whole.
        is_open = is_open and not self._standing.vetoes.touches(decision)
        order = Order(decision, verdict)
        if self._post is not None and self.failure is None and is_open:
            order = self._act(self._post, order)
        else:
            self._standing.underway.begin(order)
        self._put(order)

    def _act(self, post: GuardPost, order: Order) -> Order:
        """Do it at once; return it with what stands.

        It is said before, and looked after it whether a person is against it: so
        whoever undoes it, or the like of it, meanwhile finds it, or is found.
        """
        decision, underway = order.decision, self._standing.underway
        underway.begin(order, is_acting=True)
        order = order._replace(outcome=post.reflex.act(decision, order.verdict))
        underway.done(order)
        if order.outcome is not None and self._standing.vetoes.touches(decision):
            with contextlib.suppress(ActuationError):  # the hands try again
                post.actuator.release(order.outcome)
        return order

    def heeded(self, decision: Decision) -> Decision:
        """Return what of a Decision is carried out; all of it where nothing is."""
        return self._standing.vetoes.part(decision)[0] or decision

    def withdrawn(self, order: Order) -> None:
        """Queue what was done and taken back, for the record."""
        self._put(order)

    def tick(self, now_ns: int) -> None:
        """Do nothing: on a live line containments end by the host's clock."""

    def observe(self, decision_id: str, last_bad_ns: int, now_ns: int) -> None:
        """Queue what the mirror shows of a containment's target, if there is room.

        The next look shows as much: capture must not wait for a slow enforcer.
        """
        try:
            self._orders.put_nowait(Seen(decision_id, last_bad_ns, now_ns))
        except queue.Full:
            self.left_out += 1

    def stop(self) -> None:
        """Finish what is queued and return; what failed is in `failure`."""
        if self._thread.is_alive():
            self._put(Stop())
            self._thread.join()

    def _put(self, what: Order | Stop) -> None:
        """Queue an order, waiting for room; after a failure nothing is carried out."""
        while self.failure is None:
            with contextlib.suppress(queue.Full):
                self._orders.put(what, timeout=WAIT_MS / 1000)
                return

    def _work(self) -> None:
        """Work on orders until told to stop; a failure ends the service."""
        try:
            while self._one():
                self._breathe()
                self._standing.tick(self._clock.now_ns())
                if self._post is not None:
                    self._post.sweep()
            self._part()
        except BaseException as error:  # noqa: BLE001 -- the lane raises it again
            self.failure = error

    def _part(self) -> None:
        """Wait a moment for what people undid: they were told that it is let go."""
        until_ns = self._clock.mono_ns() + PARTING_NS
        while self._standing.leaving and self._clock.mono_ns() < until_ns:
            self._one()  # nothing is queued any more: it only passes the time
            self._standing.tick(self._clock.now_ns())

    def _breathe(self) -> None:
        """Do what people ask and give a sign of life; also between two commands.

        What a person asked may itself take several, so this comes back to itself.
        """
        if self._desk is not None and self._depth < DEPTH_MAX:
            self._depth += 1
            try:
                self._desk.serve()
            finally:
                self._depth -= 1
        self.beat_ns = self._clock.mono_ns()

    def _one(self) -> bool:
        """Work on one order, if any, or several at once; False when told to stop."""
        found, self._next = self._next, None
        try:
            what = found or self._wait()
        except queue.Empty:
            return True
        if isinstance(what, Stop):
            return False
        if isinstance(what, Order):
            self._carry_out(what)
        else:
            self._standing.observe_effect(*what)
        return True

    def _wait(self) -> Order | Seen | Stop:
        """Return the next order.

        Raises:
            queue.Empty: none came in time; what can be rehearsed was, meanwhile.
        """
        played = self._rehearsal
        if played is None or not played.is_wanted() or not played.play():
            return self._orders.get(timeout=WAIT_MS / 1000)
        for _ in range(max(1, WAIT_MS * 1000 // played.every_us)):
            with contextlib.suppress(queue.Empty):
                return self._orders.get(timeout=played.every_us / 1e6)
            played.play()
        raise queue.Empty

    def _carry_out(self, first: Order) -> None:
        """Carry out one Decision and those queued behind it: they share one sync."""
        orders = [first]
        with contextlib.suppress(queue.Empty):
            while len(orders) < ORDERS_MAX:
                what = self._orders.get_nowait()
                if not isinstance(what, Order):
                    self._next = what
                    break
                orders.append(what)
        try:
            self._standing.carry_out_all(orders)
        except LedgerError:
            self._take_back(orders)
            raise
        if self._post is not None:
            self._post.intents.settle(sum(one.outcome is not None for one in orders))

    def _take_back(self, orders: list[Order]) -> None:
        """Undo what was done at once and cannot be recorded."""
        for _, _, outcome in orders:
            if outcome is not None and self._post is not None:
                with contextlib.suppress(ActuationError):  # it ends by itself
                    self._post.actuator.release(outcome)
