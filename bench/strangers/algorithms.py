"""Algorithms that went wrong: each loops in its own way."""

import dataclasses
from collections.abc import Callable

from strangers.fix import NEW, Body
from strangers.loop import MS, SECOND, US
from strangers.registry import family
from strangers.session import Session
from strangers.world import Incident, World


@dataclasses.dataclass
class Fault:
    """A session that misbehaves, and where its harm is noted."""

    world: World
    session: Session
    made: Incident

    @property
    def harm(self) -> list[int]:
        """Return the list of harmful times."""
        return self.made.marks(self.session.comp)

    @property
    def lasts(self) -> bool:
        """Return whether the fault still goes on."""
        return self.session.is_on and self.world.loop.now < self.made.end_ns


def break_one(world: World, low: float = 0.0, high: float = 1e9) -> Fault:
    """Declare an algorithm fault of one session whose rate is in the range."""
    session = world.choose(low, high)
    made = world.incident("algo_fault", world.last(4, 15))
    made.sessions.append(session.comp)
    return Fault(world, session, made)


def repeat(fault: Fault, rate: float, act: Callable[[], None]) -> None:
    """Do `act` at about `rate` a second from the onset, in the fault's own rhythm."""
    world = fault.world
    form = int(world.rng.integers(3))
    batch = int(world.rng.integers(2, 12)) if form == 2 else 1
    gap = SECOND / rate

    def once() -> None:
        if not fault.lasts:
            return
        for number in range(batch):
            world.loop.after(number * 20 * US, act)
        wait = gap if form == 1 else float(world.rng.exponential(gap))
        world.loop.after(max(wait, 5 * US) * batch, once)

    world.loop.at(fault.made.onset_ns, once)


def surge(world: World, session: Session, low: float, high: float) -> float:
    """Return a rate far above the session's own, and at least `low` a second."""
    return max(world.log_uniform(low, high), session.rate * world.uniform(10, 30))


@family("algorithm")
def runaway(world: World) -> None:
    """New orders as fast as it can, all alike or nearly so."""
    world.populate()
    world.trade_all()
    fault = break_one(world)
    one = fault.session
    symbol, side = one.symbols[0], str(world.rng.choice(["1", "2"]))
    price = world.cents(symbol)
    same = world.rng.random() < 0.6
    quantity = one.style.lot * int(world.rng.integers(1, 5))

    def act() -> None:
        if same:
            one.enter(symbol, side, price, quantity, harm=fault.harm)
        else:
            one.enter(symbol, keen=False, harm=fault.harm)

    repeat(fault, min(1200, surge(world, one, 80, 900)), act)


@family("algorithm")
def one_sided(world: World) -> None:
    """Buys, buys, buys: small marketable orders over many names, all filled."""
    world.populate()
    world.trade_all()
    fault = break_one(world)
    one = fault.session
    side = str(world.rng.choice(["1", "2"]))
    one.p_take = 0.99
    names = world.universe if world.rng.random() < 0.6 else one.symbols

    def act() -> None:
        name = names[int(world.rng.integers(len(names)))]
        price = world.cents(name) + (5 if side == "1" else -5)
        one.enter(name, side, price, one.style.lot, keen=True, harm=fault.harm)

    repeat(fault, min(600, surge(world, one, 40, 400)), act)


@family("algorithm")
def replace_loop(world: World) -> None:
    """One order moved up and down, or cancelled and entered again, without end."""
    world.populate()
    world.trade_all()
    fault = break_one(world)
    one = fault.session
    by_replace = world.rng.random() < 0.6
    symbol = one.symbols[0]
    price = world.cents(symbol)
    turn = [0]

    def act() -> None:
        turn[0] += 1
        live = [order for order in one.book.values() if order.live]
        if not live:
            if len(one.book) < 20:
                one.enter(symbol, price=price - 5, keen=False, harm=fault.harm)
        elif by_replace:
            one.replace(live[-1], fault.harm, price - 5 - turn[0] % 2)
        elif turn[0] % 2:
            one.cancel(live[-1], fault.harm)
        else:
            one.enter(symbol, price=price - 5, keen=False, harm=fault.harm)

    repeat(fault, min(900, surge(world, one, 60, 600)), act)


