"""Channel, a switch's connection to the fast lane; Turn, whose it is to write there.

Who decides need not wait for the lane's process to wake: it is lent the connections,
and writes to the switches itself. The lane keeps them alive and hears what comes back.
What two processes write to one connection must not come to lie in between: each write
is whole, or nobody else writes before the rest.
"""

import contextlib
import fcntl
import mmap
import os
import socket
import ssl
from collections.abc import Iterable

from airnet.controller import openflow

#: A switch that leaves so much unread is let go.
UNSENT_BYTES_MAX = 1 << 22


class Turn:
    """Whose turn it is to write. In memory that both see, and locked in the kernel.

    The lock is a record lock (POSIX fcntl), which the kernel takes from a process that
    dies. The one byte there is 1 while a message is half written.
    """

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("airnet-lane", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, 1)
        self._halves = mmap.mmap(self.descriptor, 1)
        self._half_written: set[int] = set()

    def take(self) -> bool:
        """Take it; return whether it was free."""
        try:
            fcntl.lockf(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def leave(self) -> None:
        """Let others write."""
        fcntl.lockf(self.descriptor, fcntl.LOCK_UN)

    def mark(self, number: int, *, is_half: bool) -> None:
        """Tell whether a message is half written to a connection."""
        if is_half:
            self._half_written.add(number)
        else:
            self._half_written.discard(number)
        self._halves[0] = bool(self._half_written)

    def close(self) -> None:
        """Let go of the memory."""
        self._halves.close()
        os.close(self.descriptor)


class Channel:
    """A switch, as one OpenFlow connection: handshake, what is written and comes back.

    Args:
        connection: as accepted.
        turn: whose turn it is to write to switches.
        tls: what it must prove, where TLS is spoken.
    """

    def __init__(
        self,
        connection: socket.socket,
        turn: Turn,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        if tls is not None:
            connection = tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        self.connection = connection
        self.switch = 0
        self.unsent = bytearray()
        #: What is left waits for the socket to take more, or for another's turn to end.
        self.is_full = self.is_held_up = self.is_watched = False
        self._turn = turn
        self._came = bytearray()
        hello = openflow.header(openflow.HELLO, b"", 0)
        self.write(hello + openflow.header(openflow.FEATURES_REQUEST, b"", 0))

    @property
    def is_lendable(self) -> bool:
        """Return whether others can write to it."""
        return not isinstance(self.connection, ssl.SSLSocket)

    def write(self, data: bytes) -> None:
        """Send now what the socket takes, keep the rest.

        Raises:
            OSError: the switch is gone, or reads nothing.
        """
        self.unsent += data
        self.flush()
        if len(self.unsent) > UNSENT_BYTES_MAX:
            raise ConnectionAbortedError("it reads nothing")

    def flush(self) -> None:
        """Send what is left, unless it is another's turn, which ends soon."""
        self.is_full = False
        if not self.unsent:
            return
        if not self.is_lendable:  # nobody else writes there
            self._send()
            return
        self.is_held_up = not self._turn.take()
        if self.is_held_up:
            return
        number = self.connection.fileno()
        try:
            # Before the first byte: a lane that is killed leaves it so.
            self._turn.mark(number, is_half=True)
            self._send()
            self._turn.mark(number, is_half=bool(self.unsent))
        finally:
            self._turn.leave()

    def _send(self) -> None:
        """Send what the socket takes now."""
        try:
            del self.unsent[: self.connection.send(self.unsent)]
            self.is_full = bool(self.unsent)
        except (BlockingIOError, ssl.SSLWantWriteError):
            self.is_full = True
        except ssl.SSLWantReadError:
            pass  # the handshake: it is the switch's turn

    def read(self) -> list[tuple[int, int, bytes]]:
        """Return the whole messages that have come: kind, xid, body.

        Raises:
            OSError: the switch is gone, or speaks something else.
        """
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
            came = self.connection.recv(65536)
            if not came:
                raise ConnectionResetError("closed")
            self._came += came
        found, at = [], 0
        while len(self._came) - at >= openflow.HEADER.size:
            _, kind, length, xid = openflow.HEADER.unpack_from(self._came, at)
            if length < openflow.HEADER.size:
                raise ConnectionAbortedError("no OpenFlow")
            if len(self._came) - at < length:
                break
            body = bytes(self._came[at + openflow.HEADER.size : at + length])
            found.append((kind, xid, body))
            at += length
        del self._came[:at]
        return found

    def close(self) -> None:
        """End the connection, for those it was lent to as well."""
        self._turn.mark(self.connection.fileno(), is_half=False)
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


def lendable(channels: Iterable[Channel], turn: Turn) -> list[int]:
    """Return what a loan consists of: whose turn it is, and every connection.

    Nothing where one is by TLS: its keys cannot be lent.
    """
    ready = [one for one in channels if one.switch]
    lent = [one.connection.fileno() for one in ready if one.is_lendable]
    is_whole = bool(lent) and len(lent) == len(ready)
    return [turn.descriptor, *lent] if is_whole else []


def tls_context(key: str, certificate: str, authority: str) -> ssl.SSLContext:
    """Return what has switches prove that this authority has signed them.

    Raises:
        OSError: a file is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
