"""A client's FIX session: who it is, what it has in the market, what it sends."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from strangers.fix import (
    CANCEL,
    HEARTBEAT,
    LOGON,
    LOGOUT,
    NEW,
    REPLACE,
    REPORT,
    Body,
    Dialect,
)
from strangers.loop import MS, SECOND, US
from strangers.tcp import DOWN, UP, Connection, Link
from strangers.wire import Host

if TYPE_CHECKING:
    from strangers.gateway import Gateway
    from strangers.world import World


@dataclasses.dataclass(slots=True)
class Order:
    """An order as both sides know it; prices in hundredths."""

    cl: str
    symbol: str
    side: str
    quantity: int
    price: int
    leaves: int
    keen: bool = False
    live: bool = False
    order_id: str = "NONE"
    average: int = 0
    asked: int = 0
    wanted: int = 0


@dataclasses.dataclass(slots=True)
class Style:
    """How an algorithm trades: shares of what it does, how deep, in what sizes."""

    new: float
    replace: float
    cancel: float
    keen: float
    depth: int
    lot: int
    offset: int
    sizes: int = 6
    tilt: float = 0.5


#: Market maker, aggressive taker, slicer of parent orders, a bit of everything.
STYLES = {
    "maker": Style(0.25, 0.6, 0.15, 0.0, 12, 100, 3),
    "canceller": Style(0.48, 0.05, 0.47, 0.0, 10, 50, 4),
    "taker": Style(0.97, 0.0, 0.03, 0.95, 6, 25, 1),
    "slicer": Style(0.6, 0.1, 0.3, 0.1, 8, 10, 2, sizes=2, tilt=0.9),
    "mixed": Style(0.45, 0.3, 0.25, 0.3, 15, 100, 5),
}


class Session:
    """One client's end of a FIX session and what it means to do with it."""

    def __init__(
        self, world: World, host: Host, gateway: Gateway, comp: str, style: str
    ) -> None:
        self.world, self.host, self.gateway, self.comp = world, host, gateway, comp
        self.rng = rng = world.rng
        self.style = dataclasses.replace(STYLES[style])
        self.style.depth = max(2, int(self.style.depth * rng.uniform(0.5, 2)))
        self.role = style
        self.dialect = Dialect(rng)
        self.link = Link(
            int(np.exp(rng.uniform(np.log(20 * US), np.log(4 * MS)))),
            int(rng.uniform(5, 60) * US),
            float(rng.choice([0, 0, 0, 0.0001, 0.0005])),
        )
        self.heartbeat_s = int(rng.choice([5, 10, 20, 30, 30, 60]))
        self.coalesce_ns = int(rng.choice([0, 0, 0, 30 * US, 300 * US]))
        self.p_split = float(rng.choice([0.0, 0.0, 0.002, 0.02]))
        self.p_take = float(rng.uniform(0.6, 0.98))
        self.fill_scale = 1.0
        self.symbols = world.pick_symbols()
        self.rate = 1.0
        self.book: dict[str, Order] = {}
        self.is_on = False
        self.answered = 0.0
        self.seq = [0, 0]
        self.sent = [0, 0]
        self.connection: Connection | None = None
        self._held: tuple[list[bytes], list[bytes]] = ([], [])
        self.seen: set[str] = set()
        self.reject_hook: object = None
        self.client_comp = comp
        self.password = ""
        self.reset = bool(rng.random() < 0.7)
        self._life = 0

    # -- connection ---------------------------------------------------------

    def connect(self) -> None:
        """Open a connection now and log on."""
        if self.connection is not None and self.connection.is_open:
            return
        self._held = ([], [])
        hosts = (self.host, self.gateway.host)
        loop, tape = self.world.loop, self.world.tape
        self.connection = Connection(
            loop, tape, hosts, self.gateway.port, self.link, self.rng
        )
        self._life += 1
        self.world.ports.add((self.host.text, self.connection.port, self.comp))
        wait = self.rng.uniform(50 * US, 5 * MS)
        connection = self.connection
        connection.open(lambda: loop.after(wait, self._log_on, connection))

    def adopt(self) -> None:
        """Be logged on already when the capture starts."""
        hosts = (self.host, self.gateway.host)
        self.connection = Connection(
            *(self.world.loop, self.world.tape, hosts),
            *(self.gateway.port, self.link, self.rng),
        )
        self.connection.adopt()
        self._life += 1
        self.world.ports.add((self.host.text, self.connection.port, self.comp))
        self.seq = [int(self.rng.integers(50, 90000)) for _ in range(2)]
        self.is_on = True
        for side in (UP, DOWN):
            self.world.loop.after(
                self.rng.uniform(0, self.heartbeat_s) * SECOND,
                *(self._beat, side, self._life),
            )

    def _log_on(self, connection: Connection) -> None:
        if connection is not self.connection or not connection.is_open:
            return
        body: Body = {98: "0", 108: str(self.heartbeat_s)}
        if self.reset:
            self.seq = [0, 0]
            body[141] = "Y"
        if self.password:
            body |= {553: self.client_comp, 554: self.password}
        self.send(LOGON, body)

    def admitted(self) -> None:
        """Be logged on from now."""
        self.is_on = True
        for side in (UP, DOWN):
            wait = self.heartbeat_s * SECOND
            self.world.loop.after(wait, self._beat, side, self._life)

    def _beat(self, side: int, life: int) -> None:
        if not self.is_on or life != self._life:
            return
        now = self.world.loop.now
        due = self.sent[side] + self.heartbeat_s * SECOND
        if due <= now + MS:
            if side == UP:
                self.send(HEARTBEAT, {})
            else:
                self.reply(HEARTBEAT, {})
            due = now + self.heartbeat_s * SECOND
        self.world.loop.at(due, self._beat, side, life)

    def log_off(self) -> None:
        """Log out in order; the connection ends soon after."""
        if self.is_on:
            self.send(LOGOUT, {})
            self.is_on = False
            self.book.clear()
            connection = self.connection
            assert connection is not None
            self.world.loop.after(30 * MS, connection.close)

    def hang_up(self) -> None:
        """Have the gateway end the connection."""
        self.is_on = False
        if self.connection is not None:
            self.connection.close(DOWN)

    def cut(self, side: int) -> None:
        """Break the connection off; open orders are cancelled unseen."""
        self.is_on = False
        self.book.clear()
        if self.connection is not None:
            self.connection.reset(side)

    # -- messages -----------------------------------------------------------

    def send(self, kind: str, body: Body, harm: list[int] | None = None) -> None:
        """Send one message to the gateway."""
        connection = self.connection
        if connection is None or not connection.is_open:
            return
        self.seq[UP] += 1
        head = {49: self.client_comp, 56: self.gateway.comp, 34: str(self.seq[UP])}
        head[52] = self.dialect.stamp(self.world.loop.now)
        wire = self.dialect.encode(kind, head, body)
        if harm is not None:
            harm.append(self.world.loop.now)
        arrival = self._out(UP, wire)
        if kind != HEARTBEAT:
            gateway = self.gateway
            self.world.loop.at(arrival, gateway.receive, self, kind, body)

    def reply(self, kind: str, body: Body) -> None:
        """Have the gateway send one message to the client."""
        connection = self.connection
        if connection is None or not connection.is_open:
            return
        self.seq[DOWN] += 1
        head = {49: self.gateway.comp, 56: self.client_comp, 34: str(self.seq[DOWN])}
        head[52] = self.gateway.dialect.stamp(self.world.loop.now)
        self._out(DOWN, self.gateway.dialect.encode(kind, head, body))
        if kind == REPORT and callable(self.reject_hook) and body[150] == "8":
            self.world.loop.after(self.link.far_ns, self.reject_hook, body)

    def _out(self, side: int, wire: bytes) -> int:
        self.sent[side] = self.world.loop.now
        wait = self.coalesce_ns if side == UP else self.gateway.coalesce_ns
        held = self._held[side]
        assert self.connection is not None
        if not wait:
            return self._put(side, wire)
        held.append(wire)
        if len(held) == 1:
            self.world.loop.after(wait, self._flush, side, self.connection)
        return self.world.loop.now + wait

    def _flush(self, side: int, connection: Connection) -> None:
        held = self._held[side]
        if held and connection is self.connection:
            self._put(side, b"".join(held))
            held.clear()

    def _put(self, side: int, wire: bytes) -> int:
        assert self.connection is not None
        if self.p_split and self.rng.random() < self.p_split:
            at = int(self.rng.integers(1, len(wire)))
            self.connection.send(side, wire[:at])
            wire = wire[at:]
        return self.connection.send(side, wire)

    # -- trading ------------------------------------------------------------

    def flow(self, times: np.ndarray) -> None:
        """Do one thing at each of `times`, in order."""
        self._flow(iter(times.tolist()))

    def _flow(self, times: object) -> None:
        upcoming = next(times, None)
        if upcoming is not None:
            self.world.loop.at(upcoming, self._step, times)

    def _step(self, times: object) -> None:
        if self.is_on:
            self.act()
        self._flow(times)

    def act(self) -> None:
        """Do what this algorithm would do next."""
        style, rng = self.style, self.rng
        live = [order for order in self.book.values() if order.live]
        draw = rng.random() * (style.new + style.replace + style.cancel)
        if live and (len(live) > style.depth or draw < style.cancel):
            self.cancel(live[int(rng.integers(len(live)))])
        elif live and draw < style.cancel + style.replace:
            self.replace(live[int(rng.integers(len(live)))])
        else:
            self.enter()

    def enter(
        self,
        symbol: str = "",
        side: str = "",
        price: int = 0,
        quantity: int = 0,
        *,
        keen: bool | None = None,
        harm: list[int] | None = None,
    ) -> Order:
        """Enter a new order; what is not given is drawn as this algorithm would."""
        rng, style, now = self.rng, self.style, self.world.loop.now
        symbol = (
            symbol
            or self.symbols[
                int(rng.integers(len(self.symbols)) ** 2) % len(self.symbols)
            ]
        )
        side = side or ("1" if rng.random() < style.tilt else "2")
        quantity = quantity or style.lot * int(rng.integers(1, style.sizes + 1))
        if keen is None:
            keen = bool(rng.random() < style.keen)
        if not price:
            away = int(rng.integers(0, 1 + 4 * style.offset))
            away = -away // 2 if keen else away
            price = self.world.cents(symbol) + (-away if side == "1" else away)
        price = max(1, price)
        order = Order(
            self.dialect.fresh(now), symbol, side, quantity, price, quantity, keen
        )
        self.book[order.cl] = order
        body = {11: order.cl, **self.terms(order), 59: "3" if keen else "0"}
        self.send(NEW, body, harm)
        return order

    def terms(self, order: Order) -> Body:
        """Return what an order message says of the order itself."""
        return {
            55: order.symbol,
            54: order.side,
            38: str(order.quantity),
            40: "2",
            44: self.dialect.price(order.price),
            60: self.dialect.stamp(self.world.loop.now),
            **self.dialect.extra,
        }

    def cancel(self, order: Order, harm: list[int] | None = None) -> None:
        """Ask for an order to be cancelled."""
        body = {
            11: self.dialect.fresh(self.world.loop.now),
            41: order.cl,
            55: order.symbol,
            54: order.side,
            38: str(order.quantity),
            60: self.dialect.stamp(self.world.loop.now),
        }
        self.send(CANCEL, body, harm)

    def replace(
        self, order: Order, harm: list[int] | None = None, price: int = 0
    ) -> None:
        """Ask for an order to get a new price, sometimes a new size."""
        rng, style = self.rng, self.style
        shift = int(rng.integers(-style.offset, style.offset + 1)) or 1
        order.asked = max(1, price or self.world.cents(order.symbol) + shift)
        order.wanted = max(1, order.leaves)
        if rng.random() < 0.2:
            order.wanted = style.lot * int(rng.integers(1, style.sizes + 1))
        body = {11: self.dialect.fresh(self.world.loop.now), 41: order.cl}
        body |= self.terms(order)
        body[38] = str(order.quantity - order.leaves + order.wanted)
        body[44] = self.dialect.price(order.asked)
        self.send(REPLACE, body, harm)
