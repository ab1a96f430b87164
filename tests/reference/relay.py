"""The relay of ext/relay.h, slow and obvious: a list of records in a ring of bytes."""

from typing import NamedTuple

HEAD_BYTES = 24
FRAME_BYTES_MAX = 65535


class Taken(NamedTuple):
    """A row as the reader gives it."""

    offset: int
    time_ns: int
    queue: int
    data: bytes


class Relay:
    """What both sides of a relay of `size` bytes together do."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.written_bytes = self.shown_bytes = self.read_bytes = self.free_bytes = 0
        self.records: list[tuple[int, Taken]] = []  # where it ends, and what it is
        self.counts = {"taken": 0, "written": 0, "full": 0, "oversize": 0}

    def write(self, data: bytes, time_ns: int, queue: int) -> bool:
        """Put a frame in where it has room in one piece; say whether it had."""
        self.counts["taken"] += 1
        if len(data) > FRAME_BYTES_MAX:
            self.counts["oversize"] += 1
            return False
        needed = -(-(HEAD_BYTES + len(data)) // 8) * 8
        start = self.written_bytes
        while start % self.size + needed > self.size:
            start += 8
        if start + needed - self.free_bytes > self.size:
            self.counts["full"] += 1
            return False
        row = Taken(start % self.size + HEAD_BYTES, time_ns, queue, data)
        self.written_bytes = start + needed
        self.records.append((self.written_bytes, row))
        self.counts["written"] += 1
        return True

    def publish(self) -> None:
        """Let the reader see what was written."""
        self.shown_bytes = self.written_bytes

    def poll(self, limit: int) -> list[Taken]:
        """Give up to `limit` rows; those of the call before are free again."""
        self.free_bytes = self.read_bytes
        rows = []
        while self.records and len(rows) < limit:
            end, row = self.records[0]
            if end > self.shown_bytes:
                break
            self.records.pop(0)
            self.read_bytes = end
            rows.append(row)
        return rows
