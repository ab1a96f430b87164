"""Host windows equal their slow reference where hosts do all that a row tells of."""

import numpy as np
import pytest
from numpy.typing import NDArray

from airnet.domain.address import address_bytes
from airnet.domain.columns import HOST_SCHEMA
from airnet.domain.frame import HEADER, NONE
from airnet.domain.message import KIND, MESSAGE
from airnet.domain.window import WINDOW_HOST
from tests.property.test_window import START_NS, as_found, as_row, closed, expected

SESSIONS = 6
HOSTS = [f"10.{net}.0.{last}" for net in (1, 1, 1, 77) for last in (1, 2, 3)]
HOSTS += ["10.9.0.1", "2001:db8::7", "2001:db9::7"]
#: Stream flags, and how likely they are.
FLAGS = [0] * 16 + [1, 2, 4, 8, 9, 0x40, 0x100, 0x200, 0x801, 0x801]


def traffic(seed: int, count: int) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return calls of every outcome, names, and sessions with others in them."""
    rng = np.random.Generator(np.random.PCG64(seed))
    headers, messages = np.zeros(count, HEADER), np.zeros(count, MESSAGE)
    gaps = rng.exponential(rng.choice([2e5, 3e6, 2e7], count // 40 + 1).repeat(40))
    headers["time_ns"] = START_NS + np.cumsum(gaps[:count]).astype(np.int64)
    headers["frame_count"] = headers["message_index"] = np.arange(count)
    ends = np.array([np.frombuffer(address_bytes(one), "u1") for one in HOSTS])
    is_session = rng.random(count) < 0.5
    owner = rng.integers(0, SESSIONS, count)
    up = rng.random(count) < 0.6
    client = ends[np.where(is_session, owner * 2, rng.integers(0, len(HOSTS), count))]
    gateway = ends[np.where(is_session, 12, rng.integers(0, len(HOSTS), count))]
    headers["source"] = np.where(up[:, None], client, gateway)
    headers["target"] = np.where(up[:, None], gateway, client)
    headers["direction"] = messages["direction"] = ~up
    headers["session"] = messages["session"] = np.where(is_session, owner, NONE)
    headers["protocol"] = np.where(is_session, 6, rng.choice([6, 6, 17, 1, 58], count))
    high, low = rng.integers(40_000, 40_006, count), rng.choice([9, 22, 53, 443], count)
    odd = rng.random(count) < 0.1
    low = np.where(odd, rng.integers(1, 60_000, count), low)
    headers["source_port"] = np.where(up, high, low)
    headers["target_port"] = np.where(up, low, high)
    calling = np.where(up, rng.choice([2, 2, 16, 24], count), 0)
    answering = rng.choice([18, 20, 20, 24], count)
    headers["tcp_flags"] = np.where(is_session, 24, np.where(up, calling, answering))
    headers["payload_bytes"] = rng.choice([0, 60, 1448, 1448], count)
    flags = np.where(is_session, rng.choice(FLAGS, count), 0)
    flags |= np.where(is_session & (rng.random(count) < 0.01), 0x20, 0)
    flags |= np.where(rng.random(count) < 0.5, 0x1000, 0)
    headers["stream_flags"] = flags
    headers["sequence"] = rng.integers(0, 40, count) * 1448 + 2**32 - 20 * 1448
    headers["link_source"] = rng.choice([7, 7, 7, 7, 8], count)
    headers["ttl"], headers["code"] = 63, rng.choice([0, 1, 3, 0x80, 0x83], count)
    headers["name_key"] = rng.integers(0, 60, count)
    headers["domain_key"] = rng.choice([1, 1, 1, 2], count)
    headers["name_bytes"] = rng.choice([5, 23, 24, 60], count)
    headers["name_letters"] = rng.choice([11, 12, 30], count)
    headers["message_count"] = is_session
    spoken = [KIND[one] for one in ("new", "heartbeat", "logon", "logon", "logout")]
    told = [KIND[one] for one in ("report", "heartbeat", "logon", "logout")]
    messages["kind"] = np.where(up, rng.choice(spoken, count), rng.choice(told, count))
    messages["malformed"] = rng.choice([0] * 15 + [3], count)
    is_mute = is_session & (rng.random(count) < 0.2)
    headers["session"] = np.where(is_mute, SESSIONS + owner, headers["session"])
    messages["session"] = headers["session"]
    for side, way in (("source", up), ("target", ~up)):
        headers[side] = np.where((is_mute & way)[:, None], ends[13], headers[side])
    messages["malformed"] = np.where(is_mute, 3, messages["malformed"])
    is_logon = messages["kind"] == KIND["logon"]
    messages["comp_key"] = np.where(is_logon, rng.integers(3, 7, count), 0)
    messages["sequence"] = np.arange(count)
    call_home(rng, headers, is_session)
    come_unasked(rng, headers, messages, is_session)
    log_on_elsewhere(headers, messages, is_session)
    say_nothing(rng, headers, messages)
    return headers, messages


def call_home(
    rng: np.random.Generator, headers: NDArray[np.void], taken: NDArray[np.bool_]
) -> None:
    """Have some hosts each call a peer of its own, and talk, in the second half."""
    free = ~taken & (rng.random(len(headers)) < 0.3)
    for place in np.flatnonzero(free[len(headers) // 2 :]) + len(headers) // 2:
        number, up = int(rng.integers(4)), rng.random() < 0.6
        home = ("11.0.0.1", "11.0.0.2", "10.1.0.200", "2a01:7:7:7::7")[number]
        ends = [HOSTS[number * 2], home][:: 1 if up else -1]
        row = headers[place]
        row["source"], row["target"] = (
            np.frombuffer(address_bytes(end), "u1") for end in ends
        )
        ports = (40_000 + place // 8, 4433)[:: 1 if up else -1]
        row["source_port"], row["target_port"] = ports
        row["protocol"] = 6
        row["tcp_flags"] = rng.choice([2, 24]) if up else rng.choice([18, 24])


def log_on_elsewhere(
    headers: NDArray[np.void], messages: NDArray[np.void], taken: NDArray[np.bool_]
) -> None:
    """Have those who trade be let in where nobody else does, one after another."""
    free = np.flatnonzero(~taken)
    for number in range(8):
        gateway = f"203.0.113.{number}" if number % 2 else f"10.9.0.{50 + number}"
        pair = [
            np.frombuffer(address_bytes(one), "u1")
            for one in (HOSTS[number % SESSIONS * 2], gateway)
        ]
        begin = len(free) * (number + 2) // 10
        for down, place in enumerate(free[begin : begin + 2]):
            row, said = headers[place], messages[place]
            row["source"], row["target"] = pair[:: -1 if down else 1]
            ports = (41_000 + number, 9)[:: -1 if down else 1]
            row["source_port"], row["target_port"] = ports
            row["protocol"], row["tcp_flags"], row["payload_bytes"] = 6, 24, 60
            row["stream_flags"], row["message_count"] = (0 if down else 0x20), 1
            row["session"] = said["session"] = 2 * SESSIONS + number
            row["direction"] = said["direction"] = down
            said["kind"], said["malformed"] = KIND["logon"], 0
            said["comp_key"] = 100 + number


def come_unasked(
    rng: np.random.Generator,
    headers: NDArray[np.void],
    messages: NDArray[np.void],
    taken: NDArray[np.bool_],
) -> None:
    """Open connections: noise of who trades, orders of strangers, and who is let in."""
    free = np.flatnonzero(~taken)[np.count_nonzero(~taken) * 6 // 10 :]
    owners = rng.integers(0, 9, len(free))
    for owner in range(9):
        kind = ("noise", "orders", "newcomer")[owner // 3]
        client = HOSTS[owner * 2] if kind == "noise" else f"10.1.0.{20 + owner}"
        for count, place in enumerate(free[owners == owner][:40]):
            row, said, up = headers[place], messages[place], True
            if kind == "newcomer":
                up = count != 1
            elif kind == "orders" and count == 30:
                up = owner == 4
            ends = [client, HOSTS[12]][:: 1 if up else -1]
            row["source"], row["target"] = (
                np.frombuffer(address_bytes(end), "u1") for end in ends
            )
            row["source_port"], row["target_port"] = (42_000, 9)[:: 1 if up else -1]
            row["protocol"], row["tcp_flags"], row["payload_bytes"] = 6, 24, 60
            row["session"] = said["session"] = 3 * SESSIONS + owner
            row["direction"] = said["direction"] = not up
            row["stream_flags"], row["message_count"] = (0 if count else 0x1020), 1
            said["malformed"] = 3 * (kind == "noise")
            said["kind"] = KIND["logon" if kind == "newcomer" else "new"]
            said["comp_key"] = 200 + owner if kind == "newcomer" else 0


def say_nothing(
    rng: np.random.Generator, headers: NDArray[np.void], messages: NDArray[np.void]
) -> None:
    """Have three sessions go on, in their second half, without a sound message up."""
    late = np.arange(len(headers)) > len(headers) // 2
    up = late & (headers["direction"] == 0) & np.isin(headers["session"], (0, 1, 2))
    headers["message_count"][up & (rng.random(len(headers)) < 0.5)] = 0
    messages["malformed"][up] = 3
    rare = rng.random(len(headers)) < 0.01
    headers["stream_flags"][up] = np.where(rare, rng.choice(FLAGS, len(headers)), 0)[up]


@pytest.mark.parametrize("seed", range(8))
def test_hosts_equal_their_reference(seed: int) -> None:
    """Every key and row, and no row tells nothing of what there is to tell."""
    headers, messages = traffic(seed, 4000)

    windows, rows = closed(headers, messages, (1, 7, 64, 4096)[seed % 4])

    wanted = expected(headers, messages)
    assert len(windows) == len(wanted)
    count = len(HOST_SCHEMA.names)
    for window, row, (key, named) in zip(windows, rows, wanted, strict=True):
        found = {name: window[name] for name in window.dtype.names}
        found["address"] = window["address"].tobytes()
        assert found == key
        if key["kind"] == WINDOW_HOST:
            assert dict(
                zip(HOST_SCHEMA.names, as_found(row[:count]), strict=True)
            ) == dict(
                zip(HOST_SCHEMA.names, as_row(named, HOST_SCHEMA.names), strict=True)
            )


def test_hosts_do_all_that_rows_tell_of() -> None:
    """The comparison above is worth something: no column stays empty."""
    most = np.zeros(len(HOST_SCHEMA.names))
    for seed in range(8):
        windows, rows = closed(*traffic(seed, 4000), 4096)
        told = rows[windows["kind"] == WINDOW_HOST][:, : len(most)]
        most = np.fmax(most, np.fmax.reduce(told))

    assert most[HOST_SCHEMA.names.index("unread_run")] >= 64
    assert most[HOST_SCHEMA.names.index("half_open")] >= 16 * 256
    silent = {
        name
        for name, value in zip(HOST_SCHEMA.names, most.tolist(), strict=True)
        if not value > 0
    }
    assert silent <= {"registered"}
