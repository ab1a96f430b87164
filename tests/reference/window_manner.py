"""The manner half of the session reference: likeness, rhythm, fills, symbols."""

from dataclasses import dataclass, field
from math import log2

import numpy as np

from tests.reference.window_sketch import GOLDEN, M64, mix
from tests.reference.window_venue import Row, Venue

SECOND, CHAIN_NS, MINUTE = 1_000_000_000, 200_000_000, 60_000_000_000
ONE, SLOW = 65_536, 19_661
SECOND_HASH = 0xBF58476D1CE4E5B9
UNITS_MAX = 0xFFFFFFFF


def share(part: int, whole: int) -> int:
    return part * 1000 // whole if whole else 0


def ratio(a: int, b: int, prior: int) -> int:
    return (a + prior) * 1000 // (b + prior)


def units(quantity: int) -> int:
    """Hundredths of a unit."""
    return min(quantity // 1_000_000, UNITS_MAX) if quantity > 0 else 0


def like(m: np.void) -> int:
    """What an order asks for, in one number."""
    price, quantity = int(m["price"]) & M64, int(m["quantity"]) & M64
    inner = mix(int(m["symbol_key"]) ^ (price * GOLDEN & M64))
    asked = quantity * SECOND_HASH + int(m["side"]) + 1
    return mix(inner ^ (asked & M64))


@dataclass
class Chain:
    """An order that is being replaced."""

    key: int = 0
    origin: int = 0
    last: int = 0
    run: int = 0


@dataclass
class Manner:
    """What one session's orders are like."""

    echoes: list[tuple[int, int]] = field(default_factory=list)
    total: int = 0
    refused: list[int] = field(default_factory=lambda: [0] * 4)
    chains: list[Chain] = field(default_factory=lambda: [Chain() for _ in range(4)])
    oldest: int = 0
    longest: int = 0
    longest_before: int = 0
    sizes: int = 0
    size_mean: int = 0
    largest: int = 0
    largest_before: int = 0
    side_run: int = 0
    unfilled: int = 0
    #: name -> memory of ten seconds
    slow: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("sent", "fill", "resend", "gap", "retry", "volume", "bought", "sold"), 0
        )
    )
    answers: int = 0
    layouts: int = 0
    version: int = 0
    rejects: int = 0

    def shape(self, layout: int) -> None:
        """Note an order's layout."""
        self.layouts |= 1 << layout - 1 if 0 < layout <= 128 else 0

    def shapes(self) -> bytes:
        """Return the layouts of a window, and begin anew."""
        seen, self.layouts = self.layouts, 0
        return seen.to_bytes(16, "little")

    def logon(self, version: int) -> None:
        """Note the version that a Logon names; 0: none."""
        self.version = version >> 48 | 1 if version else self.version

    def echo(self, asked: int, kind: int, now: int) -> None:
        self.echoes = [*self.echoes, ((asked >> 32) + kind & 0xFFFFFFFF, now)][-33:]
        self.total += 1

    def size(self, quantity: int) -> None:
        n = min(self.sizes + 1, 64)
        self.largest = max(self.largest, quantity)
        if self.sizes >= 8:
            quantity = min(quantity, 4 * self.size_mean + 4)
        self.size_mean = (self.size_mean * (n - 1) + quantity) // n
        self.sizes = n

    def replace(self, m: np.void, now: int) -> None:
        key, origin = int(m["order_key"]), int(m["original_key"])
        if not origin:
            return
        held = [one for one in self.chains if origin in (one.key, one.origin)]
        if held:
            one = held[0]
            if now - one.last > CHAIN_NS:
                one.run = 0
        else:
            one = self.chains[self.oldest]
            self.oldest = (self.oldest + 1) % 4
            one.run = 0
        one.key, one.origin, one.last, one.run = key, origin, now, one.run + 1
        self.longest = max(self.longest, one.run)

    def roll(self, now: dict[str, int]) -> None:
        for name in ("sent", "fill", "resend", "gap", "retry"):
            self.slow[name] = (self.slow[name] * 99 + (now[name] << 16)) // 100
        for name in ("volume", "bought", "sold"):
            self.slow[name] = (self.slow[name] * 99 + now[name]) // 100
        self.answers = (self.answers * 9 + (now["answer"] << 16)) // 10
        self.rejects = (self.rejects * 9 + (now["refused"] << 16)) // 10
        self.largest_before, self.largest = self.largest, 0
        self.longest_before, self.longest = self.longest, 0

    def forget(self, halves: int) -> None:
        self.slow = {name: value >> halves for name, value in self.slow.items()}
        self.largest_before = self.longest_before = self.answers = self.rejects = 0

    def rhythm(self, both: dict[str, int]) -> Row:
        """The columns of loops and their rhythm."""
        words = [word for word, _ in self.echoes][-32:]
        last, aged = words[-16:], both["aged"]
        counts = [last.count(word) for word in last]
        bits = 4000 - sum(round(1000 * log2(count)) for count in counts) // 16
        times = [at for _, at in self.echoes][-17:]
        pairs = zip(times[1:], times, strict=False)
        gaps = [min(later - before, MINUTE) for later, before in pairs]
        total = sum(gaps)
        apart = sum(abs(gap * 16 - total) for gap in gaps)
        is_known = self.total > 16
        return {
            "replace_run": max(self.longest, self.longest_before),
            "cancel_age_us": both["age_us"] // aged if aged else None,
            "entropy": bits if self.total >= 16 else None,
            "loop_share": self.loop_share(words),
            "gap_deviation": (
                apart * 1000 // 16 // (total + 16_000) if is_known else None
            ),
            "rate_16": 160 * SECOND // (total + 1_000_000) if is_known else None,
        }

    def loop_share(self, words: list[int]) -> int:
        looked = (len(words) - 8) // 4 * 4
        if looked < 8:
            return 0
        best = max(
            sum(words[-i] == words[-i - lag] for i in range(1, looked + 1))
            for lag in range(1, 9)
        )
        return share(best, looked)

    def fills(self, now: dict[str, int]) -> Row:
        """The columns of what came of the orders."""
        sent, fill = (
            self.slow[name] + (now[name] << 16) // 100 for name in ("sent", "fill")
        )
        volume, bought, sold = (
            self.slow[name] + now[name] // 100 for name in ("volume", "bought", "sold")
        )
        traded = bought + sold
        return {
            "unfilled_run": self.unfilled,
            "order_to_trade": share(max(sent - fill, 0), fill) if fill else None,
            "volume_to_trade": (
                share(max(volume - traded, 0), traded) if traded else None
            ),
            "drift_share": share(abs(bought - sold), traded) if traded else None,
            "resend_rate": self.often("resend", now),
            "gap_rate": self.often("gap", now),
            "retries": self.often("retry", now),
            "side_run": self.side_run,
            "quantity_ratio": (
                max(self.largest, self.largest_before) * 1000 // (self.size_mean + 1)
                if self.sizes > 8
                else None
            ),
        }

    def often(self, name: str, now: dict[str, int]) -> int:
        return (self.slow[name] + (now[name] << 16) // 100) * 100 >> 16

    def refuse(self, word: int) -> bool:
        """Take an order that was refused; return whether one like it was lately."""
        if word in self.refused:
            return True
        self.refused = [*self.refused[1:], word]
        return False

    def others_rejected(self, venue: Venue, now: dict[str, int]) -> int:
        every = venue.answers + (venue.counts["answers"] << 16) // 10
        bad = venue.rejects + (venue.counts["rejects"] << 16) // 10
        own = self.answers + (now["answer"] << 16) // 10
        own_bad = self.rejects + (now["refused"] << 16) // 10
        return share(max(bad - own_bad, 0), max(every - own, 0))


def group_of(symbol: int) -> int:
    return (symbol * GOLDEN & M64) >> 59


@dataclass
class Group:
    """Order messages of a group of symbols."""

    slot: int = 0
    fast: int = 0
    base: int = 0
    current: int = 0
    slots: int = 0

    def roll(self, slot: int) -> None:
        gap = slot - self.slot
        if not gap:
            return
        if self.slot:
            n = min(self.slots + 1, 300)
            self.fast = (self.fast * 9 + (self.current << 16)) // 10
            self.base = (self.base * (n - 1) + (self.current << 16)) // n
            self.slots = n
            if gap > 1:
                self.silence(gap)
        self.slot, self.current = slot, 0

    def silence(self, gap: int) -> None:
        lost = gap - 1
        left = ONE * 9**lost // 10**lost if lost <= 32 else 0
        self.fast = self.fast * left >> 16
        after = self.slots + lost
        if after <= 300:
            self.base = self.base * self.slots // after
        else:
            self.base = self.base * (300 - gap) // 300 if gap < 300 else 0
        self.slots = min(after, 300)


@dataclass
class Symbols:
    """The groups of everybody, or of one session."""

    groups: dict[int, Group] = field(default_factory=dict)
    last: int = 0

    def order(self, symbol: int, slot: int) -> None:
        self.last = group_of(symbol)
        self.at(self.last, slot).current += 1

    def at(self, group: int, slot: int) -> Group:
        found = self.groups.setdefault(group, Group())
        found.roll(slot)
        return found


def symbol_market(every: Symbols, own: Symbols, slot: int) -> int:
    both = every.at(own.last, slot), own.at(own.last, slot)
    fast, mine = (one.fast + (one.current << 16) // 10 for one in both)
    return ratio(max(fast - mine, 0), max(both[0].base - both[1].base, 0), SLOW)
