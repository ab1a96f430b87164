"""Trader: what a firm's algorithm does with its session, in health and in failure."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np

from airnet.twin.dialect import PRICES, Dialect, order_ids
from airnet.twin.line import Act, Line, endless
from airnet.twin.market import Market
from airnet.twin.venue import Order, Venue

BUY, SELL = b"1", b"2"
#: Order messages one activity makes on average, by kind of session (measured).
MESSAGES = {"market_maker": 2.4, "taker": 1.0, "execution": 1.6, "arbitrage": 2.0}


class Terms(msgspec.Struct, kw_only=True):
    """What an algorithm's failure sends again and again. Prices are cents."""

    kind: str
    fill: float = 0.0
    symbol: int = 0
    side: bytes = BUY
    price: int = 0
    quantity: int = 100
    reason: bytes = b"99"


class Trader:
    """The client's end of one Line.

    Args:
        line: the connection.
        venue: who answers.
        market: for prices, with the epoch time of its start.
        dialect: how the firm writes.
        trade: what it trades, and how: kind, symbols, comp id, first order number.
        rng: its own stream.
    """

    def __init__(
        self,
        line: Line,
        venue: Venue,
        market: tuple[Market, int],
        dialect: Dialect,
        trade: tuple[str, tuple[int, ...], bytes, int],
        rng: np.random.Generator,
    ) -> None:
        kind, symbols, comp, first = trade
        self._line = line
        self._venue = venue
        self._market, self._start = market
        self._symbols = symbols
        self._price = PRICES[dialect.price_style]
        self._ids = order_ids(dialect.id_style, comp, first)
        weights = market[0].weights[list(symbols)]
        weights = weights / weights.sum()
        self._symbol: Iterator[int] = endless(
            lambda n: rng.choice(symbols, n, p=weights)
        )
        sizes = np.array([1, 1, 1, 2, 2, 3, 5, 10]) * int(rng.choice([1, 10, 100, 100]))
        self._size: Iterator[int] = endless(lambda n: rng.choice(sizes, n))
        self._tick: Iterator[int] = endless(lambda n: rng.integers(0, 6, n))
        self._chance = line.chance
        self._replaces = bool(rng.random() < 0.75)
        self._both = 0.5 + 0.5 * float(rng.random())
        self._patience_ns = int(rng.uniform(0.3e9, 4e9))
        self._slice = int(rng.choice([100, 200, 500]))
        self._resting: dict[tuple[int, bytes], Order] = {}
        self._children: list[Order] = []
        self.act: Act = {
            "market_maker": self._quote,
            "taker": self._take,
            "execution": self._work,
            "arbitrage": self._arbitrage,
        }[kind]

    def failing(self, terms: Terms) -> Act:
        """Return what the algorithm does at each turn of its failure."""
        acts: dict[str, Callable[[int, Any], None]] = {
            "identical": self._again,
            "pairs": self._pair,
            "rejects": self._again_refused,
            "duplicates": self._again_same_id,
            "requote": self._requote,
        }
        return acts[terms.kind]

    # ---- messages ----

    def _new(self, time_ns: int, order: Order) -> bytes:
        values = {
            b"11": order.id,
            b"55": self._market.symbols[order.symbol],
            b"48": self._market.symbols[order.symbol],
            b"54": order.side,
            b"60": b"",
            b"38": b"%d" % order.quantity,
            b"40": b"2",
            b"44": self._price(order.price),
            b"59": b"3" if order.immediate else b"0",
        }
        return self._line.say("D", time_ns, values)

    def _enter(
        self, time_ns: int, symbol: int, side: bytes, price: int, quantity: int
    ) -> tuple[Order, bytes]:
        """Return a new resting order and its message."""
        order = Order(next(self._ids), symbol, side, price, quantity)
        message = self._new(time_ns, order)
        self._venue.receive_new(time_ns, order)
        return order, message

    def _cancel(self, time_ns: int, order: Order) -> bytes:
        id_ = next(self._ids)
        values = {
            b"41": order.id,
            b"11": id_,
            b"55": self._market.symbols[order.symbol],
            b"54": order.side,
            b"60": b"",
            b"38": b"%d" % order.quantity,
        }
        self._venue.receive_cancel(time_ns, order, id_)
        return self._line.say("F", time_ns, values)

    def _replace(self, time_ns: int, order: Order, price: int, quantity: int) -> bytes:
        id_ = next(self._ids)
        values = {
            b"41": order.id,
            b"11": id_,
            b"55": self._market.symbols[order.symbol],
            b"54": order.side,
            b"60": b"",
            b"38": b"%d" % quantity,
            b"40": b"2",
            b"44": self._price(price),
            b"59": b"0",
        }
        self._venue.receive_replace(time_ns, order, id_, (price, quantity))
        order.id = id_
        return self._line.say("G", time_ns, values)

    def _mid(self, symbol: int, time_ns: int) -> int:
        return self._market.price(symbol, time_ns - self._start)

    # ---- healthy behaviour ----

    def _quote(self, time_ns: int, _: Any) -> None:
        """Move one symbol's quotes to where the market is."""
        symbol = next(self._symbol)
        chance = next(self._chance)
        if chance < self._both:
            sides: tuple[bytes, ...] = (BUY, SELL)
        else:
            sides = (BUY,) if next(self._chance) < 0.5 else (SELL,)
        mid = self._mid(symbol, time_ns)
        messages: list[bytes] = []
        for side in sides:
            away = 1 + next(self._tick)
            price = max(1, mid - away if side == BUY else mid + away)
            order = self._resting.get((symbol, side))
            if order is not None and order.is_open:
                if self._replaces and next(self._chance) < 0.9:
                    size = next(self._size)
                    messages.append(self._replace(time_ns, order, price, size))
                    continue
                messages.append(self._cancel(time_ns, order))
                if next(self._chance) < 0.1:
                    del self._resting[symbol, side]
                    continue
            order, message = self._enter(time_ns, symbol, side, price, next(self._size))
            self._resting[symbol, side] = order
            messages.append(message)
        self._line.send(time_ns, messages)

    def _immediate(self, time_ns: int, symbol: int, side: bytes) -> bytes:
        cross = next(self._tick)
        mid = self._mid(symbol, time_ns)
        price = max(1, mid + cross if side == BUY else mid - cross)
        order = Order(next(self._ids), symbol, side, price, next(self._size))
        order.immediate = True
        message = self._new(time_ns, order)
        self._venue.receive_new(time_ns, order)
        return message

    def _take(self, time_ns: int, _: Any) -> None:
        side = BUY if next(self._chance) < 0.5 else SELL
        message = self._immediate(time_ns, next(self._symbol), side)
        self._line.send(time_ns, [message])

    def _arbitrage(self, time_ns: int, _: Any) -> None:
        legs = (BUY, SELL) if next(self._chance) < 0.5 else (SELL, BUY)
        first, second = next(self._symbol), next(self._symbol)
        messages = [
            self._immediate(time_ns, first, legs[0]),
            self._immediate(time_ns, second, legs[1]),
        ]
        self._line.send(time_ns, messages)

    def _work(self, time_ns: int, _: Any) -> None:
        """Send the next child of a parent order, or chase with an old one."""
        self._children = [child for child in self._children if child.is_open][-50:]
        if self._children and next(self._chance) < 0.25:
            child = self._children[0]
            price = max(1, self._mid(child.symbol, time_ns) + 3 - next(self._tick))
            message = self._replace(time_ns, child, price, child.quantity)
        else:
            symbol = next(self._symbol)
            price = max(1, self._mid(symbol, time_ns) - next(self._tick))
            side = BUY if symbol % 2 else SELL
            child, message = self._enter(time_ns, symbol, side, price, self._slice)
            self._children.append(child)
            self._line.push(time_ns + self._patience_ns, self._give_up, child)
        self._line.send(time_ns, [message])

    def _give_up(self, time_ns: int, order: Order) -> None:
        if order.is_open:
            self._line.send(time_ns, [self._cancel(time_ns, order)])

    def _requote(self, time_ns: int, terms: Terms) -> None:
        """Cancel every quote and enter them all again, as new parameters demand."""
        messages = [
            self._cancel(time_ns, order)
            for order in self._resting.values()
            if order.is_open
        ]
        self._resting.clear()
        for symbol in self._symbols:
            mid = self._mid(symbol, time_ns)
            for side, away in ((BUY, -2 - terms.quantity), (SELL, 2 + terms.quantity)):
                price = max(1, mid + away)
                order, message = self._enter(
                    time_ns, symbol, side, price, next(self._size)
                )
                self._resting[symbol, side] = order
                messages.append(message)
        self._line.send(time_ns, messages)

    # ---- failures ----

    def _fixed(self, time_ns: int, terms: Terms) -> Order:
        """Return the order the failure repeats; its terms are drawn at its first."""
        if terms.price == 0:
            terms.symbol = next(self._symbol)
            terms.side = BUY if next(self._chance) < 0.5 else SELL
            terms.price = self._mid(terms.symbol, time_ns)
            terms.quantity = next(self._size)
        order = Order(
            next(self._ids), terms.symbol, terms.side, terms.price, terms.quantity
        )
        order.fill = terms.fill
        return order

    def _again(self, time_ns: int, terms: Terms) -> None:
        order = self._fixed(time_ns, terms)
        message = self._new(time_ns, order)
        self._venue.receive_new(time_ns, order)
        self._line.send(time_ns, [message])

    def _again_refused(self, time_ns: int, terms: Terms) -> None:
        order = self._fixed(time_ns, terms)
        message = self._new(time_ns, order)
        self._venue.receive_new(time_ns, order, terms.reason)
        self._line.send(time_ns, [message])

    def _again_same_id(self, time_ns: int, terms: Terms) -> None:
        order = self._fixed(time_ns, terms)
        if terms.reason == b"99":  # the first of them is accepted
            terms.reason = order.id
            self._venue.receive_new(time_ns, order)
        else:
            order.id = terms.reason
            self._venue.receive_new(time_ns, order, b"6")
        self._line.send(time_ns, [self._new(time_ns, order)])

    def _pair(self, time_ns: int, terms: Terms) -> None:
        order = self._fixed(time_ns, terms)
        messages = [self._new(time_ns, order)]
        self._venue.receive_new(time_ns, order)
        messages.append(self._cancel(time_ns, order))
        self._line.send(time_ns, messages)
