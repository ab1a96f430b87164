"""Who gives way when every row of the session table is in use."""

import numpy as np
import pytest

from airnet.domain.address import address_bytes, address_text
from airnet.domain.frame import STREAM_OPENED
from airnet.domain.session import LOGGED_ON, SESSIONS_MAX
from tests.fakes.frames import (
    ACK,
    FIN,
    GATEWAY,
    Conversation,
    Decoded,
    Frame,
    ethernet,
    order,
    tcp,
)

SECOND = 10**9
START = 10**18
#: A row is used again when so many frames have come since it was given up.
FRAMES = 4096


def at(time_ns: int, frame: Frame) -> Frame:
    """Return a frame at another time."""
    return (START + time_ns, frame[1], frame[2])


def short(number: int, time_ns: int) -> list[Frame]:
    """Return a session that opens, sends one order and ends."""
    talk = Conversation((f"10.2.{number >> 8}.{number & 255}", 40000))
    talk.handshake()
    talk.add(0, order(number))
    talk.add(0, flags=FIN | ACK)
    talk.add(1, flags=FIN | ACK)
    return [at(time_ns, frame) for frame in talk.frames]


def stray(number: int, time_ns: int) -> Frame:
    """Return one segment of a flow nobody has seen: anybody can send it."""
    ends = ((f"10.{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", 40000),)
    return START + time_ns, 1, ethernet(tcp((*ends, GATEWAY), 7, order(1)))


def real(number: int, *, is_whole: bool) -> Conversation:
    """Return a session that both ends use."""
    talk = Conversation((f"10.3.0.{number}", 40000))
    if is_whole:
        talk.handshake()
    talk.logon()
    talk.add(0, order(2))
    talk.add(1, order(3))
    return talk


def clients(decoded: Decoded) -> list[str]:
    """Return the clients of the rows that are in use."""
    rows = decoded.decoder.sessions
    return [address_text(bytes(row["client"])) for row in rows if row["state"]]


