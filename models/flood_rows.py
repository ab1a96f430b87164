"""Header rows of made-up network traffic, with labels: what the flood model learns.

One order gateway with live sessions, ordinary strangers (file transfers, queries,
pings, market data by unicast, port scans, reconnect storms), and floods of every kind
from one host, a few, or forged addresses. Everything is drawn anew for each episode.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from airnet.domain.frame import HEADER, NONE
from airnet.domain.message import KIND, MESSAGE

START_NS = 1_700_000_000_000_000_000
SYN, RST, ACK, PSH = 0x02, 0x04, 0x10, 0x08
TCP, UDP, ICMP = 6, 17, 1
VICTIM = (10, 9, 0, 1)
REFLECTORS = (53, 123, 161, 389, 500, 1900, 11211)


@dataclass(kw_only=True)
class Part:
    """Header rows of one kind of traffic; `bad` marks those of a flood."""

    rows: NDArray[np.void]
    bad: NDArray[np.bool_]


def addresses(last: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return mapped IPv4 addresses from 32-bit numbers: uint8[n, 16]."""
    out = np.zeros((len(last), 16), np.uint8)
    out[:, 10:12] = 0xFF
    for place in range(4):
        out[:, 12 + place] = (last >> (24 - 8 * place)) & 0xFF
    return out


def number(octets: tuple[int, int, int, int]) -> int:
    """Return an IPv4 address as a number."""
    return int.from_bytes(bytes(octets), "big")


def blank(times_s: NDArray[np.float64], protocol: int) -> NDArray[np.void]:
    """Return HEADER rows at these seconds to the victim, of no session."""
    rows = np.zeros(len(times_s), HEADER)
    rows["time_ns"] = START_NS + (times_s * 1e9).astype(np.uint64)
    rows["target"] = addresses(np.full(len(times_s), number(VICTIM)))
    rows["session"] = NONE
    rows["protocol"] = protocol
    return rows


def arrivals(
    rng: np.random.Generator, rate: float, span: tuple[float, float]
) -> NDArray[np.float64]:
    """Return sorted arrival times of a steady stream, jittered or regular."""
    count = int(rate * (span[1] - span[0]))
    if rng.random() < 0.3:
        return np.linspace(span[0], span[1], count, endpoint=False)
    return np.sort(rng.uniform(span[0], span[1], count))


def reply_to(
    rows: NDArray[np.void], delay_s: NDArray[np.float64], flags: int
) -> NDArray[np.void]:
    """Return one answer of the target to each row."""
    back = rows.copy()
    back["source"], back["target"] = rows["target"], rows["source"]
    back["source_port"], back["target_port"] = rows["target_port"], rows["source_port"]
    back["time_ns"] += (delay_s * 1e9).astype(np.uint64)
    back["tcp_flags"] = flags
    back["payload_bytes"] = 0
    return back


def good(*parts: NDArray[np.void]) -> Part:
    """Return rows that are no flood."""
    rows = np.concatenate(parts)
    return Part(rows=rows, bad=np.zeros(len(rows), np.bool_))


def transfer(rng: np.random.Generator, seconds: float) -> Part:
    """Return a TCP conversation of no session: ssh, a database, a backup."""
    rate = 10 ** rng.uniform(0.5, 4.0)
    rows = blank(arrivals(rng, min(rate, 60_000 / seconds), (0, seconds)), TCP)
    rows["source"] = addresses(np.full(len(rows), rng.integers(1 << 24, 1 << 31)))
    rows["source_port"] = rng.integers(1024, 65_535)
    rows["target_port"] = rng.choice([22, 80, 443, 502, 5432, 8443])
    rows["tcp_flags"] = ACK | PSH
    rows["payload_bytes"] = rng.choice([40, 200, 1448])
    share = rng.uniform(0.35, 1.2)
    chosen = np.sort(rng.choice(len(rows), int(len(rows) * min(share, 1.0)), False))
    back = reply_to(rows[chosen], np.full(len(chosen), 10 ** rng.uniform(-4, -2)), ACK)
    if rng.random() < 0.4:
        return good(back, rows)
    return good(rows, back)


