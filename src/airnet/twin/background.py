"""Background: what else is on a trading network's wires, none of it orders."""

import struct

import numpy as np

from airnet.twin.flow import DOWN, UP, Ends, Flow, Impairment
from airnet.twin.line import endless
from airnet.twin.market import SECOND_NS, Pace, stream
from airnet.twin.scenario import World
from airnet.twin.wire import Frame, Host, Path, ethernet, ip_text

BROADCAST = b"\xff" * 6
LLDP = bytes.fromhex("0180c200000e")
NTP_EPOCH_S = 2_208_988_800  # RFC 5905: seconds from 1900 to 1970


def add(world: World, frames: list[Frame]) -> None:
    """Append an episode's background traffic, in any order."""
    scale = world.params.background
    if scale <= 0.0:
        return
    rng = stream(world.seed, "background")
    services = world.new_host()
    hosts = [*world.hosts, *(server.host for server in world.servers)]
    _arp(world, rng, frames, hosts)
    _lldp(world, frames, services)
    for number, host in enumerate(hosts):
        _ntp(world, rng, frames, (host, services))
        if number % 2 == 0:
            _dns(world, rng, frames, (host, services))
            _ping(world, rng, frames, (services, host))
    _shell(world, rng, frames, (services, hosts[int(rng.integers(len(hosts)))]))
    _feed(world, rng, frames, 150.0 * scale)
    if rng.random() < 0.5:
        _health(world, rng, frames, world.stranger())


def _moments(world: World, rng: np.random.Generator, per_second: float) -> list[int]:
    """Return Poisson times within the episode."""
    count = rng.poisson(per_second * world.params.duration_s)
    times = world.start_ns + rng.random(count) * world.duration_ns
    return sorted(int(time) for time in times)


def _arp(
    world: World, rng: np.random.Generator, frames: list[Frame], hosts: list[Host]
) -> None:
    """Append who-has and is-at (RFC 826)."""
    for time_ns in _moments(world, rng, 0.5):
        one, other = (hosts[int(i)] for i in rng.integers(0, len(hosts), 2))
        head = struct.pack("!HHBB", 1, 0x0800, 6, 4)
        ask = head + struct.pack(
            "!H6sI6sI", 1, one.mac, one.number, b"\0" * 6, other.number
        )
        tell = head + struct.pack(
            "!H6sI6sI", 2, other.mac, other.number, one.mac, one.number
        )
        frames.append((time_ns, ethernet(BROADCAST, one, 0x0806, ask)))
        frames.append((time_ns + 30_000, ethernet(one.mac, other, 0x0806, tell)))


def _lldp(world: World, frames: list[Frame], host: Host) -> None:
    """Append the switch's announcements (IEEE 802.1AB: chassis, port, ttl, end)."""
    chassis = struct.pack("!HB", 1 << 9 | 7, 4) + host.mac
    port = struct.pack("!HB", 2 << 9 | 5, 5) + b"eth7"
    payload = chassis + port + struct.pack("!HH", 3 << 9 | 2, 120) + b"\0\0"
    for time_ns in range(world.start_ns + 500_000_000, world.end_ns, 30 * SECOND_NS):
        frames.append((time_ns, ethernet(LLDP, host, 0x88CC, payload)))


def _ntp(
    world: World,
    rng: np.random.Generator,
    frames: list[Frame],
    ends: tuple[Host, Host],
) -> None:
    """Append NTP version 4 questions and answers (RFC 5905 figure 8)."""
    up = Path(*ends, (123, 123), int(rng.integers(65536)))
    down = Path(*ends[::-1], (123, 123), int(rng.integers(65536)))
    for time_ns in _moments(world, rng, 1 / 16):
        seconds, rest = divmod(time_ns, SECOND_NS)
        now = (seconds + NTP_EPOCH_S) << 32 | (rest << 32) // SECOND_NS
        head = struct.pack("!BBbbIII", 0x23, 0, 6, -20, 0, 0, 0)
        frames.append((time_ns, up.udp(head + struct.pack("!QQQQ", 0, 0, 0, now))))
        head = struct.pack("!BBbbII4s", 0x24, 1, 6, -25, 0, 10, b"PPS\0")
        answer = head + struct.pack("!QQQQ", now - (1 << 32), now, now, now + 9000)
        frames.append((time_ns + 90_000, down.udp(answer)))


