"""PcapSource: capture files, one after another, through one buffer of fixed size.

pcap with µs or ns in either byte order, and pcapng; gzip is recognised by its magic.
"""

import os
import stat
import struct
import zlib

from airnet._ext.pcap import BUFFER_BYTES_MIN, Reader
from airnet.errors import CaptureError

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

    import numpy as np
    from numpy.typing import NDArray

#: Source: draft-ietf-opsawg-pcap. Key: first four bytes; value: byte order, is ns.
PCAP_MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", False),
    b"\xa1\xb2\xc3\xd4": (">", False),
    b"\x4d\x3c\xb2\xa1": ("<", True),
    b"\xa1\xb2\x3c\x4d": (">", True),
}
#: Kuznetzov's records carry 8 more bytes and no standard describes them.
PATCHED_MAGICS = (b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34")
SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"
BYTE_ORDERS = (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d")
PCAP_HEADER_BYTES, SECTION_BYTES_MIN = 24, 28
GZIP_MAGIC = b"\x1f\x8b"
#: Reads of this size keep the buffer in the processor's cache.
READ_BYTES = 256 << 10
GZIP_READ_BYTES = 16 << 10
REMEDY = "give a pcap or pcapng file, µs or ns, plain or gzip"


class PcapSource:
    """Frames of capture files, in the order given, times as written."""

    def __init__(self, paths: "Sequence[str | Path]") -> None:
        """Look at the first bytes of every file, so that a bad one is named at once.

        Raises:
            CaptureError: no file, or one that is no capture or cannot be read.
        """
        if not paths:
            raise CaptureError("no capture file was named", REMEDY)
        self.name = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files"
        self.buffer = memoryview(bytearray(BUFFER_BYTES_MIN))
        self.is_exhausted = False
        self._paths = tuple(paths)
        self._next = 0
        self._reader = Reader(self.buffer)
        self._is_more = False
        self._file: _File | None = None
        self._reasons = {"truncated_record": 0, "broken_gzip": 0}
        for path in self._paths:
            # A pipe gives its bytes once: it is looked at when its turn comes.
            if not _is_fifo(path):
                self._open(path).close()

    def poll(self, rows: "NDArray[np.void] | memoryview", wait_ms: int) -> int:
        """Fill rows; 0 only at the end of the last file.

        Raises:
            CaptureError: a file can no longer be read.
        """
        while not self.is_exhausted:
            # Fewer than asked for: no whole record is left in the buffer.
            count = self._reader.parse(rows) if self._is_more else 0
            self._is_more = count == len(rows) or self._reader.is_held
            if count:
                return count
            if self._file is None or not self._read():
                self._advance()
            self._is_more = True
        return 0

    def mark(self) -> "tuple[int, int] | None":
        """Return frames lost and seen since the last mark, or None without one.

        Recordings say it in statistics blocks (pcapng draft, section 4.6); a batch
        never reaches over one.
        """
        return self._reader.mark()

    def counters(self) -> dict[str, int]:
        """Return seen, delivered and why records were not frames."""
        delivered, reasons = self._reader.counts()
        reasons |= self._reasons
        seen = delivered + sum(reasons.values())
        return {"seen": seen, "delivered": delivered, **reasons}

    def close(self) -> None:
        """Close the file being read; closing twice is harmless."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self.is_exhausted = True

    def _advance(self) -> None:
        """Finish the present file and start the next, or be exhausted."""
        if self._file is not None:
            self._finish(self._file)
        if self._next == len(self._paths):
            self.close()
            return
        path = self._paths[self._next]
        self._next += 1
        self._file = self._open(path)
        head = self._file.head
        if head[:4] == SECTION_MAGIC:
            self._reader.begin_pcapng()
            rest = head
        else:
            order, is_ns = PCAP_MAGICS[head[:4]]
            (link,) = struct.unpack_from(f"{order}I", head, 20)
            # The upper half is about frame check sequences (draft, section 4).
            self._reader.begin_pcap(order == ">", link & 0xFFFF, is_ns)
            rest = head[PCAP_HEADER_BYTES:]
        self.buffer[: len(rest)] = rest
        self._reader.added(len(rest))

    def _finish(self, file: "_File") -> None:
        """Count what the file's end left over: one reason a file at most."""
        if file.is_broken:
            self._reasons["broken_gzip"] += 1
        elif self._reader.is_cut and not self._reader.stopped:
            self._reasons["truncated_record"] += 1
        file.close()
        self._file = None

    def _read(self) -> bool:
        """Put more file bytes into the buffer; False at the end of the file."""
        if self._file is None or self._reader.stopped:
            return False
        self._reader.compact()
        room = self.buffer[self._reader.room :][:READ_BYTES]
        count = self._file.read_into(room)
        self._reader.added(count)
        return count > 0

    @staticmethod
    def _open(path: "str | Path") -> "_File":
        """Open a file and make sure that its first bytes are a capture's."""
        file = _File(path)
        problem = _problem_of(file.head)
        if problem:
            if file.is_broken:
                problem = "its gzip data is damaged from the start"
            file.close()
            raise CaptureError(f"{path}: {problem}", REMEDY)
        return file


class _File:
    """The bytes of one file, unpacked; errors of the disk are CaptureErrors."""

    def __init__(self, path: "str | Path") -> None:
        self._path = path
        self.is_broken = False
        try:
            # close() closes it; pathlib would take 3 ms to load.
            self._file = open(path, "rb")  # noqa: PTH123, SIM115 -- closed by us
        except OSError as error:
            raise _unreadable(path, error) from error
        self._gzip: _Gzip | None = None
        self._ahead = b""
        self._ahead = self._exactly(len(GZIP_MAGIC))
        if self._ahead == GZIP_MAGIC:
            self._gzip = _Gzip(self._ahead)
            self._ahead = b""
        self.head = self._exactly(SECTION_BYTES_MIN)

    def _exactly(self, count: int) -> bytes:
        """Return the next `count` bytes, fewer only at the end."""
        data = bytearray(count)
        view = memoryview(data)
        filled = 0
        while filled < count:
            more = self.read_into(view[filled:])
            if not more:
                break
            filled += more
        return bytes(data[:filled])

    def read_into(self, view: memoryview) -> int:
        """Fill `view` from its start; 0 at the end of the file."""
        if self._ahead:
            count = min(len(self._ahead), len(view))
            view[:count] = self._ahead[:count]
            self._ahead = self._ahead[count:]
            return count
        try:
            if self._gzip is None:
                return self._file.readinto(view)
            data = self._gzip.read(self._file, len(view))
        except OSError as error:
            raise _unreadable(self._path, error) from error
        self.is_broken = self._gzip.is_broken
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()


class _Gzip:
    """Unpacks gzip members, one after another, up to the first damaged byte.

    Source: RFC 1952; zero bytes after a member are padding, as gzip(1) has it.
    """

    def __init__(self, ahead: bytes) -> None:
        self.is_broken = False
        self._data = ahead
        self._inflate = zlib.decompressobj(wbits=31)
        self._is_fresh = True  # no byte of the present member was read yet
        self._salvaged = b""

    def read(self, file: "BinaryIO", limit: int) -> bytes:
        """Return up to `limit` bytes, none at the end."""
        while not self._salvaged:
            if self.is_broken:
                return b""
            chunk = self._data or file.read(GZIP_READ_BYTES)
            if self._is_fresh:
                chunk = chunk.lstrip(b"\0")
            if self._is_fresh and not chunk and not self._more(file):
                return b""
            if self._is_fresh and not chunk:
                continue
            out = self._unpack(chunk, limit)
            if out:
                return out
            if not chunk:
                self.is_broken = True  # the file ends inside a member
        out, self._salvaged = self._salvaged[:limit], self._salvaged[limit:]
        return out

    def _more(self, file: "BinaryIO") -> bool:
        """Read on over padding; False at the end of the file."""
        self._data = file.read(GZIP_READ_BYTES)
        return bool(self._data)

    def _unpack(self, chunk: bytes, limit: int) -> bytes:
        before = self._inflate.copy()
        try:
            out = self._inflate.decompress(chunk, limit)
        except zlib.error:
            self.is_broken = True
            self._salvaged = _salvage(before, chunk)
            return b""
        self._is_fresh = False
        self._data = self._inflate.unconsumed_tail
        if self._inflate.eof:
            self._data = self._inflate.unused_data
            self._inflate = zlib.decompressobj(wbits=31)
            self._is_fresh = True
        return out


def _salvage(before: "zlib._Decompress", chunk: bytes) -> bytes:
    """Return what the bytes of `chunk` in front of the damage unpack to."""
    low, high = 0, len(chunk) - 1
    out = b""
    while low < high:
        middle = (low + high + 1) // 2
        try:
            out = before.copy().decompress(chunk[:middle])
            low = middle
        except zlib.error:
            high = middle - 1
    return out


def _is_fifo(path: "str | Path") -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)  # noqa: PTH116 -- pathlib: 3 ms
    except OSError:
        return False  # opening it says why


def _unreadable(path: "str | Path", error: OSError) -> CaptureError:
    return CaptureError(f"{path}: cannot be read: {error.strerror}", "check the path")


def _problem_of(head: bytes) -> str:
    """Return why these first bytes are no capture, or nothing."""
    magic = head[:4]
    if not head:
        return "is empty"
    if magic in PATCHED_MAGICS:
        return "is a patched pcap (magic a1b2cd34), which has no standard"
    if magic in PCAP_MAGICS:
        return "" if len(head) >= PCAP_HEADER_BYTES else "ends inside its header"
    if magic != SECTION_MAGIC:
        return f"is not a capture: it begins with {magic.hex(' ')}"
    if len(head) < SECTION_BYTES_MIN:
        return "ends inside its header"
    return "" if head[8:12] in BYTE_ORDERS else "has no pcapng byte order magic"
