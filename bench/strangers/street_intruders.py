"""A street's intruders: under whose name they come, and from where."""

from typing import Any

from strangers import street_desks as desks, street_wire as wire
from strangers.registry import family
from strangers.street import Street
from strangers.street_client import Client
from strangers.street_fix import Order, frame
from strangers.street_floods import bad_logon, outsiders
from strangers.street_office import answers, shell
from strangers.street_tcp import MASK, Conn, Host
from strangers.street_venue import MS, SECOND, US
from strangers.street_wire import ACK, PSH, Nic


def thief_of(world: Street, one: Client) -> Host:
    """Return a machine not seen before: of the owner's net, or from elsewhere."""
    dice = world.dice
    if dice.chance(0.3):
        address = one.host.address.rsplit(".", 1)[0] + f".{dice.between(150, 250)}"
        return Host(world, address, one.host.delay_ns, "linux")
    return outsiders(world, 1, outside=dice.chance(0.5))[0]


def theft(world: Street, one: Client, thief: Host, at: int) -> dict[str, Any]:
    """Note that a session is taken at a time; return the incident."""
    when = at + thief.delay_ns, world.start + world.length
    more = {"gateway": one.gate.name}
    return world.incident("compromise", when, [one.comp], [thief.address], **more)


def steal(world: Street, at: int, *, is_like: bool) -> None:
    """Have a session go down, and come back from a machine it never came from."""
    dice = world.dice
    one = world.active(0.5, 20)
    thief = thief_of(world, one)
    theft(world, one, thief, at)
    end = one.drop if dice.chance(0.5) else one.logout
    world.at(at - dice.uniform(0.5, 5) * SECOND, end)

    def take() -> None:
        one.login(thief, resets=dice.chance(0.5))
        if not is_like:
            one.desk.factor = dice.uniform(1, world.pick(6, 1.2) + 1)
            one.desk.symbols = one.desk.symbols[:1]

    world.at(at, take)


@family("compromise", Street)
def street_stolen(world: Street) -> None:
    """A session goes down and comes back from elsewhere, and trades otherwise."""
    steal(world, world.at_share(world.dice.uniform(0.35, 0.55)), is_like=False)


@family("compromise", Street)
def street_mimic(world: Street) -> None:
    """As before, but it trades exactly as its owner did."""
    steal(world, world.at_share(world.dice.uniform(0.35, 0.55)), is_like=True)


@family("compromise", Street)
def street_takeover(world: Street) -> None:
    """Somebody logs on as a session that is up; the venue lets go of the first."""
    dice = world.dice
    one = world.active(0.5, 40)
    thief = thief_of(world, one)
    at = world.at_share(dice.uniform(0.35, 0.55))
    theft(world, one, thief, at)
    other = Client(world, one.comp, thief, one.gate, 30)
    desks.Taker(world, other, world.pick(15, 2), dice.sample(world.symbols, 3))
    one.gate.kicks = True

    def take() -> None:
        other.out = one.out
        other.login(resets=False)

    def fight() -> None:
        if not one.is_up:
            one.login(resets=False)
            world.after(dice.uniform(2, 6) * SECOND, take)

    world.at(at, take)
    if dice.chance(0.7):
        world.at(at + dice.uniform(1, 6) * SECOND, fight)


