"""What the fast lane's process rehearses reaches no switch, and changes nothing."""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from airnet.controller import entries, openflow
from airnet.controller.firing import DONE, DONE_MAGIC, FIRE, FIRE_MAGIC, PLAY_MAGIC
from airnet.controller.openflow import BARRIER_REQUEST, FLOW_MOD, METER_MOD
from tests.netns.authority import Authority
from tests.netns.lab_links import wait_until
from tests.unit.test_controller_lane import reaches

PATIENCE_S = 30.0
GATEWAY = "10.9.0.2"
DROP = {"id": "1", "action": "drop_sources", "ttl_ms": 9000, "gateway": GATEWAY}
FEATURES = b"\0" * 7 + b"\7" + b"\0" * 16
DECISION = 0xABC
NOBODY = b"\0" * 10 + b"\xff\xff" + bytes([192, 0, 2, 1])


class Lane(NamedTuple):
    """A lane's process, one client of it, and what a switch hears."""

    path: Path
    client: socket.socket
    switch: socket.socket

    def ask(self, **asked: object) -> dict:
        self.client.send(json.dumps(asked).encode())
        return json.loads(self.client.recv(65536))

    def arm(self, *sources: str) -> int:
        one = {**DROP, "sources": sources}
        return int(self.ask(command="arm", containments=[one])["slots"][0])

    def send(
        self, magic: bytes, slot: int, decision: int, sources: bytes = b""
    ) -> None:
        self.client.send(FIRE.pack(magic, slot, decision, 9) + sources)

    def hears(self, count: int) -> list[bytes]:
        """Return the next so many messages."""
        found = []
        for _ in range(count):
            head = whole(self.switch, 8)
            found.append(head + whole(self.switch, int.from_bytes(head[2:4]) - 8))
        return found

    def answer(self, barrier: bytes) -> None:
        told = openflow.header(openflow.BARRIER_REPLY, b"", xid_of(barrier))
        self.switch.sendall(told)


def whole(peer: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = peer.recv(count - len(data))
        assert more, "hung up"
        data += more
    return data


@pytest.fixture(params=["plain", "tls"])
def lane(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lane]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = tmp_path / "lane"
    words = ["--listen", f"127.0.0.1:{port}", "--socket", str(path), "--once"]
    context = None
    if request.param == "tls":
        authority = Authority(tmp_path, "ours")
        words += ["--tls", *map(str, authority.issue("lane"))]
        key, certificate, _ = authority.issue("switch")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(certificate, key)
    command = [sys.executable, "-m", "airnet.controller.express", *words]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with (
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as process,
        contextlib.ExitStack() as held,
    ):
        held.callback(process.terminate)
        wait_until(lambda: reaches(port), PATIENCE_S)
        client = held.enter_context(
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        )
        client.settimeout(PATIENCE_S)
        client.connect(str(path))
        switch = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        if context is not None:
            switch = context.wrap_socket(switch)
        held.enter_context(switch)
        told = openflow.header(openflow.FEATURES_REPLY, FEATURES, 1)
        switch.sendall(told + openflow.header(openflow.ECHO_REQUEST, b"", 2))
        while whole(switch, 8)[1] != openflow.ECHO_REPLY:
            pass
        yield Lane(path, client, switch)


def xid_of(message: bytes) -> int:
    return int.from_bytes(message[4:8])


def kinds(messages: list[bytes]) -> list[int]:
    return [one[1] for one in messages]


def test_nothing_of_a_rehearsal_reaches_a_switch_or_is_remembered(lane: Lane) -> None:
    slot, anybody = lane.arm("10.9.0.1"), lane.arm("0.0.0.0")

    def plays(count: int) -> None:
        for _ in range(count):
            lane.send(PLAY_MAGIC, slot, 1)
            assert lane.client.recv(100) == PLAY_MAGIC
            lane.send(PLAY_MAGIC, anybody, 1, NOBODY)
            assert lane.client.recv(100) == PLAY_MAGIC
        for refused in (slot + 99, anybody):  # not armed; a template at nobody
            lane.send(PLAY_MAGIC, refused, 1)
            assert lane.client.recv(100) == PLAY_MAGIC

    plays(50)
    lane.send(FIRE_MAGIC, slot, DECISION)
    armed, fired = lane.hears(3), lane.hears(4)
    lane.answer(fired[-1])
    done = DONE.unpack(lane.client.recv(100))
    plays(50)
    lane.client.send(
        json.dumps({"command": "release", "id": f"{DECISION:012x}"}).encode()
    )
    undone = lane.hears(4)
    lane.answer(undone[-1])

    assert kinds(armed) == [METER_MOD, METER_MOD, FLOW_MOD]
    assert kinds(fired) == [METER_MOD, FLOW_MOD, FLOW_MOD, BARRIER_REQUEST]
    assert len({xid_of(one) for one in fired}) == 1
    mark = entries.cookie(entries.FAST_KIND, DECISION).to_bytes(8)
    assert fired[2][8:16] == mark
    assert done[:5] == (DONE_MAGIC, slot, DECISION, 1, 0)
    # The meter that this Decision has shut is opened again, and its rule goes.
    assert kinds(undone) == [METER_MOD, FLOW_MOD, FLOW_MOD, BARRIER_REQUEST]
    assert undone[2][8:16] == mark
    assert DONE.unpack(lane.client.recv(100))[2:5] == (DECISION, 1, 0)
