"""What clients and the fast lane say to each other: a few bytes, or JSON."""

import struct
from collections.abc import Iterable

import msgspec

from airnet.controller.entries import Network
from airnet.controller.flows import Apply
from airnet.controller.lane import Slot

#: Client to lane: magic, slot, decision bits, seconds to live; of a template the
#: sources follow, 16 bytes each. A rehearsal is the same, answered by its magic. What a
#: client has written itself: the same, then its xid, the number of the loan by which it
#: did, when it did (CLOCK_MONOTONIC, ns), the sources.
#: Lane to client: magic, slot, decision bits, switches that confirmed, errors, us from
#: arrival to the last; and a loan: magic, number, whose turn to write and connections.
FIRE = struct.Struct("!4sIQH")
WROTE = struct.Struct("!4sIQHIIQ")
DONE = struct.Struct("!4sIQHHI")
LOAN = struct.Struct("!4sI")
FIRE_MAGIC, WROTE_MAGIC, DONE_MAGIC, LOAN_MAGIC = b"FIRE", b"WROT", b"DONE", b"LOAN"
PLAY_MAGIC = b"PLAY"
SOURCE_BYTES = 16
#: Longer shots are not told to clients: an answer is one message.
SHOT_BYTES_MAX = 1024


class Armed(msgspec.Struct, frozen=True, kw_only=True, tag="arm", tag_field="command"):
    """Have these ready to be fired; the answer has their slots in order."""

    containments: tuple[Apply, ...]
    is_metered: bool = True


class Share(
    msgspec.Struct, frozen=True, kw_only=True, tag="share", tag_field="command"
):
    """Lend me the switches' connections, now and whenever they change."""


def sources_of(asked: bytes, start: int) -> list[bytes]:
    """Return the sources that follow in a message; what is left over is none."""
    whole = range(start, len(asked) - SOURCE_BYTES + 1, SOURCE_BYTES)
    return [asked[at : at + SOURCE_BYTES] for at in whole]


def armed(slots: Iterable[Slot], protected: Iterable[Network]) -> bytes:
    """Return the answer to Armed: the slots, and how to fire them oneself."""
    told = [slot.prepared for slot in slots]
    answer = {
        "ok": True,
        "slots": [slot.number for slot in slots],
        "prepared": [p if len(p.data) <= SHOT_BYTES_MAX else None for p in told],
        "protected": [str(place) for place in protected],
    }
    return msgspec.json.encode(answer)
