"""How firms at an exchange trade: what each kind of agent does when it acts."""

from collections.abc import Callable

from strangers.exchange_seat import Terms
from strangers.exchange_session import Session
from strangers.exchange_venue import Symbol
from strangers.exchange_wire import S


def near(sym: Symbol, side: int, share: float) -> float:
    """Return a price so much worse than the middle for who buys (1) or sells (2)."""
    return round(sym.mid * (1 + (share if side == 1 else -share)), 2)


def quote(s: Session, sym: Symbol | None = None) -> None:
    """Quote a symbol on one side or both, or move the quotes."""
    r = s.w.rng
    sym = sym or s.any_sym()
    own = s.quotes.setdefault(sym.name, {})
    half = sym.mid * r.uniform(1.5e-4, 6e-4) + sym.tick
    s.begin()
    sides = (1, 2) if r.random() < 0.7 else (r.choice((1, 2)),)
    for side in sides:
        o = own.get(side)
        px = round(sym.mid - half if side == 1 else sym.mid + half, 2)
        if o is None or (not o.live and not o.pend):
            own[side] = s.new(Terms(sym, side, s.any_qty(), px))
        elif o.live and not o.pend:
            if r.random() < 0.75:
                s.replace(o, o.qty, px)
            else:
                s.cancel(o)
    s.flush()


def take(s: Session) -> None:
    """Take what is there, one order or a few."""
    r = s.w.rng
    for _ in range(1 if r.random() < 0.75 else r.randint(2, 5)):
        sym, side = s.any_sym(), r.choice((1, 2))
        takes = r.random() < 0.7
        s.new(Terms(sym, side, s.any_qty(), near(sym, side, 4e-4), "3", takes))


def work(s: Session) -> None:
    """Work a large order in small ones."""
    r = s.w.rng
    s.work = [o for o in s.work if o.live]
    if s.parent is None or r.random() < 0.02:
        s.parent = (s.any_sym(), r.choice((1, 2)))
    sym, side = s.parent
    if s.work and r.random() < 0.45:
        o = r.choice(s.work)
        if not o.pend:
            if r.random() < 0.6:
                s.replace(o, o.qty, near(sym, side, 1e-4))
            else:
                s.cancel(o)
        return
    takes = r.random() < 0.35
    qty = s.any_qty()
    px = near(sym, 1, 3e-4 if (side == 1) == takes else -3e-4)
    s.work.append(s.new(Terms(sym, side, qty, px, "0", takes)))


def point(s: Session) -> None:
    """Enter or cancel an order by hand."""
    r = s.w.rng
    live = [o for o in s.work if o.live and not o.pend]
    if live and r.random() < 0.4:
        s.cancel(r.choice(live))
        return
    sym, side = s.any_sym(), r.choice((1, 2))
    qty = s.any_qty() * r.randint(1, 20)
    px = round(sym.mid * r.uniform(0.999, 1.001), 2)
    s.work.append(s.new(Terms(sym, side, qty, px, "0", r.random() < 0.5)))


def basket(s: Session, count: int = 0, dur_ns: float = 0) -> None:
    """Send a list of orders, one after the other."""
    w, r = s.w, s.w.rng
    count, side = count or r.randint(8, 60), r.choice((1, 2))
    t, gap = w.now, (dur_ns or r.uniform(0.05, 1.5) * S) / count
    for _ in range(count):
        w.at(t, _one, s, side)
        t += int(r.wait(gap))


def _one(s: Session, side: int) -> None:
    if s.on:
        r = s.w.rng
        sym = r.choice(s.w.syms)
        qty, takes = s.any_qty(), r.random() < 0.8
        s.work.append(s.new(Terms(sym, side, qty, near(sym, side, 3e-4), "0", takes)))


#: What each kind of agent does, but for who does nothing.
ACTS: dict[str, Callable[[Session], None]] = {
    "Maker": quote,
    "Taker": take,
    "Slicer": work,
    "Clocked": work,
    "Human": point,
    "Basket": basket,
}
