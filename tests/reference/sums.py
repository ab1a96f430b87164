"""TCP checksums and when they are believed, the slow way: RFC 9293 section 3.1."""

from collections import Counter

from tests.reference import headers
from tests.reference.stream import Side, distance

GOOD = 8


def is_right(seen: headers.Headers) -> bool | None:
    """Return whether the checksum is right; None when not all was captured."""
    if len(seen.payload) < seen.payload_bytes:
        return None
    # An IPv4 address is mapped: zeros and 0xffff, nothing in this sum.
    length = len(seen.segment)
    data = seen.source + seen.target + length.to_bytes(4) + bytes([0, 0, 0, 6])
    data += seen.segment + bytes(length % 2)
    total = sum(int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2))
    return total % 0xFFFF == 0


def sample(side: Side, seen: headers.Headers) -> None:
    """Take one of a direction's first payloads."""
    if side.checked is not None and side.checked < GOOD:
        side.checked = side.checked + 1 if is_right(seen) else None


def are_bad(counts: Counter[str], side: Side, seen: headers.Headers) -> bool:
    """Return whether to leave a segment out."""
    if side.checked != GOOD or is_right(seen) in (True, None):
        return False
    if side.bad_end is not None and side.acknowledged is not None:
        is_received = distance(side.acknowledged, side.bad_end) >= 0
        if is_received and distance(side.bad_end, side.next or 0) > 0:
            side.checked = None
            return False
    if seen.payload_bytes:
        side.bad_end = (seen.sequence + seen.payload_bytes) % (1 << 32)
    counts["bad_checksums"] += 1
    return True
