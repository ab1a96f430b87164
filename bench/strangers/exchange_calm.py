"""Busy hours at an exchange in which nothing is wrong: markets and desks."""

from collections.abc import Callable
from functools import partial

from strangers.exchange import Exchange
from strangers.exchange_seat import Order, Terms
from strangers.exchange_session import Session
from strangers.exchange_traders import basket, quote
from strangers.exchange_venue import Symbol
from strangers.exchange_wire import MS, S
from strangers.registry import family


def rush(t0: int, peak: float, half: float, share: float) -> Callable[[int], float]:
    """Return a profile that is low, jumps at `t0`, and halves every `half` ns."""

    def profile(t: int) -> float:
        if t < t0:
            return share
        return float(1 + (peak - 1) * 0.5 ** ((t - t0) / half))

    return profile


def spike(
    t0: int, rise: float, peak: float, half: float, floor: float
) -> Callable[[int], float]:
    """Return a profile that rises in `rise` ns and halves every `half`, to a floor."""

    def profile(t: int) -> float:
        if t < t0:
            return 1.0
        up = min(1.0, (t - t0) / rise)
        decay = 0.5 ** (max(0, t - t0 - rise) / half)
        return float(1 + (peak - 1) * up * max(decay, (floor - 1) / (peak - 1)))

    return profile


def _list_of(s: Session, count: int, dur_ns: float) -> None:
    if s.on:
        basket(s, count, dur_ns)


def _quote(s: Session, sym: Symbol) -> None:
    if s.on:
        quote(s, sym)


@family("benign", partial(Exchange, joined=False))
def exchange_market_open(w: Exchange) -> None:
    """All log on within seconds; at the bell orders pour in, and the pace decays."""
    r = w.rng
    bell = w.onset
    for s in w.sessions:
        w.at(int(r.betavariate(1.2, 2.5) * (bell - 2 * S)), s.start)
        if s.agent in ("Maker", "Taker", "Slicer", "Clocked", "Basket"):
            s.paused = True
            w.at(bell + int(r.wait(0.08) * S), setattr, s, "paused", False)
            if r.random() < 0.4:
                t = bell - int(r.uniform(0.2, 2.5) * S)
                w.at(t, _early_list, s)
    w.profile = rush(bell, r.uniform(4, 10), r.uniform(3, 9) * S, 0.3)


def _early_list(s: Session) -> None:
    r = s.w.rng
    if s.on:
        basket(s, r.randint(4, 30), r.uniform(0.1, 0.8) * S)


@family("benign", Exchange)
def exchange_news_spike(w: Exchange) -> None:
    """A figure is published: every session accelerates, then the pace decays."""
    r = w.rng
    w.start_sessions()
    rise, peak = r.uniform(40, 300) * MS, r.uniform(5, 16)
    w.profile = spike(w.onset, rise, peak, r.uniform(2, 7) * S, 1.3)
    for s in w.sessions:
        if s.agent in ("Maker", "Taker", "Clocked"):
            s.beta = max(s.beta, r.uniform(0.5, 1.1))
    w.at(w.onset + 20 * MS, _pull_quotes, w)


def _pull_quotes(w: Exchange) -> None:
    for s in w.by("Maker"):
        if s.on and w.rng.random() < 0.5:
            for own in list(s.quotes.values()):
                late = int(w.rng.uniform(0.05, 60) * MS)
                w.at(w.now + late, _cancel_quotes, s, own)


def _cancel_quotes(s: Session, own: dict[int, Order]) -> None:
    if not s.on:
        return
    s.begin()
    for o in own.values():
        if o.live and not o.pend:
            s.cancel(o)
    s.flush()


@family("benign", Exchange)
def exchange_program_trade(w: Exchange) -> None:
    """A desk sends baskets of hundreds of orders in a list of names."""
    r = w.rng
    w.start_sessions()
    own = w.by("Basket", "Slicer", "Human")
    for s in r.sample(own, r.choice([1, 1, 2]) if len(own) > 1 else 1):
        t = w.onset + int(r.uniform(0, 3) * S)
        for _ in range(r.randint(1, 3)):
            count = r.randint(120, 900)
            w.at(t, _list_of, s, count, count / r.between_logs(80, 700) * S)
            t += int(r.uniform(2, 6) * S)


