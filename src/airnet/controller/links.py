"""Links, the fast lane's connections to switches: watched, written to, lent; bounded.

Whoever connects and does not say within a while which switch it is, is let go, so that
nobody holds a place by silence.
"""

import contextlib
import select
import socket
import ssl
import struct
from typing import Protocol

from airnet.clock import Clock
from airnet.controller import openflow
from airnet.controller.channel import Channel, Turn, lendable

#: So many descriptors go in one message (SCM_MAX_FD), less that of the turn.
LINKS_MAX = 252
#: By then a switch has said which it is, keys exchanged and all.
SILENT_NS = 5_000_000_000


class Hears(Protocol):
    """Who is told what comes of connections."""

    def greeting(self) -> bytes:
        """Return what a switch that has come is to have."""
        ...

    def answered(self, descriptor: int, xid: int, *, is_error: bool) -> None:
        """Take a barrier reply, or an error."""
        ...

    def changed(self) -> None:
        """Take note that there are others to lend."""
        ...

    def lost(self, descriptor: int) -> None:
        """Take note that one is gone."""
        ...


class Links:
    """Every connection to a switch, by descriptor.

    Args:
        listener: where switches connect.
        epoll: the loop's.
        hears: who is told.
        clock: of how long one was silent.
        tls: what a switch must prove, where TLS is spoken.
    """

    def __init__(
        self,
        listener: socket.socket,
        epoll: select.epoll,
        hears: Hears,
        clock: Clock,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.turn = Turn()
        self._listener = listener
        self._epoll = epoll
        self._hears = hears
        self._clock = clock
        self._tls = tls
        self._channels: dict[int, Channel] = {}
        self._silent: dict[int, int] = {}

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._channels

    def __len__(self) -> int:
        return len(self._channels)

    @property
    def all(self) -> list[int]:
        """Return every connection."""
        return list(self._channels)

    @property
    def known(self) -> list[int]:
        """Return the connections of which it is known whose they are."""
        return [d for d, channel in self._channels.items() if channel.switch]

    @property
    def is_held_up(self) -> bool:
        """Return whether something waits for another's turn to end."""
        return any(channel.is_held_up for channel in self._channels.values())

    def lent(self) -> list[int]:
        """Return what a loan consists of now."""
        return lendable(self._channels.values(), self.turn)

    def accept(self) -> None:
        """Take in who connects; nobody, where all places are taken by switches."""
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            if len(self._channels) >= LINKS_MAX:
                self._make_room()
            if len(self._channels) >= LINKS_MAX:
                connection.close()
                return
            self.take_in(connection)

    def take_in(self, connection: socket.socket) -> None:
        """Speak OpenFlow there; hang up where that cannot even begin."""
        try:
            channel = Channel(connection, self.turn, self._tls)
        except OSError:
            connection.close()
            return
        descriptor = channel.connection.fileno()
        self._channels[descriptor] = channel
        self._silent[descriptor] = self._clock.mono_ns()
        self._epoll.register(descriptor, select.EPOLLIN)
        self._watch(descriptor)

    def _make_room(self) -> None:
        """Let go of who has been silent longest."""
        if self._silent:
            self._drop(next(iter(self._silent)))

    def write(self, data: bytes) -> None:
        """Write to every switch what it takes now; the rest when it takes more."""
        for descriptor in list(self._channels):
            self._write(descriptor, data)

    def turn_to(self, descriptor: int) -> None:
        """Send what is left, take what has come."""
        channel = self._channels[descriptor]
        try:
            channel.flush()
            for kind, xid, body in channel.read():
                self._take(descriptor, channel, kind, xid, body)
        except OSError:
            self._drop(descriptor)
            return
        self._watch(descriptor)

    def tick(self, now_ns: int) -> None:
        """Go on with what was held up; let go of who says nothing."""
        held_up = [d for d, channel in self._channels.items() if channel.is_held_up]
        for descriptor in held_up:
            self._write(descriptor, b"")
        for descriptor, since_ns in list(self._silent.items()):
            if now_ns - since_ns < SILENT_NS:
                return  # in the order they came
            self._drop(descriptor)

    def next_ns(self, otherwise_ns: int) -> int:
        """Return when the first has been silent too long, or another moment."""
        oldest = next(iter(self._silent.values()), otherwise_ns)
        return min(otherwise_ns, oldest + SILENT_NS)

    def close(self) -> None:
        """End every connection."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()
        self.turn.close()

    def _write(self, descriptor: int, data: bytes) -> None:
        try:
            self._channels[descriptor].write(data)
        except OSError:
            self._drop(descriptor)
            return
        self._watch(descriptor)

    def _watch(self, descriptor: int) -> None:
        """Be woken when a connection takes more, where that is what it waits for."""
        channel = self._channels[descriptor]
        if channel.is_full != channel.is_watched:
            channel.is_watched = channel.is_full
            more = select.EPOLLOUT if channel.is_full else 0
            self._epoll.modify(descriptor, select.EPOLLIN | more)

    def _take(
        self, descriptor: int, channel: Channel, kind: int, xid: int, body: bytes
    ) -> None:
        if kind in {openflow.BARRIER_REPLY, openflow.ERROR}:
            is_error = kind == openflow.ERROR
            self._hears.answered(descriptor, xid, is_error=is_error)
        elif kind == openflow.ECHO_REQUEST:
            channel.write(openflow.header(openflow.ECHO_REPLY, body, xid))
        elif kind == openflow.FEATURES_REPLY and len(body) >= 8:
            (channel.switch,) = struct.unpack_from("!Q", body)
            self._silent.pop(descriptor, None)
            channel.write(self._hears.greeting())
            self._hears.changed()

    def _drop(self, descriptor: int) -> None:
        channel = self._channels.pop(descriptor)
        self._silent.pop(descriptor, None)
        self._epoll.unregister(descriptor)
        channel.close()
        if channel.switch:  # nobody was lent the others
            self._hears.changed()
        self._hears.lost(descriptor)
