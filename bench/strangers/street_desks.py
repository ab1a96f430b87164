"""Who trades on a street: one class a way of trading."""

from typing import Any, Protocol

from strangers.street_client import Client
from strangers.street_dice import Dice
from strangers.street_fix import Order
from strangers.street_venue import MS, SECOND, US, Market


class Place(Protocol):
    """What a desk needs of the world."""

    now: int
    dice: Dice
    market: Market
    activity: float

    def after(self, delay_ns: float, call: Any, *given: Any) -> None:
        """Have something happen later."""


class Desk:
    """Acts at random times, so often a second, times what the market does to it."""

    gain = 1.0
    is_silent = False

    def __init__(
        self, world: Place, client: Client, rate: float, symbols: list[str]
    ) -> None:
        self.world, self.client, self.rate, self.symbols = world, client, rate, symbols
        self.dice = world.dice
        self.factor = 1.0
        self.is_on, self.is_used = True, False
        self.lot = world.dice.choice((1, 10, 100, 100, 100))
        self._round = 0
        client.on_logon = self.kick
        client.desk = self

    def pace(self) -> float:
        """Return actions a second now."""
        return self.rate * self.factor * (1 + (self.world.activity - 1) * self.gain)

    def wait_ns(self) -> float:
        """Return how long until it acts again."""
        return self.dice.wait(1 / max(self.pace(), 0.01)) * SECOND

    def kick(self) -> None:
        """Draw anew when to act."""
        self._round += 1
        if not self.is_silent:
            self.world.after(self.wait_ns(), self._go, self._round)

    def _go(self, number: int) -> None:
        if number != self._round or not self.client.is_up:
            return
        if self.is_on:
            self.act()
        self.kick()

    def size(self) -> int:
        """Return a quantity."""
        return self.lot * max(1, int(self.dice.pareto(1.6)))

    def near(self, symbol: str, side: str, ticks: int) -> float:
        """Return a price so many ticks behind the middle; negative: through it."""
        off = ticks * 0.01 * (1 if side == "1" else -1)
        return max(0.01, round(self.world.market.price(symbol) - off, 2))

    def enter(self, symbol: str, side: str, ticks: int, **more: Any) -> Order:
        """Send an order so many ticks behind the middle, of the usual size."""
        price = self.near(symbol, side, ticks)
        return self.client.order(
            symbol, side, price, **{"quantity": self.size()} | more
        )

    def draw(self) -> tuple[str, str]:
        """Return a symbol and a side."""
        return self.dice.choice(self.symbols), self.dice.choice("12")

    def act(self) -> None:
        """Do one thing."""


class Maker(Desk):
    """Quotes both sides of some symbols; what it replaces, it changes."""

    gain = 0.8

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.quotes: dict[str, list[Order]] = {}
        self.replaces = self.dice.chance(0.6)
        self.width = self.dice.choice((2, 3, 4, 6))
        self.lean = 0

    def pace(self) -> float:
        """Return actions a second now; each is two messages at least."""
        return super().pace() / 2

    def requote(self, symbol: str) -> None:
        """Move both quotes of a symbol."""
        old = [one for one in self.quotes.get(symbol, ()) if one.is_live]
        step = self.dice.choice((-1, 0, 0, 1))
        self.lean = max(-2, min(2, self.lean + step))
        made = []
        for side in "12":
            lean = self.lean if side == "1" else -self.lean
            ticks = self.width + lean + self.dice.choice((-1, 0, 0, 1))
            made += self._quote(symbol, side, ticks, old)
        self.quotes[symbol] = made

    def _quote(
        self, symbol: str, side: str, ticks: int, old: list[Order]
    ) -> list[Order]:
        mine = [one for one in old if one.side == side]
        price = self.near(symbol, side, ticks)
        is_same = bool(mine) and price == mine[0].price
        if is_same and self.dice.chance(0.7):
            return mine[:1]
        if mine and self.replaces:
            more = mine[0].quantity + self.size() if is_same else mine[0].quantity
            return [self.client.replace(mine[0], price, more)]
        for one in mine:
            self.client.cancel(one)
        return [self.client.order(symbol, side, price, quantity=self.size())]

    def act(self) -> None:
        """Move the quotes of one symbol."""
        self.requote(self.dice.choice(self.symbols))


