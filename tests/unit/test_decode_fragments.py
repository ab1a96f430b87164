"""Fragments and tunnels at their limits: floods, batches, cuts at every byte."""

import struct

import pytest

from airnet.decode import Decoder
from tests.fakes.frames import (
    CLIENT,
    GATEWAY,
    Conversation,
    Decoded,
    Frame,
    capture,
    ethernet,
    order,
    packet,
    tcp,
)
from tests.property.test_decode_tunnels import WAYS, pieces, shimmed
from tests.reference import tunnels

FRAGMENT, DATAGRAM = 4, 0x80
INNER = tcp((CLIENT, GATEWAY), 7, b"8=FIX.4.4\x01")


def halves(inner: bytes, identity: int) -> list[bytes]:
    """Return an IPv4 packet as two fragments."""
    size = (len(inner) - 20) // 16 * 8
    return pieces(inner, [(0, size, 1), (size, 65528, 0)], identity)


def test_orders_in_fragments_are_decoded_once() -> None:
    """A message over two fragments is one row, on the frame that completes it."""
    talk = Conversation(CLIENT, GATEWAY, (1, 1))
    talk.handshake()
    talk.logon()
    talk.add(0, order(2))
    time_ns, link, last = talk.frames.pop()
    frames = talk.frames + [
        (time_ns + n, link, ethernet(one))
        for n, one in enumerate(halves(last[14:], 5)[::-1])
    ]

    decoded = Decoded(frames)

    first, second = decoded.headers[-2:]
    assert int(first["reason"]) == FRAGMENT
    assert int(first["message_count"]) == 0
    assert int(second["message_count"]) == 1
    assert int(second["stream_flags"]) & DATAGRAM
    assert decoded.counters["datagrams"] == 1


@pytest.mark.parametrize("batch", [1, 7, 4096])
def test_batches_change_nothing(batch: int) -> None:
    """More datagrams than stay readable are decoded alike in batches of any size."""
    parts = [halves(INNER, number) for number in range(500)]
    frames = [
        (10**18 + n, 1, ethernet(one))
        for n, one in enumerate(one for pair in parts for one in pair)
    ]

    decoded = Decoded(frames, batch=batch)

    assert decoded.counters["datagrams"] == 500
    assert decoded.counters["datagrams_evicted"] == 0
    assert [int(row["reason"]) for row in decoded.headers] == [FRAGMENT, 0] * 500


def test_a_flood_evicts_the_oldest() -> None:
    """First fragments of many: 64 wait, each further one drops the oldest."""
    frames = [(10**18, 1, ethernet(halves(INNER, number)[0])) for number in range(1000)]
    frames += [(10**18, 1, ethernet(halves(INNER, n)[1])) for n in (0, 999)]

    decoded = Decoded(frames)

    assert decoded.counters["datagrams_evicted"] == 1000 - 64 + 1
    assert decoded.counters["datagrams"] == 1
    assert int(decoded.headers[-1]["reason"]) == 0


def test_a_datagram_waits_thirty_seconds_of_frame_time() -> None:
    """The other half is of no use when it comes too late."""
    first, second = halves(INNER, 1)
    limit_ns = 30 * 10**9

    kept = Decoded(
        [(10**18, 1, ethernet(first)), (10**18 + limit_ns, 1, ethernet(second))]
    )
    late = Decoded(
        [(10**18, 1, ethernet(first)), (10**18 + limit_ns + 1, 1, ethernet(second))]
    )

    assert kept.counters["datagrams"] == 1
    assert late.counters["datagrams"] == 0
    assert late.counters["datagrams_expired"] == 1


def test_no_datagram_is_longer_than_there_can_be() -> None:
    """A fragment that ends behind byte 65535 is refused ("ping of death")."""
    last = packet("10.0.0.1", "10.0.0.2", 1, b"x" * 100)
    bad = last[:4] + struct.pack(">HH", 1, 0x1FFF) + last[8:]

    decoded = Decoded([(1, 1, ethernet(bad))])

    assert int(decoded.headers[0]["reason"]) == FRAGMENT
    assert decoded.counters["fragments_bad"] == 1


def test_the_longest_datagram_of_the_smallest_fragments() -> None:
    """8191 fragments of eight bytes, backwards, are one datagram."""
    inner = packet("10.0.0.1", "10.0.0.2", 17, struct.pack(">HHHH", 1, 2, 65528, 0))
    inner += bytes(65520)
    places = [(at, 8, int(at < 65520)) for at in range(65520, -1, -8)]
    frames = [(1, 1, ethernet(one)) for one in pieces(inner, places, 9)]

    decoded = Decoded(frames)

    assert int(decoded.headers[-1]["payload_bytes"]) == 65520
    assert decoded.counters["datagrams"] == 1


@pytest.mark.parametrize("way", sorted(WAYS))
def test_every_cut_has_its_reason(way: str) -> None:
    """A frame cut at any byte is read as the reference reads it, or refused."""
    tags = shimmed(packet("10.9.0.1", "10.9.0.2", *WAYS[way](INNER)), ["vntag", "vlan"])
    frames: list[Frame] = [(1, 1, tags[:size]) for size in range(len(tags) + 1)]

    decoded = Decoded(frames)

    reader = tunnels.open_reader()
    for row, frame in zip(decoded.headers, frames, strict=True):
        seen = reader.read(*frame)
        assert int(row["reason"]) == seen.reason
        assert bytes(row["target"]) == seen.target
    assert int(decoded.headers[13]["reason"]) == 1


def test_levels_are_bounded() -> None:
    """Eight IP headers are read; the ninth is the reason depth."""
    inner = INNER
    reasons = []
    for _ in range(10):
        reasons.append(int(Decoded([(1, 1, ethernet(inner))]).headers[0]["reason"]))
        inner = packet("10.9.0.1", "10.9.0.2", 4, inner)

    assert reasons == [0] * 8 + [8, 8]


def test_a_run_has_one_clock() -> None:
    """Frames of another clock take the last time of the run's, then move it."""
    rows, buffer = capture((10**18 + n, 1, ethernet(INNER)) for n in range(80))
    rows["clock"][10:] = 3
    rows["time_ns"][10:] += 10**15
    decoder = Decoder([])

    headers, _ = decoder.decode(rows, buffer)

    assert set(headers["time_ns"][9:73].tolist()) == {10**18 + 9}
    assert headers["time_ns"][73:].tolist() == rows["time_ns"][73:].tolist()
    assert decoder.clock == "nic"
    assert decoder.counters()["clock_foreign"] == 64
    assert decoder.counters()["clock_moves"] == 1
