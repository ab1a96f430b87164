"""Poisoned baselines, limits ridden, and two things at once."""

from strangers import floods
from strangers.algorithms import Fault, break_one, repeat, surge
from strangers.benign import back, wave
from strangers.compromises import Break, knock, steal
from strangers.loop import SECOND
from strangers.registry import family
from strangers.tcp import DOWN
from strangers.world import Incident, World


@family("mixed")
def slow_ramp(world: World) -> None:
    """An algorithm teaches its baseline for a while, then bursts."""
    world.populate()
    world.trade_all()
    fault = break_one(world, 0.5, 8)
    one, made = fault.session, fault.made
    taught = world.uniform(6, 15)
    made.due_ns = made.onset_ns + int(taught * SECOND)
    made.end_ns = made.due_ns + int(world.uniform(4, 10) * SECOND)
    world.seconds = max(world.seconds, world.second(made.end_ns) + 3)
    peak = min(40.0, one.rate * world.uniform(2.5, 5))
    burst = min(900, max(world.log_uniform(120, 600), peak * 8))
    symbol, price = one.symbols[0], world.cents(one.symbols[0])

    def teach() -> None:
        now = world.loop.now
        if not one.is_on or now >= made.due_ns:
            return
        one.act()
        part = (now - made.onset_ns) / (made.due_ns - made.onset_ns)
        rate = 0.5 + peak * part
        world.loop.after(float(world.rng.exponential(1 / rate)) * SECOND, teach)

    def act() -> None:
        one.enter(symbol, "1", price, one.style.lot, keen=False, harm=fault.harm)

    world.loop.at(made.onset_ns, teach)
    later = Fault(world, one, Incident("algo_fault", made.due_ns, made.end_ns))
    repeat(later, burst, act)


@family("mixed")
def threshold_riding(world: World) -> None:
    """A loop that stays just below what usual limits allow, and goes on."""
    world.populate()
    world.trade_all()
    fault = break_one(world, 0.2, 5)
    one, made = fault.session, fault.made
    made.end_ns = made.onset_ns + int(world.uniform(10, 20) * SECOND)
    world.seconds = max(world.seconds, world.second(made.end_ns) + 3)
    symbol, price = one.symbols[0], world.cents(one.symbols[0])
    rate = world.uniform(40, 95)
    withdraws = world.rng.random() < 0.5

    def act() -> None:
        live = [order for order in one.book.values() if order.live]
        if withdraws and len(live) > 3:
            one.cancel(live[0], fault.harm)
        else:
            lot = one.style.lot
            one.enter(symbol, "1", price - 3, lot, keen=False, harm=fault.harm)

    repeat(fault, rate, act)


def flood_now(world: World, end_ns: int) -> Incident:
    """Add a SYN flood, forged or from a few, from the onset."""
    made, gateway = floods.hit(world, end_ns)
    times = floods.pace(world, world.log_uniform(2500, 15000), end_ns)
    hosts = [world.outside() for _ in range(int(world.rng.integers(1, 6)))]
    if world.rng.random() < 0.5:
        hosts = []
    count = len(times)
    sources = floods.forged(world, count)
    if hosts:
        sources = floods.from_hosts(world, hosts, count)
    stream = floods.Stream(times, sources, gateway.host, gateway.port)
    floods.syns(world, stream)
    floods.blame(made, stream, hosts)
    return made


@family("mixed")
def flood_in_news(world: World) -> None:
    """A flood that begins while a headline keeps everybody busy."""
    wave(world, world.uniform(0.02, 0.3), world.uniform(6, 25), world.uniform(4, 12))
    world.populate()
    world.trade_all()
    world.onset += int(world.uniform(0.2, 2) * SECOND)
    flood_now(world, world.last(3, 10))


@family("mixed")
def creeping_flood(world: World) -> None:
    """A flood that grows so slowly that each second resembles the one before."""
    world.populate()
    world.trade_all()
    made, gateway = floods.hit(world, world.last(14, 22))
    times = floods.pace(world, world.log_uniform(2500, 7000), made.end_ns)
    span = made.end_ns - made.onset_ns
    part = (times - made.onset_ns) / span
    keep = world.rng.random(len(times)) < part**2
    times = times[keep]
    rate = len(keep) / span * SECOND * (part[keep] ** 2)
    made.due_ns = int(times[rate > 300][0])
    hosts = [world.outside() for _ in range(int(world.rng.integers(2, 7)))]
    sources = floods.from_hosts(world, hosts, len(times))
    stream = floods.Stream(times, sources, gateway.host, gateway.port)
    floods.syns(world, stream)
    floods.blame(made, stream, hosts)


@family("mixed")
def runaway_in_volatility(world: World) -> None:
    """Everybody is fast; one of them is broken."""
    wave(world, world.uniform(0.05, 0.5), world.uniform(4, 15), world.uniform(8, 20))
    world.volatility *= 5
    world.populate()
    world.trade_all()
    world.onset += int(world.uniform(0.5, 3) * SECOND)
    fault = break_one(world)
    one = fault.session
    symbol, side = one.symbols[0], str(world.rng.choice(["1", "2"]))
    price = world.cents(symbol)

    def act() -> None:
        one.enter(symbol, side, price, one.style.lot, keen=False, harm=fault.harm)

    repeat(fault, min(1000, surge(world, one, 150, 800)), act)


@family("mixed")
def decoy_flood(world: World) -> None:
    """A flood draws all eyes; a little later an algorithm runs away."""
    world.populate()
    world.trade_all()
    flood_now(world, world.last(8, 14))
    world.onset += int(world.uniform(1, 4) * SECOND)
    fault = break_one(world)
    one = fault.session
    symbol, price = one.symbols[0], world.cents(one.symbols[0])

    def act() -> None:
        one.enter(symbol, "2", price, one.style.lot, keen=False, harm=fault.harm)

    repeat(fault, min(900, surge(world, one, 100, 600)), act)


@family("mixed")
def intruder_in_reconnects(world: World) -> None:
    """While many sessions come back, one of them is somebody else; or one scans."""
    world.populate()
    world.trade_all()
    for session in world.sessions:
        if world.rng.random() < 0.7:
            gone = world.onset + world.uniform(0, 0.3) * SECOND
            world.loop.at(gone, session.cut, DOWN)
            back(world, session, gone, world.log_uniform(0.3, 4))
    world.onset += int(world.uniform(1, 3) * SECOND)
    made = world.incident("compromise", world.last(6, 14))
    host = world.host()
    if world.rng.random() < 0.6:
        steal(world, host, made)
        return
    found = Break(world, host, made)
    made.hosts.append(host.text)
    at = float(made.onset_ns)
    while at < made.end_ns:
        target = world.gateways[0].host
        world.loop.at(at, knock, found, target, int(world.rng.integers(1, 9000)))
        at += float(world.rng.exponential(1 / world.uniform(10, 60))) * SECOND
