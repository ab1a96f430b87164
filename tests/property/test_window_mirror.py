"""Sensor and feed windows equal their slow references, wherever batches end."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from airnet.domain.address import address_bytes
from airnet.domain.columns import SCHEMAS
from airnet.domain.frame import FEED_MOLD, FEED_RAW, HEADER, NONE
from airnet.domain.message import MESSAGE
from airnet.domain.window import WINDOW_FEED, WINDOW_SENSOR
from airnet.features import Windows
from tests.reference.window import Reference
from tests.reference.window_venue import Row

START_NS = 1_700_000_000_000_000_000
GATEWAY, GROUPS = "10.9.0.1", ("233.1.1.1", "233.1.1.2", "ff0e::7")
CLIENTS = tuple(f"10.1.0.{number}" for number in range(1, 7))
MS = 1_000_000
FLAGS = (0x100, 0x200, 0x400, 0x600, 1, 2, 0x20, 0x40)
STEPS = st.sampled_from(
    [1_000, 50_000, MS, 7 * MS, 40 * MS, 130 * MS, -30_000, -3 * MS, -40 * MS]
)

Rows = NDArray[np.void]
Found = tuple[dict[str, object], Row]


class Tape:
    """Headers and messages, one frame after the other."""

    def __init__(self) -> None:
        self.headers: list[np.void] = []
        self.messages: list[np.void] = []
        self.now_ns = START_NS

    def _frame(self, source: str, target: str, **fields: int) -> np.void:
        row = np.zeros((), HEADER)
        row["time_ns"], row["frame_count"] = self.now_ns, len(self.headers)
        row["source"] = np.frombuffer(address_bytes(source), "u1")
        row["target"] = np.frombuffer(address_bytes(target), "u1")
        row["message_index"] = len(self.messages)
        for name, value in fields.items():
            row[name] = value
        self.headers.append(row)
        return row

    def session(self, number: int, way: int, delay_ns: int, **fields: int) -> None:
        """Append a session's frame with a message, unless it says nothing."""
        ends = CLIENTS[number], GATEWAY
        if way:
            ends = GATEWAY, CLIENTS[number]
        row = self._frame(
            *ends, session=number, direction=way, protocol=6, tcp_flags=0x18, **fields
        )
        if not row["payload_bytes"]:
            return
        row["message_count"] = 1
        message = np.zeros((), MESSAGE)
        message["session"], message["direction"] = number, way
        message["kind"] = 5 if way else 1
        message["sending_ns"] = int(row["time_ns"]) - delay_ns
        self.messages.append(message)

    def feed(self, place: int, feed: int, number: int, count: int) -> None:
        """Append a datagram to a group."""
        self._frame(
            "10.9.0.9",
            GROUPS[place],
            session=NONE,
            protocol=17,
            target_port=7000,
            payload_bytes=100,
            feed=feed,
            feed_sequence=number,
            feed_messages=count,
        )

    def rows(self) -> tuple[Rows, Rows]:
        """Return everything."""
        return np.array(self.headers, HEADER), np.array(self.messages, MESSAGE)


@st.composite
def tapes(draw: st.DrawFn) -> tuple[Rows, Rows]:
    """Draw spells of frames alike: of sessions in trouble, of feeds with gaps."""
    tape, numbers = Tape(), [draw(st.integers(0, 9)) for _ in GROUPS]
    for _ in range(draw(st.integers(1, 25))):
        step_ns, often = draw(STEPS), draw(st.sampled_from([1, 3, 9, 40]))
        place, jump = draw(st.integers(0, 2)), draw(st.sampled_from([0] * 9 + [1, -1]))
        is_feed, count = draw(st.booleans()), draw(st.integers(0, 3))
        flags, delay_ns = draw(st.sampled_from([0, *FLAGS])), draw(st.integers(0, 9))
        feed = draw(st.sampled_from([FEED_MOLD, FEED_MOLD, FEED_RAW]))
        tape.now_ns += draw(st.sampled_from([0] * 20 + [1_500 * MS, 70_000 * MS]))
        for turn in range(often):
            tape.now_ns += step_ns
            if is_feed:
                numbers[place] = max(0, numbers[place] + jump * draw(st.integers(0, 5)))
                tape.feed(place, feed, numbers[place], count)
                numbers[place] += count
                continue
            tape.session(
                (place + turn) % len(CLIENTS) if often > 3 else place,
                draw(st.integers(0, 1)) if flags else turn % 2,
                delay_ns * MS + turn % 3 * 90_000,
                stream_flags=flags if turn % 4 == 1 else 0,
                payload_bytes=draw(st.sampled_from([0, 150])) if flags else 150,
                lost_bytes=7 if flags & 0x400 else 0,
            )
    return tape.rows()


def closed(headers: Rows, messages: Rows, batch: int) -> list[Found]:
    """Return the kernel's sensor and feed windows, `batch` headers at a time."""
    table, found, start = Windows([], []), [], 0
    while start < len(headers):
        start += table.update(headers[start : start + batch], messages)
        for window, row in zip(table.windows, table.rows, strict=True):
            kind = int(window["kind"])
            if kind not in (WINDOW_FEED, WINDOW_SENSOR):
                continue
            key: dict[str, object] = {
                name: window[name].item()
                for name in window.dtype.names
                if name != "address"
            }
            key["address"] = window["address"].tobytes()
            names = SCHEMAS[kind].names
            assert not row[len(names) :].any()
            values = [None if np.isnan(one) else int(one) for one in row[: len(names)]]
            found.append((key, dict(zip(names, values, strict=True))))
    return found


