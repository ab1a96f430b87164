"""The window kernel equals its slow reference, whatever the batch size."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from airnet.domain.address import address_bytes
from airnet.domain.columns import SCHEMAS, VENUE_SCHEMA
from airnet.domain.frame import HEADER, NONE
from airnet.domain.message import MESSAGE
from airnet.domain.window import FEATURE_LIMIT
from airnet.features import Windows
from tests.reference.window import Reference
from tests.reference.window_venue import Row

START_NS = 1_700_000_000_000_000_000
GATEWAYS = ("10.9.0.1", "10.9.0.2")
PORT = 9
HOSTS = ("10.1.0.1", "10.1.0.2", "10.1.0.3", "172.16.0.9", "2001:db8::7", "224.0.0.5")
SITE_HOSTS = ("10.1.0.1",)
SESSIONS = 4

MESSAGES = st.fixed_dictionaries(
    {
        "sequence": st.integers(0, 40),
        "order_key": st.integers(0, 12),
        "original_key": st.integers(0, 12),
        "symbol_key": st.integers(0, 2),
        "price": st.integers(-2, 2),
        "quantity": st.sampled_from([-1, 0, 10**8, 3 * 10**9, (1 << 63) - 1]),
        "bytes": st.integers(0, 400),
        "flags": st.sampled_from([0, 0, 0, 1, 2]),
        "layout": st.sampled_from([0, 1, 2, 77, 128]),
        "kind": st.integers(0, 14),
        "direction": st.integers(0, 1),
        "malformed": st.sampled_from([0, 0, 0, 0, 3]),
        "side": st.sampled_from([49, 50]),
        "exec_type": st.sampled_from([0, 48, 49, 50, 56, 70]),
        "order_status": st.sampled_from([0, 48, 50]),
        "comp_key": st.sampled_from([0, 0, 0, 5, 7]),
    }
)
FLAGS = [1, 1, 2, 8, 9, 0x20, 0x40, 0x40, 0x80, 0x100, 0x801, 0x801]
STEPS = st.sampled_from(
    [0, 1_000, 300_000, 2_000_000, 9_000_000, 60_000_000, 400_000_000, -5_000_000]
)
JUMPS = st.sampled_from([0] * 30 + [1_500_000_000, 12_000_000_000])


@st.composite
def frames(draw: st.DrawFn) -> tuple[dict[str, int | bytes], list[dict[str, int]], int]:
    """One frame: header fields, its messages, how often it comes in a row."""
    gateway, host = draw(st.sampled_from(GATEWAYS)), draw(st.sampled_from(HOSTS))
    up = draw(st.booleans())
    ends = (host, gateway) if up else (gateway, host)
    is_session = draw(st.booleans())
    session = draw(st.integers(0, SESSIONS - 1)) if is_session else NONE
    header: dict[str, int | bytes] = {
        "source": address_bytes(ends[0]),
        "target": address_bytes(ends[1]),
        "source_port": draw(st.sampled_from([53, 1024, 40_000])),
        "target_port": draw(st.integers(1, 12)),
        "payload_bytes": draw(st.sampled_from([0, 60, 1448])),
        "session": session,
        "stream_flags": draw(st.sampled_from([0] * 8 + FLAGS)),
        "protocol": 6 if is_session else draw(st.sampled_from([6, 6, 6, 17, 1, 47])),
        "tcp_flags": draw(st.sampled_from([0x02, 0x12, 0x10, 0x18, 0x04, 0x14])),
        "direction": 0 if up else 1,
        "reason": draw(st.sampled_from([0, 0, 0, 0, 0, 4, 8, 1])),
        "sequence": draw(st.sampled_from([0, 60, 1448, 90_000, 2**32 - 30])),
        "link_source": draw(st.sampled_from([7, 7, 7, 8])),
        "ttl": draw(st.sampled_from([63, 63, 64])),
        "name_key": draw(st.integers(0, 9)),
        "domain_key": draw(st.sampled_from([1, 1, 2])),
        "name_bytes": draw(st.sampled_from([0, 23, 24, 90])),
        "name_letters": draw(st.sampled_from([3, 12, 30])),
        "code": draw(st.sampled_from([0, 1, 3, 0x80, 0x83])),
    }
    messages = draw(st.lists(MESSAGES, max_size=3)) if is_session else []
    return header, messages, draw(st.sampled_from([1, 1, 2, 20, 45]))


@st.composite
def captures(draw: st.DrawFn) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """HEADER[n] and MESSAGE[m] of a capture."""
    headers, messages = [], []
    time_ns = START_NS + draw(st.integers(0, 10**9))
    for header, held, often in draw(st.lists(frames(), min_size=1, max_size=40)):
        step_ns, jump_ns = draw(STEPS), draw(JUMPS)
        time_ns += jump_ns
        for _ in range(often):
            time_ns += step_ns
            row = np.zeros((), HEADER)
            for name, value in header.items():
                is_address = isinstance(value, bytes)
                row[name] = np.frombuffer(value, "u1") if is_address else value
            row["time_ns"], row["frame_count"] = time_ns, len(headers)
            row["message_index"], row["message_count"] = len(messages), len(held)
            headers.append(row)
            for fields in held:
                message = np.zeros((), MESSAGE)
                for name, value in fields.items():
                    message[name] = value
                message["session"] = header["session"]
                messages.append(message)
    return np.array(headers, HEADER), np.array(messages, MESSAGE)


def closed(
    headers: NDArray[np.void], messages: NDArray[np.void], batch: int
) -> tuple[NDArray[np.void], NDArray[np.float32]]:
    """Return every window and row the kernel makes, `batch` headers at a time."""
    table = Windows([(address, PORT) for address in GATEWAYS], SITE_HOSTS)
    windows, rows, start = [], [], 0
    while start < len(headers):
        part = headers[start : start + batch]
        start += table.update(part, messages)
        windows.append(table.windows.copy())
        rows.append(table.rows.copy())
    return np.concatenate(windows), np.concatenate(rows)


def expected(
    headers: NDArray[np.void], messages: NDArray[np.void]
) -> list[tuple[dict[str, object], Row]]:
    """Return what the reference makes of them."""
    slow = Reference(
        [(address_bytes(address), PORT) for address in GATEWAYS],
        [address_bytes(address) for address in SITE_HOSTS],
    )
    slow.update(headers, messages)
    return slow.windows


def as_row(named: Row, names: Sequence[str]) -> list[int | None]:
    """Return a reference row's columns in order, saturated; None is missing."""
    values = [named[name] for name in names]
    return [None if value is None else min(value, FEATURE_LIMIT) for value in values]


