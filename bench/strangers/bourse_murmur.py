"""What a bourse's mirror shows besides orders: names, clocks, logs, checks, shells."""

import struct
from typing import TYPE_CHECKING

from strangers import bourse_flows as flows
from strangers.bourse_clock import Steps
from strangers.bourse_tcp import Conn
from strangers.bourse_wire import Host
from strangers.loop import MS, SECOND, US

if TYPE_CHECKING:
    from strangers.bourse import Bourse

NAMES = ("ntp1", "oms", "refdata", "gw-a", "log", "vault", "git")
GROUP = "224.0.1.129"
DAEMONS = ("sshd", "cron", "oms", "kernel", "feedh")
TEXTS = (
    "session opened",
    "gc pause 2ms",
    "rotated log",
    "heartbeat ok",
    "order book snapshot done",
)
#: A GetRequest of SNMP for the uptime, around its request-id, and a TimeTicks.
ASK = b"\x30\x29\x02\x01\x01\x04\x06public\xa0\x1c\x02\x04"
UPTIME = b"\x02\x01\x00\x02\x01\x00\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01"
UPTIME += b"\x03\x00\x05\x00"
TICKS = b"\x43\x04"


def begin(w: "Bourse") -> None:
    """Have it all pass by."""
    r, clock = w.rng, w.clock
    hosts = [host for firm in w.firms for host in firm.hosts]
    every = hosts + [gw.host for gw in w.gws]
    many = (_names(w, hosts), _times(w, every), _precise(w), _logs(w, every))
    for steps in (*many, _uptimes(w, every), _scrapes(w, hosts)):
        clock.play(steps, r.random() * 2 * SECOND)
    if r.random() < 0.75:
        clock.play(_checks(w))
    for _ in range(r.randrange(0, 3)):
        steps = flows.shell(w, w.admin, r.choice(every), r.uniform(4, 30))
        clock.play(steps, r.uniform(-2, 20) * SECOND + w.warm)
    if r.random() < 0.5:
        t, host = r.uniform(-2, 20) * SECOND, r.choice(hosts)
        size, pace = int(10 ** r.uniform(4.5, 6.3)), r.uniform(0.02, 0.2)
        clock.at(t, flows.copy, w, host, w.store, flows.Load(873, size, pace))
    if r.random() < 0.4:
        clock.play(_own(w))


def _names(w: "Bourse", hosts: list[Host]) -> Steps:
    """Have hosts ask for names (RFC 1035)."""
    r = w.rng
    while True:
        yield r.expovariate(1) * SECOND * 0.7
        host = r.choice(hosts)
        port, ident, name = host.port(), r.randrange(65536), r.choice(NAMES)
        labels = (name.encode(), b"corp", b"lan")
        asked = b"".join(bytes([len(one)]) + one for one in labels)
        asked += b"\0\0\x01\0\x01"
        head = struct.pack("!HHHHHH", ident, 0x100, 1, 0, 0, 0)
        w.mirror.udp(host, w.dns, (port, 53), head + asked)
        yield r.uniform(0.2, 0.9) * MS
        head = struct.pack("!HHHHHH", ident, 0x8580, 1, 1, 0, 0)
        answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0" + bytes([ident & 255])
        w.mirror.udp(w.dns, host, (53, port), head + asked + answer)


def _times(w: "Bourse", hosts: list[Host]) -> Steps:
    """Have hosts ask for the time (NTP)."""
    r = w.rng
    while True:
        yield r.expovariate(1) * SECOND * 1.5
        host = r.choice(hosts)
        sent = struct.pack("!Q", w.mirror.day_ns)
        asked = b"\x23\x02\x06\xe9" + bytes(36) + sent
        w.mirror.udp(host, w.ntp, (123, 123), asked)
        yield r.uniform(0.2, 0.4) * MS
        now = w.mirror.day_ns
        told = b"\x24\x01\x06\xe9" + bytes(28) + struct.pack("!QQ", now, now + 9)
        w.mirror.udp(w.ntp, host, (123, 123), told)


