"""Undo while an enforcer hangs: it is ordered, it is told so, nobody else waits."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airnet.act.sdn import SdnActuator
from airnet.clock import SystemClock
from airnet.domain.instruction import Ask, Signed
from airnet.service.ask import ask
from airnet.service.talk import Answer
from tests.fakes.controller import FakeController
from tests.fakes.office import Levers, Office, instruct
from tests.fakes.verdicts import drop, throttle

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
