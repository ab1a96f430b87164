"""TLS, two controllers, and the actions that only a real switch can show."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.netns.authority import Authority
from tests.netns.ovs import (
    FRAMEWORKS,
    Controller,
    Network,
    command,
    controller,
    network,
    wait_until,
)
from tests.netns.traffic import SEND, Sink

pytestmark = pytest.mark.root

BAD, GATEWAY, GOOD = "10.9.0.1", "10.9.0.2", "10.9.0.3"
ID = "abcdef0123456789"


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network(tmp_path_factory.mktemp("p")) as made:
        yield made


@pytest.fixture
def clean(net: Network) -> Iterator[Network]:
    """Give the network with no controller and no flows, as after a power cut."""
    net.switch.set_controller("br0")
    for what in ("del-flows", "del-meters", "del-groups"):
        net.switch.ofctl(what, "br0")
    yield net
    net.switch.set_controller("br0")


def asked(**fields: object) -> dict[str, object]:
    request = {"command": "apply", "id": ID, "action": "drop_sources", "ttl_ms": 60_000}
    return {**request, "sources": [BAD], "gateway": GATEWAY, **fields}


def send(net: Network, host: int, count: int, gap: str = "0.002") -> None:
    net.run(host, SEND, str(count), gap).communicate(timeout=30)


# ---- TLS ----


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_tls_lets_in_only_switches_that_our_authority_has_signed(
    clean: Network, tmp_path: Path, framework: str
) -> None:
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    switch = clean.switch
    switch.vsctl("set-ssl", *map(str, ours.issue("switch")))
    made = Controller(clean, framework, tls=ours.issue("controller"))
    try:
        made.start()
        with made.client() as client:
            assert client.ask(asked())["ok"]
            assert any("cookie=0xa101" in line for line in switch.flows("br0"))
            assert client.ask({"command": "release", "id": ID})["ok"]

            # A switch that another authority has signed, though it trusts ours.
            switch.set_controller("br0")
            key, certificate, _ = other.issue("switch")
            switch.vsctl("set-ssl", *map(str, (key, certificate, ours.path)))
            wait_until(lambda: not client.ask({"command": "status"})["switches"])
            switch.set_controller("br0", *made.targets)
            said = "--columns=status", "--bare", "list", "controller"
            wait_until(lambda: "last_error" in switch.vsctl(*said))
            assert not switch.is_connected()
            assert client.ask({"command": "status"})["switches"] == []

            # And one that does not speak TLS at all.
            switch.set_controller("br0", f"tcp:127.0.0.1:{made.port}")
            wait_until(lambda: "last_error" in switch.vsctl(*said))
            assert client.ask({"command": "status"})["switches"] == []
    finally:
        if made.process is not None and made.process.poll() is None:
            made.kill()
        switch.vsctl("del-ssl")


# ---- two controllers ----


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_killing_the_master_loses_no_containment_and_creates_none(
    clean: Network, framework: str
) -> None:
    """Traffic runs; the standby leads, holds what stood, and can end it."""
    net = clean
    master = Controller(net, framework)
    standby = Controller(net, framework, port=6654, is_standby=True)
    targets = [*master.targets, *standby.targets]
    sink = Sink(net)
    senders = []
    try:
        master.targets = standby.targets = targets
        master.start()
        with master.client() as client:
            assert client.ask(asked(ttl_ms=200_000))["ok"]
            assert client.ask(asked(id="bb", sources=["10.9.0.77"]))["ok"]
        standby.start()
        senders = [net.run(host, SEND, "1500", "0.002") for host in (1, 3)]
        sink.read(lambda s: len(s.numbers(GOOD)) > 100)
        before = rules(net)

        master.kill()

        with standby.client() as client:
            refused = client.ask(asked(id="cc", sources=["10.9.0.78"]))
            assert "standby" in refused["error"]
            assert client.ask({"command": "lead"})["state"] == "leader"
            assert rules(net) == before
            standing = client.ask({"command": "status"})["containments"]
            assert {line["id"] for line in standing} == {ID[:12], f"{0xBB:012x}"}
            assert max(line["remaining_ms"] for line in standing) > 150_000
            sink.read(lambda s: len(s.numbers(GOOD)) == 1500)
            assert sink.numbers(BAD) == []
            assert client.ask({"command": "release", "id": ID})["ok"]
        send(net, 1, 20)
        sink.read(lambda s: bool(s.numbers(BAD)))
    finally:
        for sender in senders:
            sender.communicate(timeout=30)
        sink.end()
        for made in (master, standby):
            if made.process is not None and made.process.poll() is None:
                made.kill()

    assert sink.numbers(GOOD) == list(range(1500))


def rules(net: Network) -> set[str]:
    """Return what stands, without what counts and ages."""
    found = set()
    for line in net.switch.flows("br0"):
        words = line.replace(",", " ").split()
        moving = ("duration=", "n_packets=", "n_bytes=")
        found.add(" ".join(word for word in words if not word.startswith(moving)))
    return found


def test_deposed_master_is_refused_by_the_switch_itself(clean: Network) -> None:
    first = Controller(clean, "os-ken")
    second = Controller(clean, "os-ken", port=6654, is_standby=True)
    first.targets = second.targets = [*first.targets, *second.targets]
    try:
        first.start()
        second.start()
        with first.client() as one, second.client() as other:
            assert other.ask({"command": "lead"})["state"] == "leader"
            before = rules(clean)
            refused = one.ask(asked())
            assert "IS_SLAVE" in refused["error"]
            assert rules(clean) == before
            assert one.ask({"command": "status"})["role"] == "standby"
            assert other.ask(asked())["ok"]
            assert one.ask({"command": "lead"})["state"] == "leader"
            assert one.ask({"command": "release", "id": ID})["ok"]
    finally:
        for made in (first, second):
            if made.process is not None and made.process.poll() is None:
                made.kill()


# ---- sessions, reroute, mirror ----


@pytest.fixture(params=FRAMEWORKS)
def running(clean: Network, request: pytest.FixtureRequest) -> Iterator[Controller]:
    with controller(clean, request.param) as made:
        yield made


TALK = """
import socket, sys
port = int(sys.argv[1])
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", port))
s.settimeout(1.5)
try:
    s.connect(("10.9.0.2", 9878))
    s.sendall(b"order")
    print(s.recv(16).decode(), flush=True)
