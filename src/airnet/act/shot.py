"""Shot: what the fast lane did in C because a judge had foreseen it, not yet confirmed.

It is put in force before the Decision is made. A moment later the judge decides on the
same window, and the Decision takes its rules over; or nobody does, because the process
was killed or something changed, and they are taken back (docs/adr, "Decided in
advance").
"""

import struct
import zlib
from typing import NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet._ext.reflex import DROP, LIMIT, shot_of
from airnet.domain.address import address_text
from airnet.domain.decision import Decision, with_id

#: Bytes and CRC-32 of what is intended.
_HEAD = struct.Struct("<II")
#: At the end of the guard's intents: one shot, and what was foreseen.
SLOT_BYTES = 4096
#: Made while there is one thread: two that meet a type first at once crash msgspec.
_DECISIONS = msgspec.json.Decoder(Decision)


class Order(NamedTuple):
    """What the C half needs of a foreseen Decision.

    The rules' number, how long they stand, the interval and slack of a rate, and the
    Decision as text.
    """

    number: int
    ttl_ns: int
    interval_ns: int
    slack_ns: int
    text: bytes


class Arm(NamedTuple):
    """One gateway as ext/reflex.h has it: `reflex_arm`.

    `when` is from, until and until when its streak lasts; `rules` of which one window
    is enough, and of which one more is, a bit each; `bounds` the port, the streak's
    port, how many sources are few, and how many may be named; `sources`, those that
    the streak named.
    """

    gateway: bytes
    when: tuple[int, int, int]
    rules: tuple[int, int]
    bounds: tuple[int, int, int, int]
    sources: tuple[bytes, ...]
    limit: Order | None
    drop: Order | None


class Shot(NamedTuple):
    """What was done: `reflex_shot`. Times are CLOCK_MONOTONIC but for `close_ns`."""

    number: int
    close_ns: int
    begun_ns: int
    done_ns: int
    until_ns: int
    ttl_ns: int
    action: int
    rule: int
    port: int
    gateway: bytes
    sources: tuple[bytes, ...]

    @property
    def is_limit(self) -> bool:
        """Whether it limits strangers; else it drops sources."""
        return self.action == LIMIT

    def decision(self, text: bytes, why: str) -> Decision:
        """Return what was done as a Decision, from the text of what was foreseen.

        Raises:
            msgspec.DecodeError: the text is none.
        """
        foreseen = _DECISIONS.decode(text)
        address = address_text(self.gateway)
        place = f"[{address}]" if ":" in address else address
        target: tuple[str, ...] = (f"{place}:{self.port}",)
        if self.action == DROP:
            target = tuple(address_text(one) for one in self.sources)
        return with_id(
            msgspec.structs.replace(
                foreseen,
                t_ns=self.close_ns,
                until_ns=self.close_ns + self.ttl_ns,
                first_ns=self.close_ns,
                target=target,
                port=self.port,
                why=why,
            )
        )


class Slot(NamedTuple):
    """Where the intent of a shot lies, as long as it is not confirmed."""

    room: NDArray[np.uint8]

    @classmethod
    def of(cls, intents: NDArray[np.uint8]) -> Self:
        """Return the slot at the end of the guard's memory for intents."""
        return cls(intents[-SLOT_BYTES:])

    def pending(self) -> tuple[bytes, Shot] | None:
        """Return what was foreseen and what was done of it, if anything is there."""
        data = self.room.tobytes()
        size, check = _HEAD.unpack_from(data)
        text = data[_HEAD.size : _HEAD.size + size]
        if not size or len(text) < size or zlib.crc32(text) != check:
            return None
        found = shot_of(text)
        return None if found is None else (found[0], Shot(*found[1]))

    def clear(self) -> None:
        """Forget it: it is confirmed, in the ledger, or was taken back."""
        self.room[:4] = 0
