"""Days at a bourse on which nothing is wrong, though much happens."""

from functools import partial

from strangers import bourse_crowds as crowds
from strangers.bourse import Bourse
from strangers.bourse_clock import Steps
from strangers.bourse_crowds import Busy
from strangers.bourse_desk import Desk
from strangers.bourse_desks import Clocked, Program
from strangers.bourse_makers import Maker
from strangers.bourse_market import Instrument, Terms
from strangers.loop import MS, SECOND, US
from strangers.registry import family


@family("benign", partial(Bourse, busy=1.3))
def bourse_stale_open(w: Bourse) -> None:
    """The market opens; some desks price off yesterday, are refused, and retry."""
    crowds.opening(w)


@family("benign", Bourse)
def bourse_news(w: Bourse) -> None:
    """Prices jump, everybody acts 3 to 12 times as much; perhaps a maker pulls."""
    crowds.news(w, w.onset)
    if w.rng.random() < 0.4:
        w.clock.at(w.onset + 3 * MS, _pull, w.some("Maker")[0])


def _pull(desk: Desk) -> None:
    for ticket in desk.orders():
        desk.withdraw(ticket)


@family("benign", Bourse)
def bourse_program(w: Bourse) -> None:
    """Lists of 60 to 420 orders, mostly one way, are chased, and the rest cancelled."""
    r = w.rng
    for _ in range(r.randrange(1, 3)):
        w.add("Program", 1)
    for desk in w.desks:
        if isinstance(desk, Program):
            w.clock.play(_lists(w, desk), w.onset + w.warm)


def _lists(w: Bourse, desk: Program) -> Steps:
    r = w.rng
    yield r.uniform(0, 2.5) * SECOND
    share = r.choice((1, 0, 0.9, 0.1, 0.5))
    for _ in range(r.randrange(1, 5)):
        count, gap = r.randrange(60, 420), r.lognormvariate(1.0, 1.0) * MS
        pack, tif = r.choice((1, 1, 1, 5, 10)), r.choice("003")
        yield from desk.wave(count, gap, share, pack, tif)
        yield r.uniform(0.5, 2) * SECOND
        for _ in range(r.randrange(0, 3)):
            yield from _chase(w, desk)
        for ticket in desk.orders():
            if r.random() < 0.7:
                desk.withdraw(ticket)
                yield r.expovariate(1) * MS


def _chase(w: Bourse, desk: Desk) -> Steps:
    """Replace what is left of a list by what would be filled."""
    r = w.rng
    for ticket in desk.orders():
        if ticket.tag == "list":
            price = ticket.inst.near(-ticket.side)
            desk.replace(ticket, price, is_forced=True)
            yield r.expovariate(1) * 2 * MS
    yield r.uniform(0.4, 1.5) * SECOND


@family("benign", Bourse)
def bourse_etf_arb(w: Bourse) -> None:
    """Baskets are traded against a future, long the same way, a burst a signal."""
    r = w.rng
    for _ in range(r.randrange(1, 4)):
        if r.random() < 0.6:
            agents = ("Pairs", "Program")
            desk = r.choice([one for one in w.desks if one.link.agent in agents])
        else:
            desk = w.add("Pairs", 0.6)
        count = r.choice((1, 2, 8, 15, 25, 40))
        insts = r.sample(w.market.insts, min(len(w.market.insts), count + 1))
        rate = r.uniform(8, 90) / (count + 1)
        start = w.onset + r.uniform(-2, 3) * SECOND
        insts[0].depth = max(insts[0].depth, 60)
        for inst in insts:
            inst.impact = 0.2
        end = w.end + r.uniform(0, 8) * SECOND
        how = rate, r.choice((1, 1, 2, 5)), r.choice((0.9, 0.97, 0.995, 1))
        w.clock.play(_arbitrage(w, desk, insts, end, how), start + w.warm)


