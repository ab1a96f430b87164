"""Idle hands rehearse while frames come, and an order does not wait for that."""

import threading
from collections.abc import Callable

from airnet.act.standing import Standing
from airnet.clock import SimulatedClock, SystemClock
from airnet.config import Actuators
from airnet.domain.containment import State
from airnet.record.memory import MemoryLedger
from airnet.service.hands import QUIET_NS, Hands, Rehearsal
from tests.fakes.verdicts import drop


def coming() -> Callable[[], int]:
    """Return a count of frames that grows whenever it is asked."""
    counts = iter(range(1, 1 << 30))
    return lambda: next(counts)


def test_idle_hands_rehearse_until_told_to_stop() -> None:
    played, enough = [], threading.Event()

    def play() -> bool:
        played.append(threading.current_thread().name)
        if len(played) == 20:
            enough.set()
        return True

    clock = SystemClock()
    standing = Standing([], MemoryLedger(), clock)
    hands = Hands(
        standing, clock, rehearsal=Rehearsal(play, 500, coming(), SystemClock())
    )
    hands.start()
    assert enough.wait(10)
    decision = drop()
    hands.carry_out(decision, None)
    hands.stop()

    assert set(played) == {"hands"}
    assert hands.failure is None
    outcome = standing.outcome(decision.id)
    assert outcome is not None
    assert outcome.state is State.FAILED  # for there is no actuator, but it was tried


def test_nothing_is_rehearsed_while_no_frame_comes() -> None:
    clock, frames = SimulatedClock(), [0]
    rehearsal = Rehearsal(lambda: True, 500, lambda: frames[0], clock)
    wanted = []
    for step_ns, more in (
        (0, 1),
        (QUIET_NS - 1, 0),  # a moment without frames is no rest
        (1, 0),
        (50 * QUIET_NS, 0),
        (0, 7),  # they come again
        (QUIET_NS, 0),
    ):
        clock.time_ns += step_ns
        frames[0] += more
        wanted.append(rehearsal.is_wanted())
    assert wanted == [True, True, False, False, True, False]


def test_hands_whose_lane_has_nothing_armed_ask_fifty_times_a_second() -> None:
    played, enough = [], threading.Event()

    def play() -> bool:
        played.append(clock.mono_ns())
        if len(played) == 5:
            enough.set()
        return False

    clock = SystemClock()
    hands = Hands(
        Standing([], MemoryLedger(), clock),
        clock,
        rehearsal=Rehearsal(play, 500, coming(), clock),
    )
    hands.start()
    assert enough.wait(10)
    hands.stop()
    assert played[4] - played[0] >= 4 * 19_000_000


def test_a_shot_is_rehearsed_unless_somebody_says_no() -> None:
    assert 0 < Actuators().rehearse_us <= 1000
