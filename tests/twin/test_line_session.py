"""Lines in trouble and under containment: FIX numbers, TCP, and who notices what."""

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pytest

from airnet._ext import stream, twin
from airnet.domain import frame, message, session
from airnet.twin import rows_line
from airnet.twin.rows_line import Trouble
from tests.twin import lines

SECOND_NS, START_NS = lines.SECOND_NS, lines.START_NS
UNTIL_NS = START_NS + 8 * SECOND_NS
Act = Callable[[twin.World], None]
Rows = lines.Rows


def nothing(_world: twin.World) -> None:
    """Leave a world to itself."""


class Reading:
    """A world that was run, and what the product's decoder read of it."""

    def __init__(self, rows: dict[str, Rows], act: Act = nothing) -> None:
        self.world = lines.build(rows)
        self.decoder = stream.Stream(np.zeros(session.SESSIONS_MAX, session.SESSION))
        self.messages: list[Rows] = []
        self._read(2)
        act(self.world)
        self._read(16)
        self.decoder.finish()
        self.counted = self.world.counters()

    def _read(self, seconds: float) -> None:
        headers = np.zeros(twin.FRAMES_LIMIT, frame.HEADER)
        rows = np.zeros(message.MESSAGES_MAX, message.MESSAGE)
        for count in lines.batches(self.world, seconds):
            done = 0
            while done < count:
                rest = self.world.frames[done:count]
                found = self.decoder.decode(rest, self.world.buffer, headers, rows)
                done += found[1] - found[0]
                self.messages.append(rows[: found[2]].copy())

    def agrees(self) -> bool:
        """Return whether the decoder counted what the world says passed."""
        counts = self.world.truth().sum(axis=0)
        pairs = zip(twin.TYPES, counts[0].tolist(), counts[1].tolist(), strict=True)
        said = {kind: (up, down) for kind, up, down in pairs if up or down}
        read = {chr(kind): (up, down) for kind, up, down in self.decoder.messages()}
        return read == said and not sum(self.decoder.malformed())

    def wrong_numbers(self) -> int:
        """Return how many fresh messages do not follow the one before them."""
        last: dict[tuple[int, int], int] = defaultdict(int)
        wrong = 0
        rows = np.concatenate(self.messages)
        fresh = rows[rows["flags"] & message.FLAG_POSS_DUP == 0]
        columns = ("session", "direction", "sequence", "type")
        for one in zip(*(fresh[name].tolist() for name in columns), strict=True):
            key, number = one[:2], one[2]
            wrong += key in last and number != last[key] + 1 and one[3] != ord("A")
            last[key] = number
        return wrong


def rows_of(trouble: Rows | None = None, **fields: int) -> dict[str, Rows]:
    """Return four lines with short heartbeats, and a trouble of the first two."""
    rows = lines.world_rows(4, heartbeat_ms=2000, **fields)
    if trouble is not None:
        rows["trouble"] = trouble
    return rows


#: Trouble -> its amount, how long it lasts, and counters that must then have risen.
TROUBLES: dict[Trouble, tuple[float, float, tuple[str, ...]]] = {
    Trouble.RESEND_LOOP: (20, 8, ("gap_fills", "resent")),
    Trouble.PING_PONG: (10, 8, ("gap_fills", "resend_requests")),
    Trouble.DELAY: (150_000, 8, ()),
    Trouble.CUT: (0, 8, ("resets", "resend_requests")),
    Trouble.SILENCE: (0, 11, ("timeouts", "resets", "retransmissions")),
    Trouble.LOSS: (0.02, 8, ("segments_lost", "retransmissions")),
    Trouble.LOGOUT: (0, 8, ("logouts",)),
    Trouble.MOVE: (1, 8, ("resets",)),
}


