"""Intruders at an exchange: thieves, scans, exfiltration, guesses, a rogue gateway."""

from strangers.exchange import Exchange
from strangers.exchange_faults import loop
from strangers.exchange_floods import outside, strangers
from strangers.exchange_mirror import Ends, Step
from strangers.exchange_seat import Harm, Terms
from strangers.exchange_session import Session
from strangers.exchange_tcp import Gateway, Line
from strangers.exchange_traders import take, work
from strangers.exchange_wire import MS, US, S
from strangers.registry import family

SSH = b"SSH-2.0-OpenSSH_8.4\r\n"
PORTS = [22, 23, 80, 135, 139, 443, 445, 1433, 3306, 3389]
PORTS += [5432, 5985, 6379, 8080, 9200]
WORDS = ("Spring", "Trade", "fix", "pass", "Admin")
DENIED = "Invalid credentials"


@family("compromise", Exchange)
def exchange_stolen_compid(w: Exchange) -> None:
    """A firm's CompID logs on from a host never seen, and trades."""
    r = w.rng
    s = r.choice(w.by("Taker", "Slicer", "Human", "Basket", "Clocked"))
    w.start_sessions()
    new = _new_host(w, s)
    quiet = w.onset - int(r.uniform(0.8, 4) * S)
    w.at(quiet, s.logout if r.random() < 0.6 else lambda: _cut(s))
    line = Line(w, int(r.between_logs(0.1, 12) * MS))

    def come() -> None:
        s.host, s.line, s.on = new, line, False
        s.agent = "Silent"
        if r.random() < 0.5:
            s.cseq = s.gseq = 1
        s.reconnect()

    w.at(w.onset, come)
    start = w.onset
    if r.random() < 0.6:
        start -= int(r.uniform(0.1, 0.5) * S)
        _refused(w, s, start, new, line)
    end = w.dur - 200 * MS

    def act(k: int) -> None:
        if k % 5 == 4:
            work(s)
        else:
            take(s)

    first = w.onset + int(r.uniform(0.6, 2.5) * S)
    loop(s, (first, end), r.between_logs(3, 40), act, has_beat=False)
    w.incident("compromise", (start, end), [s.comp], [new], gateway=s.gw.addr)


def _new_host(w: Exchange, s: Session) -> str:
    """Return a host of the owner's network, of another inside, or outside."""
    r = w.rng
    if r.random() < 0.5:
        return f"{s.host.rsplit('.', 1)[0]}.{r.randrange(120, 250)}"
    if r.random() < 0.6:
        return f"{w.net()}.{r.randrange(10, 250)}"
    return outside(w)


def _cut(s: Session) -> None:
    if s.conn is not None:
        s.conn.reset(0)
    s.on = False


def _refused(w: Exchange, s: Session, t: int, new: str, line: Line) -> None:
    """Have a try be refused: a wrong password."""
    ends = Ends(new, w.port(), s.gw.ip, s.gw.port)
    w.endpoints[f"{new}:{ends.cport}"] = s.comp
    logon = w.bad_logon(s.comp, 1, "letmein1", t)
    said = w.refusal(s.comp, t + MS, DENIED)
    steps = [(90 * US, "c", logon), (MS, "s", said)]
    w.flow(t, ends, 2 * line.owd, steps, "sfin")