def _arbitrage(
    w: Bourse,
    desk: Desk,
    insts: list[Instrument],
    end: float,
    how: tuple[float, int, float],
) -> Steps:
    r, (future, *legs), (rate, lots, stays) = w.rng, insts, how
    side = r.choice((1, -1))
    while w.clock.now < end:
        yield r.expovariate(1) / rate * SECOND
        if r.random() > stays:
            side = -side
        terms = [
            Terms(leg, side, leg.near(-side) + side, leg.lot * lots, "3")
            for leg in legs
        ]
        if len(legs) > 6 and r.random() < 0.5:
            desk.order_all(terms, "arbitrage")
        else:
            for one in terms:
                desk.order(one, "arbitrage", is_forced=True)
                yield r.randrange(8, 90) * US
        qty = future.lot * lots * max(1, len(legs) // 4)
        hedge = Terms(future, -side, future.near(side) - side, qty, "3")
        desk.order(hedge, "arbitrage", is_forced=True)


@family("benign", Busy)
def bourse_mm_pull(w: Bourse) -> None:
    """Makers pull everything, wait and come back, or quote everything anew."""
    r = w.rng
    for _ in range(len(_makers(w)), 5):
        w.add("Maker", w.pace)
    makers = _makers(w)
    for desk in makers[:3]:
        count = min(len(w.market.insts), r.randrange(6, 24))
        desk.insts = r.sample(w.market.insts, count)
    chosen = makers
    if r.random() >= 0.5:
        chosen = r.sample(makers, max(2, len(makers) // 2))
    for desk in chosen:
        desk.cap = 1500
        w.clock.play(_come_and_go(w, desk), w.onset + w.warm)


def _makers(w: Bourse) -> list[Maker]:
    return [desk for desk in w.desks if isinstance(desk, Maker)]


def _come_and_go(w: Bourse, desk: Maker) -> Steps:
    r = w.rng
    yield r.expovariate(1) * 40 * MS
    for _ in range(r.randrange(1, 5)):
        if r.choice((True, False, True)):
            yield from _step_out(w, desk)
        else:
            desk.half = max(1, desk.half + r.choice((-1, 1, 2)))
            for _ in range(r.randrange(1, 6)):
                yield from _shift(w, desk)
        yield r.uniform(0.5, 4) * SECOND


def _step_out(w: Bourse, desk: Maker) -> Steps:
    r = w.rng
    desk.is_off = True
    if r.random() < 0.2:
        desk.cancel_mass()
    else:
        for ticket in desk.orders():
            desk.withdraw(ticket)
            yield r.randrange(5, 60) * US
    yield r.lognormvariate(0.2, 0.8) * SECOND
    desk.is_off = False
    desk.half = max(1, desk.half + r.choice((-1, 0, 1, 2)))
    for inst in desk.insts:
        desk.quote(inst)
        yield r.randrange(10, 300) * US


def _shift(w: Bourse, desk: Maker) -> Steps:
    """Replace all quotes by some a tick or two away."""
    r = w.rng
    for ticket in desk.orders():
        if ticket.tag == "quote":
            ticks = r.choice((-1, 1)) * (1 if r.random() < 0.9 else 2)
            desk.replace(ticket, ticket.price + ticks, is_forced=True)
            yield r.randrange(5, 80) * US
    yield r.uniform(5, 300) * MS


@family("benign", Bourse)
def bourse_clocked(w: Bourse) -> None:
    """Several desks act at the edges of a clock, some from the onset only."""
    r = w.rng
    for _ in range(r.randrange(3, 8)):
        desk = w.add("Clocked", 1)
        start = w.onset if r.random() < 0.5 else 0
        if isinstance(desk, Clocked):
            w.clock.play(_grow(w, desk), start + w.warm)
    if r.random() < 0.5:
        w.clock.play(_turn(w), w.onset + w.warm - SECOND)


def _grow(w: Bourse, desk: Clocked) -> Steps:
    yield 0
    while not desk.burst:
        yield 50 * MS
    desk.burst, desk.cap = w.rng.randrange(5, 60), 2000


def _turn(w: Bourse) -> Steps:
    """Have everybody's next interval of a VWAP begin at once."""
    r = w.rng
    for desk in w.some("Slicer", "Program", "Taker", count=4):
        for _ in range(r.randrange(5, 30)):
            inst, late = r.choice(desk.insts), r.expovariate(1) * 30 * MS
            w.clock.at(w.onset + late, desk.take, inst, r.choice((1, -1)))
    yield 0


@family("benign", Bourse)
def bourse_block_hedge(w: Bourse) -> None:
    """One instrument is traded one way after a block, up to a quantity."""
    r = w.rng
    desk = w.some("Hedger")[0]
    inst, side = desk.insts[0], r.choice((1, -1))
    inst.depth = max(inst.depth, r.randrange(15, 80))
    rate = 10 ** r.uniform(0.5, 1.7)
    target = rate * r.uniform(8, 25) * 2
    most, inst.impact = r.choice((1, 2, 3)), 0.35
    steps = _work_off(w, desk, side, (rate, target, most))
    w.clock.play(steps, w.onset + w.warm)


def _work_off(w: Bourse, desk: Desk, side: int, how: tuple[float, float, int]) -> Steps:
    r, inst, (rate, target, most) = w.rng, desk.insts[0], how
    done, pace = 0, rate
    while done < target and w.clock.now < w.dur:
        lots = r.randrange(1, most + 1)
        is_passive = r.random() < 0.25
        price = inst.near(side if is_passive else -side)
        terms = Terms(inst, side, price, lots * inst.lot, "0" if is_passive else "3")
        ticket = desk.order(terms, "block")
        if ticket:
            w.clock.after(r.uniform(0.3, 1.5) * SECOND, desk.cancel, ticket)
        yield 200 * US
        done += lots
        if done > target * 0.8:
            pace = rate * 0.4
        yield r.expovariate(pace) * SECOND