def queries(rng: np.random.Generator, seconds: float) -> Part:
    """Return UDP or ICMP questions with answers: DNS, NTP, pings."""
    protocol = int(rng.choice([UDP, UDP, ICMP]))
    rate = 10 ** rng.uniform(0.0, 2.7)
    rows = blank(arrivals(rng, rate, (0, seconds)), protocol)
    pool = rng.integers(1 << 24, 1 << 31, int(rng.integers(1, 30)))
    rows["source"] = addresses(rng.choice(pool, len(rows)))
    if protocol == UDP:
        rows["source_port"] = rng.integers(1024, 65_535, len(rows))
        rows["target_port"] = rng.choice([53, 123, 161])
    rows["payload_bytes"] = 60
    back = reply_to(rows, rng.uniform(1e-4, 5e-3, len(rows)), 0)
    return good(rows, back)


def one_way(rng: np.random.Generator, seconds: float) -> Part:
    """Return steady one-way UDP: syslog, flow export, unicast market data."""
    rate = min(10 ** rng.uniform(1.0, 4.3), 60_000 / seconds)
    rows = blank(arrivals(rng, rate, (0, seconds)), UDP)
    rows["source"] = addresses(np.full(len(rows), rng.integers(1 << 24, 1 << 31)))
    rows["source_port"] = rng.integers(1024, 65_535)
    rows["target_port"] = rng.choice([514, 2055, 6343, 14_310])
    rows["payload_bytes"] = rng.integers(60, 1400, len(rows))
    return good(rows)


