"""What was foreseen, frozen in between or behind, or undone: all is on record."""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import msgspec
import pytest

from airnet.act.actuator import Actuator
from airnet.act.gate import Gate, by_signal
from airnet.act.intents import Order
from airnet.act.people import Approvers, People
from airnet.act.standing import Standing
from airnet.clock import SystemClock
from airnet.config import GuardPort, Site
from airnet.decide.policy import Policy
from airnet.domain.decision import Action, Decision, TargetType
from airnet.domain.instruction import Ask, Peer, Signed
from airnet.pipeline import think
from airnet.record.file import FileLedger, read
from airnet.service.arming import Arming
from airnet.service.desk import Desk
from airnet.service.guardpost import Guarded, GuardPost
from airnet.service.hands import Hands
from airnet.service.talk import Answer, Passed, Request, Returned
from tests.fakes.office import instruct
from tests.netns.lab_links import wait_until
from tests.netns.test_act_guard import Port, port
from tests.netns.test_guard_foreseen import GATEWAY, SCORER, Fast, decision

pytestmark = pytest.mark.root
__all__ = ["port"]
CLOCK, LIMIT_S = SystemClock(), 30.0


class Run:
    """What `airnet run` carries Decisions out with, lane and hands, without frames."""

    def __init__(
        self,
        port: Port,
        folder: Path,
        held: contextlib.ExitStack,
        others: Sequence[Actuator] = (),
    ) -> None:
        descriptors = port.guard.descriptors
        fds = {name: os.dup(fd) for name, fd in descriptors.items()}
        guarded = Guarded(interface=port.guard.interface, descriptors=fds)
        self.post = GuardPost(guarded, GuardPort(), Site(), CLOCK, SCORER)
        held.callback(self.post.close)
        self.folder, self.gate = folder / "ledger", Gate(folder)
        ledger = FileLedger(self.folder)
        held.callback(ledger.close)
        standing = Standing(
            [self.post.actuator, *others], ledger, CLOCK, closed=self.gate.closed
        )
        people = People(Approvers(), os.geteuid())
        desk = Desk(standing, self.gate, people, ledger, CLOCK)
        self.warden, link = socket.socketpair()
        held.callback(self.warden.close)
        held.callback(link.close)
        self.warden.settimeout(LIMIT_S)
        desk.attend(link)
        self.hands = Hands(standing, CLOCK, self.post, desk)
        assert self.post.trigger is not None
        self.trigger = self.post.trigger
        brain = think(Site(), Policy(), SCORER)
        held.callback(brain.decoder.close)
        terms = Policy(), Site()
        self.arming = Arming(
            self.trigger, brain, terms, self.withdraw, self.hands.withdrawn, self.closed
        )
        self.gone_ns = 0
        self.fast = Fast(port.guard, folder)
        self.fast.trigger, self.fast.arms = self.trigger, self.trigger.arms
        self.fast.arms.load(
            descriptors["sources"],
            descriptors["gateways"],
            self.fast.slot.room,
            port.guard.control,
            self.gate.frozen_path,
        )
        self.fast.arms.gateways_left = 1 << 62
        self.hands.start()
        held.callback(self.hands.stop)

    def withdraw(self, why: str) -> Order | None:
        return self.trigger.withdraw(self.post.intents, why)

    def closed(self) -> str:
        return self.gate.closed()

    def freeze(self) -> None:
        self.gate.freeze(by_signal(CLOCK.now_ns(), "a test"))

    def undo(
        self, decision_id: str, is_gone: Callable[[], bool] = lambda: True
    ) -> Answer:
        """Have a person undo it, as the warden passes that on; note when it is gone."""
        asked = instruct(Ask.UNDO, decision_id, "Jane Doe", at_ns=CLOCK.now_ns())
        passed = Passed(
            serial=1,
            request=Request(ask=Ask.UNDO, signed=Signed(instruction=asked)),
            peer=Peer(uid=os.geteuid(), gid=0, pid=os.getpid()),
        )
        return self._ask(passed, is_gone)

    def listed(self) -> dict[str, list[dict[str, object]]]:
        """Return what `airnet actions` shows."""
        peer = Peer(uid=os.geteuid(), gid=0, pid=os.getpid())
        passed = Passed(serial=1, request=Request(ask=Ask.ACTIONS), peer=peer)
        return cast("dict[str, list[dict[str, object]]]", self._ask(passed).body)

    def _ask(
        self, passed: Passed, is_gone: Callable[[], bool] = lambda: True
    ) -> Answer:
        self.warden.sendall(msgspec.json.encode(passed) + b"\n")
        end_ns = CLOCK.mono_ns() + int(LIMIT_S * 1e9)
        while not is_gone():
            assert CLOCK.mono_ns() < end_ns, "it never was gone"
            time.sleep(0.001)
        self.gone_ns = CLOCK.mono_ns()
        line = self.warden.makefile("rb").readline()
        return msgspec.json.decode(line, type=Returned).answer

    def told(self) -> list[tuple[str, str]]:
        """Let the hands finish; return what the record says of containments."""
        self.hands.stop()
        assert self.hands.failure is None
        return self.contained()

    def contained(self) -> list[tuple[str, str]]:
        return [
            (str(one.body["state"]), str(one.body["detail"]))
            for one in read(self.folder)
            if one.kind == "containment"
        ]


