"""A loan: whole messages or none, and whose turn it is."""

import os
import signal
import socket
import time
from collections.abc import Iterator

import pytest

from airnet._ext.shot import (
    COOKIE,
    FIRED,
    FOR_THE_LANE,
    SECONDS,
    SOURCE,
    UNTOLD,
    Loan,
    Plan,
)
from airnet.act.shots import Stage
from airnet.controller.channel import Channel, Turn
from airnet.controller.firing import WROTE, WROTE_MAGIC

BIG = bytes(1 << 23)


class Pair:
    """The lane's channel to a switch, and a loan of it."""

    def __init__(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.switch = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        listener.close()
        self.turn = Turn()
        self.channel = Channel(accepted, self.turn)
        self.read(16)  # hello and its question
        lent = (self.turn.descriptor, accepted.fileno())
        self.loan = Loan(1, [os.dup(one) for one in lent])

    def read(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            came = self.switch.recv(count - len(found))
            if not came:
                break
            found += came
        return found

    def end(self) -> None:
        self.loan.close()
        self.channel.close()
        self.switch.close()
        self.turn.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.end()


def test_both_write_to_one_connection(pair: Pair) -> None:
    assert pair.loan.write(b"from the decider")
    pair.channel.write(b", from the lane")

    assert pair.read(31) == b"from the decider, from the lane"


def test_nothing_comes_to_lie_in_a_message_that_is_half_written(pair: Pair) -> None:
    pair.channel.write(b"a" * (1 << 22))
    assert pair.channel.is_full

    assert not pair.loan.write(b"b")

    found = pair.read(1 << 20)
    while pair.channel.unsent:
        pair.channel.flush()
        found += pair.switch.recv(1 << 20)
    pair.switch.settimeout(1)
    assert pair.loan.write(b"b")
    assert found + pair.read((1 << 22) + 1 - len(found)) == b"a" * (1 << 22) + b"b"


def test_half_a_message_of_ours_ends_the_connection(pair: Pair) -> None:
    """Nobody can go on after it: the switch comes again."""
    assert not pair.loan.write(BIG)

    assert len(pair.read(len(BIG))) < len(BIG)
    with pytest.raises(ConnectionResetError):
        pair.channel.read()


def test_another_ones_turn_is_not_taken_and_ends_with_it(pair: Pair) -> None:
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        assert pair.turn.take()
        os.write(tell, b"!")
        signal.pause()
    os.read(told, 1)

    assert not pair.loan.write(b"ours")
    pair.channel.write(b"lane's")
    assert pair.channel.is_held_up
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pair.channel.flush()

    assert not pair.channel.is_held_up
    assert pair.loan.write(b" and ours")
    assert pair.read(15) == b"lane's and ours"
    for end in (told, tell):
        os.close(end)


def test_a_connection_that_is_gone_is_no_error(pair: Pair) -> None:
    pair.channel.close()

    assert not pair.loan.write(b"x")
    pair.loan.close()
    assert not pair.loan.write(b"x")
    assert not Loan().write(b"x")


def test_a_stage_takes_everything_and_keeps_nothing() -> None:
    stage = Stage()
    for _ in range(1000):
        assert stage.loan.write(b"x" * 500)
        stage.speaker.send(b"told")
        stage.clear()
    stage.close()


PLAN = Plan(
    bytes(40), b"\4\x14\0\x08\0\0\0\0", [(8, COOKIE), (28, SECONDS)], 5 << 48, 10
)


def test_what_is_fired_is_written_and_told_as_the_lane_reads_it(pair: Pair) -> None:
    lane, deaf = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    order = 3, 0xABCDEF, 9, 1 << 31 | 3 << 16 | 7
    before_ns = time.monotonic_ns()
    with lane, deaf:
        assert pair.loan.fire(PLAN, *order, lane.fileno()) == FIRED
        told = WROTE.unpack(deaf.recv(4096))

    slot, decision, seconds, xid = order
    assert told[:-1] == (WROTE_MAGIC, slot, decision, seconds, xid, pair.loan.number)
    assert before_ns <= told[-1] <= time.monotonic_ns()
    assert pair.read(48) == PLAN.filled(decision, seconds, xid)


def test_what_is_not_written_is_for_the_lane_and_a_lane_that_is_gone_is_told(
    pair: Pair,
) -> None:
    lane, deaf = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with lane:
        assert Loan().fire(PLAN, 0, 1, 1, 1, lane.fileno()) == FOR_THE_LANE
        template = Plan(bytes(40), bytes(8), [(0, SOURCE)], 0, 1, 4)
        fired = pair.loan.fire(template, 0, 1, 1, 1, lane.fileno())
        assert fired == FOR_THE_LANE, "it is about nobody"
        deaf.setblocking(False)
        with pytest.raises(BlockingIOError):
            deaf.recv(1)
        deaf.close()
        assert pair.loan.fire(PLAN, 0, 1, 1, 1, lane.fileno()) == UNTOLD
    assert len(pair.read(48)) == 48
