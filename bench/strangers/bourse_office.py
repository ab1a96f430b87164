"""Operations at a bourse: a gateway lost, a new version, scanners, releases."""

import dataclasses
from functools import partial

from strangers import bourse_flows as flows
from strangers.bourse import Bourse, Newcomer
from strangers.bourse_clock import Steps
from strangers.bourse_desk import Desk
from strangers.bourse_desks import Clocked
from strangers.bourse_gateway import Gateway
from strangers.bourse_link import Link
from strangers.bourse_makers import Maker
from strangers.bourse_market import Terms
from strangers.bourse_wire import Host
from strangers.loop import MS, SECOND, US
from strangers.registry import family

Night = partial(Bourse, is_night=True)
_PORTS = "21 22 23 25 80 111 135 139 443 445 1433 1521 2049 3306 3389 5432 5900 6379"
#: Ports that a scanner of operations looks at.
PORTS = [int(port) for port in f"{_PORTS} 8080 8443 9090 9100 11211 27017".split()]
AGENTS = (("Maker",), ("Taker", "Scalper"), ("Clocked",), ("Slicer", "Pairs"))


@dataclasses.dataclass
class Failover:
    """A gateway that goes, the one that takes over, and what was in the book."""

    w: Bourse
    lost: Gateway
    other: Gateway
    #: How it goes: fin, rst or silent.
    manner: str
    resting: dict[Link, list[Terms]] = dataclasses.field(default_factory=dict)

    def go(self) -> Steps:
        """Lose the gateway; have its sessions come back and enter their orders."""
        for link in list(self.lost.links):
            self._drop(link)
        self.lost.is_down = True
        for link in list(self.lost.links):
            self.w.clock.play(self._come_back(link))
        yield 1
        yield 5 * SECOND
        for link in self.other.links:
            desk = link.desk
            if desk and link.is_on and not isinstance(desk, Maker | Clocked):
                yield from self._put_back(link, desk)

    def _put_back(self, link: Link, desk: Desk) -> Steps:
        for terms in self.resting.get(link, []):
            if terms.qty > 0:
                desk.order(terms, is_forced=True)
                yield self.w.rng.randrange(50, 900) * US

    def _drop(self, link: Link) -> None:
        tickets = link.desk.orders() if link.desk else []
        self.resting[link] = [
            Terms(one.inst, one.side, one.price, one.left) for one in tickets
        ]
        if link.conn and link.conn.is_up:
            if self.manner == "silent":
                link.conn.is_dead[1] = True
            elif self.manner == "rst":
                link.conn.reset(1)
            else:
                link.conn.close(1)
        for order in link.orders.values():
            order.leave()

    def _come_back(self, link: Link) -> Steps:
        r, is_silent = self.w.rng, self.manner == "silent"
        wait = r.lognormvariate(-0.3, 0.9)
        failures = r.randrange(0, 2 if is_silent else 4)
        if is_silent:
            yield r.uniform(0.6, 3.5) * SECOND
            if link.conn:
                link.conn.reset(0)
            link.is_on = False
            if link.desk:
                link.desk.on_down()
        yield wait * SECOND * 0.5
        for _ in range(failures):
            link.does_reset = False
            link.connect(is_refused=not is_silent, is_silent=is_silent)
            again = 2 if is_silent else 1
            yield again * SECOND * r.choice((0.1, 0.25, 0.5, 1))
            link.give_up()
        self.lost.links.remove(link)
        self.other.links.append(link)
        link.gw, link.orders = self.other, {}
        link.does_reset = r.random() < 0.25
        link.missed = 0 if r.random() < 0.6 else r.randrange(1, 40)
        link.connect()


@family("benign", partial(Bourse, gateways=2))
def bourse_failover(w: Bourse) -> None:
    """A gateway goes; its sessions try again, and come back at another."""
    r = w.rng
    lost, other = w.gws[0], w.gws[-1]
    if r.random() < 0.5:
        last = int(lost.host.ip.rsplit(".", 1)[1])
        other = w.gateway(9, last + 120, lost.conduct)
        w.gws.append(other)
    case = Failover(w, lost, other, r.choice(("fin", "rst", "silent")))
    w.clock.play(case.go(), w.onset + w.warm)


