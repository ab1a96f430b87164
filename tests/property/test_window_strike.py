"""Floods close windows before their tick, the same wherever batches end."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from airnet.domain.address import address_bytes
from airnet.domain.columns import FLOOD_SCHEMA, SCHEMAS
from airnet.domain.frame import HEADER, NONE
from airnet.domain.message import MESSAGE
from airnet.domain.window import WINDOW_GATEWAY
from tests.property.test_window import START_NS, as_found, as_row, closed, expected

TARGET = "10.9.0.1"
COLUMN = {name: place for place, name in enumerate(FLOOD_SCHEMA.names)}
NO_MESSAGES = np.zeros(0, MESSAGE)


def flood(spans: list[tuple[int, int, int]], sources: int) -> NDArray[np.void]:
    """Return HEADER[n]: spells of (pause in ns, gap in ns, packets) from `sources`."""
    gaps: list[int] = []
    for pause_ns, gap_ns, count in spans:
        gaps += [pause_ns] + [gap_ns] * (count - 1)
    headers = np.zeros(len(gaps), HEADER)
    headers["time_ns"] = START_NS + np.cumsum(gaps)
    headers["frame_count"] = np.arange(len(gaps))
    headers["session"] = NONE
    headers["protocol"] = 6
    headers["tcp_flags"] = 0x02
    headers["source"] = np.frombuffer(address_bytes("198.51.100.0"), "u1")
    headers["source"][:, 15] = np.arange(len(gaps)) % sources
    headers["source_port"] = 1024 + np.arange(len(gaps)) % 7
    headers["target"] = np.frombuffer(address_bytes(TARGET), "u1")
    headers["target_port"] = 9878
    return headers


SPELLS = st.lists(
    st.tuples(
        st.sampled_from([0, 1_000, 5_000_000, 60_000_000, 300_000_000]),
        st.sampled_from([0, 2_000, 20_000, 150_000, 900_000]),
        st.integers(1, 400),
    ),
    min_size=1,
    max_size=8,
)


@given(SPELLS, st.integers(1, 5), st.sampled_from([1, 7, 64, 4096]))
def test_early_windows_equal_the_reference(
    spells: list[tuple[int, int, int]], sources: int, batch: int
) -> None:
    """Pulses of any length and rate, pauses that forget, batches of any size."""
    headers = flood(spells, sources)

    windows, rows = closed(headers, NO_MESSAGES, batch)

    wanted = expected(headers, NO_MESSAGES)
    assert len(windows) == len(wanted)
    for window, row, (key, named) in zip(windows, rows, wanted, strict=True):
        assert window["close_ns"] == key["close_ns"]
        names = SCHEMAS[int(window["kind"])].names
        assert as_found(row[: len(names)]) == as_row(named, names)


@pytest.mark.parametrize("into_ns", [1_000_000, 47_000_000])
def test_a_flood_shows_its_rate_within_a_millisecond(into_ns: int) -> None:
    """Early in a slot or late in it: a whole slot would show a tenth."""
    headers = flood([(into_ns, 50_000, 400)], 3)

    windows, rows = closed(headers, NO_MESSAGES, 4096)

    first = np.flatnonzero(windows["kind"] == WINDOW_GATEWAY)[0]
    late_ns = int(windows["close_ns"][first]) - int(headers["time_ns"][0])
    assert late_ns <= 1_000_000
    assert rows[first, COLUMN["packets"]] >= 16
    assert rows[first, COLUMN["rate"]] >= 20_000 / 10


def test_a_long_flood_costs_no_more_windows_than_ticks() -> None:
    """Only in its first 50 ms does one close before a tick, once a millisecond."""
    headers = flood([(0, 20_000, 25_000)], 3)  # half a second

    windows, _ = closed(headers, NO_MESSAGES, 4096)

    gateway = windows[windows["kind"] == WINDOW_GATEWAY]
    assert 48 <= len(gateway) <= 50 + 50


def test_chosen_ports_do_not_share_a_bit_in_every_capture() -> None:
    """Ports that seem few under one key are as many as they are under another."""
    counts = []
    for late in range(6):
        headers = flood([(late * 1_000_003, 10_000, 200)], 1)
        headers["target_port"] = 1 + np.arange(200) * 301
        windows, rows = closed(headers, NO_MESSAGES, 4096)
        which = windows["kind"] == WINDOW_GATEWAY
        counts.append(tuple(rows[which, COLUMN["ports"]].astype(int).tolist()))
    assert len(set(counts)) > 1
