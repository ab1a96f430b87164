"""The other floor is flooded: at the first moment or the last, with anything at all.

Each family draws rate, packets, sources and the moment anew. What a client sends within
its own session is no flood of packets, and is not here.
"""

import struct
from collections.abc import Callable

from strangers.desks import open_up, staff
from strangers.floor import ACK, FIN, PSH, RST, SYN, UP, Floor, Line, Trouble
from strangers.floor_faults import flood
from strangers.registry import family
from strangers.wire import checksum, dotted

Throw = Callable[[float, int], None]
MANY = 90_000
REFLECTORS = (53, 123, 389, 1900, 11211)


def opened(floor: Floor) -> tuple[Trouble, tuple[int, int]]:
    """Open the floor and declare a flood of one of its gateways."""
    open_up(floor, staff(floor))
    made = floor.trouble("flood", 3, 9)
    gateway = floor.lines[int(floor.rng.integers(len(floor.lines)))].gateway
    made.gateway = f"{dotted(gateway[0])}:{gateway[1]}"
    return made, gateway


def strangers(floor: Floor, count: int) -> list[int]:
    """Return addresses of the public network, each its own."""
    chosen = floor.rng.choice(1 << 24, count, replace=False)
    return [(51 << 24) + int(one) for one in chosen]


def spoofed(floor: Floor) -> int:
    """Return an address that nobody may have."""
    return int(floor.rng.integers(20 << 24, 170 << 24))


def rain(
    floor: Floor, made: Trouble, hosts: list[int], rate: float, throw: Throw
) -> None:
    """Have `throw` happen at a rate while it lasts, from some hosts or from anybody."""
    rng, at = floor.rng, made.first
    rate = min(rate, MANY / (made.last - made.first))
    made.hosts = [dotted(one) for one in hosts]
    steady = bool(rng.random() < 0.4)
    while at < made.last:
        source = hosts[int(rng.integers(len(hosts)))] if hosts else spoofed(floor)
        key = dotted(source) if hosts else "*"
        made.harm.setdefault(key, []).append(floor.ns(at))
        throw(at, source)
        at += 1 / rate if steady else float(rng.exponential(1 / rate))


def segments(floor: Floor, gateway: tuple[int, int], flags: int, port: int) -> Throw:
    """Return what throws segments of no connection; `port` 0: each from another."""

    def throw(at: float, source: int) -> None:
        own = port or int(floor.rng.integers(1024, 65_536))
        mark, heard = (int(one) for one in floor.rng.integers(1 << 32, size=2))
        numbers = mark, heard, flags
        floor.tcp(floor.ns(at), (source, gateway[0]), (own, gateway[1]), numbers)

    return throw


def datagrams(floor: Floor, target: int) -> Throw:
    """Return what throws datagrams: reflected ones, or from and to any port."""
    rng = floor.rng
    reflected = int(rng.choice(REFLECTORS)) if rng.random() < 0.5 else 0
    size = int(rng.choice([0, 18, 200, 468, 1200]))
    port = int(rng.integers(1, 65_536)) if rng.random() < 0.5 else 0

    def throw(at: float, source: int) -> None:
        own = reflected or int(rng.integers(1024, 65_536))
        ports = own, port or int(rng.integers(1, 65_536))
        floor.udp(floor.ns(at), (source, target), ports, bytes(size))

    return throw


def echoes(floor: Floor, target: int, kind: int) -> Throw:
    """Return what throws ICMP messages: 8 asks, 0 answers, 3 says unreachable."""
    size = int(floor.rng.choice([8, 56, 1000]))

    def throw(at: float, source: int) -> None:
        body = struct.pack("!BBHHH", kind, 0, 0, 1, int(at * 1e4) & 0xFFFF)
        body += bytes(size)
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        floor.packet(floor.ns(at), (source, target), 1, body)

    return throw


def fragments(floor: Floor, target: int) -> Throw:
    """Return what throws parts of datagrams: of answers, or that never become whole."""
    is_whole = bool(floor.rng.random() < 0.4)
    answer = struct.pack("!HHHH", 53, 33_000, 2008, 0) + bytes(2000)

    def throw(at: float, source: int) -> None:
        ident = int(floor.rng.integers(65_536))
        if not is_whole:
            place = int(floor.rng.integers(1, 8000)) | 0x2000
            part(floor, at, (source, target), (ident, place, bytes(1000)))
            return
        for place, last in ((0, 0x2000), (125, 0x2000), (250, 0)):
            body = answer[place * 8 : place * 8 + 1000]
            part(floor, at, (source, target), (ident, place | last, body))

    return throw


def part(
    floor: Floor, at: float, ends: tuple[int, int], what: tuple[int, int, bytes]
) -> None:
    """Record a datagram's part: identification, flags and offset, bytes (RFC 791)."""
    floor.packet(floor.ns(at), ends, 17, what[2])
    at_ns, frame = floor.frames[-1]
    head = frame[14:18] + struct.pack("!HH", *what[:2]) + frame[22:24] + b"\0\0"
    head += frame[26:34]
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    floor.frames[-1] = (at_ns, frame[:14] + head + frame[34:])


def drawn(floor: Floor, gateway: tuple[int, int]) -> Throw:
    """Return something to throw, drawn by the seed."""
    rng = floor.rng
    form = int(rng.integers(6))
    if form < 2:
        flags = int(rng.choice([ACK, RST, SYN | ACK, FIN | PSH | 32, 0, PSH | ACK]))
        port = int(rng.choice([0, 0, 80, 443])) if flags == SYN | ACK else 0
        return segments(floor, gateway, flags, port)
    if form == 2:
        return datagrams(floor, gateway[0])
    if form == 3:
        return echoes(floor, gateway[0], int(rng.choice([8, 8, 0, 3])))
    if form == 4:
        return fragments(floor, gateway[0])
    return segments(floor, (gateway[0], int(rng.choice([22, 80, 443]))), SYN, 0)


