"""The flood half of ext/window.pyx's reference: gateway and source windows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from airnet.domain.columns import FLOOD_SCHEMA
from tests.reference.window_sketch import (
    Distinct,
    estimate,
    keyed_hash,
    mix,
    seeds_of,
)
from tests.reference.window_venue import Place, Venues

SLOT, GAP, ONE = 100_000_000, 200_000_000, 65_536
TICK = 10_000_000
SYN, RST, ACK = 0x02, 0x04, 0x10
NONE = 0xFFFFFFFF
MAPPED = bytes(10) + b"\xff\xff"
REFLECTORS = {17, 19, 53, 69, 111, 123, 137, 161, 389, 500, 520}
REFLECTORS |= {1900, 3702, 5353, 11211}
TALLY = [
    "packets",
    "syn",
    "syn_ack",
    "completed",
    "refused",
    "stray",
    "reset",
    "udp",
    "icmp",
    "fragment",
    "reply",
    "session",
    "known",
    "reflector",
    "live",
    "fresh",
    "same_bytes",
    "logon",
    "empty",
    "bytes",
]

Closed = list[tuple[dict[str, object], dict[str, int]]]


def per_second(count: int, us: int) -> int:
    return count * 1_000_000 // us if us else 0


def share(part: int, whole: int) -> int:
    return part * 1000 // whole if whole else 0


def ratio(a: int, b: int, prior: int) -> int:
    return (a + prior) * 1000 // (b + prior)


def is_multicast(address: bytes) -> bool:
    if address[:12] == MAPPED:
        return address[12] >= 224
    return address[0] == 0xFF


def tally() -> dict[str, int]:
    return dict.fromkeys(TALLY, 0)


@dataclass
class Vote:
    """The port of most packets, and its lead (Boyer and Moore)."""

    port: int = 0
    lead: int = 0

    def add(self, port: int) -> None:
        if self.lead == 0:
            self.port = port
        self.lead += 1 if self.port == port else -1


@dataclass
class Source:
    """What one address sent to one target."""

    address: bytes
    first: int
    last: int = 0
    streak: int = 0
    total: int = 0
    pending: int = 0
    epoch: int = 0
    counts: dict[str, int] = field(default_factory=tally)
    ports: set[int] = field(default_factory=set)
    vote: Vote = field(default_factory=Vote)
    source_vote: Vote = field(default_factory=Vote)
    last_bytes: int = -1
    streaks: int = 0
    logons: int = 0

    def touch(self, epoch: int) -> None:
        if self.epoch != epoch:
            self.epoch, self.counts = epoch, tally()
            self.ports, self.vote, self.source_vote = set(), Vote(), Vote()
            self.last_bytes = -1


@dataclass
class Target:
    """What arrived at one address."""

    address: bytes
    subject: int
    first: int
    last: int = 0
    open: int = 0
    window_first: int = 0
    streak: int = 0
    slot: int = 0
    slot_packets: int = 0
    slots: int = 0
    fast: int = 0
    slow: int = 0
    base: int = 0
    pulses: int = 0
    logon_slow: int = 0
    slot_logons: int = 0
    unspoken: int = 0
    source_vote: Vote = field(default_factory=Vote)
    last_bytes: int = -1
    pending: int = 0
    epoch: int = 1
    sessions: int = 0
    active: bool = False
    configured: bool = False
    counts: dict[str, int] = field(default_factory=tally)
    distinct: Distinct = field(default_factory=Distinct)
    port_sketch: set[int] = field(default_factory=set)
    ports: list[list[int]] = field(default_factory=list)
    top: list[Source] = field(default_factory=list)
    sources: dict[bytes, Source] = field(default_factory=dict)

    def clear(self, open_ns: int) -> None:
        self.epoch += 1
        self.open, self.window_first, self.active = open_ns, 0, False
        self.counts, self.distinct, self.port_sketch = tally(), Distinct(), set()
        self.ports, self.top = [[0, 0] for _ in range(8)], []
        self.source_vote, self.last_bytes = Vote(), -1

    def touch(self, now_ns: int) -> None:
        slot = now_ns // SLOT
        if self.slot != slot:
            self.roll(slot)
            if not self.active:
                self.clear(slot * SLOT)

    def roll(self, slot: int) -> None:
        if slot <= self.slot:
            return
        if self.slot:
            count = self.slot_packets << 16
            n = min(self.slots + 1, 300)
            self.fast = (self.fast * 9 + count) // 10
            self.slow = (self.slow * 99 + count) // 100
            self.pulses = self.pulses * 99 // 100
            logons = self.slot_logons << 16
            self.logon_slow = (self.logon_slow * 99 + logons) // 100
            if self.slots < 20 or ratio(count, self.base, ONE) < 3000:
                self.base = (self.base * (n - 1) + count) // n
                self.slots = n
            gap = slot - self.slot - 1
            if gap > 0:
                self.fast >>= min(gap // 7, 63)
                self.slow >>= min(gap // 69, 63)
                self.pulses >>= min(gap // 69, 63)
                self.logon_slow >>= min(gap // 69, 63)
                self.base = self.base * (300 - gap) // 300 if gap < 300 else 0
                self.slots = min(self.slots + gap, 300)
        self.slot, self.slot_packets, self.slot_logons = slot, 0, 0


class Flood:
    """Targets, their sources, and who is known."""

    def __init__(self, gateways: Sequence[Place], hosts: Sequence[bytes]) -> None:
        self.targets: dict[bytes, Target] = {}
        self.venues = Venues(gateways)
        self.known: dict[bytes, int] = dict.fromkeys(hosts, 0)
        self.registered = set(hosts)
        self.traded: set[bytes] = set()
        self.active: list[Target] = []
        self.taken: dict[int, int] = {}
        self.now = 0
        self.opened: set[int] = set()
        self.waiting: dict[int, Target] = {}
        self.early: Closed = []
        self.seeds: list[int] = []
        self.gateways = dict.fromkeys(address for address, _ in gateways)

    def begin(self, time_ns: int) -> None:
        """Take the key of the first frame, under which all that is listed fits."""
        self.seeds = seeds_of(time_ns)
        self.venues.begin(self.seeds)
        for address in self.gateways:
            self.target(address).configured = True

    def target(self, address: bytes) -> Target:
        if address not in self.targets:
            # The kernel's row: the first free way of its set.
            group = keyed_hash(self.seeds, address) % 64
            way = self.taken.get(group, 0)
            self.taken[group] = way + 1
            row = group * 16 + way
            self.targets[address] = Target(address, row, self.now)
            self.targets[address].ports = [[0, 0] for _ in range(8)]
        return self.targets[address]

    def establish(self, client: bytes, gateway: bytes) -> None:
        self.known[client] = self.known.get(client, 0) + 1
        self.targets[gateway].sessions += 1

    def close_session(self, client: bytes, *, traded: bool) -> None:
        self.known[client] -= 1
        if traded:
            self.traded.add(client)

    def sessions_of(self, address: bytes) -> int:
        return self.known.get(address, 0) or int(address in self.traded)

    def spoken(self, index: int) -> None:
        """Both ends have spoken, or it is over."""
        target = self.waiting.pop(index, None)
        if target:
            target.unspoken -= 1

    def session_frame(
        self, index: int, header: np.void, messages: NDArray[np.void], now_ns: int
    ) -> None:
        self.now = now_ns
        up = header["direction"] == 0
        t = self.target(header["target" if up else "source"].tobytes())
        if index in self.opened:
            self.opened.discard(index)
            self.waiting[index] = t
            t.unspoken += 1
        t.touch(now_ns)
        t.counts["session"] += 1
        if up:
            self.logons(t, header, int((messages["kind"] == 8).sum()))
        syn, syn_ack, _ = flags_of(header)
        if up and syn:
            self.flood_packet(t, header)
        elif t.pending:
            t.counts["syn_ack"] += syn_ack
            e = t.sources.get(header["source" if up else "target"].tobytes())
            if e:
                e.touch(t.epoch)
                e.counts["syn_ack"] += syn_ack
                if up:
                    complete(t, e, header)

    def logons(self, t: Target, header: np.void, count: int) -> None:
        t.counts["logon"] += count
        t.slot_logons += count
        e = t.sources.get(header["source"].tobytes())
        if e and count:
            e.touch(t.epoch)
            e.counts["logon"] += count
            e.logons += count

    def stranger(self, header: np.void, now_ns: int) -> None:
        self.now = now_ns
        address = header["target"].tobytes()
        if is_multicast(address) or self.is_reply(header):
            return
        t = self.target(address)
        t.touch(now_ns)
        self.flood_packet(t, header)

    def is_reply(self, header: np.void) -> bool:
        t = self.targets.get(header["source"].tobytes())
        if t is None:
            return False
        _, syn_ack, reset = flags_of(header)
        e = t.sources.get(header["target"].tobytes())
        if e is None and not syn_ack and not reset:
            return False
        if syn_ack:
            self.venues.stranger(t.address, header)
        t.touch(self.now)
        if e:
            e.touch(t.epoch)
        for counts in [t.counts, *([e.counts] if e else [])]:
            counts["reply"] += 1
            counts["syn_ack"] += syn_ack
            counts["refused"] += reset
        if e and reset and e.pending:
            e.pending -= 1
            t.pending -= 1
        return True

    def flood_packet(self, t: Target, header: np.void) -> None:
        address = header["source"].tobytes()
        e = t.sources.setdefault(address, Source(address, self.now))
        origin = {
            "known": self.sessions_of(address) > 0,
            "live": self.known.get(address, 0) > 0,
            "fresh": e.first >= t.open,
        }
        if not t.counts["packets"]:
            t.window_first = self.now
        if not t.active:
            t.active = True
            self.active.append(t)
        t.last = self.now
        t.slot_packets += 1
        t.last_bytes = count(t.counts, header, origin, t.last_bytes)
        t.source_vote.add(int(header["source_port"]))
        t.distinct.add(address, self.seeds)
        if flags_of(header)[0]:
            self.venues.stranger(t.address, header)
        port = int(header["target_port"])
        t.port_sketch.add(mix(port ^ self.seeds[4]) % 256)
        held = [one for one in t.ports if one[1] and one[0] == port]
        one = held[0] if held else min(t.ports, key=lambda place: place[1])
        one[0], one[1] = port, one[1] + 1
        self.source_packet(t, e, header, origin)
        if t.counts["packets"] >= 10:
            self.hurry(t)

    def hurry(self, t: Target) -> None:
        """Close a young flood's window before its tick."""
        is_old = t.streak > 0 and self.now - t.streak > 50_000_000
        if self.now - t.window_first < 1_000_000 or is_old:
            return
        self.early += self.close(t, self.now)
        t.active = True

    def source_packet(
        self, t: Target, e: Source, header: np.void, origin: dict[str, bool]
    ) -> None:
        port = int(header["target_port"])
        if self.now - e.last > GAP or not e.streak:
            e.streak = self.now
            e.streaks += 1
        e.last = self.now
        e.total += 1
        e.touch(t.epoch)
        e.last_bytes = count(e.counts, header, origin, e.last_bytes)
        e.source_vote.add(int(header["source_port"]))
        complete(t, e, header)
        if flags_of(header)[0]:
            e.pending += 1
            t.pending += 1
        e.ports.add(mix(port ^ self.seeds[4]) & 63)
        e.vote.add(port)
        if any(one is e for one in t.top):
            return
        if len(t.top) < 8:
            t.top.append(e)
            return
        place = min(range(8), key=lambda i: t.top[i].counts["packets"])
        if e.counts["packets"] > t.top[place].counts["packets"]:
            t.top[place] = e

    def tick(self, at: int, is_slot: bool) -> Closed:
        ripe = [t for t in self.active if is_slot or t.counts["packets"] >= 10]
        self.active = [t for t in self.active if t not in ripe]
        closed: Closed = []
        for t in ripe:
            if t.counts["packets"]:
                closed += self.close(t, at)
            else:
                t.clear(at)
        return closed

    def spans(self, t: Target, at: int) -> tuple[int, int]:
        """How long the window is, and what its packets are divided by."""
        since = t.window_first // TICK * TICK
        is_heavy = t.counts["packets"] >= 10 and since > t.open
        return (at - t.open) // 1000, (at - (since if is_heavy else t.open)) // 1000

    def close(self, t: Target, at: int) -> Closed:
        spans = self.spans(t, at)
        us = spans[1]
        t.top.sort(key=lambda e: -e.counts["packets"])
        packets = t.counts["packets"]
        if packets < 10:
            t.streak = 0
        elif not t.streak:
            t.streak = t.window_first
            t.pulses += ONE
        sources = t.distinct.count()
        logons = t.logon_slow + (t.slot_logons << 16) // 100
        busiest = max(t.ports, key=lambda place: place[1])
        slot = packets * 100_000 // (us or 1) << 16
        row = {
            **rates(t.counts, spans),
            "source_port_share": share(t.source_vote.lead, packets),
            "packets_per_source": packets * 1000 // (sources or 1),
            "rate_10s": t.slow * 10 >> 16,
            "pulses": t.pulses * 1000 >> 16,
            "logons_10s": logons * 100 >> 16,
            "unspoken": t.unspoken,
            "sources": sources,
            "top_share": share(t.top[0].counts["packets"] if t.top else 0, packets),
            "ports": estimate(len(t.port_sketch), 256),
            "busiest_port_share": share(busiest[1], packets),
            "rate_1s": t.fast * 10 >> 16,
            "baseline": t.base * 10 >> 16,
            "over_baseline": ratio(slot, t.base, ONE),
            "history_ms": (at - t.first) // 1_000_000,
            "known": t.sessions,
            "registered": int(t.configured or t.address in self.registered),
            "is_source": 0,
            "half_open": t.pending,
            "streak_ms": (at - t.streak) // 1_000_000 if t.streak else 0,
        }
        closed = [(key_of(t, t.address, 2, (t.streak, t.last, busiest[0])), row)]
        closed += [
            self.source_window(t, e, at) for e in t.top if e.counts["packets"] >= 2
        ]
        t.clear(at)
        return closed

    def source_window(
        self, t: Target, e: Source, at: int
    ) -> tuple[dict[str, object], dict[str, int]]:
        spans, age = self.spans(t, at), (at - e.first) // 1000
        us = spans[1]
        packets = e.counts["packets"]
        before = per_second(e.total - packets, age + us)
        row = {
            **rates(e.counts, spans),
            "source_port_share": share(e.source_vote.lead, packets),
            "packets_per_source": packets * 1000,
            "rate_10s": per_second(e.total, age + us),
            "pulses": e.streaks * 1000,
            "logons_10s": e.logons,
            "unspoken": 0,
            "sources": 1,
            "top_share": share(packets, t.counts["packets"]),
            "ports": estimate(len(e.ports), 64),
            "busiest_port_share": share(e.vote.lead, packets),
            "rate_1s": per_second(e.total, age + us),
            "baseline": before,
            "over_baseline": ratio(per_second(packets, us), before, 10),
            "history_ms": age // 1000,
            "known": self.sessions_of(e.address),
            "registered": int(e.address in self.registered),
            "is_source": 1,
            "half_open": e.pending,
            "streak_ms": (at - e.streak) // 1_000_000,
        }
        key = key_of(t, e.address, 3, (e.streak, e.last, e.vote.port))
        key["known"] = int(self.sessions_of(e.address) > 0)
        return key, row


