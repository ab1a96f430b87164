"""act.sdn beside the usual way: other controllers, several at once, the fast lane."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from airnet.act import fastlane, shots
from airnet.act.intents import Order
from airnet.act.northbound import WINDOW
from airnet.act.sdn import SdnActuator, Ways
from airnet.act.standing import Standing
from airnet.clock import SystemClock
from airnet.controller import clients, firing, lane
from airnet.controller.flows import Apply
from airnet.domain.containment import State
from airnet.domain.decision import Action, Decision
from airnet.errors import ActuationError
from airnet.paths import Hop
from airnet.record.memory import MemoryLedger
from tests.fakes.controller import FakeController
from tests.fakes.verdicts import MS, drop, session_name

#: Of a controller or a lane that answers; a busy machine may take its time.
PATIENCE_MS = 20_000


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[FakeController, FakeController]]:
    with (
        FakeController(tmp_path / "one") as one,
        FakeController(tmp_path / "other") as other,
    ):
        yield one, other


@pytest.fixture
def actuator(tmp_path: Path) -> Iterator[SdnActuator]:
    ways = Ways(standby=(str(tmp_path / "other"),))
    # Half of it for each; it only has to be waited for where one is silent.
    made = SdnActuator(tmp_path / "one", timeout_ms=4000, ways=ways)
    yield made
    made.close()


def commands(controller: FakeController) -> list[object]:
    return [request["command"] for request in controller.requests]


@pytest.mark.parametrize("behaviour", ["hanging_up", "silent", "garbage", "deposed"])
def test_another_controller_leads_when_the_first_does_not(
    two: tuple[FakeController, FakeController], actuator: SdnActuator, behaviour: str
) -> None:
    one, other = two
    one.behaviour = behaviour

    outcome = actuator.apply(drop(), 2000 * MS)
    actuator.release(outcome)

    assert outcome.state is State.APPLIED
    assert commands(other) == ["lead", "apply", "release"]


def test_the_first_is_asked_to_lead_once_and_stays(
    two: tuple[FakeController, FakeController], actuator: SdnActuator
) -> None:
    actuator.apply(drop(), 2000 * MS)
    actuator.apply(drop("198.51.100.8"), 2000 * MS)

    assert commands(two[0]) == ["lead", "apply", "apply"]
    assert not two[1].requests


def test_when_none_leads_it_says_so_in_time(
    two: tuple[FakeController, FakeController], actuator: SdnActuator
) -> None:
    for one in two:
        one.behaviour = "silent"

    with pytest.raises(ActuationError, match="check that airnet controller runs"):
        actuator.apply(drop(), 2000 * MS)


def test_a_refusal_is_not_carried_elsewhere(
    two: tuple[FakeController, FakeController], actuator: SdnActuator
) -> None:
    two[0].behaviour = "refusing"

    with pytest.raises(ActuationError, match="protected"):
        actuator.apply(drop(), 2000 * MS)
    assert not two[1].requests


def test_what_nobody_wants_is_released_and_what_is_gone_is_told(tmp_path: Path) -> None:
    with FakeController(tmp_path / "one") as controller:
        made = SdnActuator(tmp_path / "one", timeout_ms=PATIENCE_MS)
        kept, gone = drop("198.51.100.1"), drop("198.51.100.2")
        standing = made.apply(kept, 2000 * MS)
        controller.standing["abcdefabcdef"] = {}

        found = made.reconcile([(kept, standing), (gone, standing)])

        assert found == ((gone.id,), 1)
        assert set(controller.standing) == {kept.id}
        made.close()


def test_many_at_once_are_each_told(tmp_path: Path) -> None:
    with FakeController(tmp_path / "one") as controller:
        made = SdnActuator(tmp_path / "one", timeout_ms=PATIENCE_MS)
        decisions = [drop(f"198.51.100.{i}") for i in range(1, 41)]

        begun = made.begin([(one, 2000 * MS) for one in decisions], str)
        assert begun == (frozenset(one.id for one in decisions), frozenset())
        asked = len(controller.requests)
        outcomes = [made.apply(one, 2000 * MS) for one in decisions]

        assert asked == len(controller.requests) == 40
        assert [one.decision_id for one in outcomes] == [one.id for one in decisions]
        made.close()


def test_many_at_once_refused_are_refused_again_one_by_one(tmp_path: Path) -> None:
    with FakeController(tmp_path / "one", "refusing"):
        made = SdnActuator(tmp_path / "one", timeout_ms=PATIENCE_MS)
        decisions = [drop(f"198.51.100.{i}") for i in range(1, 4)]

        begun = made.begin([(one, 2000 * MS) for one in decisions], str)

        assert begun == (frozenset(), frozenset())
        with pytest.raises(ActuationError, match="protected"):
            made.apply(decisions[0], 2000 * MS)
        made.close()


def test_a_freeze_stops_a_batch_that_is_under_way(tmp_path: Path) -> None:
    """With a controller that hangs, and a freeze when the first line has come."""
    with FakeController(tmp_path / "one", "silent") as controller:
        made = SdnActuator(tmp_path / "one", timeout_ms=1500)
        standing = Standing(
            [made],
            MemoryLedger(),
            SystemClock(),
            closed=lambda: "frozen" if controller.got_request.is_set() else "",
        )
        orders = [
            Order(drop(f"198.51.{i // 250}.{i % 250}")) for i in range(WINDOW + 4)
        ]

        outcomes = standing.carry_out_all(orders)

        made.close()
        applied = [r["id"] for r in controller.requests if r["command"] == "apply"]
        assert len(applied) == len(set(applied)) == WINDOW
    states = {one.decision_id: one.state for one in outcomes if one}
    for key, state in states.items():
        unknown = key in applied
        assert state is (State.FAILED if unknown else State.WITHHELD)
    assert len(states) == len(orders)


def test_what_was_answered_before_a_freeze_stands(tmp_path: Path) -> None:
    with FakeController(tmp_path / "one") as controller:
        made = SdnActuator(tmp_path / "one", timeout_ms=PATIENCE_MS)

        def closed() -> str:
            return "frozen" if len(controller.standing) == 4 else ""

        standing = Standing([made], MemoryLedger(), SystemClock(), closed=closed)

        outcomes = standing.carry_out_all(
            [Order(drop(f"198.51.100.{i}")) for i in range(1, 5)]
        )

        assert [one.state for one in outcomes if one] == [State.APPLIED] * 4
        made.close()


def test_a_session_and_a_reroute_are_asked_for_as_the_controller_wants_them(
    tmp_path: Path,
) -> None:
    cut = replace(drop(), action=Action.ISOLATE_SESSION, session=session_name())
    round_ = replace(
        drop(), action=Action.REROUTE, gateway="10.0.0.10", target=("west",)
    )
    paths = {"west": (Hop(port=7), Hop(port=8, mac="00:11:22:33:44:55"))}
    with FakeController(tmp_path / "one") as controller:
        ways = Ways(paths=paths)
        made = SdnActuator(tmp_path / "one", timeout_ms=PATIENCE_MS, ways=ways)
        assert made.accepts(round_)
        assert not SdnActuator(tmp_path / "one").accepts(round_)
        made.apply(cut, 2000 * MS)
        made.apply(round_, 2000 * MS)
        made.close()

    first, second = (
        Apply(**{k: v for k, v in one.items() if k != "command"} | fixed(one))
        for one in controller.requests
    )
    assert (first.sources, first.source_port) == (("10.0.1.1",), 40_000)
    assert (first.gateway, first.port) == ("10.0.0.10", 9878)
    assert [hop["port"] for hop in second.path] == [7, 8]
    assert second.sources == ()


def fixed(request: dict[str, object]) -> dict[str, object]:
    return {"sources": tuple(request["sources"])}


# ---- the fast lane ----


class FakeLane:
    """Arms what it is asked to, and notes what it is fired."""

    def __init__(self, path: Path) -> None:
        self.fired: list[tuple[int, int, int]] = []
        self.released: list[str] = []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    @staticmethod
    def heard(peer: socket.socket) -> bytes:
        """Return what comes; nothing once the other end is gone.

        Who goes and leaves answers unread is told of first, before what it had said.
        """
        try:
            return peer.recv(65536)
        except ConnectionResetError:
            return peer.recv(65536)

    @staticmethod
    def tell(peer: socket.socket, answer: bytes) -> None:
        """Answer who may be gone: nobody waits for what comes of a shot."""
        with contextlib.suppress(BrokenPipeError):
            peer.send(answer)

    def serve(self) -> None:
        peer, _ = self.listener.accept()
        with peer:
            self.converse(peer)

    def converse(self, peer: socket.socket) -> None:
        slots: dict[str, int] = {}
        while asked := self.heard(peer):
            if asked[:4] == b"FIRE":
                _, slot, decision, seconds = firing.FIRE.unpack_from(asked)
                self.fired.append((slot, decision, seconds))
                self.tell(peer, firing.DONE.pack(b"DONE", slot, decision, 1, 0, 123))
                continue
            request = json.loads(asked)
            if request["command"] == "release":
                self.released.append(request["id"])
            if request["command"] != "arm":
                continue
            asked_for = [json.dumps(one) for one in request["containments"]]
            found = [slots.setdefault(one, len(slots)) for one in asked_for]
            answer = {"ok": True, "slots": found}
            self.tell(peer, json.dumps(answer).encode())

    def end(self) -> None:
        self.thread.join(10)
        self.listener.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the lane's answers waited for as long as they take."""
    monkeypatch.setattr(fastlane, "ANSWER_LIMIT_S", PATIENCE_MS / 1000)


