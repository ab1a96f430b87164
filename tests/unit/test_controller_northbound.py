"""The northbound socket: for whom the umask says, and nobody can hold it up."""

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airnet.controller import northbound
from airnet.controller.northbound import Northbound
from airnet.errors import UnsupportedError


class Server:
    """A Northbound in a thread that answers each line with its length."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.together: list[int] = []
        self.northbound = Northbound(path, self.on_lines, lambda: None)
        self.northbound.open()
        self.mode = path.stat().st_mode
        self.thread = threading.Thread(target=self.northbound.serve)
        self.thread.start()

    def on_lines(self, client: int, *lines: bytes) -> None:
        self.together.append(len(lines))
        for line in lines:
            self.northbound.send(client, {"bytes": len(line)})

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(10)
        connection.connect(str(self.path))
        return connection


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "n.sock")
    yield made
    made.northbound.end()
    made.thread.join(10)
    assert not made.path.exists()


def lines(connection: socket.socket, count: int) -> list[dict[str, object]]:
    with connection.makefile("rb") as file:
        return [json.loads(file.readline()) for _ in range(count)]


@pytest.mark.parametrize(("umask", "mode"), [(0o007, 0o660), (0o022, 0o640)])
def test_socket_is_for_whom_the_umask_says(
    tmp_path: Path, umask: int, mode: int
) -> None:
    """Connecting takes the write bit: the unit's group has it, nobody else ever."""
    before = os.umask(umask)
    try:
        server = Server(tmp_path / "n.sock")
    finally:
        os.umask(before)
    server.northbound.end()
    server.thread.join(10)

    assert stat.S_IMODE(server.mode) == mode


def test_lines_are_handed_on_whole_however_they_come(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(b"ab")
        connection.sendall(b"c\n\n \nd\nef")
        connection.sendall(b"\n")

        assert lines(connection, 3) == [{"bytes": 3}, {"bytes": 1}, {"bytes": 2}]


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_oversized_line_closes_that_connection_only(
    server: Server, ending: bytes
) -> None:
    with server.connect() as one, server.connect() as other:
        one.sendall(b"x" * (northbound.LINE_BYTES_MAX + 1) + ending)

        (answer,) = lines(one, 1)
        assert answer["ok"] is False
        assert one.recv(1) == b""
        other.sendall(b"still here\n")
        assert lines(other, 1) == [{"bytes": 10}]


def test_client_that_does_not_read_is_let_go(server: Server) -> None:
    with server.connect() as deaf, server.connect() as other:
        other.sendall(b"1\n")
        lines(other, 1)
        line = {"event": "x" * 60_000}
        while any(server.northbound._clients) and len(server.northbound._clients) > 1:
            server.northbound.tell(line)
            other.recv(1 << 20)

        other.sendall(b"22\n")
        assert deaf.fileno() >= 0


def test_more_clients_than_the_limit_are_turned_away(server: Server) -> None:
    clients = [server.connect() for _ in range(northbound.CLIENTS_MAX)]
    for client in clients:
        client.sendall(b"1\n")
        lines(client, 1)

    with server.connect() as late:
        assert late.recv(1) == b""
    for client in clients:
        client.close()


def nothing(_path: Path) -> None:
    """Leave nothing there."""


def dead_socket(path: Path) -> None:
    """Leave what a controller that was killed leaves."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))


@pytest.mark.parametrize("before", [nothing, dead_socket])
def test_open_replaces_what_a_dead_controller_left(
    tmp_path: Path, before: Callable[[Path], None]
) -> None:
    path = tmp_path / "n.sock"
    before(path)

    opened = Northbound(path, lambda _c, _l: None, lambda: None)
    opened.open()

    assert stat.S_ISSOCK(path.stat().st_mode)
    opened.end()
    assert not path.exists()


def test_open_when_another_listens_refuses_and_leaves_it(server: Server) -> None:
    second = Northbound(server.path, lambda _c, _l: None, lambda: None)

    with pytest.raises(UnsupportedError, match="another process"):
        second.open()

    second.end()
    with server.connect() as connection:
        connection.sendall(b"1\n")
        assert lines(connection, 1) == [{"bytes": 1}]


def test_open_when_a_file_is_there_refuses_and_leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    opened = Northbound(path, lambda _c, _l: None, lambda: None)

    with pytest.raises(UnsupportedError, match="no socket"):
        opened.open()

    opened.end()
    assert path.read_text() == "data"
