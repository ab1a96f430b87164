"""Shots: prepared bytes, and writing them to switches over lent connections.

The bytes and the rules of the loan are those of airnet.controller.lane and
airnet.controller.channel.
"""

import contextlib
import ipaddress
import os
import socket
from collections.abc import Collection, Sequence
from typing import NamedTuple, Self

import msgspec

from airnet._ext.shot import COOKIE, SECONDS, SOURCE, XID, Loan, Plan
from airnet.domain.address import address_bytes

COOKIE_AT, SECONDS_AT, XID_AT = 8, 28, 4
#: Sources that one shot of a template is about at most.
SOURCES_MAX = 64


class Prepared(msgspec.Struct, frozen=True):
    """The bytes of one containment, and where what is told late stands in them."""

    data: bytes
    end: bytes
    cookies: tuple[int, ...]
    seconds: tuple[int, ...]
    xids: tuple[int, ...]
    sources: tuple[int, ...] = ()
    address_bytes: int = 0
    mark: int = 0
    seconds_max: int = 1


class Shot(NamedTuple):
    """A slot of the lane, and how to fire it from here, where it can be.

    Args:
        slot: its number in the lane.
        plan: None where it is for the lane alone to write.
    """

    slot: int
    plan: Plan | None

    @classmethod
    def of(cls, slot: int, prepared: Prepared | None) -> Self:
        """Return what the lane told as it is to be fired; bytes that are none: not."""
        if prepared is None:
            return cls(slot, None)
        holes = [(at + COOKIE_AT, COOKIE) for at in prepared.cookies]
        holes += [(at + SECONDS_AT, SECONDS) for at in prepared.seconds]
        holes += [(at + XID_AT, XID) for at in prepared.xids]
        holes += [(at, SOURCE) for at in prepared.sources]
        late = prepared.mark, prepared.seconds_max, prepared.address_bytes
        try:
            return cls(slot, Plan(prepared.data, prepared.end, holes, *late))
        except (ValueError, OverflowError):
            return cls(slot, None)


class Stage:
    """Where shots are rehearsed: a loan of nobody's connection, and a deaf lane."""

    def __init__(self) -> None:
        self.speaker, self._hearer = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET
        )
        for end in (self.speaker, self._hearer):
            end.setblocking(False)
        turn = os.memfd_create("airnet-stage", os.MFD_CLOEXEC)
        os.ftruncate(turn, 1)
        self.loan = Loan(0, [turn, os.dup(self.speaker.fileno())])

    def clear(self) -> None:
        """Forget what was played."""
        with contextlib.suppress(BlockingIOError):
            while self._hearer.recv(1):
                pass

    def close(self) -> None:
        """Let go of it."""
        self.loan.close()
        for end in (self.speaker, self._hearer):
            end.close()


def say(path: str, word: bytes) -> None:
    """Say one word to the lane, by a connection of its own: any thread may.

    Who says it leaves at once, and is heard all the same. A lane that is not there is
    told nothing.
    """
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection,
    ):
        connection.setblocking(False)
        connection.connect(path)
        connection.send(word)


class Spared:
    """Who no template may be fired at: the protected, and the gateway itself.

    Args:
        protected: prefixes, as the lane has told them.
    """

    def __init__(self, protected: Sequence[str] = ()) -> None:
        self._protected = tuple(protected)

    def clears(
        self, sources: Sequence[str], gateway: str, known: Collection[str]
    ) -> list[bytes]:
        """Return the sources' bytes, or nothing if one of them is spared or no host."""
        if len(sources) > SOURCES_MAX:
            return []
        spared = {*known, *self._protected, gateway}
        if not spared.isdisjoint(sources):
            return []
        try:
            found = [address_bytes(text) for text in sources]
            prefixes = [self._place(text) for text in spared if "/" in text]
            hosts = {address_bytes(text) for text in spared if text and "/" not in text}
        except ValueError:
            return []
        numbers = [int.from_bytes(one, "big") for one in found]
        is_spared = not hosts.isdisjoint(found) or any(
            number & mask == place for number in numbers for place, mask in prefixes
        )
        return [] if is_spared else found

    @staticmethod
    def _place(text: str) -> tuple[int, int]:
        """Return a prefix as a number and a mask of mapped addresses."""
        place = ipaddress.ip_network(text)
        host = address_bytes(str(place.network_address))
        width = place.max_prefixlen - place.prefixlen
        mask = (1 << 128) - (1 << width)
        return int.from_bytes(host, "big"), mask
