"""What its enforcer says has ended before its time stands no more, on record."""

import threading
import time
from collections.abc import Mapping

from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SimulatedClock, SystemClock
from airnet.domain.containment import State
from airnet.domain.decision import Decision
from airnet.record.memory import MemoryLedger
from tests.fakes.verdicts import T0, drop, throttle

S = 1_000_000_000
LIMIT_S = 10.0


class Heralds(SimulatedActuator):
    """Hears of ends; `may_tell` off: it does not answer."""

    def __init__(self, clock: SimulatedClock | SystemClock) -> None:
        super().__init__(clock)
        self.told: dict[str, str] = {}
        self.may_tell = threading.Event()
        self.may_tell.set()
        self.is_asked = threading.Event()

    def heralds(self) -> Mapping[str, str]:
        self.is_asked.set()
        self.may_tell.wait(LIMIT_S)
        return self.told


def lasts(decision: Decision) -> int:
    return decision.until_ns - decision.t_ns


def test_what_ended_early_is_on_record_with_how_long_before() -> None:
    clock, ledger = SimulatedClock(T0), MemoryLedger()
    actuator = Heralds(clock)
    standing = Standing([actuator], ledger, clock)
    one, other = throttle(1), throttle(2)
    for each in (one, other):
        outcome = standing.carry_out(each)
        assert outcome is not None
        if each is one:
            actuator.told[outcome.handle[:12]] = "ended by the switch: lost"

    clock.time_ns = T0 + 2 * S
    (ended,) = standing.tick(clock.now_ns())

    assert (ended.decision_id, ended.state) == (one.id, State.ENDED)
    seconds = (lasts(one) - 2 * S) // S
    assert ended.detail == f"ended by the switch: lost; {seconds} s before its time"
    assert [left.decision_id for left in standing.in_force] == [other.id]
    last = [entry for entry in ledger.evidence() if entry.kind == "containment"][-1]
    assert last.body["decision_id"] == one.id


def test_nobody_waits_for_who_hangs() -> None:
    """Not even the tick in which it was asked; what it says counts when it does."""
    actuator = Heralds(SystemClock())
    standing = Standing([actuator], MemoryLedger(), SystemClock())
    standing.attend(lambda: None)
    now_ns = time.time_ns()
    decision = drop("198.51.100.9", t_ns=now_ns, until_ns=now_ns + 60 * S)
    outcome = standing.carry_out(decision)
    assert outcome is not None
    actuator.told[outcome.handle[:12]] = "ended by the switch: removed"
    actuator.may_tell.clear()

    began_s = time.monotonic()
    while not actuator.is_asked.is_set():
        assert standing.tick(time.time_ns()) == []
        time.sleep(0.01)
        assert time.monotonic() < began_s + LIMIT_S
    asked_s = time.monotonic()
    assert standing.tick(time.time_ns()) == []

    assert time.monotonic() - asked_s < LIMIT_S / 2
    assert len(standing.in_force) == 1
    actuator.may_tell.set()
    while standing.in_force:
        standing.tick(time.time_ns())
        time.sleep(0.01)
        assert time.monotonic() < asked_s + LIMIT_S
