"""The fast lane on a real Open vSwitch, with traffic running."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.controller.firing import DONE_MAGIC
from tests.netns.express import BAD, DECISION, DROP, GATEWAY, Express
from tests.netns.ovs import Network, network, wait_until
from tests.netns.traffic import SEND, Sink

pytestmark = pytest.mark.root

GOOD = "10.9.0.3"


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
