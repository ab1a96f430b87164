"""What ext/window.pyx does, slowly and obviously: dictionaries and whole numbers.

`Reference(gateways, hosts).update(headers, messages)` returns every window at once, as
(key, row) of plain Python values. The tables are unbounded here; tests with so many
addresses that the kernel forgets some compare nothing with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.window import FEATURE_LIMIT
from tests.reference import window_flood as flood
from tests.reference.window_counts import ORDERS, orders_of, slot_counts
from tests.reference.window_feed import Feeds
from tests.reference.window_flood import ratio, share
from tests.reference.window_host import Hosts
from tests.reference.window_manner import (
    Manner,
    Symbols,
    like,
    symbol_market,
    units,
)
from tests.reference.window_mirror import Mirror
from tests.reference.window_price import Prices, Told
from tests.reference.window_sketch import mix, plain_hash
from tests.reference.window_venue import Place, Row

TICK, SLOT, JUMP = 10_000_000, 100_000_000, 1_000_000_000
ONE, SLOW = 65_536, 19_661
KINDS = {1: "new", 2: "cancel", 3: "replace", 4: "quote"}


def rate(per_slot: int) -> int:
    return per_slot * 100 >> 16


@dataclass
class Session:
    """One FIX session's memories."""

    now: dict[str, int] = field(default_factory=slot_counts)
    before: dict[str, int] = field(default_factory=slot_counts)
    first_order: int = 0
    open: int = 0
    window_first: int = 0
    streak: int = 0
    accepted: int = 0
    last_sequence: list[int] = field(default_factory=lambda: [0, 0])
    fast: int = 0
    fast_new: int = 0
    fast_fill: int = 0
    slow: int = 0
    base: int = 0
    base_new: int = 0
    base_fill: int = 0
    first: int = 0
    hot: int = 0
    deviation: int = 0
    peak: int = 0
    ack_slow: int = 0
    messages: int = 0
    slots: int = 0
    idle: int = 0
    frozen: int = 0
    market_now: int = 0
    market_before: int = 0
    clip: int = 0
    elevated_at: int = 0
    run: int = 0
    window_orders: int = 0
    in_market: bool = False
    elevated: bool = False
    active: bool = False
    listed: bool = False
    heard: set[int] = field(default_factory=set)
    closed: bool = False
    client: bytes = b""
    last_side: int = 0
    last_symbol: int = 0
    recent: list[int] = field(default_factory=lambda: [0] * 8)
    prices: list[int] = field(default_factory=lambda: [0] * 4)
    keys: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    pending: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    manner: Manner = field(default_factory=Manner)
    symbols: Symbols = field(default_factory=Symbols)
    told: Told = field(default_factory=Told)

    def both(self, kind: str) -> int:
        return self.now[kind] + self.before[kind]


def sliding(now: int, before: int, rest_us: int) -> int:
    return (now << 16) + (before << 16) * rest_us // 100_000