def key_of(
    t: Target, address: bytes, kind: int, rest: tuple[int, int, int]
) -> dict[str, object]:
    return {
        "open_ns": t.open,
        "close_ns": 0,
        "frame_count": 0,
        "first_ns": rest[0],
        "accepted_ns": rest[1],
        "address": address,
        "subject": t.subject,
        "port": rest[2],
        "kind": kind,
        "known": 0,
    }


def flags_of(header: np.void) -> tuple[bool, bool, bool]:
    """Return whether it is a SYN, a SYN-ACK, a RST."""
    if header["protocol"] != 6:
        return False, False, False
    flags = int(header["tcp_flags"])
    return flags & 0x12 == SYN, flags & 0x12 == 0x12, bool(flags & RST)


def complete(t: Target, e: Source, header: np.void) -> None:
    syn, _, reset = flags_of(header)
    is_ack = header["protocol"] == 6 and int(header["tcp_flags"]) & ACK
    if e.pending and not syn and (is_ack or reset):
        e.pending -= 1
        t.pending -= 1
        e.counts["completed"] += not reset
        t.counts["completed"] += not reset


def count(
    counts: dict[str, int], header: np.void, origin: dict[str, bool], last: int
) -> int:
    syn, _, reset = flags_of(header)
    protocol = int(header["protocol"])
    counts["packets"] += 1
    if not header["stream_flags"] & 0x80:  # its fragments were counted
        counts["bytes"] += int(header["payload_bytes"])
    counts["empty"] += header["payload_bytes"] == 0
    for name, holds in origin.items():
        counts[name] += holds
    size = int(header["payload_bytes"])
    counts["same_bytes"] += size == last
    if header["reason"] in (4, 8):
        kind = "fragment"
    elif protocol == 6:
        kind = "syn" if syn else "stray"
    else:
        kind = {17: "udp", 1: "icmp", 58: "icmp"}.get(protocol, "fragment")
    counts[kind] += 1
    counts["reset"] += reset
    counts["reflector"] += protocol == 17 and int(header["source_port"]) in REFLECTORS
    return size


