"""Days on which nothing is wrong, though much looks as if it were."""

from collections.abc import Callable

import numpy as np

from strangers import office
from strangers.loop import MS, SECOND
from strangers.registry import family
from strangers.session import Session
from strangers.tcp import DOWN, UP, Connection
from strangers.wire import Host, Segment
from strangers.world import World


def wave(world: World, rise_s: float, level: float, fall_s: float) -> None:
    """Let the market's activity rise at the onset and decay afterwards."""
    at = world.second(world.onset)
    world.market = [(0.0, 1.0), (at, 1.0), (at + rise_s, level)]
    for step in range(1, 6):
        part = level ** (1 - step / 5)
        world.market.append((at + rise_s + fall_s * step / 5, part))


@family("benign")
def market_open(world: World) -> None:
    """Log on one after the other, wait for the bell, then everybody at once."""
    world.midstream = False
    wave(world, world.uniform(0.02, 0.5), world.uniform(8, 30), world.uniform(4, 15))
    quiet = world.uniform(0.0, 0.15)
    at = world.second(world.onset)
    world.market = [(0.0, quiet), (at - 0.01, quiet), *world.market[2:]]
    world.populate(spread_s=at * 0.8)
    world.trade_all()


@family("benign")
def news_burst(world: World) -> None:
    """A headline: all algorithms hurry for some seconds, perhaps twice."""
    wave(world, world.uniform(0.005, 0.3), world.uniform(6, 40), world.uniform(1, 8))
    if world.rng.random() < 0.5:
        later = world.market[-1][0] + world.uniform(2, 6)
        level = world.uniform(3, 15)
        world.market += [(later, 1.0), (later + 0.1, level), (later + 3, 1.0)]
    world.volatility *= 6
    world.populate()
    world.trade_all()


@family("benign")
def single_name(world: World) -> None:
    """One stock moves: its specialist alone is fast, and trades well."""
    world.populate()
    one = world.join(world.host(), str(world.rng.choice(["maker", "mixed", "taker"])))
    one.symbols = one.symbols[:1]
    one.rate = world.uniform(8, 40)
    one.fill_scale = 1.5
    one.style.sizes = 12
    world.trade_all_but(one)
    wave(world, world.uniform(0.1, 2), world.uniform(3, 9), world.uniform(5, 15))
    world.trade(one)


@family("benign")
def reconnect_storm(world: World) -> None:
    """A switch reboots: many sessions break off and come back within seconds."""
    world.populate()
    world.trade_all()
    share = world.uniform(0.4, 1.0)
    side = int(world.rng.choice([UP, DOWN]))
    for session in world.sessions:
        if world.rng.random() < share:
            gone = world.onset + world.uniform(0, 300) * MS
            world.loop.at(gone, session.cut, side)
            back(world, session, gone, world.log_uniform(0.2, 6))


def back(world: World, session: Session, gone: float, wait_s: float) -> None:
    """Have a session come back, often after a SYN or two that nobody answers."""
    at = gone + wait_s * SECOND
    for one in range(int(world.rng.integers(0, 3))):
        world.loop.at(at - (one + 1) * 150 * MS, refused, world, session)
    world.loop.at(at, session.connect)


def refused(world: World, session: Session) -> None:
    """Try to connect while nothing listens: SYN, answered by RST."""
    port, server = session.host.port(), session.gateway
    number = int(world.rng.integers(1 << 32))
    syn = Segment((port, server.port), number, 0, 2, 64240, b"\x02\x04\x05\xb4")
    world.tape.tcp(world.loop.now, session.host, server.host, syn)
    world.loop.after(60_000, _reset, world, session, port, number)


def _reset(world: World, session: Session, port: int, number: int) -> None:
    server = session.gateway
    segment = Segment((server.port, port), 0, number + 1, 20, 0)
    world.tape.tcp(world.loop.now, server.host, session.host, segment)