@family("flood", Floor)
def floor_anything(floor: Floor) -> None:
    """ACK, RST, SYN-ACK, no flags, datagrams, echoes, fragments, SYNs elsewhere."""
    made, gateway = opened(floor)
    count = int(floor.rng.choice([0, 0, 1, 4, 60, 600]))
    hosts = strangers(floor, count)
    rain(floor, made, hosts, floor.spread(1000, 10_000), drawn(floor, gateway))


def pour(floor: Floor, made: Trouble, gateway: tuple[int, int]) -> None:
    """Flood with SYNs or with anything else, from some or from anybody."""
    if floor.rng.random() < 0.5:
        flood(floor, made, gateway)
        return
    hosts = strangers(floor, int(floor.rng.choice([0, 1, 4, 60])))
    rain(floor, made, hosts, floor.spread(1000, 10_000), drawn(floor, gateway))


@family("flood", Floor)
def floor_first_moment(floor: Floor) -> None:
    """A flood that is there within the first moments of the capture."""
    floor.onset = floor.uniform(0.0, 0.4)
    made, gateway = opened(floor)
    pour(floor, made, gateway)


@family("flood", Floor)
def floor_last_moment(floor: Floor) -> None:
    """A flood that has just begun when the capture ends."""
    made, gateway = opened(floor)
    floor.seconds = made.last = made.first + floor.spread(0.06, 0.8)
    pour(floor, made, gateway)


@family("flood", Floor)
def floor_shared(floor: Floor) -> None:
    """SYNs from an address that trades: many share it, or it is forged."""
    made, gateway = opened(floor)
    own = sorted({one.host for one in floor.lines})
    count = int(floor.rng.choice([1, 1, 2, 5]))
    hosts = [int(one) for one in floor.rng.choice(own, count, replace=False)]
    rate = floor.spread(800, 8000)
    left = [int(floor.rng.choice([0, 0, 100, 1000]))]
    send = segments(floor, gateway, SYN, 0)

    def throw(at: float, source: int) -> None:
        send(at, source)
        left[0] -= 1
        if left[0] >= 0:
            segment = floor.frames[-1][1][34:]
            here = struct.unpack("!HHI", segment[:8])
            numbers = (here[2] // 3, here[2] + 1, SYN | ACK)
            ends = (gateway[0], source)
            floor.tcp(floor.ns(at) + 30_000, ends, here[1::-1], numbers)

    rain(floor, made, hosts, rate, throw)


def shake(
    floor: Floor, ends: tuple[int, int], ports: tuple[int, int], at: float
) -> int:
    """Open a connection; return the client's first number."""
    here, there = (int(one) for one in floor.rng.integers(1 << 32, size=2))
    back, turn, t_ns = ends[::-1], ports[::-1], floor.ns(at)
    far = int(floor.rng.integers(200_000, 9_000_000))
    floor.tcp(t_ns, ends, ports, (here, 0, SYN))
    floor.tcp(t_ns + 30_000, back, turn, (there, here + 1, SYN | ACK))
    floor.tcp(t_ns + 30_000 + far, ends, ports, (here + 1, there + 1, ACK))
    return here


@family("flood", Floor)
def floor_exhaustion(floor: Floor) -> None:
    """Connections taken and held, with nothing said or a word of HTTP, by some."""
    made, gateway = opened(floor)
    made.last += 4
    floor.seconds += 4
    says = bool(floor.rng.random() < 0.5)

    def throw(at: float, source: int) -> None:
        ports = floor.port() & 0xFFFF or 1025, gateway[1]
        here = shake(floor, (source, gateway[0]), ports, at)
        if says:
            t_ns = floor.ns(at) + 12_000_000
            numbers = (here + 1, 1, PSH | ACK)
            floor.tcp(t_ns, (source, gateway[0]), ports, numbers, b"GET / HTTP/1.1\r\n")

    hosts = strangers(floor, int(floor.rng.choice([1, 2, 6, 40, 400])))
    rain(floor, made, hosts, floor.spread(25, 500), throw)


@family("flood", Floor)
def floor_logons(floor: Floor) -> None:
    """Logons under made-up names, each refused, from one host or from some dozens."""
    made, gateway = opened(floor)
    same = bool(floor.rng.random() < 0.25)

    def throw(at: float, source: int) -> None:
        number = 77 if same else int(floor.rng.integers(100_000))
        line = Line(floor, source, gateway, f"C{number:05d}")
        line.port = line.port & 0xFFFF or 1025
        line.log_on(at, accepted=False)
        line.tell()

    hosts = strangers(floor, int(floor.rng.choice([1, 2, 5, 30])))
    rain(floor, made, hosts, floor.spread(40, 500), throw)


@family("flood", Floor)
def floor_held_logons(floor: Floor) -> None:
    """Logons that nobody answers: the gateway is busy with them, and holds them."""
    made, gateway = opened(floor)

    def throw(at: float, source: int) -> None:
        line = Line(floor, source, gateway, f"C{int(floor.rng.integers(9999)):05d}")
        line.port = line.port & 0xFFFF or 1025
        line.opens = at
        line.seq = [0, 0]
        line.say(at + 0.002 + line.far_ns / 1e9, UP, "A", {98: "0", 108: "30"})
        line.tell()

    hosts = strangers(floor, int(floor.rng.choice([1, 2, 5, 30])))
    rain(floor, made, hosts, floor.spread(40, 500), throw)
