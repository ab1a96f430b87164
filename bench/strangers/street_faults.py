"""A street's algorithms gone wrong; each fault is one session's."""

from collections.abc import Callable
from typing import Any

from strangers import street_desks as desks
from strangers.registry import family
from strangers.street import Street
from strangers.street_client import Client
from strangers.street_floods import span
from strangers.street_venue import MS, SECOND

Incident = dict[str, Any]


def culprit(world: Street) -> Client:
    """Return a session: a quiet one where this seed is easy, else a busy one."""
    return world.active(0.3, 6) if world.hard < 0.5 else world.active(5, 80)


def loop(
    world: Street,
    one: Client,
    when: tuple[int, int],
    rate: float,
    act: Callable[[], Any],
) -> Incident:
    """Have a session do something so many times a second; return the incident."""
    dice = world.dice
    incident = world.incident("algo_fault", when, [one.comp])
    is_even = dice.chance(0.6)

    def step() -> None:
        if world.now > when[1] or not one.is_up:
            return
        act()
        world.hurt(incident, one.comp, one.tap_ns)
        wait = dice.uniform(0.97, 1.03) if is_even else dice.wait(1)
        world.after(wait / rate * SECOND, step)

    world.at(when[0], step)
    return incident


def repeat(world: Street, one: Client, when: tuple[int, int], rate: float) -> None:
    """Have a session send the same order again and again."""
    symbol, side = one.desk.draw()
    price, size = (
        one.desk.near(symbol, side, world.dice.between(-1, 2)),
        one.desk.size(),
    )
    loop(world, one, when, rate, lambda: one.order(symbol, side, price, quantity=size))


@family("algorithm", Street)
def street_loop(world: Street) -> None:
    """The same new order again and again, among its usual ones."""
    one = culprit(world)
    repeat(world, one, span(world), max(world.pick(700, 50), 3 * one.desk.rate))


@family("algorithm", Street)
def street_to_and_fro(world: Street) -> None:
    """One order moved up and down without end."""
    one = culprit(world)
    symbol, side = one.desk.draw()
    now: list[Any] = []

    def act() -> None:
        if not now or (not now[0].is_live and world.now - now[1] > 50 * MS):
            now[:] = [one.desk.enter(symbol, side, 6), world.now, 3]
            return
        ticks = 9 - now[2]
        price = one.desk.near(symbol, side, ticks)
        now[:] = [one.replace(now[0], price), world.now, ticks]

    rate = max(world.pick(500, 45), 3 * one.desk.rate)
    loop(world, one, span(world), rate, act)


@family("algorithm", Street)
def street_children(world: Street) -> None:
    """A router goes on with the children of a parent that is long filled."""
    one, dice = culprit(world), world.dice
    own, side = dice.sample(world.symbols, 3), dice.choice("12")
    size = dice.choice((100, 100, 200))

    def act() -> None:
        one.desk.enter(
            dice.choice(own), side, -3, quantity=size, kind=dice.choice("12")
        )

    rate = max(world.pick(400, 40), 3 * one.desk.rate)
    loop(world, one, span(world, 4, 10), rate, act)


@family("algorithm", Street)
def street_again(world: Street) -> None:
    """An order sent again under its old ClOrdID: its answer is not heard."""
    one = culprit(world)
    symbol, side = one.desk.draw()
    first: list[desks.Order] = []

    def act() -> None:
        if first:
            same = first[0]
            one.order(symbol, side, same.price, quantity=same.quantity, id=same.id)
        else:
            first.append(one.desk.enter(symbol, side, 2))

    loop(world, one, span(world), world.pick(250, 12), act)


@family("algorithm", Street)
def street_stuffing(world: Street) -> None:
    """Orders cancelled as soon as they are in, in heaps."""
    one, dice = culprit(world), world.dice

    def cancel(made: desks.Order) -> None:
        one.cancel(made)
        world.hurt(incident, one.comp, one.tap_ns)

    def act() -> None:
        made = one.desk.enter(*one.desk.draw(), dice.between(3, 15), quantity=100)
        world.after(dice.uniform(0.3, 3) * MS, cancel, made)

    rate = max(world.pick(1200, 150), 4 * one.desk.rate) / 2
    incident = loop(world, one, span(world, 3, 6), rate, act)


@family("algorithm", Street)
def street_refused(world: Street) -> None:
    """What is refused is sent again at once, and refused for the same reason."""
    one, dice, when = culprit(world), world.dice, span(world)
    symbol, side = one.desk.draw()
    incident = world.incident("algo_fault", when, [one.comp])
    think = world.pick(1, 40) * MS

    def again(_: object = None) -> None:
        if world.now < when[1] and one.is_up:
            far = 0.5 if side == "1" else 1.6
            price = round(world.market.price(symbol) * far, 2)
            one.order(symbol, side, price, quantity=777)
            world.hurt(incident, one.comp, one.tap_ns)

    def refused(made: desks.Order) -> None:
        if made.symbol == symbol and made.quantity == 777:
            world.after(think * dice.uniform(0.8, 1.2), again)

    one.on_reject = refused
    for _ in range(dice.choice((2, 4))):
        world.at(when[0] + dice.below(20 * MS), again)


@family("algorithm", Street)
def street_fat(world: Street) -> None:
    """Orders hundreds of times too large, or far off the price, one after another."""
    one, dice = world.active(0.5, 20), world.dice
    is_large = dice.chance(0.6)
    factor, off = int(world.pick(5000, 200)), world.pick(0.6, 0.12)

    def act() -> None:
        symbol, side = one.desk.draw()
        if is_large:
            one.desk.enter(symbol, side, -1, quantity=one.desk.size() * factor)
            return
        far = 1 + off if side == "1" else 1 - off
        price = round(world.market.price(symbol) * far, 2)
        one.order(symbol, side, price, quantity=one.desk.size())

    loop(world, one, span(world, 3, 7), world.pick(30, 5), act)


@family("algorithm", Street)
def street_one_way(world: Street) -> None:
    """A strategy that lost its position buys, is filled, and buys again."""
    one = culprit(world)
    symbol, side = one.desk.draw()
    size = one.desk.size()

    def act() -> None:
        one.desk.enter(symbol, side, -2, quantity=size, tif="3")

    rate = max(world.pick(120, 15), 3 * one.desk.rate)
    loop(world, one, span(world, 5, 10), rate, act)


@family("algorithm", Street)
def street_dead_cancel(world: Street) -> None:
    """An order long gone is cancelled, refused, and cancelled without end."""
    one = culprit(world)
    symbol, side = one.desk.draw()
    gone: list[desks.Order] = []

    def act() -> None:
        if not gone:
            gone.append(one.desk.enter(symbol, side, 3, tif="3"))
        one.cancel(gone[0])

    rate = max(world.pick(400, 30), 3 * one.desk.rate)
    loop(world, one, span(world), rate, act)


@family("algorithm", Street)
def street_requotes(world: Street) -> None:
    """A maker moves its quotes of one symbol without a pause, at nothing."""
    one = world.active(5, 60, desks.Maker)
    if not isinstance(one.desk, desks.Maker):
        one.desk = desks.Maker(world, one, one.desk.rate, one.desk.symbols)
    symbol = one.desk.symbols[0]
    rate = max(world.pick(300, 60), 4 * one.desk.rate)
    loop(world, one, span(world, 4, 8), rate, lambda: one.desk.requote(symbol))
