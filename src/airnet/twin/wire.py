"""Frames as bytes: Ethernet, IPv4, TCP, UDP with right checksums, and pcapng out.

Everything that stays the same on a `Path` is packed and summed once, so that a frame
costs one `pack` and one sum over its payload. Sums use that 2**16 is 1 modulo 65535:
the ones' complement sum of RFC 1071 is then any integer's remainder.
"""

import struct
from collections.abc import Iterable
from pathlib import Path as FilePath

import msgspec

Frame = tuple[int, bytes]

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
MSS_BYTES = 1460
MINIMUM_BYTES = 60  # IEEE 802.3, without the frame check sequence
WINDOW = 502  # times 2**7 with the window scale below: Linux's 64256

_IP_TCP = struct.Struct("!HHHHBBHIIHHIIHHHH")
_IP_UDP = struct.Struct("!HHHHBBHIIHHHH")
_IP = struct.Struct("!HHHHBBHII")
_STAMP = struct.Struct("!HHII")
_STAMP_KIND = (0x0101, 0x080A)  # two no-ops, then RFC 7323 timestamps, length 10


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """A machine on the switch: its addresses and the header trivia of its kernel."""

    ip: str
    mac: bytes
    ttl: int = 64
    has_stamps: bool = True
    is_padded: bool = True
    tag: bytes = b""

    @property
    def number(self) -> int:
        """Return the IPv4 address as an integer."""
        a, b, c, d = self.ip.split(".")
        return int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)


def ip_text(number: int) -> str:
    """Return an IPv4 address's dotted quad."""
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def syn_options(*, has_stamps: bool, stamp: int, echo: int = 0) -> bytes:
    """Return the options of a Linux SYN: MSS, SACK, timestamps, window scale 7."""
    if has_stamps:
        return struct.pack(
            "!BBHBBBBIIBBBB", 2, 4, MSS_BYTES, 4, 2, 8, 10, stamp, echo, 1, 3, 3, 7
        )
    return struct.pack("!BBHBBBBBBBB", 2, 4, MSS_BYTES, 1, 1, 4, 2, 1, 3, 3, 7)


class Path:
    """One direction between two ports: makes its frames.

    Args:
        source: who sends.
        target: who receives.
        ports: source and target port.
        identification: the IP identification field's first value.
        spoofed: the source address to write instead of the source's own.
    """

    def __init__(
        self,
        source: Host,
        target: Host,
        ports: tuple[int, int],
        identification: int = 0,
        spoofed: int | None = None,
    ) -> None:
        self._ethernet = target.mac + source.mac + source.tag + b"\x08\x00"
        self._minimum = MINIMUM_BYTES if source.is_padded else 0
        self._ttl = source.ttl
        self._source = source.number if spoofed is None else spoofed
        self._target = target.number
        self._ports = ports
        self._next = identification
        addresses = self._source + self._target
        self._ip_sum = 0x4500 + 0x4000 + (self._ttl << 8) + addresses
        self._port_sum = addresses + ports[0] + ports[1]

    def _identify(self) -> int:
        self._next = (self._next + 1) & 0xFFFF
        return self._next

    def tcp(
        self, sequence: int, acknowledged: int, flags: int, rest: bytes, options: int
    ) -> bytes:
        """Return a TCP frame; `rest` is `options` bytes of options, then payload."""
        count = len(rest)
        total = 40 + count
        word = (20 + options) << 10 | flags
        window = WINDOW if not flags & SYN else 64240
        identification = self._identify()
        padded = rest if count % 2 == 0 else rest + b"\0"
        checksum = (
            -(
                self._port_sum
                + 26  # protocol and TCP length of the pseudo header
                + count
                + sequence
                + acknowledged
                + word
                + window
                + int.from_bytes(padded, "big")
            )
            % 65535
        )
        frame = (
            self._ethernet
            + _IP_TCP.pack(
                0x4500,
                total,
                identification,
                0x4000,
                self._ttl,
                6,
                -(self._ip_sum + 6 + total + identification) % 65535,
                self._source,
                self._target,
                *self._ports,
                sequence,
                acknowledged,
                word,
                window,
                checksum,
                0,
            )
            + rest
        )
        return frame if total >= 46 else frame.ljust(self._minimum, b"\0")

    def udp(self, payload: bytes) -> bytes:
        """Return a UDP datagram's frame."""
        count = 8 + len(payload)
        total = 20 + count
        identification = self._identify()
        padded = payload if count % 2 == 0 else payload + b"\0"
        body = int.from_bytes(padded, "big")
        checksum = -(self._port_sum + 17 + 2 * count + body) % 65535
        frame = (
            self._ethernet
            + _IP_UDP.pack(
                0x4500,
                total,
                identification,
                0x4000,
                self._ttl,
                17,
                -(self._ip_sum + 17 + total + identification) % 65535,
                self._source,
                self._target,
                *self._ports,
                count,
                checksum or 0xFFFF,  # RFC 768: zero would mean no checksum
            )
            + payload
        )
        return frame if total >= 46 else frame.ljust(self._minimum, b"\0")

    def icmp(self, kind: int, code: int, body: bytes) -> bytes:
        """Return an ICMP frame; `body` follows the checksum."""
        total = 24 + len(body)
        identification = self._identify()
        padded = body if len(body) % 2 == 0 else body + b"\0"
        word = kind << 8 | code
        checksum = -(word + int.from_bytes(padded, "big")) % 65535
        frame = (
            self._ethernet
            + _IP.pack(
                0x4500,
                total,
                identification,
                0x4000,
                self._ttl,
                1,
                -(self._ip_sum + 1 + total + identification) % 65535,
                self._source,
                self._target,
            )
            + struct.pack("!HH", word, checksum)
            + body
        )
        return frame if total >= 46 else frame.ljust(self._minimum, b"\0")


def stamp_options(stamp: int, echo: int) -> bytes:
    """Return the twelve option bytes of a segment with timestamps."""
    return _STAMP.pack(*_STAMP_KIND, stamp & 0xFFFFFFFF, echo & 0xFFFFFFFF)


def ethernet(target: bytes, source: Host, kind: int, payload: bytes) -> bytes:
    """Return a frame that is not IP (ARP, LLDP)."""
    frame = target + source.mac + source.tag + struct.pack("!H", kind) + payload
    return frame.ljust(MINIMUM_BYTES if source.is_padded else 0, b"\0")


# ---- pcapng (draft-ietf-opsawg-pcapng) ----


def _block(kind: int, body: bytes) -> bytes:
    body = body.ljust(len(body) + -len(body) % 4, b"\0")
    total = len(body) + 12
    return struct.pack("<II", kind, total) + body + struct.pack("<I", total)


def write_pcapng(path: FilePath, frames: Iterable[Frame]) -> None:
    """Write frames with nanosecond stamps (if_tsresol 9) into a pcapng file."""
    resolution = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
    enhanced = struct.Struct("<IIIIIII")
    with path.open("wb") as out:
        out.write(_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        out.write(_block(1, struct.pack("<HHI", 1, 0, 0) + resolution))
        for time_ns, frame in frames:
            count = len(frame)
            padding = -count % 4
            total = 32 + count + padding
            out.write(
                enhanced.pack(
                    6, total, 0, time_ns >> 32, time_ns & 0xFFFFFFFF, count, count
                )
                + frame
                + b"\0" * padding
                + total.to_bytes(4, "little")
            )
