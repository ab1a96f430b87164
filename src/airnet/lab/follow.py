"""Follow, the new lines of a file that another process appends to."""

import socket
from pathlib import Path

from airnet.lab.channel import Json, Lines

READY = b"READY=1"
NOTICE_BYTES = 4096


class Follow:
    """Reads a file of JSON lines as it grows; a file that is not there is empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._lines = Lines()

    def new(self) -> list[Json]:
        """Return the objects completed since the last time."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(data)
        return self._lines.feed(data)


class Notices:
    """The end of sd_notify(3) that systemd would hold: readiness of a service.

    It must be read for as long as the service runs: a full socket would stop it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_ready = False
        self._socket = socket.socket(
            socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        )
        self._socket.bind(str(path))

    def read(self) -> None:
        """Take in what was said."""
        while True:
            try:
                said = self._socket.recv(NOTICE_BYTES)
            except BlockingIOError:
                return
            self.is_ready = self.is_ready or READY in said.split(b"\n")

    def close(self) -> None:
        """Let go of it; the service must have ended."""
        self._socket.close()
