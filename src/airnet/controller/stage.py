"""Stage, where the lane rehearses: its own code on a connection that is no switch's.

A lane that writes for its clients (by TLS nothing can be lent) has slept when it is
told to. What it does then takes some 5 us, and 20 times that where all of it comes from
memory. So a client may have it go through a shot now and then: the same steps, to a
connection of the same kind, by loopback, of which this process holds both ends.
"""

import contextlib
import select
import socket
import ssl

from airnet.clock import Clock
from airnet.controller.links import Links

HERE = "127.0.0.1"
CONNECT_S = 1.0
#: What keys are agreed in, at most: each says something twice.
ROUNDS = 16
BYTES_MAX = 65536


class Nobody:
    """Is told what comes of the stage's connection: nothing does."""

    def greeting(self) -> bytes:
        """Return nothing."""
        return b""

    def answered(self, descriptor: int, xid: int, *, is_error: bool) -> None:
        """Take note of nothing."""

    def changed(self) -> None:
        """Take note of nothing."""

    def lost(self, descriptor: int) -> None:
        """Take note of nothing."""


class Stage:
    """A connection that goes nowhere, and the Links that write to it.

    Args:
        clock: of the Links.
        keys: key and certificate, PEM files, where TLS is rehearsed.

    Raises:
        OSError: there is no loopback here.
    """

    def __init__(self, clock: Clock, keys: tuple[str, str] | None = None) -> None:
        server, client = tls_pair(*keys) if keys else (None, None)
        with contextlib.ExitStack() as held:
            listener = held.enter_context(socket.create_server((HERE, 0), backlog=1))
            peer = socket.create_connection(listener.getsockname(), CONNECT_S)
            peer = held.enter_context(peer)
            end, whose = listener.accept()
            if whose != peer.getsockname():  # somebody else was there first
                end.close()
                raise ConnectionAbortedError("not our own connection")
            epoll = held.enter_context(select.epoll())
            self._links = Links(listener, epoll, Nobody(), clock, server)
            held.callback(self._links.close)
            self._links.take_in(end)
            peer.setblocking(False)
            if client is not None:
                peer = held.enter_context(
                    client.wrap_socket(peer, do_handshake_on_connect=False)
                )
                self._agree(peer)
            self._peer = peer
            self._held = held.pop_all()

    def write(self, data: bytes) -> None:
        """Write as to switches, and forget it."""
        self._links.write(data)
        with contextlib.suppress(OSError):
            # As it came, still encrypted: it is of use to nobody.
            socket.socket.recv(self._peer, BYTES_MAX)

    def close(self) -> None:
        """Let go of both ends."""
        self._held.close()

    def _agree(self, peer: ssl.SSLSocket) -> None:
        """Have both ends agree on keys."""
        for _ in range(ROUNDS):
            with contextlib.suppress(ssl.SSLWantReadError):
                peer.do_handshake()
            for descriptor in self._links.all:
                self._links.turn_to(descriptor)
        if peer.cipher() is None:
            raise ConnectionAbortedError("no keys were agreed on")


def tls_pair(key: str, certificate: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return what the two ends speak TLS by; they are one process, and prove nothing.

    Raises:
        OSError: a file is not what it should be.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    for context in (server, client):
        # Records as switches have them: Open vSwitch 3.1 and most others stop there.
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    return server, client
