"""A street's market: much happens at once, and nobody is to blame."""

from strangers import street_desks as desks
from strangers.registry import family
from strangers.street import Street
from strangers.street_client import Client
from strangers.street_venue import MS, SECOND


@family("benign", Street)
def street_calm(world: Street) -> None:
    """An ordinary half minute."""


@family("benign", Street)
def street_open(world: Street) -> None:
    """Hardly anything before the open; then everybody at once, and ever less."""
    dice = world.dice
    usual = {one.comp: one.desk.rate for one in world.clients}
    for one in world.clients:
        one.desk.rate *= 0.08

    def bell() -> None:
        for one in world.clients:
            one.desk.rate = usual[one.comp]
            if isinstance(one.desk, desks.Basket):
                wait = dice.wait(0.5) * SECOND
                world.after(wait, one.desk.fire, one.desk.count * 2)
        for symbol in world.market.spread:
            world.market.spread[symbol] *= 6
        peak = world.pick(4, 9)
        for number in range(12):
            world.after(number * SECOND, world.shift, 1 + peak * 0.75**number)

    world.at(world.at_share(dice.uniform(0.35, 0.5)), bell)


@family("benign", Street)
def street_news(world: Street) -> None:
    """News: everybody at once, prices jump, then it ebbs."""
    dice = world.dice
    peak = world.pick(3, 9)

    def hit() -> None:
        for symbol in world.market.spread:
            world.market.spread[symbol] *= 10
            world.market.middle[symbol] *= 1 + dice.gauss(0.004)
        for number in range(16):
            world.after(number * 500 * MS, world.shift, 1 + (peak - 1) * 0.8**number)

    world.at(world.at_share(dice.uniform(0.4, 0.7)), hit)


@family("benign", Street)
def street_program(world: Street) -> None:
    """One desk's list: hundreds of orders in a few seconds, all on one side."""
    dice = world.dice
    one = world.active(0.5, 12)
    count = int(world.pick(150, 700))
    length, side = dice.uniform(1.5, 6) * SECOND, dice.choice("12")

    def enter(number: int) -> None:
        symbol = world.symbols[number % len(world.symbols)]
        size, ticks = dice.choice((100, 200, 300, 1700, 400)), dice.choice((-1, 0, 1))
        made = one.desk.enter(symbol, side, ticks, quantity=size)
        if dice.chance(0.3):
            world.after(dice.uniform(0.5, 3) * SECOND, recall, made)

    def recall(made: desks.Order) -> None:
        if made.is_live:
            one.cancel(made)

    at = float(world.at_share(dice.uniform(0.35, 0.6)))
    for number in range(count):
        world.at(at, enter, number)
        at += dice.wait(length / count)


@family("benign", Street)
def street_requote(world: Street) -> None:
    """One symbol moves, again and again; its makers move all their quotes."""
    dice = world.dice
    symbol = dice.choice(world.symbols)
    makers = [one for one in world.clients if isinstance(one.desk, desks.Maker)][:8]
    for one in makers:
        one.desk.symbols.append(symbol)

    def quote(one: Client, *symbols: str) -> None:
        for each in symbols:
            if one.is_up:
                one.desk.requote(each)

    def move() -> None:
        step = dice.choice((1, 1, -1)) * dice.uniform(0.0003, 0.002)
        world.market.middle[symbol] *= 1 + step
        for one in makers:
            wait = one.host.delay_ns + dice.wait(0.002) * SECOND
            world.after(wait, quote, one, symbol)
            if dice.chance(0.3):
                more = dice.sample(one.desk.symbols, 3)
                world.after(dice.wait(0.01) * SECOND, quote, one, *more)

    start = world.at_share(dice.uniform(0.4, 0.6))
    for _ in range(int(world.pick(15, 60))):
        world.at(start + dice.random() * 5 * SECOND, move)


@family("benign", Street)
def street_close(world: Street) -> None:
    """The close: desks withdraw what rests, go quiet, and most log out."""
    dice = world.dice

    def withdraw(one: Client, order: desks.Order) -> None:
        if one.is_up and order.is_live:
            one.cancel(order)

    def sweep(one: Client) -> None:
        if not one.is_up:
            return
        gap = dice.choice((100_000, 500_000, 2 * MS))
        resting = list(one.gate.known[one.comp].orders.values())[:400]
        for number, order in enumerate(resting):
            world.after(number * gap, withdraw, one, order)
        one.desk.is_on = False
        if dice.chance(0.6):
            world.after(dice.uniform(3, 8) * SECOND, one.logout)

    start = world.at_share(dice.uniform(0.45, 0.65))
    for one in world.clients:
        wait = dice.wait(world.pick(1.5, 0.1)) * SECOND
        world.at(start + wait, sweep, one)


@family("benign", Street)
def street_version(world: Street) -> None:
    """A strategy comes back in a new version that trades several times as fast."""
    one = world.active(1, 20)
    start = world.at_share(world.dice.uniform(0.3, 0.5))
    world.at(start, one.logout)
    world.at(start + world.dice.uniform(2, 5) * SECOND, one.login)
    world.at(start + 100 * MS, setattr, one.desk, "factor", world.pick(2, 6))


@family("benign", Street)
def street_listing(world: Street) -> None:
    """A symbol that nobody traded before, and many want it."""
    dice = world.dice
    own = dice.sample(world.clients, int(world.pick(18, 6)))
    most = world.pick(3, 6) + 1.6

    def first() -> None:
        world.market.list("IPOX", 40.0, 4e-4)
        world.symbols.append("IPOX")
        for one in own:
            one.desk.symbols = ["IPOX"] * 4 + one.desk.symbols[:3]
            one.desk.factor = dice.uniform(1.5, most)
            if one.is_up:
                one.desk.kick()

    world.at(world.at_share(dice.uniform(0.35, 0.55)), first)


@family("benign", Street)
def street_slices(world: Street) -> None:
    """Large orders in like slices: one size, side and symbol, at a steady pace."""
    dice = world.dice

    def work(one: Client, symbol: str, every: float, end: int) -> None:
        if one.is_up:
            one.desk.enter(symbol, "1", -1, quantity=250)
        if world.now < end:
            wait = every * SECOND * dice.uniform(0.93, 1.07)
            world.after(wait, work, one, symbol, every, end)

    for _ in range(dice.between(1, 4)):
        one = world.active(0.5, 12)
        end = world.at_share(dice.uniform(0.7, 0.95))
        given = one, dice.choice(one.desk.symbols), 1 / world.pick(3, 20), end
        world.at(world.at_share(dice.uniform(0.25, 0.45)), work, *given)


@family("benign", Street)
def street_strokes(world: Street) -> None:
    """Many desks' slices meet at full seconds; once the half hour strikes."""
    dice = world.dice
    own = dice.sample(world.clients, 12)
    seconds = world.length // SECOND

    def enter(one: Client) -> None:
        one.desk.enter(*one.desk.draw(), 0, tif="3")

    def strike(size: float) -> None:
        for one in own:
            for _ in range(int(dice.uniform(0.3, 1) * size)):
                world.after(dice.below(20 * MS), enter, one)

    for number in range(seconds):
        size = world.pick(3, 8) * (3 if number == int(seconds * 0.6) else 1)
        world.at((world.start // SECOND + 1 + number) * SECOND, strike, size)
