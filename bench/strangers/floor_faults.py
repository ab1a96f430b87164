"""The other floor when somebody is at fault: algorithms, intruders, floods."""

import heapq
from collections.abc import Callable

import numpy as np

from strangers.desks import Desk, open_up, staff
from strangers.floor import ACK, PSH, RST, SYN, Floor, Line, Trouble
from strangers.floor_calm import frenzy
from strangers.registry import family
from strangers.wire import dotted

Act = Callable[[float], float | None]


def break_desk(floor: Floor, *, first: float | None = None) -> tuple[Desk, Trouble]:
    """Staff the floor; one desk works until the onset and then is to misbehave."""
    desks = staff(floor)
    one = desks[int(floor.rng.integers(len(desks)))]
    if first is not None:
        floor.onset = first
    made = floor.trouble("algo_fault", 4, 12)
    made.sessions.append(one.line.comp)
    begun = open_up(floor, desks, one)
    made.first = floor.onset = max(floor.onset, begun)
    return one, made


def go_wrong(one: Desk, made: Trouble, rate: float, act: Act) -> None:
    """Do `act` at a rate, among what the desk else does; then go on as before.

    `act` may say when it wants to be called again.
    """
    floor = one.floor
    usual = min(one.pace, 10) if one.kind == "algo" else 0.5
    queue = [(at, True) for at in one.times(made.first, made.last, usual)]
    steady = bool(floor.rng.random() < 0.4)
    heapq.heappush(queue, (made.first, False))
    marks = made.harm.setdefault(one.line.comp, [])
    while queue:
        at, is_usual = heapq.heappop(queue)
        if at >= made.last:
            break
        if is_usual:
            one.one_more(at)
            continue
        one.harm = marks
        again = act(at)
        one.harm = None
        gap = 1 / rate if steady else float(floor.rng.exponential(1 / rate))
        heapq.heappush(queue, (again or at + gap, False))
    one.work(made.last, floor.seconds)


def pace_of(one: Desk, low: float, high: float) -> float:
    """Return a rate that is wild for this desk."""
    usual = {"quoter": 2 / one.pace, "slicer": 1 / one.pace}.get(one.kind, one.pace)
    return min(1000.0, max(one.floor.spread(low, high), 12 * usual))


@family("algorithm", Floor)
def floor_runaway(floor: Floor) -> None:
    """Market orders for one name, as fast as the program can."""
    one, made = break_desk(floor)
    symbol, side = int(one.own[0]), str(floor.rng.choice(["1", "2"]))
    kind = str(floor.rng.choice(["1", "2"]))

    def act(at: float) -> None:
        one.enter(at, symbol, side, 1, 7 * one.lot, kind=kind, fate="filled")

    go_wrong(one, made, pace_of(one, 60, 600), act)


@family("algorithm", Floor)
def floor_both_ways(floor: Floor) -> None:
    """Buys high and sells low in all names, at random, and is always filled."""
    one, made = break_desk(floor)

    def act(at: float) -> None:
        symbol = int(floor.rng.integers(len(floor.symbols)))
        one.enter(at, symbol, kind="1", fate="filled")

    go_wrong(one, made, pace_of(one, 80, 500), act)


@family("algorithm", Floor)
def floor_resubmit(floor: Floor) -> None:
    """Each order is refused, and sent again as soon as it was."""
    one, made = break_desk(floor)
    symbol, think = int(one.own[0]), floor.spread(0.4e-3, 12e-3)
    far = one.line.far_ns / 1e9

    def act(at: float) -> float:
        cents = one.cents(symbol, made.first)
        sent = one.enter(at, symbol, "1", cents, one.lot, fate="refused")
        return sent.live + far + think * floor.uniform(0.8, 1.2)

    go_wrong(one, made, 100, act)


@family("algorithm", Floor)
def floor_twice(floor: Floor) -> None:
    """One ClOrdID for ever; the venue takes the first and refuses the others."""
    one, made = break_desk(floor)
    symbol, number = int(one.own[0]), one.fresh()
    sent = [0]

    def act(at: float) -> None:
        fate = "refused" if sent[0] else "filled"
        sent[0] += 1
        one.enter(at, symbol, "2", 5000, one.lot, fate=fate, number=number)

    go_wrong(one, made, pace_of(one, 30, 300), act)


