"""Counting: how many messages have shown the same, less those that did not.

Messages are counted where what lasts is quicker or slower than any time one would wait.
Integers; time is capture time, in ns.
"""

import msgspec

from airnet.decide.dwell import fact
from airnet.decide.findings import Finding
from airnet.domain.shape import Shape

SECOND_NS = 1_000_000_000
#: A window closes with so many orders: the messages before came in other windows.
OWN_MAX = 16
#: What a second takes, in messages; counts are kept in thousandths of one.
LEAK, MILLI = 8, 1000
#: What is above what is needed is forgotten, so that it ends soon after its cause.
SPARE = 16 * MILLI


class Count(msgspec.Struct, frozen=True, gc=False):
    """A session's count of a shape, when it was last added to, after how many."""

    at_ns: int
    messages: int
    total: int


def added(
    before: Count | None, at_ns: int, messages: int, orders: int, shape: Shape
) -> Count:
    """Return a count with one window more: its messages so far, and its own orders."""
    if before is None or messages < before.messages:
        before = Count(at_ns, max(messages - orders, 0), 0)
    sent = messages - before.messages
    own = min(sent, OWN_MAX)
    span_ns = max(at_ns - before.at_ns, 0)
    lost = (sent - own) * shape.taken * MILLI + LEAK * MILLI * span_ns // SECOND_NS
    total = max(before.total - lost, 0) + own * MILLI
    most = max(shape.told, shape.limit) * MILLI + SPARE
    return Count(at_ns, messages, min(total, most))


def come_to(shape: Shape, count: Count, *, is_acted: bool) -> Finding | None:
    """Return what a count amounts to: nothing, evidence, or what is acted upon."""
    if count.total < shape.told * MILLI:
        return None
    is_enough = 0 < shape.limit * MILLI <= count.total and is_acted
    limit = shape.limit if is_enough else shape.told
    return fact(shape.name, count.total // MILLI, limit, is_told=not is_enough)


__all__ = ["Count", "added", "come_to"]
