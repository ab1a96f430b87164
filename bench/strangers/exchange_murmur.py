"""What an exchange's mirror shows besides orders: clocks, pings, checks, logs."""

import struct

from strangers.exchange_mirror import Ends, Mirror
from strangers.exchange_tcp import Gateway
from strangers.exchange_wire import MS, US, S

NAMES = (b"\x03ref\x04data\x04corp\0", b"\x04time\x04corp\0", b"\x05risk1\x04corp\0")
ANSWER = b"\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\x0a\x01\x02\x03"


def begin(
    w: Mirror, gws: list[Gateway], nets: tuple[str, str], hosts: list[str]
) -> None:
    """Have it all pass by: in the gateways' network, and in that of operations."""
    gwnet, mgmt = nets
    for gw in gws:
        _check(w, gw, f"{mgmt}.5")
    _clock(w, f"{gwnet}.2")
    for host in hosts:
        if w.rng.random() < 0.6:
            _ask(w, host, f"{mgmt}.10")
        if w.rng.random() < 0.5:
            _log(w, host, f"{mgmt}.20")


def _check(w: Mirror, gw: Gateway, watch: str) -> None:
    r = w.rng
    t, seq, ident = r.randrange(5 * S), 1, r.randrange(65536)
    while t < w.dur:
        body = struct.pack(">HH", ident, seq) + bytes(range(56))
        w.icmp(t, (watch, gw.ip), (8, 0), body)
        w.icmp(t + 14 * US, (gw.ip, watch), (0, 0), body, 64)
        ends = Ends(watch, w.port(), gw.ip, gw.port)
        w.flow(t + 300 * MS, ends, 180 * US, [])
        t += int(5 * S + r.gauss(0, 3 * MS))
        seq += 1


def _clock(w: Mirror, clock: str) -> None:
    r = w.rng
    ends, group = Ends(clock, 319, "224.0.1.129", 319), b"\x01\x00\x5e\x00\x01\x81"
    t, seq = r.randrange(S), r.randrange(60000)
    while t < w.dur:
        body = b"\x00\x02\x00\x2c" + bytes(26) + struct.pack(">H", seq & 65535)
        w.put(t, w.stacks.udp(w.way(ends, 1, group), body + bytes(12)))
        t += S + r.randrange(2 * MS)
        seq += 1


def _ask(w: Mirror, host: str, names: str) -> None:
    r = w.rng
    t = r.randrange(12 * S)
    while t < w.dur:
        port, ident = w.port(), r.randbytes(2)
        name = r.choice(NAMES) + b"\0\x01\0\x01"
        ask = ident + b"\x01\0\0\x01" + bytes(6) + name
        w.udp(t, Ends(host, port, names, 53), ask)
        told = ident + b"\x81\x80\0\x01\0\x01" + bytes(4) + name + ANSWER
        late = r.randrange(150, 900) * US
        w.udp(t + late, Ends(names, 53, host, port), told)
        t += int(r.wait(12) * S)


def _log(w: Mirror, host: str, log: str) -> None:
    r = w.rng
    t = r.randrange(4 * S)
    while t < w.dur:
        text = f"<134>{host} oms: heartbeat ok q={r.randrange(50)}"
        w.udp(t, Ends(host, 514, log, 514), text.encode())
        t += int(r.wait(4) * S)
