"""Faults of algorithms at an exchange."""

from collections.abc import Callable

from strangers.exchange import Exchange
from strangers.exchange_seat import Harm, Order, Terms
from strangers.exchange_session import Session
from strangers.exchange_venue import Symbol
from strangers.exchange_wire import MS, US, S
from strangers.registry import family

TEXTS = (
    "Price exceeds collar",
    "Symbol halted",
    "Insufficient credit",
    "Unknown account",
)


def own_pace(s: Session) -> float:
    """Return how many orders a second a session sends by itself."""
    return s.rate * {"Maker": 1.6, "Basket": 10}.get(s.agent, 1)


def fault_rate(
    w: Exchange,
    s: Session,
    bounds: tuple[float, float] = (30, 2000),
    times: tuple[float, float] = (6, 90),
) -> float:
    """Return orders a second of a fault: so many times the session's own pace."""
    low, high = bounds
    floor = w.rng.between_logs(low, 5 * low)
    return min(high, max(floor, own_pace(s) * w.rng.between_logs(*times)))


def loop(
    s: Session,
    span: tuple[int, int],
    rate: float,
    act: Callable[[int], None],
    *,
    has_beat: bool | None = None,
) -> None:
    """Have `act(k)` happen at about a rate: at a machine's beat, or at random."""
    w, r = s.w, s.w.rng
    is_regular = r.random() < 0.5 if has_beat is None else has_beat

    def go(k: int) -> None:
        if w.now >= span[1]:
            return
        if s.on:
            act(k)
        gap = r.uniform(0.9, 1.1) if is_regular else r.expovariate(1)
        w.at(w.now + int(S / rate * gap), go, k + 1)

    w.at(span[0], go, 0)


def blame(w: Exchange, span: tuple[int, int], harm: dict[Session, Harm]) -> None:
    """Note that sessions' algorithms are at fault."""
    own = list(harm)
    told = {s.comp: times for s, times in harm.items()}
    gateways = sorted({s.gw.addr for s in own})
    comps = [s.comp for s in own]
    w.incident("algo_fault", span, comps, (), told, victims=gateways)


def window(w: Exchange) -> tuple[int, int]:
    """Return from when till when something is wrong."""
    return w.onset, w.onset + w.length