@family("algorithm")
def reject_loop(world: World) -> None:
    """Every order is rejected and sent again at once."""
    world.populate()
    world.trade_all()
    fault = break_one(world)
    one, gateway = fault.session, fault.session.gateway
    symbol = one.symbols[0]
    gateway.refuses = lambda session, body: (
        "Unknown symbol"
        if session is one
        and body[55] == symbol
        and fault.made.onset_ns <= world.loop.now < fault.made.end_ns
        else ""
    )
    think = world.log_uniform(0.3, 15) * MS
    price, side = world.cents(symbol), str(world.rng.choice(["1", "2"]))

    def again(_body: object = None) -> None:
        if fault.lasts:
            wait = think * world.uniform(0.7, 1.3)
            world.loop.after(wait, send)

    def send() -> None:
        if fault.lasts:
            one.enter(symbol, side, price, one.style.lot, keen=False, harm=fault.harm)

    def start() -> None:
        one.reject_hook = again
        for _ in range(int(world.rng.choice([1, 1, 3]))):
            send()

    world.loop.at(fault.made.onset_ns, start)


@family("algorithm")
def duplicate_loop(world: World) -> None:
    """The same ClOrdID again and again; the gateway rejects it as a duplicate."""
    world.populate()
    world.trade_all()
    fault = break_one(world)
    one = fault.session
    symbol = one.symbols[0]
    body: Body = {}

    def act() -> None:
        if not body:
            order = one.enter(symbol, keen=False, harm=fault.harm)
            body.update({11: order.cl, **one.terms(order), 59: "0"})
            return
        body[60] = one.dialect.stamp(world.loop.now)
        one.send(NEW, body, fault.harm)

    repeat(fault, min(600, surge(world, one, 40, 400)), act)


@family("algorithm")
def stuffing(world: World) -> None:
    """Orders far from the market, each cancelled at once, in a stream."""
    world.populate()
    world.trade_all()
    fault = break_one(world)
    one = fault.session
    symbol = one.symbols[0]
    hold = world.log_uniform(0.05, 8) * MS

    def act() -> None:
        price = int(world.cents(symbol) * world.uniform(0.85, 0.97))
        order = one.enter(symbol, "1", price, keen=False, harm=fault.harm)
        wait = hold + one.gateway.latency.median_ns * 1.5
        world.loop.after(wait, withdraw, order)

    def withdraw(order: object) -> None:
        if fault.session.is_on and order.live:
            one.cancel(order, fault.harm)

    repeat(fault, min(700, surge(world, one, 60, 500)), act)


@family("algorithm")
def ramping(world: World) -> None:
    """A rate that doubles every second or so, until it is absurd."""
    world.populate()
    world.trade_all()
    fault = break_one(world, 0.5, 15)
    one = fault.session
    symbol, side = one.symbols[0], str(world.rng.choice(["1", "2"]))
    doubling = world.uniform(0.4, 1.2)
    first, most = max(2 * one.rate, 5.0), world.log_uniform(200, 800)
    wild = max(40.0, 8 * one.rate)

    def act() -> None:
        if not fault.lasts:
            return
        price = world.cents(symbol)
        one.enter(symbol, side, price, one.style.lot, keen=False, harm=fault.harm)
        passed = (world.loop.now - fault.made.onset_ns) / SECOND
        rate = min(most, first * 2 ** (passed / doubling))
        if rate >= wild and not fault.made.due_ns:
            fault.made.due_ns = world.loop.now
        world.loop.after(float(world.rng.exponential(1 / rate)) * SECOND, act)

    world.loop.at(fault.made.onset_ns, act)