except OSError as error:
    print(type(error).__name__, flush=True)
"""
SERVE = """
import socket, threading
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", 9878))
s.listen()
print("ready", flush=True)
def talk(c):
    while data := c.recv(64):
        c.sendall(data)
while True:
    c, _ = s.accept()
    threading.Thread(target=talk, args=(c,), daemon=True).start()
"""


def test_one_session_is_cut_and_its_host_trades_on(running: Controller) -> None:
    net = running.net
    server = net.run(2, SERVE)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    try:
        cut = asked(action="isolate_session", source_port=40001, port=9878)
        with running.client() as client:
            assert client.ask(cut)["flows"] == 2
        said = {
            (host, port): net.run(host, TALK, port).communicate(timeout=20)[0].strip()
            for host, port in ((1, "40001"), (1, "40002"), (3, "40001"))
        }
    finally:
        server.kill()
        server.communicate()

    assert said == {
        (1, "40001"): "TimeoutError",
        (1, "40002"): "order",
        (3, "40001"): "order",
    }


def test_reroute_fails_over_and_falls_back(running: Controller) -> None:
    """By the way named first; by the next when its link dies; else as before."""
    net = running.net
    ends = {}
    for number, name in ((7, "r7"), (8, "r8")):
        inside = ("ip", "-n", net.inside, "link")
        command(*inside, "add", name, "type", "veth", "peer", f"{name}e")
        for end in (name, f"{name}e"):
            command(*inside, "set", end, "up")
        net.switch.add_port("br0", name, number)
        ends[name] = f"{name}e"
    way = asked(action="reroute", sources=[BAD], path=[{"port": 7}, {"port": 8}])
    sink = Sink(net)
    try:
        with running.client() as client:
            answer = client.ask(way)
            assert answer["ok"], answer
            assert came(net, ends["r7"], 20)
            command("ip", "-n", net.inside, "link", "set", ends["r7"], "down")
            wait_until(lambda: came(net, ends["r8"], 20))
            command("ip", "-n", net.inside, "link", "set", ends["r8"], "down")
            send(net, 1, 20)
            sink.read(lambda s: bool(s.numbers(BAD)))
            send(net, 3, 20)
            sink.read(lambda s: len(s.numbers(GOOD)) == 20)
            assert client.ask({"command": "release", "id": ID})["ok"]
    finally:
        sink.end()
        for name in ends:
            net.switch.vsctl("del-port", "br0", name)
            command("ip", "-n", net.inside, "link", "del", name)
    wait_until(lambda: "bucket" not in net.switch.ofctl("dump-groups", "br0"))


def came(net: Network, interface: str, count: int) -> bool:
    """Return whether what host 1 sends now comes out there."""

    def received() -> int:
        words = ("ip", "-n", net.inside, "-s", "-j", "link", "show", interface)
        packets: int = json.loads(command(*words))[0]["stats64"]["rx"]["packets"]
        return packets

    before = received()
    send(net, 1, count)
    return received() >= before + count // 2


def test_mirror_copies_and_takes_nothing_away(running: Controller) -> None:
    net = running.net
    inside = ("ip", "-n", net.inside, "link")
    command(*inside, "add", "c7", "type", "veth", "peer", "c7e")
    for end in ("c7", "c7e"):
        command(*inside, "set", end, "up")
    net.switch.add_port("br0", "c7", 7)
    sink = Sink(net)
    try:
        with running.client() as client:
            copy = asked(action="mirror", path=[{"port": 7}])
            assert client.ask(copy)["ok"]
            assert came(net, "c7e", 50)
            sink.read(lambda s: len(s.numbers(BAD)) == 50)
            assert client.ask({"command": "release", "id": ID})["ok"]
    finally:
        sink.end()
        net.switch.vsctl("del-port", "br0", "c7")
        command(*inside, "del", "c7")