@family("compromise", Exchange)
def exchange_lateral_scan(w: Exchange) -> None:
    """A trading host probes neighbours, other firms' hosts and gateways."""
    r = w.rng
    w.start_sessions()
    host = r.choice(w.hosts)
    rate, end, harm = r.between_logs(8, 150), w.onset + w.length, Harm()
    ports = r.sample(PORTS, r.randint(2, 9))
    net = host.rsplit(".", 1)[0]
    targets = [f"{net}.{at}" for at in range(1, 90) if f"{net}.{at}" != host]
    targets += [f"{w.gwnet}.{at}" for at in range(1, 60)]
    targets += [one for one in w.hosts if one != host]
    if r.random() < 0.5:
        r.shuffle(targets)
    t = w.onset
    while t < end:
        k = len(harm)
        target = targets[k // len(ports) % len(targets)]
        _probe(w, t, host, target, ports[k % len(ports)])
        harm.append(t)
        t += int(r.expovariate(rate) * S) + 1
    w.incident("compromise", (w.onset, end), (), [host], {host: harm})


def _probe(w: Exchange, t: int, host: str, target: str, port: int) -> None:
    r, late = w.rng, 300 * US
    is_live = target in w.hosts or target in w.local or r.random() < 0.15
    if is_live and port in (22, 443) and r.random() < 0.4:
        ends = Ends(host, r.randrange(32768, 61000), target, port)
        steps: list[Step] = [(500 * US, "s", SSH)] if port == 22 else []
        w.flow(t, ends, late, steps, "rst", late)
    else:
        ends = Ends(host, r.randrange(32768, 61000), target, port)
        is_refused = is_live and r.random() < 0.7
        w.flow(t, ends, late, [], "refused" if is_refused else "filtered", late)


@family("compromise", Exchange)
def exchange_exfiltration(w: Exchange) -> None:
    """A trading host calls an outside address: beacons, and in even seeds an upload."""
    r = w.rng
    w.start_sessions()
    host, far, harm = r.choice(w.hosts), outside(w), Harm()
    every, end = r.between_logs(0.4, 2) * S, w.dur - 300 * MS
    t, rtt = w.onset, int(r.uniform(12, 70) * MS)
    upload_ns = w.onset + int(r.uniform(1.5, 5) * S)
    while t < end:
        _beacon(w, t, host, far, rtt)
        harm.append(t)
        t += int(every * r.uniform(0.92, 1.08))
    if w.seed % 2 == 0:
        steps: list[Step] = [(MS, "c", _hello(w)), (2 * MS, "s", r.randbytes(1280))]
        left, rate = r.uniform(1.5, 8) * 1e6, r.between_logs(0.25, 1.2) * 1e6
        t = upload_ns
        while left > 0 and t < end:
            size = r.randint(2, 20) * 1460
            data = b"\x17\x03\x03\x3f\xf0" + r.randbytes(size - 5)
            steps.append((int(size / rate * S), "c", data))
            t += int(size / rate * S) + rtt
            harm.append(t)
            left -= size
        ends = Ends(host, w.port(), far, 443)
        w.flow(upload_ns, ends, 25 * MS, steps, srv=12 * MS)
    w.incident("compromise", (w.onset, end), (), [host, far], {host: harm})


def _hello(w: Exchange) -> bytes:
    lead = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    return lead + w.rng.randbytes(506)


def _beacon(w: Exchange, t: int, host: str, far: str, rtt: int) -> None:
    r = w.rng
    size = r.choice([180, 212, 340])
    ends = Ends(host, w.port(), far, 443)
    steps: list[Step] = [(MS, "c", _hello(w))]
    steps.append((2 * MS, "s", b"\x16\x03\x03\x05\x00" + r.randbytes(1280)))
    lead = b"\x17\x03\x03" + size.to_bytes(2, "big")
    steps.append((2 * MS, "c", lead + r.randbytes(size)))
    steps.append((3 * MS, "s", b"\x17\x03\x03\x00\x60" + r.randbytes(96)))
    w.flow(t, ends, rtt, steps)


@family("compromise", Exchange)
def exchange_brute_force(w: Exchange) -> None:
    """A stranger tries passwords for one to three known CompIDs."""
    r = w.rng
    w.start_sessions()
    source = strangers(w, 1)[0]
    own = r.sample(w.sessions, r.randint(1, 3))
    gw = own[0].gw
    rate, end, harm = r.between_logs(3, 40), w.onset + w.length, Harm()
    rtt = int(r.between_logs(0.3, 30) * MS)
    t, port = w.onset, r.randrange(20000, 50000)
    while t < end:
        comp = r.choice(own).comp
        port += r.randint(1, 3)
        password = r.choice(WORDS) + str(r.randrange(10000))
        logon = w.bad_logon(comp, 1, password, t)
        late = int(r.between_logs(0.5, 4) * MS)
        said = w.refusal(comp, t + 3 * MS, DENIED)
        steps = [(80 * US, "c", logon), (late, "s", said)]
        w.flow(t, Ends(source, port, gw.ip, gw.port), rtt, steps, "sfin")
        harm.append(t)
        t += int(r.expovariate(rate) * S) + 1
    victims = [s.comp for s in own]
    more = {"victims": victims, "gateway": gw.addr}
    span = w.onset, end
    w.incident("compromise", span, (), [source], {source: harm}, **more)


@family("compromise", Exchange)
def exchange_unlisted_gateway(w: Exchange) -> None:
    """A trading host sends orders to an address that is no gateway of the list."""
    r = w.rng
    w.start_sessions()
    s = r.choice(w.by("Taker", "Slicer", "Human", "Basket", "Maker"))
    ip = _rogue(w)
    w.local.add(ip)
    rogue = Gateway(w, ip, r.choice([w.gws[0].port, 5001, 9443, 8443]))
    comp = s.comp + "X"
    line = Line(w, int(r.between_logs(0.1, 30) * MS))
    x = Session(w, comp, s.host, rogue, line, ("Silent", 0.01))
    w.at(w.onset, x.start)
    end, harm = w.dur - 200 * MS, Harm()

    def act(_: int) -> None:
        sym, side = x.any_sym(), r.choice((1, 2))
        qty = x.any_qty()
        px = round(sym.mid, 2)
        x.new(Terms(sym, side, qty, px, "0", r.random() < 0.6), harm)

    first = w.onset + int(r.uniform(0.3, 1.5) * S)
    loop(x, (first, end), r.between_logs(2, 40), act, has_beat=False)
    w.incident("compromise", (w.onset, end), [comp], [s.host, ip], {s.host: harm})
    w.at(w.onset, harm.append, w.onset)


def _rogue(w: Exchange) -> str:
    r = w.rng
    if r.random() < 0.5:
        return outside(w)
    if r.random() < 0.6:
        return f"{w.net()}.{r.randrange(2, 250)}"
    return f"{w.gwnet}.{r.randrange(60, 190)}"