@family("algorithm", Floor)
def floor_in_and_out(floor: Floor) -> None:
    """In, out, in, out: an order and its cancel, a moment apart, without end."""
    one, made = break_desk(floor)
    symbol, cents = int(one.own[0]), one.cents(int(one.own[0]), made.first)
    held = floor.base_ns / 1e9 * 3 + floor.spread(0.2e-3, 6e-3)

    def act(at: float) -> float | None:
        mine = [
            each for each in one.book if each.cents == cents and each.symbol == symbol
        ]
        if mine and mine[-1].live < at:
            one.cancel(at, mine[-1])
            return None
        one.enter(at, symbol, "1", cents, one.lot)
        return at + held

    go_wrong(one, made, pace_of(one, 50, 400), act)


@family("algorithm", Floor)
def floor_to_and_fro(floor: Floor) -> None:
    """One order up a cent and down a cent, from the first second of the capture on."""
    one, made = break_desk(floor, first=floor.uniform(0.1, 1.2))
    symbol, turn = int(one.own[0]), [0]
    cents = one.cents(symbol, 0)
    made_once = one.enter(made.first, symbol, "1", cents, one.lot)
    made_once.done = 1e9

    def act(at: float) -> None:
        turn[0] += 1
        one.move(at, made_once, cents + turn[0] % 2)

    go_wrong(one, made, pace_of(one, 50, 400), act)


@family("mixed", Floor)
def floor_runaway_in_frenzy(floor: Floor) -> None:
    """Everybody hurries; one desk of them sends the same again and again."""
    frenzy(floor)
    floor_runaway(floor)


@family("mixed", Floor)
def floor_flood_and_runaway(floor: Floor) -> None:
    """Strangers flood a gateway in the moment in which an algorithm runs away."""
    floor_runaway(floor)
    made = floor.trouble("flood", 3, 8)
    made.first = floor.onset + floor.uniform(0, 0.3)
    flood(floor, made, floor.lines[0].gateway)


@family("flood", Floor)
def floor_flood(floor: Floor) -> None:
    """SYNs from a few, or from anybody; the gateway answers what it can."""
    open_up(floor, staff(floor))
    flood(floor, floor.trouble("flood", 3, 8), floor.lines[0].gateway)


