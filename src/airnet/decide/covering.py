"""Covering: for how long windows have shown the same, less half of what they did not.

Time is counted where a burst of hundreds of messages would be enough of any count.
Integers; time is capture time, in ns.
"""

import msgspec

from airnet.decide.dwell import fact
from airnet.decide.findings import Finding
from airnet.domain.shape import Shape

NS_PER_MS = 1_000_000
#: A window covers no more: what closes later had silence before it.
STEP_NS = 100 * NS_PER_MS
#: A window closes with so many orders: the messages before came in other windows.
OWN_MAX = 16
#: Of time that is not covered half is taken: stuffing comes in bursts, and rests for as
#: long between them.
TAKEN = 2
#: What is above what is needed is forgotten, so that it ends soon after its cause.
SPARE_NS = 200 * NS_PER_MS


class Count(msgspec.Struct, frozen=True, gc=False):
    """How long it has gone on, up to when and after how many messages."""

    at_ns: int
    messages: int
    held_ns: int


def covered(before: Count | None, at_ns: int, messages: int, shape: Shape) -> Count:
    """Return for how long it has gone on with one window more.

    A window covers the time since the one before, as far as what was sent meanwhile was
    its own; half of what it does not cover is taken.
    """
    if before is None or messages < before.messages or at_ns < before.at_ns:
        return Count(at_ns, messages, 0)
    span_ns, sent = at_ns - before.at_ns, messages - before.messages
    own_ns = min(span_ns, STEP_NS) * min(sent, OWN_MAX) // max(sent, 1)
    held_ns = max(before.held_ns - (span_ns - own_ns) // TAKEN, 0) + own_ns
    most_ns = max(shape.told, shape.limit) * NS_PER_MS + SPARE_NS
    return Count(at_ns, messages, min(held_ns, most_ns))


def amount(shape: Shape, now: Count, *, is_acted: bool) -> Finding | None:
    """Return what it amounts to: nothing, evidence, or what is acted upon."""
    held_ms = now.held_ns // NS_PER_MS
    if held_ms < shape.told:
        return None
    is_enough = 0 < shape.limit <= held_ms and is_acted
    limit = shape.limit if is_enough else shape.told
    return fact(shape.name, held_ms, limit, is_told=not is_enough)


__all__ = ["Count", "amount", "covered"]
