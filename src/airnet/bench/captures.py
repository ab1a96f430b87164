"""Captures: the two files that replay is timed on, written fast and always the same.

Quiet: sessions of FIX 4.4 over TCP with timestamps, as a mirror shows them: logons,
orders, cancels, replaces, their reports, heartbeats, and acknowledgements between.
Flood: SYN segments of as many forged sources. Every field has a place of fixed width
in a template, so that whole columns of packets are filled at once.
Source: FIX 4.4 volumes 1-6; RFC 791, RFC 9293, RFC 7323 section 3; IEEE 802.3;
draft-ietf-opsawg-pcap.
"""

import struct
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from airnet.bench.fixtext import KINDS, LOGON, SYMBOLS, Text

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]

SESSIONS, EXCHANGES, GATEWAYS = 30, 11_800, 3
FLOOD_PACKETS, FLOOD_SOURCES = 2_500_000, 2_000_000
#: 50 exchanges a second and session.
EXCHANGE_NS: Final = 20_000_000
FLOOD_GAP_NS: Final = 2_000
#: 2026-11-02 09:30:00 UTC.
START_S: Final = 1_793_611_800
GATEWAY_PORT: Final = 9001
#: One address and port of the gateways; `airnet bench replay` writes it in a site.
GATEWAY: Final = "10.20.0.10"
ROUND = 400
#: Before the payload: pcap record, Ethernet, IPv4, TCP with timestamps.
RECORD, ETHERNET, IPV4, TCP = 16, 14, 20, 32
AT_IP = RECORD + ETHERNET
AT_TCP = AT_IP + IPV4
AT_TEXT = AT_TCP + TCP
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
SYN, ACK, PSH_ACK, SYN_ACK = 0x02, 0x10, 0x18, 0x12


def mix(values: Numbers) -> NDArray[np.uint64]:
    """Return numbers that look like chance, the same in every run (splitmix64)."""
    x = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def big(rows: Bytes, at: int, width: int, values: Numbers | int) -> None:
    """Put numbers, most significant byte first, into columns at..at+width."""
    for place in range(width):
        shifted = np.asarray(values, np.int64) >> 8 * (width - 1 - place)
        rows[:, at + place] = (shifted & 0xFF).astype(np.uint8)


def folded(rows: Bytes) -> Numbers:
    """Return the ones' complement sum of each row's 16-bit words (RFC 1071)."""
    even = rows[:, 0::2].sum(axis=1, dtype=np.int64)
    odd = rows[:, 1::2].sum(axis=1, dtype=np.int64)
    total = (even << 8) + odd
    for _ in range(2):
        total = (total & 0xFFFF) + (total >> 16)
    found: Numbers = total
    return found


