"""act.sdn: the controller's northbound against a small one that may misbehave."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.act.sdn import SdnActuator
from airnet.clock import SystemClock
from airnet.domain.containment import State
from airnet.domain.decision import Action, TargetType
from airnet.errors import ActuationError
from tests.fakes.controller import FakeController
from tests.fakes.verdicts import MS, drop, throttle

#: Of a controller that answers; a busy machine may take its time.
PATIENCE_MS = 20_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "controller.sock"


@pytest.fixture
def controller(path: Path) -> Iterator[FakeController]:
    with FakeController(path) as fake:
        yield fake


def test_a_drop_stands_until_whole_seconds_have_passed(
    controller: FakeController, path: Path
) -> None:
    known = ["10.0.1.2", "10.0.1.1", "10.0.1.2"]
    actuator = SdnActuator(path, timeout_ms=PATIENCE_MS, known=lambda: known)

    outcome = actuator.apply(drop(), 2500 * MS)

    assert outcome.state is State.APPLIED
    assert outcome.until_ns == outcome.applied_ns + 3_000 * MS
    assert "rounded up to 3 s" in outcome.detail
    assert controller.requests == [
        {
            "command": "apply",
            "id": drop().id,
            "action": "drop_sources",
            "sources": ["198.51.100.9"],
            "gateway": "10.0.0.10",
            "port": 0,
            "known": ["10.0.1.1", "10.0.1.2"],
            "ttl_ms": 2500,
        }
    ]
    actuator.close()


def test_more_than_a_switch_can_count_is_cut_and_said(
    controller: FakeController, path: Path
) -> None:
    """A hard_timeout is 16 bits of seconds."""
    actuator = SdnActuator(path, timeout_ms=PATIENCE_MS)

    outcome = actuator.apply(drop(), 86_400_000 * MS)

    assert outcome.until_ns == outcome.applied_ns + 65_535_000 * MS
    assert "cut to 65535 s" in outcome.detail
    assert [one["ttl_ms"] for one in controller.requests] == [65_535_000]
    actuator.close()


def test_a_rate_limit_names_the_gateway_and_no_source(
    controller: FakeController, path: Path
) -> None:
    limit = drop(
        "10.0.0.10:9878",
        action=Action.RATE_LIMIT_SOURCES,
        target_type=TargetType.GATEWAY,
    )
    actuator = SdnActuator(path, timeout_ms=PATIENCE_MS)

    actuator.apply(limit, 2000 * MS)

    (request,) = controller.requests
    assert (request["sources"], request["gateway"], request["port"]) == (
        [],
        "10.0.0.10",
        9878,
    )
    actuator.close()


def test_release_and_status(controller: FakeController, path: Path) -> None:
    actuator = SdnActuator(path, timeout_ms=PATIENCE_MS)
    outcome = actuator.apply(drop(), 2000 * MS)

    actuator.release(outcome)
    actuator.release(outcome)

    assert controller.standing == {}
    assert actuator.status()["ok"] is True
    assert controller.connections == 1
    actuator.close()


def test_it_takes_network_actions_only(path: Path) -> None:
    actuator = SdnActuator(path, timeout_ms=PATIENCE_MS)

    assert actuator.accepts(drop())
    assert not actuator.accepts(throttle())


def test_events_between_the_lines_are_kept_for_later(
    controller: FakeController, path: Path
) -> None:
    controller.behaviour = "chatty"
    actuator = SdnActuator(path, timeout_ms=PATIENCE_MS)
    outcome = actuator.apply(drop(), 2000 * MS)

    assert actuator.ended(outcome) == ""
    controller.tell(
        {
            "event": "ended",
            "id": outcome.handle,
            "reason": "hard_timeout",
            "packets": 12,
        }
    )
    # The answer to a request comes after the event: no need to wait for time to pass.
    actuator.status()

    assert actuator.ended(outcome) == (
        "ended by the switch: hard_timeout, 12 packets matched"
    )
    actuator.close()


@pytest.mark.parametrize(
    ("behaviour", "says", "timeout_ms"),
    [
        ("refusing", "10.0.0.1 is protected", PATIENCE_MS),
        ("silent", "timed out|no answer in time", 300),
        ("mixed_up", "timed out|no answer in time", 300),
        ("hanging_up", "closed the connection", PATIENCE_MS),
        ("garbage", "malformed", PATIENCE_MS),
    ],
)
def test_a_controller_that_misbehaves_is_an_error_within_the_time_out(
    controller: FakeController, path: Path, behaviour: str, says: str, timeout_ms: int
) -> None:
    controller.behaviour = behaviour
    actuator = SdnActuator(path, timeout_ms=timeout_ms)
    clock = SystemClock()
    began_ns = clock.mono_ns()

    with pytest.raises(ActuationError, match=says) as caught:
        actuator.apply(drop(), 2000 * MS)

    assert clock.mono_ns() - began_ns < (timeout_ms + 5000) * MS
    assert "\n" not in str(caught.value)
    actuator.close()


def test_without_a_controller_it_says_so(path: Path) -> None:
    actuator = SdnActuator(path, timeout_ms=PATIENCE_MS)

    with pytest.raises(ActuationError, match="check that airnet controller runs"):
        actuator.apply(drop(), 2000 * MS)


def test_it_connects_again_after_the_controller_was_gone(
    controller: FakeController, path: Path
) -> None:
    actuator = SdnActuator(path, timeout_ms=PATIENCE_MS)
    controller.behaviour = "hanging_up"
    with pytest.raises(ActuationError):
        actuator.apply(drop(), 2000 * MS)
    controller.behaviour = "honest"

    outcome = actuator.apply(drop(), 2000 * MS)

    assert outcome.state is State.APPLIED
    assert controller.connections == 2
    actuator.close()


def test_a_connection_found_closed_is_opened_anew_at_the_next_request(
    controller: FakeController, path: Path
) -> None:
    actuator = SdnActuator(path, timeout_ms=PATIENCE_MS)
    actuator.apply(drop(), 2000 * MS)
    controller.hang_up()

    actuator.apply(drop("198.51.100.8"), 2000 * MS)

    assert controller.connections == 2
    actuator.close()


def test_a_late_answer_is_never_taken_for_the_next_one(
    controller: FakeController, path: Path
) -> None:
    controller.behaviour = "silent"
    actuator = SdnActuator(path, timeout_ms=200)
    with pytest.raises(ActuationError):
        actuator.apply(drop(), 2000 * MS)
    controller.behaviour = "honest"

    outcome = actuator.apply(drop("198.51.100.8"), 2000 * MS)

    assert outcome.decision_id == drop("198.51.100.8").id
    assert controller.connections == 2
    actuator.close()