class Taker(Desk):
    """Takes what is offered; one order begets others."""

    gain = 1.3

    def act(self) -> None:
        """Take, and perhaps go on."""
        symbol, side = self.draw()
        tif = self.dice.choice("333340")
        tif = "0" if tif == "4" else tif
        kind = "1" if tif == "0" and self.dice.chance(0.5) else "2"
        ticks = self.dice.choice((-2, -1, -1, 0))
        self.enter(symbol, side, ticks, tif=tif, kind=kind)
        if self.dice.chance(0.45):
            self.world.after(self.dice.wait(0.03) * SECOND, self._more, symbol, side)

    def _more(self, symbol: str, side: str) -> None:
        if self.client.is_up and self.is_on:
            self.enter(symbol, side, -1, tif="3")
            if self.dice.chance(0.4):
                wait = self.dice.wait(0.02) * SECOND
                self.world.after(wait, self._more, symbol, side)


class Worker(Desk):
    """Works large orders in slices: passive, then moved, then withdrawn."""

    gain = 0.4

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.parent = self.draw()
        self.is_even = self.dice.chance(0.4)

    def wait_ns(self) -> float:
        """Return how long until the next slice; some keep time."""
        if self.is_even:
            return SECOND / max(self.pace(), 0.01) * self.dice.uniform(0.9, 1.1)
        return super().wait_ns()

    def act(self) -> None:
        """Send a slice."""
        if self.dice.chance(0.02):
            self.parent = self.draw()
        one = self.enter(*self.parent, self.dice.choice((0, 1, 1, 2)))
        self.world.after(self.dice.uniform(0.5, 4) * SECOND, self.chase, one)

    def chase(self, one: Order) -> None:
        """Move an order that is not filled, or withdraw it."""
        if not one.is_live or not self.client.is_up:
            return
        price = self.near(one.symbol, one.side, 0)
        if self.dice.chance(0.6) and price != one.price:
            new = self.client.replace(one, price)
            self.world.after(self.dice.uniform(0.5, 4) * SECOND, self.chase, new)
        else:
            self.client.cancel(one)


class Basket(Desk):
    """Now and then many symbols at once."""

    gain = 0.3

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.count = self.dice.between(5, 40)
        self.gap_ns = self.dice.choice((200 * US, MS, 4 * MS))

    def pace(self) -> float:
        """Return baskets a second now."""
        return super().pace() / self.count * 1.5

    def act(self) -> None:
        """Send a basket."""
        self.fire(self.count)

    def fire(self, count: int) -> None:
        """Send so many orders in a row."""
        at = 0.0
        for _ in range(count):
            self.world.after(at, self._one, *self.draw())
            at += self.dice.wait(self.gap_ns)

    def _one(self, symbol: str, side: str) -> None:
        kind = "1" if self.dice.chance(0.2) else "2"
        self.enter(symbol, side, self.dice.choice((-1, 0, 1)), kind=kind)


class Human(Desk):
    """A trader's screen, or a broker's flow."""

    gain = 0.6

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.mine: list[Order] = []

    def act(self) -> None:
        """Send an order, or change one's mind about one."""
        self.mine = [one for one in self.mine if one.is_live]
        if self.mine and self.dice.chance(0.35):
            one = self.mine.pop(self.dice.below(len(self.mine)))
            if self.dice.chance(0.5):
                self.client.cancel(one)
            else:
                price = self.near(one.symbol, one.side, self.dice.between(1, 6))
                self.mine.append(self.client.replace(one, price))
            return
        symbol, side = self.draw()
        size = self.dice.choice((100, 200, 500, 1000, 37, 250))
        kind = self.dice.choice("2221")
        ticks = self.dice.below(12)
        self.mine.append(self.enter(symbol, side, ticks, quantity=size, kind=kind))


class Clocked(Desk):
    """Acts at the full second, or a part of it."""

    gain = 0.2

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.period_ns = self.dice.choice((100 * MS, 250 * MS, SECOND))

    def wait_ns(self) -> float:
        """Return the time to the next stroke."""
        left = self.period_ns - self.world.now % self.period_ns
        return left + self.dice.below(400 * US)

    def act(self) -> None:
        """Send what is due at this stroke."""
        due = self.pace() * self.period_ns / SECOND
        for number in range(int(due) + self.dice.chance(due % 1)):
            self.world.after(number * 90 * US, self._one, *self.draw())

    def _one(self, symbol: str, side: str) -> None:
        self.enter(symbol, side, 0, tif="3")


class Silent(Desk):
    """A drop copy: it hears and says nothing."""

    is_silent = True