@family("benign")
def mass_requote(world: World) -> None:
    """Makers pull all quotes at once and enter them again, several times."""
    world.populate()
    world.trade_all()
    makers = [one for one in world.sessions if one.role in ("maker", "canceller")]
    makers = makers or world.sessions[:6]
    depth = int(world.rng.integers(8, 40))
    for one in makers:
        one.style.depth = depth
        world.loop.at(world.start + 3 * SECOND, build, world, one, depth, 4 * SECOND)
    for step in range(int(world.rng.integers(1, 4))):
        at = world.onset + step * world.uniform(2, 6) * SECOND
        for one in makers:
            wait = at + world.uniform(0, 80) * MS
            world.loop.at(wait, requote, world, one, depth)


def build(world: World, one: Session, depth: int, over_ns: float) -> None:
    """Enter a ladder of quotes over some time."""
    for _ in range(depth):
        world.loop.after(world.uniform(0, 1) * over_ns, enter_quote, one)


def enter_quote(one: Session) -> None:
    """Enter one resting quote, when logged on."""
    if one.is_on:
        one.enter(keen=False)


def requote(world: World, one: Session, depth: int) -> None:
    """Cancel everything, a message after another, then enter it anew."""
    gap = world.log_uniform(0.02, 1.5) * MS
    live = [order for order in one.book.values() if order.live]
    if not one.is_on:
        return
    for number, order in enumerate(live):
        world.loop.after(number * gap, one.cancel, order)
    pause = len(live) * gap + world.uniform(1, 300) * MS
    for number in range(min(depth, len(live) + 2)):
        world.loop.after(pause + number * gap, enter_quote, one)


@family("benign")
def closing(world: World) -> None:
    """Activity climbs into the auction, stops, orders are pulled, people log out."""
    at = world.second(world.onset) + world.uniform(4, 12)
    level = world.uniform(3, 10)
    world.market = [(0.0, 1.0), (at - 5, level / 2), (at, level), (at + 0.05, 0.02)]
    world.populate()
    world.seconds = max(world.seconds, at + 10)
    world.trade_all()
    close = world.start + at * SECOND
    for session in world.sessions:
        pull = close + world.uniform(0.1, 3) * SECOND
        world.loop.at(pull, cancel_all, world, session)
        if world.rng.random() < 0.7:
            world.loop.at(pull + world.uniform(0.5, 6) * SECOND, session.log_off)


def cancel_all(world: World, session: Session) -> None:
    """Pull every open order, one message after another."""
    if session.is_on:
        live = [order for order in session.book.values() if order.live]
        for number, order in enumerate(live):
            world.loop.after(number * 100_000, session.cancel, order)


@family("benign")
def fast_arbitrage(world: World) -> None:
    """One firm is fast all day: short volleys of orders that mostly trade."""
    world.populate()
    one = world.join(world.host(), "taker")
    one.rate = 0.5
    one.p_take = 0.9
    world.trade_all()
    at = world.start + int(world.uniform(1, 3) * SECOND)
    while at < world.end:
        for number in range(int(world.rng.integers(2, 14))):
            world.loop.at(at + number * world.log_uniform(0.05, 4) * MS, take, one)
        at += int(world.rng.exponential(world.uniform(0.3, 0.8)) * SECOND) + MS


def take(one: Session) -> None:
    """Enter an order that wants to trade at once, when logged on."""
    if one.is_on:
        one.enter(keen=True)


@family("benign")
def new_firm(world: World) -> None:
    """A firm nobody has seen connects in the middle of the day, and is busy."""
    world.populate()
    world.trade_all()
    host = world.host(world.net + (int(world.rng.integers(32, 60)) << 8))
    for _ in range(int(world.rng.integers(1, 4))):
        role = str(world.rng.choice(["maker", "taker", "mixed", "slicer"]))
        wait = world.second(world.onset) + world.uniform(0, 2)
        one = world.join(host, role, wait)
        one.rate = world.uniform(5, 45)
        world.trade(one)


