"""Feed windows, slowly: channels of market data and their sequence numbers."""

from dataclasses import dataclass, field

import numpy as np

from airnet.domain.columns_feed import FEED_SCHEMA
from tests.reference.window_mirror import ONE, Mirror, rate
from tests.reference.window_sketch import GOLDEN
from tests.reference.window_venue import Row

SLOW = 19_661
M64 = (1 << 64) - 1
UNKNOWN, MOLD, NONE, LEARNT = range(4)
COUNTED = (
    "packets",
    "messages",
    "gaps",
    "duplicates",
    "late",
    "resets",
    "covered",
    "lags",
    "lost",
    "bytes",
    "worst",
    "lag",
    "lag_worst",
)


def ratio(a: int, b: int, prior: int) -> int:
    return (a + prior) * 1000 // (b + prior)


#: Ways to read a number that lies behind four bytes; the others read the first four.
AT_4 = (2, 3, 4, 5, 6, 7, 16, 17, 18, 19)


def counted_as(known: int, before: int, raw: int) -> int | None:
    """Return the way in which a byte's count explains a jump, if any does."""
    for kind in range(4, 20):
        if known >= 4 or (kind in AT_4) != (known in AT_4) or (kind ^ known) & 1:
            continue
        (number, had), (after, count) = number_of(kind, before), number_of(kind, raw)
        is_so = had and count and had != count
        if is_so and (number + had) % (1 << 32) == after:
            return kind
    return None


