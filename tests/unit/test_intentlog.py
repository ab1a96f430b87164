"""act.intentlog: whole intents and then nothing, wherever a process was killed."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from airnet.act.intentlog import IntentLog

BODIES = st.lists(st.binary(min_size=1, max_size=200), max_size=8)


@given(bodies=BODIES)
def test_what_was_written_is_pending_in_order(bodies: list[bytes]) -> None:
    room = np.zeros(4096, np.uint8)
    log = IntentLog(room)

    assert all(log.write(body) for body in bodies)

    assert list(IntentLog(room).pending()) == bodies
    log.settle(len(bodies))
    assert list(IntentLog(room).pending()) == []


@given(bodies=BODIES.filter(bool), data=st.data())
def test_a_torn_write_is_no_intent(bodies: list[bytes], data: st.DataObject) -> None:
    """Killed in the middle of the last one: those before it are whole."""
    room, before = np.zeros(4096, np.uint8), np.zeros(4096, np.uint8)
    log = IntentLog(room)
    for body in bodies[:-1]:
        log.write(body)
    before[:] = room
    log.write(bodies[-1])
    changed = np.flatnonzero(room != before)
    for place in data.draw(st.permutations(changed.tolist()))[:1]:
        room[place] ^= 0x55

    found = list(IntentLog(room).pending())

    assert found[: len(bodies) - 1] == bodies[:-1]
    assert len(found) == len(bodies) - 1


def test_no_room_is_said_and_nothing_is_overwritten() -> None:
    room = np.zeros(64, np.uint8)
    log = IntentLog(room)
    assert log.write(b"a1")

    assert not log.write(b"x" * 64)

    assert log.refused == 1
    assert list(IntentLog(room).pending()) == [b"a1"]
    log.settle(1)
    assert not log.write(b"x" * 64)
    assert log.write(b"b2")
    log.clear()
    assert list(IntentLog(room).pending()) == []


def test_it_begins_anew_only_when_all_are_settled() -> None:
    room = np.zeros(256, np.uint8)
    log = IntentLog(room)
    for number in range(3):
        log.write(b"%d" % number)
    log.settle(2)
    assert len(list(IntentLog(room).pending())) == 3
    log.write(b"3")
    log.settle(2)
    assert list(IntentLog(room).pending()) == []
    with pytest.raises(AssertionError):
        log.settle(1)


def test_garbage_is_no_intent() -> None:
    """Another version's bytes, or none of ours."""
    for room in (np.full(256, 255, np.uint8), np.arange(256, dtype=np.uint8)):
        assert list(IntentLog(room).pending()) == []
