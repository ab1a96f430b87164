"""Northbound: the Unix stream socket through which containments are asked for.

One JSON object a line, both ways. One loop serves every client and never blocks on
one: it runs in a thread under os-ken and in a green thread under Ryu, with the same
calls (`select.select` is one that eventlet makes green).
"""

import contextlib
import itertools
import os
import select
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from airnet.controller.messages import Json
from airnet.errors import UnsupportedError

LINE_BYTES_MAX = 65536
#: Read of one client in one turn: what came together is asked for together.
TURN_BYTES_MAX = 1 << 20
#: A client that does not read this much is let go, so that none can hold us up.
UNREAD_BYTES_MAX = 1 << 20
CLIENTS_MAX = 32
TICK_S = 0.1
END_LIMIT_S = 2.0


class Client:
    """A connection, what came of its next line, and what it has not read yet."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.came = bytearray()
        self.unread = bytearray()
        self.is_closing = False


class Northbound:
    """The socket at `path`: its owner's, and its group's where the umask says so.

    The shipped unit's UMask=0007 lets the sensor in, which has the group (mode 0660);
    under the usual 0022 only the owner may connect, for that takes the write bit.

    Args:
        path: where; a socket nobody listens at any more is replaced.
        on_lines: called with a client's number and the lines that came together,
            without their newlines.
        on_tick: called at least every 100 ms.
    """

    def __init__(
        self,
        path: Path,
        on_lines: Callable[..., None],
        on_tick: Callable[[], None],
    ) -> None:
        self.path = path
        self.on_lines = on_lines
        self.on_tick = on_tick
        self._clients: dict[int, Client] = {}
        self._count = 0
        self._lock = threading.Lock()
        self._is_bound = self._is_serving = self._is_stopping = False
        self._ended = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._woken, self._waker = socket.socketpair()
        for end in (self._listener, self._woken, self._waker):
            end.setblocking(False)

    def open(self) -> None:
        """Bind and listen.

        Raises:
            UnsupportedError: the path cannot be bound, or another controller listens.
        """
        try:
            self._clear()
            # The mode of the socket's inode becomes that of its name: no moment open.
            os.fchmod(self._listener.fileno(), 0o660)
            self._listener.bind(str(self.path))
            self._is_bound = True
            self._listener.listen(CLIENTS_MAX)
        except OSError as error:
            raise UnsupportedError(
                f"{self.path}: cannot listen: {error}",
                "check the directory and that no other controller runs",
            ) from error

    def serve(self) -> None:
        """Serve clients until `stop`; then close them and unlink the path."""
        self._is_serving = True
        try:
            while not self._is_stopping:
                self._turn()
        finally:
            self._close()
            self._ended.set()

    def stop(self) -> None:
        """Ask `serve` to end. Safe in a signal handler."""
        self._is_stopping = True
        self._wake()

    def end(self) -> None:
        """Stop, and return when the path is unlinked."""
        self.stop()
        if self._is_serving:
            self._ended.wait(END_LIMIT_S)
        else:
            self._close()

    def _close(self) -> None:
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.connection.close()
        for end in (self._listener, self._woken, self._waker):
            end.close()
        if self._is_bound:
            self._is_bound = False
            self.path.unlink(missing_ok=True)

    def send(self, number: int, line: Json) -> None:
        """Send a line to one client, from any thread; a gone client is no error."""
        with self._lock:
            client = self._clients.get(number)
            if client is not None:
                self._write(client, msgspec.json.encode(line) + b"\n")

    def tell(self, line: Json) -> None:
        """Send a line to every client, from any thread."""
        encoded = msgspec.json.encode(line) + b"\n"
        with self._lock:
            for client in self._clients.values():
                self._write(client, encoded)

    def _clear(self) -> None:
        """Remove a socket a dead controller left; leave everything else alone."""
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISSOCK(self.path.lstat().st_mode):
                raise FileExistsError(f"{self.path} exists and is no socket")
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.settimeout(1.0)
                try:
                    probe.connect(str(self.path))
                except ConnectionRefusedError:
                    self.path.unlink()
                    return
            raise FileExistsError("another process listens there")

    def _turn(self) -> None:
        """Wait for something to do, do it, and tick."""
        with self._lock:
            clients = dict(self._clients)
        reading = {c.connection.fileno(): n for n, c in clients.items()}
        writing = [c.connection.fileno() for c in clients.values() if c.unread]
        fixed = [self._listener.fileno(), self._woken.fileno()]
        readable, writable, _ = select.select([*fixed, *reading], writing, [], TICK_S)
        if self._woken.fileno() in readable:
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)
        if self._listener.fileno() in readable:
            self._accept()
        for descriptor in [d for d in readable if d in reading]:
            self._read(reading[descriptor])
        with self._lock:
            for descriptor in writable:
                client = self._clients.get(reading[descriptor])
                if client is not None:
                    self._write(client, b"")
            closing = [n for n, c in self._clients.items() if c.is_closing]
            for number in closing:
                self._clients.pop(number).connection.close()
        self.on_tick()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # gone before we came
        connection.setblocking(False)
        with self._lock:
            if len(self._clients) >= CLIENTS_MAX:
                connection.close()
                return
            self._count += 1
            self._clients[self._count] = Client(connection)

    def _read(self, number: int) -> None:
        """Read what a client has sent and hand on each whole line."""
        client = self._clients.get(number)
        if client is None:
            return
        came = self._came(client.connection)
        if came is None:
            client.is_closing = True
            return
        client.came += came
        *lines, rest = client.came.split(b"\n")
        client.came = bytearray(rest)
        sound = itertools.takewhile(lambda one: len(one) <= LINE_BYTES_MAX, lines)
        if asked := [bytes(line) for line in sound if line.strip()]:
            self.on_lines(number, *asked)
        if max(map(len, (*lines, rest))) > LINE_BYTES_MAX:
            error = f"a line is longer than {LINE_BYTES_MAX} bytes"
            self.send(number, {"ok": False, "error": error})
            client.is_closing = True

    @staticmethod
    def _came(connection: socket.socket) -> bytes | None:
        """Return all that has come by now, or None where the client is gone."""
        found = bytearray()
        while len(found) < TURN_BYTES_MAX:
            try:
                came = connection.recv(LINE_BYTES_MAX)
            except BlockingIOError:
                break
            except OSError:
                came = b""
            if not came:
                return bytes(found) or None  # its end is told again next time
            found += came
        return bytes(found)

    def _write(self, client: Client, line: bytes) -> None:
        """Send now what the socket takes, keep the rest. The lock is held."""
        waited = bool(client.unread)
        client.unread += line
        try:
            sent = client.connection.send(client.unread)
            del client.unread[:sent]
        except BlockingIOError:
            pass
        except OSError:
            client.is_closing = True
            client.unread.clear()
        if len(client.unread) > UNREAD_BYTES_MAX:
            client.is_closing = True
        if client.is_closing or (client.unread and not waited):
            self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")
