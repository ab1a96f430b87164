"""The slow reference of airnet.decide.excess: a session's sum, from all its windows.

Exact fractions, and every window looked at again for every sum: no state but the list.
"""

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple


class Look(NamedTuple):
    """One window: when, messages so far, envelope a second, nats less the toll."""

    at_ns: int
    messages: int
    envelope: Fraction
    nats: Fraction


def total(looks: Sequence[Look]) -> Fraction:
    """Return the sum after the last window."""
    held, room = Fraction(0), Fraction(2)
    for before, now in itertools.pairwise(looks):
        seconds = Fraction(now.at_ns - before.at_ns, 1_000_000_000)
        sent = now.messages - before.messages
        doubted = min(sent, 16) / now.envelope
        undoubted = max(sent - 16, 0) / now.envelope
        room = min(Fraction(2), room + 2 * seconds)
        moved = doubted * max(Fraction(-1, 2), min(Fraction(2), now.nats))
        if moved > 0:
            moved = min(moved, room)
            room -= moved
        else:
            moved = max(moved, -max(seconds, Fraction(1, 100)))
        held = max(held + moved - min(undoubted, seconds) - seconds / 10, Fraction(0))
    return held
