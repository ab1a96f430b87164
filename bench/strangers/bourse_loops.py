"""What goes wrong in an algorithm at a bourse, and how its firm may end it."""

from collections.abc import Callable

from strangers.bourse import Bourse
from strangers.bourse_clock import Steps
from strangers.bourse_desk import NO_CAP, Desk, Harm
from strangers.bourse_ground import Incident
from strangers.bourse_market import Instrument, Terms
from strangers.bourse_ticket import Ticket
from strangers.loop import MS, SECOND, US

#: What a desk does wrong until a time (ns); each harmful message's time is noted.
Fault = Callable[[Desk, Harm, int], Steps]
#: Messages that a loop sends at most.
MOST = 36000


def break_out(w: Bourse, desks: list[Desk], faults: list[Fault]) -> None:
    """Have desks go wrong, to the end, or until they stop, or are stopped."""
    r = w.rng
    harm: dict[str, Harm] = {desk.link.comp: [] for desk in desks}
    end = w.dur if r.random() < 0.3 else w.end
    for desk, fault in zip(desks, faults, strict=True):
        desk.cap = NO_CAP
        w.clock.play(fault(desk, harm[desk.link.comp], end), w.onset + w.warm)
    if end < w.dur - 3 * SECOND and r.random() < 0.4:
        w.clock.play(_stop(w, desks), end + w.warm)
    victims = sorted({desk.link.gw.addr for desk in desks})
    w.incidents.append(Incident("algo_fault", harm, list(harm), victims=victims))


def _stop(w: Bourse, desks: list[Desk]) -> Steps:
    """Have a firm stop its desks: cancel all, log out."""
    for desk in desks:
        yield w.rng.uniform(0.1, 0.8) * SECOND
        desk.is_paused = True
        yield from desk.withdraw_all()
        desk.is_dead = True
        desk.link.log_out("killed by risk")


def buy_and_sell(w: Bourse) -> Fault:
    """Return a fault that buys at the offer and sells at the bid."""
    r = w.rng
    rate = w.level(350, 14) * r.uniform(0.7, 1.3)

    def fault(desk: Desk, harm: Harm, end: int) -> Steps:
        insts, every = desk.insts, w.market.insts
        if r.random() >= 0.5:
            insts = r.sample(every, min(len(every), r.randrange(1, 20)))
        is_regular, count = r.random() < 0.6, 0
        lots, tif = r.choice((1, 1, 2, 5)), r.choice("033")
        while w.clock.now < end and not desk.is_dead:
            inst = r.choice(insts)
            buys = bool(count & 1) if is_regular else r.random() < 0.5
            side, qty = 1 if buys else -1, lots * inst.lot
            desk.take(inst, side, qty, tif=tif, harm=harm)
            count += 1
            is_random = r.random() < 0.7
            yield r.expovariate(rate) * SECOND if is_random else SECOND / rate

    return fault


def repeat(w: Bourse) -> Fault:
    """Return a fault that sends each order again, up to 56 times, under new ids."""
    r = w.rng
    count = max(1, int(w.level(40, 2) * r.uniform(0.7, 1.4)))
    gap = r.lognormvariate(1.5, 1.2) * MS
    r.random()  # what nobody reads; the draw belongs to the stream
    more = "97=Y\x01" if r.random() < 0.15 else ""

    def fault(desk: Desk, harm: Harm, end: int) -> Steps:
        busy = 0

        def again(one: Terms) -> Steps:
            nonlocal busy
            busy += 1
            for _ in range(count):
                yield gap * (0.5 + r.random())
                if w.clock.now > end or desk.is_dead:
                    break
                price = one.price
                if r.random() >= 0.5:
                    price = one.inst.near(-one.side)
                terms = one._replace(price=price)
                desk.enter(terms, harm=harm, is_forced=True, more=more)
            busy -= 1

        def hear(one: Terms) -> None:
            if w.clock.now < end and busy < 60:
                w.clock.play(again(one))

        desk.on_order = hear
        yield 0
        is_buy = False
        while w.clock.now < end and not desk.is_dead:
            inst, side = r.choice(desk.insts), r.choice((1, -1))
            price = inst.bid if is_buy else inst.ask
            desk.order(Terms(inst, side, price, inst.lot))
            is_buy = not is_buy
            yield r.uniform(0.4, 1.5) * SECOND
        desk.on_order = None

    return fault


class Amender:
    """A loop that replaces, or cancels and enters anew, at each acknowledgement."""

    def __init__(self, w: Bourse) -> None:
        r = w.rng
        self.w, self.rng = w, r
        self._think = w.level(0.15, 40) * MS * r.uniform(0.5, 1.5)
        self._width = r.choice((1, 1, 2, 5, 12))
        self._does_replace = r.choice((True, True, False))
        self._far = r.randrange(0, 12)

    def fault(self, desk: Desk, harm: Harm, end: int) -> Steps:
        """Begin all loops, one after another."""
        r = self.rng
        for rank in range(self._width):
            inst, side = r.choice(desk.insts), r.choice((1, -1))
            steps = self._loop(desk, harm, end, (inst, side))
            self.w.clock.play(steps, rank * 20 * MS)
        yield 0

    def _loop(
        self, desk: Desk, harm: Harm, end: int, what: tuple[Instrument, int]
    ) -> Steps:
        ticket: Ticket | None = None
        least = max(280 * US * self._width, (end - self.w.onset) * self._width / MOST)
        step = 1
        while self.w.clock.now < end and not desk.is_dead:
            if ticket is None or ticket.state == "done":
                ticket = self._enter(desk, harm, what)
            elif ticket.is_live and self._does_replace:
                step = -step
                price = ticket.price + step
                desk.replace(ticket, price, harm=harm, is_forced=True)
                ticket.price = price
            elif ticket.is_live:
                desk.withdraw(ticket)
                ticket = self._enter(desk, harm, what)
            yield max(least, self._think * (0.7 + 0.6 * self.rng.random()))

    def _enter(
        self, desk: Desk, harm: Harm, what: tuple[Instrument, int]
    ) -> Ticket | None:
        inst, side = what
        price = inst.near(side) - side * self._far
        one = Terms(inst, side, price, inst.lot)
        return desk.order(one, "loop", harm, is_forced=True)
