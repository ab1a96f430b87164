"""act: the time of day is set an hour forward, or back, while something stands."""

import pytest

from airnet.act.actuator import Actuator
from airnet.act.leaving import AGAIN_NS, Leaving
from airnet.act.levers import CONFIRM_NS, Levers
from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SimulatedClock
from airnet.domain.containment import Containment, State
from airnet.errors import ActuationError
from airnet.record.memory import MemoryLedger
from tests.fakes.verdicts import T0, throttle

S = 1_000_000_000
HOUR_NS = 3600 * S


class Stepped(SimulatedClock):
    """A clock whose time of day can be set; the steady one goes on."""

    apart_ns = 0

    def now_ns(self) -> int:
        return self.time_ns + self.apart_ns


class Enforcer(SimulatedActuator):
    """Says how what it holds ended, by its own clock."""

    def __init__(self, clock: Stepped) -> None:
        super().__init__(clock, State.APPLIED)
        self.clock = clock
        self.ends_ns = 0
        self.released = 0
        self.fails = False

    def apply(self, decision: object, ttl_ns: int) -> Containment:
        self.ends_ns = self.clock.mono_ns() + ttl_ns
        return super().apply(decision, ttl_ns)

    def ended(self, containment: Containment) -> str:
        return "expired" if self.clock.mono_ns() >= self.ends_ns else ""

    def release(self, containment: Containment) -> Containment:
        self.released += 1
        if self.fails:
            raise ActuationError("no answer in time", "look")
        return containment


@pytest.mark.parametrize("step_ns", [HOUR_NS, -HOUR_NS])
def test_what_stands_ends_when_it_was_to_whatever_the_time_of_day(step_ns: int) -> None:
    clock = Stepped(T0)
    enforcer = Enforcer(clock)
    standing = Standing([enforcer], MemoryLedger(), clock)
    standing.tick(clock.now_ns())
    standing.carry_out(throttle())

    clock.time_ns += S
    clock.apart_ns = step_ns
    assert standing.tick(clock.now_ns()) == []
    clock.time_ns += CONFIRM_NS
    assert standing.tick(clock.now_ns()) == []
    assert [one.decision_id for one in standing.in_force] == [throttle().id]
    assert not enforcer.released
    clock.time_ns = T0 + 10 * S
    (ended,) = standing.tick(clock.now_ns())

    assert ended.detail == "expired"
    assert not standing.in_force
    assert not enforcer.released


def test_a_step_while_nothing_stands_moves_nothing() -> None:
    clock = Stepped(T0)
    standing = Standing([Enforcer(clock)], MemoryLedger(), clock)
    clock.apart_ns = -HOUR_NS
    standing.tick(clock.now_ns())

    outcome = standing.carry_out(throttle())
    standing.tick(clock.now_ns())

    assert outcome is not None
    assert standing.in_force[0].until_ns == outcome.until_ns


def test_who_refused_is_asked_again_though_the_clock_was_set_back() -> None:
    clock = Stepped(T0)
    enforcer = Enforcer(clock)
    actuators: list[Actuator] = [enforcer]
    levers = Levers(actuators, clock)
    containment = levers.command(throttle(), lambda _: None)
    leaving = Leaving(levers, clock)
    enforcer.fails = True
    assert leaving.let_go(containment, "by me") is None
    assert leaving.settled(clock.now_ns()) == []
    clock.apart_ns = -HOUR_NS
    clock.time_ns += AGAIN_NS
    assert leaving.settled(clock.now_ns()) == []
    assert enforcer.released == 2

    enforcer.fails = False
    clock.time_ns += AGAIN_NS
    leaving.settled(clock.now_ns())
    clock.time_ns += AGAIN_NS
    (undone,) = leaving.settled(clock.now_ns()) or leaving.settled(clock.now_ns())

    assert undone.state is State.ROLLED_BACK
    assert undone.detail == "by me; attempt 3"