def actuator_of(place: Path) -> SdnActuator:
    """Return an actuator of a controller and a lane that are there."""
    ways = Ways(lane=str(place / "lane"))
    return SdnActuator(place / "one", timeout_ms=PATIENCE_MS, ways=ways)


def test_bytes_are_those_of_the_lane() -> None:
    for name in ("FIRE", "WROTE", "DONE", "LOAN"):
        assert getattr(fastlane, name).format == getattr(firing, name).format
        magic = f"{name}_MAGIC"
        assert getattr(fastlane, magic) == getattr(firing, magic)
    assert fastlane.DIRECT == lane.DIRECT
    assert fastlane.SLOT_SHIFT == lane.SLOT_SHIFT
    assert lane.SLOTS_MAX << lane.SLOT_SHIFT <= lane.DIRECT
    assert (fastlane.ANYBODY[4],) == lane.ANYBODY_4
    assert (fastlane.ANYBODY[6],) == lane.ANYBODY_6
    assert shots.SOURCES_MAX * firing.SOURCE_BYTES + 64 < clients.LINE_BYTES_MAX


@pytest.mark.usefixtures("patient")
def test_what_is_armed_is_fired_ahead_and_released_with_the_rest(
    tmp_path: Path,
) -> None:
    lane = FakeLane(tmp_path / "lane")
    with FakeController(tmp_path / "one"):
        made = actuator_of(tmp_path)
        armed, other = drop("198.51.100.1"), drop("198.51.100.2")
        again = later(armed)

        assert made.arm([armed]) == 1
        outcome = made.apply(again, 2500 * MS)
        made.apply(other, 2500 * MS)
        made.release(outcome)
        made.close()
    lane.end()

    # The other's gateway is known by then: it goes by what is armed against anybody.
    assert lane.fired == [
        (0, int(again.id[:12], 16), 3),
        (1, int(other.id[:12], 16), 3),
    ]
    assert lane.released == [again.id[:12]]


