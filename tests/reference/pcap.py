"""What ext/pcap.pyx and ext/pcapng.pyx do, slowly and obviously, from the drafts.

draft-ietf-opsawg-pcap-05 and draft-ietf-opsawg-pcapng-03, whole files in memory.
`read` is the twin of the reader, `record` of the writer; `pcap_file` and the block
builders make files for tests.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

FRAME_MAX = 1 << 20
INTERFACE_MAX = 1024
MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
SECTION, INTERFACE, PACKET, SIMPLE, STATISTICS, ENHANCED = 0x0A0D0D0A, 1, 2, 3, 5, 6


@dataclass(frozen=True)
class Frame:
    """One frame as a file has it."""

    time_ns: int
    data: bytes
    wire_bytes: int
    link: int = 1


@dataclass
class Reading:
    """What one or more files gave."""

    frames: list[Frame] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    #: In front of which frame, how many were lost, of how many.
    marks: dict[int, tuple[int, int]] = field(default_factory=dict)

    def mark(self, lost: int, seen: int | None) -> None:
        here = len(self.frames)
        if seen is None:
            seen = here - max(self.marks, default=0) + lost
        before = self.marks.get(here, (0, 0))
        self.marks[here] = (before[0] + lost, before[1] + seen)

    def count(self, reason: str) -> None:
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    @property
    def last_ns(self) -> int:
        return self.frames[-1].time_ns if self.frames else 0


@dataclass(frozen=True)
class Interface:
    """An interface description."""

    link: int
    snap_bytes: int
    resolution: int
    offset_s: int
    counts: dict[int, int] = field(default_factory=dict)


def read(data: bytes, into: Reading | None = None) -> Reading:
    """Read one file's bytes, whose first bytes are a capture's."""
    reading = into or Reading()
    if data[:4] in MAGICS:
        _read_records(data, reading)
    else:
        _read_blocks(data, reading)
    return reading


def _read_records(data: bytes, reading: Reading) -> None:
    order, tick_ns = MAGICS[data[:4]]
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at = 24
    while at < len(data):
        if at + 16 > len(data):
            return reading.count("truncated_record")
        seconds, part, captured, wire = struct.unpack_from(order + "4I", data, at)
        if captured > FRAME_MAX:
            return reading.count("bad_record")
        if at + 16 + captured > len(data):
            return reading.count("truncated_record")
        time_ns = seconds * 10**9 + part * tick_ns
        body = data[at + 16 : at + 16 + captured]
        reading.frames.append(Frame(time_ns, body, wire, link))
        at += 16 + captured
    return None


def _read_blocks(data: bytes, reading: Reading) -> None:
    at, order = 0, "<"
    interfaces: list[Interface] = []
    while at < len(data):
        if at + 12 > len(data):
            return reading.count("truncated_record")
        (kind,) = struct.unpack_from(order + "I", data, at)
        if kind == SECTION:
            mark = data[at + 8 : at + 12]
            if mark not in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d"):
                return reading.count("bad_block")
            order = "<" if mark[0] == 0x4D else ">"
        (length,) = struct.unpack_from(order + "I", data, at + 4)
        is_read = kind in (SECTION, INTERFACE, PACKET, SIMPLE, ENHANCED)
        if length < 12 or length % 4 or (is_read and length > FRAME_MAX):
            return reading.count("bad_block")
        if at + length > len(data):
            return reading.count("truncated_record")
        block = data[at : at + length]
        # A block too long for the buffer is skipped unread, its trailer too.
        if length <= FRAME_MAX and block[-4:] != block[4:8]:
            return reading.count("bad_block")
        if kind == SECTION:
            if length < 28 or struct.unpack_from(order + "H", block, 12) != (1,):
                return reading.count("bad_block")
            interfaces = []
        elif kind == INTERFACE:
            if length < 20:
                return reading.count("bad_block")
            if len(interfaces) < INTERFACE_MAX:
                interfaces.append(_interface(order, block))
        elif kind == STATISTICS and length <= FRAME_MAX:
            _statistics(order, block, interfaces, reading)
        elif is_read:
            _packet(order, block, interfaces, reading)
        at += length
    return None


def _interface(order: str, block: bytes) -> Interface:
    link, _, snap = struct.unpack_from(order + "HHI", block, 8)
    resolution, offset_s, at = 6, 0, 16
    while at + 8 <= len(block):
        code, size = struct.unpack_from(order + "HH", block, at)
        if code == 0 or at + 4 + size > len(block) - 4:
            break
        value = block[at + 4 : at + 4 + size]
        if (code, size) == (9, 1):
            resolution = value[0]
        elif (code, size) == (14, 8):
            (offset_s,) = struct.unpack(order + "q", value)
        at += 4 + -(-size // 4) * 4
    return Interface(link, snap, resolution, offset_s)


def _statistics(
    order: str, block: bytes, interfaces: Sequence[Interface], reading: Reading
) -> None:
    """Note how much isb_ifrecv (4) and isb_ifdrop (5) grew."""
    if len(block) < 24:
        return
    (number,) = struct.unpack_from(order + "I", block, 8)
    if number >= len(interfaces):
        return
    grown: dict[int, int] = {}
    at = 20
    while at + 8 <= len(block):
        code, size = struct.unpack_from(order + "HH", block, at)
        if code == 0 or at + 4 + size > len(block) - 4:
            break
        if code in (4, 5) and size == 8:
            (now,) = struct.unpack_from(order + "Q", block, at + 4)
            before = interfaces[number].counts.get(code, 0)
            grown[code] = max(now - before, 0)
            interfaces[number].counts[code] = now
        at += 4 + -(-size // 4) * 4
    reading.mark(grown.get(5, 0), grown.get(4))


def _packet(
    order: str, block: bytes, interfaces: Sequence[Interface], reading: Reading
) -> None:
    (kind,) = struct.unpack_from(order + "I", block, 0)
    ticks = None
    if kind == SIMPLE:
        if len(block) < 16:
            return reading.count("bad_record")
        (wire,) = struct.unpack_from(order + "I", block, 8)
        number, start = 0, 12
        snap = interfaces[0].snap_bytes if interfaces else 0
        captured = min(wire, snap) if snap else wire
    else:
        if len(block) < 32:
            return reading.count("bad_record")
        high, low, captured, wire = struct.unpack_from(order + "4I", block, 12)
        ticks, start = high << 32 | low, 28
        wide = "I" if kind == ENHANCED else "H"
        (number,) = struct.unpack_from(order + wide, block, 8)
    is_long = captured > len(block) - start - 4
    # A simple packet's length hangs on the interface, so that is looked at first.
    if is_long and not (kind == SIMPLE and not interfaces):
        return reading.count("bad_record")
    if number >= len(interfaces):
        return reading.count("unknown_interface")
    interface = interfaces[number]
    time_ns = reading.last_ns if ticks is None else _time_ns(ticks, interface)
    body = block[start : start + captured]
    reading.frames.append(Frame(time_ns, body, wire, interface.link))
    return None


def _time_ns(ticks: int, interface: Interface) -> int:
    power = interface.resolution & 0x7F
    if interface.resolution & 0x80:
        # Beyond 2^-126 every tick there is rounds down to nothing.
        time_ns = ticks * 10**9 // 2**power
    else:
        time_ns = ticks * 10**9 // 10**power
    return min(max(time_ns + interface.offset_s * 10**9, 0), 2**64 - 1)


def pcap_file(
    frames: Sequence[Frame], magic: bytes = b"\x4d\x3c\xb2\xa1", link: int = 1
) -> bytes:
    """Return a pcap file of these frames; µs magics drop what is below a µs."""
    order, tick_ns = MAGICS[magic]
    out = magic + struct.pack(order + "HHiIII", 2, 4, 0, 0, 262144, link)
    for frame in frames:
        seconds, part = divmod(frame.time_ns, 10**9)
        sizes = (len(frame.data), frame.wire_bytes)
        out += struct.pack(order + "4I", seconds, part // tick_ns, *sizes) + frame.data
    return out


def block(order: str, kind: int, body: bytes) -> bytes:
    """Return a pcapng block, its body padded to 32 bits."""
    body += b"\0" * (-len(body) % 4)
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str, options: bytes = b"") -> bytes:
    """Return a section header block."""
    head = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
    return block(order, SECTION, head + options)


def option(order: str, code: int, value: bytes) -> bytes:
    """Return one option, padded."""
    padding = b"\0" * (-len(value) % 4)
    return struct.pack(order + "HH", code, len(value)) + value + padding


def describe(order: str, link: int = 1, snap: int = 0, options: bytes = b"") -> bytes:
    """Return an interface description block."""
    head = struct.pack(order + "HHI", link, 0, snap)
    return block(order, INTERFACE, head + options)


def enhanced(order: str, number: int, ticks: int, data: bytes, wire: int) -> bytes:
    """Return an enhanced packet block."""
    sizes = (ticks >> 32, ticks & 0xFFFFFFFF, len(data), wire)
    return block(order, ENHANCED, struct.pack(order + "5I", number, *sizes) + data)


def record(frames: Sequence[Frame], name: bytes = b"mirror") -> bytes:
    """Return the file that the pcapng writer makes of these frames."""
    about = option("<", 2, name) + option("<", 9, b"\x09") + option("<", 0, b"")
    out = section("<", option("<", 4, b"airnet") + option("<", 0, b""))
    links = [1]
    out += describe("<", 1, 0, about)
    for frame in frames:
        if frame.link not in links:
            links.append(frame.link)
            out += describe("<", frame.link, 0, about)
    for frame in frames:
        number = links.index(frame.link)
        out += enhanced("<", number, frame.time_ns, frame.data, frame.wire_bytes)
    return out


def statistics(last_ns: int, seen: int, lost: int, delivered: int) -> bytes:
    """Return an interface statistics block as the writer makes it."""
    body = struct.pack("<III", 0, last_ns >> 32, last_ns & 0xFFFFFFFF)
    for code, value in ((4, seen), (5, lost), (8, delivered)):
        body += option("<", code, struct.pack("<Q", value))
    return block("<", STATISTICS, body + option("<", 0, b""))
