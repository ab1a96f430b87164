"""What moves everybody at a bourse at once: an opening, and news."""

import math
from functools import partial

from strangers.bourse import Bourse
from strangers.bourse_clock import Steps
from strangers.bourse_desk import Desk
from strangers.bourse_makers import Maker
from strangers.bourse_market import Instrument, Terms
from strangers.loop import MS, SECOND, US


def opening(w: Bourse) -> float:
    """Have the market open by an auction, with some desks off; return when (ns)."""
    r, market = w.rng, w.market
    t = w.onset - r.uniform(-1, 3) * SECOND
    most, fall = r.uniform(2, 7), r.uniform(3, 9)
    begin = t - r.uniform(3, 7) * SECOND

    def activity(now_s: float) -> float:
        if now_s * SECOND < t:
            return 0.5 if now_s * SECOND < begin else 1.0
        return 1 + most * math.exp(-(now_s - t / SECOND) / fall)

    market.activity = activity
    w.clock.play(_auction(w, t), max(0, begin) + w.warm)
    for _ in range(r.randrange(3, 6)):
        w.add("Auction", r.uniform(3, 10))
    _go_stale(w, t)
    return t


def _auction(w: Bourse, t: float) -> Steps:
    r, market = w.rng, w.market
    market.phase = "auction"
    while w.clock.now < t - 40 * MS:
        yield r.uniform(0.4, 1) * SECOND
    for inst in market.insts:
        inst.mid = max(40, inst.mid + int(r.gauss(0, 6)))
    yield 30 * MS
    for inst in market.insts:
        inst.quote()
    market.uncross(r.uniform(0.6, 0.95))
    for inst in market.insts:
        market.show(inst)
        yield r.randrange(1, 6) * MS


def _go_stale(w: Bourse, t: float) -> None:
    """Have some desks price off yesterday, and be refused by a collar."""
    r = w.rng
    share, way, collar = r.uniform(0.15, 0.6), r.choice((-1, 1)), r.randrange(15, 40)
    for gw in w.gws:
        gw.collar = lambda: collar if w.clock.now < t + 6 * SECOND else 150
    for desk in w.desks:
        if r.random() < share and not isinstance(desk, Maker):
            others = r.sample(w.market.insts, len(w.market.insts) // 2)
            for inst in desk.insts + others:
                if r.random() < 0.7:
                    soon = t - r.uniform(0.2, 2) * SECOND
                    w.clock.at(soon, _misprice, w, desk, inst, (way, collar))
    for desk in w.some("Human", "Slicer", "Program", count=2):
        steps = _retry(w, desk, way * collar * 3)
        w.clock.play(steps, t + w.warm + r.uniform(0, 2) * SECOND)


def _misprice(w: Bourse, desk: Desk, inst: Instrument, off: tuple[int, int]) -> None:
    way, collar = off
    desk.stale[inst.symbol] = int(way * w.rng.uniform(0.6, 3) * collar)


def _retry(w: Bourse, desk: Desk, off: int) -> Steps:
    """Have a desk retry what is refused until it notices."""
    r = w.rng
    for _ in range(r.randrange(8, 60)):
        inst = r.choice(desk.insts)
        desk.order(Terms(inst, 1, inst.mid + off, inst.lot * 3))
        yield r.lognormvariate(4.4, 0.8) * MS


def news(w: Bourse, t: float) -> None:
    """Have the prices of many instruments jump at `t` (ns), and takers follow."""
    r, market = w.rng, w.market
    most, fall = r.uniform(3, 11), r.uniform(2.5, 8)

    def activity(now_s: float) -> float:
        if now_s < t / SECOND:
            return 1.0
        return 1.0 + most * math.exp(-(now_s - t / SECOND) / fall)

    market.activity = activity
    count = max(3, int(len(market.insts) * r.uniform(0.3, 1)))
    moved = r.sample(market.insts, count)
    w.clock.play(_move(w, moved, r.choice((1, -1)), fall), t + w.warm)


def _move(w: Bourse, moved: list[Instrument], side: int, fall: float) -> Steps:
    r = w.rng
    for _ in range(r.randrange(3, 12)):
        for inst in moved:
            w.market.jump(inst, side * r.randrange(1, 6))
            inst.drift = side * 0.35
            yield r.randrange(20, 900) * US
        yield r.uniform(5, 120) * MS
    for desk in w.some("Taker", "Scalper", "Slicer", count=4):
        desk.bias, desk.zeal = side, 2.0
    yield fall * SECOND
    for inst in moved:
        inst.drift = 0
    for desk in w.desks:
        desk.bias, desk.zeal = 0, 1.0


#: A place with more to do than others.
Busy = partial(Bourse, busy=1.2)
