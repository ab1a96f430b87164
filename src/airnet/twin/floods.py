"""Floods: packets from outside any session: SYN, ACK, UDP, logons, scans."""

from collections.abc import Iterator

import msgspec
import numpy as np

from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.dialect import Dialect, Writer, draw
from airnet.twin.flow import DOWN, UP, Ends, Flow, Impairment
from airnet.twin.line import Connection, Truth
from airnet.twin.market import SECOND_NS, stream
from airnet.twin.scenario import Label, Server, World
from airnet.twin.wire import ACK, RST, SYN, Frame, Host, Path, ip_text, syn_options


class Flood(msgspec.Struct, frozen=True, kw_only=True):
    """Packets from outside any session at a gateway's port.

    `kind` is syn, ack or udp. `spoof` is the share of packets with a made-up source,
    `borrow` that with a firm's address. `answers` is how many the gateway answers.
    """

    kind: str
    source: Host
    server: Server
    span: tuple[int, int]
    rate: float
    spoof: float = 0.0
    borrow: float = 0.0
    answers: float = 1.0

    def __call__(self, world: World, frames: list[Frame], _: Truth) -> None:
        """Append the flood's frames and the gateway's answers."""
        rng = stream(world.seed, "flood", self.source.ip)
        onset_ns, offset_ns = self.span
        count = rng.poisson(self.rate * (offset_ns - onset_ns) / SECOND_NS)
        times = np.sort(rng.integers(onset_ns, offset_ns, count))
        times[:1] = onset_ns
        firms = [plan.host for plan in world.sessions]
        made_up = rng.integers(0x0B000000, 0xDF000000, count).tolist()
        lots = rng.random((count, 3)).tolist()
        ports = rng.integers(1024, 65_536, count).tolist()
        for time_ns, (lot, answer, which), number, port in zip(
            times.tolist(), lots, made_up, ports, strict=True
        ):
            spoofed = None
            if lot < self.borrow:
                spoofed = firms[int(which * len(firms))].number
            elif lot < self.borrow + self.spoof:
                spoofed = number
            ask, tell = self._exchange(port, spoofed, number)
            frames.append((time_ns, ask))
            if answer < self.answers:
                frames.append((time_ns + 20_000 + int(which * 3e4), tell))

    def _exchange(
        self, port: int, spoofed: int | None, number: int
    ) -> tuple[bytes, bytes]:
        """Return one packet of the flood and the gateway's answer to it."""
        there = (port, self.server.port)
        up = Path(self.source, self.server.host, there, number & 0xFFFF, spoofed)
        back = self.source
        if spoofed is not None:
            back = msgspec.structs.replace(back, ip=ip_text(spoofed))
        down = Path(self.server.host, back, there[::-1], 0)
        stamps = self.source.has_stamps
        sequence = number * 2_654_435_761 & 0xFFFFFFFF
        if self.kind == "udp":
            ask = up.udp(number.to_bytes(4, "big") * (1 + number % 60))
            body = b"\0\0\0\0" + ask[14 + len(self.source.tag) :][:28]
            return ask, down.icmp(3, 3, body)
        if self.kind == "ack":
            ask = up.tcp(sequence, number, ACK, b"", 0)
            return ask, down.tcp(number, 0, RST, b"", 0)
        options = syn_options(has_stamps=stamps, stamp=number)
        ask = up.tcp(sequence, 0, SYN, options, len(options))
        options = syn_options(
            has_stamps=stamps, stamp=number * 7 & 0xFFFFFFFF, echo=number
        )
        tell = down.tcp(
            number * 31 & 0xFFFFFFFF,
            (sequence + 1) & 0xFFFFFFFF,
            SYN | ACK,
            options,
            len(options),
        )
        return ask, tell


def flood(world: World, attack: Flood) -> None:
    """Add a flood to the world, and label it."""
    world.disturbances.append(attack)
    spoofs = attack.spoof + attack.borrow > 0.0
    hosts = () if spoofs else (attack.source.ip,)
    about = f"{attack.kind} flood of {attack.rate:.0f} packets a second"
    label(world, attack.span, hosts, about)


def label(
    world: World,
    span: tuple[int, int],
    hosts: tuple[str, ...],
    about: str,
    *,
    cause: Cause = Cause.FLOOD,
) -> None:
    """Label an attack by packets: from `hosts`, or from nobody in particular."""
    world.labels.append(
        Label(
            cause=cause,
            onset_ns=span[0],
            offset_ns=span[1],
            hosts=hosts,
            action=Action.DROP_SOURCES if hosts else Action.RATE_LIMIT_SOURCES,
            tier_max=Tier.PROTECT,
            about=about,
        )
    )