def test_rows_of_closed_sessions_are_used_again() -> None:
    """Twice as many sessions as rows, one after the other: every one has its row."""
    count = 2 * SESSIONS_MAX
    frames = [
        frame
        for number in range(count)
        for frame in short(number, number * SECOND // 500)
    ]

    decoded = Decoded(frames, (GATEWAY,))

    assert decoded.counters["sessions"] == count
    assert decoded.counters["messages"]["D"]["up"] == count
    assert decoded.counters["sessions_reclaimed"] >= SESSIONS_MAX
    assert decoded.counters["sessions_evicted"] == 0
    assert decoded.counters["sessions_full"] == 0
    opened = decoded.headers["stream_flags"] & STREAM_OPENED != 0
    assert np.count_nonzero(opened) == count
    assert f"10.2.{count - 1 >> 8}.{count - 1 & 255}" in clients(decoded)


def test_burst_of_strangers_evicts_nobody_real() -> None:
    """200 sessions, whole and picked up in mid-course, live on through a burst."""
    talks = [real(n, is_whole=n % 2 == 0) for n in range(200)]
    frames = [at(0, frame) for talk in talks for frame in talk.frames]
    frames += [stray(n, SECOND + n * SECOND // 4000) for n in range(40_000)]
    late = []
    for talk in talks:
        late += [at(12 * SECOND, talk.add(0, order(4))) for _ in range(3)]
    newcomer = real(250, is_whole=True)
    late += [at(12 * SECOND, frame) for frame in newcomer.frames]

    decoded = Decoded([*frames, *late], (GATEWAY,))

    rows = decoded.headers[len(frames) :]
    first = decoded.headers[: len(frames)]
    known = {
        (bytes(row["source"]), int(row["source_port"])): int(row["session"])
        for row in first
        if row["message_count"] and row["time_ns"] < START + SECOND
    }
    for row in rows[:600]:
        assert not row["stream_flags"] & STREAM_OPENED
        source = bytes(row["source"]), int(row["source_port"])
        assert row["session"] == known[source]
    row = decoded.decoder.sessions[int(rows["session"][-1])]
    assert bytes(row["client"]) == address_bytes("10.3.0.250")
    assert row["state"] == LOGGED_ON
    assert row["syn_ns"]
    counters = decoded.counters
    assert counters["sessions_evicted"] + counters["midstream_full"] > 30_000


def test_longest_idle_stranger_gives_way_first() -> None:
    """Every row is a stranger's: those of two seconds later take the oldest ones."""
    frames = [stray(n, n) for n in range(6000)]
    frames += [stray(n, 2 * SECOND + n) for n in range(6000, 6000 + 2 * FRAMES)]

    decoded = Decoded(frames, (GATEWAY,))

    late = decoded.headers[6000:]
    taken = late["source"][late["stream_flags"] & STREAM_OPENED != 0]
    assert len(taken) == decoded.counters["sessions_evicted"] > SESSIONS_MAX // 8
    assert {address_text(bytes(source)) for source in taken} <= set(clients(decoded))


def test_rows_used_again_do_not_see_batches() -> None:
    """The same rows for batches of 7 and 4096, when rows change hands all the time."""
    frames = [stray(n, n * SECOND // 3000) for n in range(20_000)]
    frames += [frame for n in range(500) for frame in short(n, 7 * SECOND + n * 10**6)]

    whole, cut = (Decoded(frames, (GATEWAY,), batch) for batch in (4096, 7))

    assert whole.counters == cut.counters
    assert np.array_equal(whole.messages, cut.messages)
    assert np.array_equal(whole.headers["session"], cut.headers["session"])
    assert np.array_equal(whole.decoder.sessions, cut.decoder.sessions)
    assert whole.counters["sessions_evicted"] > 0


def silent(number: int, time_ns: int, *, says: bool) -> list[Frame]:
    """Return a whole connection that its gateway never answers a word."""
    talk = Conversation((f"10.4.{number >> 8}.{number & 255}", 40000))
    talk.handshake()
    if says:
        talk.add(0, order(number))
    return [at(time_ns, frame) for frame in talk.frames]


def newcomer(time_ns: int) -> list[Frame]:
    """Return a session that logs on, is answered, and orders."""
    return [at(time_ns, frame) for frame in real(250, is_whole=True).frames]


@pytest.mark.parametrize("says", [False, True])
def test_who_is_not_answered_gives_way_to_who_logs_on(*, says: bool) -> None:
    """More whole connections than rows, of strangers; those who trade keep theirs."""
    talks = [real(n, is_whole=n % 2 == 0) for n in range(200)]
    frames = [at(0, frame) for talk in talks for frame in talk.frames]
    for number in range(2 * SESSIONS_MAX):
        frames += silent(number, SECOND + number * SECOND // 2000, says=says)
    late = newcomer(10 * SECOND)

    decoded, cut = (Decoded([*frames, *late], (GATEWAY,), size) for size in (4096, 7))

    rows = decoded.headers[len(frames) :]
    row = decoded.decoder.sessions[int(rows["session"][-1])]
    assert bytes(row["client"]) == address_bytes("10.3.0.250")
    assert (row["state"], list(row["messages"])) == (LOGGED_ON, [2, 2])
    assert {f"10.3.0.{number}" for number in range(200)} <= set(clients(decoded))
    assert decoded.counters["sessions_full"] == 0
    assert decoded.counters["sessions_evicted"] > SESSIONS_MAX
    assert np.array_equal(decoded.headers["session"], cut.headers["session"])
    assert np.array_equal(decoded.decoder.sessions, cut.decoder.sessions)


def test_who_is_answered_keeps_a_row_for_two_heartbeats() -> None:
    """Nobody gives way to strangers who both ends have spoken with, FIX or not."""
    talks = []
    for number in range(SESSIONS_MAX):
        talk = Conversation((f"10.5.{number >> 8}.{number & 255}", 40000))
        talk.handshake()
        talk.add(0, b"\x16\x03\x01 hello")
        talk.add(1, b"\x16\x03\x03 hello")
        talks.append(talk)
    frames = [at(0, frame) for talk in talks for frame in talk.frames]
    held = set(clients(Decoded(frames, (GATEWAY,))))
    late = [
        frame
        for n in range(4000)
        for frame in silent(n, 30 * SECOND + n * SECOND // 2000, says=True)
    ]

    decoded = Decoded([*frames, *late], (GATEWAY,))

    assert held <= set(clients(decoded))
    assert decoded.counters["sessions_full"] > 0
