"""The relay between two processes: its reference, limits, wake-ups and peers."""

import errno
import mmap
import os
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, strategies as st

from airnet._ext import relay
from airnet.domain.frame import CLOCK_FILE, FRAME, LINK_ETHERNET
from tests.netns.lab_links import wait_until
from tests.reference.relay import Relay, Taken

SIZES = st.one_of(
    st.integers(0, 200), st.integers(0, relay.FRAME_BYTES_MAX + 2), st.just(65535)
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), SIZES),
        st.tuples(st.just("publish"), st.just(0)),
        st.tuples(st.just("poll"), st.integers(1, 9)),
    ),
    min_size=10,
    max_size=80,
)


class Pair:
    """Both sides of a relay over private memory."""

    def __init__(self) -> None:
        size = relay.SHARED_BYTES + relay.DATA_BYTES_MIN
        self.memory = np.frombuffer(mmap.mmap(-1, size), np.uint8)
        self.buffer = self.memory[relay.SHARED_BYTES :]
        self.wake = os.eventfd(0, os.EFD_NONBLOCK)
        self.life, self.peer_end = os.pipe()
        self.writer = relay.Writer(self.memory, self.wake)
        self.reader = relay.Reader(self.memory, self.wake, self.life)

    def poll(self, limit: int = 8, wait_ms: int = 0) -> list[Taken]:
        """Return rows as the reference has them."""
        rows = np.zeros(limit, FRAME)
        count = self.reader.poll(rows, wait_ms)
        assert count >= 0, errno.errorcode[-count]
        found = []
        for row in rows[:count]:
            start, size = int(row["offset"]), int(row["captured_bytes"])
            assert (row["link"], row["clock"]) == (LINK_ETHERNET, CLOCK_FILE)
            assert row["wire_bytes"] == size
            data = bytes(self.buffer[start : start + size])
            found.append(Taken(start, int(row["time_ns"]), int(row["queue"]), data))
        return found

    def write(self, data: bytes, time_ns: int = 0, queue: int = 0) -> bool:
        return self.writer.write(np.frombuffer(data, np.uint8), time_ns, queue)

    def end(self) -> None:
        """Let the writer's process be gone, as the reader sees it."""
        if self.peer_end >= 0:
            os.close(self.peer_end)
            self.peer_end = -1

    def close(self) -> None:
        self.end()
        os.close(self.life)
        os.close(self.wake)

    def counts(self) -> dict[str, int]:
        told = dict(zip(relay.COUNTS, self.reader.counts(), strict=True))
        return {name: told[name] for name in ("taken", "written", "full", "oversize")}


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


@given(steps=STEPS)
def test_equals_its_reference(steps: list[tuple[str, int]]) -> None:
    """Rows, places, refusals and counts, whatever the order of the two sides."""
    pair, reference = Pair(), Relay(relay.DATA_BYTES_MIN)
    try:
        for number, (what, value) in enumerate(steps):
            if what == "write":
                data = bytes([number % 251]) * value
                expected = reference.write(data, number, number % 7)
                assert pair.write(data, number, number % 7) == expected
            elif what == "publish":
                pair.writer.publish()
                reference.publish()
            else:
                assert pair.poll(value) == reference.poll(value)
        assert pair.counts() == reference.counts
        pair.writer.publish()
        reference.publish()
        assert pair.poll(1000) == reference.poll(1000)
    finally:
        pair.close()


def test_a_full_ring_refuses_and_never_overwrites(pair: Pair) -> None:
    """Rows in the caller's hands stay what they are until the next poll."""
    frames = [bytes([i]) * 1000 for i in range(200)]
    while pair.write(frames[0]):
        pass
    pair.writer.publish()

    held = pair.poll(100)
    refused = pair.write(b"new")
    again = [bytes(pair.buffer[one.offset :][: len(one.data)]) for one in held]
    pair.poll(1)
    taken = pair.write(b"new")

    assert again == [one.data for one in held] == [frames[0]] * 100
    assert (refused, taken) == (False, True)


def test_the_longest_frame_fits_an_empty_ring_at_any_place(pair: Pair) -> None:
    """Wherever the ring stands, an empty one is never full for a legal frame."""
    for number in range(200):
        assert pair.write(bytes(number * 37 % 999))
        pair.writer.publish()
        pair.poll()
        pair.poll()
        assert pair.write(b"x" * relay.FRAME_BYTES_MAX)
        pair.writer.publish()
        assert [len(one.data) for one in pair.poll()] == [relay.FRAME_BYTES_MAX]
        pair.poll()

    assert not pair.write(bytes(relay.FRAME_BYTES_MAX + 1))
    assert pair.counts()["oversize"] == 1


def test_a_sleeping_reader_is_woken_for_every_frame(pair: Pair) -> None:
    """Two threads, frame by frame: nothing is lost, doubled, reordered or missed."""
    count = 3000
    got: list[int] = []

    def read() -> None:
        rows = np.zeros(16, FRAME)
        while len(got) < count:
            found = pair.reader.poll(rows, 5000)
            assert found > 0, "it slept although there was a frame"
            got.extend(rows["time_ns"][:found].tolist())

    reading = threading.Thread(target=read)
    reading.start()
    for number in range(count):
        wait_until(lambda number=number: pair.write(b"x" * (number % 3000), number))
        pair.writer.publish()
    reading.join(20)

    assert got == list(range(count))


def test_what_was_written_is_read_before_the_end_is_told(pair: Pair) -> None:
    """-EPIPE comes last, and again."""
    rows = np.zeros(4, FRAME)
    pair.write(b"last")
    pair.writer.publish()
    pair.end()

    assert [one.data for one in pair.poll()] == [b"last"]
    assert pair.reader.poll(rows, 1000) == -errno.EPIPE
    assert pair.reader.poll(rows, 0) == -errno.EPIPE


@pytest.mark.parametrize("word", [0, 4, 12, 1 << 31, 0xFFFFFFF8, 65544])
@pytest.mark.parametrize("place", [0, 16])
def test_memory_that_no_writer_wrote_is_refused(
    pair: Pair, word: int, place: int
) -> None:
    """A length is believed only inside of what was shown and before the end."""
    rows = np.zeros(4, FRAME)
    pair.write(b"x" * 100)
    pair.writer.publish()
    pair.buffer[place : place + 4] = np.frombuffer(word.to_bytes(4, "little"), np.uint8)

    status = pair.reader.poll(rows, 0)

    shorter = place == 16 and word in (0, 4, 12)
    assert status == (1 if shorter else -errno.EBADMSG)


def test_states_and_words_go_across(pair: Pair) -> None:
    """Why a writer failed is read where it was noticed."""
    assert pair.reader.state == relay.STARTING
    pair.writer.tell(relay.FAILED, b"no such device" + b"!" * 300)

    assert pair.reader.state == relay.FAILED
    assert pair.reader.text.startswith(b"no such device!")
    assert len(pair.reader.text) == 256
    pair.reader.ask()
    assert not pair.reader.is_answered


def test_only_memory_of_a_fitting_size_is_taken() -> None:
    """A power of two behind the page, and no less than two frames need."""
    for size in (0, 4096, 4096 + (1 << 17), 4096 + (1 << 18) + 8):
        with pytest.raises(ValueError, match="power of two"):
            relay.Reader(np.zeros(size, np.uint8), -1, -1)