@family("benign")
def maintenance(world: World) -> None:
    """The venue logs everybody out in order, is away, and comes back."""
    world.populate()
    world.trade_all()
    gateway = world.gateways[0]
    away = world.uniform(3, 8)
    for session in world.sessions:
        if session.gateway is gateway:
            gone = world.onset + world.uniform(0, 400) * MS
            world.loop.at(gone, session.log_off)
            back(world, session, gone, away + world.uniform(0, 4))
    world.seconds = max(world.seconds, world.second(world.onset) + away + 12)


@family("benign")
def housekeeping(world: World) -> None:
    """Backups, pings and monitoring beside the orders: other ports, big packets."""
    world.populate()
    world.trade_all()
    keeper, store = world.host(), world.host()
    rate = world.log_uniform(300, 3000)
    length = world.uniform(4, 12)
    backup(world, (world.sessions[0].host, store), rate, length)
    period = world.uniform(0.5, 3)
    targets = [one.host for one in world.sessions[:12]]
    targets += [one.host for one in world.gateways]
    for at in np.arange(world.uniform(0, 1), world.seconds, period):
        for number, host in enumerate(targets):
            t_ns = world.start + int(at * SECOND) + number * 700_000
            world.loop.at(t_ns, probe, world, keeper, host)


def backup(world: World, hosts: tuple[Host, Host], rate: float, length: float) -> None:
    """Copy a lot from one host to another, at so many full frames a second."""
    source, target = hosts
    port, number = source.port(), int(world.rng.integers(1 << 31))
    server = int(world.rng.choice([22, 445, 873, 2049, 10000]))
    body = bytes(world.rng.integers(0, 256, 1400, np.uint8))
    for step in range(int(rate * length)):
        at = world.onset + int(step / rate * SECOND)
        data = Segment((port, server), number, 77, 24, 501, payload=body)
        world.tape.tcp(at, source, target, data)
        number += len(body)
        if step % 2:
            ack = Segment((server, port), 77, number, 16, 1400)
            world.tape.tcp(at + 40_000, target, source, ack)


def probe(world: World, keeper: Host, host: Host) -> None:
    """Ping a host and ask its SNMP agent."""
    now = world.loop.now
    body = b"\x12\x34\x00\x01" + bytes(48)
    world.tape.icmp(now, keeper, host, 8, body)
    world.tape.icmp(now + 120_000, host, keeper, 0, body)
    ports = (50161, 161)
    ask = bytes.fromhex(
        "302602010104067075626c6963a019020400000001020100020100300b3009"
    )
    ask += bytes.fromhex("06052b060102010500")
    world.tape.udp(now + 200_000, keeper, host, ports, ask)
    world.tape.udp(now + 900_000, host, keeper, ports[::-1], ask)


@family("benign")
def software_rollout(world: World) -> None:
    """A new store of software: most hosts look it up and fetch the same file."""
    world.populate()
    world.trade_all()
    store, resolver = world.host(), world.host()
    port = int(world.rng.choice([443, 8081, 873]))
    size = int(world.rng.integers(20, 120))
    hosts = {one.host.address: one.host for one in world.sessions}
    for _, host in sorted(hosts.items()):
        at = world.onset + world.uniform(0, 6) * SECOND
        name = "repo.corp.example"
        world.loop.at(at, office.look_up, world, (host, resolver), name)
        line = office.wire(world, (host, store), port)
        world.loop.at(at + 30 * MS, line.open, fetching(world, line, size))


def fetching(world: World, line: Connection, size: int) -> Callable[[], None]:
    """Return what asks for a file and gets it, so many full frames."""

    def fetch() -> None:
        line.send(UP, office.noise(world, 200))
        for number in range(size):
            wait = 5 * MS + number * world.uniform(0.2, 0.4) * MS
            world.loop.after(wait, line.send, DOWN, office.noise(world, line.mss))
        world.loop.after(5 * MS + size * MS, line.close)

    return fetch
