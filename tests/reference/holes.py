"""Why bytes or messages are missing, the slow way: RFC 2018, RFC 5681, FIX sequence."""

from collections import Counter

from tests.reference import headers
from tests.reference.stream import (
    FIN,
    HOLE_NS,
    LATE_NS,
    WANTED_NS,
    WINDOW,
    Session,
    Side,
    distance,
)

#: What the reference counts, each of it compared with the kernel's count.
COUNTED = (
    "gaps",
    "gap_bytes",
    "capture_losses",
    "capture_loss_bytes",
    "network_losses",
    "network_loss_bytes",
    "application_gaps",
    "application_gap_messages",
    "syn_data",
    "syn_data_bytes",
    "syn_acks_wrong",
    "syns_on_sessions",
    "resets_ignored",
    "resets_with_data",
    "bad_checksums",
    "after_close",
    "urgent",
)
SEQUENCE_RESET = 13
POSS_DUP = 1


def options_of(data: bytes) -> list[tuple[int, bytes]]:
    """Return TCP options, kind and data, up to the first that cannot be."""
    found = []
    while data and data[0] != 0:
        if data[0] == 1:
            data = data[1:]
            continue
        if len(data) < 2 or not 2 <= data[1] <= len(data):
            break
        found.append((data[0], data[2 : data[1]]))
        data = data[data[1] :]
    return found


def first_held(side: Side) -> int:
    """Return where the first hole ends."""
    return min(side.held, key=lambda one: distance(one, side.next))


def patience_ns(session: Session, side: Side, end: int) -> int:
    """Return how long a hole is waited for."""
    if side.acknowledged is not None and distance(side.acknowledged, end) >= 0:
        return LATE_NS
    if side.wanted is not None and distance(side.wanted, side.next) > 0:
        return WANTED_NS
    trip_ns = 0
    if session.row["syn_ack_ns"]:
        trip_ns = int(session.row["syn_ack_ns"]) - int(session.row["syn_ns"])
    return min(max(HOLE_NS, 2 * trip_ns), WANTED_NS)


def skip(counts: Counter[str], side: Side, end: int) -> None:
    """Give a hole up: lost by the capture when it is acknowledged, now or later."""
    missing = distance(end, side.next)
    counts["gaps"] += 1
    counts["gap_bytes"] += max(missing, 0)
    if missing <= 0:
        return
    if side.acknowledged is not None and distance(side.acknowledged, end) >= 0:
        counts["capture_losses"] += 1
        counts["capture_loss_bytes"] += missing
    else:
        side.unproved.append(missing)
        side.unproved_end = end


def prove(counts: Counter[str], side: Side, ack: int) -> None:
    """Count holes given up before their acknowledgement came."""
    if not side.unproved or distance(ack, side.next) > WINDOW:
        return
    if distance(ack, side.unproved_end) >= 0:
        counts["capture_losses"] += len(side.unproved)
        counts["capture_loss_bytes"] += sum(side.unproved)
        side.unproved = []


def ask(side: Side, seen: headers.Headers) -> None:
    """Note what the receiver says it lacks."""
    if not side.held or distance(seen.acknowledged, side.next) > 0:
        return
    lefts = []
    for kind, data in options_of(seen.options):
        if kind == 5:
            places = range(0, len(data) - 7, 8)
            lefts += [int.from_bytes(data[at : at + 4]) for at in places]
    lefts = [left for left in lefts if 0 < distance(left, side.next) <= WINDOW]
    for left in lefts:
        want(side, left)
    is_bare = not seen.payload_bytes and not seen.tcp_flags & FIN
    if not lefts and is_bare and seen.acknowledged == side.next:
        side.asks += 1
        if side.asks == 2:
            want(side, first_held(side))


def want(side: Side, until: int) -> None:
    """Note that bytes before `until` are lacking."""
    if side.wanted is None or distance(until, side.wanted) > 0:
        side.wanted = until


def refill(counts: Counter[str], side: Side, sequence: int, size: int) -> None:
    """Take bytes that were missing."""
    if side.held and side.wanted is not None:
        wanted = distance(side.wanted, sequence)
        counts["network_loss_bytes"] += max(0, min(wanted, size))


def close(counts: Counter[str], side: Side, sequence: int) -> None:
    """Count a hole whose last missing bytes, from `sequence` on, came."""
    if side.wanted is not None and distance(side.wanted, sequence) > 0:
        counts["network_losses"] += 1


def number(counts: Counter[str], side: Side, row: dict[str, int]) -> None:
    """Follow the numbers of a direction's well-formed messages."""
    if row["kind"] == SEQUENCE_RESET:
        side.number = None
        return
    if not row["sequence"] or row["flags"] & POSS_DUP:
        if row["sequence"] and row["sequence"] == side.number:
            side.number += 1
        return
    if side.number is not None and row["sequence"] > side.number:
        counts["application_gaps"] += 1
        counts["application_gap_messages"] += row["sequence"] - side.number
    side.number = (row["sequence"] + 1) % (1 << 64) or None