def storm(rng: np.random.Generator, seconds: float) -> Part:
    """Return a reconnect storm: many hosts log on again, and every handshake ends.

    While the gateway is still down its host refuses: each attempt is answered RST.
    """
    count = int(rng.integers(5, 250))
    start = rng.uniform(0, max(seconds - 0.5, 0.1))
    rows = blank(np.sort(start + rng.exponential(rng.uniform(0.005, 0.3), count)), TCP)
    pool = rng.integers(1 << 24, 1 << 31, max(count // int(rng.integers(1, 6)), 1))
    rows["source"] = addresses(rng.choice(pool, count))
    rows["source_port"] = rng.integers(1024, 65_535, count)
    rows["target_port"] = 9_878
    rows["tcp_flags"] = SYN
    trip = np.full(count, 10 ** rng.uniform(-4, -1.7))
    refused = round(count * max(0.0, rng.uniform(-1.0, 1.2)))
    refused = min(refused, count)
    early = reply_to(rows[:refused], trip[:refused] * 0.3, RST | ACK)
    late, trip = rows[refused:], trip[refused:]
    back = reply_to(late, trip * 0.3, SYN | ACK)
    third = late.copy()
    third["time_ns"] += (trip * 1e9).astype(np.uint64)
    third["tcp_flags"] = ACK
    return good(rows, early, back, third)


def scan(rng: np.random.Generator, seconds: float) -> Part:
    """Return a port scan: one host, one SYN a port; closed ports answer RST."""
    span = (rng.uniform(0, seconds / 2), seconds)
    rows = blank(arrivals(rng, 10 ** rng.uniform(1.0, 3.7), span), TCP)
    rows["source"] = addresses(np.full(len(rows), rng.integers(1 << 24, 1 << 31)))
    rows["source_port"] = rng.integers(30_000, 60_000)
    rows["target_port"] = 1 + rng.permutation(65_000)[: len(rows)] % 65_000
    rows["tcp_flags"] = SYN
    if rng.random() < 0.35:
        return good(rows)
    return good(rows, reply_to(rows, np.full(len(rows), 2e-4), RST | ACK))


def flood(
    rng: np.random.Generator, span: tuple[float, float], rate: float, sources: int
) -> Part:
    """Return a flood: SYN, ACK, RST, UDP, ICMP, reflected or fragments."""
    kind = str(rng.choice(["syn", "syn", "syn", "ack", "udp", "icmp", "mirror"]))
    protocol = {"udp": UDP, "mirror": UDP, "icmp": ICMP}.get(kind, TCP)
    rows = blank(arrivals(rng, min(rate, 40_000 / (span[1] - span[0])), span), protocol)
    count = len(rows)
    if sources:
        pool = rng.integers(1 << 24, 1 << 31, sources)
        rows["source"] = addresses(rng.choice(pool, count))
    else:
        rows["source"] = addresses(rng.integers(1 << 24, 1 << 31, count))
    rows["source_port"] = rng.integers(1024, 65_535, count)
    rows["target_port"] = rng.choice([9_878, 80, 443, 53])
    if rng.random() < 0.15:
        rows["target_port"] = rng.integers(1, 65_535, count) if kind == "udp" else 9_878
    elif kind == "udp" and rng.random() < 0.3:
        rows["target_port"] = rng.choice([53, 123, 161, 4000, 9_878], count)
    flags = {"syn": SYN, "ack": int(rng.choice([ACK, RST, ACK | PSH]))}
    rows["tcp_flags"] = flags.get(kind, 0)
    sizes = {"syn": 0, "ack": 0, "udp": int(rng.integers(0, 1400)), "icmp": 56}
    rows["payload_bytes"] = sizes.get(kind, int(rng.integers(400, 1472)))
    if kind == "udp" and rng.random() < 0.3:
        rows["payload_bytes"] = rng.integers(8, 1400, count)
    if kind == "mirror":
        rows["source_port"] = rng.choice(REFLECTORS)
    bad = np.ones(count, np.bool_)
    if kind == "ack" and rng.random() < 0.6:
        back = reply_to(rows, np.full(count, 10 ** rng.uniform(-4.5, -3)), RST)
        both = np.concatenate([bad, np.zeros(count, np.bool_)])
        return Part(rows=np.concatenate([rows, back]), bad=both)
    if kind != "syn" or rng.random() < 0.3:
        return Part(rows=rows, bad=bad)
    kept = np.sort(rng.choice(count, int(count * rng.uniform(0.2, 1.0)), False))
    delay = np.full(len(kept), 10 ** rng.uniform(-4.5, -3))
    back = reply_to(rows[kept], delay, SYN | ACK)
    parts = [rows, back]
    if sources and rng.random() < 0.5:
        reset = rows[kept].copy()
        reset["time_ns"] += (delay * 2e9).astype(np.uint64)
        reset["tcp_flags"] = RST
        parts.append(reset)
        bad = np.concatenate([bad, np.zeros(len(back), np.bool_), bad[kept]])
    else:
        bad = np.concatenate([bad, np.zeros(len(back), np.bool_)])
    return Part(rows=np.concatenate(parts), bad=bad)


def trading(
    rng: np.random.Generator, seconds: float, sessions: int
) -> tuple[Part, NDArray[np.void]]:
    """Return frames of live sessions at the victim, and their messages."""
    rate = 10 ** rng.uniform(0.7, 2.0)
    times = arrivals(rng, min(rate * sessions, 20_000 / seconds), (0, seconds))
    rows = blank(times, TCP)
    session = rng.integers(0, max(sessions, 1), len(rows))
    rows["session"] = session
    rows["source"] = addresses(number((10, 1, 0, 1)) + session)
    rows["source_port"] = 40_000
    rows["target_port"] = 9_878
    rows["tcp_flags"] = ACK | PSH
    rows["payload_bytes"] = 160
    rows["message_count"] = 1
    back = reply_to(rows, np.full(len(rows), 2e-4), ACK | PSH)
    back["direction"] = 1
    everything = np.concatenate([rows, back])
    messages = np.zeros(len(everything), MESSAGE)
    messages["session"] = everything["session"]
    messages["direction"] = everything["direction"]
    messages["kind"] = np.where(
        everything["direction"] == 0, KIND["new"], KIND["report"]
    )
    everything["message_index"] = np.arange(len(everything))
    return good(everything), messages


def merged(parts: list[Part]) -> Part:
    """Return all parts as one, in time order."""
    rows = np.concatenate([part.rows for part in parts])
    bad = np.concatenate([part.bad for part in parts])
    order = np.argsort(rows["time_ns"], kind="stable")
    rows = rows[order]
    rows["frame_count"] = np.arange(len(rows))
    return Part(rows=rows, bad=bad[order])
