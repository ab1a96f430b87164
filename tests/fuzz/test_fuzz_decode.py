"""Bytes go in; rows and counters come out; never an exception, never a crash."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from airnet.capture.pcap import PcapSource
from airnet.domain.frame import FRAME
from airnet.errors import CaptureError
from tests.fakes.frames import (
    GATEWAY,
    Conversation,
    Decoded,
    Frame,
    differences,
    message,
    order,
    refer,
)

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("AIRNET_TEST_DATA", ROOT.parent / "shared" / "data"))
FRAMES_MAX = 2000  # of one file; the reference is slow


def frames_of(path: Path) -> list[Frame]:
    """Return the first frames of a capture; none when it is no capture."""
    frames: list[Frame] = []
    rows = np.zeros(256, FRAME)
    try:
        source = PcapSource([path])
        while not source.is_exhausted and len(frames) < FRAMES_MAX:
            for row in rows[: source.poll(rows, 0)]:
                at, end = int(row["offset"]), int(row["offset"] + row["captured_bytes"])
                data = bytes(source.buffer[at:end])
                frames.append((int(row["time_ns"]), int(row["link"]), data))
        source.close()
    except CaptureError:
        pass
    return frames


@given(
    st.lists(
        st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 300), st.binary()),
        min_size=1,
        max_size=20,
    )
)
def test_any_bytes_give_one_header_a_frame(frames: list[Frame]) -> None:
    """Frames in, as many headers out, every frame counted under one reason."""
    decoded = Decoded(frames, (GATEWAY,))

    assert len(decoded.headers) == len(frames)
    assert sum(decoded.counters["frames"].values()) == len(frames)


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=30))
def test_any_flipped_byte_keeps_the_accounts(changes: list[tuple[int, int]]) -> None:
    """A session with bytes changed anywhere: the reference's rows, or none."""
    talk = Conversation()
    talk.handshake()
    talk.logon()
    for number in range(2, 12):
        talk.add(0, order(number) + message("F", f"34={number}", f"41=ID{number}"))
    frames = list(talk.frames)
    for at, value in changes:
        time_ns, link, data = frames[at % len(frames)]
        changed = bytearray(data)
        changed[at % len(changed)] = value
        frames[at % len(frames)] = (time_ns, link, bytes(changed))

    assert not differences(Decoded(frames, (GATEWAY,)), refer(frames, (GATEWAY,)))


def test_public_captures_decode_as_the_reference_does() -> None:
    """Every capture of the shared test data: hostile, odd, tunnelled, cut."""
    paths = sorted(DATA.rglob("*.pcap*"))
    if not paths:
        pytest.skip("shared test data is not here (set AIRNET_TEST_DATA)")

    wrong = []
    for path in paths:
        frames = frames_of(path)
        if frames and differences(Decoded(frames), refer(frames)):
            wrong.append(path.name)

    assert not wrong
