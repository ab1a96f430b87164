"""The algorithms of the lab's firms: a quoter and a taker, and how one runs away.

Pure and seeded: what they want next follows from the seed, the time and what they
have heard. The market's fair price is a slow wave that all can see, so that quotes
meet and orders fill. Prices are ticks of a hundredth.
"""

import math
import zlib

import msgspec
import numpy as np

from airnet.lab.result import Tally
from airnet.lab.roster import Plan

BUY, SELL = "1", "2"
NEW, CANCEL, REPLACE = "D", "F", "G"
PENDING, LIVE, CHANGING = 0, 1, 2
NS_PER_S = 1_000_000_000
WAVE_NS, WAVE_TICKS = 20 * NS_PER_S, 12
#: More on one side of one symbol than this are taken off, oldest first.
CROWD_MAX = 3
LOT = 100
#: Cancels a second of one who leaves, and at least so many of what is open.
LEAVE_PER_SECOND, LEAVE_SHARE = 25.0, 0.5
#: Who was stopped wants what he wanted still: every other time he asks for it again.
INSIST_SHARE = 0.5


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """An order message an algorithm wants sent. `original` is what it changes."""

    kind: str
    id: str
    symbol: str
    side: str
    price: int
    quantity: int
    original: str = ""


class Own(msgspec.Struct, kw_only=True, eq=False):
    """An order as its owner believes it to be."""

    id: str
    symbol: str
    side: str
    price: int
    quantity: int
    state: int = PENDING


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says: its type, the ids, the execution's kind, how much is left.

    `response_to` tells whether a cancel or a replace was rejected.
    """

    kind: str
    id: str
    original: str = ""
    exec_type: str = ""
    left: int = 0
    text: str = ""
    response_to: str = ""


def fair(symbol: str, now_ns: int) -> int:
    """Return the price, in ticks, that the whole market believes in now."""
    place = zlib.crc32(symbol.encode())
    phase = place % 1000 / 1000 + now_ns % WAVE_NS / WAVE_NS
    base = 5_000 + place % 10_000
    return base + round(WAVE_TICKS * math.sin(2 * math.pi * phase))


class Algorithm:
    """One session's trading: what it wants, what it believes, what it counted."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.plan = plan
        self.tally = Tally()
        self.orders: dict[str, Own] = {}
        self.is_leaving = False
        self._stopped: Own | None = None  # what risk control refused last
        self._random = np.random.default_rng([seed, zlib.crc32(plan.comp_id.encode())])
        self._serial = 0

    def pause_s(self, factor: float) -> float:
        """Return how long to wait for the next wish, at random (Poisson).

        `factor` says how much faster than usual everybody trades.
        """
        per_second = self.plan.per_second * factor
        if self.is_leaving:
            # Orderly, but not at leisure when there is much to take off.
            per_second = max(LEAVE_PER_SECOND, LEAVE_SHARE * len(self.orders))
        return float(self._random.exponential(1.0 / per_second))

    def want(self, now_ns: int) -> Wish | None:
        """Return the next message of ordinary trading, if there is one."""
        if self.is_leaving:
            return self._leave()
        symbol, side = self._place()
        crowd = self._live(symbol, side)
        if len(crowd) > CROWD_MAX:
            return self._cancel(crowd[0])
        if self._stopped is not None and self._random.random() < INSIST_SHARE:
            return self._insist(self._stopped)
        if self.plan.kind == "taker":
            return self._take(symbol, side, crowd, now_ns)
        return self._quote(symbol, side, crowd, now_ns)

    def loop(self, now_ns: int) -> Wish:
        """Return the message of an algorithm that does not know that it has sent it."""
        symbol = self.plan.symbols[0]
        return self._new(symbol, BUY, fair(symbol, now_ns // WAVE_NS * WAVE_NS) - 40, 5)

    def hear(self, answer: Answer) -> None:
        """Count an answer and believe it."""
        if answer.kind == "9":
            self._hear_reject(answer)
            return
        own = self.orders.get(answer.original or answer.id)
        tally = self.tally
        if answer.exec_type == "0":
            tally.accepted += 1
            self._stopped = None
            if own is not None:
                own.state = LIVE
        elif answer.exec_type == "8":
            stopped = "risk control" in answer.text
            tally.stopped += stopped
            tally.refused += not stopped
            gone = self.orders.pop(answer.id, None)
            self._stopped = gone if stopped else self._stopped
        elif answer.exec_type == "4":
            tally.canceled += 1
            self.orders.pop(answer.original, None)
        elif answer.exec_type == "5":
            tally.replaced += 1
            self._renamed(answer, own)
        elif answer.exec_type == "F":
            tally.fills += 1
            if not answer.left:
                self.orders.pop(answer.id, None)

    def is_idle(self) -> bool:
        """Return whether nothing is open and nothing unanswered."""
        return not self.orders and not self.tally.unanswered()

    def _hear_reject(self, answer: Answer) -> None:
        """A cancel or a replace was too late, or stopped."""
        if answer.response_to == "1":
            self.tally.cancel_rejects += 1
        else:
            self.tally.replace_rejects += 1
        own = self.orders.get(answer.original)
        if own is None:
            return
        if "risk control" in answer.text:
            own.state = LIVE
        else:
            del self.orders[own.id]

    def _renamed(self, answer: Answer, own: Own | None) -> None:
        """A replace went through: the order has a new id."""
        if own is None:
            return
        del self.orders[own.id]
        own.id, own.state = answer.id, LIVE
        if answer.left:
            self.orders[own.id] = own

    def _place(self) -> tuple[str, str]:
        """Return where to act: half of the time where most is open."""
        if self.orders and self._random.random() < 0.5:
            tops: dict[tuple[str, str], int] = {}
            for own in self.orders.values():
                key = (own.symbol, own.side)
                tops[key] = tops.get(key, 0) + 1
            return max(tops, key=lambda key: (tops[key], key))
        symbol = self.plan.symbols[int(self._random.integers(len(self.plan.symbols)))]
        return symbol, (BUY, SELL)[int(self._random.integers(2))]

    def _live(self, symbol: str, side: str) -> list[Own]:
        """Return what the venue acknowledged and nothing is asked of, oldest first."""
        return [
            own
            for own in self.orders.values()
            if own.state == LIVE and own.symbol == symbol and own.side == side
        ]

    def _quote(self, symbol: str, side: str, crowd: list[Own], now_ns: int) -> Wish:
        """Keep a quote near the fair price: new, moved, or taken off."""
        away = 1 + int(self._random.integers(4))
        price = fair(symbol, now_ns) + (-away if side == BUY else away)
        if len(crowd) < CROWD_MAX and self._random.random() < 0.5:
            return self._new(symbol, side, price, 1 + int(self._random.integers(5)))
        if not crowd:
            return self._new(symbol, side, price, 1 + int(self._random.integers(5)))
        if crowd[0].price != price and self._random.random() < 0.6:
            return self._replace(crowd[0], price)
        return self._cancel(crowd[0])

    def _take(self, symbol: str, side: str, crowd: list[Own], now_ns: int) -> Wish:
        """Cross the spread; take off what did not fill."""
        if crowd and self._random.random() < 0.7:
            return self._cancel(crowd[0])
        reach = int(self._random.integers(-2, 4))
        price = fair(symbol, now_ns) + (reach if side == BUY else -reach)
        return self._new(symbol, side, price, 1 + int(self._random.integers(3)))

    def _insist(self, own: Own) -> Wish:
        """Ask for the same order once more."""
        return self._new(own.symbol, own.side, own.price, own.quantity // LOT)

    def _leave(self) -> Wish | None:
        """Take off what is open, until nothing is."""
        for own in self.orders.values():
            if own.state == LIVE:
                return self._cancel(own)
        return None

    def _new(self, symbol: str, side: str, price: int, lots: int) -> Wish:
        own = Own(
            id=self._id(), symbol=symbol, side=side, price=price, quantity=lots * LOT
        )
        self.orders[own.id] = own
        self.tally.orders += 1
        return _wish(NEW, own.id, own)

    def _cancel(self, own: Own) -> Wish:
        own.state = CHANGING
        self.tally.cancels += 1
        return _wish(CANCEL, self._id(), own, original=own.id)

    def _replace(self, own: Own, price: int) -> Wish:
        own.state, own.price = CHANGING, price
        self.tally.replaces += 1
        return _wish(REPLACE, self._id(), own, original=own.id)

    def _id(self) -> str:
        self._serial += 1
        return f"{self.plan.comp_id}-{self._serial:06d}"


def _wish(kind: str, identity: str, own: Own, original: str = "") -> Wish:
    return Wish(
        kind=kind,
        id=identity,
        symbol=own.symbol,
        side=own.side,
        price=own.price,
        quantity=own.quantity,
        original=original,
    )
