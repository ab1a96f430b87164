"""Clients of the fast lane: who asks, who is lent connections, who is told; bounded."""

import array
import contextlib
import select
import socket
from collections.abc import Iterable, Sequence

LINE_BYTES_MAX = 65536
#: The sensor is one; the rest is a person's tools.
CLIENTS_MAX = 64


class Clients:
    """Every client's connection, by descriptor.

    Args:
        listener: where they connect.
        epoll: the loop's.
    """

    def __init__(self, listener: socket.socket, epoll: select.epoll) -> None:
        self._listener = listener
        self._epoll = epoll
        self._peers: dict[int, socket.socket] = {}
        self._sharers: set[int] = set()

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._peers

    def __len__(self) -> int:
        return len(self._peers)

    @property
    def sharers(self) -> list[socket.socket]:
        """Return who wants to be lent connections."""
        return [self._peers[one] for one in self._sharers]

    def accept(self) -> None:
        """Take in who connects, unless there are too many."""
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()
            if len(self._peers) >= CLIENTS_MAX:
                client.close()
                return
            self._peers[client.fileno()] = client
            self._epoll.register(client.fileno(), select.EPOLLIN)

    def hear(self, descriptor: int) -> tuple[socket.socket, bytes] | None:
        """Return one message and whose it is; nothing where there is none."""
        client = self._peers[descriptor]
        try:
            asked = self._said(client)
        except BlockingIOError:
            return None
        except OSError:
            asked = b""
        if asked:
            return client, asked
        self._epoll.unregister(descriptor)
        del self._peers[descriptor]
        self._sharers.discard(descriptor)
        client.close()
        return None

    @staticmethod
    def _said(client: socket.socket) -> bytes:
        """Return what one has said, also when it has left: its last word may count.

        Of who left answers unread the kernel tells that first (ECONNRESET), and what it
        had said after.
        """
        try:
            return client.recv(LINE_BYTES_MAX, socket.MSG_DONTWAIT)
        except ConnectionResetError:
            return client.recv(LINE_BYTES_MAX, socket.MSG_DONTWAIT)

    def share(self, client: socket.socket) -> None:
        """Lend to this one from now on."""
        self._sharers.add(client.fileno())

    @staticmethod
    def tell(client: socket.socket, line: bytes) -> None:
        """Tell one; who does not read its answers loses them, and is not waited for."""
        with contextlib.suppress(OSError):
            client.send(line, socket.MSG_DONTWAIT)

    @staticmethod
    def lend(
        clients: Iterable[socket.socket], told: bytes, lent: Sequence[int]
    ) -> None:
        """Send descriptors along with a word."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", lent))]
        for client in clients:
            with contextlib.suppress(OSError):
                client.sendmsg([told], rights if lent else (), socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Let go of all."""
        for client in self._peers.values():
            client.close()
        self._peers.clear()
