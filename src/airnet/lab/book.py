"""Book, what the lab's venue matches by: price, then time. Pure; prices are ticks."""

from collections import deque

import msgspec

BUY, SELL = "1", "2"


class Order(msgspec.Struct, kw_only=True, eq=False):
    """An order that rests, or is about to. `open` is what is left of it."""

    id: str
    owner: str
    client_id: str
    symbol: str
    side: str
    price: int
    quantity: int
    open: int
    filled: int = 0
    value: int = 0


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """Two orders met: what of each, at which price."""

    taker: Order
    maker: Order
    quantity: int
    price: int


class Book:
    """The resting orders of one symbol."""

    def __init__(self) -> None:
        self._sides: dict[str, dict[int, deque[Order]]] = {BUY: {}, SELL: {}}

    def enter(self, order: Order) -> list[Fill]:
        """Match an order; what is left of it rests."""
        fills = self._match(order)
        if order.open:
            levels = self._sides[order.side]
            levels.setdefault(order.price, deque()).append(order)
        return fills

    def remove(self, order: Order) -> bool:
        """Take an order out; False when it does not rest here."""
        levels = self._sides[order.side]
        queue = levels.get(order.price)
        if queue is None or order not in queue:
            return False
        queue.remove(order)
        if not queue:
            del levels[order.price]
        return True

    def best(self, side: str) -> int | None:
        """Return the best resting price of a side."""
        levels = self._sides[side]
        if not levels:
            return None
        return max(levels) if side == BUY else min(levels)

    def _match(self, order: Order) -> list[Fill]:
        """Return what `order` meets, best price first, oldest first."""
        other = SELL if order.side == BUY else BUY
        fills: list[Fill] = []
        while order.open:
            price = self.best(other)
            if price is None or not _crosses(order, price):
                break
            queue = self._sides[other][price]
            maker = queue[0]
            quantity = min(order.open, maker.open)
            for one in (order, maker):
                one.open -= quantity
                one.filled += quantity
                one.value += quantity * price
            fills.append(Fill(taker=order, maker=maker, quantity=quantity, price=price))
            if not maker.open:
                queue.popleft()
            if not queue:
                del self._sides[other][price]
        return fills


def _crosses(order: Order, price: int) -> bool:
    """Return whether `order` may trade at `price`."""
    return price <= order.price if order.side == BUY else price >= order.price
