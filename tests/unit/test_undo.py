"""Undo while an enforcer hangs: it is ordered, it is told so, nobody else waits."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airnet.act.intents import Order
from airnet.act.sdn import SdnActuator
from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SimulatedClock, SystemClock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Decision
from airnet.domain.instruction import Ask, Signed
from airnet.errors import ActuationError
from airnet.record.memory import MemoryLedger
from airnet.service.ask import ask
from airnet.service.talk import Answer
from tests.fakes.controller import FakeController
from tests.fakes.office import Levers, Office, instruct
from tests.fakes.verdicts import T0, drop, throttle

LIMIT_S = 20.0
S = 1_000_000_000
#: Of sessions that the other enforcer holds; see tests.fakes.verdicts.
OTHER = "10.0.0.2:"


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Office, Levers]]:
    """Give an office with two enforcers: its own, and one of some sessions."""
    other = Levers(SystemClock(), "other", OTHER)
    with Office(tmp_path, [other]) as office:
        ask(office.socket, Ask.ACTIONS)  # the warden has begun
        yield office, other
        other.may_release.set()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.005)


def undo(office: Office, decision: str) -> tuple[Answer, float]:
    """Undo; return the answer, and how many seconds it took."""
    one = instruct(Ask.UNDO, decision, "desk", at_ns=office.clock.now_ns())
    began = time.monotonic()
    answer = ask(office.socket, Ask.UNDO, Signed(instruction=one))
    return answer, time.monotonic() - began


def order(office: Office, n: int, *, is_other: bool) -> str:
    """Order a throttle that stands; return its id."""
    plain = throttle(n)
    target = (f"{OTHER}{n}" if is_other else f"10.0.0.9:{n}", plain.target[1])
    decision = office.decide(measured=n, target=target)
    until(lambda: office.standing.outcome(decision.id) is not None)
    return decision.id


def outcomes(office: Office, decision: str) -> list[object]:
    return [
        one.body["state"]
        for one in office.ledger.evidence()
        if one.kind == "containment" and one.body["decision_id"] == decision
    ]


def test_who_does_not_answer_is_told_and_nobody_else_waits(
    both: tuple[Office, Levers],
) -> None:
    office, other = both
    hung, free = order(office, 1, is_other=True), order(office, 2, is_other=False)
    other.may_release.clear()

    answer, took_s = undo(office, hung)
    beside, beside_s = undo(office, free)
    again, _ = undo(office, hung)

    assert answer.ok
    assert answer.what == "ordered, not confirmed: other does not answer"
    assert answer.body == {"state": "ordered"}
    assert took_s < 1.0
    assert beside.ok
    assert beside_s < 1.0
    assert free in office.levers.released_ns
    assert not again.ok
    assert "is being let go" in again.what
    assert outcomes(office, hung) == ["applied"]
    other.may_release.set()
    until(lambda: outcomes(office, hung) == ["applied", "rolled_back"])
    assert other.calls == [("apply", hung), ("release", hung)]


def test_an_undo_where_the_enforcer_lives_waits_for_no_other(
    both: tuple[Office, Levers],
) -> None:
    """p99 of what one enforcer lets go while a command hangs in the other."""
    office, other = both
    standing = [order(office, n, is_other=False) for n in range(100)]
    other.may_apply.clear()
    office.decide(target=(f"{OTHER}7", "ALGO7"))
    other.is_applying.wait(LIMIT_S)
    taken = []

    for decision in standing:
        began_ns = office.clock.mono_ns()
        answer, _ = undo(office, decision)
        assert answer.ok, answer
        taken.append(office.levers.released_ns[decision] - began_ns)
    assert not [call for call in other.calls if call[0] == "apply"], "it had ended"
    other.may_apply.set()

    taken.sort()
    assert taken[98] < 100_000_000, f"p99 {taken[98] / 1e6:.1f} ms"


def test_it_is_tried_until_it_is_done(both: tuple[Office, Levers]) -> None:
    office, other = both
    hung = order(office, 1, is_other=True)
    other.may_release.clear()
    other.fails.add("release")
    assert undo(office, hung)[0].body == {"state": "ordered"}

    other.may_release.set()

    until(lambda: other.calls.count(("release", hung)) >= 3)
    assert outcomes(office, hung) == ["applied"]
    other.fails.clear()
    until(lambda: outcomes(office, hung) == ["applied", "rolled_back"])


def test_who_refuses_at_once_is_asked_again_and_the_record_says_how_often(
    both: tuple[Office, Levers],
) -> None:
    office, other = both
    held = order(office, 1, is_other=True)
    other.fails.add("release")

    answer, took_s = undo(office, held)

    assert answer.ok
    assert answer.body == {"state": "ordered"}
    assert (
        answer.what
        == "ordered, not confirmed: other: release failed: no answer in time"
    )
    assert took_s < 1.0
    until(lambda: other.calls.count(("release", held)) >= 3)
    assert outcomes(office, held) == ["applied"]
    other.fails.clear()
    until(lambda: outcomes(office, held) == ["applied", "rolled_back"])
    tried = other.calls.count(("release", held))
    (last,) = [
        str(one.body["detail"])
        for one in office.ledger.evidence()
        if one.kind == "containment" and one.body["state"] == "rolled_back"
    ]
    assert last.endswith(f"; attempt {tried}")


def test_a_controller_that_hangs_is_asked_again_when_it_answers(tmp_path: Path) -> None:
    path = tmp_path / "controller"
    switches = SdnActuator(path, timeout_ms=1500)
    with FakeController(path) as controller, Office(tmp_path, [switches]) as office:
        ask(office.socket, Ask.ACTIONS)  # the warden has begun
        now_ns = office.clock.now_ns()
        decision = drop("198.51.100.1", t_ns=now_ns, until_ns=now_ns + 60 * S)
        office.hands.carry_out(decision, None)
        until(lambda: decision.id in controller.standing)
        controller.behaviour = "silent"

        answer, took_s = undo(office, decision.id)

        assert answer.what == "ordered, not confirmed: sdn does not answer"
        assert took_s < 1.0
        controller.behaviour = "honest"
        until(lambda: outcomes(office, decision.id)[-1] == "rolled_back")
        assert decision.id not in controller.standing
        switches.close()


class Hung(SimulatedActuator):
    """Fails after a second, by the clock that it is given."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock, State.APPLIED)
        self.clock = clock
        self.asked: list[str] = []
        self.is_hung = True

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        self.asked.append(decision.id)
        if self.is_hung:
            self.clock.time_ns += S
            raise ActuationError("no answer in time", "look")
        return super().apply(decision, ttl_ns)

    def release(self, containment: Containment) -> Containment:
        if self.is_hung:
            self.clock.time_ns += S
            raise ActuationError("no answer in time", "look")
        return super().release(containment)


def test_a_hundred_at_once_wait_once_for_who_hangs() -> None:
    clock = SimulatedClock(T0)
    hung = Hung(clock)
    standing = Standing([hung], MemoryLedger(), clock)
    decisions = [throttle(n) for n in range(100)]

    outcomes = standing.carry_out_all([Order(one) for one in decisions])

    assert clock.time_ns - T0 == 2 * S  # one command and its taking back
    assert hung.asked == [decisions[0].id]
    assert {one.state for one in outcomes if one} == {State.FAILED}
    assert outcomes[99] is not None
    assert "did not answer a moment ago" in outcomes[99].detail
    clock.time_ns += S
    hung.is_hung = False
    last = standing.carry_out(throttle(101))
    assert last is not None
    assert last.state is State.APPLIED
