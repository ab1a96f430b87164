"""The host part of ext/window.pyx's reference: edges, hosts, CompIDs, traces.

Tables are unbounded here and numbered in the order things appear.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from math import isqrt

import numpy as np

from airnet.domain.columns import HOST_SCHEMA
from tests.reference.window_flood import Flood
from tests.reference.window_sketch import keyed_hash
from tests.reference.window_trace import (
    EPOCH,
    NOBODY,
    Deeds,
    Edge,
    Host,
    Key,
    Traces,
    bit,
    network,
)
from tests.reference.window_venue import Row

FIRST, ANSWER, PAUSE = 2 * 10**9, 10**9, 5 * 10**8
CONTACT = 50_000_000
SHELLS = {22, 23, 135, 139, 445, 512, 513, 514, 3389, 5900, 5985, 5986}
SYN, RST, ACK = 2, 4, 16
TRADERS = b"\xff" + bytes(15)
PRIVATE = [
    IPv4Network(one)
    for one in (
        *("0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "100.64.0.0/10"),
        *("169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"),
    )
]
#: Columns that are a count of both epochs.
COUNTS = {
    "edges_new": "edges",
    "odd_targets": "strangers",
    "strange_failures": "failed",
    "refused": "refused",
    "silent": "silent",
    "unreachable": "unreachable",
    "queries": "queries",
    "logons": "logons",
    "logons_refused": "refusals",
    "claims": "claims",
    "contested": "contested",
    "displaced": "displaced",
    "moved": "moved",
    "ousted": "ousted",
    "shells": "shells",
    "venues_outside": "venues_outside",
    "venues_inside": "venues_inside",
    "own_calls": "own",
    "foreign": "foreign",
    "foreign_new": "foreign_new",
    "foreign_old": "foreign_old",
    "conflicts": "conflicts",
    "replays": "replays",
}


def is_syn(header: np.void) -> bool:
    return header["protocol"] == 6 and header["tcp_flags"] & (SYN | ACK) == SYN


def is_global(e: Edge) -> bool:
    one = ip_address(e.key[1])
    if isinstance(one, IPv6Address) and one.ipv4_mapped is None:
        return one in IPv6Network("2000::/3")
    mapped = ip_address(e.key[1][12:])
    return not any(mapped in net for net in PRIVATE)


def is_answer(header: np.void) -> bool:
    both = header["tcp_flags"] & (SYN | ACK) == SYN | ACK
    return bool(header["protocol"] == 6 and (both or header["tcp_flags"] & RST))


class Hosts(Traces):
    """Every host; it forgets none."""

    def __init__(
        self, flood: Flood, gateways: Sequence[bytes], hosts: Sequence[bytes]
    ) -> None:
        self.flood = flood
        super().__init__(gateways, hosts)
        self.hosts: dict[bytes, Host] = {}
        self.edges: dict[Key, Edge] = {}
        self.listed: list[Host] = []
        self.seeds: list[int] = []
        self.answered = 0
        self.left = [16, 1024]

    def begin(self, time_ns: int, seeds: list[int]) -> None:
        self.start, self.seeds = time_ns, seeds

    # -- tables

    def service(self, target: bytes, port: int, protocol: int) -> Edge:
        key = (NOBODY, target, port, protocol)
        return self.edges.get(key) or self.make(key)

    def make(self, key: Key) -> Edge:
        learned = self.now < self.start + FIRST
        self.edges[key] = Edge(key, self.now, learned)
        return self.edges[key]

    def is_familiar(self, address: bytes) -> bool:
        return address in self.lawful or address in self.registered

    def is_inside(self, address: bytes) -> bool:
        return network(address) in self.networks

    def holds(self, address: bytes) -> int:
        return self.flood.known.get(address, 0)

    def is_listed(self, address: bytes) -> bool:
        return address in self.registered or address in self.flood.gateways

    def host(self, address: bytes) -> Host:
        if address not in self.hosts:
            number = len(self.hosts) + 1
            self.hosts[address] = Host(address, number, self.now)
        return self.hosts[address]

    def touch(self, x: Host) -> dict[str, int]:
        x.active = True
        if not x.listed:
            x.listed, x.open = True, self.now
            x.member = self.is_familiar(x.address) or self.is_inside(x.address)
            self.listed.append(x)
        epoch = self.now // EPOCH
        if x.epoch != epoch:
            x.before = x.now if x.epoch + 1 == epoch else Deeds()
            x.now, x.epoch = Deeds(), epoch
        return x.now.count

    def alarm(self, x: Host) -> None:
        if not x.bad or self.now - x.alarm > EPOCH:
            x.bad = self.now
        x.alarm, x.urgent = self.now, True

    # -- frames of no session

    def frame(self, header: np.void) -> None:
        if header["reason"] != 0:
            return
        protocol, code = int(header["protocol"]), int(header["code"])
        if protocol not in (6, 17):
            if (protocol, code) in ((1, 3), (58, 1)):
                self.unreachable(header)
            return
        is_bare = not header["payload_bytes"] and not header["tcp_flags"] & (SYN | RST)
        if protocol == 6 and is_bare:
            return
        ends = header["source"].tobytes(), header["target"].tobytes()
        which = int(any(self.is_familiar(end) for end in ends))
        if self.left[which]:
            self.left[which] -= 1
            self.call(header, *ends)

    def call(self, header: np.void, source: bytes, target: bytes) -> None:
        protocol = int(header["protocol"])
        ports = int(header["source_port"]), int(header["target_port"])
        e, is_up = None, True
        if not is_answer(header):
            e = self.edges.get((source, target, ports[1], protocol))
        if e is None and not is_syn(header):
            e = self.edges.get((target, source, ports[0], protocol))
            is_up = e is None
        if is_answer(header) and e:
            self.answered = self.now
        if e is None:
            if is_answer(header):
                return
            is_data = header["payload_bytes"] and ports[1] <= ports[0]
            if protocol == 6 and not is_syn(header) and not is_data:
                return
            e = self.begin_edge(header, source, target)
        if is_up:
            x = self.up(e, header)
            if protocol == 6:
                self.stray(e, x, header)
            if is_syn(header) or protocol == 17:
                self.push(x, e)
        elif is_answer(header) and header["tcp_flags"] & RST and not e.answered:
            if not e.failed:
                x = self.host(e.key[0])
                self.touch(x)
                self.fail(x, e, "refused")
        else:
            self.down(e, header)

    def begin_edge(self, header: np.void, source: bytes, target: bytes) -> Edge:
        port, protocol = int(header["target_port"]), int(header["protocol"])
        e = self.make((source, target, port, protocol))
        e.own = self.is_own_path(header)
        if e.learned:
            self.service(source, 0, 0)
            self.service(target, 0, 0)
            self.service(NOBODY, port, protocol)
        if protocol == 6 and not is_syn(header):
            e.learned = True
        x = self.host(source)
        if e.learned:
            return e
        count = self.touch(x)
        count["edges"] += 1
        x.now.bits["targets"].add(bit(keyed_hash(self.seeds, target)))
        x.now.bits["ports"].add(bit(port + 1))
        if protocol == 6 and self.is_odd_port(e):
            count["strangers"] += 1
            self.own_call(x, e)
            self.alarm(x)
        return e

    def own_call(self, x: Host, e: Edge) -> None:
        x.now.count["own"] += e.own and not e.told
        e.told = e.own

    def is_shell(self, e: Edge) -> bool:
        source, target, port, protocol = e.key
        if protocol != 6 or port not in SHELLS or not {source, target} <= self.lawful:
            return False
        kind = self.service(TRADERS, port, protocol)
        kind.user = kind.user or source
        kind.shared |= kind.user != source
        return not (e.learned or kind.learned or kind.shared)

    def is_odd_port(self, e: Edge) -> bool:
        source, target, port, protocol = e.key
        one = self.service(NOBODY, port, protocol)
        one.user = one.user or source
        one.shared |= one.user != source
        is_venue = (target, port) in self.flood.venues.venues
        is_odd = not one.learned and not one.shared and not is_venue
        return is_odd and self.is_inside(target)

    def is_contact(self, e: Edge, header: np.void) -> bool:
        silent = self.now - e.up
        if not e.contacts:
            return True
        if header["protocol"] != 6:
            return silent >= CONTACT
        if is_syn(header):
            return int(header["source_port"]) != e.port
        return bool(header["payload_bytes"]) and silent >= PAUSE

    def up(self, e: Edge, header: np.void) -> Host:
        x = self.host(e.key[0])
        self.touch(x)
        told = e.out >> 12
        is_contact = self.is_contact(e, header)
        if is_contact:
            if e.contacts and e.contacts <= 1024:
                e.gaps.append(min((self.now - e.contact) // 100_000, 163_840))
            e.port, e.contact = int(header["source_port"]), self.now
            e.contacts += 1
            x.contacts += 1
            if not e.told:
                e.own = self.is_own_path(header)
        e.up = self.now
        e.out += int(header["payload_bytes"])
        is_dns = header["protocol"] == 17 and header["target_port"] == 53
        if is_dns and header["name_key"]:
            self.asks(x, header)
        if x.member and (is_contact or told != e.out >> 12) and self.is_unknown(e):
            if x.beat is None or x.beat.contacts < e.contacts:
                x.beat = e
            if x.carry is None or x.carry.out < e.out:
                x.carry = e
            x.peer = e.key[1]
            x.peer_is = (x.beat is e) + 2 * (x.carry is e) + 8 * e.own
            x.peer_is += 16 * (e.key[3] == 6 and is_global(e))
            self.alarm(x)
        if header["payload_bytes"] and e.back and not e.talked:
            e.talked = True
            if self.is_shell(e):
                x.now.count["shells"] += 1
                self.alarm(x)
        return x

    def stray(self, e: Edge, x: Host, header: np.void) -> None:
        """Take a segment of no session."""
        if is_syn(header):
            e.unread = 0
        port = int(header["target_port"])
        venue = self.flood.venues.venues.get((header["target"].tobytes(), port))
        if not header["stream_flags"] & 0x1000 or not self.is_unread(header):
            return
        if venue is None or not venue.used:
            return
        e.unread += 1
        if self.is_worth(header, e.unread):
            x.port = port
            self.more(x, e.unread)

    def is_unknown(self, e: Edge) -> bool:
        target = e.key[1]
        if e.learned or not e.answered:
            return False
        if target in self.registered or self.flood.sessions_of(target):
            return False
        place = self.service(target, 0, 0)
        return not place.learned and not place.shared

    def asks(self, x: Host, header: np.void) -> None:
        x.now.count["queries"] += 1
        x.now.count["name_bytes"] += int(header["name_bytes"])
        if header["name_bytes"] < 24 or header["name_letters"] < 12:
            return
        domain = int(header["domain_key"])
        if x.domain != domain and not x.votes:
            x.domain = domain
            x.now.bits["names"], x.before.bits["names"] = set(), set()
        if x.domain != domain:
            x.votes -= 1
            return
        x.votes += 1
        x.now.bits["names"].add(bit(int(header["name_key"])))
        self.alarm(x)

    def down(self, e: Edge, header: np.void) -> None:
        caller, callee, port, protocol = e.key
        x = self.host(caller)
        e.back += int(header["payload_bytes"])
        if not e.answered:
            e.answered = True
            self.service(callee, port, protocol).answered = True
            place = self.service(callee, 0, 0)
            place.user = place.user or caller
            place.shared |= place.user != caller
        is_dns = header["protocol"] == 17 and header["source_port"] == 53
        if is_dns and header["code"] & 0x80:
            count = self.touch(x)
            count["answers"] += 1
            count["missing"] += header["code"] & 15 == 3

    def fail(self, x: Host, e: Edge, why: str) -> None:
        _, target, port, protocol = e.key
        e.failed = True
        x.now.count[why] += 1
        if self.service(target, port, protocol).answered:
            return
        if (target, port) in self.flood.venues.venues:
            return
        x.now.count["failed"] += 1
        self.own_call(x, e)
        self.alarm(x)

    def pop(self, x: Host) -> None:
        e, _ = x.pending.pop(0)
        e.waits = False
        is_lately = self.answered and self.now - self.answered < EPOCH
        if e.key[3] == 6 and not e.answered and not e.failed and is_lately:
            self.touch(x)
            self.fail(x, e, "silent")

    def push(self, x: Host, e: Edge) -> None:
        if e.answered or e.failed or e.waits:
            return
        if len(x.pending) == 16:
            self.pop(x)
        x.pending.append((e, self.now))
        e.waits = True

    def unreachable(self, header: np.void) -> None:
        x = self.hosts.get(header["target"].tobytes())
        callee = header["source"].tobytes()
        for e, _ in reversed(x.pending if x else []):
            if x and not e.failed and e.key[1] == callee:
                self.touch(x)
                if not e.answered:
                    self.fail(x, e, "unreachable")
                return

    # -- windows

    def tick(self, at: int, is_slot: bool) -> list[tuple[dict[str, object], Row]]:
        closed = []
        for x in self.listed:
            while is_slot and x.pending and at - x.pending[0][1] >= ANSWER:
                self.pop(x)
            if x.urgent or (is_slot and x.active):
                closed.append((self.key_of(x), self.row_of(x, at)))
                x.open, x.contacts, x.urgent = at, 0, False
            x.listed = not is_slot or x.active or bool(x.pending)
            x.active &= not is_slot
        self.listed = [x for x in self.listed if x.listed]
        self.left = [16, 1024]
        return closed

    def key_of(self, x: Host) -> dict[str, object]:
        return {
            "open_ns": x.open,
            "first_ns": x.bad,
            "accepted_ns": 0,
            "address": x.address,
            "subject": x.number,
            "port": x.port,
            "kind": 5,
            "known": int(self.is_familiar(x.address)),
        }

    def row_of(self, x: Host, at: int) -> Row:
        queries, answers = x.both("queries"), x.both("answers")
        half_open = [e for e, _ in x.pending if not (e.answered or e.failed)]
        row: Row = {
            "window_us": (at - x.open) // 1000,
            "contacts": x.contacts,
            **{name: x.both(deed) for name, deed in COUNTS.items()},
            "targets_new": x.distinct("targets"),
            "ports_new": x.distinct("ports"),
            "long_names": x.distinct("names"),
            "comps": x.distinct("comps"),
            "half_open": len(half_open) + self.above(x),
            "name_bytes": x.both("name_bytes") // queries if queries else None,
            "no_name_share": x.both("missing") * 1000 // answers if answers else None,
            "venue_sessions": x.venue_sessions,
            "refused_hosts": (
                self.refused_hosts if self.refused_epoch == x.epoch else 0
            ),
            "logon_gap_ms": x.logon_gap // 1000 if x.logon_gap else None,
            "moves": self.moves(),
            "loss_spells": max(x.now.count["loss"], x.before.count["loss"]),
            "loss_ratio": x.loss_ratio,
            "loss_past_ms": x.loss_past,
            "lossy_hosts": self.lossy_hosts if self.lossy_epoch == x.epoch else 0,
            "lawful": int(x.address in self.lawful),
            "registered": int(x.address in self.registered),
            "member": int(x.member),
            "met": x.met,
            "unread_run": max(x.now.count["unread"], x.before.count["unread"]),
            "unread_held": x.unread_held,
            "unread_ms": (at - x.unread_since) // 10**6 if x.unread_held else 0,
            "quiet_ms": (at - x.alarm) // 1_000_000 if x.alarm else None,
            "history_ms": (at - x.first) // 1_000_000,
            **self.peers_of(x),
            **self.peer_of(x),
        }
        assert set(row) == set(HOST_SCHEMA.names)
        return row

    @staticmethod
    def above(x: Host) -> int:
        """Return what stands in `half_open` above the calls that wait."""
        unasked = max(x.now.count["unasked"], x.before.count["unasked"])
        return min(unasked, 255) * 256 + min(x.both("newcomers"), 7) * 32

    def peer_of(self, x: Host) -> Row:
        words = [int.from_bytes(x.peer[at : at + 3], "big") for at in range(0, 18, 3)]
        return {
            "peer_is": x.peer_is,
            **{f"peer_{number}": word for number, word in enumerate(words)},
        }

    def peers_of(self, x: Host) -> Row:
        beat, carry = x.beat, x.carry
        gaps = beat.gaps if beat else []
        total, deviation = sum(gaps), None
        if len(gaps) > 1:
            spread = max(len(gaps) * sum(gap * gap for gap in gaps) - total**2, 0)
            deviation = isqrt(spread * 10**6 // total**2) if total else 0
        both = carry.out + carry.back if carry else 0
        share = (carry.out * 1000 // both if both else 0) if carry else None
        return {
            "beat_contacts": beat.contacts if beat else 0,
            "beat_period_ms": total // len(gaps) // 10 if gaps else None,
            "beat_deviation": deviation,
            "beat_outside": int(bool(beat and not self.is_inside(beat.key[1]))),
            "beat_global": int(bool(beat and beat.key[3] == 6 and is_global(beat))),
            "carry_bytes": carry.out if carry else 0,
            "carry_share": share,
            "carry_outside": int(bool(carry and not self.is_inside(carry.key[1]))),
        }
