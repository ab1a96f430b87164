"""A switch that does not keep its word, with traffic running and a mirror watching."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from airnet.act.sdn import SdnActuator
from airnet.act.standing import Standing
from airnet.clock import SystemClock
from airnet.decide.drafts import with_id
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision
from airnet.record.file import FileLedger, read
from tests.fakes.verdicts import drop
from tests.netns.lying import Lying, lying
from tests.netns.ovs import Controller, Network, command, network, wait_until
from tests.netns.traffic import SEND, Sink

pytestmark = pytest.mark.root

BAD, GATEWAY, GOOD = "10.9.0.1", "10.9.0.2", "10.9.0.3"

#: Tells when the mirror shows a frame of a source.
WATCH = """
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("m1", 0))
print("ready", flush=True)
while True:
    frame = s.recv(2048)
    if frame[12:14] == b"\\x08\\0":
        print(time.time_ns(), socket.inet_ntoa(frame[26:30]), flush=True)
"""


class Mirror:
    """A copy of what leaves to the gateway, and when it last showed a source."""

    def __init__(self, net: Network) -> None:
        words = ("ip", "-n", net.inside, "link")
        command(*words, "add", "m0", "type", "veth", "peer", "m1")
        for end in ("m0", "m1"):
            command(*words, "set", end, "up")
        net.switch.add_port("br0", "m0")
        net.switch.mirror("br0", "m0", both_ways_of="p2")
        inside = ["ip", "netns", "exec", net.inside, sys.executable, "-c", WATCH]
        self.process = subprocess.Popen(inside, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        self.last_ns: dict[str, int] = {}
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            at, source = line.split()
            self.last_ns[source] = int(at)

    def end(self) -> None:
        self.process.kill()
        self._thread.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait(10)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network(tmp_path_factory.mktemp("v")) as made:
        yield made


@pytest.fixture(scope="module")
def mirror(net: Network) -> Iterator[Mirror]:
    made = Mirror(net)
    yield made
    made.end()


@pytest.fixture(scope="module")
def pair(net: Network, mirror: Mirror) -> Iterator[tuple[Controller, Lying]]:
    with lying(net, "os-ken") as both:
        yield both


@contextlib.contextmanager
def acting(controller: Controller, ledger: Path) -> Iterator[Standing]:
    actuator = SdnActuator(controller.path, known=lambda: [GOOD], timeout_ms=2000)
    with contextlib.closing(FileLedger(ledger)) as kept:
        yield Standing([actuator], kept, SystemClock())
    actuator.close()


def stop(number: int, action: Action = Action.DROP_SOURCES, ttl_s: int = 0) -> Decision:
    target = (GATEWAY,) if action is Action.RATE_LIMIT_SOURCES else (BAD,)
    made = drop(BAD, why=f"Decision {number}.")
    if ttl_s:
        made = replace(made, until_ns=made.t_ns + ttl_s * 1_000_000_000)
    changes = {"gateway": GATEWAY, "action": action, "target": target, "port": 9000}
    return with_id(replace(made, id="", **changes))


def told(standing: Standing, decision: Decision, mirror: Mirror) -> State:
    """Return what the mirror makes of a containment, looked at until it knows."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        now_ns = time.time_ns()
        last_ns = mirror.last_ns.get(BAD, 0)
        outcome = standing.observe_effect(decision.id, last_ns, now_ns)
        assert outcome is not None
        if outcome.state is not State.APPLIED:
            return outcome.state
        time.sleep(0.01)
    raise AssertionError("the mirror never knew")


