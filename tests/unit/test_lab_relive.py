"""The lab twin's own parts: sending in batches, matching, keeping account."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from airnet.capture.recorder import Recorder
from airnet.domain.frame import FRAME
from airnet.errors import UnsupportedError
from airnet.lab.lent import Lent
from airnet.lab.likeness import Film, Likeness, film
from airnet.lab.packets import Packets, socket_in
from airnet.lab.relive import Hops
from airnet.lab.sender import Sent

MS = 1_000_000


def taken(times_ns: list[int], names: list[int]) -> Film:
    """Return a film of frames with these stamps and prints."""
    return Film(times_ns=np.array(times_ns, np.int64), prints=np.array(names, np.int64))


def rows_of(frames: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return FRAME rows and their buffer."""
    rows, place = np.zeros(len(frames), FRAME), 0
    for number, frame in enumerate(frames):
        rows[number]["time_ns"] = number
        rows[number]["offset"] = place
        rows[number]["captured_bytes"] = rows[number]["wire_bytes"] = len(frame)
        place += len(frame)
    return rows, np.frombuffer(b"".join(frames) or b"\0", np.uint8)


@given(
    st.lists(st.binary(min_size=1, max_size=1514), min_size=1, max_size=40), st.data()
)
def test_packets_arrive_whole_and_in_order(
    frames: list[bytes], data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(frames) - 1))
    count = data.draw(st.integers(1, len(frames) - first))
    rows, buffer = rows_of(frames)
    packets = Packets(64)
    packets.load(rows, buffer)
    out, into = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with out, into:
        out.setblocking(False)
        into.setblocking(False)

        done = packets.send(out.fileno(), first, count)

        got = [into.recv(2048) for _ in range(done)]
        assert 0 < done <= count
        assert got == frames[first : first + done]


def test_what_the_wire_does_not_take_is_told() -> None:
    rows, buffer = rows_of([b"x" * 100] * 3)
    packets = Packets(8)
    packets.load(rows, buffer)
    out, into = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with out, into:
        out.setblocking(False)
        while packets.send(out.fileno(), 0, 3):
            pass
    with pytest.raises(OSError, match="file descriptor"):
        packets.send(out.fileno(), 0, 3)


def test_unknown_namespace_is_said() -> None:
    with pytest.raises(UnsupportedError, match="no-such-namespace"):
        socket_in("no-such-namespace", "eth0")


def test_who_lends_nothing_waits_for_nothing_and_has_lost_nothing() -> None:
    lent = Lent(os.getpid())
    assert not lent.is_waiting("eth0")
    assert lent.lost() == 0
    lent.close()
    lent.close()


def test_film_knows_frames_by_their_bytes(tmp_path: Path) -> None:
    frames = [b"a" * 60, b"b" * 60, b"a" * 60, b"a" * 61]
    rows, buffer = rows_of(frames)
    tape = Recorder(tmp_path / "tape.pcapng")
    tape.write(rows, len(rows), buffer)
    tape.close()

    found = film(tmp_path / "tape.pcapng")

    assert found.times_ns.tolist() == [0, 1, 2, 3]
    one, other, again, longer = found.prints.tolist()
    assert one == again
    assert len({one, other, longer}) == 3


def test_all_seen_as_sent() -> None:
    sent = taken([100, 200, 300], [7, 8, 7])

    found = Likeness(sent, taken([1100, 1200, 1300], [7, 8, 7]), 1.0)

    assert (found.missing, found.foreign, found.swapped) == (0, 0, 0)
    assert found.late() == (0, 0)
    assert [found.at(time) for time in (0, 100, 150, 300, 310)] == [
        1100,
        1100,
        1200,
        1300,
        1310,
    ]


def test_lost_foreign_and_swapped_are_told_apart() -> None:
    sent = taken([1, 2, 3, 4, 5], [10, 11, 12, 13, 12])

    found = Likeness(sent, taken([1, 2, 3, 4], [11, 10, 99, 12]), 1.0)

    assert found.missing == 2
    assert found.foreign == 1
    assert found.swapped == 1


def test_late_is_beyond_the_quickest_at_any_speed() -> None:
    sent = taken([0, 10 * MS, 20 * MS], [1, 2, 3])

    found = Likeness(sent, taken([3 * MS, 5 * MS, 13 * MS], [1, 2, 3]), 2.0)

    # Due at 0, 5 and 10 ms; the second was the quickest, the others 3 ms later.
    assert found.late() == (2, 3 * MS)


def test_times_follow_the_stamps_though_the_capture_clock_steps_back() -> None:
    sent = taken([0, 1_000, 2_000, 3_000], [1, 2, 3, 4])

    found = Likeness(sent, taken([9_000, 10_000, 500, 1_500], [1, 2, 3, 4]), 1.0)

    assert found.at(1_000) == 10_000
    assert found.at(1_001) == 500
    assert found.at(4_000) == 2_500


def test_nothing_seen_is_no_error() -> None:
    found = Likeness(taken([5], [1]), taken([], []), 1.0)

    assert (found.missing, found.foreign, found.swapped) == (1, 0, 0)
    assert found.late() == (0, 0)
    assert found.at(77) == 77


COUNT = st.integers(0, 1 << 40)


@given(COUNT, COUNT, COUNT, COUNT, st.dictionaries(st.text(min_size=1), COUNT), COUNT)
def test_reasons_add_up(
    sent: int,
    took: int,
    no_room: int,
    mirrored: int,
    reasons: dict[str, int],
    recorded: int,
) -> None:
    delivered = 12
    seen = delivered + sum(reasons.values())
    counters = {**reasons, "seen": seen, "delivered": delivered}
    if set(reasons) & {"seen", "delivered"}:
        return
    hops = Hops(taken=took, no_room=no_room, mirrored=mirrored)

    lost = hops.lost(Sent(sent=sent), counters, recorded)

    assert sum(lost.values()) == sent - recorded