def expected(headers: Rows, messages: Rows) -> list[Found]:
    """Return what the reference makes of them."""
    slow = Reference([], [])
    slow.update(headers, messages)
    kinds = (WINDOW_FEED, WINDOW_SENSOR)
    limit = (1 << 24) - 1
    return [
        (key, {n: None if v is None else min(v, limit) for n, v in row.items()})
        for key, row in slow.windows
        if key["kind"] in kinds
    ]


def assert_alike(headers: Rows, messages: Rows, batch: int) -> list[Found]:
    """Hold kernel and reference equal, window by window."""
    found, wanted = closed(headers, messages, batch), expected(headers, messages)
    for (key, row), (wanted_key, wanted_row) in zip(found, wanted, strict=True):
        assert key == wanted_key
        assert row == wanted_row
    return found


@given(tapes(), st.sampled_from([1, 7, 64, 4096]))
def test_kernel_equals_its_reference(tape: tuple[Rows, Rows], batch: int) -> None:
    """Any trouble of the mirror, its clock and the feeds."""
    assert_alike(*tape, batch)


def troubled(seed: int) -> tuple[Rows, Rows]:
    """Return 40 s of six sessions and a pair of feeds, with trouble of every kind."""
    rng = np.random.Generator(np.random.PCG64(seed))
    tape, number, kind = Tape(), 1, seed % 4
    shift_ns = 0
    for turn in range(9000):
        tape.now_ns += int(rng.exponential(4.5 * MS))
        if turn == 6000 and kind == 1:
            shift_ns = 9 * MS
        flags = 0
        is_bad = 5000 < turn < 6500 and rng.random() < 0.2
        if is_bad:
            flags = int(rng.choice(FLAGS[:4]))
        way = 0 if kind == 2 and 5000 < turn < 6500 else int(rng.integers(0, 2))
        late_ns = int(rng.exponential(80_000)) + shift_ns
        tape.session(
            int(rng.integers(0, 6)),
            way,
            late_ns,
            stream_flags=flags,
            payload_bytes=int(rng.choice([0, 150, 150])),
        )
        if kind == 3 and is_bad:
            tape.headers[-1]["time_ns"] -= int(rng.integers(10_000, 5 * MS))
        if turn % 2 or 7000 < turn < 7400:
            continue
        count = int(rng.integers(kind == 3, 4))
        for place in range(2):
            if rng.random() > 0.01 and not 8000 < turn < 8005:
                tape.now_ns += 8_000
                raw = (count << 40 | number) if kind == 3 else number
                tape.feed(place, FEED_RAW if kind == 3 else FEED_MOLD, raw, count)
        number += count
    return tape.rows()


@pytest.mark.parametrize("seed", range(4))
def test_long_trouble_equals_the_reference(seed: int) -> None:
    """Baselines, epochs of clocks, pairs and found numbers turn over."""
    found = assert_alike(*troubled(seed), (1, 7, 64, 4096)[seed])
    rows = [row for key, row in found if key["kind"] == WINDOW_FEED]
    sensor = [row for key, row in found if key["kind"] == WINDOW_SENSOR]

    def most(name: str, those: list[Row]) -> int:
        return max(row[name] or 0 for row in those)

    for name in ("gaps", "missing_ms", "paired", "covered", "lag_worst_us"):
        assert most(name, rows) > 0, name
    for name in ("clients_lost", "clients_twice", "unseen_windows", "loss_share_10s"):
        assert most(name, sensor) > 0, name
    if seed == 1:
        assert most("ahead_up_share", sensor) == 1000
    if seed == 2:
        assert most("sessions_one_way", sensor) > 1
    if seed == 3:
        assert most("far_back_frames", sensor) > 0
        assert most("has_numbers", rows) == 1


#: Where a number lies, of how many bytes what counts is, from which end, and of which
#: message the number is: the first or the last.
COUNTED = st.tuples(
    st.sampled_from([(0, 4, 2), (4, 2, 2)]),
    st.sampled_from(["big", "little"]),
    st.booleans(),
)


def counted(
    way: tuple[tuple[int, int, int], str, bool], number: int, count: int
) -> int:
    """Return what a datagram begins with, whose header counts its messages."""
    (at, count_at, width), order, is_last = way
    said, data = number + count - 1 if is_last else number, bytearray(8)
    data[at : at + 4] = said.to_bytes(4, "big" if order == "big" else "little")
    data[count_at : count_at + width] = count.to_bytes(
        width, "big" if order == "big" else "little"
    )
    return int.from_bytes(data, "big")


@given(
    COUNTED,
    st.lists(st.sampled_from([1] * 30 + [2, 5, 20]), min_size=60, max_size=150),
    st.lists(st.integers(60, 149), max_size=3),
    st.sampled_from([1, 64]),
)
def test_what_a_header_counts_is_not_missing(
    way: tuple[tuple[int, int, int], str, bool],
    counts: list[int],
    lost: list[int],
    batch: int,
) -> None:
    """Whoever hardly ever says more than one message looks as if he lost some."""
    tape, number, last = Tape(), 7_000, 32 + len(counts)
    # What is missing is in the row of its 100 ms, which more of the feed has to end.
    for turn, count in enumerate([1] * 32 + counts + [1] * 6):
        tape.now_ns += 20 * MS
        if turn not in lost or turn >= last:
            tape.feed(0, FEED_RAW, counted(way, number, count), count)
        number += count
    rows = [row for key, row in assert_alike(*tape.rows(), batch)]
    gaps = sum(row.get("gaps") or 0 for row in rows)

    if not lost:
        assert gaps == 0
    elif min(lost) < last:
        assert gaps > 0
