"""Attackers, the slow and obvious way: every packet of a strike row, from its fields.

What a row means stands in ext/strike_rows.h: onset, rate, jitter, ramp and pulses say
when; kind, sources, targets, port and bytes say what. Shot n of row r, and all that is
drawn for it, comes from one stream of chance of its own; when row r fires, from
another. Protocols: RFC 9293 (TCP), RFC 792 (ICMP), RFC 1035 (DNS), RFC 8446 section
5.1 (TLS records), NTP's mode 7, memcached's UDP frame.
"""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.reference.chance import Chance, mix

ROLE = 0x3000
SYN_FLOOD, ACK_FLOOD, UDP_FLOOD, AMPLIFY, DRIP, SCAN = 1, 2, 3, 4, 6, 8
EXFILTRATE, BEACON, TUNNEL = 9, 10, 11
#: Kinds whose packets stand alone, and kinds that are connections.
SHOTS = (SYN_FLOOD, ACK_FLOOD, UDP_FLOOD, AMPLIFY, SCAN, TUNNEL)
FLOWS = (DRIP, EXFILTRATE, BEACON)
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP, UDP, ICMP = 6, 17, 1
SERVICES = (0, 53, 123, 11211)
USUAL = (
    *(21, 22, 23, 25, 53, 80, 111, 135, 139, 443, 445, 1433),
    *(3306, 3389, 5432, 5900, 502, 623, 6379, 8080, 8443, 9200, 9878, 5001),
)


class Packet(NamedTuple):
    """One packet of an attacker, or of who answers it; by ICMP the ports are 0."""

    time_ns: int
    source: str
    target: str
    source_port: int
    port: int
    protocol: int
    flags: int
    sequence: int
    acknowledged: int
    payload: bytes


class Ends(NamedTuple):
    """Who is hit by a shot, and by whom, with the rest of its draws."""

    source: int
    target: int
    address: str
    source_port: int
    port: int
    sequence: int
    acknowledged: int
    size: int
    is_answered: bool
    chance: Chance


def below(chance: Chance, n: int) -> int:
    """Return a whole number from 0 to n - 1."""
    return (chance.integer() >> 32) * n >> 32


def dotted(address: Any) -> str:
    """Return a mapped IPv4 address as text."""
    return ".".join(str(int(part)) for part in address[12:])