def _dns(
    world: World,
    rng: np.random.Generator,
    frames: list[Frame],
    ends: tuple[Host, Host],
) -> None:
    """Append questions for an address and their answers (RFC 1035)."""
    for time_ns in _moments(world, rng, 1 / 8):
        port, number = int(rng.integers(32_768, 60_999)), int(rng.integers(65536))
        name = b"\x04host\x05venue\x04test\0" + struct.pack("!HH", 1, 1)
        ask = struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + name
        record = struct.pack("!HHHIHI", 0xC00C, 1, 1, 300, 4, ends[1].number)
        tell = struct.pack("!HHHHHH", number, 0x8580, 1, 1, 0, 0) + name + record
        frames.append((time_ns, Path(*ends, (port, 53)).udp(ask)))
        frames.append((time_ns + 200_000, Path(*ends[::-1], (53, port)).udp(tell)))


def _ping(
    world: World,
    rng: np.random.Generator,
    frames: list[Frame],
    ends: tuple[Host, Host],
) -> None:
    """Append echo requests and replies (RFC 792), as monitoring sends them."""
    up, down = Path(*ends, (0, 0)), Path(*ends[::-1], (0, 0))
    mark = int(rng.integers(65536))
    for number, time_ns in enumerate(_moments(world, rng, 0.2), 1):
        body = struct.pack("!HH", mark, number) + bytes(range(48))
        frames.append((time_ns, up.icmp(8, 0, body)))
        frames.append((time_ns + 60_000, down.icmp(0, 0, body)))


def _shell(
    world: World,
    rng: np.random.Generator,
    frames: list[Frame],
    ends: tuple[Host, Host],
) -> None:
    """Append an ssh session in its encrypted part: bursts of small segments."""
    flow = Flow(
        Ends(
            client=ends[0],
            server=ends[1],
            client_port=int(rng.integers(32_768, 60_999)),
            server_port=22,
        ),
        frames,
        endless(rng.random),
        Impairment(),
        world.start_ns,
    )
    flow.open(world.start_ns - 10 * SECOND_NS)
    times = world.market.arrivals(rng, Pace(rate=2.0, response=0.0), (0,))
    for time_ns in (times + world.start_ns).tolist():
        flow.send(UP, time_ns, rng.bytes(36))
        flow.send(DOWN, time_ns + 400_000, rng.bytes(int(rng.integers(3, 40)) * 4))
    flow.advance(world.end_ns)


def _health(
    world: World, rng: np.random.Generator, frames: list[Frame], source: Host
) -> None:
    """Append a monitor's health checks: it connects to a gateway and hangs up."""
    server = world.servers[int(rng.integers(len(world.servers)))]
    for time_ns in _moments(world, rng, float(rng.choice([0.2, 1.0, 4.0]))):
        if time_ns + 10_000_000 > world.end_ns:
            break
        ends = Ends(
            client=source,
            server=server.host,
            client_port=int(rng.integers(32_768, 60_999)),
            server_port=server.port,
        )
        flow = Flow(ends, frames, endless(rng.random), Impairment(), world.start_ns)
        done = flow.open(time_ns) + 100_000
        if rng.random() < 0.3:
            flow.reset(UP, done)
        else:
            flow.close(UP, done)


def _feed(
    world: World, rng: np.random.Generator, frames: list[Frame], rate: float
) -> None:
    """Append a multicast market data feed (MoldUDP64 headers) following the market."""
    group = ip_text(0xE9360C00 + int(rng.integers(1, 200)))
    number = 0xE9360C00 | int(group.rsplit(".", 1)[1])
    mac = b"\x01\x00\x5e" + (number & 0x7FFFFF).to_bytes(3, "big")
    source = world.servers[0].host
    target = Host(ip=group, mac=mac)
    path = Path(source, target, (26_400, 26_400), int(rng.integers(65536)))
    everything = tuple(range(world.params.symbols))
    times = world.market.arrivals(rng, Pace(rate=rate), everything)
    counts = rng.integers(1, 5, len(times)).tolist()
    filler = rng.bytes(4096)
    sequence = int(rng.integers(1, 1 << 40))
    for time_ns, count in zip((times + world.start_ns).tolist(), counts, strict=True):
        header = struct.pack("!10sQH", b"20261121A ", sequence, count)
        at = sequence % 3800
        message = b"\x00\x24A" + filler[at : at + 35]
        frames.append((time_ns, path.udp(header + message * count)))
        sequence += count