def later(decision: Decision) -> Decision:
    """Return a Decision of the same containment, with another id."""
    return replace(decision, id="fedcba9876543210")


@pytest.mark.usefixtures("patient")
def test_hosts_are_armed_when_the_lane_comes_and_fired_whatever_the_gateway(
    tmp_path: Path,
) -> None:
    with FakeController(tmp_path / "one"):
        made = actuator_of(tmp_path)
        assert made.arm_hosts(["10.0.1.1", "10.0.1.2"]) == 0
        lane = FakeLane(tmp_path / "lane")
        made.apply(drop(), 2000 * MS)
        isolate = replace(
            drop("10.0.1.2"), action=Action.ISOLATE_HOST, id="fedcba9876543210"
        )
        made.apply(isolate, 2000 * MS)
        made.close()
    lane.end()

    assert lane.fired == [(1, 0xFEDCBA987654, 2)]


def test_a_lane_that_is_not_there_costs_nothing_but_time(tmp_path: Path) -> None:
    with FakeController(tmp_path / "one"):
        made = actuator_of(tmp_path)

        assert made.arm([drop()]) == 0
        assert made.apply(drop(), 2000 * MS).state is State.APPLIED
        made.close()


@pytest.mark.usefixtures("patient")
def test_the_lane_is_asked_for_no_longer_than_a_switch_can_count(
    tmp_path: Path,
) -> None:
    lane = FakeLane(tmp_path / "lane")
    with FakeController(tmp_path / "one"):
        made = actuator_of(tmp_path)
        made.arm([drop()])
        made.apply(drop(), 86_400_000 * MS)
        made.close()
    lane.end()

    assert [seconds for _, _, seconds in lane.fired] == [65_535]