def _precise(w: "Bourse") -> Steps:
    """Have a clock tell the time to all (PTP): Sync, then Follow_Up."""
    seq = 0
    while True:
        seq += 1
        sync = struct.pack("!BBHBBHQI", 0, 2, 44, 0, 0, 0x200, 0, 0) + bytes(10)
        sync += struct.pack("!HBb", seq & 0xFFFF, 0, -3) + bytes(10)
        w.mirror.cast(w.ntp, GROUP, 319, sync, 1)
        yield 30 * US
        now = divmod(w.mirror.day_ns & (1 << 62) - 1, 1 << 32)
        late = struct.pack("!BBHBBHQI", 8, 2, 44, 0, 0, 0, 0, 0) + bytes(10)
        late += struct.pack("!HBb", seq & 0xFFFF, 2, -3) + struct.pack("!HII", 0, *now)
        w.mirror.cast(w.ntp, GROUP, 320, late, 1)
        yield SECOND / 4 + w.rng.randrange(-200, 200) * US


def _logs(w: "Bourse", hosts: list[Host]) -> Steps:
    """Have hosts send lines of their logs."""
    r = w.rng
    while True:
        yield r.expovariate(1) * SECOND * 0.5
        host = r.choice(hosts)
        lead = f"<{r.choice((30, 38, 86, 134))}>{r.choice(DAEMONS)}"
        lead += f"[{r.randrange(300, 40000)}]: {r.choice(TEXTS)}"
        line = f"{lead} {r.randrange(10**6)}"
        w.mirror.udp(host, w.log, (514, 514), line.encode())


def _checks(w: "Bourse") -> Steps:
    """Have a monitor connect to each gateway every few seconds."""
    r = w.rng
    every = r.choice((2, 3, 5, 10)) * SECOND
    yield r.random() * every
    while True:
        for gw in w.gws:
            conn = flows.dial(w, w.monitor, gw.host, gw.port)
            conn.open(_hang_up(w, conn), is_refused=gw.is_down)
            yield r.uniform(1, 30) * MS
        yield every


def _hang_up(w: "Bourse", conn: Conn) -> flows.Done:
    def hang_up() -> None:
        wait = w.rng.uniform(0.2, 3) * MS
        end = conn.reset if w.rng.random() < 0.3 else conn.close
        w.clock.after(wait, end, 0)

    return hang_up


def _uptimes(w: "Bourse", hosts: list[Host]) -> Steps:
    """Have a monitor ask some hosts how long they are up (SNMP)."""
    r = w.rng
    while True:
        yield r.uniform(3, 9) * SECOND
        for host in r.sample(hosts, min(6, len(hosts))):
            port = w.monitor.port()
            asked = ASK + struct.pack("!I", r.randrange(1 << 31)) + UPTIME
            w.mirror.udp(w.monitor, host, (port, 161), asked)
            yield r.uniform(0.3, 0.8) * MS
            told = asked[:-2] + TICKS + struct.pack("!I", r.randrange(1 << 30))
            w.mirror.udp(host, w.monitor, (161, port), told)
            yield MS


def _scrapes(w: "Bourse", hosts: list[Host]) -> Steps:
    """Have a monitor get the numbers of all hosts that show some."""
    r = w.rng
    shown = [host for host in hosts if 9100 in host.open]
    if not shown:
        return
    every = r.choice((5, 10, 15)) * SECOND
    yield r.random() * every
    while True:
        for host in shown:
            flows.scrape(w, w.monitor, host, r.randrange(2000, 18000))
            yield r.uniform(2, 90) * MS
        yield every


def _own(w: "Bourse") -> Steps:
    """Have a firm's hosts talk to a server of their own."""
    r = w.rng
    hosts = r.sample(r.choice(w.firms).hosts, 2)
    conn = flows.dial(w, hosts[0], hosts[1], 7801)
    conn.join()
    while True:
        yield r.expovariate(1) * 80 * MS
        length = range(r.randrange(30, 200))
        conn.write(0, bytes(r.randrange(256) for _ in length))
        yield 200 * US
        conn.write(1, bytes(r.randrange(256) for _ in range(24)))
