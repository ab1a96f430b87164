"""Killed between the word that something is undone and its end: it is ended then."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SystemClock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Decision
from airnet.domain.instruction import Ask
from airnet.errors import ActuationError
from airnet.record.file import FileLedger
from airnet.service.ask import ask
from tests.fakes.office import Levers, Office
from tests.fakes.verdicts import throttle
from tests.unit.test_undo import OTHER, order, undo, until


class After(SimulatedActuator):
    """The enforcer that outlived it, which holds what it was told before."""

    def __init__(self, holds: set[str], refusals: int = 0) -> None:
        super().__init__(SystemClock(), State.APPLIED)
        self.name, self.holds, self.refusals = "other", holds, refusals
        self.applied: list[str] = []

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        self.applied.append(decision.id)
        self.holds.add(decision.id)
        return super().apply(decision, ttl_ns)

    def release(self, containment: Containment) -> Containment:
        if self.refusals:
            self.refusals -= 1
            raise ActuationError("not now", "later")
        self.holds.discard(containment.decision_id)
        return super().release(containment)


def started_anew(folder: Path, after: After, ticks: int = 1) -> list[str]:
    """Start on what the disk has; return which states are on record in the end."""
    ledger = FileLedger(folder)
    clock = SystemClock()
    standing = Standing([after], ledger, clock)
    standing.recover(list(ledger.evidence()))
    if ticks > 1:
        until(lambda: standing.tick(clock.now_ns()) != [] or not standing.in_force)
    assert standing.in_force == ()
    told = [
        f"{one.body['decision_id']}:{one.body['state']}"
        for one in ledger.evidence()
        if one.kind == "containment"
    ]
    ledger.close()
    return told


def stands(office: Office) -> str:
    return order(office, 1, is_other=True)


def renewed(office: Office) -> str:
    """It stands, and so does what took over from it."""
    first = order(office, 1, is_other=True)
    second = office.decide(measured=2, target=(f"{OTHER}1", throttle(1).target[1]))
    until(lambda: office.standing.outcome(second.id) is not None)
    return first


def is_sent(office: Office) -> str:
    """It is on its way, and nobody has answered."""
    other = office.others[0]
    assert isinstance(other, Levers)
    other.may_apply.clear()
    sent = office.decide(target=(f"{OTHER}7", "ALGO7"))
    other.is_applying.wait(20)
    return sent.id


@pytest.mark.parametrize("refusals", [0, 2])
@pytest.mark.parametrize("how", [stands, renewed, is_sent])
def test_what_was_undone_is_let_go_by_the_next_process(
    tmp_path: Path, how: Callable[[Office], str], refusals: int
) -> None:
    (tmp_path / "first").mkdir()
    other = Levers(SystemClock(), "other", OTHER)
    with Office(tmp_path / "first", [other]) as office:
        ask(office.socket, Ask.ACTIONS)  # the warden has begun
        other.may_release.clear()
        identity = how(office)
        answer, _ = undo(office, identity)
        assert answer.what == "ordered, not confirmed: other does not answer"
        shutil.copytree(tmp_path / "first" / "ledger", tmp_path / "then")
        other.may_apply.set()
        other.may_release.set()
    after = After({identity}, refusals)

    told = started_anew(tmp_path / "then", after, 1 + refusals)

    assert after.holds == set()
    assert after.applied == []
    assert told[-1].endswith(":rolled_back")
    assert {one.partition(":")[0] for one in told if one.endswith("applied")} <= {
        one.partition(":")[0] for one in told if one.endswith("rolled_back")
    }
