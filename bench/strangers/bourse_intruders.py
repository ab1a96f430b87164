"""Who looks around at a bourse, takes data out, or guesses passwords."""

import dataclasses
import struct

from strangers import bourse_flows as flows
from strangers.bourse import Bourse
from strangers.bourse_clock import Steps
from strangers.bourse_desk import Harm
from strangers.bourse_fix import in_36
from strangers.bourse_gateway import Gateway
from strangers.bourse_ground import PLAIN, Incident
from strangers.bourse_sieges import raw_fix
from strangers.bourse_tcp import Conn, Context
from strangers.bourse_wire import Habits, Host
from strangers.loop import MS, SECOND
from strangers.registry import family

SERVICES = (22, 80, 443, 445, 1433, 3306, 3389, 6379, 8080)
#: What a tunnel asks for in the DNS, after its label, and with a header its answer.
ASKED = b"\x03cdn\x03xyz\0\0\x10\0\x01"


@family("compromise", Bourse)
def bourse_lateral(w: Bourse) -> None:
    """A trading host looks for other hosts, or for ports of a few."""
    r = w.rng
    r.choice(w.firms)  # a firm that nobody reads; the draw belongs to the stream
    source = r.choice([link.host for link in w.links])
    known = [host for firm in w.firms for host in firm.hosts if host is not source]
    known += [*(gw.host for gw in w.gws), w.store, w.dns, w.log]
    rate = w.level(180, 2.5) * r.uniform(0.8, 1.2)
    manner = r.choice(("sweep", "ports", "both"))
    every = (*SERVICES, w.port)
    ports = r.choice(((445,), (22,), (22, 445, 3389, 5985), every))
    ghosts = _ghosts(w, source)
    for host in known:
        host.is_silent = r.random() < 0.3
    harm: Harm = []

    def go() -> Steps:
        if manner == "ports":
            hosts = r.sample(known, min(6, len(known)))
            some = r.sample(range(1, 10000), 400)
            tries = [(host, port) for host in hosts for port in some]
        else:
            both = known + ghosts
            tries = [(host, port) for host in both for port in ports] * 4
        if r.random() < 0.6:
            r.shuffle(tries)
        for host, port in tries:
            if w.clock.now > w.end:
                return
            harm.append(flows.probe(w, source, host, port, ends=False))
            yield r.expovariate(rate) * SECOND

    w.clock.play(go(), w.onset + w.warm)
    one = Incident("compromise", {source.ip: harm}, hosts=[source.ip])
    w.incidents.append(one)


def _ghosts(w: Bourse, near: Host) -> list[Host]:
    """Return addresses of a host's network that nobody has."""
    r, net = w.rng, near.ip.rsplit(".", 1)[0]
    made = []
    for _ in range(r.randrange(20, 120)):
        ip = f"{net}.{r.randrange(2, 254)}"
        one = Host(w.mirror, ip, w.mac(), (30000, 4000), PLAIN)
        one.is_silent = True
        if ip not in w.used:
            made.append(one)
    return made


@family("compromise", Bourse)
def bourse_exfil(w: Bourse) -> None:
    """A trading host sends data out: beacons, uploads, or names that it asks for."""
    r = w.rng
    source = r.choice([link.host for link in w.links])
    ip, far = w.foreign(), r.uniform(5, 40) * MS
    target = w.host(ip, w.edge, (far, MS), Habits(11))
    target.open = {443}
    manner = r.choice(("beacon", "upload", "dns", "both"))
    every, jitter = w.level(0.35, 3.5) * SECOND, r.choice((0.02, 0.1, 0.4))
    size = int(w.level(400000, 6000))
    port = r.choice((443, 443, 8443, 80, 4444, 22))
    leak = _Leak(w, source, target, every, jitter)
    steps = leak.ask() if manner == "dns" else leak.send(port, size, manner)
    w.clock.play(steps, w.onset + w.warm)
    harm, hosts = {source.ip: leak.harm}, [source.ip, target.ip]
    w.incidents.append(Incident("compromise", harm, hosts=hosts))


