"""What prepares its ground at a bourse, or hides behind a busy day."""

from strangers import bourse_crowds as crowds, bourse_loops as loops
from strangers.bourse import Bourse
from strangers.bourse_clock import Steps
from strangers.bourse_desk import NO_CAP, Desk, Harm
from strangers.bourse_fix import in_36
from strangers.bourse_floods import LOGON, SynFlood
from strangers.bourse_market import Terms
from strangers.bourse_sieges import Force, connections, raw_fix, some_sources
from strangers.bourse_tcp import Conn, Context
from strangers.loop import MS, SECOND
from strangers.registry import family


@family("mixed", Bourse)
def bourse_slow_ramp(w: Bourse) -> None:
    """A session's rate grows from the start, and at 17 to 22 s it runs away."""
    r = w.rng
    desk = w.some("Taker", "Slicer", "Clocked", "Scalper")[0]
    w.onset = int(min(w.dur - 8 * SECOND, r.uniform(17, 22) * SECOND))
    w.end = w.dur - SECOND
    first, last = r.uniform(0.5, 4), w.level(20, 60)
    rate = last * w.level(8, 2.5)
    desk.cap = NO_CAP
    w.clock.play(_ramp(w, desk, first, last), 100)

    def fault(desk: Desk, harm: Harm, end: int) -> Steps:
        is_one_way, one, count = r.random() < 0.5, r.choice(desk.insts), 0
        while w.clock.now < end and not desk.is_dead:
            inst = one if is_one_way else r.choice(desk.insts)
            count += 1
            side = 1 if is_one_way or count & 1 else -1
            desk.take(inst, side, inst.lot * r.randrange(1, 4), harm=harm)
            yield r.expovariate(rate) * SECOND

    loops.break_out(w, [desk], [fault])


def _ramp(w: Bourse, desk: Desk, first: float, last: float) -> Steps:
    """Trade as a desk may, ever faster until the onset."""
    r, start = w.rng, w.clock.now
    length = w.onset - start
    while w.clock.now < w.onset:
        rate = first * (last / first) ** ((w.clock.now - start) / length)
        inst, side = r.choice(desk.insts), r.choice((1, -1))
        if abs(desk.held.get(inst, 0)) > 10 * inst.lot:
            side = -1 if desk.held[inst] > 0 else 1
        if r.random() < 0.6:
            desk.take(inst, side, inst.lot)
        else:
            one = Terms(inst, side, inst.near(side), inst.lot)
            ticket = desk.order(one, is_forced=True)
            if ticket:
                w.clock.after(r.uniform(50, 400) * MS, desk.withdraw, ticket)
        yield r.expovariate(rate) * SECOND


@family("mixed", Bourse)
def bourse_flood_in_news(w: Bourse) -> None:
    """Prices jump, and a flood of handshakes or logons comes just after."""
    r = w.rng
    crowds.news(w, w.onset - r.uniform(0.2, 2.5) * SECOND)
    gw, manner = r.choice(w.gws), r.choice(("syn", "spoof", "conn", "logon"))

    def hold(conn: Conn) -> None:
        w.clock.after(r.expovariate(1) * 300 * MS, conn.close, 0)

    def log_on(conn: Conn) -> None:
        def hear(side: int, _: Context) -> None:
            if side == 0:
                w.clock.after(MS, conn.close, 1)

        conn.on_data = hear
        ends = in_36(r.randrange(36**6), 6), gw.comp
        conn.write(0, raw_fix(w, "A", 1, ends, LOGON), ("A",))

    if manner in {"syn", "spoof"}:
        rate = w.level(7000, 200)
        SynFlood(w, gw, rate, is_forged=manner == "spoof")
    elif manner == "conn":
        sources = some_sources(w, r.choice((1, 4, 15)))
        connections(w, Force(gw, sources, w.level(500, 25), w.end), hold)
    else:
        sources = some_sources(w, r.choice((1, 4)))
        connections(w, Force(gw, sources, w.level(300, 15), w.end), log_on)


@family("mixed", crowds.Busy)
def bourse_fault_in_open(w: Bourse) -> None:
    """The market opens, and an algorithm goes wrong within 3 s of it."""
    r = w.rng
    opened = crowds.opening(w)
    late = int(opened + r.uniform(0.3, 3) * SECOND)
    w.onset = max(int(8.2 * SECOND), late)
    w.end = min(w.dur - SECOND, w.onset + int(r.uniform(7, 14) * SECOND))
    manner = r.choice(("dormant", "repeat", "loop"))
    if manner == "dormant":
        desks = w.some("Slicer", "Taker", "Clocked")
        fault = loops.buy_and_sell(w)
    elif manner == "repeat":
        desks = w.some("Taker", "Slicer", "Iceberg")
        fault = loops.repeat(w)
    else:
        desks = w.some("Maker", "Slicer", "Taker")
        fault = loops.Amender(w).fault
    loops.break_out(w, desks, [fault])