@pytest.fixture
def run(port: Port, tmp_path: Path) -> Iterator[Run]:
    with contextlib.ExitStack() as held:
        yield Run(port, tmp_path, held)


def test_frozen_in_between_it_is_taken_back(run: Run) -> None:
    """What C did holds no longer; what was decided is withheld; both are recorded."""
    run.fast.arm()
    run.fast.fire()
    assert len(run.fast.rules()) == 1

    run.freeze()
    run.hands.carry_out(decision(), None)
    run.arming.judged([], [], 1)

    assert run.fast.rules() == []
    assert run.fast.slot.pending() is None
    told = run.told()
    assert sorted(state for state, _ in told) == ["rolled_back", "withheld"]
    assert all("frozen by a test" in detail for _, detail in told)
    assert list(run.post.intents.pending()) == []


def test_frozen_behind_it_it_stands_to_its_end(run: Run) -> None:
    """A freeze lets nothing leave; what holds already goes on to its own end."""
    run.fast.arm()
    run.fast.fire()
    run.hands.carry_out(decision(), None)

    run.freeze()
    run.arming.judged([], [], 1)

    (rule,) = run.fast.rules()
    assert rule.decision == int(decision().id[:16], 16)
    ((state, detail),) = run.told()
    assert state == "applied"
    assert detail.endswith("as foreseen")
    assert list(run.post.intents.pending()) == []


def test_a_person_undoes_what_was_foreseen(run: Run) -> None:
    """As any other containment; and what would fire for the same flood is disarmed."""
    run.fast.arm()
    run.fast.fire()
    ordered = decision()
    run.hands.carry_out(ordered, None)
    run.arming.judged([], [], 1)
    wait_until(lambda: len(run.contained()) == 1, LIMIT_S)

    answer = run.undo(ordered.id)

    assert (answer.ok, answer.body["state"]) == (True, "rolled_back")
    assert run.fast.rules() == []
    run.fast.fire()
    assert run.fast.rules() == []
    (_, before), (state, detail) = run.told()
    assert before.endswith("as foreseen")
    assert (state, detail[:20]) == ("rolled_back", "released by Jane Doe")
    assert list(run.post.intents.pending()) == []


def test_what_a_freeze_took_back_is_foreseen_again(run: Run) -> None:
    """It was no fault of ours: once lifted, the next flood is held as ever."""
    run.fast.arm()
    run.fast.fire()
    run.freeze()
    run.hands.carry_out(decision(), None)
    run.arming.judged([], [], 1)
    assert run.fast.rules() == []
    wait_until(lambda: len(run.contained()) == 2, LIMIT_S)

    run.fast.frozen.unlink()
    run.fast.arm()
    run.fast.fire()
    assert len(run.fast.rules()) == 1
    again = decision(sources=("198.51.100.77",))
    run.hands.carry_out(again, None)
    run.arming.judged([], [], 2)

    # The judge named somebody else: that one holds, and what was foreseen does not.
    assert [one.decision for one in run.fast.rules()] == [int(again.id[:16], 16)]
    states = [state for state, _ in run.told()]
    assert sorted(states) == ["applied", "rolled_back", "rolled_back", "withheld"]


def limit(gateway: str, identity: str) -> Decision:
    """Return a limit of strangers at a gateway."""
    return msgspec.structs.replace(
        decision(),
        action=Action.RATE_LIMIT_SOURCES,
        target_type=TargetType.GATEWAY,
        target=(f"{gateway}:9878",),
        gateway=gateway,
        id=identity,
    )


def test_what_was_undone_the_fast_lane_does_not_do_again(run: Run) -> None:
    """Nor is it foreseen; what is against others is done at once, as ever."""
    ordered = decision(), limit(GATEWAY, "c" * 16)
    for one in ordered:
        run.hands.carry_out(one, None)
    wait_until(lambda: len(run.contained()) == 2, LIMIT_S)
    assert len(run.fast.rules()) == 2
    assert all(run.undo(one.id).ok for one in ordered)
    assert run.fast.rules() == []

    again = msgspec.structs.replace(decision(), id="d" * 16)
    other = msgspec.structs.replace(decision(sources=("198.51.100.77",)), id="e" * 16)
    acted = run.post.reflex.acted
    run.hands.carry_out(again, None)
    assert run.fast.rules() == []
    run.hands.carry_out(other, None)

    assert run.post.reflex.acted == acted + 1
    assert [one.decision for one in run.fast.rules()] == [int(other.id, 16)]
    assert run.trigger.order(limit(GATEWAY, "f" * 16)) is None
    assert run.trigger.order(limit("10.0.0.11", "f" * 16)) is not None
    told = run.told()
    (withheld,) = (detail for state, detail in told if state == "withheld")
    assert withheld.startswith("undone by Jane Doe until it has been quiet for 60 s")
    assert list(run.post.intents.pending()) == []
