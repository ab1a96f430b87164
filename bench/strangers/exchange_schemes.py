"""What prepares the ground at an exchange, or hides behind something else."""

from functools import partial

from strangers.exchange import Exchange
from strangers.exchange_calm import rush, spike
from strangers.exchange_faults import blame, fault_rate, loop, window
from strangers.exchange_floods import Harm, Syns, steady, strangers, syns
from strangers.exchange_mirror import Ends
from strangers.exchange_seat import Terms
from strangers.exchange_wire import MS, US, S
from strangers.registry import family


@family("mixed", partial(Exchange, dur_ns=45 * S))
def exchange_slow_ramp(w: Exchange) -> None:
    """A session's pace creeps up, harmless, for 20 s; then its algorithm runs away."""
    r = w.rng
    w.start_sessions()
    s = r.choice(w.by("Taker", "Slicer", "Clocked", least=1))
    times, first = r.uniform(5, 9), 3 * S
    w.onset = int(r.uniform(20, 24) * S)
    w.length = int(r.uniform(10, 15) * S)
    steps = 60
    for k in range(steps):
        boost = times ** ((k + 1) / steps)
        w.at(first + (w.onset - first) * k // steps, setattr, s, "boost", boost)
    w.at(w.onset + w.length, setattr, s, "boost", 1.0)
    usual = s.rate * times
    rate = min(1500, max(60, usual * r.between_logs(5, 30)))
    syms, qty = w.pick_syms(r.randint(1, 4)), s.any_qty()
    side = r.choice((1, 2))
    span, harm = window(w), list[int]()

    def act(k: int) -> None:
        sym = syms[k % len(syms)]
        px = round(sym.mid * (1.0006 if side == 1 else 0.9994), 2)
        s.new(Terms(sym, side, qty, px, "3", True), harm)

    loop(s, span, rate, act)
    blame(w, span, {s: harm})


@family("mixed", Exchange)
def exchange_flood_in_news(w: Exchange) -> None:
    """A flood while a figure makes every session accelerate."""
    r = w.rng
    w.start_sessions()
    t0 = w.onset - int(r.uniform(0.5, 3) * S)
    rise, peak = r.uniform(40, 300) * MS, r.uniform(4, 11)
    w.profile = spike(t0, rise, peak, r.uniform(3, 8) * S, 1.4)
    gw = r.choice(w.gws)
    sources = strangers(w, r.randint(2, 6))
    end = w.onset + w.length
    if r.random() < 0.5:
        rate = r.between_logs(1500, 15000)
        end = steady(w, rate, 110_000)
        harm = syns(Syns(w, gw, sources, is_forged=False), end, rate)
    else:
        harm = Harm({one: [] for one in sources})
        rate = r.between_logs(150, 900)
        for t in w.times((w.onset, end), rate, 0.5, 11_000).tolist():
            one = r.choice(sources)
            ends = Ends(one, r.randrange(1024, 65000), gw.ip, gw.port)
            w.flow(t, ends, 900 * US, [], "hold")
            harm[one].append(t)
    w.incident("flood", (w.onset, end), (), sources, harm, gateway=gw.addr)


@family("mixed", partial(Exchange, joined=False))
def exchange_fault_at_open(w: Exchange) -> None:
    """Under cover of an opening one algorithm runs away, on both sides by turns."""
    r = w.rng
    w.start_sessions(3)
    bell = w.onset - int(r.uniform(0.8, 4) * S)
    w.profile = rush(bell, r.uniform(3.5, 8), r.uniform(4, 10) * S, 0.4)
    s = r.choice(w.by("Taker", "Slicer", "Clocked"))
    span, harm = window(w), list[int]()
    rate = fault_rate(w, s, (60, 1500), (10, 90))
    syms, qty = w.pick_syms(r.randint(1, 5)), s.any_qty()

    def act(k: int) -> None:
        sym, side = syms[k % len(syms)], 1 + k % 2
        px = round(sym.mid * (1.0008 if side == 1 else 0.9992), 2)
        s.new(Terms(sym, side, qty, px, "3", True), harm)

    loop(s, span, rate, act)
    blame(w, span, {s: harm})
