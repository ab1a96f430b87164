"""Passers: what reaches a gateway beside its sessions, by chance or to hurt it.

File transfers, queries, one-way streams, reconnect storms and port scans that mean no
harm; floods of every kind from one host, a few, or forged addresses.
"""

import numpy as np
from numpy.typing import NDArray

from airnet.train.lines import FLOOD_MARK, GATEWAY, START_NS
from airnet.train.packets import (
    ACK,
    FIN,
    ICMP,
    PSH,
    RST,
    SYN,
    TCP,
    UDP,
    Capture,
    Ends,
    frames_of,
)

REFLECTORS = (53, 123, 161, 389, 500, 1900, 11211)
#: Packets of one flood at most: it is cut short, not slowed.
FLOOD_PACKETS = 40_000
FLOODS = ("syn", "syn", "syn", "ack", "udp", "icmp", "mirror", "logon")
HELD_FLOODS = ("rst", "fin", "mirror")
#: Drawn for the test only: packets per second, and how many sources.
HELD_RATE = (4_000.0, 9_000.0)
HELD_SOURCES = (4, 12)
Seconds = NDArray[np.float64]


def stamped(times: Seconds) -> NDArray[np.int64]:
    """Return seconds of the episode as ns since the epoch."""
    return START_NS + (times * 1e9).astype(np.int64)


def blank(count: int, size: int = 0) -> NDArray[np.uint8]:
    """Return payloads of so many bytes."""
    return np.zeros((count, size), np.uint8)


