"""The slow, obvious limit order book: a list of orders, sorted when somebody trades."""

from typing import NamedTuple, TypedDict

LIMIT, MARKET, IOC, FOK, CANCEL, REPLACE = 1, 2, 3, 4, 5, 6
RESTS, DONE, REFUSED = 1, 2, 3
BUY, SELL = 0, 1


class Trade(NamedTuple):
    """One trade, at the resting order's price."""

    price: int
    taker: int
    maker: int
    quantity: int
    row: int


class Resting(TypedDict):
    """An order in the book; `arrived` decides between equal prices."""

    number: int
    side: int
    price: int
    leaves: int
    arrived: int


class Book:
    """A book of `levels` ticks from `base`, as ext/book.pyx has it."""

    def __init__(self, base: int, tick: int, levels: int) -> None:
        """Make it empty."""
        self.prices = range(base, base + tick * levels, tick)
        self.orders: list[Resting] = []
        self.trades: list[Trade] = []
        self.arrived = 0

    def find(self, number: int) -> Resting | None:
        """Return the order of that number, None when it is not in the book."""
        for order in self.orders:
            if order["number"] == number:
                return order
        return None

    def best(self, side: int) -> int | None:
        """Return the best price of a side."""
        prices = [order["price"] for order in self.orders if order["side"] == side]
        if not prices:
            return None
        return max(prices) if side == BUY else min(prices)

    def opposite(self, side: int, price: int | None) -> list[Resting]:
        """Return the orders that one of `side` at `price` trades with, first first."""
        sign = 1 if side == BUY else -1
        found = [
            order
            for order in self.orders
            if order["side"] != side
            and (price is None or sign * order["price"] <= sign * price)
        ]
        return sorted(found, key=lambda one: (sign * one["price"], one["arrived"]))

    def match(
        self, row: int, number: int, side: int, price: int | None, quantity: int
    ) -> int:
        """Trade; return what is left."""
        for order in self.opposite(side, price):
            if not quantity:
                break
            traded = min(quantity, order["leaves"])
            self.trades.append(
                Trade(order["price"], number, order["number"], traded, row)
            )
            quantity -= traded
            order["leaves"] -= traded
            if not order["leaves"]:
                self.orders.remove(order)
        return quantity

    def rest(self, number: int, side: int, price: int, leaves: int) -> None:
        """Put an order behind those of its price."""
        self.arrived += 1
        self.orders.append(
            Resting(
                number=number,
                side=side,
                price=price,
                leaves=leaves,
                arrived=self.arrived,
            )
        )

    def new(
        self, row: int, kind: int, number: int, side: int, price: int, quantity: int
    ) -> int:
        """Take a new order; return what becomes of it."""
        limit = None if kind == MARKET else price
        bad_price = limit is not None and limit not in self.prices
        if not quantity or bad_price or self.find(number):
            return REFUSED
        if kind == FOK:
            there = sum(order["leaves"] for order in self.opposite(side, limit))
            if there < quantity:
                return DONE
        left = self.match(row, number, side, limit, quantity)
        if left and kind == LIMIT:
            self.rest(number, side, price, left)
            return RESTS
        return DONE

    def cancel(self, number: int) -> int:
        """Take an order off the book."""
        order = self.find(number)
        if order is None:
            return REFUSED
        self.orders.remove(order)
        return DONE

    def replace(self, row: int, number: int, price: int, quantity: int) -> int:
        """Change price and quantity; only a smaller quantity keeps the place."""
        order = self.find(number)
        if order is None or price not in self.prices or not quantity:
            return REFUSED
        if price == order["price"] and quantity < order["leaves"]:
            order["leaves"] = quantity
            return RESTS
        self.orders.remove(order)
        left = self.match(row, number, order["side"], price, quantity)
        if left:
            self.rest(number, order["side"], price, left)
        return RESTS if left else DONE
