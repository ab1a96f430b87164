"""Who decides writes to the switch itself, on what the fast lane lends it."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.act.fastlane import FastLane
from tests.fakes.stopping import stopped
from tests.netns.authority import Authority
from tests.netns.express import BAD, GATEWAY, Express
from tests.netns.ovs import Network, network, wait_until
from tests.netns.traffic import SEND, Sink
from tests.unit.test_controller_bounds import lane_of

pytestmark = pytest.mark.root

GOOD, PROTECTED = "10.9.0.3", "10.9.0.99"
ID = "abcdef0000000000"
#: Whatever the lane has fired: the kind of a cookie is its first 16 bits.
FIRED = "0xa108000000000000/0xffff000000000000"
OPEN, SHUT = "rate=4294967295", "rate=1 "


def drop(source: str = BAD) -> dict[str, object]:
    asked = {"id": ID, "action": "drop_sources", "sources": [source]}
    return {**asked, "gateway": GATEWAY, "port": 0, "known": []}


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network(tmp_path_factory.mktemp("o")) as made:
        yield made


@contextlib.contextmanager
def serving(
    net: Network,
    tls: tuple[Path, Path, Path] | None = None,
    program: str = "express",
) -> Iterator[Express]:
    made = Express(net, tls, program)
    net.switch.ofctl("add-flow", "br0", "table=0,priority=0,actions=goto_table:1")
    net.switch.ofctl("add-flow", "br0", "table=1,priority=0,actions=NORMAL")
    yield made
    made.end()
    net.switch.set_controller("br0")
    for what in ("del-flows", "del-meters"):
        net.switch.ofctl(what, "br0")


@pytest.fixture
def express(net: Network) -> Iterator[Express]:
    with serving(net) as made:
        yield made


@pytest.fixture
def lane(express: Express) -> Iterator[FastLane]:
    made = FastLane(express.path)
    assert made.arm([drop()]) == 1
    made.confirmed()
    yield made
    made.close()


def rules(net: Network) -> list[str]:
    return [line for line in net.switch.flows("br0") if "0xa108" in line]


def meters(net: Network) -> str:
    return net.switch.ofctl("dump-meters", "br0")


def heard(lane: FastLane) -> str:
    """Return what the lane says of what was fired, once it does."""
    found = ""

    def said() -> bool:
        nonlocal found
        found = lane.confirmed()
        return bool(found)

    wait_until(said)
    return found


def test_a_shot_needs_no_other_process(
    net: Network, express: Express, lane: FastLane
) -> None:
    sink = Sink(net)
    senders = [net.run(host, SEND, "1000", "0.004") for host in (1, 3)]
    try:
        sink.read(lambda s: len(s.numbers(BAD)) > 50)
        with stopped(express.process.pid):
            assert lane.fire(drop(), 9)

            passed = len(sink.numbers(BAD))
            good = len(sink.numbers(GOOD))
            sink.read(lambda s: len(s.numbers(GOOD)) > good + 200)
            assert len(sink.numbers(BAD)) <= passed + 40  # not read yet by the sink
            assert len(rules(net)) == 1
            assert SHUT in meters(net)
            assert lane.confirmed() == ""
        assert "1 switches" in heard(lane)
        stood = len(sink.numbers(BAD))
        lane.release(ID)
        sink.read(lambda s: len(s.numbers(BAD)) > stood)
        sink.read(lambda s: len(s.numbers(GOOD)) == 1000)
    finally:
        for sender in senders:
            sender.communicate(timeout=20)
        sink.end()
    assert sink.numbers(GOOD) == list(range(1000))
    assert OPEN in meters(net)
    assert not rules(net)


def test_meter_is_opened_again_though_nobody_lived_to_tell(
    net: Network, lane: FastLane
) -> None:
    """What is written and not told is known by its xid, which has the slot."""
    (shot,) = lane._shots.values()
    assert lane._loan.write(shot.plan.filled(0xABCDEF000000, 9, 1 << 31 | 5))
    wait_until(lambda: SHUT in meters(net))

    wait_until(lambda: OPEN in meters(net))

    (way,) = (line for line in net.switch.flows("br0") if "0xa109" in line)
    assert "hard_timeout=60" in way


def test_a_stranger_is_hit_by_what_is_armed_against_anybody(
    net: Network, express: Express
) -> None:
    lane = FastLane(express.path)
    assert lane.arm_anybody("drop_sources", [GATEWAY]) == 1
    lane.confirmed()

    with stopped(express.process.pid):
        asked = {**drop(), "sources": [BAD, "10.9.0.44"]}
        assert lane.fire(asked, 9)
        wait_until(lambda: len(rules(net)) == 2)
    assert "1 switches" in heard(lane)

    text = " ".join(rules(net))
    assert f"nw_src={BAD},nw_dst={GATEWAY}" in text
    assert f"nw_src=10.9.0.44,nw_dst={GATEWAY}" in text
    assert "0xa108abcdef000000" in text
    lane.release(ID)
    wait_until(lambda: not rules(net))
    lane.close()


def test_nobody_who_must_pass_is_hit(net: Network, express: Express) -> None:
    lane = FastLane(express.path)
    lane.arm_anybody("drop_sources", [GATEWAY])

    spared = (PROTECTED, GATEWAY, "10.9.0.0/24", "2001:db8::1")
    assert not any(lane.fire(drop(one), 9) for one in spared)
    assert not lane.fire(drop(GOOD), 9, lambda: [GOOD])
    assert not lane.fire(drop(GOOD), 9, lambda: ["10.9.0.0/30"])

    # And should a client ask for it all the same, the lane itself refuses.
    slot = next(iter(lane._shots.values())).slot
    bad = b"\0" * 10 + b"\xff\xff" + bytes([10, 9, 0, 99])
    express.client.send(b"FIRE" + fire(slot) + bad)
    assert express.client.recv(4096)[16:20] == b"\0\0\0\1"
    express.client.send(b"FIRE" + fire(slot))
    assert express.client.recv(4096)[16:20] == b"\0\0\0\1"
    assert not rules(net)
    lane.close()


def fire(slot: int) -> bytes:
    return slot.to_bytes(4, "big") + (5).to_bytes(8, "big") + (9).to_bytes(2, "big")


def test_a_switch_that_came_back_is_lent_anew_and_an_old_loan_is_made_up_for(
    net: Network, lane: FastLane
) -> None:
    before = lane._loan.number
    net.switch.set_controller("br0")
    net.switch.set_controller("br0", "tcp:127.0.0.1:6654")
    net.switch.wait_connected()

    # The old connection is shut: the lane is asked, and writes to the new one.
    assert lane.fire(drop(), 9)
    wait_until(lambda: len(rules(net)) == 1)
    assert "1 switches" in heard(lane)
    assert lane._loan.number > before
    lane.release(ID)
    wait_until(lambda: not rules(net))


def test_what_is_rehearsed_is_heard_by_nobody(net: Network, lane: FastLane) -> None:
    before = rules(net), meters(net)
    for _ in range(200):
        lane.rehearse()

    assert (rules(net), meters(net)) == before
    assert lane.confirmed() == ""
    assert lane.fire(drop(), 9)
    wait_until(lambda: len(rules(net)) == 1)
    lane.release(ID)
    wait_until(lambda: not rules(net))


def test_a_client_that_is_killed_in_its_turn_holds_up_nobody(
    net: Network, lane: FastLane
) -> None:
    """The kernel takes the lock from the dead, and a stopped one is waited for."""
    import fcntl

    child = os.fork()
    if not child:
        fcntl.lockf(lane._loan.turn, fcntl.LOCK_EX)
        signal.pause()
    try:
        wait_until(lambda: not lane._loan.write(b""))
        assert lane.fire(drop(), 9)  # by the lane, which waits as well
        time.sleep(0.05)
        assert not rules(net)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    wait_until(lambda: len(rules(net)) == 1)
    assert "1 switches" in heard(lane)
    lane.release(ID)
    wait_until(lambda: not rules(net))


def test_a_lane_that_died_still_fires_and_is_back(net: Network) -> None:
    """What is lent outlives the lane; then it comes again, switch and all."""
    with serving(net, program="keeper") as express:
        lane = FastLane(express.path)
        assert lane.arm([drop()]) == 1
        lane.confirmed()
        dying = lane_of(express.path)
        os.kill(dying, signal.SIGKILL)

        assert lane.fire(drop(), 9)
        wait_until(lambda: len(rules(net)) == 1)
        wait_until(lambda: lane_of(express.path) not in {0, dying}, 30)
        lane.close()  # as it does when it hears of it: the switch is to come again
        net.switch.ofctl("del-flows", "br0", f"cookie={FIRED}")
        net.switch.wait_connected()
        assert lane.arm([drop()]) == 1
        wait_until(lambda: OPEN in meters(net), 30)
        assert lane.fire(drop(), 9)
        assert "1 switches" in heard(lane)
        assert len(rules(net)) == 1
        lane.close()


def test_by_tls_the_lane_writes_itself_and_lets_in_whom_its_authority_signed(
    net: Network, tmp_path: Path
) -> None:
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    switch = net.switch
    switch.vsctl("set-ssl", *map(str, ours.issue("switch")))
    try:
        with serving(net, ours.issue("lane")) as express:
            lane = FastLane(express.path)
            assert lane.arm([drop()]) == 1
            lane.confirmed()
            assert not lane._loan.write(b"")  # nothing is lent
            wait_until(lambda: OPEN in meters(net))
            assert lane.fire(drop(), 9)
            assert "1 switches" in heard(lane)
            assert len(rules(net)) == 1
            assert SHUT in meters(net)
            lane.release(ID)
            assert "1 switches" in heard(lane), "of the release: not of what follows"
            assert not rules(net)

            switch.set_controller("br0")
            key, certificate, _ = other.issue("switch")
            switch.vsctl("set-ssl", *map(str, (key, certificate, ours.path)))
            said = "--columns=status", "--bare", "list", "controller"
            for target in ("ssl:127.0.0.1:6654", "tcp:127.0.0.1:6654"):
                switch.set_controller("br0", target)
                wait_until(lambda: "last_error" in switch.vsctl(*said))
                assert not switch.is_connected()
            lane.fire(drop(), 9)
            assert "0 switches" in heard(lane)
            lane.close()
    finally:
        switch.vsctl("del-ssl")


@contextlib.contextmanager
def by_tls(net: Network, directory: Path) -> Iterator[Express]:
    """Have switch and lane speak TLS, so that nothing is lent."""
    ours = Authority(directory, "ours")
    net.switch.vsctl("set-ssl", *map(str, ours.issue("switch")))
    try:
        with serving(net, ours.issue("lane")) as made:
            yield made
    finally:
        net.switch.vsctl("del-ssl")


@pytest.mark.parametrize("sources", [[BAD], ["0.0.0.0"]])
def test_by_tls_the_lane_rehearses_too_and_no_switch_hears_of_it(
    net: Network, tmp_path: Path, sources: list[str]
) -> None:
    with by_tls(net, tmp_path) as express:
        lane = FastLane(express.path)
        assert lane.arm([{**drop(), "sources": sources}]) == 1
        lane.confirmed()
        wait_until(lambda: OPEN in meters(net) or sources != [BAD])
        before = rules(net), meters(net)
        with stopped(express.process.pid):  # it is not pressed either
            for _ in range(5000):
                lane.rehearse()
        for _ in range(200):
            lane.rehearse()
            time.sleep(0.0005)

        assert (rules(net), meters(net)) == before
        assert lane.confirmed() == ""
        assert lane.fire(drop(), 9)
        assert "1 switches" in heard(lane)
        assert len(rules(net)) == 1
        lane.release(ID)
        assert "1 switches" in heard(lane)
        assert not rules(net)
        lane.close()
