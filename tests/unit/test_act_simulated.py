"""act.simulated: acknowledges, touches nothing, expires by the clock."""

from airnet.act.simulated import SimulatedActuator
from airnet.clock import SimulatedClock
from airnet.domain.containment import State
from airnet.domain.decision import Action
from tests.fakes.verdicts import MS, T0, throttle


def test_it_acknowledges_once_and_cannot_verify() -> None:
    clock = SimulatedClock(T0)
    actuator = SimulatedActuator(clock)

    first = actuator.apply(throttle(), 1000 * MS)
    clock.time_ns += 10 * MS
    again = actuator.apply(throttle(), 1000 * MS)

    assert first == again
    assert first.state is State.UNVERIFIABLE
    assert first.until_ns == T0 + 1000 * MS


def test_it_ends_by_the_clock_or_by_release() -> None:
    clock = SimulatedClock(T0)
    actuator = SimulatedActuator(clock)
    first = actuator.apply(throttle(1), 1000 * MS)
    actuator.apply(throttle(2), 1000 * MS)

    actuator.release(first)
    assert actuator.in_force() == (throttle(2).id,)
    clock.time_ns += 1000 * MS
    assert actuator.in_force() == ()


def test_it_takes_everything_that_would_change_something() -> None:
    actuator = SimulatedActuator(SimulatedClock())

    assert actuator.accepts(throttle())
    assert not actuator.accepts(throttle(action=Action.OBSERVE))
