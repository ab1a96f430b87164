"""What orders are to others' orders and to their gateway, slowly.

Orders that meet those of one other session; that are sent on while each is refused.
"""

from dataclasses import dataclass, field

import numpy as np

MEET_NS, MET, TAKEN, LEAK_NS, MOST = 20_000_000, 1000, 250, 1_000_000, 1_000_000
SHOWN, REFUSED_SHOWN = 8000, 24


@dataclass
class Own:
    """What one session's orders have come to."""

    met: int = 0
    other: int = 0
    at: int = 0
    refused: int = 0

    def spend(self, now: int, taken: int) -> None:
        """Take what time takes, and so much."""
        if self.met:
            self.met = max(self.met - (now - self.at) // LEAK_NS - taken, 0)
        self.at = now

    def meet(self, other: int) -> None:
        """Take an order that meets one of another session's."""
        self.other = self.other if self.met else other
        if self.other != other:
            self.met = max(self.met - MET, 0)
        elif self.met < MOST:
            self.met += MET


@dataclass
class Last:
    """The last order of a symbol that met none, and whose it is."""

    index: int
    at: int
    is_buy: bool
    price: int
    quantity: int

    def is_met_by(self, m: np.void, now: int) -> bool:
        is_buy, price = chr(m["side"]) in "13", int(m["price"])
        if now - self.at > MEET_NS or is_buy is self.is_buy:
            return False
        if self.quantity != int(m["quantity"]):
            return False
        if price <= 0 or self.price <= 0:
            return True
        return price >= self.price if is_buy else price <= self.price


@dataclass
class Meetings:
    """Of every symbol, and every session."""

    lasts: dict[int, Last] = field(default_factory=dict)
    sessions: dict[int, Own] = field(default_factory=dict)

    def own(self, index: int) -> Own:
        return self.sessions.setdefault(index, Own())

    def order(self, index: int, m: np.void, now: int) -> bool:
        """Take a new order; True when there is a row of it."""
        own, symbol = self.own(index), int(m["symbol_key"])
        last = self.lasts.get(symbol)
        if last is not None and last.is_met_by(m, now):
            del self.lasts[symbol]
            own.spend(now, 0)
            own.meet(last.index)
            if last.index != index:
                self.own(last.index).spend(now, 0)
                self.own(last.index).meet(index)
        else:
            own.spend(now, TAKEN)
            price, quantity = int(m["price"]), int(m["quantity"])
            is_buy = chr(m["side"]) in "13"
            self.lasts[symbol] = Last(index, now, is_buy, price, quantity)
        return own.met >= SHOWN or own.refused >= REFUSED_SHOWN

    def answer(self, index: int, *, is_refused: bool) -> None:
        """Take an answer of a session's gateway."""
        own = self.own(index)
        own.refused = own.refused + 1 if is_refused else 0