@pytest.mark.parametrize(
    ("behaviour", "found"),
    [
        ("honest", State.VERIFIED),
        ("early", State.ROLLED_BACK),
        ("claiming", State.ROLLED_BACK),
    ],
)
def test_what_the_switch_says_is_held_against_the_mirror(
    net: Network,
    mirror: Mirror,
    pair: tuple[Controller, Lying],
    tmp_path: Path,
    behaviour: str,
    found: State,
) -> None:
    controller, liar = pair
    decision = stop(1)
    sink = Sink(net)
    senders = [net.run(host, SEND, "2000", "0.002") for host in (1, 3)]
    try:
        sink.read(lambda s: len(s.numbers(BAD)) > 50)
        with acting(controller, tmp_path) as standing:
            liar.be(behaviour)
            outcome = standing.carry_out(decision)
            assert outcome is not None
            assert outcome.state is State.APPLIED, outcome.detail

            assert told(standing, decision, mirror) is found

            liar.be("honest")
            if found is State.VERIFIED:
                standing.release(decision.id, "a test")
            assert standing.in_force == ()
        sink.read(lambda s: len(s.numbers(GOOD)) == 2000)
    finally:
        liar.be("honest")
        for sender in senders:
            sender.communicate(timeout=30)
        sink.end()
    assert sink.numbers(GOOD) == list(range(2000))
    wait_until(lambda: "0xa101" not in " ".join(net.switch.flows("br0")))
    states = [one.body["state"] for one in read(tmp_path) if one.kind == "containment"]
    assert states[0] == State.APPLIED
    assert states[-1] == State.ROLLED_BACK


@pytest.mark.parametrize(
    ("behaviour", "found"),
    [("honest", State.APPLIED), ("pretending", State.ROLLED_BACK)],
)
def test_a_limit_that_is_a_drop_in_its_tables_is_found_out_by_the_mirror(
    net: Network,
    mirror: Mirror,
    pair: tuple[Controller, Lying],
    tmp_path: Path,
    behaviour: str,
    found: State,
) -> None:
    """It tells back rule and meter just as they were asked for."""
    controller, liar = pair
    decision = stop(3, Action.RATE_LIMIT_SOURCES, ttl_s=30)
    sink = Sink(net)
    senders = [net.run(host, SEND, "4000", "0.002") for host in (1, 3)]
    try:
        sink.read(lambda s: len(s.numbers(BAD)) > 50)
        with acting(controller, tmp_path) as standing:
            liar.be(behaviour)
            outcome = standing.carry_out(decision)
            assert outcome is not None
            assert outcome.state is State.APPLIED, outcome.detail
            end = time.monotonic() + 4.5
            while time.monotonic() < end and outcome.state is State.APPLIED:
                last_ns = mirror.last_ns.get(BAD, 0)
                outcome = standing.observe_effect(decision.id, last_ns, time.time_ns())
                assert outcome is not None
                time.sleep(0.01)

            assert outcome.state is found, outcome.detail
            liar.be("honest")
            standing.release(decision.id, "a test")
        before = len(sink.numbers(BAD))
        sink.read(lambda s: len(s.numbers(BAD)) > before + 100)
        sink.read(lambda s: len(s.numbers(GOOD)) == 4000)
    finally:
        liar.be("honest")
        for sender in senders:
            sender.communicate(timeout=30)
        sink.end()
    assert sink.numbers(GOOD) == list(range(4000))


@pytest.mark.parametrize(
    ("behaviour", "action", "says"),
    [
        ("deaf", Action.DROP_SOURCES, "does not hold it"),
        ("refusing", Action.DROP_SOURCES, "OFPFMFC_EPERM"),
        ("dropping", Action.RATE_LIMIT_SOURCES, "does not hold it"),
        ("starving", Action.RATE_LIMIT_SOURCES, "has another"),
        ("elsewhere", Action.DROP_SOURCES, "does not hold it"),
    ],
)
def test_what_the_switch_holds_is_read_back_and_what_differs_is_undone(
    net: Network,
    pair: tuple[Controller, Lying],
    tmp_path: Path,
    behaviour: str,
    action: Action,
    says: str,
) -> None:
    controller, liar = pair
    before = len(net.switch.flows("br0"))
    with acting(controller, tmp_path) as standing:
        liar.be(behaviour)
        try:
            outcome = standing.carry_out(stop(2, action))
        finally:
            liar.be("honest")

        assert isinstance(outcome, Containment)
        assert outcome.state is State.FAILED
        assert says in outcome.detail
        assert standing.in_force == ()
    wait_until(lambda: len(net.switch.flows("br0")) == before)
