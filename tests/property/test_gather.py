"""ext/gather.pyx keeps what its reference keeps, whatever closes in which batch."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from airnet._ext.gather import Gather
from airnet.domain.session import SESSION
from airnet.domain.window import WINDOW, WINDOW_ORDER, WINDOW_SESSION, WINDOW_VENUE
from tests.reference import gather as slow

SESSIONS = 5
WINDOWS = st.tuples(
    st.sampled_from([WINDOW_SESSION, WINDOW_ORDER, WINDOW_VENUE]),
    st.integers(0, SESSIONS - 1),
    st.integers(0, 1 << 40),
)
#: Who is renamed before a batch, and the batch.
STEPS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, SESSIONS - 1), st.integers(0, 3))),
        st.lists(WINDOWS, max_size=40),
    ),
    max_size=12,
)


@given(STEPS)
def test_all_windows_and_every_change_of_a_name_are_kept(
    steps: list[tuple[list[tuple[int, int]], list[tuple[int, int, int]]]],
) -> None:
    sessions = np.zeros(SESSIONS, SESSION)
    ours, theirs = Gather(sessions), slow.Gather(sessions)
    for turn, (renamed, closed) in enumerate(steps):
        for subject, number in renamed:
            sessions[subject]["number"] = number
            sessions[subject]["messages"] = turn  # what it does is not who it is
        windows = np.zeros(len(closed), WINDOW)
        for at, one in enumerate(closed):
            windows[at] = slow.window(*one)
        rows = np.arange(64 * len(closed), dtype=np.float32).reshape(-1, 64) + turn
        ours.take(windows, rows)
        theirs.take(windows, rows)

    found, expected = ours.gathered(), theirs.gathered()

    assert bytes(found[0]) == expected[0]
    assert found[1].tolist() == expected[1]
    assert found[2].tolist() == expected[2]
    assert bytes(found[3]) == expected[3]
    assert [part.tolist() for part in found[4:]] == list(expected[4:])


def test_it_grows() -> None:
    """Beyond the room that is taken at first, of windows as of batches."""
    sessions = np.zeros(1, SESSION)
    gather, windows = Gather(sessions), np.zeros(3, WINDOW)
    windows["kind"] = WINDOW_VENUE
    rows = np.ones((3, 64), np.float32)
    for turn in range(1500):
        windows["close_ns"] = turn
        gather.take(windows, rows)

    raw, features, batches, *_ = gather.gathered()

    ends = np.frombuffer(raw, WINDOW)["close_ns"]
    assert ends.tolist() == [turn for turn in range(1500) for _ in range(3)]
    assert features.shape == (4500, 64)
    assert batches[-1] == 4500
    assert len(batches) == 1500


def test_a_session_of_which_there_is_no_row_is_told() -> None:
    gather, windows = Gather(np.zeros(2, SESSION)), np.zeros(1, WINDOW)
    windows["kind"], windows["subject"] = WINDOW_SESSION, 2
    gather.take(windows, np.zeros((1, 64), np.float32))

    with pytest.raises(MemoryError, match="could not be kept"):
        gather.gathered()


def test_rows_must_belong_to_windows() -> None:
    gather = Gather(np.zeros(1, SESSION))

    with pytest.raises(ValueError, match="one for each window"):
        gather.take(np.zeros(2, WINDOW), np.zeros((1, 64), np.float32))
