"""The venue part of ext/window.pyx's reference: an order gateway's health by slot."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from airnet.domain.columns import VENUE_SCHEMA
from airnet.domain.window import FEATURE_LIMIT
from tests.reference.window_part import Part
from tests.reference.window_parting import Cuts, Silences, Unheard
from tests.reference.window_sketch import keyed_hash, mix

SLOT, SYN_KEPT, MINUTE = 100_000_000, 15_000_000_000, 60_000_000_000
ONE, SLOW, GOLDEN = 65_536, 19_661, 0x9E3779B97F4A7C15
M64 = (1 << 64) - 1
LATENCIES = ("ack", "logon", "handshake", "tcp_ack")
EVENTS = (
    "orders",
    "new_orders",
    "answers",
    "rejects",
    "sessions_lost",
    "logons",
    "syns",
    "resend_requests",
    "sequence_gaps",
    "retransmits_down",
)

#: What rules and people have no use for.
UNREAD = (
    "logon_worst_us",
    "handshake_mean_us",
    "handshake_worst_us",
    "tcp_ack_last_us",
    "tcp_ack_worst_us",
)
#: None is what the kernel writes as NaN.
Row = dict[str, int | None]
Place = tuple[bytes, int]


def nothing() -> dict[str, int]:
    return dict.fromkeys(EVENTS, 0)


def none_yet() -> dict[str, list[int]]:
    return {kind: [] for kind in LATENCIES}


def ratio(a: int, b: int, prior: int) -> int:
    return (a + prior) * 1000 // (b + prior)


@dataclass
class Client:
    """What a session has waiting at its venue."""

    venue: "Venue"
    data: int = 0
    logon: int = 0
    outstanding: int = 0
    spoke: bool = False
    joined: bool = False
    over: bool = False
    unheard: Unheard = field(default_factory=Unheard)


@dataclass
class Venue:
    """One order gateway's memories."""

    place: Place
    row: int
    configured: bool = False
    used: bool = False
    heard: bool = False
    active: bool = False
    listed: bool = False
    first: int = 0
    open: int = 0
    answered_at: int = 0
    asked: int = 0
    logon_asked: int = 0
    unanswered: int = 0
    waiting: list[Client] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    syns: dict[int, tuple[int, int]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=nothing)
    answered: list[Client] = field(default_factory=list)
    rejected: list[Client] = field(default_factory=list)
    took: dict[str, list[int]] = field(default_factory=none_yet)
    last: dict[str, int] = field(default_factory=dict)
    logon_recent: int | None = None
    idle: int = 0
    slots: int = 0
    fast: int = 0
    base: int = 0
    answers: int = 0
    rejects: int = 0
    reject_base: int = 0
    answer_slots: int = 0
    batch: list[tuple[int, int]] = field(default_factory=list)
    batches: int = 0
    mean16: int = 0
    floor16: int = 0
    spread16: int = 0
    least: int = 0
    risen: int = 0
    risen_at: int = 0
    late: Part = field(default_factory=Part)
    odd: Part = field(default_factory=Part)
    odd_now: set[int] = field(default_factory=set)
    odd_before: set[int] = field(default_factory=set)
    logon_base: int = 0
    cuts: Cuts = field(default_factory=Cuts)
    silences: Silences = field(default_factory=Silences)

    def latency(self, kind: str, ns: int) -> int:
        us = min(ns // 1000, FEATURE_LIMIT)
        self.took[kind].append(us)
        self.last[kind] = us
        return us

    def ack(self, ns: int, now: int) -> None:
        us = self.latency("ack", ns)
        is_late = us > 8 * (self.floor16 // 16) + 5000
        self.late.whole += 1
        self.late.part += self.batches >= 2 and is_late
        self.batch.append((us, now))
        if len(self.batch) == 16:
            self.learn(now)
            self.batch = []

    def learn(self, now: int) -> None:
        """Take a whole batch of acknowledgements."""
        n = min(self.batches + 1, 64)
        self.least = min(us for us, _ in self.batch)
        above = self.least * 16 - self.floor16
        if self.batches >= 8 and above > 4 * self.spread16 + 400:
            self.risen += 1
            self.risen_at = self.risen_at or self.batch[0][1]
            if now - self.risen_at <= MINUTE:
                return
        else:
            self.risen = self.risen_at = 0
        if self.batches:
            self.spread16 = (self.spread16 * (n - 1) + abs(above)) // n
        self.floor16 = (self.floor16 * (n - 1) + self.least * 16) // n
        total = sum(us for us, _ in self.batch)
        self.mean16 = (self.mean16 * (n - 1) + total) // n
        self.batches += 1

    def logon_over(self, client: Client, now: int) -> None:
        if client.logon:
            client.logon = 0
            self.waiting = [one for one in self.waiting if one is not client]
            self.logon_asked = now if self.waiting else 0

    def leave(self, client: Client, now: int) -> None:
        if not client.over:
            client.over = True
            self.clients = [one for one in self.clients if one is not client]
            self.logon_over(client, now)

    def waits(self, at: int) -> bool:
        since = max(self.asked, self.logon_asked)
        return self.heard and since > 0 and at - since <= MINUTE

    def close(self, at: int, active: int, doubt: int) -> Row:
        row: Row = {
            "window_us": (at - self.open) // 1000,
            "history_ms": (at - self.first) // 1_000_000,
            "sessions_active": active,
            **self.counts,
            **self.latencies(at),
            **self.load(),
            **self.replies(at),
            **self.lines(at),
            **self.ails(at),
            **self.cuts.row(at),
            **self.silences.row(at),
            "mirror_doubt_rate_1s": doubt * 100 >> 16,
        }
        assert set(row) == set(VENUE_SCHEMA.names)
        return row

    def latencies(self, at: int) -> Row:
        row: Row = {}
        for kind, took in self.took.items():
            row[f"{kind}_last_us"] = self.last.get(kind)
            row[f"{kind}_mean_us"] = sum(took) // len(took) if took else None
            row[f"{kind}_worst_us"] = max(took, default=None)
        for nobody in UNREAD:
            del row[nobody]
        mean = row["ack_mean_us"]
        base = self.mean16 // 16
        rise = max(self.least * 16 - self.floor16, 0)
        learned: Row = {
            "ack_baseline_us": base,
            "ack_floor_us": self.least,
            "ack_floor_baseline_us": self.floor16 // 16,
            "ack_rise_us": rise // 16,
            "ack_deviation": rise * 1000 // (self.spread16 + 16),
        }
        if not self.batches:
            learned = dict.fromkeys(learned)
        is_known = self.batches and mean is not None
        return {
            **row,
            **learned,
            "ack_ratio": ratio(mean or 0, base, 50) if is_known else None,
            "ack_risen_batches": self.risen,
            "ack_risen_ms": (at - self.risen_at) // 1000 // 1000 if self.risen else 0,
            "acks": len(self.took["ack"]),
            "logons_answered": len(self.took["logon"]),
            "handshakes": len(self.took["handshake"]),
        }

    def load(self) -> Row:
        second = self.fast + (self.counts["orders"] << 16) // 10
        return {
            "order_rate_1s": second * 100 >> 16,
            "order_baseline": self.base * 100 >> 16,
            "load_ratio": ratio(second, self.base, SLOW),
        }

    def replies(self, at: int) -> Row:
        answers, rejects = self.counts["answers"], self.counts["rejects"]
        all_1s = self.answers + (answers << 16) // 10
        bad_1s = self.rejects + (rejects << 16) // 10
        silence = (at - self.asked) // 1000 if self.asked else 0
        seen, bad = len(self.answered), len(self.rejected)
        is_known = self.heard and self.batches
        return {
            "reject_share": rejects * 1000 // answers if answers else None,
            "reject_rate_1s": bad_1s * 100 >> 16,
            "reject_share_1s": bad_1s * 1000 // all_1s if all_1s else None,
            "reject_baseline": (
                self.reject_base * 1000 >> 16 if self.answer_slots else None
            ),
            "sessions_answered": seen,
            "sessions_rejected": bad,
            "rejected_share": bad * 1000 // seen if seen else None,
            "unanswered": self.unanswered,
            "silence_us": silence if self.heard else None,
            "silence_ratio": ratio(silence, self.mean16 // 16, 50)
            if is_known
            else None,
        }

    def lines(self, at: int) -> Row:
        wait = (at - self.logon_asked) // 1000 if self.logon_asked else 0
        return {
            "outstanding": sum(client.outstanding for client in self.clients),
            "sessions": sum(client.joined for client in self.clients),
            "logons_waiting": len(self.waiting),
            "logon_recent_us": self.logon_recent,
            "logon_wait_us": wait if self.heard else None,
        }

    def ails(self, at: int) -> Row:
        late, odd, base = self.late, self.odd, self.logon_base
        wait = (at - self.logon_asked) // 1000 if self.logon_asked else 0
        row: Row = {
            "late_ack_rate_1s": (late.part_fast + (late.part << 16) // 10) * 100 >> 16,
            "late_ack_share_1s": late.recent(),
            "late_ack_baseline": late.base * 1000 >> 16,
            "odd_rate_1s": (odd.part_fast + (odd.part << 16) // 10) * 100 >> 16,
            "odd_share_1s": odd.recent(),
            "odd_baseline": odd.base * 1000 >> 16,
            "odd_sessions": len(self.odd_now | self.odd_before),
            "logon_ratio": ratio(self.logon_recent or 0, base, 1000) if base else None,
            "logon_wait_ratio": ratio(wait, base, 1000) if base else None,
        }
        return row

    def logon_took(self, us: int) -> None:
        if not self.logon_base:
            self.logon_base = max(us, 1)
        elif us < 4 * self.logon_base:
            self.logon_base = (self.logon_base * 7 + us + 7) // 8

    def roll(self, epoch: int) -> None:
        self.late.roll()
        self.odd.roll()
        if epoch % 10 == 0:
            self.odd_before, self.odd_now = self.odd_now, set()
        counts = self.counts
        self.fast = (self.fast * 9 + (counts["orders"] << 16)) // 10
        self.answers = (self.answers * 9 + (counts["answers"] << 16)) // 10
        self.rejects = (self.rejects * 9 + (counts["rejects"] << 16)) // 10
        n = self.slots = min(self.slots + 1, 300)
        self.base = (self.base * (n - 1) + (counts["orders"] << 16)) // n
        if counts["answers"]:
            n = self.answer_slots = min(self.answer_slots + 1, 300)
            share = (counts["rejects"] << 16) // counts["answers"]
            self.reject_base = (self.reject_base * (n - 1) + share) // n
        self.idle = 0 if self.active else self.idle + 1
        self.active, self.counts, self.took = False, nothing(), none_yet()
        self.answered, self.rejected = [], []


class Venues:
    """Every order gateway; it forgets none."""

    def __init__(self, configured: Sequence[Place]) -> None:
        self.configured = configured
        self.venues: dict[Place, Venue] = {}
        self.clients: dict[int, Client] = {}
        self.hosts: dict[int, int] = {}
        self.listed: list[Venue] = []
        self.epoch = 1
        self.taken: dict[int, int] = {}
        self.seeds: list[int] = []
        self.now = 0

    def begin(self, seeds: list[int]) -> None:
        self.seeds = seeds
        for place in self.configured:
            self.venue(place).configured = True

    def venue(self, place: Place) -> Venue:
        if place not in self.venues:
            # The kernel's row: the first free way of its set.
            address, port = place
            hashed = mix(keyed_hash(self.seeds, address) ^ (port * GOLDEN & M64))
            way = self.taken.get(hashed % 64, 0)
            self.taken[hashed % 64] = way + 1
            self.venues[place] = Venue(place, hashed % 64 * 16 + way)
        return self.venues[place]

    def touch(self, venue: Venue) -> None:
        venue.active = True
        if not venue.listed:
            venue.listed, venue.open = True, self.now
            venue.first = venue.first or self.now
            self.listed.append(venue)

    def frame(self, index: int, header: np.void) -> None:
        """Take a session's frame; its messages come after it."""
        up = header["direction"] == 0
        side = "target" if up else "source"
        if index not in self.clients:
            place = header[side].tobytes(), int(header[f"{side}_port"])
            client = Client(self.venue(place))
            client.venue.clients.append(client)
            self.clients[index] = client
        client = self.clients[index]
        venue = client.venue
        self.touch(venue)
        client.spoke = True
        again = bool(header["stream_flags"] & 1)
        is_odd = header["stream_flags"] & 3 and not header["stream_flags"] & 0x100
        venue.odd.whole += 1
        venue.odd.part += bool(is_odd)
        if is_odd:
            venue.odd_now.add(int(header["session"]) & 63)
        if not up:
            if client.data:
                venue.latency("tcp_ack", self.now - client.data)
            client.data = 0
            venue.counts["retransmits_down"] += again
        elif again:
            client.data = 0
        elif header["payload_bytes"]:
            client.data = client.data or self.now
        if not up and flags_of(header) == 0x12:
            self.syn_ack(venue, header)

    def joined(self, index: int) -> int:
        """Return how many sessions the venue of a client has."""
        return sum(one.joined for one in self.clients[index].venue.clients)

    def end(self, index: int) -> None:
        """The session is over: FIN or RST."""
        client = self.clients[index]
        client.venue.counts["sessions_lost"] += client.joined
        client.venue.leave(client, self.now)

    def said(self, index: int, message: np.void) -> None:
        """Take a message of either end."""
        client = self.clients[index]
        if client.unheard.message(message, self.now):
            self.unheard(index)

    def unheard(self, index: int) -> None:
        client = self.clients[index]
        lives = client.joined and not client.over and not client.unheard.parted
        if lives and not client.unheard.counted:
            client.unheard.counted = True
            client.venue.silences.add(self.hosts[index], self.now)

    def part(self, index: int, header: np.void) -> None:
        """Take a frame's FIN or RST."""
        client = self.clients[index]
        mine = client.unheard
        flags = int(header["tcp_flags"]) if header["protocol"] == 6 else 0
        if not flags & 5 or mine.parted or client.over or not client.joined:
            return
        up = header["direction"] == 0
        if up and mine.owed(self.now):
            self.unheard(index)
        mine.parted = True
        if not up and not mine.logged_out:
            held = self.joined(index)
            client.venue.cuts.add(self.hosts[index], held, self.now)

    def heard(self, index: int) -> None:
        self.clients[index].venue.heard = True

    def logout(self, index: int) -> None:
        client = self.clients[index]
        client.venue.logon_over(client, self.now)

    def count(self, index: int, what: str) -> None:
        self.clients[index].venue.counts[what] += 1

    def ack(self, index: int, ns: int) -> None:
        self.clients[index].venue.ack(ns, self.now)

    def renew(self, index: int) -> None:
        """The session's row is another's now."""
        client = self.clients.pop(index, None)
        if client:
            client.venue.leave(client, self.now)

    def join(self, index: int, host: bytes) -> None:
        """Both ends have spoken."""
        self.hosts[index] = keyed_hash(self.seeds, host) >> 58
        self.clients[index].joined = True
        self.clients[index].venue.used = True

    def asked(self, index: int, kind: str) -> None:
        venue = self.clients[index].venue
        venue.counts["orders"] += 1
        venue.counts["new_orders"] += kind == "new"
        if kind != "quote":
            venue.asked = venue.asked or self.now
            venue.unanswered += 1

    def answer(self, index: int, *, is_reject: bool) -> None:
        client = self.clients[index]
        venue = client.venue
        venue.counts["answers"] += 1
        venue.counts["rejects"] += is_reject
        if not any(one is client for one in venue.answered):
            venue.answered.append(client)
        if is_reject and not any(one is client for one in venue.rejected):
            venue.rejected.append(client)
        venue.asked = venue.unanswered = 0
        venue.answered_at = self.now

    def logon(self, index: int, *, up: bool) -> None:
        client = self.clients[index]
        venue = client.venue
        if up and not client.over:
            venue.counts["logons"] += 1
            if not client.logon:
                client.logon = self.now
                venue.waiting.append(client)
                venue.logon_asked = venue.logon_asked or self.now
        elif not up and client.logon:
            us = venue.latency("logon", self.now - client.logon)
            before = venue.logon_recent
            venue.logon_recent = us if before is None else (before * 3 + us) // 4
            venue.logon_took(us)
            venue.logon_over(client, self.now)

    def stranger(self, address: bytes, header: np.void) -> None:
        """Take a SYN or a SYN-ACK of no session; `address` is the target's."""
        flags = flags_of(header)
        side = "target" if flags == 0x02 else "source"
        venue = self.venues.get((address, int(header[f"{side}_port"])))
        if venue and flags == 0x02:
            self.syn(venue, header)
        elif venue and flags == 0x12:
            self.syn_ack(venue, header)

    def key(self, header: np.void, side: str) -> int:
        hashed = keyed_hash(self.seeds, header[side].tobytes())
        return (hashed + int(header[f"{side}_port"])) * GOLDEN & M64 | 1

    def syn(self, venue: Venue, header: np.void) -> None:
        self.touch(venue)
        venue.counts["syns"] += 1
        key = self.key(header, "source")
        before, sent = venue.syns.get(key >> 58, (0, 0))
        if before != key or self.now - sent >= SYN_KEPT:
            venue.syns[key >> 58] = key, self.now

    def syn_ack(self, venue: Venue, header: np.void) -> None:
        self.touch(venue)
        key = self.key(header, "target")
        before, sent = venue.syns.get(key >> 58, (0, 0))
        if before == key:
            del venue.syns[key >> 58]
            if self.now - sent < SYN_KEPT:
                venue.latency("handshake", self.now - sent)

    def risen(self) -> int:
        """Return how many venues' floors are above their baselines."""
        return sum(venue.risen > 0 for venue in self.listed)

    def tick(self, at: int, doubt: int) -> list[tuple[dict[str, object], Row]]:
        """End a slot; returns the windows that it closes."""
        closed = []
        spoke = [client for client in self.clients.values() if client.spoke]
        for venue in self.listed:
            if venue.active or venue.waits(at):
                active = sum(client.venue is venue for client in spoke)
                closed.append((key_of(venue), venue.close(at, active, doubt)))
            venue.roll(self.epoch)
            venue.open = at
            venue.listed = venue.idle < 100 or venue.waits(at)
        for client in spoke:
            client.spoke = False
        self.listed = [venue for venue in self.listed if venue.listed]
        self.epoch += 1
        return closed

    def skip(self) -> None:
        for venue in self.listed:
            venue.fast = venue.answers = venue.rejects = 0
            venue.idle = 20


def flags_of(header: np.void) -> int:
    """Return SYN and ACK of a TCP segment."""
    return int(header["tcp_flags"]) & 0x12 if header["protocol"] == 6 else 0


def key_of(venue: Venue) -> dict[str, object]:
    return {
        "open_ns": venue.open,
        "close_ns": 0,
        "frame_count": 0,
        "first_ns": venue.risen_at or venue.asked,
        "accepted_ns": venue.answered_at,
        "address": venue.place[0],
        "subject": venue.row,
        "port": venue.place[1],
        "kind": 4,
        "known": int(venue.configured or venue.used),
    }