class Reference:
    """The whole of it; `windows` grows for ever."""

    def __init__(self, gateways: Sequence[Place], hosts: Sequence[bytes]) -> None:
        self.sessions: dict[int, Session] = {}
        self.listed: list[int] = []
        self.now_ns = self.frame_ns = self.frame_count = self.next_ns = 0
        self.market_now = self.market_before = self.market_base = self.market_fast = 0
        self.market_sessions = self.elevated = self.hot = self.market_first = 0
        self.symbols = Symbols()
        self.prices = Prices()
        self.windows: list[tuple[dict[str, object], Row]] = []
        self.flood = flood.Flood(gateways, hosts)
        self.venues = self.flood.venues
        self.mirror = Mirror(self.venues, lambda client: plain_hash(client) >> 58)
        self.feeds = Feeds(self.mirror)
        self.hosts = Hosts(self.flood, [place[0] for place in gateways], hosts)

    def update(self, headers: NDArray[np.void], messages: NDArray[np.void]) -> None:
        for header in headers:
            time_ns = int(header["time_ns"])
            self.frame_ns = max(time_ns, self.now_ns)
            self.frame_count = int(header["frame_count"])
            if not self.next_ns:
                self.flood.begin(time_ns)
                self.hosts.begin(time_ns, self.venues.seeds)
                self.next_ns = (time_ns // TICK + 1) * TICK
            while self.next_ns <= self.frame_ns:
                self.tick()
            before, self.now_ns = self.now_ns, self.frame_ns
            first = int(header["message_index"])
            held = messages[first : first + int(header["message_count"])]
            self.watch(header, held, before)
            self.packet(header, held)

    def watch(self, header: np.void, held: NDArray[np.void], before: int) -> None:
        if self.mirror.frame(header, held, before, self.now_ns):
            now = self.now_ns
            row = self.mirror.row(now, now // SLOT, self.listed)
            self.windows.append((self.mirror.key(self.frame_ns, self.frame_count), row))
        if header["feed"]:
            self.feeds.packet(header, self.now_ns)

    def hurried(self) -> None:
        """Take the windows that did not wait for their tick."""
        for key, row in self.flood.early:
            key["close_ns"], key["frame_count"] = self.frame_ns, self.frame_count
            self.windows.append((key, dict(row)))
        self.flood.early.clear()

    def tick(self) -> None:
        at, gap = self.next_ns, self.frame_ns - self.next_ns
        is_slot = gap > JUMP or at % SLOT == 0
        if is_slot:
            key = self.mirror.key(self.frame_ns, self.frame_count)
            row = self.mirror.tick(at, self.listed)
            if row is not None:
                self.windows.append((key, row))
            self.session_tick(at)
        closed: list[tuple[dict[str, object], Row]] = []
        closed += self.venues.tick(at, self.mirror.doubts()) if is_slot else []
        closed += self.feeds.tick(at) if is_slot else []
        closed += [(key, dict(row)) for key, row in self.flood.tick(at, is_slot)]
        closed += self.hosts.tick(at, is_slot)
        for key, row in closed:
            key["close_ns"], key["frame_count"] = self.frame_ns, self.frame_count
            self.windows.append((key, row))
        self.next_ns += TICK
        if gap > JUMP:
            self.skip(gap // SLOT)
            self.venues.skip()
            self.mirror.skip()
            self.next_ns = (self.frame_ns // TICK + 1) * TICK

    def packet(self, header: np.void, messages: NDArray[np.void]) -> None:
        if header["reason"] not in ((0, 4, 8) if header["target"].any() else (0, 4)):
            return
        index = int(header["session"])
        self.venues.now = self.hosts.now = self.now_ns
        if index >= 8192:
            if not flood.is_multicast(header["target"].tobytes()):
                self.hosts.frame(header)
            self.flood.stranger(header, self.now_ns)
            self.hurried()
            return
        s = self.sessions.setdefault(index, Session())
        up = header["direction"] == 0
        gateway = header["target" if up else "source"].tobytes()
        if header["stream_flags"] & 0x20:
            s = self.renew(index, s)
            self.hosts.renew(index, gateway, header)
        if not s.listed:
            s.listed, s.open = True, self.now_ns
            self.listed.append(index)
        s.active |= bool(header["stream_flags"] & 1)
        self.venues.frame(index, header)
        self.hosts.segment(index, header)
        for message in messages:
            self.message(index, message)
            self.hosts.witness(index, header, message, self.venues.joined(index))
            self.venues.clients[index].outstanding = len(s.pending)
            if s.window_orders >= 16:
                rest = (SLOT - self.now_ns % SLOT) // 1000
                self.close(index, self.now_ns, rest)
        held = s.heard == {0, 1}
        is_sound = any(not one["malformed"] for one in messages)
        self.hosts.mute(index, header, is_held=held, is_sound=is_sound)
        self.hosts.unasked(index, header, messages, self.venues)
        self.hosts.unread(index, header, self.venues, bool(s.heard) or s.closed)
        self.flood.session_frame(index, header, messages, self.now_ns)
        self.hurried()
        if is_over := bool(header["stream_flags"] & 0x40):
            self.hosts.hang_up(index, header, self.venues.joined(index))
        if not s.client and s.heard == {0, 1} and not s.closed:
            s.client = header["source" if up else "target"].tobytes()
            self.flood.establish(s.client, gateway)
            self.venues.join(index, s.client)
            self.hosts.establish(index, s.client, b"" if is_over else gateway)
        if s.heard == {0, 1} or is_over:
            self.flood.spoken(index)
        self.venues.part(index, header)
        if is_over and not s.closed:
            s.closed = self.hosts.party(index).closed = True
            self.venues.end(index)
            if s.client:
                self.flood.close_session(s.client, traded=s.accepted > 0)

    def renew(self, index: int, old: Session) -> Session:
        if old.client and not old.closed:
            self.flood.close_session(old.client, traded=old.accepted > 0)
        self.venues.renew(index)
        self.flood.spoken(index)
        self.flood.opened.add(index)
        new = Session(listed=old.listed, open=self.now_ns if old.listed else 0)
        self.sessions[index] = new
        return new

    def message(self, index: int, m: np.void) -> None:
        s = self.sessions[index]
        up, kind = m["direction"] == 0, int(m["kind"])
        s.active = True
        if m["malformed"]:
            return
        if up or kind in (5, 8, 10):
            s.heard.add(int(m["direction"]) & 1)
        self.venues.said(index, m)
        if not up:
            self.venues.heard(index)
        self.sequence(index, m)
        s.now["poss_dup"] += bool(up and m["flags"] & 1)
        s.now["up"] += bool(up)
        s.messages += bool(up)
        if up and kind in KINDS:
            self.order(index, m, KINDS[kind])
        elif not up and kind == 5:
            self.report(index, m)
        elif (not up and kind == 6) or kind == 7:
            s.now["reject"] += 1
            if kind == 7 and not up:
                self.prices.meetings.answer(index, is_refused=True)
            if not up:
                self.venues.answer(index, is_reject=True)
                s.now["answer"] += 1
                s.now["refused"] += 1
        elif kind == 8:
            s.manner.logon(int(m["original_key"]) if up else 0)
            self.venues.logon(index, up=bool(up))
        elif kind == 9 and not up:
            self.venues.logout(index)
        elif kind == 12:
            s.now["resend"] += 1
            self.venues.count(index, "resend_requests")

    def sequence(self, index: int, m: np.void) -> None:
        s = self.sessions[index]
        number, way = int(m["sequence"]), int(m["direction"]) & 1
        if not number or m["flags"] & 1:
            return
        if m["kind"] in (8, 13):
            s.last_sequence[way] = number
            return
        last = s.last_sequence[way]
        if last and number > last + 1:
            s.now["gap"] += 1
            self.venues.count(index, "sequence_gaps")
        s.last_sequence[way] = max(last, number)

    def order(self, index: int, m: np.void, kind: str) -> None:
        s, key = self.sessions[index], int(m["order_key"])
        self.venues.asked(index, kind)
        s.first_order = s.first_order or self.now_ns
        s.window_first = s.window_first or self.now_ns
        s.now[kind] += 1
        s.window_orders += 1
        if kind != "new":
            self.age(s, int(m["original_key"]))
        if key:
            lately = s.keys.setdefault(mix(key) % 64, [])
            if key not in [held for held, _ in lately]:
                lately.append((key, self.now_ns))
                del lately[:-4]
            elif kind == "new" and not m["flags"] & 3:
                s.now["duplicate"] += 1
        asked = like(m)
        if not m["flags"] & 3:
            self.far(index, m)
        self.manner_of(s, m, kind, asked)
        if kind == "new":
            self.repetition(s, m, asked)
            if key:
                s.pending[(mix(key) >> 32) % 128] = (key, self.now_ns, asked)
        if s.in_market and s.market_now < s.clip:
            s.market_now += 1
            self.market_now += 1
        if s.in_market and not s.elevated and 0 < s.elevated_at <= orders_of(s.now):
            s.elevated = True
            self.elevated += 1
            self.hot += not s.hot
            s.hot = 10

    def far(self, index: int, m: np.void) -> None:
        s, now = self.sessions[index], self.now_ns
        own = s.manner.size_mean if s.manner.sizes >= 8 else None
        s.told.first = s.first_order
        usual = own, s.base_new
        row = self.prices.order(index, s.told, m, usual, now, self.next_ns)
        if row is not None:
            venue = self.venues.clients[index].venue
            row["others_rejected"] = s.manner.others_rejected(venue, s.now)
            key = self.prices.key(index, now, s.accepted, self.frame_count)
            self.windows.append((key, row))

    def age(self, s: Session, key: int) -> None:
        lately = s.keys.get(mix(key) % 64, []) if key else []
        for held, at in lately:
            if held == key:
                s.now["aged"] += 1
                s.now["age_us"] += min((self.now_ns - at) // 1000, 1_000_000)

    def manner_of(self, s: Session, m: np.void, kind: str, asked: int) -> None:
        if not m["flags"] & 3:
            often = 2 if kind in ("replace", "quote") else 1
            s.now["sent"] += often
            s.now["volume"] += often * units(int(m["quantity"]))
            s.manner.shape(int(m["layout"]))
        s.manner.echo(asked, int(m["kind"]), self.now_ns)
        for symbols in (self.symbols, s.symbols):
            symbols.order(int(m["symbol_key"]), self.now_ns // SLOT)
        if kind == "replace":
            s.manner.replace(m, self.now_ns)

    def repetition(self, s: Session, m: np.void, asked: int) -> None:
        price, side, symbol = int(m["price"]), int(m["side"]), int(m["symbol_key"])
        s.manner.size(units(int(m["quantity"])))
        s.manner.side_run = s.manner.side_run + 1 if side == s.last_side else 0
        s.manner.unfilled += 1
        word = asked >> 32
        s.now["repeat"] += word in s.recent
        s.run = s.run + 1 if s.recent[-1] == word else 0
        s.now["identical"] += s.run > 0
        s.now["same_side"] += side == s.last_side
        s.now["same_symbol"] += symbol == s.last_symbol
        if price not in s.prices:
            s.now["new_price"] += 1
            s.prices = [*s.prices[1:], price]
        s.recent = [*s.recent[1:], word]
        s.last_side, s.last_symbol = side, symbol

    def report(self, index: int, m: np.void) -> None:
        s = self.sessions[index]
        key, place = int(m["order_key"]), (mix(int(m["order_key"])) >> 32) % 128
        waited = bool(key) and s.pending.get(place, (0, 0, 0))[0] == key
        kind = chr(int(m["exec_type"]) or int(m["order_status"]))
        if waited:
            _, sent_ns, asked = s.pending.pop(place)
            if kind == "8":
                s.now["retry"] += s.manner.refuse(asked >> 32)
            waited_ns = self.now_ns - sent_ns
            self.venues.ack(index, waited_ns)
            took = min(waited_ns // 1000, FEATURE_LIMIT)
            s.ack_slow = (
                (s.ack_slow * 63 + took * 16) // 64 if s.ack_slow else took * 16
            )
            s.now["acks"] += 1
            s.now["ack_us"] += took
        self.venues.answer(index, is_reject=kind == "8")
        self.prices.meetings.answer(index, is_refused=kind == "8")
        s.now["report"] += 1
        s.now["fill"] += kind in "F12"
        s.now["reject"] += kind == "8"
        s.now["answer"] += 1
        s.now["refused"] += kind == "8"
        if kind in "F12":
            s.manner.unfilled = 0
            side = "bought" if chr(m["side"]) in "13" else "sold"
            s.now[side] += units(int(m["quantity"]))
            self.prices.fill(s.told, m, self.now_ns)
        if kind == "0" or (kind in "F12" and waited):
            s.accepted = self.now_ns

    def close(self, index: int, at: int, rest_us: int) -> None:
        s = self.sessions[index]
        rates = self.rates(s, rest_us)
        venue = self.venues.clients[index].venue
        row: Row = {**rates, **self.conduct(s, rest_us)}
        row["others_rejected"] = s.manner.others_rejected(venue, s.now)
        is_elevated = s.slots >= 20 and rates["ratio_fast"] >= 3000
        if is_elevated and rates["relative_fast"] >= 2000:
            s.streak = s.streak or s.window_first
        else:
            s.streak = 0
        row["window_us"] = (at - s.open) // 1000
        row["history_ms"] = (at - s.first_order) // 1_000_000 if s.first_order else 0
        row["messages"] = s.messages
        row["streak_ms"] = (at - s.streak) // 1_000_000 if s.streak else 0
        key: dict[str, object] = {
            "open_ns": s.open,
            "close_ns": self.frame_ns,
            "frame_count": self.frame_count,
            "first_ns": s.streak,
            "accepted_ns": s.accepted,
            "address": s.manner.shapes(),
            "subject": index,
            "port": s.manner.version,
            "kind": 1,
            "known": 0,
        }
        assert set(row) == set(SESSION_SCHEMA.names)
        self.windows.append((key, row))
        s.open, s.window_first, s.window_orders, s.active = at, 0, 0, False

    def others(self, s: Session, rest_us: int) -> tuple[int, int, int, int, int]:
        count, high, first = self.market_sessions, self.elevated, self.market_first
        base, slow = self.market_base, self.market_fast
        now, before = self.market_now, self.market_before
        if s.in_market:
            count, high, base = count - 1, high - s.elevated, base - s.base
            first -= s.first
            slow -= min(s.fast, s.clip << 16)
            now, before = now - s.market_now, before - s.market_before
        if not count:
            return 1000, 1000, 0, high, 1000
        fast = sliding(now, before, rest_us)
        market = ratio(fast, base, ONE), ratio(slow, base, SLOW)
        return *market, count, high, ratio(slow, first, SLOW)

    def rates(self, s: Session, rest_us: int) -> dict[str, int]:
        def of(kind: str) -> int:
            return sliding(s.now[kind], s.before[kind], rest_us)

        now, before = orders_of(s.now), orders_of(s.before)
        fast = sliding(now, before, rest_us)
        second = s.fast + (now << 16) // 10
        own, own_1s = ratio(fast, s.base, ONE), ratio(second, s.base, SLOW)
        own_new = ratio(of("new"), s.base_new, ONE)
        market, market_1s, count, high, first = self.others(s, rest_us)
        symbol = symbol_market(self.symbols, s.symbols, self.now_ns // SLOT)
        own_first = ratio(second, s.first, SLOW)
        everyone = sliding(self.market_now, self.market_before, rest_us)
        excess = max(fast - s.base, 0)
        return {
            "orders": now + before,
            "rate_fast": rate(fast),
            **{f"rate_{kind}_fast": rate(of(kind)) for kind in ORDERS},
            "rate_1s": rate(second),
            "rate_10s": rate(s.slow + (now << 16) // 100),
            "rate_new_1s": rate(s.fast_new + (s.now["new"] << 16) // 10),
            "baseline": rate(s.base),
            "ratio_fast": own,
            "ratio_1s": own_1s,
            "ratio_new": own_new,
            "deviation_fast": excess * 1000 // (s.deviation + ONE),
            "peak_ratio": ratio(fast, s.peak, ONE),
            "market_fast": market,
            "market_1s": market_1s,
            "relative_fast": own * 1000 // max(market, 1000),
            "relative_1s": own_1s * 1000 // max(market_1s, 1000),
            "relative_new": own_new * 1000 // max(market, 1000),
            "elevated_share": share(high, count),
            "active_sessions": count + 1,
            "relative_first": own_first * 1000 // max(first, 1000),
            "elevated_1s": self.hot - (s.in_market and s.hot > 0),
            "symbol_market": symbol,
            "relative_symbol": own_1s * 1000 // max(market_1s, symbol, 1000),
            "market_share": share(fast, everyone if s.in_market else everyone + fast),
        }

    def conduct(self, s: Session, rest_us: int) -> Row:
        fresh, acks, up = s.both("new"), s.both("acks"), s.both("up")
        mean = s.both("ack_us") // acks if acks else None
        fills = s.fast_fill + (s.now["fill"] << 16) // 10
        news = s.fast_new + (s.now["new"] << 16) // 10
        same = sliding(s.now["identical"], s.before["identical"], rest_us)
        of_new = {
            "repeat_share": "repeat",
            "same_side_share": "same_side",
            "new_price_share": "new_price",
            "same_symbol_share": "same_symbol",
            "cancels_per_new": "cancel",
            "replaces_per_new": "replace",
        }
        recent = {
            "duplicates": "duplicate",
            "rejects": "reject",
        }
        return {
            **{name: share(s.both(kind), fresh) for name, kind in of_new.items()},
            **{name: s.both(kind) for name, kind in recent.items()},
            **s.manner.rhythm({kind: s.both(kind) for kind in ("aged", "age_us")}),
            **s.manner.fills(s.now),
            "fill_ratio": ratio(fills, s.base_fill, SLOW),
            "repeat_run": s.run,
            "identical_rate": rate(same),
            "fills_per_new": share(fills, news),
            "reject_share": share(
                s.both("reject"), s.both("report") + s.both("reject")
            ),
            "outstanding": len(s.pending),
            "ack_mean_us": mean,
            "ack_ratio": (None if mean is None else ratio(mean, s.ack_slow // 16, 50)),
            "poss_dup_share": share(s.both("poss_dup"), up),
        }

    def roll(self, s: Session) -> None:
        orders = orders_of(s.now)
        count = orders << 16
        s.fast = (s.fast * 9 + count) // 10
        s.fast_new = (s.fast_new * 9 + (s.now["new"] << 16)) // 10
        s.fast_fill = (s.fast_fill * 9 + (s.now["fill"] << 16)) // 10
        s.slow = (s.slow * 99 + count) // 100
        s.manner.roll(s.now)
        s.idle = 0 if orders else s.idle + 1
        if s.first_order:
            is_high = ratio(count, s.base, ONE) >= 3000
            is_high |= ratio(s.fast, s.base, SLOW) >= 3000
            s.frozen = s.frozen + 1 if s.slots >= 20 and is_high else 0
            if s.idle < 20 and (not s.frozen or s.frozen > 600):
                self.learn(s, count)
        s.market_before, s.market_now = s.market_now, 0
        s.before, s.now = s.now, slot_counts()
        s.in_market = s.slots >= 10 and s.idle < 20
        s.elevated = s.in_market and 0 < s.elevated_at <= orders
        s.hot = 10 if s.elevated else max(s.hot - 1, 0)
        s.clip = 16 * ((s.base >> 16) + 1)
        s.elevated_at = ((2 * (s.base + ONE)) >> 16) + 1

    def learn(self, s: Session, count: int) -> None:
        n = min(s.slots + 1, 300)
        if s.frozen:
            count = min(count, 3 * (s.base + ONE))
        spread = abs(count - s.base)
        s.base = (s.base * (n - 1) + count) // n
        s.base_new = (s.base_new * (n - 1) + (s.now["new"] << 16)) // n
        s.base_fill = (s.base_fill * (n - 1) + (s.now["fill"] << 16)) // n
        if s.slots < 50:
            s.first = s.base
        s.deviation = (s.deviation * (n - 1) + spread) // n
        s.slots += 1
        if s.slots > 20:
            s.peak = max(s.peak, s.fast)

    def session_tick(self, at: int) -> None:
        for index in self.listed:
            if self.sessions[index].active:
                self.close(index, at, 0)
        for index in self.listed:
            self.roll(self.sessions[index])
            self.sessions[index].listed = self.sessions[index].idle < 100
        market = [s for s in map(self.sessions.get, self.listed) if s and s.in_market]
        for index in self.listed:
            if not self.sessions[index].in_market:
                self.sessions[index].market_before = 0
        self.listed = [i for i in self.listed if self.sessions[i].listed]
        self.market_now = 0
        self.market_before = sum(s.market_before for s in market)
        self.market_base = sum(s.base for s in market)
        self.market_fast = sum(min(s.fast, s.clip << 16) for s in market)
        self.market_first = sum(s.first for s in market)
        self.hot, self.market_sessions = sum(s.hot > 0 for s in market), len(market)
        self.elevated = sum(s.elevated for s in market)

    def skip(self, slots: int) -> None:
        for s in (self.sessions[index] for index in self.listed):
            s.fast = s.fast_new = s.fast_fill = s.frozen = s.market_before = 0
            s.slow >>= min(slots // 69, 63)
            s.manner.forget(min(slots // 69, 63))
            s.hot, s.idle = 0, 20
            s.in_market = s.elevated = False
            s.before = slot_counts()
        self.market_before = self.market_base = self.market_fast = 0
        self.hot = self.market_first = 0
        self.market_sessions = self.elevated = 0
