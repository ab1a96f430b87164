"""Frames made by hand: FIX messages, TCP segments, IP packets, link headers.

And the two ways to decode them, the kernel's and the reference's.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airnet.decode import Decoder
from airnet.domain.address import address_bytes
from airnet.domain.frame import FRAME, STREAM_OPENED
from airnet.domain.session import SESSIONS_MAX
from tests.reference.decoder import ReferenceDecoder
from tests.reference.holes import COUNTED

CLIENT, GATEWAY = ("10.0.1.11", 40001), ("10.0.0.10", 9001)
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
#: Parts of the session table; ext/flow.h.
SHARDS = 4
#: time_ns, link type, bytes, and how many of them were captured (None: all).
Frame = tuple[int, int, bytes]


def gathered(headers: NDArray[np.void], messages: NDArray[np.void]) -> NDArray[np.void]:
    """Return a copy of the messages that `headers` point to, in their order.

    With several lanes a Decoder's other rows are none.
    """
    counts = headers["message_count"].astype(np.intp)
    ends = counts.cumsum()
    within = np.arange(int(counts.sum())) - np.repeat(ends - counts, counts)
    rows = np.repeat(headers["message_index"].astype(np.intp), counts) + within
    found: NDArray[np.void] = messages[rows]
    return found


def message(kind: str, *parts: str | bytes, version: str = "FIX.4.4") -> bytes:
    """Return a well-formed FIX message; parts are `tag=value`."""
    start = [f"35={kind}", "49=ALPHA", "56=VENUE", *parts]
    body = b"".join((p.encode() if isinstance(p, str) else p) + b"\1" for p in start)
    return seal(f"8={version}\1".encode(), body)


def seal(begin: bytes, body: bytes) -> bytes:
    """Return begin, BodyLength, body and CheckSum."""
    text = begin + f"9={len(body)}\1".encode() + body
    return text + b"10=%03d\1" % (sum(text) % 256)


def order(number: int, price: str = "100.25", extra: str = "58=x") -> bytes:
    """Return a NewOrderSingle."""
    return message(
        "D",
        f"34={number}",
        "52=20261121-09:30:00.123",
        f"11=ID{number}",
        "55=ACME",
        "54=1",
        "38=100",
        "40=2",
        f"44={price}",
        extra,
    )


def tcp(
    ends: tuple[tuple[str, int], tuple[str, int]],
    sequence: int,
    payload: bytes = b"",
    flags: int = ACK | PSH,
    acknowledged: int = 0,
    *,
    options: bytes = b"",
    window: int = 65535,
    urgent: int = 0,
    is_summed: bool = False,
) -> bytes:
    """Return an IP packet (v4 or v6 as the addresses are) with one segment."""
    (source, source_port), (target, target_port) = ends
    segment = struct.pack(
        ">HHIIBBHHH",
        source_port,
        target_port,
        sequence % (1 << 32),
        acknowledged % (1 << 32),
        5 + len(options) // 4 << 4,
        flags,
        window,
        0,
        urgent,
    )
    segment += options + payload
    if is_summed:
        ends = address_bytes(source) + address_bytes(target)
        words = ends + struct.pack(">II", len(segment), 6) + segment
        words += bytes(len(words) % 2)
        total = sum(
            int.from_bytes(words[at : at + 2]) for at in range(0, len(words), 2)
        )
        segment = segment[:16] + struct.pack(">H", -total % 0xFFFF) + segment[18:]
    return packet(source, target, 6, segment)


def sack(*blocks: tuple[int, int]) -> bytes:
    """Return the option of selective acknowledgement, RFC 2018, padded."""
    edges = b"".join(struct.pack(">I", edge % (1 << 32)) for b in blocks for edge in b)
    return b"\1\1\5" + bytes([2 + len(edges)]) + edges


def packet(source: str, target: str, protocol: int, payload: bytes) -> bytes:
    """Return an IPv4 or IPv6 packet."""
    sender, receiver = address_bytes(source), address_bytes(target)
    if ":" in source:
        head = struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64)
        return head + sender + receiver + payload
    total = 20 + len(payload)
    head = struct.pack(">BBHHHBBH", 0x45, 0, total, 0, 0, 64, protocol, 0)
    return head + sender[12:] + receiver[12:] + payload


def ethernet(data: bytes, tags: Sequence[int] = (), padding: int = 0) -> bytes:
    """Return an Ethernet frame around an IP packet, zero padded."""
    kinds = b"".join(struct.pack(">HH", tag, 7) for tag in tags)
    ethertype = b"\x86\xdd" if data[:1] and data[0] >> 4 == 6 else b"\x08\0"
    return bytes(12) + kinds + ethertype + data + bytes(padding)


def capture(frames: Iterable[Frame]) -> tuple[NDArray[np.void], NDArray[np.uint8]]:
    """Return FRAME rows and the buffer they point into."""
    listed = list(frames)
    rows = np.zeros(len(listed), FRAME)
    offset = 0
    for row, (time_ns, link, data) in zip(rows, listed, strict=True):
        row["time_ns"], row["link"], row["offset"] = time_ns, link, offset
        row["captured_bytes"] = row["wire_bytes"] = len(data)
        offset += len(data)
    joined = b"".join(data for _, _, data in listed)
    return rows, np.frombuffer(joined, np.uint8)


def scale(shift: int) -> bytes:
    """Return the option of window scale, RFC 7323, padded."""
    return bytes([1, 3, 3, shift])


class Decoded:
    """Everything a Decoder made of some frames, in batches of `batch`."""

    def __init__(
        self,
        frames: Iterable[Frame],
        gateways: Sequence[tuple[str, int]] = (),
        batch: int = 4096,
        lanes: int = 1,
    ) -> None:
        rows, buffer = capture(frames)
        decoder = Decoder(gateways, lanes)
        headers, messages = [], []
        at = 0
        while at < len(rows):
            some = decoder.decode(rows[at : at + batch], buffer)
            assert 0 < len(some[0]) <= batch
            at += len(some[0])
            headers.append(some[0].copy())
            messages.append(gathered(*some))
        decoder.finish()
        decoder.close()
        self.decoder = decoder
        self.headers = np.concatenate(headers)
        self.messages = np.concatenate(messages)
        #: Session rows in use, in the order they were opened; where each one is.
        self.table = decoder.sessions.copy()
        opened = self.headers[(self.headers["stream_flags"] & STREAM_OPENED) != 0]
        self.places: list[int] = opened["session"].tolist()
        self.sessions = self.table[self.places]
        self.counters = decoder.counters()


def refer(
    frames: Iterable[Frame], gateways: Sequence[tuple[str, int]] = ()
) -> ReferenceDecoder:
    """Decode frames by the reference."""
    decoder = ReferenceDecoder([(address_bytes(ip), port) for ip, port in gateways])
    for frame in frames:
        decoder.frame(*frame)
    decoder.end()
    return decoder


def differences(decoded: Decoded, reference: ReferenceDecoder) -> list[str]:
    """Return where kernel and reference disagree, in words.

    The reference's rows are in the order they were opened; the kernel's are where the
    hash of their flow puts them.
    """
    wrong = misplaced(decoded)
    places = dict(enumerate(decoded.places))
    pairs = [
        ("header", decoded.headers, reference.headers),
        ("message", decoded.messages, reference.rows),
        ("session", decoded.sessions, [one.row for one in reference.sessions]),
    ]
    for name, rows, expected in pairs:
        if len(rows) != len(expected):
            wrong.append(f"{len(rows)} {name} rows, expected {len(expected)}")
        for number, (row, wanted) in enumerate(zip(rows, expected, strict=False)):
            for field, value in expected_fields(wanted, places):
                found = plain(row[field])
                is_text = isinstance(value, bytes)
                if found != (value.ljust(len(found), b"\0") if is_text else value):
                    wrong.append(f"{name} {number} {field}: {found}, not {value}")
    counted = list(decoded.counters["malformed"].values())
    if counted != reference.malformed[1:]:
        wrong.append(f"malformed {counted}, not {reference.malformed[1:]}")
    for name in COUNTED:
        if decoded.counters[name] != reference.counts[name]:
            wrong.append(
                f"{decoded.counters[name]} {name}, not {reference.counts[name]}"
            )
    return wrong


def expected_fields(
    wanted: dict[str, object], places: dict[int, int]
) -> Iterator[tuple[str, object]]:
    """Yield a reference row's fields, its session as the kernel's index."""
    for field, value in wanted.items():
        is_place = field == "session" and value in places
        yield field, places[value] if is_place else value


def misplaced(decoded: Decoded) -> list[str]:
    """Return what is wrong with where sessions are, in words."""
    wrong = []
    in_use = np.flatnonzero(decoded.table["state"]).tolist()
    if sorted(decoded.places) != in_use:
        wrong.append(f"rows {in_use} in use, opened {decoded.places}")
    numbers = decoded.sessions["number"].tolist()
    if numbers != list(range(1, len(numbers) + 1)):
        wrong.append(f"numbers {numbers}")
    begins: dict[int, int] = {}
    for place in decoded.places:
        shard, local = divmod(place, SESSIONS_MAX // SHARDS)
        if local != begins.get(shard, 0):
            wrong.append(f"row {place} is not the next of its shard")
        begins[shard] = local + 1
    return wrong


def plain(value: object) -> object:
    """Return a field of a row as int, bytes or list of int."""
    if isinstance(value, np.ndarray):
        return bytes(value) if value.dtype == np.uint8 else value.tolist()
    return int(value)


def write_pcap(path: Path, frames: Iterable[Frame], link: int = 1) -> None:
    """Write frames as a pcap file with ns (draft-ietf-opsawg-pcap)."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link))
        for time_ns, _, data in frames:
            seconds, rest = divmod(time_ns, 10**9)
            file.write(struct.pack("<IIII", seconds, rest, len(data), len(data)))
            file.write(data)


