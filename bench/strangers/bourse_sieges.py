"""What floods of a bourse have in common: sources, pulses, strain, connections."""

from collections.abc import Callable
from typing import NamedTuple

from strangers import bourse_fix as fix
from strangers.bourse import Bourse
from strangers.bourse_clock import Steps
from strangers.bourse_desk import Harm
from strangers.bourse_gateway import Gateway
from strangers.bourse_ground import Incident
from strangers.bourse_tcp import Conn
from strangers.bourse_wire import Host, Way
from strangers.loop import SECOND, US
from strangers.wire import Segment

WINDOWS = (1024, 512, 8192, 29200, 65535)
#: What a source does on a connection that is open.
Talk = Callable[[Conn], None]


class Force(NamedTuple):
    """A flood's target, sources, packets or connections a second, and its end (ns)."""

    gw: Gateway
    sources: list[Host]
    rate: float
    end: int


def some_sources(w: Bourse, count: int) -> list[Host]:
    """Return new hosts, all from the Internet, an office, or near firms."""
    where = w.rng.choice(("pub", "pub", "office", "vendor"))
    return [w.stranger(where) for _ in range(count)]


def strain(w: Bourse, gw: Gateway, rate: float, end: int) -> None:
    """Have a gateway be a little slower under a flood, from the onset on."""
    mean = min(500, rate * 0.03) * US
    if mean <= 3 * US:
        return

    def begin() -> None:
        gw.more = lambda: w.rng.expovariate(1) * mean

    w.clock.at(w.onset, begin)
    w.clock.at(end, setattr, gw, "more", None)


def pulses(w: Bourse) -> Callable[[], bool]:
    """Return what tells whether a flood rests now: a third of them pulse."""
    r = w.rng
    if r.random() < 0.65:
        return lambda: False
    on, off = r.uniform(0.5, 2.5) * SECOND, r.uniform(0.3, 1.5) * SECOND
    start = w.onset
    return lambda: (w.clock.now - start) % (on + off) > on


def throw(w: Bourse, source: Host, target: Host, one: Segment, window: int = 0) -> int:
    """Have a source send a segment of its own making; return when it is seen."""
    way = source.way(target, ident=w.rng.randrange(65536))
    one.window = window or w.rng.choice(WINDOWS)
    return w.mirror.tcp(w.clock.now + w.rng.randrange(1000, 9000), way, one)


def answer(
    w: Bourse, gw: Gateway, to: tuple[bytes, bytes], one: Segment, late: int = 0
) -> None:
    """Have a gateway's kernel answer a MAC and an IP address, so many ns later."""
    host, (mac, ip) = gw.host, to
    way = Way(mac + host.mac, host.raw, ip, host.ttl, host.ident())
    w.mirror.tcp(w.clock.now + (late or int(host.near)), way, one)


def connections(w: Bourse, force: Force, talk: Talk) -> None:
    """Have sources connect again and again, and talk once they are through."""
    r, (gw, sources, rate, end) = w.rng, force
    harm: dict[str, Harm] = {}
    rests = pulses(w)
    strain(w, gw, rate * 6, end)

    def go() -> Steps:
        while w.clock.now < end:
            yield r.expovariate(rate) * SECOND
            if rests():
                continue
            host = r.choice(sources)
            port = host.port() if r.random() < 0.9 else r.randrange(1025, 65000)
            conn = Conn(w.mirror, (host, port), (gw.host, gw.port))
            t = conn.open(_bound(talk, conn))
            harm.setdefault(host.ip, []).append(t)

    w.clock.play(go(), w.onset + w.warm)
    blame(w, gw, harm, [host.ip for host in sources])


def _bound(talk: Talk, conn: Conn) -> Callable[[], None]:
    return lambda: talk(conn)


def blame(w: Bourse, gw: Gateway, harm: dict[str, Harm], hosts: list[str]) -> None:
    """Note a flood of a gateway; hosts may still be added to the list."""
    w.incidents.append(Incident("flood", harm, hosts=hosts, gateway=gw.addr))


def raw_fix(w: Bourse, kind: str, seq: int, ends: tuple[str, str], body: str) -> bytes:
    """Return a message that no session of the bourse wrote."""
    sent = fix.stamp(w.mirror.day_ns, is_us=False)
    return fix.message(fix.Header(kind, seq, *ends, sent, 1), body)
