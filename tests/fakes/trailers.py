"""Trailers as capture devices write them behind a frame."""

import struct
import zlib
from collections.abc import Sequence

SECOND_NS = 10**9


def sealed(frame: bytes) -> bytes:
    """Return a frame of at least 60 bytes with its check sequence."""
    frame = frame.ljust(60, b"\0")
    return frame + zlib.crc32(frame).to_bytes(4, "little")


def extension(tag: int, words: int, *, is_last: bool) -> bytes:
    """Return a Metamako extension: its data and, behind them, its word."""
    if tag == 31:
        return bytes(4 * words) + struct.pack(">I", words - 1 << 6 | is_last << 5 | 31)
    return bytes(4 * words) + struct.pack(">I", words << 6 | is_last << 5 | tag)


def metamako(frame: bytes, time_ns: int, extensions: Sequence[bytes] = ()) -> bytes:
    """Return a frame with a Metamako trailer; the first extension is the last word."""
    more = b"".join(reversed(extensions))
    seconds, fraction = divmod(time_ns, SECOND_NS)
    flags = 1 | 2 * bool(extensions)
    return sealed(frame) + more + struct.pack(">IIBHB", seconds, fraction, flags, 7, 3)


def exablaze(frame: bytes, time_ns: int) -> bytes:
    """Return a frame with an Exablaze trailer; its fraction rounds up."""
    seconds, fraction = divmod(time_ns, SECOND_NS)
    parts = -(-(fraction << 40) // SECOND_NS)
    tail = struct.pack(">BBI", 1, 2, seconds) + parts.to_bytes(5, "big") + b"\0"
    return sealed(frame) + tail


def erspan3(frame: bytes, time_ns: int, platform: int = 5) -> bytes:
    """Return an ERSPAN III header that tells a time, and the frame."""
    seconds, fraction = divmod(time_ns, SECOND_NS)
    low, high, granularity = fraction, seconds, 2
    if platform in (3, 7):
        high, low = divmod(time_ns // 100, 1 << 32)
        granularity = 1
    flags = 0x8000 | granularity << 1 | 1
    head = struct.pack(">IIHH", 2 << 28, low, 0, flags)
    return head + struct.pack(">II", platform << 26, high) + frame
