"""What those who run an exchange's network do: restarts, checks, backups."""

from functools import partial

import numpy as np

from strangers.exchange import Exchange
from strangers.exchange_mirror import Ends, Step
from strangers.exchange_session import Session
from strangers.exchange_tcp import Line
from strangers.exchange_traders import quote
from strangers.exchange_venue import Symbol
from strangers.exchange_wire import IPV4, MS, US, Many, S, number
from strangers.registry import family

SSH = b"SSH-2.0-OpenSSH_8.4\r\n"
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
METRICS = b"HTTP/1.1 200 OK\r\n\r\n" + b"m 1\n" * 300
SNMP = b"\x30\x29\x02\x01\x01\x04\x06public\xa0\x1c\x02\x04"
SNMP_REST = b"\x02\x01\x00\x02\x01\x00\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01"
SNMP_REST += b"\x05\x00\x05\x00"
SNMP_TOLD = b"\x30\x31\x02\x01\x01\x04\x06public\xa2\x24"
RSYNC = b"@RSYNCD: 31.0\n"


class Restart:
    """A gateway that restarts, and its sessions, which come back."""

    def __init__(self, w: Exchange) -> None:
        r = w.rng
        self.w, self.gw = w, r.choice(w.gws)
        self.down = int(r.uniform(0.6, 3.5) * S)
        self.is_orderly = r.random() < 0.6
        self.own = [s for s in w.sessions if s.gw is self.gw]

    def drop(self) -> None:
        """Have every session end."""
        w, r = self.w, self.w.rng
        self.gw.open = False
        for s in self.own:
            if s.conn is None:
                continue
            if self.is_orderly:
                s.gsend("5", "58=Gateway going down\x01")
                s.conn.close(1)
            else:
                w.at(w.now + r.randrange(3 * MS), s.conn.reset, 1)
            s.on = False
            late = s.line.owd + int(r.uniform(5, 900) * MS)
            w.at(w.now + late, self._retry, s, 0)

    def back(self) -> None:
        """Have the gateway listen again, and soon answer."""
        self.gw.open = True
        self.gw.stall_till = self.w.now + int(self.w.rng.uniform(5, 80) * MS)

    def _retry(self, s: Session, tries: int) -> None:
        w, r = self.w, self.w.rng
        if s.on:
            return
        s.reconnect()
        wait = int(min(3, 0.25 * 1.6**tries) * S * r.uniform(0.7, 1.4))
        w.at(w.now + 2 * s.line.owd + wait, self._again, s, tries + 1)
        if tries == 0 or r.random() < 0.3:
            s.has_gap = True

    def _again(self, s: Session, tries: int) -> None:
        w, r = self.w, self.w.rng
        if s.conn is not None and s.conn.closed:
            self._retry(s, tries)
        elif s.on and s.has_gap and r.random() < 0.5:
            s.has_gap = False
            first = max(1, s.gseq - r.randint(2, 40))
            s.csend("2", f"7={first}\x0116=0\x01", ("2", first))
        if s.on and s.agent == "Maker":
            for sym in s.syms:
                w.at(w.now + r.randrange(30 * MS), _quote, s, sym)


def _quote(s: Session, sym: Symbol) -> None:
    if s.on:
        quote(s, sym)


@family("benign", partial(Exchange, joined=True))
def exchange_reconnect_storm(w: Exchange) -> None:
    """A gateway restarts: its sessions end, are refused, retry, and fill gaps."""
    w.start_sessions()
    restart = Restart(w)
    w.at(w.onset, restart.drop)
    w.at(w.onset + restart.down, restart.back)


@family("benign", Exchange)
def exchange_monitoring(w: Exchange) -> None:
    """Port checks from two pollers, an inventory, and a CompID that tests logons."""
    r = w.rng
    w.start_sessions()
    _health_check(w)
    for poll in (f"{w.mgmt}.5", f"{w.mgmt}.6"):
        t, gap = w.onset + r.randrange(S), r.between_logs(0.12, 1) * S
        while t < w.dur:
            for gw in w.gws:
                ends = Ends(poll, w.port(), gw.ip, gw.port)
                w.flow(t, ends, 170 * US, [], r.choice(["fin", "fin", "rst"]))
                t += r.randrange(20 * MS)
            t += int(gap)
    t = w.onset
    for host in w.hosts + [gw.ip for gw in w.gws]:
        for port in (22, 161, 9100):
            _inventory(w, t, host, port)
            t += int(r.uniform(5, 150) * MS)
        if t > w.dur:
            break


