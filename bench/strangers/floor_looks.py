"""The other floor: what looks like a fault and is none, and what hides in it."""

import heapq

from strangers.desks import Desk, open_up, staff
from strangers.floor import ACK, PSH, SYN, Floor, Line
from strangers.floor_faults import break_desk, go_wrong
from strangers.registry import family
from strangers.wire import dotted


def pick(floor: Floor, desks: list[Desk], kind: str) -> Desk:
    """Return a desk of a kind, or any."""
    fit = [one for one in desks if one.kind == kind] or desks
    return fit[int(floor.rng.integers(len(fit)))]


@family("benign", Floor)
def floor_halt(floor: Floor) -> None:
    """A name is halted: whoever goes on asking for it is refused, for some seconds."""
    desks = staff(floor)
    halted = int(floor.rng.integers(len(floor.symbols)))
    last = floor.onset + floor.uniform(3, 8)
    for desk in desks[: int(floor.uniform(0.3, 0.8) * len(desks))]:
        desk.own = desk.own[:3]
        desk.own[0] = halted
    floor.refuses = lambda symbol, at: symbol == halted and floor.onset <= at < last
    open_up(floor, desks)


@family("benign", Floor)
def floor_catch_up(floor: Floor) -> None:
    """A slicer is behind its schedule and works off what it owes: pieces all alike."""
    desks = staff(floor)
    one = pick(floor, desks, "slicer")
    begun = open_up(floor, desks, one)
    at = max(floor.onset, begun)
    rate, symbol = floor.spread(8, 35), int(one.own[0])
    last = at + floor.uniform(2, 6)
    side = str(floor.rng.choice(["1", "2"]))
    while at < last:
        one.settle(at)
        cents = one.cents(symbol, at) + int(floor.rng.integers(-1, 2))
        one.enter(at, symbol, side, cents, one.lot * 5, fate="filled")
        at += float(floor.rng.exponential(1 / rate))
    one.work(at, floor.seconds)


@family("benign", Floor)
def floor_new_strategy(floor: Floor) -> None:
    """A desk switches another strategy on: several times as fast, and sound."""
    desks = staff(floor)
    one = pick(floor, desks, "algo")
    begun = open_up(floor, desks, one)
    one.kind, at = "algo", max(floor.onset, begun)
    one.own = floor.rng.permutation(len(floor.symbols))[:12]
    one.pace = max(one.pace, 1.0) * floor.uniform(3, 9)
    one.work(at, floor.seconds)


@family("benign", Floor)
def floor_standby(floor: Floor) -> None:
    """A machine dies; the one next to it takes over its names."""
    desks = staff(floor)
    one = desks[4]
    begun = open_up(floor, desks, one)
    dead = max(floor.onset, begun)
    one.line.closes = dead
    line = Line(floor, one.line.host + 100, one.line.gateway, one.line.comp)
    floor.lines.append(line)
    on = line.log_on(dead + floor.uniform(0.2, 4))
    one.line = line
    one.book.clear()
    one.work(on + 0.1, floor.seconds)


@family("benign", Floor)
def floor_monitoring(floor: Floor) -> None:
    """A monitor asks an agent on every machine how it is, again and again."""
    open_up(floor, staff(floor))
    watch = floor.address(5, 5)
    hosts = sorted({one.host for one in floor.lines}) + floor.gateways
    period = floor.spread(1.5, 10)
    port = int(floor.rng.choice([9100, 161, 5666]))
    at = floor.uniform(0, period)
    while at < floor.seconds:
        for number, host in enumerate(hosts):
            ask(floor, (watch, host), port, at + number * 0.004)
        at += period