def noise(chance: Chance, size: int) -> bytes:
    """Return bytes without meaning."""
    return b"".join(
        chance.integer().to_bytes(8, "little") for _ in range(-(-size // 8))
    )[:size]


def question(chance: Chance, letters: int) -> bytes:
    """Return a DNS query for TXT that carries so many letters in its name."""
    number, name, alphabet = (
        below(chance, 65536),
        b"",
        b"abcdefghijklmnopqrstuvwxyz234567",
    )
    for start in range(0, letters, 48):
        label = bytes(
            alphabet[below(chance, 32)] for _ in range(start, min(start + 48, letters))
        )
        name += bytes([len(label)]) + label
    name += b"\4sync\6update\3net\0"
    return struct.pack("!HHHHHH", number, 0x100, 1, 0, 0, 0) + name + b"\0\x10\0\1"


def answer(chance: Chance, letters: int, records: int) -> bytes:
    """Return the reply to that query: TXT records of 200 letters."""
    asked = question(chance, letters)
    out = asked[:2] + b"\x81\x80" + asked[4:7] + bytes([records]) + asked[8:]
    for _ in range(records):
        text = b""
        while len(text) < 200:
            draw = chance.integer()
            text += bytes(ord("a") + (draw >> shift & 15) for shift in range(0, 64, 4))
        out += struct.pack("!HHHIHB", 0xC00C, 16, 1, 300, 201, 200) + text[:200]
    return out


def monlist(chance: Chance) -> bytes:
    """Return a mode 7 reply of six entries."""
    head = struct.pack("!BBBBHH", 0xD7, below(chance, 128), 3, 42, 6, 72)
    return head + b"".join(noise(chance, 40) + bytes(32) for _ in range(6))


def cached(chance: Chance, size: int) -> bytes:
    """Return a piece of a large value, of memcached."""
    head = struct.pack("!HHHH", below(chance, 65536), below(chance, 750), 750, 0)
    head += b"VALUE a 0 1048576\r\n"
    return head + bytes(ord("a") + i % 26 for i in range(len(head), size))


def record(chance: Chance, size: int) -> bytes:
    """Return a TLS record of so much application data."""
    return struct.pack("!BHH", 0x17, 0x303, size) + noise(chance, size)


def quoted(seen: Packet, ttl: int) -> bytes:
    """Return what a receiver sends back of a datagram that it refuses (RFC 792)."""
    addresses = bytes(map(int, f"{seen.source}.{seen.target}".split(".")))
    size = 8 + len(seen.payload)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 0, 0x4000, ttl, UDP, 0)
    total = sum(struct.unpack("!10H", head + addresses)) % 0xFFFF or 0xFFFF
    head = head[:10] + struct.pack("!H", 0xFFFF - total)
    return head + addresses + struct.pack("!HHHH", seen.source_port, seen.port, size, 0)


class Attacker:
    """One row of STRIKE, its number, and the world that it is in."""

    def __init__(self, seed: int, number: int, row: Any, hosts: Any) -> None:
        self.seed, self.number, self.row, self.hosts = seed, number, row, hosts
        self.kind = int(row["kind"])

    def reach_ns(self, host: int, chance: Chance) -> int:
        """Return how long a host takes to answer."""
        least = int(self.hosts[host]["reach_ns"])
        return int(least * (1 + 0.2 * chance.exponential())) + 1000

    def firings(self, start_ns: int) -> Iterator[int]:
        """Yield when the row fires: the first at once, the ramp thins out the rest."""
        row, chance = self.row, Chance(self.seed, ROLE, self.number)
        onset_ns, ramp_ns = int(row["onset_ns"]), int(row["ramp_ns"])
        now_ns, is_first = max(onset_ns, start_ns), True
        while now_ns < int(row["offset_ns"]):
            since_ns = now_ns - onset_ns
            strength = 1.0 if since_ns >= ramp_ns else (since_ns + 1) / ramp_ns
            if is_first or strength >= 1 or chance.unit() < strength:
                yield now_ns
            is_first = False
            if self.kind == EXFILTRATE:
                return
            jitter = float(row["jitter"])
            gap_ns = 1e9 / float(row["rate"])
            gap_ns *= 1 + jitter * (chance.exponential() - 1)
            now_ns = self.awake_ns(now_ns + 1 + int(gap_ns))

    def awake_ns(self, now_ns: int) -> int:
        """Return the end of the pause a time falls into, or the time itself."""
        period_ns, duty = int(self.row["period_ns"]), float(self.row["duty"])
        if not period_ns or self.kind == DRIP or duty in {0.0, 1.0}:
            return now_ns
        phase_ns = (now_ns - int(self.row["onset_ns"])) % period_ns
        is_on = phase_ns < duty * period_ns
        return now_ns if is_on else now_ns + period_ns - phase_ns

    def ends(self, shot: int) -> Ends:
        """Return what is drawn for shot n."""
        row, chance = self.row, Chance(self.seed, ROLE + 1 + self.number, shot)
        lot = chance.unit()
        source = int(row["source"]) + shot % max(int(row["sources"]), 1)
        target = int(row["target"]) + below(chance, max(int(row["targets"]), 1))
        address, port = dotted(self.hosts[source]["address"]), int(row["port"])
        if lot < float(row["spoof"]):
            parts = [11 + below(chance, 212), *(below(chance, 256) for _ in range(3))]
            address = ".".join(map(str, parts))
        host = self.hosts[source]
        source_port = int(host["port_first"]) + below(chance, int(host["port_count"]))
        if self.kind == SCAN:
            if chance.unit() < 0.4:
                port = USUAL[below(chance, len(USUAL))]
            else:
                port = 1 + below(chance, 10000)
        if self.kind == AMPLIFY:
            source_port = SERVICES[int(row["service"])]
        numbers = chance.integer() % 2**32, chance.integer() % 2**32
        size, most = int(row["bytes_min"]), int(row["bytes_max"])
        if most > size:
            size += below(chance, most - size + 1)
        size = min(size, 180 if self.kind == TUNNEL else 1472)
        is_answered = chance.unit() < float(row["answers"])
        return Ends(
            source,
            target,
            address,
            source_port,
            port,
            *numbers,
            size,
            is_answered,
            chance,
        )

    def datagram(self, one: Ends) -> bytes:
        """Return what a shot by UDP carries."""
        if self.kind == TUNNEL:
            return question(one.chance, one.size)
        if self.kind != AMPLIFY:
            return noise(one.chance, one.size)
        if self.row["service"] == 1:
            return answer(one.chance, 8, one.size // 220)
        return (
            monlist(one.chance)
            if self.row["service"] == 2
            else cached(one.chance, one.size)
        )

    def shot(self, shot: int, now_ns: int) -> Iterator[Packet]:
        """Yield the packets of shot n: its own, and what comes of it."""
        one = self.ends(shot)
        target = dotted(self.hosts[one.target]["address"])
        there = now_ns, one.address, target, one.source_port, one.port
        if one.source == one.target:
            return
        if self.kind in {SYN_FLOOD, SCAN}:
            sent = Packet(*there, TCP, SYN, one.sequence, 0, b"")
        elif self.kind == ACK_FLOOD:
            sent = Packet(*there, TCP, ACK, one.sequence, one.acknowledged, b"")
        else:
            sent = Packet(*there, UDP, 0, 0, 0, self.datagram(one))
        yield sent
        if one.is_answered:
            later_ns = now_ns + self.reach_ns(one.target, one.chance)
            yield from self.replies(shot, sent, later_ns)

    def replies(self, shot: int, sent: Packet, now_ns: int) -> Iterator[Packet]:
        """Yield what the target says to a shot, and what its sender says to that."""
        one = self.ends(shot)
        back = now_ns, sent.target, sent.source, sent.port, sent.source_port
        after = sent.sequence + 1 & 0xFFFFFFFF
        if self.kind == TUNNEL:
            yield Packet(*back, UDP, 0, 0, 0, answer(one.chance, one.size, 1))
        elif sent.protocol == UDP:
            ttl = int(self.hosts[one.source]["ttl"])
            yield Packet(*back[:3], 0, 0, ICMP, 0, 0, 0, quoted(sent, ttl))
        elif self.kind == ACK_FLOOD:
            yield Packet(*back, TCP, RST, sent.acknowledged, 0, b"")
        elif self.kind == SCAN and not self.listens(one):
            yield Packet(*back, TCP, RST | ACK, 0, after, b"")
        else:
            yield Packet(*back, TCP, SYN | ACK, one.acknowledged, after, b"")
            if self.kind == SCAN:
                later_ns = now_ns + self.reach_ns(one.source, one.chance)
                yield Packet(later_ns, *sent[1:5], TCP, RST, after, 0, b"")

    def listens(self, one: Ends) -> bool:
        """Return whether the target has the port open: some have ssh, nothing else."""
        return one.port == 22 and mix(self.seed ^ one.target) % 4 == 0

    def packets(self, start_ns: int) -> list[Packet]:
        """Return all packets of the row, in no order."""
        make = self.shot if self.kind in SHOTS else self.flow
        return [
            packet
            for shot, now_ns in enumerate(self.firings(start_ns))
            for packet in make(shot, now_ns)
        ]

    def flow(self, shot: int, now_ns: int) -> Iterator[Packet]:
        """Yield the packets of connection n, from SYN to the last acknowledgement."""
        return Connection(self, shot).packets(now_ns)


class Connection:
    """A connection of an attacker; numbers go forward on both sides."""

    def __init__(self, attacker: Attacker, shot: int) -> None:
        self.of, self.row, self.one = attacker, attacker.row, attacker.ends(shot)
        self.chance = self.one.chance
        host = attacker.hosts[self.one.source]
        first = mix(attacker.seed ^ self.one.source << 32 ^ attacker.number)
        port = int(host["port_first"]) + (first + shot) % int(host["port_count"])
        self.next = [self.one.sequence, self.one.acknowledged]
        target = dotted(attacker.hosts[self.one.target]["address"])
        up = dotted(host["address"]), target, port, self.one.port
        self.ends = [up, (up[1], up[0], up[3], up[2])]

    def say(self, side: int, now_ns: int, flags: int, payload: bytes = b"") -> Packet:
        """Return a segment of a side (0 the attacker's), and count it."""
        acknowledged = self.next[1 - side] if flags & ACK else 0
        numbers = TCP, flags, self.next[side], acknowledged
        more = len(payload) + bool(flags & (SYN | FIN))
        self.next[side] = self.next[side] + more & 0xFFFFFFFF
        return Packet(now_ns, *self.ends[side], *numbers, payload)

    def waits(self) -> tuple[int, int]:
        """Draw how long target and attacker take for the next step."""
        there_ns = self.of.reach_ns(self.one.target, self.chance)
        return there_ns, self.of.reach_ns(self.one.source, self.chance)

    def packets(self, now_ns: int) -> Iterator[Packet]:
        """Yield the handshake, what is said, and the end."""
        now_ns += 1
        there_ns, _ = self.waits()
        yield self.say(0, now_ns, SYN)
        now_ns += there_ns
        _, back_ns = self.waits()
        yield self.say(1, now_ns, SYN | ACK)
        now_ns += back_ns
        _, back_ns = self.waits()
        yield self.say(0, now_ns, ACK)
        now_ns = yield from self.talk(now_ns + 20000 + back_ns // 10)
        _, back_ns = self.waits()
        yield self.say(1, now_ns, FIN | ACK)
        now_ns += back_ns
        there_ns, _ = self.waits()
        yield self.say(0, now_ns, FIN | ACK)
        now_ns += there_ns
        self.waits()
        yield self.say(1, now_ns, ACK)

    def talk(self, now_ns: int) -> Iterator[Packet]:
        """Yield payloads and what comes back; return when the end is said."""
        due_ns = now_ns
        while True:
            self.waits()
            if now_ns >= int(self.row["offset_ns"]):
                return now_ns + 1000
            if self.of.kind == EXFILTRATE:
                for _ in range(8):
                    yield self.say(0, now_ns, PSH | ACK, record(self.chance, 1395))
                    due_ns += self.pace_ns()
                    if due_ns > now_ns:
                        break
            else:
                yield self.say(0, now_ns, PSH | ACK, self.said())
            now_ns += self.of.reach_ns(self.one.target, self.chance)
            self.waits()
            if self.of.kind == BEACON:
                heard = record(self.chance, 40 + below(self.chance, 400))
                yield self.say(1, now_ns, PSH | ACK, heard)
                return now_ns + 20000
            yield self.say(1, now_ns, ACK)
            if self.of.kind == DRIP:
                pause = int(self.row["period_ns"]) * (0.5 + self.chance.unit())
                now_ns += 1_000_000 + int(pause)
            elif due_ns > now_ns:
                now_ns = due_ns
            else:
                now_ns += self.of.reach_ns(self.one.source, self.chance)

    def said(self) -> bytes:
        """Return a beacon's payload, or a drip's."""
        size, most = int(self.row["bytes_min"]), int(self.row["bytes_max"])
        if most > size:
            size += below(self.chance, most - size + 1)
        size = min(size, 1400)
        return b"8" * size if self.of.kind == DRIP else record(self.chance, size)

    def pace_ns(self) -> int:
        """Return what the rate leaves between two segments of 1,400 bytes."""
        gap_ns = 1400 * 1e9 / max(float(self.row["rate"]), 1)
        jitter = float(self.row["jitter"])
        return int(gap_ns * (1 + jitter * (self.chance.exponential() - 1)))