@family("benign", Bourse)
def bourse_canary(w: Bourse) -> None:
    """A firm's new version logs on, does more and more, and perhaps takes over."""
    r = w.rng
    old = w.some(*r.choice(AGENTS))[0]
    link = old.link
    comp = link.comp + r.choice(("V2", "B", "_C", "N"))
    insts = old.insts[: max(1, len(old.insts) // 3)]
    start = w.onset - 3 * SECOND
    late = Newcomer(link.manner.firm, link.gw, comp, insts, start)
    new = w.add(link.agent, w.pace * 0.3, late)
    new.version = r.choice(("v2", "N", "B", "c"))
    w.clock.play(_roll_out(w, old, new), start + w.warm)


def _roll_out(w: Bourse, old: Desk, new: Desk) -> Steps:
    r = w.rng
    yield 4 * SECOND
    for _ in range(r.randrange(2, 4)):
        new.zeal *= r.uniform(1.6, 3)
        if isinstance(new, Clocked):
            new.burst *= 2
        others = [inst for inst in old.insts if inst not in new.insts]
        for inst in others[: r.randrange(1, 4)]:
            new.insts.append(inst)
            if isinstance(new, Maker) and new.is_set_up:
                new.cover(inst, 0)
                new.quote(inst)
                new.least *= 0.7
        for _ in range(r.randrange(0, 4)):
            inst = r.choice(new.insts)
            new.order(Terms(inst, 1, inst.mid * 3, inst.lot))
            yield 30 * MS
        yield r.uniform(2, 4) * SECOND
    if r.random() < 0.5:
        old.is_paused = True
        yield from old.withdraw_all()
        yield 0.3 * SECOND
        old.is_dead = True
        old.link.log_out("migrated")


@family("benign", Night)
def bourse_port_audit(w: Bourse) -> None:
    """Operations' own scanner tries the ports of hosts and gateways, as every night."""
    r = w.rng
    ip, delay = w.free(w.office), (r.uniform(60, 200) * 1000, 30000)
    scanner = w.host(ip, w.office_router, delay)
    ports = r.sample(PORTS, r.randrange(6, 22))
    ports += sorted({gw.port for gw in w.gws})
    targets = [host for firm in w.firms for host in firm.hosts]
    targets += [gw.host for gw in w.gws]
    rate, ends = 10 ** r.uniform(0.5, 2.3), r.random() < 0.4
    w.clock.play(_inspect(w, scanner, targets, r.uniform(2, 6)))
    tries = [(host, port) for host in targets for port in ports]
    w.clock.play(_scan(w, scanner, tries, rate, ends=ends), w.onset + w.warm)


def _inspect(w: Bourse, scanner: Host, targets: list[Host], wait_s: float) -> Steps:
    """Have the scanner log on to some hosts before."""
    yield wait_s * SECOND
    for host in w.rng.sample(targets, 3):
        w.clock.play(flows.shell(w, scanner, host, 2))
        yield SECOND


def _scan(
    w: Bourse, scanner: Host, tries: list[tuple[Host, int]], rate: float, *, ends: bool
) -> Steps:
    r = w.rng
    if r.random() < 0.5:
        r.shuffle(tries)
    for host, port in tries:
        flows.probe(w, scanner, host, port, ends=ends)
        yield r.expovariate(rate) * SECOND if r.random() < 0.5 else SECOND / rate
        if w.clock.now > w.end + 5 * SECOND:
            return


@family("benign", Night)
def bourse_distribution(w: Bourse) -> None:
    """Releases are pulled by trading hosts, and backups sent, 8 to 80 MB in all."""
    r = w.rng
    hosts = [host for firm in w.firms for host in firm.hosts]
    shop = w.host(w.free(w.office), w.office_router, (70000, 20000))
    total = 10 ** r.uniform(6.9, 7.9)
    count, is_parallel = r.randrange(3, len(hosts) + 1), r.random() < 0.5

    def go() -> Steps:
        gap = (0.05, 0.3) if is_parallel else (0.6, 2)
        for host in r.sample(hosts, count):
            is_pulled = r.random() < 0.65
            port = r.choice((8081, 873, 443) if is_pulled else (873, 2049, 445))
            size = int(total / count * r.uniform(0.5, 1.5))
            load = flows.Load(port, size, r.uniform(0.01, 0.1), is_pulled)
            flows.copy(w, host, shop if is_pulled else w.store, load)
            w.clock.play(flows.shell(w, w.admin, host, r.uniform(0.5, 3)))
            yield r.uniform(*gap) * SECOND

    w.clock.play(go(), w.onset + w.warm)