@dataclasses.dataclass
class _Leak:
    """From where to where data goes, how often (ns), how regularly."""

    w: Bourse
    source: Host
    target: Host
    every: float
    jitter: float
    harm: Harm = dataclasses.field(default_factory=list)

    def _pause(self) -> float:
        return self.every * self.w.rng.uniform(1 - self.jitter, 1 + self.jitter)

    def ask(self) -> Steps:
        """Hide data in names."""
        w, r = self.w, self.w.rng
        while w.clock.now < w.end + 5 * SECOND:
            port = self.source.port()
            label = in_36(r.randrange(36**30), 30).lower().encode()
            head = struct.pack("!HHHHHH", r.randrange(65536), 0x100, 1, 0, 0, 0)
            asked = head + bytes([len(label)]) + label + ASKED
            t = w.mirror.udp(self.source, self.target, (port, 53), asked)
            self.harm.append(t)
            yield 30 * MS
            told = struct.pack("!HHHHHH", 1, 0x8180, 1, 0, 0, 0) + ASKED
            w.mirror.udp(self.target, self.source, (53, port), told)
            yield self._pause() * 0.5

    def send(self, port: int, size: int, manner: str) -> Steps:
        """Connect again and again, and send a little or much."""
        w, count = self.w, 0
        while w.clock.now < w.end + 5 * SECOND:
            conn = flows.dial(w, self.source, self.target, port)
            count += 1
            is_large = manner == "upload" or (manner == "both" and count % 6 == 0)
            length = size if is_large else w.rng.randrange(150, 700)
            self.harm.append(conn.open(self._upload(conn, length)))
            yield self._pause()

    def _upload(self, conn: Conn, length: int) -> flows.Done:
        return lambda: self.w.clock.play(self._uploaded(conn, length))

    def _uploaded(self, conn: Conn, left: int) -> Steps:
        r = self.w.rng
        conn.write(0, b"\x16\x03\x01\x02\0\x01" + r.randbytes(300))
        yield 60 * MS
        conn.write(1, b"\x16\x03\x03\0\x7a" + r.randbytes(1200))
        yield 60 * MS
        while left > 0:
            for _ in range(8):
                if left > 0:
                    conn.write(0, r.randbytes(min(1400, left)), is_pushed=False)
                    left -= 1400
            yield r.uniform(5, 20) * MS
        conn.write(1, r.randbytes(120))
        yield 90 * MS
        conn.close(0)


@family("compromise", Bourse)
def bourse_guessing(w: Bourse) -> None:
    """A stranger tries passwords of CompIDs, one to three on a connection."""
    r = w.rng
    gw, host = r.choice(w.gws), w.stranger()
    rate, count = w.level(40, 1.5), r.choice((1, 2, 4, 10))
    victims = [link.comp for link in r.sample(w.links, count)]
    most = r.choice((1, 1, 3))
    harm: Harm = []

    def go() -> Steps:
        while w.clock.now < w.end + 3 * SECOND:
            conn = flows.dial(w, host, gw.host, gw.port)
            guess = _Guess(w, gw, conn, r.choice(victims), most, harm)
            conn.on_data = guess.hear
            harm.append(conn.open(guess.attempt))
            yield r.expovariate(rate) * SECOND

    w.clock.play(go(), w.onset + w.warm)
    one = Incident("compromise", {host.ip: harm}, hosts=[host.ip], victims=victims)
    w.incidents.append(one)


@dataclasses.dataclass
class _Guess:
    """Guesses of one connection, and how the gateway refuses them."""

    w: Bourse
    gw: Gateway
    conn: Conn
    comp: str
    most: int
    harm: Harm
    count: int = 0

    def attempt(self) -> None:
        """Log on with some password."""
        r, comp = self.w.rng, self.comp
        self.count += 1
        random = in_36(r.randrange(36**7), 7)
        word = r.choice(("welcome", "Passw0rd", comp, "trading", "fix", random))
        body = f"98=0\x01108=30\x01553={comp.lower()}\x01"
        body += f"554={word}{r.randrange(1000)}\x01"
        data = raw_fix(self.w, "A", self.count, (comp, self.gw.comp), body)
        t = self.conn.write(0, data, ("A",))
        if t and self.count > 1:
            self.harm.append(t)

    def hear(self, side: int, _: Context) -> None:
        """Have the gateway refuse it."""
        if side == 0:
            self.w.clock.after(self.w.rng.uniform(1, 8) * MS, self._refuse)

    def _refuse(self) -> None:
        ends, text = (self.gw.comp, self.comp), "58=Invalid credentials\x01"
        self.conn.write(1, raw_fix(self.w, "5", self.count, ends, text))
        if self.count >= self.most:
            self.w.clock.after(MS, self.conn.close, 1)
        else:
            self.w.clock.after(150 * MS, self.attempt)