class Conversation:
    """Both directions of one TCP connection, frame by frame, in order."""

    def __init__(
        self,
        client: tuple[str, int] = CLIENT,
        gateway: tuple[str, int] = GATEWAY,
        isn: tuple[int, int] = (1000, 5000),
        start_ns: int = 10**18,
        tags: Sequence[int] = (),
        *,
        is_summed: bool = False,
    ) -> None:
        self.is_summed = is_summed
        self.ends = (client, gateway)
        self.next = list(isn)
        self.time_ns = start_ns
        self.tags = tags
        self.frames: list[Frame] = []

    def add(
        self,
        direction: int,
        payload: bytes = b"",
        flags: int = ACK | PSH,
        **fields: Any,
    ) -> Frame:
        """Send a segment; 0 is up, client to gateway."""
        frame = self.segment(direction, self.next[direction], payload, flags, **fields)
        self.frames.append(frame)
        self.next[direction] += len(payload) + bool(flags & (SYN | FIN))
        return frame

    def segment(
        self,
        direction: int,
        sequence: int,
        payload: bytes,
        flags: int = ACK | PSH,
        **fields: Any,
    ) -> Frame:
        """Return a segment at any place of the stream, 1 us later than the last.

        `fields` are those of tcp(); it acknowledges all that was sent, unless they
        say otherwise.
        """
        self.time_ns += 1000
        ends = self.ends if direction == 0 else self.ends[::-1]
        fields.setdefault(
            "acknowledged", self.next[1 - direction] if flags & ACK else 0
        )
        fields.setdefault("is_summed", self.is_summed)
        data = tcp(ends, sequence, payload, flags, **fields)
        return self.time_ns, 1, ethernet(data, self.tags)

    def handshake(self) -> None:
        """SYN, SYN-ACK, ACK."""
        self.add(0, flags=SYN)
        self.add(1, flags=SYN | ACK)
        self.add(0, flags=ACK)

    def logon(self) -> None:
        """Logon, answered."""
        self.add(0, message("A", "34=1", "108=30"))
        answer = message("A", "34=1", "108=30").replace(b"ALPHA", b"VENUX")
        answer = answer.replace(b"56=VENUE", b"56=ALPHA").replace(b"VENUX", b"VENUE")
        self.add(1, answer)
