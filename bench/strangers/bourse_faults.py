"""Faults of algorithms at a bourse."""

from collections.abc import Callable

from strangers import bourse_loops as loops
from strangers.bourse import Bourse
from strangers.bourse_clock import Steps
from strangers.bourse_desk import Desk, Harm
from strangers.bourse_fix import in_36
from strangers.bourse_market import Instrument, Terms
from strangers.bourse_ticket import Ticket
from strangers.loop import MS, SECOND, US
from strangers.registry import family

SLEEPERS = (
    ("Idle", "Slicer"),
    ("Slicer",),
    ("Clocked", "Taker"),
    ("Human", "Program"),
)


@family("algorithm", Bourse)
def bourse_dormant(w: Bourse) -> None:
    """A session that did little buys at the offer and sells at the bid, fast."""
    desks = w.some(*w.rng.choice(SLEEPERS))
    loops.break_out(w, desks, [loops.buy_and_sell(w)])


@family("algorithm", Bourse)
def bourse_duplicates(w: Bourse) -> None:
    """Each order is sent again, 1 to 56 times, under new ids, some with 97=Y."""
    desks = w.some("Taker", "Slicer", "Program", "Iceberg")
    loops.break_out(w, desks, [loops.repeat(w)])


@family("algorithm", Bourse)
def bourse_amend_loop(w: Bourse) -> None:
    """Orders go a tick up and down, or are cancelled and entered, at each answer."""
    desks = w.some("Maker", "Iceberg", "Slicer", "Taker", "Scalper")
    loops.break_out(w, desks, [loops.Amender(w).fault])


@family("algorithm", Bourse)
def bourse_stuffing(w: Bourse) -> None:
    """Orders far from the price are entered and cancelled within milliseconds."""
    r = w.rng
    rate = w.level(3000, 120) * r.uniform(0.8, 1.2)
    rate = min(rate, 28000 / ((w.end - w.onset) / SECOND))
    is_bursty, width = r.random() < 0.6, r.choice((1, 1, 2, 4))

    def fault(desk: Desk, harm: Harm, end: int) -> Steps:
        end = min(end, w.onset + 17 * SECOND)
        insts = r.sample(w.market.insts, min(width, len(w.market.insts)))
        on = r.uniform(0.05, 0.8)
        off = r.uniform(0.05, 0.8) if is_bursty else 0
        pace, far = rate * (on + off) / on, r.randrange(3, 30)
        while w.clock.now < end and not desk.is_dead:
            until = w.clock.now + on * SECOND
            while w.clock.now < until:
                inst, side = r.choice(insts), r.choice((1, -1))
                price = inst.mid - side * (far + r.randrange(6))
                one = Terms(inst, side, price, inst.lot * r.randrange(1, 9))
                ticket = desk.order(one, "stuffing", harm, is_forced=True)
                if ticket:
                    w.clock.after(r.uniform(0.6, 6) * MS, desk.withdraw, ticket)
                yield r.expovariate(pace) * SECOND
            yield off * SECOND

    loops.break_out(w, w.some("Maker", "Scalper", "Taker"), [fault])


@family("algorithm", Bourse)
def bourse_reject_loop(w: Bourse) -> None:
    """What is refused is sent again: its symbol, price, size or account is wrong."""
    r = w.rng
    think = w.level(0.1, 90) * MS * r.uniform(0.6, 1.4)
    why, width = r.choice(("sym", "band", "qty", "lock")), r.choice((1, 1, 3))
    desks = w.some("Taker", "Slicer", "Hedger", "Clocked", "Pairs")
    symbol = "ZZ" + in_36(r.randrange(999), 2)
    unknown = Instrument(symbol, 1.0, 2, 10, 1, 1, 1, is_listed=False)

    def wrong(desk: Desk) -> Terms:
        inst = r.choice(desk.insts[:2])
        if why == "sym":
            return Terms(unknown, 1, 10, 100)
        if why == "qty":
            return Terms(inst, 1, inst.ask, 10**8)
        if why == "band":
            return Terms(inst, r.choice((1, -1)), inst.mid * 4, inst.lot)
        desk.link.is_locked = True
        return Terms(inst, 1, inst.ask, inst.lot)

    def fault(desk: Desk, harm: Harm, end: int) -> Steps:
        least = (end - w.onset) * width / 40000

        def send() -> None:
            desk.order(wrong(desk), "refused", harm, is_forced=True)

        def hear(ticket: Ticket, kind: str) -> None:
            is_over = w.clock.now >= end or desk.is_dead
            if kind == "8" and ticket.tag == "refused" and not is_over:
                soon = think * (0.5 + r.random()) + desk.reaction
                w.clock.after(max(soon, least), send)

        desk.on_report = hear
        desk.reaction = min(desk.reaction, 300 * US)
        for _ in range(width):
            send()
            yield 7 * MS

    loops.break_out(w, desks, [fault])


