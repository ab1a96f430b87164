"""An exchange's gateways and lines when they limp."""

from collections.abc import Callable
from typing import Any

from strangers.exchange import Exchange
from strangers.exchange_tcp import Gateway
from strangers.exchange_wire import MS, S
from strangers.registry import family


def _window(w: Exchange, on: Callable[[], Any], off: Callable[[], Any]) -> None:
    w.at(w.onset, on)
    w.at(w.onset + w.length, off)


def _blame(w: Exchange, gw: Gateway) -> None:
    span = w.onset, w.onset + w.length
    more: dict[str, Any] = {"victims": [gw.addr], "gateway": gw.addr}
    w.incident("venue_fault", span, (), [gw.ip], **more)


@family("latency", Exchange)
def exchange_slow_acks(w: Exchange) -> None:
    """A gateway's application becomes 15 to 150 times slower; its kernel does not."""
    r = w.rng
    w.start_sessions()
    gw = r.choice(w.gws)
    most = min(40 * MS, max(3 * MS, gw.lat * r.between_logs(15, 150)))

    def late() -> float:
        share = min(1, (w.now - w.onset) / (0.8 * S))
        return most * share * r.lognormvariate(0, 0.35)

    def on() -> None:
        gw.lat_add = late

    def off() -> None:
        gw.lat_add = None

    _window(w, on, off)
    _blame(w, gw)


@family("latency", Exchange)
def exchange_line_loss(w: Exchange) -> None:
    """The line of one firm's host loses packets both ways."""
    r = w.rng
    w.start_sessions()
    paces: dict[str, float] = {}
    for s in w.sessions:
        if s.agent in ("Maker", "Taker", "Clocked", "Slicer"):
            paces[s.host] = paces.get(s.host, 0) + s.rate
    busy = [host for host, pace in paces.items() if pace > 6]
    host = r.choice(busy or [max(paces, key=lambda one: paces[one])])
    share = r.uniform(0.04, 0.15)
    w.length = max(w.length, min(8 * S, w.dur - w.onset - S))
    line, end = w.lines[host], w.onset + w.length
    w.at(w.onset, setattr, line, "loss", share)
    w.at(end, setattr, line, "loss", 0.0)
    own = [s.comp for s in w.sessions if s.host == host]
    w.incident("venue_fault", (w.onset, end), (), [host], victims=own)


@family("latency", Exchange)
def exchange_gateway_stall(w: Exchange) -> None:
    """A gateway's application stops, several times; then all is answered at once."""
    r = w.rng
    w.start_sessions()
    gw = r.choice(w.gws)
    t = end = w.onset

    def halt(length: int) -> None:
        gw.stall_till = w.now + length

    for _ in range(5):
        length = int(r.uniform(0.25, 2.5) * S)
        w.at(t, halt, length)
        end = t + length
        t = end + int(r.uniform(0.3, 2.5) * S)
        if t >= w.onset + w.length - S:
            break
    w.length = end - w.onset
    _blame(w, gw)


@family("latency", Exchange)
def exchange_jitter(w: Exchange) -> None:
    """A gateway's answers, its kernel's too, come late, each by another time."""
    r = w.rng
    w.start_sessions()
    gw = r.choice(w.gws)
    mean = r.between_logs(1, 8) * MS

    def late() -> float:
        return r.gammavariate(0.6, mean / 0.6)

    def on() -> None:
        gw.lat_add = gw.tcp_add = late

    def off() -> None:
        gw.lat_add = gw.tcp_add = None

    _window(w, on, off)
    _blame(w, gw)