@family("algorithm", Exchange)
def exchange_dormant_code(w: Exchange) -> None:
    """Dead code wakes up, buys at the offer and sells at the bid without end."""
    r = w.rng
    w.start_sessions()
    s = r.choice(w.by("Slicer", "Taker", "Basket"))
    span, harm = window(w), Harm()
    rate = fault_rate(w, s)
    syms, qty = w.pick_syms(r.randint(1, 10)), s.any_qty()

    def act(k: int) -> None:
        sym, side = syms[k // 2 % len(syms)], 1 + k % 2
        px = round(sym.mid * (1.0006 if side == 1 else 0.9994), 2)
        s.new(Terms(sym, side, qty, px, r.choice("03"), True), harm)

    loop(s, span, rate, act)
    blame(w, span, {s: harm})


@family("algorithm", Exchange)
def exchange_duplicate_orders(w: Exchange) -> None:
    """One order is sent again and again: under new identifiers, or under one."""
    r = w.rng
    w.start_sessions()
    s = r.choice(w.by("Taker", "Slicer", "Clocked", "Human"))
    span, harm = window(w), Harm()
    rate = fault_rate(w, s, (30, 900))
    sym, side, qty = s.any_sym(), r.choice((1, 2)), s.any_qty()
    sent: list[Order] = []

    def act(k: int) -> None:
        px = round(sym.mid * (1.0002 if side == 1 else 0.9998), 2)
        if sent:
            px = sent[0].px
        if w.seed % 2 and k:
            terms = Terms(sym, side, qty, px)
            s.new(terms, harm, "Duplicate ClOrdID", sent[-1].id)
        else:
            terms = Terms(sym, side, qty, px, "0", r.random() < 0.5)
            sent.append(s.new(terms, harm))

    loop(s, span, rate, act)
    blame(w, span, {s: harm})


@family("algorithm", Exchange)
def exchange_replace_loop(w: Exchange) -> None:
    """One to four orders are moved up and down as fast as the replies allow."""
    r = w.rng
    w.start_sessions()
    s = r.choice(w.by("Maker", "Slicer", "Clocked"))
    span, harm = window(w), Harm()
    rate = fault_rate(w, s, (50, 2000))
    count = r.randint(1, 4)
    slots: list[Order | None] = [None] * count
    syms = w.pick_syms(count)
    syms += [syms[0]] * (count - len(syms))

    def act(k: int) -> None:
        at = k % count
        o, sym, side = slots[at], syms[at], 1 + at % 2
        away = 0.999 if side == 1 else 1.001
        px = round(sym.mid * away + (k // count % 2) * 0.01, 2)
        if o is None or (not o.live and not o.pend):
            slots[at] = s.new(Terms(sym, side, s.any_qty(), px), harm)
        elif not o.pend:
            s.replace(o, o.qty, px, harm)

    loop(s, span, rate, act)
    blame(w, span, {s: harm})


@family("algorithm", Exchange)
def exchange_quote_stuffing(w: Exchange) -> None:
    """Orders far from the market, cancelled at once; nothing trades."""
    r = w.rng
    w.start_sessions()
    s = r.choice(w.by("Maker", "Taker"))
    span, harm = (w.onset, w.onset + min(w.length, 12 * S)), Harm()
    rate = r.between_logs(200, 1500)
    syms = w.pick_syms(r.randint(1, 3))
    hold = r.between_logs(0.4, 8) * MS

    def drop(o: Order) -> None:
        if s.on:
            s.cancel(o)

    def act(k: int) -> None:
        sym, side = syms[k % len(syms)], r.choice((1, 2))
        away = r.uniform(0.97, 0.995) if side == 1 else r.uniform(1.005, 1.03)
        o = s.new(Terms(sym, side, s.lot, round(sym.mid * away, 2)), harm)
        w.at(w.now + int(hold * r.uniform(0.8, 1.3)), drop, o)

    loop(s, span, rate, act)
    blame(w, span, {s: harm})


@family("algorithm", Exchange)
def exchange_reject_loop(w: Exchange) -> None:
    """What is rejected is sent again as soon as the reject arrives, without end."""
    r = w.rng
    w.start_sessions()
    s = r.choice(w.by("Slicer", "Taker", "Clocked", "Basket"))
    span, harm = window(w), Harm()
    text = r.choice(TEXTS)
    sym, side, qty = s.any_sym(), r.choice((1, 2)), s.any_qty()
    rate, chains = fault_rate(w, s, (40, 1200)), r.randint(1, 6)
    think = chains / rate * S

    def send() -> None:
        if s.on and w.now < span[1]:
            s.new(Terms(sym, side, qty, round(sym.mid * 1.2, 2)), harm, text)

    def again(other: Session, o: Order) -> None:
        is_own = other is s and o.sym is sym and o.px > sym.mid * 1.1
        if is_own and w.now < span[1]:
            pause = think * r.uniform(0.7, 1.2) - 400 * US
            w.at(w.now + int(max(20 * US, pause)), send)

    w.on_rej = again
    for _ in range(chains):
        w.at(w.onset + r.randrange(20 * MS), send)
    blame(w, span, {s: harm})


@family("algorithm", Exchange)
def exchange_fat_finger(w: Exchange) -> None:
    """A size typed a hundred times too large is sliced, and all of it takes."""
    r = w.rng
    w.start_sessions()
    s = r.choice(w.by("Slicer", "Clocked", "Human"))
    span, harm = window(w), Harm()
    rate = fault_rate(w, s, (30, 500), (15, 90))
    sym, side, qty = s.any_sym(), r.choice((1, 2)), s.any_qty() * r.randint(1, 8)

    def act(_: int) -> None:
        sym.mid *= 1 + (1 if side == 1 else -1) * 2e-6
        size = int(qty * r.uniform(0.8, 1.2)) + 1
        px = round(sym.mid * (1.0005 if side == 1 else 0.9995), 2)
        s.new(Terms(sym, side, size, px, "0", r.random() < 0.9), harm)

    loop(s, span, rate, act)
    blame(w, span, {s: harm})


class Echo:
    """Two algorithms of a firm that answer each other's fills."""

    def __init__(self, w: Exchange, pair: list[Session], sym: Symbol) -> None:
        self.w, self.pair, self.sym = w, pair, sym
        self.end, self.cap = w.onset + w.length, 0.0
        self.delay = 0.0
        self.harm: dict[Session, Harm] = {s: [] for s in pair}
        self._own: set[Order] = set()
        self._count = self._since = 0

    def send(self, s: Session, side: int) -> None:
        """Send an order, or a little later, if too many were."""
        w, r = self.w, self.w.rng
        if not s.on or w.now >= self.end:
            return
        if w.now - self._since > 100 * MS:
            self._since, self._count = w.now, 0
        self._count += 1
        if self._count > self.cap * 0.1:
            w.at(w.now + int(r.uniform(40, 140) * MS), self.send, s, side)
            return
        px = round(self.sym.mid * (1.0006 if side == 1 else 0.9994), 2)
        terms = Terms(self.sym, side, s.any_qty(), px, "3", True)
        self._own.add(s.new(terms, self.harm[s]))

    def answer(self, s: Session, o: Order) -> None:
        """Have the other one answer a fill."""
        w, r = self.w, self.w.rng
        if o not in self._own or w.now >= self.end or o.live:
            return
        other = self.pair[1] if s is self.pair[0] else self.pair[0]
        for _ in range(1 if r.random() < 0.55 else 2):
            late = int(self.delay * r.uniform(0.6, 1.5))
            w.at(w.now + late, self.send, other, 3 - o.side)


@family("algorithm", Exchange)
def exchange_feedback(w: Exchange) -> None:
    """Two algorithms of a firm answer each other's fills, faster and faster."""
    r = w.rng
    w.start_sessions()
    firms: dict[str, list[Session]] = {}
    for s in w.sessions:
        if s.agent in ("Taker", "Slicer", "Clocked", "Maker", "Basket"):
            firms.setdefault(w.firm_of[s.comp], []).append(s)
    pair = r.sample(r.choice([own for own in firms.values() if len(own) > 1]), 2)
    cap = r.between_logs(60, 700)
    echo = Echo(w, pair, pair[0].any_sym())
    echo.cap, echo.delay = cap, r.between_logs(2, 25) * MS
    for s in pair:
        s.on_fill = echo.answer
    for k in range(8):
        w.at(w.onset + k * 25 * MS, echo.send, pair[0], r.choice((1, 2)))
    blame(w, window(w), echo.harm)
