"""The fast lane's bounds: who connects, what is awaited, what is remembered, dying."""

import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.clock import SimulatedClock
from airnet.controller import clients, due, entries, lane, links, openflow, shots
from airnet.controller.due import ASK, REOPEN, Due, Later
from airnet.controller.flows import Apply
from airnet.controller.lane import Lane
from airnet.controller.links import SILENT_NS, Links
from airnet.controller.shots import Shot, Shots
from airnet.domain.address import address_bytes
from airnet.errors import EXIT_DONE, EXIT_UNAVAILABLE
from tests.netns.lab_links import wait_until


class Ears:
    """Who is told of connections."""

    def __init__(self) -> None:
        self.changes = 0
        self.gone: list[int] = []

    def greeting(self) -> bytes:
        return b""

    def answered(self, descriptor: int, xid: int, *, is_error: bool) -> None:
        raise AssertionError((descriptor, xid, is_error))

    def changed(self) -> None:
        self.changes += 1

    def lost(self, descriptor: int) -> None:
        self.gone.append(descriptor)


class Switchboard:
    """Links on a port of their own, and switches that connect."""

    def __init__(self) -> None:
        self.clock, self.ears = SimulatedClock(), Ears()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.epoll = select.epoll()
        self.links = Links(self.listener, self.epoll, self.ears, self.clock)
        self.held: list[socket.socket] = []

    def connect(self, *, speaks: bool = False) -> socket.socket:
        peer = socket.create_connection(self.listener.getsockname())
        peer.settimeout(10)
        self.held.append(peer)
        self.links.accept()
        if speaks:
            reply = openflow.header(
                openflow.FEATURES_REPLY, struct.pack("!QII", 7, 0, 0), 1
            )
            peer.sendall(reply)
            for descriptor, _ in self.epoll.poll(10):
                self.links.turn_to(descriptor)
        return peer

    def close(self) -> None:
        for held in (*self.held, self.links, self.epoll, self.listener):
            held.close()


@pytest.fixture
def board() -> Iterator[Switchboard]:
    made = Switchboard()
    yield made
    made.close()


def is_let_go(peer: socket.socket) -> bool:
    """Return whether the other end hung up, once its greeting is read."""
    peer.setblocking(False)
    try:
        while peer.recv(4096):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    return True


def test_who_says_nothing_gives_way_and_a_switch_never_does(
    board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "LINKS_MAX", 3)
    switch = board.connect(speaks=True)
    silent = [board.connect() for _ in range(5)]

    assert len(board.links) == 3
    assert [is_let_go(one) for one in silent] == [True, True, True, False, False]
    assert not is_let_go(switch)
    speaking = [board.connect(speaks=True) for _ in range(3)]
    assert [is_let_go(one) for one in speaking] == [False, False, True]
    assert not is_let_go(switch)
    assert len(board.links.known) == 3


def test_who_says_nothing_for_long_is_let_go(board: Switchboard) -> None:
    switch, silent = board.connect(speaks=True), board.connect()
    lent = board.ears.changes

    start_ns = board.clock.mono_ns()
    assert board.links.next_ns(1 << 62) == start_ns + SILENT_NS
    board.links.tick(start_ns + SILENT_NS - 1)
    assert not is_let_go(silent)
    board.links.tick(start_ns + SILENT_NS)

    assert is_let_go(silent)
    assert not is_let_go(switch)
    assert board.links.next_ns(1 << 62) == 1 << 62
    assert board.ears.changes == lent, "nothing that is lent has changed"


def test_clients_are_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "CLIENTS_MAX", 2)
    kind = socket.AF_UNIX, socket.SOCK_SEQPACKET
    with socket.socket(*kind) as listener, select.epoll() as epoll:
        listener.bind(str(tmp_path / "lane"))
        listener.listen(8)
        made = clients.Clients(listener, epoll)
        peers = [socket.socket(*kind) for _ in range(3)]
        for peer in peers:
            peer.connect(str(tmp_path / "lane"))
            made.accept()
        assert len(made) == 2
        assert peers[2].recv(1) == b""
        peers[0].send(b"asked")
        (found,) = [made.hear(descriptor) for descriptor, _ in epoll.poll(10)]
        assert found is not None
        assert found[1] == b"asked"
        assert made.hear(found[0].fileno()) is None, "it waits for nobody"
        peers[0].close()
        for descriptor, _ in epoll.poll(10):
            assert made.hear(descriptor) is None
        assert len(made) == 1
        made.close()
        for peer in peers:
            peer.close()


def test_the_last_words_of_a_client_are_heard(tmp_path: Path) -> None:
    """Though it has left without having read its answers: it may have taken back."""
    kind = socket.AF_UNIX, socket.SOCK_SEQPACKET
    with socket.socket(*kind) as listener, select.epoll() as epoll:
        listener.bind(str(tmp_path / "lane"))
        listener.listen(8)
        made = clients.Clients(listener, epoll)
        with socket.socket(*kind) as peer:
            peer.connect(str(tmp_path / "lane"))
            made.accept()
            peer.send(b"fired")
            ((descriptor, _),) = epoll.poll(10)
            found = made.hear(descriptor)
            assert found is not None
            made.tell(found[0], b"an answer that nobody reads")
            peer.send(b"taken back")
            peer.send(b"all of it")
        said = [made.hear(descriptor), made.hear(descriptor)]
        assert [one[1] for one in said if one] == [b"taken back", b"all of it"]
        assert made.hear(descriptor) is None
        assert len(made) == 0
        made.close()


