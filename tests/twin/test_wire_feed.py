"""Market data and background of the twin: in step, in order, and what tshark reads."""

import struct
from pathlib import Path

import numpy as np
import pytest

from airnet._ext import twin
from tests.twin import lines
from tests.twin.test_wire_bytes import WRONG, tshark

#: Bytes of each message of Nasdaq TotalView-ITCH 5.0 that books make.
ITCH_BYTES = {b"A": 36, b"X": 23, b"D": 19, b"E": 31, b"P": 44, b"H": 25}
PORT_A, PORT_B = 26_400, 26_401
Packet = tuple[int, list[bytes]]


def packets(world: twin.World, seconds: float, group: int) -> dict[int, list[Packet]]:
    """Return the MoldUDP64 packets of a feed's two ports: number, messages."""
    found: dict[int, list[Packet]] = {PORT_A: [], PORT_B: []}
    for count in lines.batches(world, seconds):
        for row in world.frames[:count]:
            at = int(row["offset"])
            raw = world.buffer[at : at + int(row["captured_bytes"])].tobytes()
            if raw[12:14] != b"\x08\x00" or raw[23] != 17 or raw[33] != group:
                continue
            port = int.from_bytes(raw[36:38], "big")
            if port in found:
                found[port].append(mold(raw[42 : 34 + int.from_bytes(raw[38:40])]))
    return found


def mold(payload: bytes) -> Packet:
    """Return a packet's sequence number and messages."""
    number, count = struct.unpack("!QH", payload[10:20])
    messages, at = [], 20
    for _ in range(count):
        size = int.from_bytes(payload[at : at + 2], "big")
        messages.append(payload[at + 2 : at + 2 + size])
        at += 2 + size
    assert at == len(payload)
    return number, messages


def test_feeds_are_in_order_and_alike() -> None:
    """Numbers follow each other, on A as on B; every message has its length."""
    world = lines.build(lines.world_rows(10))
    found = packets(world, 1, 1)
    expected = 1
    for number, messages in found[PORT_A]:
        assert number == expected
        expected += len(messages)
        assert all(ITCH_BYTES[one[:1]] == len(one) for one in messages)
    assert expected > 1000
    assert found[PORT_B] == found[PORT_A][: len(found[PORT_B])]
    assert len(found[PORT_A]) - len(found[PORT_B]) <= 2  # still on their way


def test_feed_has_the_book() -> None:
    """Applying a feed's messages never takes shares that are not there."""
    world = lines.build(lines.world_rows(10))
    shares: dict[bytes, int] = {}
    for _, messages in packets(world, 1, 1)[PORT_A]:
        for one in messages:
            order = one[11:19]
            if one[:1] == b"A":
                assert order not in shares
                shares[order] = int.from_bytes(one[20:24], "big")
            elif one[:1] in {b"X", b"E"}:
                shares[order] -= int.from_bytes(one[19:23], "big")
                assert shares[order] >= 0
            elif one[:1] == b"D":
                del shares[order]
    assert shares


def test_gap_and_stale_feed() -> None:
    """Packets go missing at the gap; a stale feed says only that it is there."""
    rows = lines.world_rows(10)
    rows["feed"]["gap_ns"][0] = lines.START_NS + lines.SECOND_NS // 2
    rows["feed"]["gap_packets"][0] = 3
    rows["feed"]["stale_ns"][0] = lines.START_NS + lines.SECOND_NS
    rows["feed"]["stale_until_ns"][0] = lines.START_NS + 3 * lines.SECOND_NS
    found = packets(lines.build(rows), 3, 1)[PORT_A]
    numbers = np.array([number for number, _ in found], np.int64)
    counts = np.array([len(messages) for _, messages in found], np.int64)
    holes = np.flatnonzero(numbers[1:] != numbers[:-1] + counts[:-1])
    assert len(holes) == 1
    assert not counts[-1]
    assert numbers[-1] == numbers[-2] + counts[-2]


@pytest.mark.parametrize("name", ["ntp", "ptp", "icmp", "snmp", "dns", "ssh"])
def test_background_is_what_it_seems(tmp_path: Path, name: str) -> None:
    """Tshark reads each kind as what it is, and finds nothing wrong."""
    path = tmp_path / "murmur.pcap"
    rows = lines.world_rows(4)
    del rows["agent"]
    kinds = ["", "ntp", "ptp", "icmp", "snmp", "dns", "ssh"]
    rows["murmur"] = rows["murmur"][rows["murmur"]["kind"] == kinds.index(name)]
    lines.write_pcap(lines.build(rows), 2, path)
    assert tshark(path, "-Y", WRONG) == ""
    assert len(tshark(path, "-Y", name).splitlines()) >= 4