class LogonFlood(msgspec.Struct, frozen=True, kw_only=True):
    """Well-formed logons under unknown CompIDs, each on its own connection."""

    source: Host
    server: Server
    span: tuple[int, int]
    rate: float

    def __call__(self, world: World, frames: list[Frame], truth: Truth) -> None:
        """Append each attempt: handshake, Logon, Logout, close."""
        rng = stream(world.seed, "logons", self.source.ip)
        onset_ns, offset_ns = self.span
        count = rng.poisson(self.rate * (offset_ns - onset_ns) / SECOND_NS)
        dialect = draw(rng, world.params.version)
        first = int(rng.integers(32_768, 50_000))
        times = np.sort(rng.integers(onset_ns, offset_ns, count)).tolist()
        for number, time_ns in enumerate(times):
            if time_ns + 20_000_000 > world.end_ns:
                break  # its answer would come after the end
            connection = Connection(
                open_ns=time_ns,
                close_ns=time_ns + 4_000_000,
                client_port=first + number % 10_000,
            )
            stray_logon(
                (frames, truth),
                _ends(self.source, self.server, connection),
                connection,
                rng,
                (dialect, f"CLIENT{number}", self.server.comp),
            )


def _ends(source: Host, server: Server, connection: Connection) -> Ends:
    return Ends(
        client=source,
        server=server.host,
        client_port=connection.client_port,
        server_port=server.port,
    )


def stray_logon(
    output: tuple[list[Frame], Truth],
    ends: Ends,
    connection: Connection,
    rng: np.random.Generator,
    names: tuple[Dialect, str, str],
) -> None:
    """Append one refused logon: handshake, Logon, the gateway's Logout, close."""
    frames, truth = output
    dialect, comp, gateway = names
    flow = Flow(ends, frames, few(rng), Impairment())
    ready = flow.open(connection.open_ns) + 80_000
    client = Writer(dialect, comp.encode(), gateway.encode())
    server = Writer(dialect, gateway.encode(), comp.encode())
    values = {b"98": b"0", b"108": b"%d" % dialect.heartbeat_s, b"141": b"Y"}
    flow.send(UP, ready, client.write("A", ready, values))
    truth["A", UP] += 1
    answered = ready + 200_000 + int(rng.random() * 500_000)
    flow.send(DOWN, answered, server.write("5", answered, {b"58": b"unknown CompID"}))
    truth["5", DOWN] += 1
    flow.close(DOWN, answered + 50_000)


def few(rng: np.random.Generator) -> Iterator[float]:
    """Return an endless row of few numbers in [0, 1)."""
    while True:
        yield from rng.random(16).tolist()


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """One host tries many ports of many machines."""

    source: Host
    targets: tuple[Host, ...]
    open_ports: frozenset[tuple[str, int]]
    span: tuple[int, int]
    rate: float

    def __call__(self, world: World, frames: list[Frame], _: Truth) -> None:
        """Append the probes and what comes back: refused, or opened and cut."""
        rng = stream(world.seed, "scan", self.source.ip)
        onset_ns, offset_ns = self.span
        count = rng.poisson(self.rate * (offset_ns - onset_ns) / SECOND_NS)
        times = np.sort(rng.integers(onset_ns, offset_ns, count)).tolist()
        known = sorted(port for _, port in self.open_ports)
        for number, time_ns in enumerate(times):
            target = self.targets[number % len(self.targets)]
            wanted = int(rng.integers(1, 10_000))
            if rng.random() < 0.02:
                wanted = known[int(rng.integers(len(known)))]
            port = int(rng.integers(32_768, 60_999))
            ends = Ends(
                client=self.source, server=target, client_port=port, server_port=wanted
            )
            if (target.ip, wanted) in self.open_ports:
                flow = Flow(ends, frames, few(rng), Impairment())
                flow.reset(UP, flow.open(time_ns) + 100_000)
                continue
            sequence = int(rng.integers(1 << 32))
            options = syn_options(has_stamps=self.source.has_stamps, stamp=sequence)
            up = Path(self.source, target, (port, wanted), port)
            down = Path(target, self.source, (wanted, port))
            syn = up.tcp(sequence, 0, SYN, options, len(options))
            back = (sequence + 1) & 0xFFFFFFFF
            frames.append((time_ns, syn))
            frames.append((time_ns + 40_000, down.tcp(0, back, RST | ACK, b"", 0)))
