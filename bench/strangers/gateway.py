"""An order gateway: what it answers, after how long, and when it is ill."""

from collections.abc import Callable

import numpy as np

from strangers.fix import (
    CANCEL,
    HEARTBEAT,
    LOGON,
    LOGOUT,
    NEW,
    REFUSAL,
    REPLACE,
    REPORT,
    TEST,
    Body,
    Dialect,
)
from strangers.loop import MS, US, Loop
from strangers.session import Order, Session
from strangers.wire import Host


class Latency:
    """A distribution of delays: one of four shapes around a median."""

    def __init__(self, median_ns: float, shape: str, rng: np.random.Generator) -> None:
        self.median_ns, self.shape, self._rng = median_ns, shape, rng
        self._spread = float(rng.uniform(0.15, 0.7))
        self._share = float(rng.uniform(0.02, 0.2))
        self._slow = float(rng.uniform(3, 9))

    def draw(self) -> float:
        """Return one delay in ns."""
        rng, median = self._rng, self.median_ns
        if self.shape == "lognormal":
            return median * float(np.exp(self._spread * rng.standard_normal()))
        if self.shape == "constant":
            return median * (1 + 0.02 * rng.random())
        if self.shape == "bimodal":
            slow = rng.random() < self._share
            return median * (self._slow if slow else 1.0) * (0.9 + 0.2 * rng.random())
        return median * float(rng.gamma(2.0, 0.6))


SHAPES = ("lognormal", "constant", "bimodal", "gamma")