def ask(floor: Floor, ends: tuple[int, int], port: int, at: float) -> None:
    """Ask for some figures: by UDP if that is what the port is for, else by TCP."""
    mine, t_ns = floor.port() % 60_000 + 2000, floor.ns(at)
    back = ends[::-1]
    if port == 161:
        floor.udp(t_ns, ends, (mine, port), floor.rng.bytes(43))
        floor.udp(t_ns + 300_000, back, (port, mine), floor.rng.bytes(90))
        return
    ports, first, there = (mine, port), 1000 + mine, 7000 + mine
    floor.tcp(t_ns, ends, ports, (first, 0, SYN))
    floor.tcp(t_ns + 80_000, back, ports[::-1], (there, first + 1, SYN | ACK))
    text, data = b"GET /metrics HTTP/1.0\r\n\r\n", floor.rng.bytes(1200)
    floor.tcp(t_ns + 170_000, ends, ports, (first + 1, there + 1, PSH | ACK), text)
    told = (there + 1, first + 1 + len(text), PSH | ACK)
    floor.tcp(t_ns + 900_000, back, ports[::-1], told, data)
    said = (first + 1 + len(text), there + 1 + len(data), 17)
    floor.tcp(t_ns + 990_000, ends, ports, said)
    end = (there + 1 + len(data), said[0] + 1, 17)
    floor.tcp(t_ns + 1_080_000, back, ports[::-1], end)
    floor.tcp(t_ns + 1_160_000, ends, ports, (said[0] + 1, end[0] + 1, ACK))


@family("latency", Floor)
def floor_far(floor: Floor) -> None:
    """The way from the firms got longer: their clocks tell, and nothing else does."""
    desks = staff(floor)
    made = floor.trouble("venue_fault", 5, 12)
    made.gateway = desks[0].line.place
    made.victims = [one.line.comp for one in desks] + [one.line.place for one in desks]
    gained = floor.spread(0.8e-3, 25e-3)
    floor.far = lambda at: gained if made.first <= at < made.last else 0.0
    open_up(floor, desks)


@family("mixed", Floor)
def floor_taught(floor: Floor) -> None:
    """A desk is faster every second, patiently; then it bursts, all alike."""
    one, made = break_desk(floor)
    taught = made.first + floor.uniform(4, 9)
    made.last = taught + floor.uniform(3, 7)
    made.due = taught
    floor.seconds = max(floor.seconds, made.last + 2)
    symbol, queue = int(one.own[0]), [made.first]
    top, burst = floor.uniform(8, 30), floor.spread(120, 600)
    marks = made.harm.setdefault(one.line.comp, [])
    while queue:
        at = heapq.heappop(queue)
        if at >= made.last:
            break
        if at < taught:
            one.one_more(at)
            rate = 1 + top * (at - made.first) / (taught - made.first)
        else:
            rate, one.harm = max(burst, 8 * top), marks
            one.enter(at, symbol, "1", 0, one.lot, fate="filled")
            one.harm = None
        heapq.heappush(queue, at + float(floor.rng.exponential(1 / rate)))
    one.work(made.last, floor.seconds)


@family("algorithm", Floor)
def floor_refused_anew(floor: Floor) -> None:
    """Everything a desk sends is refused; it tries other prices, sizes, names."""
    one, made = break_desk(floor)
    think, far = floor.spread(0.5e-3, 15e-3), one.line.far_ns / 1e9

    def act(at: float) -> float:
        sent = one.enter(at, fate="refused")
        return sent.live + far + think * floor.uniform(0.5, 1.5)

    go_wrong(one, made, 100, act)


@family("compromise", Floor)
def floor_beacon(floor: Floor) -> None:
    """A trading host calls a stranger every few seconds, with a little each time."""
    open_up(floor, staff(floor))
    host = floor.lines[5].host
    made = floor.trouble("compromise", 10, 20)
    away = (91 << 24) + int(floor.rng.integers(1 << 22))
    made.hosts, made.victims = [dotted(host)], [dotted(away)]
    period, at = floor.spread(0.4, 3), made.first
    port = int(floor.rng.choice([443, 8080, 53]))
    while at < made.last:
        ask(floor, (host, away), port, at)
        made.harm.setdefault(dotted(host), []).append(floor.ns(at))
        at += period * floor.uniform(0.75, 1.25)