@family("compromise", Street)
def street_scan(world: Street) -> None:
    """A trading machine looks for open ports at all others, or where nobody lives."""
    dice, one = world.dice, world.active()
    start = world.at_share(dice.uniform(0.3, 0.55))
    end = start + dice.uniform(8, 20) * SECOND
    incident = world.incident("compromise", (start, end), (), [one.host.address])
    rate = world.pick(60, 4)
    ports = (22, 445, 3389, 5985, 135, 8080, 1433, 3306)
    living = {each.host.address: each.host for each in world.clients}
    living |= {each.host.address: each.host for each in world.gates}
    living.pop(one.host.address)
    nets = sorted({address.rsplit(".", 1)[0] for address in living})
    is_wide = dice.chance(0.5)

    def probe(number: int) -> None:
        if world.now > end:
            return
        address = f"{nets[number // 25 % len(nets)]}.{number % 25 + 10}"
        if is_wide:
            address = dice.choice(sorted(living))
        there = living.get(address)
        port = ports[number // 3 % len(ports)]
        if there is None:
            there = Host(world, address, 60 * US, "linux")
            there.listen[port] = lambda _: False
        conn = Conn(world, one.host, there, port)
        if address not in living:
            world.after(SECOND, conn.emit, conn.c, wire.SYN, b"", conn.c.seq)
        conn.connect()
        world.hurt(incident, one.host.address, conn.c.last_tap)
        world.after(dice.wait(1 / rate) * SECOND, probe, number + 1)

    world.at(start, probe, dice.below(250))


@family("compromise", Street)
def street_beacon(world: Street) -> None:
    """A trading machine calls somebody outside every few seconds."""
    dice, one = world.dice, world.active()
    world.length = int(dice.uniform(45, 60) * SECOND)
    home = outsiders(world, 1)[0]
    home.listen[443] = lambda _: True
    start = world.at_share(dice.uniform(0.2, 0.4))
    when, hosts = (start, world.start + world.length), [one.host.address, home.address]
    incident = world.incident("compromise", when, (), hosts)
    every, jitter, size = (
        dice.uniform(1.5, 5),
        world.pick(0.03, 0.4),
        dice.between(90, 600),
    )

    def call() -> None:
        conn = Conn(world, one.host, home, 443)
        far = home.delay_ns * 2

        def talk() -> None:
            hello, more = b"\x16\x03\x01\x02\0\1", b"\x17\x03\x03"
            conn.send(conn.c, hello + dice.octets(517))
            world.after(far + 3 * MS, conn.send, conn.s, hello + dice.octets(1200))
            world.after(far * 2 + 9 * MS, conn.send, conn.c, more + dice.octets(size))
            world.after(far * 3 + 20 * MS, conn.send, conn.s, more + dice.octets(140))
            world.after(far * 4 + 60 * MS, conn.finish, conn.c)

        conn.on_open = talk
        conn.connect()
        world.hurt(incident, one.host.address, conn.c.last_tap)
        world.after(every * dice.uniform(1 - jitter, 1 + jitter) * SECOND, call)

    world.at(start, call)


@family("compromise", Street)
def street_leak(world: Street) -> None:
    """A trading machine sends a lot to somebody outside."""
    dice, one = world.dice, world.active()
    home = outsiders(world, 1)[0]
    port = dice.choice((443, 22, 53, 8443))
    home.listen[port] = lambda _: True
    start = world.at_share(dice.uniform(0.35, 0.55))
    end = start + dice.uniform(6, 12) * SECOND
    hosts = [one.host.address, home.address]
    incident = world.incident("compromise", (start, end), (), hosts)
    conn = Conn(world, one.host, home, port)
    gap = conn.mss * 6 / world.pick(1_500_000, 150_000) * SECOND

    def go_on() -> None:
        conn.send(conn.c, b"\x17\x03\x03" + dice.octets(conn.mss * 6))
        world.hurt(incident, one.host.address, conn.c.last_tap)
        if world.now < end:
            world.after(dice.wait(gap), go_on)

    conn.on_open = go_on
    world.at(start, conn.connect)


@family("compromise", Street)
def street_night(world: Street) -> None:
    """After hours only Heartbeats; then a session of the day is back, elsewhere."""
    dice, one = world.dice, world.active()
    world.length = int(dice.uniform(45, 60) * SECOND)
    is_day = dice.chance(0.5)

    def close() -> None:
        for each in world.clients:
            each.desk.is_on = False
        for gate in world.gates:
            gate.is_open = False

    world.at(world.at_share(0.12) if is_day else world.start, close)
    for each in world.clients:
        if each is one or dice.chance(0.3):
            world.at(world.at_share(dice.uniform(0.14, 0.25)), each.logout)
    thief, at = thief_of(world, one), world.at_share(dice.uniform(0.4, 0.6))
    theft(world, one, thief, at)

    def take() -> None:
        one.login(thief, resets=False)
        one.desk.is_on, one.desk.rate = True, world.pick(8, 0.8)

    world.at(at, take)


@family("compromise", Street)
def street_guess(world: Street) -> None:
    """Passwords are tried on the CompIDs of real sessions."""
    dice, gate = world.dice, world.dice.choice(world.gates)
    source = outsiders(world, 1, outside=dice.chance(0.5))[0]
    comps = [one.comp for one in world.clients if one.gate is gate]
    comps = dice.sample(comps or ["ADMIN"], dice.choice((1, 1, 3, 8)))
    when = (
        world.at_share(dice.uniform(0.3, 0.5)),
        world.at_share(dice.uniform(0.75, 0.95)),
    )
    more = {"victims": comps, "gateway": gate.name}
    incident = world.incident("compromise", when, (), [source.address], **more)
    every = 1 / world.pick(8, 0.7)

    def guess(number: int) -> None:
        if world.now > when[1]:
            return
        comp = comps[number % len(comps)]
        tap = bad_logon(world, source, gate, comp, f"Summer{number:03d}!")
        world.hurt(incident, source.address, tap)
        world.after(every * SECOND * dice.uniform(0.8, 1.2), guess, number + 1)

    world.at(when[0], guess, 0)


class Injection:
    """Orders of somebody on the way, in the midst of a connection."""

    def __init__(self, world: Street, one: Client, start: int) -> None:
        self.world, self.one, self.dice = world, one, world.dice
        when, hosts = (start, start + 2 * SECOND), [one.host.address]
        more = {"gateway": one.gate.name}
        self.incident = world.incident("compromise", when, [one.comp], hosts, **more)
        self.count = int(world.pick(12, 2))

    def begin(self) -> None:
        """Send them; the owner, whose numbers are taken, is stuck and gives up."""
        one, conn = self.one, self.one.conn
        if conn is None or not one.is_up:
            return
        nic = Nic(self.dice, one.host.address, self.world.vlan)
        nic.ttl = one.host.nic.ttl - self.dice.choice((0, 1, 3, 5))
        at, own = conn.c.seq, frame("0", one.head(), "112=X")
        symbol, side = one.desk.draw()
        for number in range(self.count):
            made = Order(
                one.dialect.next_id(), symbol, side, one.desk.near(symbol, side, -4)
            )
            made.quantity = 5000
            data = frame("D", one.head(), one.dialect.order(made, self.world.now))
            one.out += 1
            tap = self.world.now + number * self.dice.between(200 * US, 2 * MS)
            self._forge(conn, nic, data, tap, made)
        one.desk.is_on = False
        for number in range(5):
            self.world.after((200 << number) * MS, self._stale, conn, at, own)
        self.world.after(self.dice.uniform(2, 5) * SECOND, self._give_up, conn)

    def _forge(self, conn: Conn, nic: Nic, data: bytes, tap: int, made: Order) -> None:
        segment = conn.segment(conn.c, ACK | PSH, data)
        self.world.put(tap, wire.tcp(nic, conn.s.host.nic, segment))
        self.world.hurt(self.incident, self.one.comp, tap)
        conn.c.seq = (conn.c.seq + len(data)) & MASK
        conn.c.things.append((conn.c.seq, ("D", made)))
        self.world.at(tap + self.world.near_ns, conn.arrive, conn.s, segment, 0)

    def _stale(self, conn: Conn, at: int, own: bytes) -> None:
        if not conn.is_dead:
            segment = conn.segment(conn.c, ACK | PSH, own, at)
            nics = conn.c.host.nic, conn.s.host.nic
            self.world.put(self.world.now, wire.tcp(*nics, segment))
            self.world.after(self.world.near_ns, conn.emit, conn.s, ACK)

    def _give_up(self, conn: Conn) -> None:
        conn.reset(conn.c)
        self.one.desk.is_on = self.one.resets = True
        self.world.after(2 * SECOND, self.one.login)


@family("compromise", Street)
def street_injection(world: Street) -> None:
    """Somebody on the way puts orders of his own into a connection."""
    start = world.at_share(world.dice.uniform(0.35, 0.55))
    world.at(start, Injection(world, world.active(0.5, 15), start).begin)


@family("compromise", Street)
def street_shell(world: Street) -> None:
    """From one trading machine into others, by SSH or a remote desktop."""
    dice, one = world.dice, world.active()
    start = world.at_share(dice.uniform(0.3, 0.5))
    when = start, world.start + world.length
    incident = world.incident("compromise", when, (), [one.host.address])
    port = dice.choice((22, 22, 3389, 445, 5985))
    hosts = dict.fromkeys(each.host for each in world.clients)
    others = [host for host in hosts if host is not one.host]
    at = float(start)
    for there in dice.sample(others, int(world.pick(6, 1.3))):
        there.listen.setdefault(port, answers)
        given = world, (one.host, there), port, dice.between(20, 90), incident
        world.at(at, shell, *given)
        at += dice.uniform(0.5, 3) * SECOND