@family("algorithm", Bourse)
def bourse_fat_slice(w: Bourse) -> None:
    """Parts of an order are 6 to 100 times too large, one after another, one way."""
    r = w.rng
    rate = w.level(140, 8) * r.uniform(0.7, 1.3)
    times = int(10 ** r.uniform(0.8, 2.0))

    def fault(desk: Desk, harm: Harm, end: int) -> Steps:
        inst, side = r.choice(desk.insts), r.choice((1, -1))
        walks, inst.impact = r.random() < 0.5, 1.5
        while w.clock.now < end and not desk.is_dead:
            price, qty, tif = inst.near(-side), inst.lot * times, "3"
            if walks:
                price += side * r.randrange(0, 6)
                qty *= r.randrange(1, 4)
            else:
                tif = r.choice("03")
            one = Terms(inst, side, price, qty, tif)
            desk.order(one, harm=harm, is_forced=True)
            if walks:
                yield r.expovariate(rate) * SECOND
            else:
                yield SECOND / rate * r.uniform(0.8, 1.2)

    loops.break_out(w, w.some("Human", "Slicer", "Iceberg"), [fault])


@family("algorithm", Bourse)
def bourse_feedback(w: Bourse) -> None:
    """Two sessions take each other's trades for a signal, and answer each other."""
    w.rng.random()  # what nobody reads; the draw belongs to the stream
    case = _Feedback(w)
    loops.break_out(w, case.desks, [case.fault, case.fault])


class _Feedback:
    """Two desks that answer each other in one instrument."""

    def __init__(self, w: Bourse) -> None:
        r = w.rng
        self.w = w
        self._lag = w.level(2, 45) * MS
        self._grows = r.random() < 0.5
        self.desks = w.some("Taker", "Hedger", "Pairs", "Scalper", count=2)
        self._inst, self._side = r.choice(w.market.insts), r.choice((1, -1))
        self._is_one_way = r.random() < 0.6
        self._count = 0
        self._fires: dict[Desk, Callable[[], None]] = {}

    def fault(self, desk: Desk, harm: Harm, end: int) -> Steps:
        """Answer the other desk, and begin again now and then."""
        w, r = self.w, self.w.rng
        is_first = desk is self.desks[0]
        other = self.desks[1 if is_first else 0]
        side = self._side if self._is_one_way or is_first else -self._side

        def fire() -> None:
            if w.clock.now > end or desk.is_dead:
                return
            lots = 1 + (self._count // 400 if self._grows else 0)
            self._count += 1
            desk.take(self._inst, side, self._inst.lot * lots, through=1, harm=harm)
            late = self._lag * r.lognormvariate(0, 0.5) + 400 * US
            w.clock.after(late, self._fires[other])

        self._fires[desk] = fire
        yield MS
        if is_first:
            for _ in range(r.choice((1, 1, 2, 3))):
                fire()
                yield 30 * MS
        while w.clock.now < end:
            yield r.uniform(0.4, 1.2) * SECOND
            if r.random() < 0.05 + 0.35 * (1 - w.hard):
                fire()


@family("algorithm", Bourse)
def bourse_runaway_hedge(w: Bourse) -> None:
    """A hedger's rate, size or both double every 2.5 to 9 s."""
    r = w.rng
    desks = w.some("Hedger")
    first = w.level(25, 3) * r.uniform(0.8, 1.3)
    double, most = w.level(2.5, 9) * SECOND, r.uniform(40, 400)
    grows = r.choice(("rate", "size", "both"))

    def fault(desk: Desk, harm: Harm, end: int) -> Steps:
        inst, side = desk.insts[0], r.choice((1, -1))
        start = w.clock.now
        inst.depth = max(inst.depth, 8)
        while w.clock.now < end and not desk.is_dead:
            times = 2 ** ((w.clock.now - start) / double)
            size = min(times, 500) if grows != "rate" else 1
            qty = int(inst.lot * size * r.randrange(1, 4))
            desk.take(inst, side, qty, harm=harm)
            rate = first * (times if grows != "size" else 1)
            yield r.expovariate(min(most, rate)) * SECOND

    loops.break_out(w, desks, [fault])