def test_what_no_switch_confirms_is_not_kept_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shots, "OPEN_MAX", 3)
    done: list[Shot] = []
    kept = Shots(done.append)
    one, other = socket.socketpair()
    with one, other:
        for xid in range(5):
            kept.begin(xid, Shot(one, 0, xid, 0), [8, 9])
    assert [(shot.decision, shot.confirmed, shot.errors) for shot in done] == [
        (0, 0, 2),
        (1, 0, 2),
    ]
    assert [xid in kept for xid in range(5)] == [False, False, True, True, True]


def test_what_is_due_comes_in_order_and_too_much_comes_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(due, "DUE_MAX", 3)
    queue = Due()
    queue.add(Later(30, REOPEN, 1), Later(10, 4, 1), Later(20, ASK, 2))

    assert queue.next_ns(99) == 10
    assert queue.take(9) == []
    assert queue.take(10) == [Later(10, 4, 1)]
    queue.forget(2)
    assert queue.next_ns(99) == 30
    queue.add(*(Later(at, REOPEN, at) for at in (40, 50, 60, 70)))
    assert [one.at_ns for one in queue.take(0)] == [30, 40]
    assert len(queue) == 3


def test_what_was_fired_is_remembered_up_to_so_many_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Lane([])
    anybody = Apply(
        id="1",
        action="drop_sources",
        ttl_ms=1,
        sources=lane.ANYBODY_4,
        gateway="10.9.0.2",
    )
    slot = made.arm(anybody)
    source = [address_bytes("10.9.0.1")]
    size = len(slot.rules(made.fire(slot, 1, 9, 1, source)))
    assert 0 < size < len(made.again(slot.number, 1))
    monkeypatch.setattr(lane, "FIRED_BYTES_MAX", 3 * size)

    for decision in range(1, 6):
        made.fire(slot, decision, 9, decision, source)

    found = [bool(made.again(slot.number, decision)) for decision in range(1, 6)]
    assert found == [False, False, True, True, True]
    mark = entries.REFRESH_KIND << entries.DECISION_BITS
    after = [
        (mark | entries.OWNER_COOKIE | decision).to_bytes(8, "big")
        in made.released(decision, 1)
        for decision in range(1, 6)
    ]
    assert after == found


# ---- the keeper ----


def kept(
    path: Path, port: int, standard_input: int = subprocess.PIPE
) -> "subprocess.Popen[bytes]":
    words = ["--listen", f"127.0.0.1:{port}", "--socket", str(path)]
    return subprocess.Popen(
        [sys.executable, "-m", "airnet.controller.keeper", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=standard_input,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def lane_of(path: Path) -> int:
    """Return the lane's process, or 0 where none listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        try:
            client.connect(str(path))
        except OSError:
            return 0
        told = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack("3i", told)[0])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_a_lane_that_dies_is_started_again(tmp_path: Path) -> None:
    path = tmp_path / "lane"
    keeper = kept(path, free_port())
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == b"ready\n"
    first = lane_of(path)
    assert first

    for _ in range(2):
        dying = lane_of(path)
        os.kill(dying, signal.SIGKILL)
        wait_until(lambda dying=dying: lane_of(path) not in {0, dying}, 60)
    last = lane_of(path)

    _, said = keeper.communicate(timeout=60)  # its input ends
    assert keeper.returncode == EXIT_DONE
    assert said.count(b"it ended (-9); started again") == 2
    assert not path.exists()
    assert not Path(f"/proc/{last}").exists()


def test_nobody_who_reads_what_it_says_ends_no_keeper(tmp_path: Path) -> None:
    """Nor the lanes it starts, which have something to say where no real time is."""
    path = tmp_path / "lane"
    keeper = kept(path, free_port())
    assert keeper.stdout is not None
    assert keeper.stderr is not None
    assert keeper.stdout.readline() == b"ready\n"
    keeper.stderr.close()

    for _ in range(2):
        dying = lane_of(path)
        os.kill(dying, signal.SIGKILL)
        wait_until(lambda dying=dying: lane_of(path) not in {0, dying}, 60)

    assert keeper.poll() is None
    assert keeper.stdin is not None
    keeper.stdin.close()
    assert keeper.wait(60) == EXIT_DONE
    keeper.stdout.close()


def test_a_lane_that_cannot_start_is_said_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        keeper = kept(tmp_path / "lane", taken.getsockname()[1])
        told, said = keeper.communicate(timeout=60)
    assert keeper.returncode == EXIT_UNAVAILABLE
    assert told == b""
    assert b"airnet lane:" in said


def test_below_systemd_there_is_no_input_to_end(tmp_path: Path) -> None:
    path = tmp_path / "lane"
    keeper = kept(path, free_port(), subprocess.DEVNULL)
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == b"ready\n"
    dying = lane_of(path)
    os.kill(dying, signal.SIGKILL)
    wait_until(lambda: lane_of(path) not in {0, dying}, 60)
    assert keeper.poll() is None
    keeper.terminate()
    keeper.communicate(timeout=60)
    wait_until(lambda: not path.exists(), 60)


def test_a_keeper_that_is_killed_takes_its_lane_along(tmp_path: Path) -> None:
    path = tmp_path / "lane"
    keeper = kept(path, free_port())
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == b"ready\n"
    keeper.kill()
    keeper.communicate(timeout=60)

    wait_until(lambda: not path.exists(), 60)
