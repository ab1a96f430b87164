"""The other floor on days on which nobody is at fault, and when a venue is ill."""

import numpy as np

from strangers.desks import KINDS, Desk, open_up, staff
from strangers.floor import DOWN, UP, Floor, Line, Trouble
from strangers.registry import family


def bump(low: float, high: float, *spans: tuple[float, float]) -> object:
    """Return activity: `high` within the spans, `low` else."""
    return lambda at: high if any(a <= at < b for a, b in spans) else low


def frenzy(floor: Floor) -> None:
    """Have everybody hurry from a little before the onset on."""
    first = floor.onset - floor.uniform(0, 2)
    span = (first, first + floor.uniform(5, 12))
    floor.level = bump(1.0, floor.spread(4, 14), span)


@family("benign", Floor)
def floor_frenzy(floor: Floor) -> None:
    """A number comes out: everybody is many times as fast, for some seconds."""
    frenzy(floor)
    open_up(floor, staff(floor))


@family("benign", Floor)
def floor_basket(floor: Floor) -> None:
    """A fund buys a list: each name up to three times, within seconds, all filled."""
    desks = staff(floor)
    one = desks[int(floor.rng.integers(len(desks)))]
    begun = open_up(floor, desks, one)
    at = max(floor.onset, begun)
    side = str(floor.rng.choice(["1", "2"]))
    gap = floor.spread(2e-3, 40e-3)
    for _ in range(int(floor.rng.integers(1, 4))):
        for symbol in floor.rng.permutation(len(floor.symbols)).tolist():
            one.settle(at)
            one.enter(at, symbol, side, kind="1", fate="filled")
            at += gap * floor.uniform(0.7, 1.3)
        at += floor.uniform(0.5, 3)
    one.work(at, floor.seconds)


@family("benign", Floor)
def floor_mass_cancel(floor: Floor) -> None:
    """A desk takes all its orders back at once, waits, and quotes anew."""
    desks = staff(floor)
    one = next((each for each in desks if each.kind == "quoter"), desks[0])
    begun = open_up(floor, desks, one)
    at = max(floor.onset, begun)
    for symbol in range(len(floor.symbols)):
        for side in ("1", "2"):
            one.enter(at, symbol, side, 0, one.lot)
            at += 150e-6
    for _ in range(int(floor.rng.integers(2, 5))):
        at += floor.uniform(0.8, 3)
        one.settle(at)
        stood = [(each.symbol, each.side) for each in one.book]
        for each in list(one.book):
            one.cancel(at, each)
            at += 60e-6
        at += floor.uniform(0.05, 0.6)
        for symbol, side in stood:
            one.enter(at, symbol, side, 0, one.lot)
            at += 60e-6
    one.work(at + 0.5, floor.seconds)


@family("benign", Floor)
def floor_resend(floor: Floor) -> None:
    """Lines break; what was missed is asked for and said again, marked as such."""
    desks = staff(floor)
    one = desks[int(floor.rng.integers(len(desks)))]
    begun = open_up(floor, desks, one)
    broken = max(floor.onset, begun)
    old = one.line
    old.closes = broken + 0.01
    line = Line(floor, old.host, old.gateway, old.comp)
    floor.lines.append(line)
    on = line.log_on(broken + floor.uniform(0.3, 1.5))
    many = int(floor.rng.integers(5, 120))
    line.say(on + 0.002, DOWN, "2", {7: "2", 16: "0"})
    at = on + 0.004
    for _, side, (kind, body, _, _) in old.said[-many:]:
        if side == UP and kind in "DFG":
            mark = {"_43": "Y", "_122": "20240311-10:00:00.000"}
            line.say(at, UP, kind, body, **mark)
            at += 120e-6
    line.say(at, UP, "4", {123: "Y", 36: f"{many + 3}"}, _43="Y")
    one.line = line
    one.book.clear()
    one.work(at + 0.2, floor.seconds)


@family("benign", Floor)
def floor_lunch(floor: Floor) -> None:
    """Hardly anybody trades; then the bell, and a desk that was silent is fast."""
    span = (floor.onset, floor.seconds)
    floor.level = bump(0.05, floor.spread(1, 5), span)
    open_up(floor, staff(floor))


# -- a venue that is ill ----------------------------------------------------


def ill(floor: Floor, desks: list[Desk]) -> tuple[Trouble, str]:
    """Declare a fault of the gateway of most lines; return it and its address."""
    where = desks[0].line.gateway[0]
    made = floor.trouble("venue_fault", 5, 12)
    made.gateway = desks[0].line.place
    mine = [each.line for each in desks if each.line.gateway[0] == where]
    made.victims = [line.place for line in mine] + [line.comp for line in mine]
    return made, where


@family("latency", Floor)
def floor_slow(floor: Floor) -> None:
    """A gateway answers late, whatever its port; the others are as ever."""
    desks = staff(floor)
    made, where = ill(floor, desks)
    extra = max(8 * floor.base_ns / 1e9, floor.spread(3e-3, 80e-3))
    floor.slow = lambda line, at: (
        extra * floor.uniform(0.7, 1.3)
        if line.gateway[0] == where and made.first <= at < made.last
        else 0.0
    )
    open_up(floor, desks)


@family("latency", Floor)
def floor_slow_in_frenzy(floor: Floor) -> None:
    """The same while everybody hurries: it is not only the queue."""
    frenzy(floor)
    floor_slow(floor)


@family("latency", Floor)
def floor_lossy(floor: Floor) -> None:
    """Segments to and from a gateway get lost and are sent again."""
    desks = staff(floor)
    made, where = ill(floor, desks)
    share = floor.uniform(0.04, 0.2)
    floor.loss = lambda line, at: (
        share if line.gateway[0] == where and made.first <= at < made.last else 0.0
    )
    open_up(floor, desks)


@family("latency", Floor)
def floor_hiccups(floor: Floor) -> None:
    """Every half second or so a gateway pauses for a while: garbage is collected."""
    desks = staff(floor)
    made, where = ill(floor, desks)
    period, pause = floor.uniform(0.25, 0.8), floor.uniform(0.4, 0.75)

    def slow(line: Line, at: float) -> float:
        if line.gateway[0] != where or not made.first <= at < made.last:
            return 0.0
        into = (at - made.first) % period
        return max(0.0, pause * period - into)

    floor.slow = slow
    open_up(floor, desks)


@family("latency", Floor)
def floor_slow_logons(floor: Floor) -> None:
    """Firms come and go all the time; from the onset on each waits to be let in."""
    desks = staff(floor)
    made, where = ill(floor, desks)
    longer = floor.spread(0.4, 2.5)
    open_up(floor, desks)
    floor.slow = lambda line, at: (
        longer / 3 if made.first <= at < made.last and line.closes is None else 0.0
    )
    for number, at in enumerate(np.arange(2.0, made.last, floor.uniform(0.25, 0.6))):
        host = floor.address(40, 1 + number % 5)
        line = Line(
            floor, host, (where, desks[0].line.gateway[1]), f"VISIT{number % 5}"
        )
        floor.lines.append(line)
        on = line.log_on(float(at))
        Desk(line, KINDS[1]).enter(on + 0.01, fate="filled")
        line.say(on + 0.4, UP, "5", {})
        line.closes = line.reply(on + 0.402, "5", {}) + 0.002
