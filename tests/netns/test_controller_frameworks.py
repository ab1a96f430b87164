"""The controller in both frameworks, on a real Open vSwitch, with traffic running."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.controller import framework as frameworks
from tests.netns.ovs import (
    CONTROLLER,
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
#: Open vSwitch looks for expired rules once a second, roughly.
EXPIRY_SLACK_S = 1.5


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    # A short path: it holds sockets, whose paths may have 108 bytes.
    directory = tmp_path_factory.mktemp("n")
    with network(directory) as made:
        yield made


@pytest.fixture
def clean(net: Network) -> Iterator[Network]:
    """Give the network with no controller and no flows, as after a power cut."""
    net.switch.set_controller("br0")
    net.switch.ofctl("del-flows", "br0")
    net.switch.ofctl("del-meters", "br0")
    yield net
    net.switch.set_controller("br0")


@pytest.fixture(params=["os-ken", "ryu"])
def running(clean: Network, request: pytest.FixtureRequest) -> Iterator[Controller]:
    with controller(clean, request.param, "10.9.0.99") as made:
        yield made


def drop(ttl_ms: int, **fields: object) -> dict[str, object]:
    asked = {"command": "apply", "id": ID, "action": "drop_sources", "ttl_ms": ttl_ms}
    return {**asked, "sources": [BAD], "gateway": GATEWAY, **fields}


def has_rule(net: Network) -> bool:
    return any("cookie=0xa101" in line for line in net.switch.flows("br0"))


def test_drop_stops_one_host_and_ends_by_itself_with_the_controller_dead(
    running: Controller,
) -> None:
    """SR-04, and the other host loses nothing while rules come and go."""
    net = running.net
    sink = Sink(net)
    senders = [net.run(host, SEND, "1000", "0.004") for host in (1, 3)]
    try:
        sink.read(lambda s: len(s.numbers(BAD)) > 50)
        with running.client() as client:
            answer = client.ask(drop(2000))
        applied = time.monotonic()
        running.kill()
        assert answer["ok"], answer
        sink.read(lambda s: any(at > applied + 0.5 for at in s.times(BAD)))
        sink.read(lambda s: len(s.numbers(GOOD)) == 1000)
    finally:
        for sender in senders:
            sender.wait(20)
            assert sender.stdout is not None
            sender.stdout.close()
        sink.end()

    quiet = [at for at in sink.times(BAD) if applied + 0.1 < at]
    assert applied + 1.5 < quiet[0] < applied + 2.0 + EXPIRY_SLACK_S
    assert sink.numbers(GOOD) == list(range(1000))
    assert not has_rule(net)


def test_expiry_is_told_and_closes_the_record(running: Controller) -> None:
    with running.client() as client, running.client() as other:
        other.ask({"command": "status"})
        assert client.ask(drop(1000))["ok"]
        command(
            *("ip", "netns", "exec", running.net.names[0]),
            *(sys.executable, "-c", SEND, "5", "0"),
        )

        ended = client.event(ID)

        assert other.event(ID) == ended
        assert ended["reason"] == "expired"
        assert ended["packets"] == 5
        assert client.ask({"command": "status"})["containments"] == []


def test_rate_limit_lets_known_pass_and_its_meter_goes(running: Controller) -> None:
    net = running.net
    limit = drop(
        2000,
        action="rate_limit_sources",
        known=[GOOD],
        port=9000,
        packets_per_second=20,
    )
    sink = Sink(net)
    with running.client() as client:
        assert client.ask(limit)["flows"] == 3
        senders = [net.run(host, SEND, "500", "0.002") for host in (1, 3)]
        sink.read(lambda s: len(s.numbers(GOOD)) == 500)
        for sender in senders:
            sender.wait(20)
            assert sender.stdout is not None
            sender.stdout.close()
        assert client.event(ID)["reason"] == "expired"
    sink.end()

    assert 1 <= len(sink.numbers(BAD)) < 100
    wait_until(lambda: "meter=" not in net.switch.ofctl("dump-meters", "br0"))


def test_isolate_then_release_leaves_what_was_before(running: Controller) -> None:
    net = running.net

    def rules() -> set[str]:
        lines = net.switch.flows("br0")
        return {line.split("send_flow_rem")[-1] for line in lines}

    def ping() -> bool:
        words = ("ping", "-c1", "-W1", GATEWAY)
        inside = ("ip", "netns", "exec", net.names[0])
        try:
            command(*inside, *words)
        except AssertionError:
            return False
        return True

    before = rules()
    assert ping()
    with running.client() as client:
        assert client.ask(drop(20_000, action="isolate_host"))["flows"] == 2
        assert not ping()
        assert client.ask({"command": "release", "id": ID})["ok"]
        assert client.event(ID)["reason"] == "released"

    # What has the switch look anew is all there is beside, and ends by itself.
    beside = rules() - before
    assert all("hard_timeout=1," in one and "goto_table" in one for one in beside)
    wait_until(ping)
    wait_until(lambda: rules() == before)


def test_refusals_say_why_and_the_connection_lives_on(running: Controller) -> None:
    with running.client() as client:
        protected = client.ask(drop(1000, sources=["10.9.0.99"]))
        gateway = client.ask(drop(1000, sources=[GATEWAY]))
        unknown = client.ask({"command": "fly"})

        assert "protected" in protected["error"]
        assert "gateway itself" in gateway["error"]
        assert not unknown["ok"]
        assert client.ask({"command": "status"})["ok"]
    assert not has_rule(running.net)


def test_restart_reconciles(running: Controller) -> None:
    """What stands is adopted; an orphan goes; a baseline rule lost is put back."""
    net = running.net
    with running.client() as client:
        assert client.ask(drop(15_000))["ok"]
    running.kill()
    net.switch.ofctl(
        "add-flow", "br0", "cookie=0xa101000000000777,priority=50001,actions=drop"
    )
    net.switch.ofctl("--strict", "del-flows", "br0", "table=1,priority=0")

    running.start()

    with running.client() as client:
        (standing,) = client.ask({"command": "status"})["containments"]
        lines = " ".join(net.switch.flows("br0"))
        assert (standing["id"], standing["adopted"]) == (ID[:12], True)
        assert 0 < standing["remaining_ms"] < 15_000
        assert "0xa101000000000777" not in lines
        assert "actions=NORMAL" in lines
        assert client.ask({"command": "release", "id": ID})["ok"]
        assert client.event(ID[:12])["reason"] == "released"
    assert not has_rule(net)


def test_switch_that_comes_back_empty_gets_what_remains(running: Controller) -> None:
    net = running.net
    with running.client() as client:
        assert client.ask(drop(60_000))["ok"]
        # Removing the last controller flushes every flow, like a power cut.
        net.switch.set_controller("br0")
        wait_until(lambda: not client.ask({"command": "status"})["switches"])
        refused = client.ask(drop(1000, id="ff"))
        assert not has_rule(net)

        net.switch.set_controller("br0", CONTROLLER)
        wait_until(lambda: has_rule(net))

        assert refused["error"] == "no switch is connected"
        (standing,) = client.ask({"command": "status"})["containments"]
        assert standing["id"] == ID
        assert client.ask({"command": "release", "id": ID})["ok"]


def test_sigterm_ends_well_and_removes_the_socket(running: Controller) -> None:
    assert running.path.exists()

    assert running.end() == 0

    assert not running.path.exists()
    assert any("NORMAL" in line for line in running.net.switch.flows("br0"))


def test_mirror_shows_the_effect_of_a_drop(clean: Network) -> None:
    """Open vSwitch copies what leaves a port; what is dropped before does not."""
    net = clean
    inside = net.inside
    command("ip", "-n", inside, "link", "add", "m0", "type", "veth", "peer", "m1")
    for end in ("m0", "m1"):
        command("ip", "-n", inside, "link", "set", end, "up")
    net.switch.add_port("br0", "m0")
    net.switch.mirror("br0", "m0", both_ways_of="p2")
    net.switch.ofctl("add-flow", "br0", "priority=0,actions=NORMAL")
    rule = f"priority=9,udp,nw_src={BAD},actions=drop"

    def copies() -> int:
        text = command("ip", "-n", inside, "-s", "-j", "link", "show", "m1")
        packets: int = json.loads(text)[0]["stats64"]["rx"]["packets"]
        return packets

    def send(host: int) -> None:
        process = net.run(host, SEND, "50", "0")
        process.communicate(timeout=20)

    send(3)
    wait_until(lambda: copies() >= 50)
    net.switch.ofctl("add-flow", "br0", rule)
    before = copies()
    send(1)
    send(3)
    wait_until(lambda: copies() >= before + 50)

    assert copies() < before + 75
    net.switch.vsctl("clear", "bridge", "br0", "mirrors")
    net.switch.vsctl("del-port", "br0", "m0")


def test_plain_ryu_manager_loads_the_application(
    clean: Network, tmp_path: Path
) -> None:
    """With the shim installed, nothing else of ours is needed to start it."""
    frameworks.install_shim(tmp_path)
    # A .pth file works in site-packages only; here its one line is run by this.
    pth = (tmp_path / f"{frameworks.SHIM_NAME}.pth").read_text()
    (tmp_path / "sitecustomize.py").write_text(pth)
    made = Controller(clean, "ryu-manager")
    try:
        made.start(tmp_path)
        with made.client() as client:
            assert client.ask(drop(1000))["ok"]
            assert "ryu 4.34 eventlet" in client.ask({"command": "status"})["framework"]
            assert client.event(ID)["reason"] == "expired"
        assert made.end() == 0
    finally:
        if made.process is not None and made.process.poll() is None:
            made.kill()
