"""How sessions end, and who says nothing, equal their slow reference."""

import numpy as np
import pytest
from numpy.typing import NDArray

from airnet.domain.address import address_bytes
from airnet.domain.columns import VENUE_SCHEMA
from airnet.domain.frame import HEADER
from airnet.domain.message import KIND, MESSAGE
from airnet.domain.window import WINDOW_VENUE
from tests.property.test_window import (
    GATEWAYS,
    PORT,
    START_NS,
    as_found,
    as_row,
    closed,
    expected,
)

SESSIONS = 12
CLIENTS = [f"10.1.{host}.7" for host in range(5)]
#: FIN, RST, or neither; a flow that is over says so with its last frame.
ENDS = [0x18] * 60 + [0x11, 0x14, 0x04]
SPOKEN = ("new", "heartbeat", "heartbeat", "test_request", "logout", "logon")
COLUMNS = (
    "sessions_cut",
    "cut_share",
    "cut_hosts",
    "sessions_unheard",
    "unheard_hosts",
)


def partings(seed: int, count: int) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return sessions that are begun anew, fall silent, and end in every way."""
    rng = np.random.Generator(np.random.PCG64(seed))
    headers, messages = np.zeros(count, HEADER), np.zeros(count, MESSAGE)
    gaps = rng.exponential(rng.choice([2e5, 5e6, 3e8], count // 50 + 1).repeat(50))
    headers["time_ns"] = START_NS + np.cumsum(gaps[:count]).astype(np.int64)
    headers["frame_count"] = headers["message_index"] = np.arange(count)
    owner = rng.integers(0, SESSIONS, count)
    # For a while a gateway says nothing at all.
    is_silent = (np.arange(count) // 200 % 3 == 2) & (rng.random(count) < 0.97)
    up = (rng.random(count) < 0.5) | is_silent
    clients = [np.frombuffer(address_bytes(one), "u1") for one in CLIENTS]
    client = np.array(clients)[owner % len(CLIENTS)]
    gateway = np.frombuffer(address_bytes(GATEWAYS[0]), "u1")
    headers["source"] = np.where(up[:, None], client, gateway)
    headers["target"] = np.where(up[:, None], gateway, client)
    headers["source_port"] = np.where(up, 40_000 + owner, PORT)
    headers["target_port"] = np.where(up, PORT, 40_000 + owner)
    headers["direction"] = messages["direction"] = ~up
    headers["session"] = messages["session"] = owner
    headers["protocol"], headers["payload_bytes"] = 6, 60
    headers["tcp_flags"] = rng.choice(ENDS, count)
    is_over = (headers["tcp_flags"] & 4 > 0) | (rng.random(count) < 0.01)
    headers["stream_flags"] = np.where(is_over, 0x40, 0)
    headers["stream_flags"][rng.random(count) < 0.03] |= 0x20
    headers["message_count"] = 1
    said = rng.choice(SPOKEN, count, p=[0.15, 0.4, 0.3, 0.1, 0.02, 0.03])
    answered = rng.choice(["report", "heartbeat"], count)
    messages["kind"] = [KIND[one] for one in np.where(up, said, answered)]
    messages["order_key"] = np.arange(1, count + 1)
    return headers, messages


@pytest.mark.parametrize("seed", range(4))
def test_how_sessions_end_equals_the_reference(seed: int) -> None:
    """Who ended which at once, and whose Heartbeats nobody answered."""
    headers, messages = partings(seed, 4000)

    windows, rows = closed(headers, messages, (1, 64, 500, 4096)[seed])

    wanted = expected(headers, messages)
    venues = rows[windows["kind"] == WINDOW_VENUE]
    for name in COLUMNS:
        assert len(np.unique(venues[:, VENUE_SCHEMA.index(name)])) > 2, name
    found = [as_found(row[: len(VENUE_SCHEMA.names)]) for row in venues]
    assert found == [
        as_row(named, VENUE_SCHEMA.names)
        for key, named in wanted
        if key["kind"] == WINDOW_VENUE
    ]