def rates(counts: dict[str, int], spans: tuple[int, int]) -> dict[str, int]:
    window_us, us = spans
    packets, syn = counts["packets"], counts["syn"]
    half = max(syn - counts["completed"] - counts["refused"], 0)
    stray = sum(counts[kind] for kind in ("stray", "udp", "icmp", "fragment"))
    row = {
        "window_us": window_us,
        "span_us": us,
        "session_rate": per_second(counts["session"], window_us),
        "logon_rate": per_second(counts["logon"], window_us),
        "live_share": share(counts["live"], packets),
        "fresh_share": share(counts["fresh"], packets),
        "same_bytes_share": share(counts["same_bytes"], packets),
        "packets": packets,
        "rate": per_second(packets, us),
        "half_open_rate": per_second(half, us),
        "half_open_share": share(half, syn),
        "stray_tcp_rate": per_second(counts["stray"], us),
        "stray_rate": per_second(stray, us),
        "reply_share": share(counts["reply"], packets),
        "session_share": share(counts["session"], counts["session"] + packets),
        "bytes_rate": per_second(counts["bytes"], us) // 1000,
        "mean_bytes": counts["bytes"] // packets if packets else 0,
        "empty_share": share(counts["empty"], packets),
        "known_share": share(counts["known"], packets),
        "reflector_share": share(counts["reflector"], packets),
    }
    plain = [
        "syn",
        "syn_ack",
        "completed",
        "refused",
        "reset",
        "udp",
        "icmp",
        "fragment",
    ]
    row |= {f"{kind}_rate": per_second(counts[kind], us) for kind in plain}
    assert set(row) <= set(FLOOD_SCHEMA.names)
    return row
