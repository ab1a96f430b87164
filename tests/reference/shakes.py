"""Handshakes, the slow way: RFC 9293 section 3.5, RFC 7323, RFC 7413."""

from collections import Counter

from tests.reference import headers
from tests.reference.holes import options_of
from tests.reference.stream import End, Handshake, Side, is_like

SYN_DATA_BYTES = 1500


def shift_of(seen: headers.Headers) -> int | None:
    """Return the window scale that a SYN states."""
    for kind, data in options_of(seen.options):
        if kind == 3 and data:
            return min(data[0], 14)
    return None


def scale(sides: tuple[Side, Side], syn_side: int, shake: Handshake) -> None:
    """Give each side the shift of whoever receives its bytes."""
    is_both = shake.shift is not None and shake.answer_shift is not None
    sides[syn_side].shift = shake.answer_shift if is_both else 0
    sides[1 - syn_side].shift = shake.shift if is_both else 0


def syn(
    shake: Handshake | None, source: End, seen: headers.Headers, time_ns: int
) -> Handshake:
    """Return what is known after a SYN."""
    fresh = Handshake(source, seen.sequence, time_ns, shift=shift_of(seen))
    fresh.data_bytes = seen.payload_bytes
    if shake and (shake.sender, shake.isn) == (source, seen.sequence):
        shake.data_bytes = max(shake.data_bytes, seen.payload_bytes)
        return shake
    if shake and shake.sender != source and not shake.syn_ack_ns:
        if shake.cross is None or shake.cross.isn != seen.sequence:
            shake.cross = fresh
        return shake
    return fresh


def keep(
    shake: Handshake, source: End, seen: headers.Headers, *, is_gateway: bool
) -> None:
    """Keep a SYN's data, the first copy, when all of it was captured."""
    mine = shake if shake.sender == source else shake.cross
    data = seen.payload
    is_whole = len(data) == seen.payload_bytes <= SYN_DATA_BYTES
    if mine and mine.isn == seen.sequence and not mine.data and is_whole:
        mine.data = data if is_gateway or is_like(data) else b""


def answer(
    counts: Counter[str],
    shake: Handshake | None,
    source: End,
    seen: headers.Headers,
    time_ns: int,
) -> Handshake | None:
    """Return what is known after a SYN-ACK."""
    if shake is None:
        return None
    if shake.sender == source:
        return answer_cross(counts, shake, source, seen, time_ns)
    taken = (seen.acknowledged - shake.isn - 1) % (1 << 32)
    if taken > shake.data_bytes:
        counts["syn_acks_wrong"] += 1
    elif not shake.syn_ack_ns or shake.answer_isn != seen.sequence:
        shake.answer_isn, shake.syn_ack_ns = seen.sequence, time_ns
        shake.answer_shift, shake.taken = shift_of(seen), taken
    return shake


def answer_cross(
    counts: Counter[str],
    shake: Handshake,
    source: End,
    seen: headers.Headers,
    time_ns: int,
) -> Handshake:
    """Return what is known after a SYN-ACK from the end whose SYN came first."""
    cross = shake.cross
    if cross is None or seen.acknowledged != (cross.isn + 1) % (1 << 32):
        counts["syn_acks_wrong"] += 1
        return shake
    if seen.sequence == shake.isn:
        if not shake.syn_ack_ns:
            shake.agree()
        return shake
    cross.answer_isn, cross.syn_ack_ns = seen.sequence, time_ns
    cross.answer_shift, cross.data_bytes = shift_of(seen), 0
    assert cross.sender != source
    return cross
