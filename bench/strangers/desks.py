"""Who trades on the other floor: quoters, algorithms, sweepers, slicers."""

import dataclasses
from collections.abc import Iterator

from strangers.floor import DOWN, UP, Body, Floor, Line


@dataclasses.dataclass
class Ticket:
    """An order: prices in cents; times in seconds of the capture."""

    number: str
    symbol: int
    side: str
    quantity: int
    cents: int
    live: float = 1e9
    done: float = 1e9


class Desk:
    """One session's trading."""

    def __init__(self, line: Line, kind: str) -> None:
        self.line, self.floor, self.kind = line, line.floor, kind
        rng = line.floor.rng
        self.own = rng.integers(len(line.floor.symbols), size=int(rng.integers(2, 9)))
        self.book: list[Ticket] = []
        self.count = int(rng.integers(1000))
        self.harm: list[int] | None = None
        self.lot = int(rng.choice([1, 10, 100]))
        self.pace = {
            "quoter": line.floor.spread(0.06, 0.5),
            "algo": line.floor.spread(0.6, 14),
            "sweeper": line.floor.spread(0.3, 5),
            "slicer": line.floor.spread(0.5, 2.5),
        }[kind]

    def fresh(self) -> str:
        """Return a new ClOrdID."""
        self.count += 1
        return f"{self.line.comp[-3:]}{self.line.port}{self.count:06d}"

    def cents(self, symbol: int, at: float) -> int:
        """Return a price that wanders with time, the same for everybody."""
        swing = 1 + 0.002 * ((at * (1 + symbol % 5)) % 7 - 3) / 3
        return int(self.floor.prices[symbol] * 100 * swing)

    def note(self, at: float) -> None:
        """Note that what is sent now harms, if it does."""
        if self.harm is not None:
            self.harm.append(self.floor.ns(at))

    def terms(self, one: Ticket, at: float, kind: str = "2") -> Body:
        """Return what an order says of itself."""
        body = {11: one.number, 1: "MAIN", 21: "1", 38: f"{one.quantity}", 40: kind}
        if kind == "2":
            body[44] = f"{one.cents / 100:.2f}"
        body |= {54: one.side, 55: self.floor.symbols[one.symbol], 59: "0", 60: ""}
        return body

    def report(self, one: Ticket, at: float, states: str, more: Body) -> float:
        """Have the venue report; `states` are ExecType(150) and OrdStatus(39)."""
        body = {
            37: f"V{one.number[-9:]}",
            11: one.number,
            17: f"E{len(self.line.said)}",
        }
        body |= {150: states[0], 39: states[1], 55: self.floor.symbols[one.symbol]}
        body |= {54: one.side, 38: f"{one.quantity}", 151: f"{one.quantity}", 14: "0"}
        return self.line.reply(at, "8", body | {6: "0", 60: ""} | more)

    def enter(
        self,
        at: float,
        symbol: int | None = None,
        side: str = "",
        cents: int = 0,
        quantity: int = 0,
        **given: str,
    ) -> Ticket:
        """Enter an order at a second; `given`: kind (40), fate (filled, refused)."""
        rng, floor = self.floor.rng, self.floor
        if symbol is None:
            symbol = int(rng.choice(self.own))
        side = side or str(rng.choice(["1", "2"]))
        cents = cents or self.cents(symbol, at) + int(rng.integers(-6, 7))
        quantity = quantity or self.lot * int(rng.integers(1, 10))
        number = given.get("number") or self.fresh()
        one = Ticket(number, symbol, side, quantity, cents)
        self.note(at)
        body = self.terms(one, at, given.get("kind", "2"))
        had = self.line.say(at, UP, "D", body)
        due = had + self.line.answer_in(had)
        fate = given.get("fate", "")
        if floor.refuses(symbol, had):
            fate = "refused"
        if fate == "refused":
            more = {103: "6" if "number" in given else "99", 58: "Not accepted"}
            one.live = self.report(one, due, "88", more | {151: "0"})
            one.done = 0.0
            return one
        if floor.begins_pending:
            self.report(one, due, "AA", {})
        one.live = self.report(one, due, "00", {})
        if fate == "filled":
            self.fill(one, one.live + 40e-6)
        elif rng.random() < 0.25:
            one.done = one.live + float(rng.exponential(2.5))
        if not fate:
            self.book.append(one)
        return one

    def fill(self, one: Ticket, at: float) -> None:
        """Have the whole order trade."""
        last = {31: f"{one.cents / 100:.2f}", 32: f"{one.quantity}", 151: "0"}
        self.report(one, at, "F2", last | {14: f"{one.quantity}"})

    def settle(self, at: float) -> None:
        """Report the fills that have come by now; the book keeps what stands."""
        for one in sorted(self.book, key=lambda one: one.done):
            if one.done <= at:
                self.fill(one, max(one.done, self.line.replied))
        self.book = [one for one in self.book if one.done > at]

    def cancel(self, at: float, one: Ticket) -> None:
        """Take an order out of the book."""
        number = self.fresh()
        self.note(at)
        body = {11: number, 41: one.number, 54: one.side, 60: ""}
        body |= {55: self.floor.symbols[one.symbol], 38: f"{one.quantity}"}
        had = self.line.say(at, UP, "F", body)
        self.book = [other for other in self.book if other is not one]
        due = had + self.line.answer_in(had)
        more = {41: one.number, 11: number, 151: "0"}
        self.report(one, due, "44", more)

    def move(self, at: float, one: Ticket, cents: int) -> None:
        """Replace an order by one at another price."""
        number, old = self.fresh(), one.number
        self.note(at)
        one.number, one.cents = number, cents
        had = self.line.say(at, UP, "G", self.terms(one, at) | {41: old})
        due = had + self.line.answer_in(had)
        one.live = self.report(one, due, "50", {41: old})

    # -- a day's work -------------------------------------------------------

    def times(self, first: float, last: float, rate: float) -> Iterator[float]:
        """Yield chance times at a rate that follows the floor's activity."""
        rng, at = self.floor.rng, first
        while True:
            at += float(rng.exponential(1 / (rate * max(0.02, self.floor.level(at)))))
            if at >= last:
                return
            yield at

    def work(self, first: float, last: float) -> None:
        """Trade in this desk's manner from one second to another."""
        if self.kind == "quoter":
            self._quote(first, last)
        elif self.kind == "algo":
            for at in self.times(first, last, self.pace):
                self.one_more(at)
        elif self.kind == "sweeper":
            for at in self.times(first, last, self.pace):
                self.settle(at)
                self.enter(at, kind="1", fate="filled")
        else:
            self._slice(first, last)

    def one_more(self, at: float) -> None:
        """Do the next thing an algorithm does: an order, or take one back."""
        self.settle(at)
        live = [one for one in self.book if one.live < at]
        if live and (len(live) > 12 or self.floor.rng.random() < 0.45):
            self.cancel(at, live[int(self.floor.rng.integers(len(live)))])
        else:
            self.enter(at)

    def _quote(self, first: float, last: float) -> None:
        at, turn = first + self.floor.uniform(0, self.pace), 0
        while at < last:
            symbol = int(self.own[turn % len(self.own)])
            middle = self.cents(symbol, at)
            for side, cents in (("1", middle - 3), ("2", middle + 3)):
                self.settle(at)
                mine = [o for o in self.book if (o.symbol, o.side) == (symbol, side)]
                if mine and mine[0].live < at:
                    self.move(at, mine[0], cents)
                elif not mine:
                    self.enter(at, symbol, side, cents, self.lot)
                at += 25e-6
            turn += 1
            wait = self.pace / max(0.05, self.floor.level(at))
            at += wait * self.floor.uniform(0.8, 1.2)

    def _slice(self, first: float, last: float) -> None:
        at, symbol = first + self.floor.uniform(0, self.pace), int(self.own[0])
        side = str(self.floor.rng.choice(["1", "2"]))
        while at < last:
            self.settle(at)
            at_price = self.cents(symbol, at)
            self.enter(at, symbol, side, at_price, 5 * self.lot, fate="filled")
            at += self.pace / self.floor.level(at) ** 0.5 * self.floor.uniform(0.9, 1.1)