@pytest.mark.parametrize("kind", TROUBLES, ids=lambda kind: kind.name.lower())
def test_trouble_leaves_numbers_and_truth_right(kind: Trouble) -> None:
    """The decoder counts what passed; numbers follow each other; all come back."""
    amount, seconds, risen = TROUBLES[kind]
    row = lines.trouble(kind, 2, seconds, amount=amount, lines=2)
    reading = Reading(rows_of(row))
    assert reading.agrees()
    assert all(reading.counted[name] for name in risen)
    if kind != Trouble.PING_PONG:
        assert reading.wrong_numbers() == 0
    assert not any(reading.world.conserved().values())
    table = reading.world.truth()
    assert (table[:, :, twin.TYPES.index("D")].sum(axis=1) > 0).all()


def test_low_number_is_refused_and_set_right() -> None:
    """A Logon below what the gateway expects gets a Logout, and then another try."""
    rows = [
        lines.trouble(Trouble.LOW_NUMBER, 1, 20, amount=5),
        lines.trouble(Trouble.CUT, 2, 1),
    ]
    reading = Reading(rows_of(np.concatenate(rows)))
    assert reading.agrees()
    assert reading.counted["logouts"] == 2
    assert reading.counted["connects"] == 4 + 2


def test_late_logon_is_late() -> None:
    """A gateway that takes 3000 times as long lets the client wait for seconds."""
    rows = [
        lines.trouble(Trouble.LATE_LOGON, 1, 20, amount=1500),
        lines.trouble(Trouble.CUT, 2, 1),
    ]
    reading = Reading(rows_of(np.concatenate(rows)))
    found = np.concatenate(reading.messages)
    logons = found[(found["type"] == ord("A")) & (found["time_ns"] > START_NS + 2e9)]
    assert len(logons) == 2
    assert np.diff(logons["time_ns"].astype(np.int64))[0] > SECOND_NS // 2


@pytest.mark.parametrize("form", [twin.DROP, twin.RESET, twin.LOGOUT])
@pytest.mark.parametrize("directions", [1, 2, 3])
def test_containment_ends_and_the_line_comes_back(form: int, directions: int) -> None:
    """No order of the line reaches the venue meanwhile; afterwards it trades again."""

    def act(world: twin.World) -> None:
        world.block(0, form, directions, UNTIL_NS)

    reading = Reading(rows_of(), act)
    assert reading.agrees()
    assert not any(reading.world.conserved().values())
    assert reading.counted["logons"] >= 4 + (form != twin.DROP)
    found = np.concatenate(reading.messages)
    answers = found[(found["direction"] == 1) & (found["session"] == 0)]
    times = answers["time_ns"].astype(np.int64)
    if form != twin.DROP:
        assert not ((times > START_NS + 3 * SECOND_NS) & (times < UNTIL_NS)).any()
    orders = reading.world.truth()[0, 0, twin.TYPES.index("D")]
    assert orders > (found["type"][: len(found) // 4] == ord("D")).sum() // 8


def test_black_hole_is_retransmitted_then_given_up() -> None:
    """Retransmissions, then both ends give up; what was said meanwhile is asked for."""
    reading = Reading(rows_of(), lambda world: world.block(0, twin.DROP, 3, UNTIL_NS))
    assert reading.counted["retransmissions"] >= 6
    assert reading.counted["timeouts"] == 2
    assert reading.counted["resend_requests"] == 2


@pytest.mark.parametrize("ending", [1, 2, 3])
def test_endings(ending: int) -> None:
    """A line that ends stays away, in order or not."""
    fields = {"ending": ending, "close_ns": START_NS + 5 * SECOND_NS}
    reading = Reading(rows_of(None, **fields))
    assert reading.agrees()
    assert reading.counted["connects"] == 4
    assert reading.counted["logouts"] == (
        8 if ending == rows_line.Ending.LOGS_OUT else 0
    )
    last = np.concatenate(reading.messages)["time_ns"].max()
    assert last < START_NS + 12 * SECOND_NS


def test_loss_and_splits_are_repaired() -> None:
    """One segment in a hundred lost behind the mirror, one write in twenty cut."""
    reading = Reading(rows_of(None, loss=0.01, split=0.05))
    assert reading.agrees()
    assert reading.wrong_numbers() == 0
    lost = reading.counted["segments_lost"]
    assert 0 < lost <= reading.counted["retransmissions"] + 20
