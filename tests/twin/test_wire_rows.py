"""Mode ROWS: what the decoder makes of the bytes, without most of the bytes."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from airnet._ext import stream, twin
from airnet.domain import frame, message, session
from airnet.features import Windows
from airnet.twin import rows_strike
from airnet.twin.rows_line import Trouble
from airnet.twin.rows_strike import Impairment, Strike
from tests.twin import lines

Rows = lines.Rows
Act = Callable[[twin.World], None]
SECOND_NS, START_NS = lines.SECOND_NS, lines.START_NS


def nothing(_world: twin.World) -> None:
    """Leave a world to itself."""


class Seen(NamedTuple):
    """All that came of a run."""

    headers: Rows
    messages: Rows
    sessions: Rows
    windows: bytes
    counts: dict[str, int]
    truth: bytes


class Eye:
    """Reads a world in one mode or the other, up to the windows."""

    def __init__(self, rows: dict[str, Rows], mode: int, seed: int) -> None:
        self.world = lines.build(rows, seed, mode)
        self.sessions = np.zeros(session.SESSIONS_MAX, session.SESSION)
        self.decoder = stream.Stream(self.sessions)
        self.headers = np.zeros(twin.FRAMES_LIMIT, frame.HEADER)
        self.messages = np.zeros(message.MESSAGES_MAX, message.MESSAGE)
        self.windows = Windows([], [])
        self.found: tuple[list[Rows], list[Rows], list[bytes]] = ([], [], [])
        self.is_decoded = mode == twin.ROWS
        if self.is_decoded:
            self.world.attach(self.decoder, self.headers, self.messages)

    def _take(self, first: int, last: int, count: int) -> None:
        headers, messages = self.headers[first:last], self.messages[:count]
        self.found[0].append(headers.copy())
        self.found[1].append(messages.copy())
        taken = 0
        while taken < len(headers):
            taken += self.windows.update(headers[taken:], messages)
            self.found[2].append(self.windows.windows.tobytes())
            self.found[2].append(self.windows.rows.tobytes())

    def run(self, seconds: float) -> None:
        """Read until so long after the start."""
        for count in lines.batches(self.world, seconds):
            if self.is_decoded:
                self._take(0, count, self.world.message_count)
                continue
            done = 0
            while done < count:
                rest = self.world.frames[done:count]
                found = self.decoder.decode(
                    rest, self.world.buffer, self.headers, self.messages
                )
                self._take(*found)
                done += found[1] - found[0]

    def seen(self) -> Seen:
        """Return what came of it."""
        headers = np.concatenate(self.found[0])
        headers["message_index"] = 0  # counts from the batch's start
        return Seen(
            headers,
            np.concatenate(self.found[1]),
            self.sessions,
            b"".join(self.found[2]),
            self.decoder.counts(),
            self.world.truth().tobytes(),
        )


def assert_alike(
    rows: dict[str, Rows], seconds: float, act: Act = nothing, seed: int = 7
) -> Seen:
    """Run a world both ways; everything must be the same, byte by byte."""
    seen = []
    for mode in (twin.WIRE, twin.ROWS):
        eye = Eye(rows, mode, seed)
        eye.run(seconds / 4)
        act(eye.world)
        eye.run(seconds)
        seen.append(eye.seen())
    wire, fast = seen
    assert len(wire.headers) == len(fast.headers)
    for one, other in zip(wire[:3], fast[:3], strict=True):
        for name in one.dtype.names:
            assert np.array_equal(one[name], other[name]), name
    assert wire[3:] == fast[3:]
    assert len(wire.windows) > 64
    return fast


def test_rows_are_the_decoders() -> None:
    """Orders, acknowledgements, market data, background, writes over two segments."""
    seen = assert_alike(lines.world_rows(20, split=0.02), 2)
    assert len(seen.messages) > 20_000


@pytest.mark.parametrize("kind", list(Trouble), ids=lambda kind: kind.name.lower())
def test_rows_are_the_decoders_in_trouble(kind: Trouble) -> None:
    """Whatever goes wrong with lines."""
    amounts = {"RESEND_LOOP": 20.0, "PING_PONG": 10, "DELAY": 1.5e5, "LOSS": 0.02}
    amounts |= {"LATE_LOGON": 2000, "LOW_NUMBER": 5, "MOVE": 1}
    rows = lines.world_rows(4, heartbeat_ms=2000)
    amount = amounts.get(kind.name, 0)
    rows["trouble"] = lines.trouble(kind, 2, 5, amount=amount, lines=2)
    assert_alike(rows, 10)


@pytest.mark.parametrize("form", [twin.DROP, twin.RESET, twin.LOGOUT])
def test_rows_are_the_decoders_under_containment(form: int) -> None:
    """A black hole, resets, a logout; and the way back."""

    def act(world: twin.World) -> None:
        world.block(0, form, 3, START_NS + 8 * SECOND_NS)
        world.throttle(1, 10, 5, START_NS + 8 * SECOND_NS)
        world.cancel_all(2)

    assert_alike(lines.world_rows(4, heartbeat_ms=2000), 12, act)


@pytest.mark.parametrize("kind", list(Impairment), ids=lambda kind: kind.name.lower())
def test_rows_are_the_decoders_behind_a_bad_mirror(kind: Impairment) -> None:
    """Loss, duplicates, a clock that steps, from now on and until then."""
    rows = lines.world_rows(6)
    sensor = np.zeros(1, rows_strike.SENSOR)
    sensor["kind"], sensor["direction"] = kind, rows_strike.BOTH
    sensor["onset_ns"] = START_NS + SECOND_NS
    sensor["offset_ns"] = START_NS + 2 * SECOND_NS
    sensor["rate"] = 1e6 if kind is Impairment.OVERFLOW else 0.05
    sensor["amount_ns"], sensor["run_frames"] = 20_000, 3
    if kind is Impairment.ONE_WAY:
        sensor["direction"] = 1
    rows["sensor"] = sensor
    assert_alike(rows, 4)


habit = st.tuples(
    st.sampled_from(list(Impairment)),
    st.sampled_from([rows_strike.BOTH, 0, 1]),
    st.sampled_from([1e-4, 0.003, 0.05]),
    st.integers(-200_000, 200_000),
    st.integers(1, 20),
    st.sampled_from([0.0, 0.4]),
)


@settings(max_examples=40)
@given(st.integers(0, 1000), st.lists(habit, min_size=1, max_size=4))
def test_rows_are_the_decoders_behind_a_mirror_that_is_always_bad(
    seed: int, habits: list[tuple[Impairment, int, float, int, int, float]]
) -> None:
    """Several faults at once, from the first frame on: rows need no frame for most."""
    rows = lines.world_rows(6)
    sensor = np.zeros(len(habits), rows_strike.SENSOR)
    for row, (kind, direction, rate, amount_ns, run, onset_s) in zip(
        sensor, habits, strict=True
    ):
        row["kind"], row["direction"] = kind, direction
        row["rate"], row["run_frames"] = rate, run
        row["amount_ns"] = amount_ns
        row["onset_ns"] = START_NS + int(onset_s * SECOND_NS)
        row["offset_ns"] = START_NS + 2 * SECOND_NS
        if kind is Impairment.OVERFLOW:
            row["rate"], row["amount_ns"] = 2e6, 1_000_000
        if kind is Impairment.ONE_WAY:
            row["offset_ns"] = START_NS + SECOND_NS
    rows["sensor"] = sensor
    assert_alike(rows, 2, seed=seed)


@pytest.mark.parametrize("kind", list(Strike), ids=lambda kind: kind.name.lower())
def test_rows_are_the_decoders_under_attack(kind: Strike) -> None:
    """Floods, scans, forged and repeated segments, cuts."""
    rows = lines.world_rows(6)
    strike = np.zeros(1, rows_strike.STRIKE)
    strike["kind"], strike["rate"], strike["jitter"] = kind, 500, 0.5
    strike["onset_ns"] = START_NS + SECOND_NS
    strike["offset_ns"] = START_NS + 2 * SECOND_NS
    strike["source"], strike["sources"], strike["targets"] = 7, 1, 1
    strike["line"], strike["lines"], strike["incident"] = 1, 1, 1
    strike["bytes_min"], strike["bytes_max"], strike["port"] = 40, 400, 9001
    strike["period_ns"], strike["service"], strike["answers"] = 10**8, 1, 0.5
    rows["strike"] = strike
    assert_alike(rows, 3)
    # A host that strangers' packets fill: sessions' segments wait, and are lost.
    rows["host"]["packet_ns"], rows["host"]["queue_packets"] = 3_000_000, 20
    rows["host"]["syn_backlog"], rows["host"]["syn_wait_ms"] = 8, 300
    rows["host"]["logon_ns"] = 500_000
    rows["strike"]["target"] = 1

    def act(world: twin.World) -> None:
        gateway = bytes(rows["host"][1]["address"])
        world.limit_strangers(gateway, 9001, b"", 2000, 200, START_NS + 2 * SECOND_NS)

    assert_alike(rows, 3, act)


def test_a_world_in_mode_rows_needs_a_decoder() -> None:
    """It says so, and refuses one in another mode."""
    decoder = stream.Stream(np.zeros(session.SESSIONS_MAX, session.SESSION))
    headers = np.zeros(twin.FRAMES_LIMIT, frame.HEADER)
    messages = np.zeros(message.MESSAGES_MAX, message.MESSAGE)
    with pytest.raises(ValueError, match="must be attached"):
        lines.build(lines.world_rows(2), mode=twin.ROWS).run(START_NS + 1)
    with pytest.raises(ValueError, match="mode must be ROWS"):
        lines.build(lines.world_rows(2)).attach(decoder, headers, messages)


def test_blind_worlds_live_the_same_life() -> None:
    """What nobody sees happens all the same: events, messages, counters."""
    rows = lines.world_rows(10, split=0.02)
    worlds = [lines.build(rows, mode=mode) for mode in (twin.WIRE, twin.BLIND)]
    for world in worlds:
        assert sum(1 for _ in lines.batches(world, 1))
        world.block(0, twin.DROP, 3, START_NS + 3 * SECOND_NS)
        assert sum(1 for _ in lines.batches(world, 5))
    seen, blind = worlds
    assert np.array_equal(seen.truth(), blind.truth())
    assert seen.harm() == blind.harm()