def anybody(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Return addresses that anybody may have."""
    return rng.integers(1 << 24, 1 << 31, count)


def steady(rng: np.random.Generator, rate: float, span: tuple[float, float]) -> Seconds:
    """Return sorted arrival times of a stream, at random or by the clock."""
    count = int(rate * (span[1] - span[0]))
    if rng.random() < 0.3:
        return np.linspace(span[0], span[1], count, endpoint=False)
    return np.sort(rng.uniform(span[0], span[1], count))


def transfer(rng: np.random.Generator, capture: Capture, seconds: float) -> None:
    """Add a TCP conversation of no session: ssh, a database, a backup."""
    rate = min(10 ** rng.uniform(0.5, 4.0), 30_000 / seconds)
    times = steady(rng, rate, (0, seconds))
    ports = int(rng.integers(1024, 65_535)), int(rng.choice([22, 443, 502, 5432, 8443]))
    ends = Ends(int(anybody(rng, 1)[0]), GATEWAY, ports)
    if rng.random() < 0.4:
        ends = ends.back()
    data = blank(len(times), int(rng.choice([40, 200, 1400])))
    capture.add(stamped(times), frames_of(ends, TCP, data, (1, 1, ACK | PSH)))
    share = min(float(rng.uniform(0.35, 1.2)), 1.0)
    chosen = times[rng.random(len(times)) < share] + 10 ** rng.uniform(-4, -2)
    back = frames_of(ends.back(), TCP, blank(len(chosen)), (1, 1, ACK))
    capture.add(stamped(chosen), back)


def queries(rng: np.random.Generator, capture: Capture, seconds: float) -> None:
    """Add UDP or ICMP questions with answers: DNS, NTP, pings."""
    protocol = int(rng.choice([UDP, UDP, ICMP]))
    times = steady(rng, 10 ** rng.uniform(0.0, 2.7), (0, seconds))
    count = len(times)
    source = rng.choice(anybody(rng, int(rng.integers(1, 30))), count)
    ends = Ends(
        source, GATEWAY, (rng.integers(1024, 65_535, count), int(rng.choice([53, 123])))
    )
    capture.add(stamped(times), frames_of(ends, protocol, blank(count, 40)))
    later = times + rng.uniform(1e-4, 5e-3, count)
    capture.add(stamped(later), frames_of(ends.back(), protocol, blank(count, 60)))


def one_way(rng: np.random.Generator, capture: Capture, seconds: float) -> None:
    """Add steady one-way UDP: syslog, flow export, unicast market data."""
    rate = min(10 ** rng.uniform(1.0, 4.3), 30_000 / seconds)
    times = steady(rng, rate, (0, seconds))
    ports = int(rng.integers(1024, 65_535)), int(rng.choice([514, 2055, 6343, 14_310]))
    ends = Ends(int(anybody(rng, 1)[0]), GATEWAY, ports)
    data = blank(len(times), int(rng.integers(60, 1400)))
    capture.add(stamped(times), frames_of(ends, UDP, data))


def storm(rng: np.random.Generator, capture: Capture, seconds: float) -> None:
    """Add a reconnect storm: many hosts try again, and every handshake ends.

    While the gateway is still down its host refuses: each attempt is answered RST.
    """
    count = int(rng.integers(5, 250))
    start = rng.uniform(0, max(seconds - 0.5, 0.1))
    times = np.sort(start + rng.exponential(rng.uniform(0.005, 0.3), count))
    pool = anybody(rng, max(count // int(rng.integers(1, 6)), 1))
    ends = Ends(
        rng.choice(pool, count), GATEWAY, (rng.integers(1024, 65_535, count), 9878)
    )
    trip = 10 ** rng.uniform(-4, -1.7)
    refused = np.arange(count) < round(count * max(0.0, rng.uniform(-1.0, 1.2)))
    capture.add(stamped(times), frames_of(ends, TCP, blank(count), (1, 0, SYN)))
    for chosen, flags in ((refused, RST | ACK), (~refused, SYN | ACK)):
        back = ends.of(np.flatnonzero(chosen)).back()
        some = blank(int(chosen.sum()))
        answer = frames_of(back, TCP, some, (1, 2, flags))
        capture.add(stamped(times[chosen] + trip * 0.3), answer)
    third = ends.of(np.flatnonzero(~refused))
    some = blank(int((~refused).sum()))
    last = frames_of(third, TCP, some, (2, 2, ACK))
    capture.add(stamped(times[~refused] + trip), last)


def scan(rng: np.random.Generator, capture: Capture, seconds: float) -> None:
    """Add a port scan: one host, one SYN a port; closed ports answer RST."""
    span = (float(rng.uniform(0, seconds / 2)), seconds)
    times = steady(rng, min(10 ** rng.uniform(1.0, 3.7), 20_000 / seconds), span)
    count = len(times)
    ports = 1 + rng.permutation(65_000)[np.arange(count) % 65_000]
    ends = Ends(
        int(anybody(rng, 1)[0]), GATEWAY, (int(rng.integers(30_000, 60_000)), ports)
    )
    capture.add(stamped(times), frames_of(ends, TCP, blank(count), (1, 0, SYN)))
    if rng.random() >= 0.35:
        back = frames_of(ends.back(), TCP, blank(count), (0, 2, RST | ACK))
        capture.add(stamped(times + 2e-4), back)


BENIGN = (transfer, queries, one_way, storm, scan)


class Flood:
    """One flood, drawn: what it is made of, from where, how fast, from when to when."""

    def __init__(
        self, rng: np.random.Generator, seconds: float, *, is_held_out: bool
    ) -> None:
        while True:
            self.rate = 10 ** float(rng.uniform(2.4, 5.3))
            if is_held_out == (HELD_RATE[0] <= self.rate <= HELD_RATE[1]):
                break
        low, high = HELD_SOURCES
        some = (
            list(range(low, high + 1)) if is_held_out else [1, 1, 1, 2, 3, 16, 32, 64]
        )
        self.sources = int(rng.choice(some)) if rng.random() < 0.65 else 0
        self.kind = str(rng.choice(HELD_FLOODS if is_held_out else FLOODS))
        start = 0.0 if rng.random() < 0.1 else float(rng.uniform(0.3, seconds - 0.6))
        end = min(start + float(rng.uniform(0.2, 4.0)), seconds)
        self.span = start, min(end, start + FLOOD_PACKETS / self.rate)
        self._rng = rng

    def add(self, capture: Capture) -> None:
        """Add its packets, and what the gateway answers."""
        rng = self._rng
        times = steady(rng, self.rate, self.span)
        count = len(times)
        source = anybody(rng, count)
        if self.sources:
            source = rng.choice(anybody(rng, self.sources), count)
        near = rng.integers(1024, 65_535, count)
        if self.kind in ("udp", "mirror", "icmp"):
            self._add_datagrams(capture, times, source, near)
            return
        port = int(rng.choice([9878, 9878, 9878, 80, 443]))
        ends = Ends(source, GATEWAY, (near, port))
        flags = {"syn": SYN, "logon": SYN, "rst": RST, "fin": FIN | ACK}
        chosen = flags.get(self.kind, int(rng.choice([ACK, RST, ACK | PSH])))
        frames = frames_of(ends, TCP, blank(count), (1, 0, chosen))
        capture.add(stamped(times), frames, FLOOD_MARK)
        delay = 10 ** float(rng.uniform(-4.5, -3))
        if self.kind == "logon":
            self._add_logons(capture, times, ends, delay)
        elif rng.random() < 0.7:
            kept = np.flatnonzero(rng.random(count) < rng.uniform(0.2, 1.0))
            back = SYN | ACK if chosen == SYN else RST
            answer = ends.of(kept).back()
            frames = frames_of(answer, TCP, blank(len(kept)), (1, 2, back))
            capture.add(stamped(times[kept] + delay), frames)

    def _add_datagrams(
        self,
        capture: Capture,
        times: Seconds,
        source: NDArray[np.int64],
        near: NDArray[np.int64],
    ) -> None:
        """Add UDP or ICMP packets, to one port or to any."""
        rng = self._rng
        count = len(times)
        port: NDArray[np.int64] | int = int(rng.choice([9878, 80, 443, 53]))
        if rng.random() < 0.4:
            port = rng.integers(1, 65_535, count)
        if self.kind == "mirror":
            near = np.full(count, int(rng.choice(REFLECTORS)))
        size = int(rng.integers(400, 1400)) if self.kind == "mirror" else 56
        if self.kind == "udp":
            size = int(rng.integers(0, 1400))
        protocol = ICMP if self.kind == "icmp" else UDP
        ends = Ends(source, GATEWAY, (near, port))
        frames = frames_of(ends, protocol, blank(count, size))
        capture.add(stamped(times), frames, FLOOD_MARK)

    def _add_logons(
        self, capture: Capture, times: Seconds, ends: Ends, delay: float
    ) -> None:
        """Add handshakes that end, each with a few bytes that are no use, and a FIN."""
        back = frames_of(ends.back(), TCP, blank(len(times)), (1, 2, SYN | ACK))
        capture.add(stamped(times + delay), back)
        third = frames_of(ends, TCP, blank(len(times)), (2, 2, ACK))
        capture.add(stamped(times + 2 * delay), third, FLOOD_MARK)
        more = frames_of(ends, TCP, blank(len(times), 60), (2, 2, PSH | ACK))
        capture.add(stamped(times + 3 * delay), more, FLOOD_MARK)
