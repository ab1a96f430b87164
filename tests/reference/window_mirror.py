"""Sensor windows, slowly: what the traffic shows of the mirror."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from airnet.domain.columns_sensor import SENSOR_SCHEMA
from tests.reference.window_part import Part, share
from tests.reference.window_venue import Row, Venues

SLOT = 100_000_000
ONE = 65_536
M32 = (1 << 32) - 1
RETRANSMIT, OUT_OF_ORDER, OPENED, TWICE, UNSEEN, LOST = 1, 2, 0x20, 0x100, 0x200, 0x400


def rate(per_slot: int) -> int:
    return per_slot * 100 >> 16


def divided(a: int, b: int) -> int:
    """Return a / b as C rounds it: towards zero."""
    return a // b if a >= 0 else -(-a // b)


@dataclass
class Clock:
    """The least delay of one way of a session."""

    base: int = 0
    least: int = 0
    noise: int = 0
    said: int = 0
    epochs: int = 0
    shifted: int = 0

    def say(self, delay: int) -> None:
        self.least = delay if not self.said else min(self.least, delay)
        self.said += 1

    def end(self) -> tuple[int, bool] | None:
        """End an epoch: None when not judged, else the shift and whether it tells."""
        if self.said < 3:
            return None
        self.said = 0
        if self.epochs < 4:
            self.base = min(self.base, self.least) if self.epochs else self.least
            self.epochs += 1
            self.noise = 2_000_000 // 6
            return None
        shift = self.least - self.base
        if abs(shift) <= 500_000 or abs(shift) <= 6 * self.noise:
            self.shifted = 0
            self.noise += divided(abs(shift) - self.noise, 8)
            self.base += max(-25_000, min(25_000, shift))
            return shift, False
        self.shifted += 1
        tells = self.shifted > 1 or abs(shift) > 2_000_000
        if self.shifted >= 6:
            self.shifted, self.base = 0, self.least
        return shift, tells


@dataclass
class Witness:
    """What one session shows."""

    client: bytes = bytes(16)
    seen: list[int] = field(default_factory=lambda: [0, 0])
    heard: set[int] = field(default_factory=set)
    signs: dict[str, int] = field(default_factory=dict)
    clocks: tuple[Clock, Clock] = field(default_factory=lambda: (Clock(), Clock()))


COUNTED = (
    "lost",
    "lost_down",
    "lost_bytes",
    "twice_down",
    "retransmits",
    "out_of_order",
    "odd_back",
    "far_back",
    "evidence",
    "back_ns",
)


class Mirror:
    """The whole of it; `place` gives the bit of a client's address."""

    def __init__(self, venues: Venues, place: Callable[[bytes], int]) -> None:
        self.venues, self.place = venues, place
        self.witnesses: dict[int, Witness] = {}
        self.now = dict.fromkeys(COUNTED, 0)
        self.parts = {"twice": Part(), "unseen": Part(), "back": Part()}
        self.first = self.open = self.reports = self.slots = 0
        self.doubt = self.back_past = 0
        self.frames_fast = self.frames_base = 0
        self.lost_fast = self.lost_slow = self.data_slow = 0
        self.unseen_slots = self.unseen_slots_base = 0
        self.clocks = self.no_clocks()

    @staticmethod
    def no_clocks() -> dict[str, int]:
        names = ("judged", "ahead", "behind")
        return {f"{name}{way}": 0 for name in names for way in (0, 1)} | {"shift": 0}

    def frame(
        self, header: np.void, messages: NDArray[np.void], before: int, now: int
    ) -> bool:
        """Take a frame; true when a window closes before its time."""
        hard = 0
        self.parts["back"].whole += 1
        back = before - int(header["time_ns"])
        if back > 0:
            hard += self.back(back)
        if not self.first:
            self.first = self.open = now
        if header["session"] < 8192 and header["reason"] == 0:
            hard += self.session(header, messages, now)
        self.now["evidence"] += hard > 0
        return hard > 0 and self.now["evidence"] in (4, 16, 64)

    def back(self, back: int) -> bool:
        self.parts["back"].part += 1
        self.now["odd_back"] += back > 4 * self.back_past + 20_000
        self.now["back_ns"] = max(self.now["back_ns"], back)
        if back >= 2_000_000:
            self.now["far_back"] += 1
        return back >= 2_000_000

    def session(self, header: np.void, messages: NDArray[np.void], now: int) -> bool:
        index, way = int(header["session"]), int(header["direction"]) & 1
        if header["stream_flags"] & OPENED or index not in self.witnesses:
            self.witnesses[index] = Witness()
        t = self.witnesses[index]
        if header["stream_flags"] & OPENED:
            t.client = header["target" if way else "source"].tobytes()
        t.seen[way] = now // SLOT
        t.heard.add(way)
        self.parts["unseen"].whole += 1
        self.parts["twice"].whole += header["payload_bytes"] != 0
        self.signs(t, header, now)
        for message in messages:
            self.reports += message["kind"] == 5
            if message["sending_ns"] and not message["malformed"]:
                sent = int(message["sending_ns"])
                if sent % 1_000_000_000 and not message["flags"] & 3:
                    delay = int(header["time_ns"]) - sent
                    t.clocks[way].say(delay)
        return bool(header["stream_flags"] & LOST)

    def signs(self, t: Witness, header: np.void, now: int) -> None:
        flags, down = int(header["stream_flags"]), header["direction"] != 0
        self.now["retransmits"] += bool(flags & RETRANSMIT)
        self.now["out_of_order"] += bool(flags & OUT_OF_ORDER)
        for name, flag in (("twice", TWICE), ("unseen", UNSEEN), ("lost", LOST)):
            if flags & flag:
                t.signs[name] = now // SLOT
        self.parts["twice"].part += bool(flags & TWICE)
        self.now["twice_down"] += bool(flags & TWICE and down)
        self.parts["unseen"].part += bool(flags & UNSEEN)
        if flags & LOST:
            self.now["lost"] += 1
            self.now["lost_down"] += bool(down)
            self.now["lost_bytes"] += int(header["lost_bytes"])
        if flags & (LOST | UNSEEN):
            self.doubt = now

    def tick(self, at: int, listed: list[int]) -> Row | None:
        """End a slot; its row, if there was a frame."""
        slot = (at - 1) // SLOT
        if (slot & M32) % 5 == 0:
            self.epoch(listed)
        row = self.row(at, slot, listed) if self.parts["back"].whole else None
        self.roll(at)
        return row

    def epoch(self, listed: list[int]) -> None:
        self.clocks = c = self.no_clocks()
        for index in listed:
            for way, clock in enumerate(self.witness(index).clocks):
                found = clock.end()
                if found is None:
                    continue
                shift, tells = found
                c[f"judged{way}"] += 1
                if not tells:
                    continue
                c[f"ahead{way}" if shift > 0 else f"behind{way}"] += 1
                c["shift"] = min(c["shift"] or abs(shift), abs(shift))

    def witness(self, index: int) -> Witness:
        return self.witnesses.setdefault(index, Witness())

    def row(self, at: int, slot: int, listed: list[int]) -> Row:
        frames = self.parts["back"].whole
        twice, unseen, back = (self.parts[one] for one in ("twice", "unseen", "back"))
        lost = self.lost_fast + (self.now["lost"] << 16) // 10
        data = twice.whole_fast + (twice.whole << 16) // 10
        slow = self.data_slow + (twice.whole << 16) // 100
        row: Row = {
            "window_us": (at - self.open) // 1000,
            "frames": frames,
            "frame_rate_1s": rate(self.frames_fast + (frames << 16) // 10),
            "frame_baseline": rate(self.frames_base),
            "data_frames": twice.whole,
            "losses": self.now["lost"],
            "losses_down": self.now["lost_down"],
            "loss_rate_1s": rate(lost),
            "loss_share_1s": share(lost, data + 10 * ONE),
            "loss_share_10s": share(
                self.lost_slow + (self.now["lost"] << 16) // 100, slow + 10 * ONE
            ),
            "session_frames": unseen.whole,
            "unseen": unseen.part,
            "unseen_share_1s": unseen.recent(),
            "unseen_baseline": unseen.base * 1000 >> 16,
            "unseen_windows": self.unseen_slots * 1000 >> 16,
            "unseen_windows_baseline": self.unseen_slots_base * 1000 >> 16,
            "twice": twice.part,
            "twice_share_1s": twice.recent(),
            "twice_baseline": twice.base * 1000 >> 16,
            "back_frames": back.part,
            "odd_back_frames": self.now["odd_back"],
            "far_back_frames": self.now["far_back"],
            "back_share_1s": back.recent(),
            "back_baseline": back.base * 1000 >> 16,
            "back_worst_us": self.now["back_ns"] // 1000,
            "back_past_us": self.back_past // 1000,
            "history_ms": (at - self.first) // 1_000_000,
            **{
                name: self.now[name]
                for name in ("twice_down", "lost_bytes", "retransmits", "out_of_order")
            },
            **self.together(slot, listed),
        }
        assert set(row) == set(SENSOR_SCHEMA.names)
        return row

    def together(self, slot: int, listed: list[int]) -> dict[str, int]:
        """Return what the witnesses show together."""
        active = one_way = 0
        clients: dict[str, set[int]] = {"twice": set(), "lost": set(), "unseen": set()}
        for index in listed:
            t = self.witness(index)
            last = slot - max(t.seen)
            if t.heard != {0, 1} or last & M32 >= 10:
                continue
            active += 1
            fresh = {one for one, then in t.signs.items() if (slot - then) & M32 < 10}
            for one in fresh:
                clients[one].add(self.place(t.client))
            apart = max(t.seen) - min(t.seen)
            one_way += "unseen" in fresh and apart >= 3
        c, risen = self.clocks, self.venues.risen()
        return {
            "sessions_active": active,
            "sessions_one_way": one_way,
            "one_way_share": share(one_way, active),
            **{f"clients_{one}": len(found) for one, found in clients.items()},
            "clocks_up": c["judged0"],
            "clocks_down": c["judged1"],
            "ahead_up_share": share(c["ahead0"], c["judged0"]),
            "ahead_down_share": share(c["ahead1"], c["judged1"]),
            "behind_up_share": share(c["behind0"], c["judged0"]),
            "behind_down_share": share(c["behind1"], c["judged1"]),
            "clock_shift_us": c["shift"] // 1000,
            "venues_risen": risen,
        }

    def roll(self, at: int) -> None:
        frames, lost = self.parts["back"].whole, self.now["lost"]
        self.slots = min(self.slots + 1, 300)
        self.frames_fast = (self.frames_fast * 9 + (frames << 16)) // 10
        base = self.frames_base * (self.slots - 1) + (frames << 16)
        self.frames_base = base // self.slots
        self.lost_fast = (self.lost_fast * 9 + (lost << 16)) // 10
        self.lost_slow = (self.lost_slow * 99 + (lost << 16)) // 100
        data = self.parts["twice"].whole
        self.data_slow = (self.data_slow * 99 + (data << 16)) // 100
        unseen = self.parts["unseen"]
        if unseen.whole:
            one = ONE if unseen.part else 0
            self.unseen_slots = (self.unseen_slots * 19 + one) // 20
            self.unseen_slots_base = (self.unseen_slots_base * 299 + one) // 300
        for part in self.parts.values():
            part.roll()
        self.back_past -= self.back_past >> 9
        self.back_past = max(self.back_past, self.now["back_ns"])
        self.open = at
        self.now = dict.fromkeys(COUNTED, 0)

    def doubts(self) -> int:
        """Return what is missing or was not seen so far, lately; Q16."""
        unseen = self.parts["unseen"]
        fresh = (self.now["lost"] + unseen.part) << 16
        return self.lost_fast + unseen.part_fast + fresh // 10

    def skip(self) -> None:
        """Capture time jumped."""
        self.frames_fast = self.lost_fast = 0

    def key(self, frame_ns: int, frame_count: int) -> dict[str, object]:
        """Return the key of the window that closes now."""
        return {
            "open_ns": self.open,
            "close_ns": frame_ns,
            "frame_count": frame_count,
            "first_ns": self.open,
            "accepted_ns": 0,
            "address": bytes(16),
            "subject": 0,
            "port": 0,
            "kind": 7,
            "known": 0,
        }
