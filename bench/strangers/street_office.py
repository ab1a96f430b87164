"""A street's back office: who runs networks and machines, and what breaks daily."""

from typing import Any

from strangers import street_desks as desks
from strangers.registry import family
from strangers.street import Street
from strangers.street_client import Client
from strangers.street_tcp import Conn, Host
from strangers.street_venue import MS, SECOND


@family("benign", Street)
def street_failover(world: Street) -> None:
    """A gateway is taken out as announced; its sessions come back at another."""
    dice = world.dice
    gone = dice.choice(world.gates)
    others = [one for one in world.gates if one is not gone] or [gone]
    start = world.at_share(dice.uniform(0.35, 0.55))

    def move(one: Client) -> None:
        one.gate = dice.choice(others)
        one.login(resets=True)

    for one in world.clients:
        if one.gate is gone:
            world.at(start + dice.random() * world.pick(2, 0.3) * SECOND, one.logout)
            wait = 3 + dice.wait(world.pick(2, 0.4))
            world.at(start + wait * SECOND, move, one)


@family("benign", Street)
def street_crash(world: Street) -> None:
    """A gateway resets everybody, who call again and again until it is back."""
    dice = world.dice
    gate = dice.choice(world.gates)
    start = world.at_share(dice.uniform(0.35, 0.5))
    back = start + dice.uniform(2, 6) * SECOND

    def retry(one: Client, every: float) -> None:
        if not one.is_up and not (one.conn and one.conn.is_open):
            one.login(resets=True)
            world.after(every * SECOND, retry, one, every)

    def crash() -> None:
        gate.host.listen.pop(gate.port)
        for one in world.clients:
            if one.gate is gate and one.conn:
                world.after(dice.below(3 * MS), one.conn.reset, one.conn.s)
                wait = dice.uniform(0.2, 1) * SECOND
                world.after(wait, retry, one, dice.choice((0.5, 1, 2)))

    world.at(start, crash)
    world.at(back, gate.host.listen.setdefault, gate.port, gate.accept)


@family("benign", Street)
def street_late(world: Street) -> None:
    """Sessions come in late, one after the other, from machines not seen before."""
    dice = world.dice
    kinds = (desks.Taker, desks.Maker, desks.Human, desks.Worker)
    for number in range(int(world.pick(4, 12))):
        host = world.host(f"10.{world.nets[34]}.{number}.{dice.between(10, 99)}")
        comp = f"LATE{number:02d}" if number % 2 else f"NEWC{number}X"
        one = Client(world, comp, host, dice.choice(world.gates), 30)
        own = dice.sample(world.symbols, 4)
        dice.choice(kinds)(world, one, dice.uniform(0.3, 20), own)
        one.resets = True
        world.clients.append(one)
        world.at(world.at_share(dice.uniform(0.15, 0.75)), one.login)


@family("benign", Street)
def street_inventory(world: Street) -> None:
    """The house's own scanner looks for open ports, in turns, since ever."""
    dice = world.dice
    watch = world.tool("0.77")
    every = 1 / world.pick(4, 25)
    hosts = list(dict.fromkeys(one.host for one in world.clients))
    hosts = [one.host for one in world.gates] + hosts
    ports = (22, 80, 443, 161, 8080, 3306, 9100, world.gates[0].port)

    def probe(number: int) -> None:
        host = hosts[number // len(ports) % len(hosts)]
        conn = Conn(world, watch, host, ports[number % len(ports)])
        conn.on_open = lambda: world.after(MS, conn.reset, conn.c)
        conn.connect()
        world.after(every * SECOND * dice.uniform(0.8, 1.2), probe, number + 1)

    world.after(dice.random() * 2 * SECOND, probe, dice.below(500))


@family("benign", Street)
def street_backup(world: Street) -> None:
    """Files of a trading machine go to the file server, which it has known all day."""
    dice = world.dice
    one = world.active()
    store = world.tool("2.20")
    conn = Conn(world, one.host, store, dice.choice((22, 873, 2049)))
    conn.is_open = True
    rate = world.pick(400_000, 2_500_000)
    start = world.at_share(dice.uniform(0.3, 0.5))
    end = start + dice.uniform(4, 8) * SECOND

    def idle() -> None:
        conn.send(conn.c, dice.octets(dice.between(40, 400)))
        if world.now < start:
            world.after(dice.wait(1.4) * SECOND, idle)

    def copy() -> None:
        conn.send(conn.c, dice.octets(conn.mss * 8))
        if world.now < end:
            world.after(dice.wait(conn.mss * 8 / rate) * SECOND, copy)

    world.after(SECOND, idle)
    world.at(start, copy)


@family("benign", Street)
def street_dirty(world: Street) -> None:
    """Some firms' lines lose a frame now and then, as they do every day."""
    for one in world.dice.sample(world.clients, 3):
        one.host.loss = world.pick(0.001, 0.006)


@family("benign", Street)
def street_clocks(world: Street) -> None:
    """Firms' clocks run off and are stepped back; the capture's drifts slowly."""
    ppm = world.pick(20, 200) * world.dice.choice((1, -1))
    start = world.start
    world.warp = lambda t_ns: int(start + (t_ns - start) * (1 + ppm * 1e-6))
    step = int(world.pick(5, 60) * MS)
    for number in range(1, 20):
        world.after(
            number * world.length / 20, setattr, world, "skew_ns", number % 10 * step
        )


def shell(
    world: Street,
    ends: tuple[Host, Host],
    port: int,
    turns: int,
    incident: dict[str, Any] | None = None,
) -> None:
    """Have one machine talk to another as SSH does: little, both ways."""
    dice, (source, target) = world.dice, ends
    conn = Conn(world, source, target, port)

    def turn(left: int) -> None:
        if conn.is_dead:
            return
        conn.send(conn.c, dice.octets(dice.choice((36, 36, 52, 700))))
        wait = source.delay_ns * 2 + 2 * MS
        world.after(wait, conn.send, conn.s, dice.octets(dice.choice((36, 52, 340))))
        if incident is not None:
            world.hurt(incident, source.address, conn.c.last_tap)
        if left:
            world.after(dice.wait(0.125) * SECOND, turn, left - 1)
        else:
            world.after(50 * MS, conn.finish, conn.c)

    def hello() -> None:
        conn.send(conn.c, b"SSH-2.0-OpenSSH_9.2p1\r\n")
        world.after(5 * MS, conn.send, conn.s, b"SSH-2.0-OpenSSH_8.7\r\n")
        world.after(20 * MS, turn, turns)

    conn.on_open = hello
    conn.connect()


def answers(_: Conn) -> bool:
    """Take any connection."""
    return True


@family("benign", Street)
def street_admin(world: Street) -> None:
    """Operators log in from their jump host; a quiet session is restarted."""
    dice = world.dice
    jump = world.tool("1.4")
    for _ in range(int(world.pick(3, 8))):
        host = dice.choice(world.clients).host
        host.listen.setdefault(22, answers)
        given = world, (jump, host), 22, dice.between(20, 80)
        world.at(world.at_share(dice.uniform(0.1, 0.85)), shell, *given)
    one = world.active(0.1, 2)
    world.at(world.at_share(0.4), one.logout)
    world.at(world.at_share(0.5), one.login)