def flood(floor: Floor, made: Trouble, gateway: tuple[int, int]) -> None:
    """Add SYNs for as long as the incident lasts."""
    rng = floor.rng
    made.gateway = f"{dotted(gateway[0])}:{gateway[1]}"
    few = [int(one) for one in rng.integers(45 << 24, 46 << 24, size=3)]
    forged = bool(rng.random() < 0.5)
    made.hosts = [] if forged else [dotted(one) for one in few]
    rate = floor.spread(1500, 12_000)
    times = np.cumsum(rng.exponential(1 / rate, int(rate * (made.last - made.first))))
    for at in (made.first + times).tolist():
        source = (
            int(rng.integers(20 << 24, 220 << 24)) if forged else few[int(at * 1e6) % 3]
        )
        mark, port = int(rng.integers(1 << 32)), int(rng.integers(1024, 65_536))
        t_ns = floor.ns(at)
        made.harm.setdefault("*" if forged else dotted(source), []).append(t_ns)
        floor.tcp(t_ns, (source, gateway[0]), (port, gateway[1]), (mark, 0, SYN))
        if rng.random() < 0.2:
            numbers = (mark // 3, mark + 1, SYN | ACK)
            ends = (gateway[0], source)
            floor.tcp(t_ns + 25_000, ends, (gateway[1], port), numbers)


# -- somebody is in ---------------------------------------------------------


def intruder(floor: Floor, *, insider: bool) -> tuple[int, Trouble]:
    """Declare a compromise; return the host from which it comes."""
    desks = staff(floor)
    open_up(floor, desks)
    host = desks[3].line.host if insider else floor.address(77, 200)
    made = floor.trouble("compromise", 7, 14)
    made.hosts.append(dotted(host))
    return host, made


@family("compromise", Floor)
def floor_guess(floor: Floor) -> None:
    """Somebody tries names and passwords at a gateway, patiently."""
    host, made = intruder(floor, insider=bool(floor.rng.random() < 0.4))
    where, at = floor.lines[0].gateway, made.first
    made.victims = [floor.lines[0].place, dotted(where[0])]
    rate = floor.spread(1, 12)
    while at < made.last:
        line = Line(floor, host, where, f"ADMIN{int(floor.rng.integers(400))}")
        line.log_on(at, accepted=False)
        line.floor = floor
        line.tell()
        made.harm.setdefault(dotted(host), []).append(floor.ns(at))
        at += float(floor.rng.exponential(1 / rate))


@family("compromise", Floor)
def floor_impostor(floor: Floor) -> None:
    """A firm's name logs on from another machine, while it is on itself, or was."""
    desks = staff(floor)
    made = floor.trouble("compromise", 6, 12)
    victim = desks[2]
    if floor.rng.random() < 0.5:
        floor.onset -= 1.0
        open_up(floor, desks, victim)
        victim.line.closes = floor.onset + 0.05
    else:
        open_up(floor, desks)
    host = floor.address(78, 9)
    line = Line(floor, host, victim.line.gateway, victim.line.comp)
    floor.lines.append(line)
    made.hosts.append(dotted(host))
    made.sessions.append(victim.line.comp)
    on = line.log_on(made.first)
    thief = Desk(line, "sweeper")
    thief.harm = made.harm.setdefault(victim.line.comp, [])
    thief.work(on + 0.05, made.last)


@family("compromise", Floor)
def floor_probe(floor: Floor) -> None:
    """One host asks around for services, slowly; most refuse."""
    host, made = intruder(floor, insider=bool(floor.rng.random() < 0.5))
    rng, at = floor.rng, made.first
    others = sorted({one.host for one in floor.lines if one.host != host})
    rate = floor.spread(2, 60)
    while at < made.last:
        target = others[int(rng.integers(len(others)))]
        ports = (floor.port() % 60_000 + 1024, int(rng.integers(1, 2000)))
        mark, t_ns = int(rng.integers(1 << 32)), floor.ns(at)
        floor.tcp(t_ns, (host, target), ports, (mark, 0, SYN))
        if rng.random() < 0.8:
            numbers = (0, mark + 1, RST | ACK)
            floor.tcp(t_ns + 90_000, (target, host), ports[::-1], numbers)
        made.harm.setdefault(dotted(host), []).append(t_ns)
        at += float(rng.exponential(1 / rate))


@family("compromise", Floor)
def floor_upload(floor: Floor) -> None:
    """A trading host sends a lot over a connection to a stranger, in bursts."""
    host, made = intruder(floor, insider=True)
    rng = floor.rng
    away = (52 << 24) + int(rng.integers(1 << 20))
    made.victims.append(dotted(away))
    port, mine = floor.port(), int(rng.integers(1 << 31))
    yours, block = int(rng.integers(1 << 31)), rng.bytes(1400)
    ends, ports, far = (host, away), (port, 443), 4e-3
    floor.tcp(floor.ns(made.first), ends, ports, (mine, 0, SYN))
    there = floor.ns(made.first + far)
    floor.tcp(there, ends[::-1], ports[::-1], (yours, mine + 1, SYN | ACK))
    floor.tcp(there + 50_000, ends, ports, (mine + 1, yours + 1, ACK))
    at, sent = made.first + 0.01, mine + 1
    gap = floor.spread(0.05, 0.6)
    while at < made.last:
        for number in range(int(rng.integers(5, 40))):
            t_ns = floor.ns(at) + number * 120_000
            floor.tcp(t_ns, ends, ports, (sent, yours + 1, PSH | ACK), block)
            sent += len(block)
            numbers = (yours + 1, sent, ACK)
            floor.tcp(t_ns + 4_000_000, ends[::-1], ports[::-1], numbers)
            made.harm.setdefault(dotted(host), []).append(t_ns)
        at += gap * floor.uniform(0.5, 1.5)