class Gateway:
    """One listener of a venue; answers orders in turn, a single server."""

    def __init__(
        self, loop: Loop, host: Host, port: int, comp: str, rng: np.random.Generator
    ) -> None:
        self.loop, self.host, self.port, self.comp = loop, host, port, comp
        self.rng = rng
        self.dialect = Dialect(rng)
        median = float(np.exp(rng.uniform(np.log(40 * US), np.log(3 * MS))))
        self.latency = Latency(median, str(rng.choice(SHAPES)), rng)
        slow = float(np.exp(rng.uniform(np.log(500 * US), np.log(30 * MS))))
        self.logon_latency = Latency(slow, str(rng.choice(SHAPES)), rng)
        self.service_ns = float(rng.uniform(2, 15)) * US
        self.fill_ns = float(np.exp(rng.uniform(np.log(100 * MS), np.log(8e9))))
        self.p_fill = float(rng.uniform(0.1, 0.6))
        self.p_reject = float(rng.choice([0.0, 0.001, 0.005, 0.01]))
        self.coalesce_ns = int(rng.choice([0, 0, 50 * US, 400 * US]))
        #: Extra delay of answers at a time; latency faults set it.
        self.slowed: Callable[[int], float] = lambda _now: 0.0
        self.logon_slowed: Callable[[int], float] = lambda _now: 0.0
        #: Rejects this message, and why; the twin of a broken reference table.
        self.refuses: Callable[[Session, Body], str] = lambda _session, _body: ""
        self.accepts: Callable[[Session], bool] = lambda _session: True
        self._busy = 0.0

    def _answer_at(self, session: Session, delay: float) -> float:
        now = self.loop.now
        self._busy = max(self._busy, now) + self.service_ns
        due = self._busy + delay
        session.answered = max(due, session.answered + 1000)
        return session.answered

    def receive(self, session: Session, kind: str, body: Body) -> None:
        """Take one message of a client and have it answered."""
        now = self.loop.now
        if kind == LOGON:
            delay = self.logon_latency.draw() + self.logon_slowed(now)
            self.loop.at(self._answer_at(session, delay), self._admit, session, body)
            return
        if kind in (HEARTBEAT, LOGOUT, TEST):
            if kind == TEST:
                answer = {112: body[112]}
                due = self._answer_at(session, 200 * US)
                self.loop.at(due, session.reply, HEARTBEAT, answer)
            if kind == LOGOUT:
                due = self._answer_at(session, 300 * US)
                self.loop.at(due, session.reply, LOGOUT, {})
            return
        delay = self.latency.draw() + self.slowed(now)
        due = self._answer_at(session, delay)
        judge = {NEW: self._new, CANCEL: self._cancel, REPLACE: self._replace}[kind]
        self.loop.at(due, judge, session, body)

    def _admit(self, session: Session, body: Body) -> None:
        if not self.accepts(session):
            session.reply(LOGOUT, {58: "Not authorised"})
            self.loop.after(2 * MS, session.hang_up)
            return
        session.reply(LOGON, {98: "0", 108: body[108]} | _reset(body))
        session.admitted()

    def _report(self, session: Session, order: Order, state: str, cl: str) -> Body:
        exec_type, status = state[0], state[1]
        body = {
            37: order.order_id,
            17: self.dialect.fresh(self.loop.now),
            150: exec_type,
            39: status,
            11: cl,
            55: order.symbol,
            54: order.side,
            38: str(order.quantity),
            151: str(order.leaves if status in "012" else 0),
            14: str(order.quantity - order.leaves),
            6: self.dialect.price(order.average),
            60: self.dialect.stamp(self.loop.now),
        }
        if order.price:
            body[44] = self.dialect.price(order.price)
        return body

    def _new(self, session: Session, body: Body) -> None:
        if body[11] in session.seen:
            session.reply(REPORT, self._twice(body))
            return
        session.seen.add(body[11])
        order = session.book.get(body[11])
        if order is None:
            return
        order.order_id = self.dialect.fresh(self.loop.now)
        why = self.refuses(session, body)
        if not why and self.rng.random() < self.p_reject:
            why = "Price out of range"
        if why:
            session.book.pop(body[11], None)
            report = self._report(session, order, "88", body[11])
            session.reply(REPORT, report | {103: "0", 58: why})
            return
        order.live = True
        session.reply(REPORT, self._report(session, order, "00", body[11]))
        if order.keen:
            wait = self.latency.draw() * 0.5
            self.loop.after(wait, self._match, session, order, body[11])
        elif self.rng.random() < self.p_fill * session.fill_scale:
            wait = float(self.rng.exponential(self.fill_ns))
            self.loop.after(wait, self._match, session, order, body[11])

    def _twice(self, body: Body) -> Body:
        return {
            37: "NONE",
            17: self.dialect.fresh(self.loop.now),
            150: "8",
            39: "8",
            11: body[11],
            55: body[55],
            54: body[54],
            38: body[38],
            151: "0",
            14: "0",
            6: "0",
            103: "6",
            58: "Duplicate ClOrdID",
            60: self.dialect.stamp(self.loop.now),
        }

    def _match(self, session: Session, order: Order, cl: str) -> None:
        if not order.live or not session.is_on:
            return
        cl = order.cl
        if order.keen and self.rng.random() > session.p_take:
            self._drop(session, order)
            session.reply(REPORT, self._report(session, order, "CC", cl))
            return
        share = 1.0 if self.rng.random() < 0.7 else float(self.rng.uniform(0.1, 0.9))
        done = max(1, int(order.leaves * share))
        order.leaves -= done
        order.average = order.price or session.world.cents(order.symbol)
        state = "F2" if order.leaves == 0 else "F1"
        price = self.dialect.price(order.average)
        report = self._report(session, order, state, cl)
        session.reply(REPORT, report | {31: price, 32: str(done)})
        if order.leaves == 0:
            self._drop(session, order)
        else:
            wait = float(self.rng.exponential(self.fill_ns / 4 + MS))
            self.loop.after(wait, self._match, session, order, cl)

    @staticmethod
    def _drop(session: Session, order: Order) -> None:
        order.live = False
        session.book.pop(order.cl, None)

    def _refuse(self, session: Session, body: Body, response: str) -> None:
        session.reply(
            REFUSAL,
            {
                37: "NONE",
                11: body[11],
                41: body[41],
                39: "8",
                434: response,
                102: "1",
            },
        )

    def _cancel(self, session: Session, body: Body) -> None:
        order = session.book.get(body[41])
        if order is None or not order.live:
            self._refuse(session, body, "1")
            return
        self._drop(session, order)
        report = self._report(session, order, "44", body[11])
        session.reply(REPORT, report | {41: body[41]})

    def _replace(self, session: Session, body: Body) -> None:
        order = session.book.get(body[41])
        if order is None or not order.live:
            self._refuse(session, body, "2")
            return
        session.book.pop(order.cl, None)
        done = order.quantity - order.leaves
        order.cl, order.price = body[11], order.asked
        order.leaves = order.wanted
        order.quantity = done + order.wanted
        session.book[order.cl] = order
        report = self._report(session, order, "50", body[11])
        session.reply(REPORT, report | {41: body[41]})


def _reset(body: Body) -> Body:
    return {141: "Y"} if body.get(141) == "Y" else {}