KINDS = ("quoter", "algo", "algo", "sweeper", "slicer")


def staff(floor: Floor) -> list[Desk]:
    """Give the floor some thirty sessions, two of many hosts, logged on or about to."""
    desks = []
    count = int(floor.rng.integers(26, 35))
    for number in range(count):
        host = floor.address(30 + number // 2 % 3, 10 + number // 2)
        port = floor.first_port + (number if floor.per_line else 0)
        where = floor.gateways[number % len(floor.gateways)]
        line = Line(floor, host, (where, port), floor.lead.format(number + 1))
        floor.lines.append(line)
        desks.append(Desk(line, str(floor.rng.choice(KINDS))))
    return desks


def beat(line: Line, first: float, last: float) -> None:
    """Have both ends say that they are there, every 30 seconds or less."""
    at = first + line.floor.uniform(1, 30)
    while at < last:
        line.say(at, UP, "0", {})
        line.say(at + 0.0003, DOWN, "0", {})
        at += 30


def open_up(floor: Floor, desks: list[Desk], odd: Desk | None = None) -> float:
    """Log everybody on, unless the capture begins later, and have all trade.

    `odd` trades until the onset only; when it began is returned.
    """
    begun = 0.0
    for desk in desks:
        first = 0.0
        if not floor.midstream:
            first = desk.line.log_on(floor.uniform(0.05, 1.2)) + 0.05
        last = floor.onset if desk is odd else floor.seconds
        begun = first if desk is odd else begun
        beat(desk.line, first, floor.seconds)
        desk.work(first, last)
    return begun