def as_found(row: NDArray[np.float32]) -> list[float | None]:
    """Return a kernel's row, None where it says NaN, of one pattern of bits only."""
    missing = np.isnan(row)
    assert set(row.view("<u4")[missing].tolist()) <= {0x7FC00000}
    pairs = zip(row.tolist(), missing.tolist(), strict=True)
    return [None if is_missing else value for value, is_missing in pairs]


def kind_of(key: dict[str, object]) -> int:
    """Return the kind of a reference's window."""
    kind = key["kind"]
    assert isinstance(kind, int)
    return kind


def traffic(seed: int, count: int) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return a long capture of sessions, handshakes, refusals and floods."""
    rng = np.random.Generator(np.random.PCG64(seed))
    pace = rng.choice([1e5, 5e5, 3e6, 6e7], count // 50 + 1).repeat(50)[:count]
    gaps = rng.exponential(pace).astype(np.int64)
    gaps[rng.integers(0, count, 3)] += [300_000_000, 950_000_000, 4_000_000_000]
    ends = np.array([np.frombuffer(address_bytes(one), "u1") for one in HOSTS[:5]])
    gateways = np.array([np.frombuffer(address_bytes(one), "u1") for one in GATEWAYS])
    up = rng.random(count) < 0.6
    client = ends[rng.integers(0, 5, count)]
    gateway = gateways[rng.integers(0, 2, count)]
    headers, messages = np.zeros(count, HEADER), np.zeros(count, MESSAGE)
    headers["time_ns"] = START_NS + np.cumsum(gaps)
    headers["frame_count"] = headers["message_index"] = np.arange(count)
    headers["source"] = np.where(up[:, None], client, gateway)
    headers["target"] = np.where(up[:, None], gateway, client)
    headers["direction"] = messages["direction"] = ~up
    in_session = (
        rng.random(count) < rng.choice([0.1, 0.9], count // 200 + 1).repeat(200)[:count]
    )
    spells = rng.integers(0, SESSIONS, count // 300 + 1).repeat(300)[:count]
    owner = np.where(rng.random(count) < 0.8, spells, rng.integers(0, SESSIONS, count))
    headers["session"] = np.where(in_session, owner, NONE)
    headers["message_count"] = in_session
    protocol = rng.choice([6, 6, 6, 17, 1], count)
    headers["protocol"] = np.where(in_session, 6, protocol)
    headers["tcp_flags"] = rng.choice([0x02, 0x02, 0x12, 0x10, 0x18, 0x14], count)
    headers["target_port"] = rng.choice([9878, 9878, 80, *range(100, 112)], count)
    headers["payload_bytes"] = rng.choice([0, 60, 1448], count)
    messages["session"] = headers["session"]
    order, answer = (
        rng.choice([1, 1, 1, 2, 3, 4, 10], count),
        rng.choice([5, 5, 6, 7], count),
    )
    messages["kind"] = np.where(up, order, answer)
    messages["order_key"] = rng.integers(0, 600, count)
    messages["exec_type"] = rng.choice([48, 56, 70], count)
    messages["sequence"] = np.arange(count) + (rng.random(count) < 0.02)
    messages["price"] = rng.integers(0, 5, count)
    messages["quantity"] = rng.integers(0, 9, count) * 10**8
    messages["side"] = rng.choice([49, 50, 51], count)
    messages["symbol_key"] = rng.integers(0, 40, count) * 0x9E3779B97F4A7C1
    messages["original_key"] = rng.integers(0, 600, count)
    messages["bytes"] = 150
    odd = np.random.Generator(np.random.PCG64(seed + 1000))
    headers["source_port"] = odd.choice([53, 9878, 40_000, 40_001], count)
    headers["sequence"] = odd.integers(0, 40, count) * 1448
    headers["link_source"] = odd.choice([7, 7, 7, 7, 8], count)
    headers["ttl"], headers["code"] = 63, odd.choice([0, 3, 0x83], count)
    headers["stream_flags"] |= odd.choice([0] * 9 + [1, 8, 0x801], count).astype("u2")
    headers["name_key"] = odd.integers(0, 40, count)
    headers["domain_key"] = odd.choice([1, 1, 1, 2], count)
    headers["name_bytes"] = odd.choice([5, 60], count)
    headers["name_letters"] = 20
    messages["comp_key"] = np.where(messages["kind"] == 8, odd.integers(3, 6, count), 0)
    return headers, messages


@pytest.mark.parametrize("seed", range(6))
def test_long_traffic_equals_the_reference(seed: int) -> None:
    """Idle spells, jumps, tables that turn over, handshakes of every outcome."""
    headers, messages = traffic(seed, 5000)

    windows, rows = closed(headers, messages, (1, 7, 64, 4096)[seed % 4])

    wanted = expected(headers, messages)
    assert len(windows) == len(wanted) > 100
    for window, row, (key, named) in zip(windows, rows, wanted, strict=True):
        names = SCHEMAS[kind_of(key)].names
        assert [window[name] for name in key if name != "address"] == [
            value for name, value in key.items() if name != "address"
        ]
        assert as_found(row[: len(names)]) == as_row(named, names)


@given(captures(), st.sampled_from([1, 7, 64, 4096]))
def test_kernel_equals_its_reference_at_any_batch_size(
    capture: tuple[NDArray[np.void], NDArray[np.void]], batch: int
) -> None:
    """Same keys and same rows as the slow twin, wherever batches end."""
    headers, messages = capture

    windows, rows = closed(headers, messages, batch)

    wanted = expected(headers, messages)
    assert len(windows) == len(wanted)
    for window, row, (key, named) in zip(windows, rows, wanted, strict=True):
        found = {name: window[name] for name in window.dtype.names}
        found["address"] = window["address"].tobytes()
        assert found == key
        names = SCHEMAS[kind_of(key)].names
        assert dict(zip(names, as_found(row), strict=False)) == dict(
            zip(names, as_row(named, names), strict=True)
        )
        assert not row[len(names) :].any()


@pytest.mark.parametrize("batch", [1, 7, 64, 4096])
def test_long_quiet_and_burst_equal_the_reference(batch: int) -> None:
    """Thirty seconds of trading with a runaway: baselines, market and streaks agree."""
    rng = np.random.Generator(np.random.PCG64(11))
    quiet = np.sort(rng.uniform(0, 30, 2400))
    burst = np.sort(rng.uniform(22, 23.5, 600))
    times = np.concatenate([quiet, burst])
    owners = np.concatenate([rng.integers(0, 4, 2400), np.full(600, 2)])
    order = np.argsort(times, kind="stable")
    headers, messages = np.zeros(3000, HEADER), np.zeros(3000, MESSAGE)
    headers["time_ns"] = START_NS + (times[order] * 1e9).astype(np.uint64)
    headers["session"] = messages["session"] = owners[order]
    headers["message_index"] = headers["frame_count"] = np.arange(3000)
    headers["message_count"] = 1
    headers["protocol"], headers["tcp_flags"] = 6, 0x18
    headers["target"] = np.frombuffer(address_bytes(GATEWAYS[0]), "u1")
    messages["kind"] = 1 + rng.choice(4, 3000)
    messages["order_key"] = rng.integers(1, 1 << 63, 3000)
    messages["price"] = rng.integers(0, 6, 3000)

    windows, rows = closed(headers, messages, batch)

    wanted = expected(headers, messages)
    assert [key["first_ns"] for key, _ in wanted] == windows["first_ns"].tolist()
    assert any(key["first_ns"] for key, _ in wanted)
    for row, (key, named) in zip(rows, wanted, strict=True):
        names = SCHEMAS[kind_of(key)].names
        assert as_found(row[: len(named)]) == as_row(named, names)


def day(seed: int) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return a day at one venue: SYN, Logon, orders and their answers, which step up.

    Some frames come again, some orders are refused or never answered, and one session
    ends; so every memory of a venue turns over.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    events: list[tuple[int, dict[str, int], dict[str, int]]] = []
    at = 0
    for session in range(SESSIONS):
        port, at = 40_000 + session, session * 30_000_000
        frame = {"session": session, "port": port, "tcp_flags": 0x18}
        syn = {"session": NONE, "port": port, "tcp_flags": 0x02}
        events.append((at, {**syn}, {}))
        late = int(rng.integers(50_000, 400_000))
        events.append((at + late, {**syn, "tcp_flags": 0x12, "direction": 1}, {}))
        for direction in (0, 1):
            wait = 1_000_000 + direction * int(rng.integers(200_000, 90_000_000))
            down = {**frame, "direction": direction}
            events.append((at + wait, down, {"kind": 8, "direction": direction}))
    for number in range(1, 2500):
        session = int(rng.integers(0, SESSIONS))
        at += int(rng.exponential(4_000_000))
        frame = {"session": session, "port": 40_000 + session, "payload_bytes": 150}
        order = {"kind": int(rng.choice([1, 1, 1, 2, 4])), "order_key": number}
        again = int(rng.random() < 0.02)
        events.append((at, {**frame, "stream_flags": again}, order))
        late = int(rng.exponential(60_000)) + (150_000 if number < 1800 else 400_000)
        refused = rng.random() < (0.9 if 2200 < number < 2400 else 0.05)
        answer = {"kind": 5, "exec_type": 56 if refused else 48, "order_key": number}
        if rng.random() < 0.97:
            down = {**frame, "direction": 1, "stream_flags": again}
            events.append((at + late, down, {**answer, "direction": 1}))
    end = {"session": 1, "port": 40_001, "stream_flags": 0x40}
    events.append((at - 500_000_000, end, {}))
    events.sort(key=lambda event: event[0])
    headers = np.zeros(len(events), HEADER)
    messages = np.zeros(sum(bool(event[2]) for event in events), MESSAGE)
    client, gateway = HOSTS[1], GATEWAYS[0]
    held = 0
    for place, (time_ns, frame, message) in enumerate(events):
        row = headers[place]
        for name, value in frame.items():
            if name != "port":
                row[name] = value
        up = not frame.get("direction")
        ports = (frame["port"], PORT) if up else (PORT, frame["port"])
        row["source_port"], row["target_port"] = ports
        ends = (client, gateway) if up else (gateway, client)
        row["source"] = np.frombuffer(address_bytes(ends[0]), "u1")
        row["target"] = np.frombuffer(address_bytes(ends[1]), "u1")
        row["time_ns"], row["frame_count"] = START_NS + time_ns, place
        row["protocol"] = 6
        row["message_index"], row["message_count"] = held, bool(message)
        for name, value in message.items():
            messages[held][name] = value
        held += bool(message)
    return headers, messages


@pytest.mark.parametrize("seed", range(3))
def test_a_day_at_a_venue_equals_the_reference(seed: int) -> None:
    """Latencies, their step, rejects, logons, handshakes, silence, a session's end."""
    headers, messages = day(seed)

    windows, rows = closed(headers, messages, (1, 64, 4096)[seed])

    wanted = expected(headers, messages)
    venues = rows[windows["kind"] == 4]
    for name in (
        "ack_risen_batches",
        "ack_rise_us",
        "reject_share_1s",
        "sessions_rejected",
        "logon_wait_us",
        "handshake_last_us",
        "tcp_ack_mean_us",
        "silence_us",
        "retransmits_down",
        "sessions_lost",
    ):
        assert np.nanmax(venues[:, VENUE_SCHEMA.index(name)]) > 0, name
    for window, row, (key, named) in zip(windows, rows, wanted, strict=True):
        names = SCHEMAS[kind_of(key)].names
        assert {name: window[name] for name in key if name != "address"} == {
            name: value for name, value in key.items() if name != "address"
        }
        assert dict(zip(names, as_found(row), strict=False)) == dict(
            zip(names, as_row(named, names), strict=True)
        )
