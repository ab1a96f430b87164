"""Lines and gateways of a bourse that limp."""

from collections.abc import Callable

from strangers.bourse import Bourse
from strangers.bourse_clock import Steps
from strangers.bourse_gateway import Gateway
from strangers.bourse_ground import Incident
from strangers.loop import MS, SECOND
from strangers.registry import family

#: Kinds whose lines are busy, and how much they count.
BUSY = {"Maker": 4, "Clocked": 3, "Scalper": 3, "Taker": 1, "Pairs": 1, "Slicer": 1}


def _busiest(w: Bourse) -> Gateway:
    return max(w.gws, key=lambda gw: len(gw.links))


def _blame(w: Bourse, gw: Gateway) -> None:
    one = Incident("venue_fault", {}, hosts=[gw.host.ip], victims=[gw.addr])
    one.gateway, one.onset, one.end = gw.addr, w.onset, w.end
    w.incidents.append(one)


def _limp(w: Bourse, what: object, more: Callable[[], float]) -> None:
    """Have a gateway or a host take more ns for what it does, for a while."""
    w.clock.at(w.onset, setattr, what, "more", more)
    w.clock.at(w.end, setattr, what, "more", None)


@family("latency", Bourse)
def bourse_slow_acks(w: Bourse) -> None:
    """A gateway's application answers later: always, more and more, or sometimes."""
    r, gw = w.rng, _busiest(w)
    late, manner = w.level(40, 0.9) * MS, r.choice(("const", "ramp", "tail"))

    def more() -> float:
        share = 1.0
        if manner == "ramp":
            share = min(1, (w.clock.now - w.onset) / (2 * SECOND) + 0.1)
        if manner == "tail":
            rare = r.expovariate(1) * 3 if r.random() < 0.35 else 0.1
            return late * share * rare
        return late * share * r.lognormvariate(0, 0.3)

    _limp(w, gw, more)
    _blame(w, gw)


@family("latency", Bourse)
def bourse_gw_stall(w: Bourse) -> None:
    """A gateway's application stops again and again; then all is answered at once."""
    r, gw = w.rng, _busiest(w)
    length, gap = w.level(1.6, 0.12), r.uniform(0.4, 2.5)

    def go() -> Steps:
        while w.clock.now < w.end:
            stall = length * r.uniform(0.6, 1.4) * SECOND
            gw.stalled_till = w.clock.now + stall
            yield stall + gap * SECOND * r.uniform(0.6, 1.4)

    w.clock.play(go(), w.onset + w.warm)
    _blame(w, gw)


@family("latency", Bourse)
def bourse_jitter(w: Bourse) -> None:
    """What comes from a gateway comes late, each packet by another time."""
    r, gw = w.rng, _busiest(w)
    late, is_heavy = w.level(15, 0.5) * MS, r.random() < 0.5

    def more() -> float:
        if is_heavy:
            return late * (r.paretovariate(1.6) - 1) * 0.6
        return r.random() * late

    _limp(w, gw.host, more)
    _blame(w, gw)


@family("latency", Bourse)
def bourse_line_loss(w: Bourse) -> None:
    """The line of one firm's host loses 2 to 30 packets in a hundred, both ways."""
    weights: dict[str, int] = {}
    for link in w.links:
        ip = link.host.ip
        weights[ip] = weights.get(ip, 0) + BUSY.get(link.agent, 0)
    ip = max(sorted(weights), key=lambda one: weights[one])
    host = w.mirror.hosts[ip]
    w.clock.at(w.onset, setattr, host, "loss", w.level(0.3, 0.02))
    w.clock.at(w.end, setattr, host, "loss", 0.0)
    victims = [link.comp for link in w.links if link.host is host]
    one = Incident("venue_fault", {}, hosts=[ip], victims=victims)
    one.onset, one.end = w.onset, w.end
    w.incidents.append(one)
