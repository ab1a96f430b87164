"""twin.closed: how many changes of state people would have seen."""

from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SimulatedClock
from airnet.record.memory import MemoryLedger
from airnet.twin.closed import TwinHands
from airnet.twin.source import WorldSource
from tests.fakes.verdicts import MS, T0, throttle
from tests.twin.strikes import build, world_of


def test_the_twin_counts_a_renewal_as_no_change_of_state() -> None:
    source = WorldSource(world_of(build("syn_flood")))
    clock = SimulatedClock(T0)
    standing = Standing([SimulatedActuator(clock)], MemoryLedger(), clock)
    hands = TwinHands(standing, clock, source)
    second = throttle(t_ns=T0 + 9000 * MS, until_ns=T0 + 19_000 * MS)

    hands.order(throttle(), None, T0)
    hands.order(second, None, T0 + 9000 * MS)
    for at_ms in (11_000, 20_000):
        clock.time_ns = T0 + at_ms * MS
        hands.settle()

    assert standing.in_force == ()
    assert hands.changes == 2