class Batch:
    """Packets of one length: filled column by column, then put in order of time."""

    def __init__(self, times_ns: Numbers, text_bytes: int) -> None:
        """Make records with Ethernet and IPv4 headers and room for the rest."""
        self.times_ns = times_ns
        self.rows: Bytes = np.zeros((len(times_ns), AT_TEXT + text_bytes), np.uint8)
        wire = self.rows.shape[1] - RECORD
        seconds, rest = np.divmod(times_ns, 1_000_000_000)
        head = np.stack(
            [seconds, rest // 1000, np.full_like(rest, wire), np.full_like(rest, wire)],
            axis=1,
        ).astype("<u4")
        self.rows[:, :RECORD] = head.view(np.uint8)
        self.rows[:, RECORD : RECORD + 12] = np.frombuffer(
            b"\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02", np.uint8
        )
        big(self.rows, RECORD + 12, 2, 0x0800)
        big(self.rows, AT_IP, 2, 0x4500)
        big(self.rows, AT_IP + 2, 2, wire - ETHERNET)
        big(self.rows, AT_IP + 4, 2, mix(times_ns).astype(np.int64))
        big(self.rows, AT_IP + 6, 2, 0x4000)
        big(self.rows, AT_IP + 8, 2, 0x4006)

    def address(self, source: Numbers, target: Numbers) -> None:
        """Put IPv4 addresses and the header's checksum."""
        big(self.rows, AT_IP + 12, 4, source)
        big(self.rows, AT_IP + 16, 4, target)
        big(self.rows, AT_IP + 10, 2, 0)
        big(self.rows, AT_IP + 10, 2, 0xFFFF ^ folded(self.rows[:, AT_IP:AT_TCP]))

    def segment(
        self, ports: tuple[Numbers, Numbers], place: tuple[Numbers, Numbers], flags: int
    ) -> None:
        """Put the TCP header but its checksum; `place` is sequence and acknowledged."""
        big(self.rows, AT_TCP, 2, ports[0])
        big(self.rows, AT_TCP + 2, 2, ports[1])
        big(self.rows, AT_TCP + 4, 4, place[0])
        big(self.rows, AT_TCP + 8, 4, place[1])
        big(self.rows, AT_TCP + 12, 2, 0x8000 | flags)
        big(self.rows, AT_TCP + 14, 2, 501)
        # No operation twice, then timestamps: kind 8, 10 bytes.
        big(self.rows, AT_TCP + 20, 4, 0x0101080A)
        big(self.rows, AT_TCP + 24, 4, self.times_ns // 1_000_000)
        big(self.rows, AT_TCP + 28, 4, self.times_ns // 1_000_000 - 1)

    def finish(self) -> None:
        """Put the TCP checksum, over the pseudo header and the payload."""
        length = self.rows.shape[1] - AT_TCP
        part = self.rows[:, AT_TCP:]
        if length % 2:
            part = np.pad(part, ((0, 0), (0, 1)))
        total = folded(part) + folded(self.rows[:, AT_IP + 12 : AT_TCP]) + 6 + length
        for _ in range(2):
            total = (total & 0xFFFF) + (total >> 16)
        big(self.rows, AT_TCP + 16, 2, 0xFFFF ^ total)


def write_batches(out: BinaryIO, batches: list[Batch]) -> int:
    """Write packets in order of time and return how many."""
    times = np.concatenate([batch.times_ns for batch in batches])
    sizes = np.concatenate(
        [np.full(len(batch.rows), batch.rows.shape[1]) for batch in batches]
    )
    order = np.argsort(times, kind="stable")
    places = np.empty(len(order), np.int64)
    ends = np.cumsum(sizes[order])
    places[order] = ends - sizes[order]
    flat: Bytes = np.empty(int(ends[-1]), np.uint8)
    start = 0
    for batch in batches:
        count, width = batch.rows.shape
        into = places[start : start + count, None] + np.arange(width)
        flat[into] = batch.rows
        start += count
    out.write(flat.tobytes())
    return len(order)


class Quiet:
    """The quiet capture, a round of exchanges at a time."""

    def __init__(self, sessions: int) -> None:
        """Start every session before its first segment."""
        number = np.arange(sessions)
        self.client = 0x0A010005 + (number << 8)
        self.gateway = 0x0A14000A + number % GATEWAYS
        self.port = 40_000 + number * 7
        self.number = number
        #: Next sequence numbers: of the client, of the gateway.
        self.up = mix(number).astype(np.int64) & 0xFFFFFFFF
        self.down = mix(number + 1000).astype(np.int64) & 0xFFFFFFFF

    def opening(self) -> list[Batch]:
        """Return handshakes and logons."""
        everyone = self.number
        start = START_S * 1_000_000_000 + everyone * 7_000_000
        batches = [
            self.packets(everyone, start, (self.up, 0 * self.up), SYN, is_up=True),
            self.packets(
                everyone, start + 90_000, (self.down, self.up + 1), SYN_ACK, is_up=False
            ),
        ]
        self.up, self.down = self.up + 1, self.down + 1
        batches.append(
            self.packets(
                everyone, start + 140_000, (self.up, self.down), ACK, is_up=True
            )
        )
        kinds = np.full((len(everyone), 1), -1)
        return batches + self.exchanges(start[:, None] + 300_000, kinds, 0)

    def exchanges(self, times: Numbers, kinds: Numbers, first: int) -> list[Batch]:
        """Return the packets of one round: times and kinds are [session, exchange]."""
        pairs = [*KINDS, (*LOGON, 0)]  # a logon is kind -1, the last one
        up_bytes = np.array([len(pair[0].bytes) for pair in pairs])[kinds]
        down_bytes = np.array([len(pair[1].bytes) for pair in pairs])[kinds]
        up_end = self.up[:, None] + np.cumsum(up_bytes, axis=1)
        down_end = self.down[:, None] + np.cumsum(down_bytes, axis=1)
        order = np.arange(kinds.shape[1]) + first + 0 * kinds
        late = mix(times).astype(np.int64) & 0x7FFF
        batches = []
        for kind, (asked, answered, _) in enumerate(pairs):
            who, which = np.nonzero(kinds == (kind if kind < len(KINDS) else -1))
            if not len(who):
                continue
            at = (who, which)
            t, n = times[at], order[at]
            u1, d1 = up_end[at], down_end[at]
            u0, d0 = u1 - up_bytes[at], d1 - down_bytes[at]
            batches.append(self.said(asked, who, t, (u0, d0), n, is_up=True))
            answer = t + 60_000 + late[at]
            batches.append(self.said(answered, who, answer, (d0, u1), n, is_up=False))
            acked = answer + 20_000 + (late[at] >> 3)
            batches.append(self.packets(who, acked, (u1, d1), ACK, is_up=True))
            slow = late[at] & 1 == 1  # half the answers carry the acknowledgement
            batches.append(
                self.packets(
                    who[slow], t[slow] + 25_000, (d0[slow], u1[slow]), ACK, is_up=False
                )
            )
        self.up, self.down = up_end[:, -1], down_end[:, -1]
        return batches

    def packets(
        self,
        who: Numbers,
        times: Numbers,
        place: tuple[Numbers, Numbers],
        flags: int,
        *,
        is_up: bool,
        text: Text | None = None,
    ) -> Batch:
        """Return segments of sessions `who` without, or with room for, a message."""
        batch = Batch(times, len(text.bytes) if text else 0)
        client, gateway = self.client[who], self.gateway[who]
        ports = self.port[who], np.full(len(who), GATEWAY_PORT)
        batch.address(*((client, gateway) if is_up else (gateway, client)))
        batch.segment(ports if is_up else ports[::-1], place, flags)
        if text is None:
            batch.finish()
        return batch

    def said(
        self,
        text: Text,
        who: Numbers,
        times: Numbers,
        place: tuple[Numbers, Numbers],
        order: Numbers,
        *,
        is_up: bool,
    ) -> Batch:
        """Return segments that hold one message each."""
        batch = self.packets(who, times, place, PSH_ACK, is_up=is_up, text=text)
        chance = mix(order + who * 1_000_003).astype(np.int64) >> 8
        columns = {
            "firm": who + 1,
            "sequence": 100_001 + order,
            "order": 1_000_000 + order,
            "old": 999_999 + order,
            "execution": 10_000_000 + order,
            "symbol": chance % len(SYMBOLS),
            "side": 1 + (chance >> 8) % 2,
            "quantity": 100 + (chance >> 16) % 900,
            "units": 100 + (chance >> 28) % 4,
            "cents": (chance >> 32) % 100,
        }
        text.fill(batch.rows[:, AT_TEXT:], columns, times)
        batch.finish()
        return batch


def write_quiet(
    path: Path, sessions: int = SESSIONS, exchanges: int = EXCHANGES
) -> int:
    """Write the quiet capture and return its number of packets."""
    quiet = Quiet(sessions)
    start = (START_S + 1) * 1_000_000_000
    shares = np.repeat(np.arange(len(KINDS)), [kind[2] for kind in KINDS])
    packets = 0
    with path.open("wb") as out:
        out.write(PCAP_HEADER)
        packets += write_batches(out, quiet.opening())
        for first in range(0, exchanges, ROUND):
            count = min(ROUND, exchanges - first)
            order = np.arange(first, first + count)
            place = order + quiet.number[:, None] * 1_000_003
            chance = mix(place).astype(np.int64)
            times = start + order * EXCHANGE_NS + (chance & 0xFFFFFF)
            kinds = shares[chance >> 40 & 0xFF]
            packets += write_batches(out, quiet.exchanges(times, kinds, first + 1))
    return packets


def write_flood(
    path: Path, packets: int = FLOOD_PACKETS, sources: int = FLOOD_SOURCES
) -> int:
    """Write SYN segments to one gateway, each source once before any comes again."""
    start = (START_S + 1) * 1_000_000_000
    step = 100_000
    with path.open("wb") as out:
        out.write(PCAP_HEADER)
        for first in range(0, packets, step):
            number = np.arange(first, min(first + step, packets))
            # An odd factor visits every number of 26 bits once: 64/6, forged.
            forged = (number % sources) * 0x9E3779B1 & 0x3FFFFFF
            batch = Batch(start + number * FLOOD_GAP_NS, 0)
            batch.address(0x40000000 + forged, 0x0A14000A + 0 * number)
            chance = mix(number).astype(np.int64)
            ports = 1024 + (chance & 0x7FFF), np.full(len(number), GATEWAY_PORT)
            batch.segment(ports, (chance >> 16 & 0xFFFFFFFF, 0 * number), SYN)
            batch.finish()
            out.write(batch.rows.tobytes())
    return packets