@family("benign", Exchange)
def exchange_mass_requote(w: Exchange) -> None:
    """A market maker quotes its whole book anew, several times."""
    r = w.rng
    w.start_sessions()
    s = r.choice(w.by("Maker"))
    s.syms = w.pick_syms(r.randint(8, min(len(w.syms), 30)))
    t = w.onset
    for _ in range(r.randint(2, 12)):
        then, gap = t, r.between_logs(0.1, 4) * MS
        for sym in s.syms:
            for _ in range(r.choice([1, 1, 2])):
                w.at(then, _quote, s, sym)
                then += int(r.wait(gap))
        t += int(r.between_logs(0.12, 2.5) * S)


@family("benign", partial(Exchange, joined=True))
def exchange_eod_mass_cancel(w: Exchange) -> None:
    """The close: the pace grows, desks cancel all they have, many log out."""
    r = w.rng
    w.start_sessions()
    onset = w.onset
    close = onset + int(r.uniform(3, 8) * S)

    def profile(t: int) -> float:
        if t < onset:
            return 1.0
        if t < close:
            return 1 + 2.5 * min(1, (t - onset) / (close - onset))
        return 0.05

    w.profile = profile
    for s in w.sessions:
        w.at(close + int(r.gammavariate(1.2, 0.25) * S), _end, s)
    for s in w.by("Human", "Basket", "Slicer", "Clocked"):
        w.at(int(r.uniform(2, 7) * S), _rest, s)


def _end(s: Session) -> None:
    w, r = s.w, s.w.rng
    if not s.on:
        return
    s.paused = True
    live = s.living()
    if r.random() < 0.4 and live:
        clid = f"{s.lead}MC{s.nid}"
        body = f"11={clid}\x01530=7\x0160={w.stamp(w.now)}\x01"
        s.csend("q", body, ("q", live, clid))
    else:
        t, gap = w.now, r.between_logs(0.05, 3) * MS
        for o in live:
            w.at(t, _drop, s, o)
            t += int(r.wait(gap))
    if r.random() < 0.7:
        w.at(w.now + int(r.uniform(0.6, 5) * S), s.logout)


def _drop(s: Session, o: Order) -> None:
    if s.on and o.live and not o.pend:
        s.cancel(o)


def _rest(s: Session) -> None:
    """Fill a book with orders that rest."""
    w, r = s.w, s.w.rng
    t = w.now
    for _ in range(r.randint(5, 70)):
        w.at(t, _rest_one, s)
        t += int(r.expovariate(1) * 60 * MS)


def _rest_one(s: Session) -> None:
    if s.on:
        r = s.w.rng
        sym, side = s.any_sym(), r.choice((1, 2))
        qty, away = s.any_qty(), -1 if side == 1 else 1
        px = round(sym.mid * (1 + away * r.uniform(0.002, 0.01)), 2)
        s.work.append(s.new(Terms(sym, side, qty, px)))


@family("benign", Exchange)
def exchange_twap_speedup(w: Exchange) -> None:
    """A desk is told to finish sooner: its small orders come 3 to 12 times faster."""
    r = w.rng
    w.start_sessions()
    own = w.by("Slicer", "Clocked")
    lead = r.choice(own)
    for s in [s for s in own if w.firm_of[s.comp] == w.firm_of[lead.comp]][:3]:
        times = r.uniform(3, 12)
        t0 = w.onset + int(r.uniform(0, 1.5) * S)
        for k in range(5):
            boost = 1 + (times - 1) * (k + 1) / 5
            w.at(t0 + k * 400 * MS, setattr, s, "boost", boost)
        w.at(t0 + w.length, setattr, s, "boost", 1.0)


@family("benign", Exchange)
def exchange_new_strategy(w: Exchange) -> None:
    """A silent or slow session starts to quote or take, at a usual pace."""
    r = w.rng
    w.start_sessions()
    s = r.choice(w.by("Silent", "Human", "Basket"))

    def go() -> None:
        s.agent = r.choice(["Maker", "Maker", "Taker", "Clocked"])
        s.rate = r.between_logs(6, 45)
        if s.agent == "Clocked":
            s.rate = r.choice([5, 10, 20])
        s.running = None
        s.beta = 0.8
        w.run_agent(s)

    w.at(w.onset, go)
