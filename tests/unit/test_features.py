"""Features: the schemas are the kernel's, limits hold, memory is fixed."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from airnet._ext import window as kernel
from airnet.domain.address import address_bytes
from airnet.domain.columns import (
    FEED_SCHEMA,
    FLOOD_SCHEMA,
    ORDER_SCHEMA,
    SCHEMAS,
    SENSOR_SCHEMA,
    SESSION_SCHEMA,
    VENUE_SCHEMA,
)
from airnet.domain.frame import HEADER, NONE
from airnet.domain.message import KIND, MESSAGE
from airnet.domain.window import (
    KINDS,
    WINDOW,
    WINDOW_SENSOR,
    WINDOW_SESSION,
    WINDOW_VENUE,
)
from airnet.features import Windows

START_NS = 1_700_000_000_000_000_000
GATEWAY = "10.9.0.1"
NO_MESSAGES = np.zeros(0, MESSAGE)
SYN = 0x02


def packets(times_s: NDArray[np.float64], source: int, flags: int) -> NDArray[np.void]:
    """Return HEADER rows of TCP packets of no session to the gateway."""
    rows = np.zeros(len(times_s), HEADER)
    rows["time_ns"] = START_NS + (times_s * 1e9).astype(np.uint64)
    rows["frame_count"] = np.arange(len(times_s))
    rows["source"] = np.frombuffer(address_bytes("198.51.100.1"), "u1")
    rows["source"][:, 12:] = np.arange(len(times_s))[:, None] * source >> [24, 16, 8, 0]
    rows["source"][:, 12] |= 1
    rows["target"] = np.frombuffer(address_bytes(GATEWAY), "u1")
    rows["target_port"] = 9878
    rows["session"] = NONE
    rows["protocol"], rows["tcp_flags"] = 6, flags
    return rows


def orders(times_s: NDArray[np.float64], session: int = 0) -> NDArray[np.void]:
    """Return MESSAGE rows of new orders of one session."""
    rows = np.zeros(len(times_s), MESSAGE)
    rows["time_ns"] = START_NS + (times_s * 1e9).astype(np.uint64)
    rows["session"], rows["kind"] = session, KIND["new"]
    rows["order_key"] = np.arange(1, len(times_s) + 1)
    rows["price"] = np.arange(len(times_s))
    return rows


def carried(messages: NDArray[np.void]) -> NDArray[np.void]:
    """Return one HEADER row for each message, in its session."""
    rows = packets(np.zeros(len(messages)), 0, 0x18)
    rows["time_ns"] = messages["time_ns"]
    rows["session"] = messages["session"]
    rows["direction"] = messages["direction"]
    rows["message_index"] = np.arange(len(messages))
    rows["message_count"] = 1
    return rows


def drain(
    table: Windows, headers: NDArray[np.void], messages: NDArray[np.void]
) -> tuple[NDArray[np.void], NDArray[np.float32]]:
    """Return every window and row of these headers."""
    windows, rows, start = [], [], 0
    while start < len(headers):
        taken = table.update(headers[start:], messages)
        assert taken or len(table.windows)
        start += taken
        windows.append(table.windows.copy())
        rows.append(table.rows.copy())
    return np.concatenate(windows), np.concatenate(rows)


def test_schemas_name_the_kernels_columns() -> None:
    """What domain says of a column is said of the column the kernel writes."""
    assert kernel.session_columns() == SESSION_SCHEMA.names
    assert kernel.flood_columns() == FLOOD_SCHEMA.names
    assert kernel.venue_columns() == VENUE_SCHEMA.names
    assert kernel.sensor_columns() == SENSOR_SCHEMA.names
    assert kernel.feed_columns() == FEED_SCHEMA.names
    assert kernel.order_columns() == ORDER_SCHEMA.names
    assert set(SCHEMAS) <= set(KINDS)
    assert all(len(s.features) <= kernel.COLUMNS for s in SCHEMAS.values())


def test_kernel_row_is_domains_row() -> None:
    """The C struct and the dtype agree in names, not only in widths."""
    assert kernel.window_dtype() == WINDOW


def test_window_closes_at_16_orders() -> None:
    """A session that sends fast is looked at before its slot ends."""
    messages = orders(np.linspace(0.0, 0.04, 40))
    table = Windows([(GATEWAY, 9878)], [])

    windows, rows = drain(table, carried(messages), messages)

    assert windows["frame_count"].tolist() == [15, 31]
    assert rows[:, SESSION_SCHEMA.index("orders")].tolist() == [16, 32]


def test_runaway_does_not_become_its_own_baseline() -> None:
    """Ten seconds at 20/s, then five at 400/s: baseline stays, the streak names it."""
    times = np.concatenate([np.arange(0, 10, 0.05), np.arange(10, 15, 0.0025)])
    messages = orders(times)
    table = Windows([(GATEWAY, 9878)], [])

    windows, rows = drain(table, carried(messages), messages)

    baseline = rows[:, SESSION_SCHEMA.index("baseline")]
    assert 180 <= baseline[-1] <= 260
    assert windows["first_ns"][-1] == pytest.approx(START_NS + 10 * 10**9, abs=10**8)
    assert windows["close_ns"][-1] > START_NS + 14 * 10**9


def test_new_regime_is_learned_after_a_minute() -> None:
    """What lasts longer than 60 s is the new normal, slowly."""
    times = np.concatenate([np.arange(0, 10, 0.05), np.arange(10, 85, 0.005)])
    messages = orders(times)
    table = Windows([(GATEWAY, 9878)], [])

    windows, rows = drain(table, carried(messages), messages)

    rows = rows[windows["kind"] == WINDOW_SESSION]
    windows = windows[windows["kind"] == WINDOW_SESSION]
    baseline = rows[:, SESSION_SCHEMA.index("baseline")]
    early = windows["close_ns"] < START_NS + 65 * 10**9
    assert baseline[early].max() < 300
    assert baseline[-1] > 600


def test_accepted_is_the_last_acknowledged_new_order() -> None:
    """Rejects and cancels do not count as accepted; a first fill does."""
    messages = orders(np.array([0.0, 0.1, 0.2, 0.3]))
    answers = orders(np.array([0.05, 0.15, 0.25, 0.35]))
    answers["direction"], answers["kind"] = 1, KIND["report"]
    answers["exec_type"] = [ord("0"), ord("8"), ord("F"), ord("4")]
    both = np.concatenate([messages, answers])
    both = both[np.argsort(both["time_ns"], kind="stable")]
    table = Windows([(GATEWAY, 9878)], [])

    drain(table, carried(both), both)

    assert table.session_accepted_ns(0) == START_NS + 250_000_000
    assert table.session_accepted_ns(9999) == 0


def test_spoofed_sources_cost_no_more_than_there_is() -> None:
    """Two million forged sources: bounded, counted, and the windows still come."""
    table = Windows([(GATEWAY, 9878)], [])
    windows = 0
    for part in range(20):
        times = part * 0.5 + np.linspace(0, 0.5, 100_000, endpoint=False)
        headers = packets(times, 2_654_435_761 + part, SYN)
        start = 0
        while start < len(headers):
            start += table.update(headers[start:], NO_MESSAGES)
            windows += len(table.windows)

    counters = table.counters()
    assert windows >= 900
    assert counters["sources_evicted"] > 1_000_000
    assert counters["targets_full"] == 0


def test_single_source_flood_names_its_source() -> None:
    """SYN packets of one host: a gateway window every 10 ms, the source after it."""
    headers = packets(np.linspace(0.0, 0.1, 500), 0, SYN)
    table = Windows([(GATEWAY, 9878)], [])

    windows, rows = drain(table, headers, NO_MESSAGES)

    assert windows["kind"][:4].tolist() == [2, 3, 2, 3]
    assert windows["port"][1] == 9878
    assert rows[1, FLOOD_SCHEMA.index("half_open_rate")] > 4000
    source = "1.0.0.0"
    assert table.source_last_ns(source) == headers["time_ns"][-1]
    assert table.source_last_ns("203.0.113.7") == 0


def test_jump_of_time_is_not_walked() -> None:
    """A century between two frames costs one tick."""
    messages = orders(np.array([0.0, 0.01]))
    headers = carried(messages)
    headers["time_ns"][1] += 3_000_000_000 * 10**9
    table = Windows([], [])

    windows, _ = drain(table, headers, messages)

    assert windows["kind"].tolist() == [WINDOW_SENSOR, WINDOW_SESSION, WINDOW_VENUE]
    assert windows["close_ns"].tolist() == [headers["time_ns"][1]] * 3


def test_time_never_goes_back() -> None:
    """A frame earlier than one before it is counted and takes that one's time."""
    messages = orders(np.array([5.0, 1.0, 5.2]))
    table = Windows([], [])

    drain(table, carried(messages), messages)

    assert table.counters()["time_backwards"] == 1
    assert table.now_ns == START_NS + 5_200_000_000


def test_kernel_refuses_buffers_of_another_shape() -> None:
    """Shapes are checked before any pointer is taken."""
    with pytest.raises(ValueError, match="rows expected"):
        kernel.WindowTable(np.zeros(3, WINDOW), np.zeros((3, 64), np.float32))
    with pytest.raises(ValueError, match="16 bytes"):
        Windows([], [])._table.add_gateway(b"short", 1)
    with pytest.raises(ValueError, match="x"):
        Windows([("x", 1)], [])


@pytest.mark.parametrize("name", ["window", "stream"])
def test_a_stale_kernel_is_refused_at_import(name: str) -> None:
    """Step works on the others' memory: of another layout it would be somebody's."""
    code = f"import airnet._ext.{name} as it; it.LAYOUT = (); import airnet._ext.step"

    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: airnet._ext.{name} and airnet._ext.step")
    assert "build both again" in last
