"""What the switches' fast lane fired is undone before its controller has answered."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from airnet.act.sdn import SdnActuator, Ways
from airnet.domain.decision import Decision, with_id
from airnet.domain.instruction import Ask, Signed
from airnet.service.ask import ask
from tests.fakes.controller import FakeController
from tests.fakes.office import Office, instruct
from tests.fakes.verdicts import drop
from tests.netns.express import BAD, GATEWAY
from tests.netns.ovs import Network, network, wait_until
from tests.netns.test_controller_loan import meters, rules, serving
from tests.netns.traffic import SEND, Sink

pytestmark = pytest.mark.root
NS_PER_S = 1_000_000_000
#: The controller says nothing for so long.
TIMEOUT_MS = 4000


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network(tmp_path_factory.mktemp("u")) as made:
        yield made


def ordered(office: Office) -> Decision:
    now_ns = office.clock.now_ns()
    plain = drop(BAD, t_ns=now_ns, until_ns=now_ns + 60 * NS_PER_S)
    return with_id(msgspec.structs.replace(plain, id="", gateway=GATEWAY, port=0))


def states(office: Office, decision_id: str) -> list[object]:
    return [
        one.body["state"]
        for one in office.ledger.evidence()
        if one.kind == "containment" and one.body["decision_id"] == decision_id
    ]


def test_undone_while_the_controller_says_nothing(net: Network, tmp_path: Path) -> None:
    """The switch forwards again at once; the record follows the controller's word."""
    path = tmp_path / "controller"
    with serving(net) as lane, FakeController(path) as controller:
        ways = Ways(lane=str(lane.path))
        switches = SdnActuator(path, timeout_ms=TIMEOUT_MS, ways=ways)
        sink = Sink(net)
        sender = net.run(1, SEND, "4000", "0.002")
        try:
            with Office(tmp_path, [switches]) as office:
                ask(office.socket, Ask.ACTIONS)  # the warden has begun
                assert switches.arm([ordered(office)]) == 1
                controller.behaviour = "silent"
                sink.read(lambda s: len(s.numbers(BAD)) > 50)
                decision = ordered(office)
                office.hands.carry_out(decision, None)
                wait_until(lambda: len(rules(net)) == 1)
                assert "rate=1 " in meters(net)

                one = instruct(Ask.UNDO, decision.id, "Jane", at_ns=time.time_ns())
                began_s = time.monotonic()
                answer = ask(office.socket, Ask.UNDO, Signed(instruction=one))
                took_s = time.monotonic() - began_s

                sink.read(lambda s: s.times(BAD)[-1] > began_s)
                passed_s = next(at for at in sink.times(BAD) if at > began_s)
                assert rules(net) == []
                assert "rate=1 " not in meters(net)
                assert answer.what == "ordered, not confirmed: sdn does not answer"
                assert took_s < 1.0
                # An answer takes 0.3 s here; the switch does not wait for it.
                assert passed_s - began_s < 0.25
                assert states(office, decision.id) == []
                controller.behaviour = "honest"
                wait_until(lambda: states(office, decision.id)[-1:] == ["rolled_back"])
                assert decision.id not in controller.standing
                assert rules(net) == []
        finally:
            sender.kill()
            sender.communicate()
            sink.end()
            switches.close()
