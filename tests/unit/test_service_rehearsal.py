"""Idle hands rehearse, and an order does not wait for that."""

import threading

from airnet.act.standing import Standing
from airnet.clock import SystemClock
from airnet.domain.containment import State
from airnet.record.memory import MemoryLedger
from airnet.service.hands import Hands, Rehearsal
from tests.fakes.verdicts import drop


def test_idle_hands_rehearse_until_told_to_stop() -> None:
    played, enough = [], threading.Event()

    def play() -> None:
        played.append(threading.current_thread().name)
        if len(played) == 20:
            enough.set()

    clock = SystemClock()
    standing = Standing([], MemoryLedger(), clock)
    hands = Hands(standing, clock, rehearsal=Rehearsal(play, 500))
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
