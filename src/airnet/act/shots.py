"""Shots: prepared bytes, and writing them to switches over lent connections.

The bytes and the rules of the loan are those of airnet.controller.lane and
airnet.controller.channel.
"""

import contextlib
import fcntl
import ipaddress
import mmap
import os
import socket
from collections.abc import Collection, Sequence

import msgspec

from airnet.domain.session import address_bytes

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


class Shot:
    """A Prepared, cut where something is to be filled in: firing it is one join.

    Few steps and few objects: when it matters they come from memory, not from a cache.

    Args:
        slot: its number in the lane.
        prepared: as the lane told, or None where it is for the lane alone to write.
    """

    def __init__(self, slot: int, prepared: Prepared | None) -> None:
        self.slot = slot
        self.prepared = prepared
        self.is_template = prepared is not None and bool(prepared.sources)
        self._parts: list[bytes] = []
        self._places: dict[str, list[int]] = {}
        if prepared is not None:
            self._cut(prepared)

    def _cut(self, prepared: Prepared) -> None:
        data = prepared.data
        holes = [(at + COOKIE_AT, 8, "cookie") for at in prepared.cookies]
        holes += [(at + SECONDS_AT, 2, "seconds") for at in prepared.seconds]
        holes += [(at + XID_AT, 4, "xid") for at in prepared.xids]
        wide = prepared.address_bytes
        holes += [(at, wide, "source") for at in prepared.sources]
        end = 0
        for at, size, name in sorted(holes):
            self._parts += [data[end:at], data[at : at + size]]
            self._places.setdefault(name, []).append(len(self._parts) - 1)
            end = at + size
        self._parts.append(data[end:])

    def filled(
        self, decision: int, ttl_s: int, xid: int, sources: Sequence[bytes] = ()
    ) -> bytes:
        """Return the bytes for one decision; of a template, for these sources."""
        prepared, parts, places = self.prepared, self._parts, self._places
        assert prepared is not None
        number = xid.to_bytes(4, "big")
        for at in places["xid"]:
            parts[at] = number
        cookie = (prepared.mark | decision).to_bytes(8, "big")
        for at in places["cookie"]:
            parts[at] = cookie
        for at in places["seconds"]:
            parts[at] = min(ttl_s, prepared.seconds_max).to_bytes(2, "big")
        end = prepared.end[:XID_AT] + number
        if not sources:
            return b"".join((*parts, end))
        made = []
        for source in sources:
            for at in places["source"]:
                parts[at] = source[-prepared.address_bytes :]
            made += parts
        return b"".join((*made, end))


class Loan:
    """The switches' connections, as lent by the lane, which keeps them alive.

    Args:
        number: what the lane calls it.
        descriptors: whose turn it is to write, and the connections. It owns them.
    """

    def __init__(self, number: int = 0, descriptors: Sequence[int] = ()) -> None:
        self.number = number
        self._turn = descriptors[0] if descriptors else -1
        self._switches = list(descriptors[1:])
        self._halves = mmap.mmap(self._turn, 1) if descriptors else None

    def write(self, data: bytes | bytearray) -> bool:
        """Write to every switch now; return whether all took all of it.

        The lane's turn, a switch that reads nothing, none there: then it did not, or
        not everywhere, and the lane is the one to do it.
        """
        if not self._switches or self._halves is None:
            return False
        try:
            fcntl.lockf(self._turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        try:
            if self._halves[0]:  # left by a lane that was killed
                return False
            sent = [self._sent(descriptor, data) for descriptor in self._switches]
            return all(sent)
        finally:
            fcntl.lockf(self._turn, fcntl.LOCK_UN)

    @staticmethod
    def _sent(descriptor: int, data: bytes | bytearray) -> bool:
        try:
            sent = os.write(descriptor, data)  # never waits: the lane made it so
        except OSError:
            return False
        if sent == len(data):
            return True
        # Half a message is there: nobody can go on after it, so the switch shall come
        # again, and the lane hears of it.
        with (
            contextlib.suppress(OSError),
            socket.socket(fileno=os.dup(descriptor)) as it,
        ):
            it.shutdown(socket.SHUT_RDWR)
        return False

    def close(self) -> None:
        """Give the connections back."""
        if self._halves is not None:
            self._halves.close()
            for descriptor in (self._turn, *self._switches):
                os.close(descriptor)
        self._halves, self._switches = None, []


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
