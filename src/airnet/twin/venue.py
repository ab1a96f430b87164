"""Venue: how a gateway answers orders: accepts, fills, cancels, replaces, rejects."""

from collections.abc import Iterator
from typing import Any

import msgspec

from airnet.twin.dialect import PRICES
from airnet.twin.line import Line


class Order:
    """An order as both sides know it. Prices are cents."""

    __slots__ = (
        "fill",
        "filled",
        "id",
        "immediate",
        "is_open",
        "number",
        "price",
        "quantity",
        "side",
        "symbol",
        "value",
    )

    def __init__(
        self, id_: bytes, symbol: int, side: bytes, price: int, quantity: int
    ) -> None:
        self.id = id_
        self.symbol = symbol
        self.side = side
        self.price = price
        self.quantity = quantity
        self.number = b""
        self.is_open = True
        self.immediate = False
        self.filled = 0
        self.value = 0
        self.fill = -1.0


class Odds(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of orders: shares of them, and how long resting ones wait."""

    reject: float = 0.004
    fill: float = 0.06
    partial: float = 0.3
    immediate_fill: float = 0.55
    business_reject: float = 0.0003
    rest_ns: int = 1_500_000_000


class Venue:
    """The gateway's end of one Line."""

    def __init__(
        self, line: Line, symbols: tuple[bytes, ...], odds: Odds, style: str, first: int
    ) -> None:
        self._line = line
        self._symbols = symbols
        self._odds = odds
        self._price = PRICES[style]
        self._chance: Iterator[float] = line.chance
        self._orders = first
        self._executions = first * 3
        self._seen: set[bytes] = set()
        self.fill_type = b"F"

    def receive_new(self, time_ns: int, order: Order, refusal: bytes = b"") -> None:
        """Take a new order; `refusal` is the OrdRejReason (103) it will get."""
        act = self._refuse if refusal else self._accept
        at = self._line.answer_ns(time_ns)
        self._line.push(at, act, (order, refusal) if refusal else order)

    def receive_cancel(self, time_ns: int, order: Order, id_: bytes) -> None:
        """Take a cancel request for what `order` now is."""
        at = self._line.answer_ns(time_ns)
        self._line.push(at, self._cancel, (order, id_, order.id))

    def receive_replace(
        self, time_ns: int, order: Order, id_: bytes, terms: tuple[int, int]
    ) -> None:
        """Take a replace request: new price and quantity."""
        at = self._line.answer_ns(time_ns)
        self._line.push(at, self._replace, (order, id_, order.id, terms))

    def _report(
        self,
        time_ns: int,
        order: Order,
        state: tuple[bytes, bytes],
        extra: dict[bytes, bytes],
        last: tuple[int, int] = (0, 0),
    ) -> None:
        """Send an ExecutionReport: `state` is ExecType and OrdStatus."""
        self._executions += 1
        left = order.quantity - order.filled if order.is_open else 0
        average = order.value // order.filled if order.filled else 0
        values = {
            b"37": order.number,
            b"11": order.id,
            b"17": b"E%d" % self._executions,
            b"150": state[0],
            b"39": state[1],
            b"55": self._symbols[order.symbol],
            b"54": order.side,
            b"38": b"%d" % order.quantity,
            b"40": b"2",
            b"44": self._price(order.price),
            b"59": b"3" if order.immediate else b"0",
            b"32": b"%d" % last[0],
            b"31": self._price(last[1]),
            b"151": b"%d" % left,
            b"14": b"%d" % order.filled,
            b"6": self._price(average),
            b"60": b"",
        }
        values.update(extra)
        self._line.tell("8", time_ns, values)

    def _number(self, order: Order) -> None:
        self._orders += 1
        order.number = b"%d" % self._orders

    def _accept(self, time_ns: int, order: Order) -> None:
        """Answer a new order, and draw what becomes of it."""
        odds, chance = self._odds, next(self._chance)
        if chance < odds.reject:
            self._refuse(time_ns, (order, b"99"))
            return
        if chance < odds.reject + odds.business_reject:
            order.is_open = False
            sequence = b"%d" % self._line.client.sequence
            values = {b"45": sequence, b"372": b"D", b"380": b"4", b"58": b"not now"}
            self._line.tell("j", time_ns, values)
            return
        self._number(order)
        self._report(time_ns, order, (b"0", b"0"), {})
        fill = odds.immediate_fill if order.immediate else odds.fill
        fill = order.fill if order.fill >= 0.0 else fill
        wait = 8_000 + int(next(self._chance) * 40_000)
        if next(self._chance) < fill:
            if not order.immediate:
                wait += int(next(self._chance) * 2 * odds.rest_ns)
            self._line.push(time_ns + wait, self._fill, order)
        elif order.immediate:
            self._line.push(time_ns + wait, self._expire, order)

    def _refuse(self, time_ns: int, subject: tuple[Order, bytes]) -> None:
        order, reason = subject
        order.is_open = False
        self._number(order)
        text = {b"6": b"duplicate ClOrdID", b"99": b"limit"}.get(reason, b"risk limit")
        self._report(time_ns, order, (b"8", b"8"), {b"103": reason, b"58": text})

    def _fill(self, time_ns: int, order: Order) -> None:
        """Fill what is left of an order, or a part of it."""
        if not order.is_open:
            return
        left = order.quantity - order.filled
        count = left
        if left >= 200 and next(self._chance) < self._odds.partial:
            count = max(100, int(left * next(self._chance)) // 100 * 100)
        order.filled += count
        order.value += count * order.price
        is_full = order.filled == order.quantity
        order.is_open = not is_full
        status = b"2" if is_full else b"1"
        kind = self.fill_type if self.fill_type == b"F" else status
        self._report(time_ns, order, (kind, status), {}, (count, order.price))
        if is_full:
            return
        wait = 20_000 + int(next(self._chance) * 2_000_000)
        act = self._expire if order.immediate else self._fill
        self._line.push(time_ns + wait, act, order)

    def _expire(self, time_ns: int, order: Order) -> None:
        """Cancel what is left of an immediate-or-cancel order."""
        order.is_open = False
        self._report(time_ns, order, (b"4", b"4"), {})

    def _cancel(self, time_ns: int, subject: tuple[Order, bytes, bytes]) -> None:
        order, id_, original = subject
        if not order.is_open:
            self._reject_cancel(time_ns, order, (id_, original, b"1"))
            return
        order.is_open = False
        self._report(time_ns, order, (b"4", b"4"), {b"11": id_, b"41": original})

    def _replace(self, time_ns: int, subject: tuple[Order, bytes, bytes, Any]) -> None:
        order, id_, original, (price, quantity) = subject
        if not order.is_open or quantity <= order.filled:
            self._reject_cancel(time_ns, order, (id_, original, b"2"))
            return
        order.price, order.quantity = price, quantity
        # FIX 4.3 and later report a replaced order with its standing status.
        standing = b"1" if order.filled else b"0"
        status = standing if self.fill_type == b"F" else b"5"
        self._report(time_ns, order, (b"5", status), {b"11": id_, b"41": original})

    def _reject_cancel(
        self, time_ns: int, order: Order, about: tuple[bytes, bytes, bytes]
    ) -> None:
        id_, original, kind = about
        values = {
            b"37": order.number or b"NONE",
            b"11": id_,
            b"41": original,
            b"39": b"2" if order.filled else b"4",
            b"434": kind,
            b"102": b"0",
            b"58": b"too late",
        }
        self._line.tell("9", time_ns, values)