def number_of(kind: int, raw: int) -> tuple[int, int]:
    """Return a packet's number and count, read the `kind`th way."""
    data = raw.to_bytes(8, "big")
    part = data[4:] if kind in AT_4 else data[:4]
    number = int.from_bytes(part, "little" if kind % 2 else "big")
    if kind >= 8:
        count = data[(2 if kind in AT_4 else 4) + (kind // 2) % 2]
        return (number + 1 - count) % (1 << 32) if kind >= 12 else number, count
    if kind in (4, 5):
        return number, data[2]
    return number, data[3] if kind >= 6 else 1


@dataclass
class Feed:
    """One channel."""

    place: tuple[bytes, bytes, int]
    first: int
    number: int = 0
    now: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    format: int = UNKNOWN
    tries: int = 0
    rounds: int = 0
    hits: list[int] = field(default_factory=lambda: [0] * 8)
    expected: list[int] = field(default_factory=lambda: [0] * 8)
    pair: "Feed | None" = None
    look: int = 0
    pair_hits: int = 0
    pair_misses: int = 0
    raw: int = 0
    next: int = 0
    missing: int = 0
    missing_from: int = 0
    missing_to: int = 0
    gap_at: int = 0
    listed: bool = False
    open: int = 0
    last: int = 0
    told: int = 0
    longest: int = 0
    told_longest: int = 0
    reports: int = 0
    reports_before: int = 0
    packets_fast: int = 0
    packets_base: int = 0
    told_fast: int = 0
    told_base: int = 0
    told_slow: int = 0
    reports_slow: int = 0
    slots: int = 0
    lag_last: int = 0
    marks: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def mark(self, number: int) -> int | None:
        """Return when the packet of this number came, if that is remembered."""
        held = self.marks.get((number * GOLDEN & M64) >> 58)
        return held[1] if held and held[0] == number else None

    def had(self, number: int, end: int) -> int:
        """Return how many messages from `number` on it has had lately."""
        first, steps = number, 0
        while number < end and steps < 64 and self.mark(number) is not None:
            number += self.marks[(number * GOLDEN & M64) >> 58][2]
            steps += 1
        return min(number, end) - first

    def fill(self, count: int) -> None:
        self.missing = max(self.missing - count, 0)


def longest_of(longest: int, silence: int) -> int:
    """Return the longest silence: one long one is not at once usual."""
    if silence <= longest:
        return longest
    return min(silence, 2 * longest) if longest else silence


class Feeds:
    """All channels."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.feeds: dict[tuple[bytes, bytes, int], Feed] = {}
        self.listed: list[Feed] = []

    def packet(self, header: np.void, now: int) -> None:
        """Take a datagram to a group."""
        target, source = header["target"].tobytes(), header["source"].tobytes()
        place = (target, source, int(header["target_port"]))
        f = self.feeds.setdefault(place, Feed(place, now, len(self.feeds)))
        if not f.listed:
            f.listed, f.open = True, now
            self.listed.append(f)
        silence = now - f.last if f.last else 0
        f.now["worst"] = max(f.now["worst"], silence)
        f.longest = longest_of(f.longest, silence)
        f.last = now
        f.now["packets"] += 1
        f.now["bytes"] += int(header["payload_bytes"])
        raw = int(header["feed_sequence"])
        if header["feed"] == 2:
            f.format = MOLD
            self.take(f, (raw, int(header["feed_messages"])), now)
        elif f.format >= LEARNT:
            self.take(f, self.read(f, raw), now)
        elif f.format == UNKNOWN:
            self.learn(f, raw)
        f.raw = raw

    @staticmethod
    def read(f: Feed, raw: int) -> tuple[int, int]:
        """Return a packet's number and count; a count may explain a jump."""
        known = f.format - LEARNT
        said = number_of(known, raw)
        if f.next and said[0] != f.next:
            kind = counted_as(known, f.raw, raw)
            if kind is not None:
                f.format, said = LEARNT + kind, number_of(kind, raw)
                f.next = said[0]
        return said

    @staticmethod
    def learn(f: Feed, raw: int) -> None:
        for kind in range(8):
            number, count = number_of(kind, raw)
            f.hits[kind] += bool(f.tries and count and number == f.expected[kind])
            f.expected[kind] = (number + count) % (1 << 32)
        f.tries += 1
        if f.tries <= 32:
            return
        if max(f.hits) >= 29:
            f.format = LEARNT + f.hits.index(max(f.hits))
            return
        f.tries, f.hits = 0, [0] * 8
        f.rounds += 1
        f.format = NONE if f.rounds == 8 else UNKNOWN

    def take(self, f: Feed, said: tuple[int, int], now: int) -> None:
        """Take a packet's number and count."""
        number, count = said
        if not f.next or number == f.next:
            f.next = number + count
        else:
            self.odd(f, said, now)
        if not count:
            return
        f.now["messages"] += count
        if f.told:
            f.told_longest = longest_of(f.told_longest, now - f.told)
        f.told = now
        f.reports = self.mirror.reports
        self.compare(f, said, now)

    @staticmethod
    def odd(f: Feed, said: tuple[int, int], now: int) -> None:
        number, count = said
        if number > f.next:
            f.now["gaps"] += 1
            f.now["lost"] += number - f.next
            had = f.pair.had(f.next, number) if f.pair else 0
            f.now["covered"] += had
            if not f.missing:
                f.missing_from, f.gap_at = f.next, now
            f.missing += number - f.next - had
            f.missing_to = number
        elif f.next - number > 65_536 or (number <= 1 and f.next > 2):
            f.now["resets"] += 1
            f.missing = 0
        elif f.missing and f.missing_from <= number < f.missing_to:
            f.now["late"] += count
            f.fill(count)
            return
        else:
            f.now["duplicates"] += count != 0
            return
        f.next = number + count

    def compare(self, f: Feed, said: tuple[int, int], now: int) -> None:
        number, count = said
        f.marks[(number * GOLDEN & M64) >> 58] = (number, now, count)
        other = f.pair
        if other is None:
            self.seek(f, number)
            return
        then = other.mark(number)
        if then is not None:
            f.lag_last = now - then
            f.now["lag"] += f.lag_last
            f.now["lags"] += 1
            f.now["lag_worst"] = max(f.now["lag_worst"], f.lag_last)
        if other.missing and other.missing_from <= number < other.missing_to:
            other.now["covered"] += count
            other.fill(count)

    def seek(self, f: Feed, number: int) -> None:
        other = self.listed[f.look % len(self.listed)]
        is_other = other is not f and other.pair is None
        if is_other and other.mark(number) is not None:
            f.pair_misses = 0
            f.pair_hits += 1
            if f.pair_hits >= 8:
                f.pair, other.pair = other, f
            return
        if is_other:
            f.pair_misses += 1
            if f.pair_misses < 4:
                return
        f.look += 1
        f.pair_hits = f.pair_misses = 0

    def tick(self, at: int) -> list[tuple[dict[str, object], Row]]:
        """End a slot."""
        closed = [(self.key(f), self.row(f, at)) for f in self.listed[:]]
        for f in self.listed:
            self.roll(f, at)
        self.listed = [f for f in self.listed if f.listed]
        return closed

    @staticmethod
    def key(f: Feed) -> dict[str, object]:
        return {
            "open_ns": f.open,
            "close_ns": 0,
            "frame_count": 0,
            "first_ns": f.gap_at if f.missing else f.told,
            "accepted_ns": f.last,
            "address": f.place[0],
            "subject": f.number,
            "port": f.place[2],
            "kind": 6,
            "known": 0,
        }

    def row(self, f: Feed, at: int) -> Row:
        us = (at - f.open) // 1000
        told = f.told_fast + (f.now["messages"] << 16) // 10
        m = self.mirror
        row: Row = {
            "window_us": us,
            "packets": f.now["packets"],
            "messages": f.now["messages"],
            "packet_rate_1s": rate(f.packets_fast + (f.now["packets"] << 16) // 10),
            "packet_baseline": rate(f.packets_base),
            "message_rate_1s": rate(told),
            "message_baseline": rate(f.told_base),
            "message_ratio": ratio(told, f.told_base, SLOW),
            "bytes_rate": f.now["bytes"] * 1000 // us if us else 0,
            "mirror_doubt_rate_1s": rate(m.doubts()),
            "mirror_clean_ms": (at - (m.doubt or m.first)) // 1_000_000,
            "history_ms": (at - f.first) // 1_000_000,
            **self.silence(f, at),
        }
        names = ("gaps", "lost", "duplicates", "late", "resets", "covered")
        row |= {name: f.now[name] if f.next else None for name in names}
        gap_ms = (at - f.gap_at) // 1_000_000 if f.missing else 0
        row["has_numbers"] = int(f.next > 0)
        row["missing"] = f.missing if f.next else None
        row["missing_ms"] = gap_ms if f.next else None
        pair, lags = f.pair, f.now["lags"]
        row["paired"] = int(pair is not None)
        row["lag_last_us"] = f.lag_last // 1000 if pair else None
        has_lag = pair is not None and lags
        row["lag_mean_us"] = f.now["lag"] // lags // 1000 if has_lag else None
        row["lag_worst_us"] = f.now["lag_worst"] // 1000 if has_lag else None
        assert set(row) == set(FEED_SCHEMA.names)
        return row

    def silence(self, f: Feed, at: int) -> Row:
        silence, longest = (at - f.last) // 1000, f.longest // 1000
        told, told_longest = (at - f.told) // 1000, f.told_longest // 1000
        reports = self.mirror.reports - f.reports
        row: Row = {
            "told_silence_us": told,
            "told_longest_us": told_longest,
            "told_silence_ratio": ratio(told, told_longest, 1000),
            "reports_since": reports,
            "expected_since": reports * f.told_slow // (f.reports_slow + ONE),
        }
        if not f.told:
            row = dict.fromkeys(row)
        return row | {
            "silence_us": silence,
            "longest_us": longest,
            "silence_ratio": ratio(silence, longest, 1000),
            "arrival_worst_us": f.now["worst"] // 1000,
        }

    def roll(self, f: Feed, at: int) -> None:
        packets, told = f.now["packets"] << 16, f.now["messages"] << 16
        reports = (self.mirror.reports - f.reports_before) << 16
        f.slots = min(f.slots + 1, 300)
        f.packets_fast = (f.packets_fast * 9 + packets) // 10
        f.packets_base = (f.packets_base * (f.slots - 1) + packets) // f.slots
        f.told_fast = (f.told_fast * 9 + told) // 10
        f.told_base = (f.told_base * (f.slots - 1) + told) // f.slots
        f.told_slow = (f.told_slow * 99 + told) // 100
        f.reports_slow = (f.reports_slow * 99 + reports) // 100
        f.reports_before = self.mirror.reports
        f.longest -= f.longest >> 9
        f.told_longest -= f.told_longest >> 9
        if f.missing and at - f.gap_at > 10_000_000_000:
            f.missing = 0
        f.open = at
        f.now = dict.fromkeys(COUNTED, 0)
        f.listed = at - f.last <= 60_000_000_000