def _health_check(w: Exchange) -> None:
    r = w.rng
    comp, host = "HEALTH01", f"{w.mgmt}.7"
    gw = r.choice(w.gws)
    line = w.lines[host] = Line(w, 180 * US)
    s = Session(w, comp, host, gw, line, ("Silent", 0.01))
    w.sessions.append(s)
    w.firm_of[comp] = "OPS"
    t = int(r.uniform(0.5, 2) * S)
    every = int(r.uniform(3, 6) * S)
    start = s.start
    while t < w.dur - 2 * S:
        w.at(t, start)
        w.at(t + 400 * MS, s.test_request)
        w.at(t + 900 * MS, s.logout)
        start = s.reconnect
        t += every


def _inventory(w: Exchange, t: int, host: str, port: int) -> None:
    r, own = w.rng, f"{w.mgmt}.8"
    if port == 161:
        ask = SNMP + r.randbytes(4) + SNMP_REST
        w.udp(t, Ends(own, 40161, host, 161), ask)
        w.udp(t + 600 * US, Ends(host, 161, own, 40161), SNMP_TOLD + r.randbytes(32))
        return
    ends = Ends(own, w.port(), host, port)
    if host in w.local and port == 9100:
        w.flow(t, ends, 200 * US, [(300 * US, "c", GET), (2 * MS, "s", METRICS)])
    elif port == 22:
        w.flow(t, ends, 200 * US, [(400 * US, "s", SSH)])
    else:
        w.flow(t, ends, 200 * US, [], "refused")


@family("benign", Exchange)
def exchange_backup(w: Exchange) -> None:
    """A trading host's backup to the known store, and busy market data beside it."""
    r = w.rng
    w.start_sessions()
    host, store = r.choice(w.hosts), f"{w.mgmt}.40"
    for t in range(int(1.2 * S), w.onset, 2 * S):
        ends = Ends(host, w.port(), store, 873)
        sync: list[Step] = [(MS, "s", RSYNC), (MS, "c", r.randbytes(300))]
        w.flow(t, ends, 400 * US, [*sync, (2 * MS, "s", r.randbytes(200))])
    ends, left = Ends(host, w.port(), store, 873), r.randint(6, 14) * 1_000_000
    steps: list[Step] = [(500 * US, "s", RSYNC), (500 * US, "c", RSYNC + b"backup\n")]
    rate = r.uniform(0.8, 3) * 1e6
    while left > 0:
        size = r.randint(1, 22) * 1460
        steps.append((int(size / rate * S), "c", r.randbytes(size)))
        left -= size
    w.flow(w.onset, ends, 400 * US, steps)
    _multicast(w, r.between_logs(600, 2500))


def _multicast(w: Exchange, rate: float) -> None:
    r = w.np
    for channel in range(3):
        group = number(f"239.{10 + w.seed % 200}.7.{channel + 1}")
        source = f"{w.gwnet}.{200 + channel}"
        target = b"\x01\x00\x5e" + (group & 0x7FFFFF).to_bytes(3, "big")
        eth = target + w.mac(source) + IPV4
        parts, t = [], 0
        while t < w.dur:
            mean = rate / 3 * 0.05 * r.lognormal(-0.3, 0.8)
            count = int(r.poisson(mean))
            parts.append(np.sort(r.integers(t, t + 50 * MS, count)))
            t += 50 * MS
        times = np.concatenate(parts)
        for size in (64, 152, 320):
            own = times[r.random(len(times)) < 0.35]
            ports = 31000 + channel, 31000 + channel
            way = (number(source), group, *ports, 4)
            w.many_udp(Many(own, eth, *way, size=size))
