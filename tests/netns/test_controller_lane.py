"""The fast lane on a real Open vSwitch, with traffic running."""

import itertools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.controller.express import DONE, DONE_MAGIC, FIRE, FIRE_MAGIC
from tests.netns.ovs import ROOT, Network, network, wait_until
from tests.netns.traffic import SEND, Sink

pytestmark = pytest.mark.root

BAD, GATEWAY, GOOD = "10.9.0.1", "10.9.0.2", "10.9.0.3"
DECISION = 0xABCDEF
DROP = {"id": "1", "action": "drop_sources", "ttl_ms": 9000, "sources": [BAD]}


class Express:
    """The lane's process, and one client of it."""

    def __init__(self, net: Network) -> None:
        self.path = net.directory / "lane.sock"
        words = [sys.executable, "-m", "airnet.controller.express"]
        words += ["--socket", str(self.path), "--protected", "10.9.0.99"]
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", net.inside, *words],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"
        net.switch.set_controller("br0", "tcp:127.0.0.1:6654")
        net.switch.wait_connected()
        self.client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.client.settimeout(10)
        self.client.connect(str(self.path))

    def ask(self, **request: object) -> dict:
        self.client.send(json.dumps(request).encode())
        return json.loads(self.client.recv(65536))

    def arm(self, **fields: object) -> int:
        one = {**DROP, "gateway": GATEWAY, **fields}
        answer = self.ask(command="arm", containments=[one])
        assert answer["ok"], answer
        return int(answer["slots"][0])

    def fire(self, slot: int, ttl_s: int) -> tuple:
        self.client.send(FIRE.pack(FIRE_MAGIC, slot, DECISION, ttl_s))
        return DONE.unpack(self.client.recv(4096))

    def release(self) -> tuple:
        request = {"command": "release", "id": f"{DECISION:012x}"}
        self.client.send(json.dumps(request).encode())
        return DONE.unpack(self.client.recv(4096))

    def end(self) -> None:
        self.client.close()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network(tmp_path_factory.mktemp("l")) as made:
        yield made


@pytest.fixture
def express(net: Network) -> Iterator[Express]:
    made = Express(net)
    net.switch.ofctl("add-flow", "br0", "table=0,priority=0,actions=goto_table:1")
    net.switch.ofctl("add-flow", "br0", "table=1,priority=0,actions=NORMAL")
    yield made
    made.end()
    net.switch.set_controller("br0")
    for what in ("del-flows", "del-meters"):
        net.switch.ofctl(what, "br0")


def test_armed_traffic_passes_and_fired_traffic_stops_at_once(
    net: Network, express: Express
) -> None:
    slot = express.arm()
    sink = Sink(net)
    senders = [net.run(host, SEND, "1000", "0.004") for host in (1, 3)]
    try:
        sink.read(lambda s: len(s.numbers(BAD)) > 50)
        assert sink.numbers(BAD) == list(range(len(sink.numbers(BAD))))

        magic, fired, decision, confirmed, errors, _ = express.fire(slot, 9)

        passed = len(sink.numbers(BAD))
        assert (magic, fired, decision) == (DONE_MAGIC, slot, DECISION)
        assert (confirmed, errors) == (1, 0)
        good = len(sink.numbers(GOOD))
        sink.read(lambda s: len(s.numbers(GOOD)) > good + 200)
        assert len(sink.numbers(BAD)) <= passed + 40  # what the sink had not read yet
        stopped = len(sink.numbers(BAD))
        assert express.release()[3:5] == (1, 0)
        sink.read(lambda s: len(s.numbers(BAD)) > stopped)
        sink.read(lambda s: len(s.numbers(GOOD)) == 1000)
    finally:
        for sender in senders:
            sender.communicate(timeout=20)
        sink.end()
    assert sink.numbers(GOOD) == list(range(1000))


def test_killed_lane_leaves_nothing_behind_its_end(
    net: Network, express: Express
) -> None:
    """Rule and shut meter both end by themselves (kill -9 right after the shot)."""
    slot = express.arm()
    sink = Sink(net)
    senders = [net.run(host, SEND, "1000", "0.006") for host in (1, 3)]
    try:
        sink.read(lambda s: len(s.numbers(BAD)) > 20)
        assert express.fire(slot, 2)[3] == 1
        express.process.kill()
        sink.read(lambda s: len(s.numbers(GOOD)) > 990)
    finally:
        for sender in senders:
            sender.communicate(timeout=20)
        sink.end()

    times = sink.times(BAD)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert 1.5 < max(gaps) < 2.0 + 1.6
    assert len([gap for gap in gaps if gap > 0.5]) == 1
    lines = " ".join(net.switch.flows("br0"))
    assert "0xa108" not in lines


def test_meters_are_opened_again_and_leases_go_on(
    net: Network, express: Express
) -> None:
    slot = express.arm()
    express.fire(slot, 9)

    def opened() -> bool:
        return "rate=4294967295" in net.switch.ofctl("dump-meters", "br0")

    assert not opened()
    wait_until(opened)
    (way,) = (line for line in net.switch.flows("br0") if "0xa109" in line)
    assert "hard_timeout=60" in way


def test_protected_is_refused_and_unknown_slots_do_nothing(
    net: Network, express: Express
) -> None:
    before = len(net.switch.flows("br0"))
    one = {**DROP, "gateway": GATEWAY, "sources": ["10.9.0.99"]}
    answer = express.ask(command="arm", containments=[one])

    assert "protected" in answer["error"]
    assert express.fire(5, 9)[3:5] == (0, 1)
    assert len(net.switch.flows("br0")) == before


def test_end_of_standard_input_ends_it(net: Network, tmp_path: Path) -> None:
    made = Express(net)
    made.end()

    assert made.process.returncode == 0
    assert not made.path.exists()
    net.switch.set_controller("br0")
