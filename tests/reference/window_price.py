"""Orders that are far off, slowly: every fill and price of a symbol is kept."""

from dataclasses import dataclass, field

import numpy as np

from tests.reference.window_meet import Meetings
from tests.reference.window_venue import Row

BATCH, FILLS_MIN, ORDERS_MIN, FAR, FORGET = 16, 8, 32, 32, 1024
TURN_NS, TAKEN, SHOWN, GROUPS = 1_000_000_000, 4, 8, 64
APART_NS, HALF, LEAK_NS, UNDONE_MAX = 1_000_000, 500, 500_000, 1_000_000_000
USUAL, SPENT_NS = 400, 2**40
GOLDEN = 0x9E3779B97F4A7C15
LIMIT, AGAIN = 0x20, 0x03
WIDE = (2**63 - 1) // 1000


def share(part: int, whole: int) -> int:
    """Thousandths, as 64 bits allow."""
    return part // (whole // 1000 + 1) if part > WIDE else part * 1000 // whole


@dataclass
class Symbol:
    """What was ordered and filled in one symbol."""

    fills: list[int] = field(default_factory=list)
    last_fill: int = 0
    prices: list[int] = field(default_factory=list)
    largest: int = 0
    orders: int = 0
    turns: int = 0
    last: int = -1

    def lately(self) -> list[int]:
        """The fills of the batch that is open, or just full, and of the one before."""
        whole = (len(self.fills) - 1) // BATCH
        return self.fills[max(whole - 1, 0) * BATCH :]

    def step(self) -> int | None:
        pairs = zip(self.prices, self.prices[1:], strict=False)
        return min((abs(b - a) for a, b in pairs if a != b), default=None)

    def through(self, m: np.void) -> tuple[int, int] | None:
        """How far an order is through what was traded lately, and that."""
        price = int(m["price"])
        if not m["flags"] & LIMIT or price <= 0 or len(self.fills) < FILLS_MIN:
            return None
        if chr(m["side"]) in "13":
            bound = max(self.lately())
            return max(price - bound, 0), bound
        bound = min(self.lately())
        return max(bound - price, 0), bound

    def sized(self, m: np.void) -> bool:
        return self.orders >= ORDERS_MIN and self.largest > 0 and m["quantity"] > 0

    def is_far(self, m: np.void) -> bool:
        if self.sized(m) and int(m["quantity"]) // FAR > self.largest:
            return True
        through = self.through(m)
        return through is not None and through[0] > through[1] // FAR

    def learn(self, m: np.void) -> None:
        quantity, price = int(m["quantity"]), int(m["price"])
        self.orders += 1
        self.turns //= 2 if self.orders % FORGET == 0 else 1
        if quantity > self.largest:
            far = self.largest > 0 and quantity // FAR > self.largest
            self.largest = self.largest * FAR if far else quantity
        if price > 0:
            self.prices.append(price)


@dataclass
class Name:
    """A session's last new order in a symbol."""

    symbol: int
    at: int = 0
    is_buy: bool = False
    price: int = 0
    quantity: int = 0
    filled: bool = False

    def is_undone_by(self, m: np.void) -> bool:
        is_buy, price = chr(m["side"]) in "13", int(m["price"])
        if is_buy is self.is_buy or not self.filled:
            return False
        if self.quantity != int(m["quantity"]):
            return False
        lost = price - self.price if is_buy else self.price - price
        return 0 in (price, self.price) or lost > 0


