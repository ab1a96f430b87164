"""How sessions end, for the venue part of ext/window.pyx's reference."""

from dataclasses import dataclass, field

import numpy as np

AT_ONCE, SEEN, EPOCH, LEAST = 300_000_000, 1_000_000_000, 10_000_000_000, 500_000_000


@dataclass
class Unheard:
    """When a client said Heartbeats and TestRequests, since the gateway spoke."""

    times: list[int] = field(default_factory=list)
    heard: int = 0
    counted: bool = False
    logged_out: bool = False
    parted: bool = False

    def message(self, m: np.void, now: int) -> bool:
        """Take a message; return whether its client spoke to nobody."""
        self.logged_out |= m["kind"] == 9
        if m["direction"] != 0:
            self.times, self.heard, self.counted = [], now, False
            return False
        if m["kind"] not in (10, 11):
            return False
        self.times.append(now)
        return self.owed(now)

    def owed(self, now: int) -> bool:
        """Return whether one and a half intervals have passed without a word."""
        if len(self.times) < 2:
            return False
        run = self.times[-1] - self.times[0]
        return (
            run >= LEAST and 2 * (now - self.heard) * (len(self.times) - 1) >= 3 * run
        )


@dataclass
class Cuts:
    """Sessions that a gateway ended at once: the host of each."""

    first: int = 0
    held: int = 0
    hosts: list[int] = field(default_factory=list)

    def add(self, host: int, held: int, now: int) -> None:
        if not self.first or now - self.first > AT_ONCE:
            self.first, self.held, self.hosts = now, held, []
        self.hosts.append(host)

    def row(self, at: int) -> dict[str, int | None]:
        is_seen = self.first and at - self.first <= SEEN
        count = len(self.hosts) if is_seen else 0
        return {
            "sessions_cut": count,
            "cut_share": count * 1000 // max(self.held, count) if count else 0,
            "cut_hosts": len(set(self.hosts)) if is_seen else 0,
        }


@dataclass
class Silences:
    """When which host's session was answered by nobody."""

    seen: list[tuple[int, int]] = field(default_factory=list)

    def add(self, host: int, now: int) -> None:
        self.seen.append((now // EPOCH, host))

    def row(self, at: int) -> dict[str, int | None]:
        hosts = [host for epoch, host in self.seen if at // EPOCH - epoch <= 1]
        return {"sessions_unheard": len(hosts), "unheard_hosts": len(set(hosts))}
