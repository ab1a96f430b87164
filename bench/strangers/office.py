"""What else hosts of a trading network say: names, time, logs, shells."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from strangers.loop import MS, SECOND
from strangers.tcp import DOWN, UP, Connection, Link
from strangers.wire import Host

if TYPE_CHECKING:
    from strangers.world import World

NAMES = ("time", "ldap", "git", "mail", "proxy", "prices", "ref", "repo", "wiki")
ZONES = ("corp.example", "internal.example", "firm.example")


def question(number: int, name: str, kind: int) -> bytes:
    """Return a DNS query (RFC 1035)."""
    head = struct.pack("!6H", number, 0x0100, 1, 0, 0, 0)
    labels = b"".join(bytes([len(one)]) + one.encode() for one in name.split("."))
    return head + labels + b"\0" + struct.pack("!HH", kind, 1)


def answer(asked: bytes, data: bytes, kind: int) -> bytes:
    """Return the answer to a DNS query: one record that points at the question."""
    head = asked[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0)
    record = struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data))
    return head + asked[12:] + record + data


def look_up(world: World, hosts: tuple[Host, Host], name: str, kind: int = 1) -> None:
    """Ask a resolver now, and have it answer."""
    client, server = hosts
    rng = world.rng
    port, wait = client.port(), int(world.log_uniform(0.15, 20) * MS)
    asked = question(int(rng.integers(65536)), name, kind)
    data = bytes(rng.integers(0, 256, 4).tolist())
    if kind == 16:
        text = bytes(rng.integers(97, 123, int(rng.integers(20, 200))).tolist())
        data = bytes([len(text)]) + text
    world.tape.udp(world.loop.now, client, server, (port, 53), asked)
    reply = answer(asked, data, kind)
    world.tape.udp(world.loop.now + wait, server, client, (53, port), reply)


def wire(world: World, hosts: tuple[Host, Host], port: int) -> Connection:
    """Return a connection to anything but a gateway."""
    far = int(world.log_uniform(0.05, 20) * MS)
    link = Link(far, int(world.uniform(0.02, 0.3) * MS), 0.0)
    return Connection(world.loop, world.tape, hosts, port, link, world.rng)


def noise(world: World, size: int) -> bytes:
    """Return so many bytes that look encrypted."""
    return world.rng.bytes(size)


def office(world: World) -> None:
    """Add ordinary background to a capture, of whatever kinds the seed likes."""
    rng = world.rng
    hosts = list({one.host.address: one.host for one in world.sessions}.values())
    if rng.random() < 0.6:
        resolver = world.host()
        for host in hosts[: int(rng.integers(1, len(hosts) + 1))]:
            _names(world, (host, resolver), world.uniform(0.02, 0.5))
    if rng.random() < 0.5:
        server = world.host()
        for number, host in enumerate(hosts):
            first = world.start + int(world.uniform(0, 8) * SECOND) + number
            world.loop.at(first, _time, world, (host, server))
    if rng.random() < 0.4:
        logs = world.host()
        for host in hosts[:8]:
            world.loop.after(world.uniform(0, 3) * SECOND, _log, world, (host, logs))
    if rng.random() < 0.4:
        shell(world, (world.host(), hosts[0]))


def _names(world: World, hosts: tuple[Host, Host], rate: float) -> None:
    wait = float(world.rng.exponential(1 / rate)) * SECOND

    def ask() -> None:
        lead = str(world.rng.choice(NAMES))
        look_up(world, hosts, f"{lead}.{world.rng.choice(ZONES)}")
        _names(world, hosts, rate)

    world.loop.after(wait, ask)


def _time(world: World, hosts: tuple[Host, Host]) -> None:
    now = world.loop.now
    asked = b"\x23\0\x06\xec" + bytes(36) + now.to_bytes(8, "big")
    told = b"\x24\x02\x06\xec" + bytes(28) + now.to_bytes(8, "big") * 2
    world.tape.udp(now, *hosts, (123, 123), asked)
    world.tape.udp(now + 200_000, *hosts[::-1], (123, 123), told)
    world.loop.after(8 * SECOND, _time, world, hosts)


def _log(world: World, hosts: tuple[Host, Host]) -> None:
    text = b"<30>1 - app 411 - - " + bytes(world.rng.integers(97, 123, 60).tolist())
    world.tape.udp(world.loop.now, *hosts, (50514, 514), text)
    world.loop.after(world.uniform(0.2, 6) * SECOND, _log, world, hosts)


def shell(world: World, hosts: tuple[Host, Host]) -> None:
    """Have somebody type into a shell that was open before the capture."""
    connection = wire(world, hosts, 22)
    connection.adopt()

    def type_on() -> None:
        connection.send(UP, noise(world, 36))
        reply = noise(world, 36 + int(world.rng.integers(0, 200)))
        world.loop.after(3 * MS, connection.send, DOWN, reply)
        world.loop.after(world.uniform(0.1, 2.5) * SECOND, type_on)

    type_on()