@dataclass
class Told:
    """What one session's rows have so far, and its own symbols: one of each group."""

    tick: int = 0
    run: int = 0
    left: int = 0
    turns: int = 0
    turned: int = 0
    undone: int = 0
    undone_from: int = 0
    first: int = 0
    names: dict[int, Name] = field(default_factory=dict)

    def name(self, symbol: int) -> Name:
        group = symbol * GOLDEN % 2**64 * GROUPS >> 64
        if self.names.setdefault(group, Name(symbol)).symbol != symbol:
            self.names[group] = Name(symbol)
        return self.names[group]

    def turn(self, m: np.void, now: int, usual: int) -> bool:
        """Take a new order; True when enough have turned. `usual`: of 0.1 s, 16.16."""
        name, is_shown = self.name(int(m["symbol_key"])), False
        if now - name.at <= TURN_NS and now - self.turned >= APART_NS:
            spent = now - self.turned
            usual = min(spent, SPENT_NS) // 1000 * usual // 65_536
            self.undone = max(self.undone - spent // LEAK_NS - usual // USUAL, 0)
            is_shown = self.count(name.is_undone_by(m), now)
        name.at, name.is_buy = now, chr(m["side"]) in "13"
        name.price, name.quantity = int(m["price"]), int(m["quantity"])
        name.filled = False
        return is_shown

    def count(self, is_turn: bool, now: int) -> bool:
        """Take an order that turns, or does not."""
        self.turned = now
        if not is_turn:
            self.turns = max(self.turns - TAKEN, 0)
            self.undone = max(self.undone - HALF, 0)
            return False
        self.undone_from = self.undone_from if self.undone else now
        self.turns += 1
        self.undone += 1000 if self.undone < UNDONE_MAX else 0
        return self.turns >= SHOWN or self.undone >= 1000 * SHOWN


class Prices:
    """Of every symbol; no symbol is forgotten."""

    def __init__(self) -> None:
        self.symbols: dict[int, Symbol] = {}
        self.meetings = Meetings()

    def fill(self, told: Told, m: np.void, now: int) -> None:
        """Somebody was told of a fill."""
        if m["symbol_key"] and m["price"] > 0 and m["quantity"] > 0:
            if m["flags"] & AGAIN:
                return
            told.name(int(m["symbol_key"])).filled = True
            symbol = self.symbols.setdefault(int(m["symbol_key"]), Symbol())
            symbol.fills.append(int(m["price"]))
            symbol.last_fill = now

    def order(
        self,
        index: int,
        told: Told,
        m: np.void,
        own: tuple[int | None, int],
        now: int,
        tick: int,
    ) -> Row | None:
        """Return the row of an order, if it has one.

        `own`: the session's mean quantity, and its usual new orders of 0.1 s, 16.16.
        """
        kind = chr(m["type"]) if m["type"] < 128 else ""
        if not m["symbol_key"] or kind not in "DG" or not m["type"]:
            return None
        symbol = self.symbols.setdefault(int(m["symbol_key"]), Symbol())
        told.name(int(m["symbol_key"]))
        is_shown = kind == "D" and told.turn(m, now, own[1])
        if kind == "D":
            is_shown |= self.meetings.order(index, m, now)
        row, is_far = None, symbol.is_far(m)
        told.run = told.run + 1 if is_far else 0
        if (is_far or is_shown) and told.tick == tick:
            told.left += 1
        elif is_far or is_shown:
            row = self.row(index, symbol, told, m, own[0], now)
            told.tick, told.left = tick, 0
        if is_far:
            symbol.turns += symbol.turns == 0 or symbol.last != index
            symbol.last = index
        symbol.learn(m)
        return row

    def row(
        self,
        index: int,
        symbol: Symbol,
        told: Told,
        m: np.void,
        own: int | None,
        now: int,
    ) -> Row:
        quantity, through, step = int(m["quantity"]), symbol.through(m), symbol.step()
        elsewhere = symbol.turns - (symbol.turns > 0 and symbol.last == index)
        return {
            "price_through": None if through is None else share(*through),
            "price_steps": (
                None if through is None or step is None else through[0] // step
            ),
            "quantity_over_largest": (
                share(quantity, symbol.largest) if symbol.sized(m) else None
            ),
            "quantity_over_own": (
                None
                if own is None
                else max(quantity, 0) // 1_000_000 * 1000 // (own + 1)
            ),
            "last_fill_ms": (
                (now - symbol.last_fill) // 1_000_000 if symbol.fills else None
            ),
            "fills_seen": len(symbol.fills),
            "orders_seen": symbol.orders,
            "far_elsewhere": elsewhere,
            "run": told.run,
            "left_out": told.left,
            "turns": told.turns,
            "undone": told.undone,
            "undone_after_ms": (
                (told.undone_from - told.first) // 1_000_000 if told.undone else 0
            ),
            "met": self.meetings.own(index).met,
            "refused_run": self.meetings.own(index).refused,
        }

    @staticmethod
    def key(index: int, now: int, accepted: int, frame_count: int) -> dict[str, object]:
        return {
            "open_ns": now,
            "close_ns": now,
            "frame_count": frame_count,
            "first_ns": now,
            "accepted_ns": accepted,
            "address": bytes(16),
            "subject": index,
            "port": 0,
            "kind": 8,
            "known": 0,
        }
