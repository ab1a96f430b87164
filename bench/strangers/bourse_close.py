"""Evenings at a bourse: the close, and the cancelling of what is left."""

from functools import partial

from strangers.bourse import Bourse
from strangers.bourse_clock import Steps
from strangers.bourse_desk import Desk
from strangers.bourse_market import Terms
from strangers.bourse_ticket import Ticket
from strangers.loop import MS, SECOND, US
from strangers.registry import family


@family("benign", partial(Bourse, is_closing=True))
def bourse_close_rebalance(w: Bourse) -> None:
    """Orders for the close are amended each second; it uncrosses; all log out."""
    r = w.rng
    close = w.onset + r.uniform(4, 11) * SECOND

    def activity(now_s: float) -> float:
        if now_s * SECOND >= close:
            return 0.15
        return 1 + 3.5 * max(0, min(1, (now_s - (close / SECOND - 8)) / 8))

    w.market.activity = activity
    trackers = [w.add("Auction", r.uniform(1, 6)) for _ in range(r.randrange(2, 6))]
    trackers += [w.add("Program", 0.3) for _ in range(2)]
    for desk in trackers:
        w.clock.play(_track(w, desk, close), w.onset + w.warm - 3 * SECOND)
    w.clock.play(_close(w), close + w.warm)


def _track(w: Bourse, desk: Desk, close: float) -> Steps:
    """Enter orders for the close, and amend them at each publication."""
    r = w.rng
    yield r.uniform(-3, 2) * SECOND + 3 * SECOND
    names = w.market.insts.copy()
    r.shuffle(names)
    sides = {inst: r.choice((1, -1)) for inst in names}
    tickets: list[Ticket | None] = []
    for rank in range(r.randrange(20, 160)):
        inst = names[rank % len(names)]
        qty = inst.lot * r.randrange(20, 400)
        price, kind = inst.mid + sides[inst] * 8, r.choice("12")
        terms = Terms(inst, sides[inst], price, qty, "7", kind)
        tickets.append(desk.order(terms, "close", is_forced=True))
        yield r.expovariate(1) * 6 * MS
    while w.clock.now < close - 100 * MS:
        yield SECOND - w.mirror.day_ns % SECOND + r.uniform(0.3, 40) * MS
        for ticket in tickets:
            if ticket and ticket.is_live and r.random() < 0.3:
                price = ticket.inst.mid + ticket.side * r.randrange(1, 12)
                qty = max(1, int(ticket.qty * r.uniform(0.6, 1.5)))
                desk.replace(ticket, price, qty, is_forced=True)
                yield r.expovariate(1) * 2 * MS


def _close(w: Bourse) -> Steps:
    r = w.rng
    yield 0
    for inst in w.market.insts:
        inst.mid += int(r.gauss(0, 3))
        inst.quote()
    w.market.uncross(0.9)
    w.market.phase = "closed"
    yield r.uniform(0.5, 2) * SECOND
    for desk in w.desks:
        w.clock.play(_leave(w, desk, 0.4), r.expovariate(1) * SECOND)


def _leave(w: Bourse, desk: Desk, share: float) -> Steps:
    """Have a desk cancel all it has, and this share of them log out."""
    r = w.rng
    desk.is_paused = True
    if not desk.link.is_up:
        return
    if r.random() < 0.12:
        desk.cancel_mass()
    else:
        gap = r.lognormvariate(4.5, 1.2) * US
        yield from desk.withdraw_all(lambda: gap * (0.5 + r.random()))
    yield r.uniform(0.1, 4) * SECOND
    for ticket in desk.orders():
        desk.withdraw(ticket)
    yield 20 * MS
    if r.random() < share:
        desk.is_dead = True
        desk.link.log_out(r.choice(("", "EOD", "end of session")))


@family("benign", Bourse)
def bourse_eod_cancel(w: Bourse) -> None:
    """Day orders are parked; in the evening everybody cancels all and logs out."""
    r = w.rng
    for desk in w.desks:
        if r.random() < 0.6:
            w.clock.play(_park(w, desk), r.uniform(0, 3) * SECOND)
    is_timed = r.random() < 0.5
    dusk = w.onset / SECOND
    w.market.activity = lambda t: 1 if t < dusk else max(0.15, 1 - (t - dusk) / 6)
    for desk in w.desks:
        if r.random() < 0.85:
            late = 5 * MS if is_timed else 2 * SECOND
            wait = w.onset + w.warm + r.expovariate(1) * late
            w.clock.play(_leave(w, desk, 0.6), wait)


def _park(w: Bourse, desk: Desk) -> Steps:
    """Enter orders that are far from the price."""
    r = w.rng
    yield r.uniform(0, 3) * SECOND
    for _ in range(r.randrange(5, 120)):
        inst, side = r.choice(desk.insts), r.choice((1, -1))
        price = inst.mid - side * r.randrange(6, 60)
        qty = inst.lot * r.randrange(1, 30)
        desk.order(Terms(inst, side, price, qty), is_forced=True)
        yield r.expovariate(1) * 50 * MS
