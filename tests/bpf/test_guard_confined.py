"""guard.bpf.c on whom a host is kept from: one stranger, or whoever it would call."""

import struct

import pytest

from airnet.kernel import guard
from tests.bpf.test_guard import (
    CLIENT,
    GATEWAY,
    STRANGER,
    Program,
    flow,
    loaded,
    program,
    stands,
    tcp,
)

__all__ = ["loaded", "program"]

pytestmark = pytest.mark.root

NEIGHBOUR = "10.0.1.2"
SYN, ACK = 2, 16


def flagged(frame: bytes, flags: int) -> bytes:
    """Return a SYN of `tcp` with other flags."""
    return frame[:47] + bytes([flags]) + frame[48:]


def datagram(source: str, target: str) -> bytes:
    """Return a datagram: the SYN's protocol changed."""
    frame = tcp(source, 5353, target, 53)
    return frame[:23] + b"\x11" + frame[24:]


def part(frame: bytes, offset: int) -> bytes:
    """Return the first part of a datagram in parts, or a later one."""
    return frame[:20] + struct.pack("!H", 0x2000 | offset) + frame[22:]


def test_a_host_is_kept_from_one_stranger_and_nobody_else(program: Program) -> None:
    tables = program.tables
    tables.confined.update(guard.pair_key(CLIENT, STRANGER), stands())
    tables.known.update(guard.flow_key(CLIENT, 40_000, STRANGER, 9878), bytes(8))
    to = tcp(CLIENT, 40_000, STRANGER, 9878)

    for frame in (to, flagged(to, ACK), datagram(CLIENT, STRANGER), part(to, 5)):
        assert program.ends(frame) == ["confined"]
    for frame in (
        tcp(CLIENT, 1, GATEWAY, 9878),
        tcp(CLIENT, 1, NEIGHBOUR, 22),
        tcp(NEIGHBOUR, 1, STRANGER, 443),
        tcp(STRANGER, 443, CLIENT, 1),
    ):
        assert program.ends(frame) == ["passed"]


def test_a_host_begins_no_connection_but_where_orders_are_taken(
    program: Program,
) -> None:
    tables = program.tables
    tables.confined.update(guard.pair_key(CLIENT, ""), stands())
    for key in guard.place_keys(GATEWAY, 9878):
        tables.places.update(key, bytes(8))
    tables.spared.update(guard.prefix_key("10.0.9.0/24"), bytes(8))
    out = tcp(CLIENT, 1, NEIGHBOUR, 22)

    assert program.ends(out) == ["confined"]
    assert program.ends(part(tcp(CLIENT, 1, NEIGHBOUR, 22), 0)) == ["confined"]
    for frame in (
        flagged(out, ACK),  # what is open goes on
        flagged(out, SYN | ACK),  # and who calls it is answered
        datagram(CLIENT, NEIGHBOUR),
        part(out, 5),
        tcp(CLIENT, 1, GATEWAY, 22),
        tcp(CLIENT, 1, NEIGHBOUR, 9878),  # a standby has the gateway's port
        tcp(CLIENT, 1, "10.0.9.7", 22),
        tcp(NEIGHBOUR, 1, "10.0.1.3", 22),
    ):
        assert program.ends(frame) == ["passed"]


def test_a_known_session_connects_whatever_its_host_is_blamed_for(
    program: Program,
) -> None:
    program.tables.confined.update(guard.pair_key(CLIENT, ""), stands())
    program.tables.known.update(flow(), bytes(8))

    assert program.ends(tcp(CLIENT, 40_000, GATEWAY, 9878)) == ["allowed"]


def test_a_confinement_ends_by_itself(program: Program) -> None:
    ended = guard.Rule(until_ns=1).packed()
    for target in (STRANGER, ""):
        program.tables.confined.update(guard.pair_key(CLIENT, target), ended)

    assert program.ends(tcp(CLIENT, 1, STRANGER, 443)) == ["passed"]


def test_who_is_protected_is_not_held_to_it(program: Program) -> None:
    program.tables.confined.update(guard.pair_key(CLIENT, STRANGER), stands())
    program.tables.spared.update(guard.prefix_key(CLIENT), bytes(8))

    assert program.ends(tcp(CLIENT, 1, STRANGER, 443)) == ["spared"]
