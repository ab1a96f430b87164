"""Any number of lanes: the same rows, sessions and counters; and no thread is left."""

import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from airnet.decode import Decoder
from airnet.domain.frame import FRAME
from airnet.errors import ConfigError
from airnet.twin.traffic import Params, generate
from tests.fakes.frames import (
    GATEWAY,
    Conversation,
    Decoded,
    Frame,
    capture,
    ethernet,
    gathered,
    order,
    packet,
)
from tests.fuzz.test_fuzz_decode import frames_of
from tests.property.test_decode_stream import conversations
from tests.tidy.tree import ROOT

LANES = (2, 4)
BATCHES = (1, 7, 64, 4096)
SHORT = Params(
    duration_s=2.0, onset_s=0.5, incident_s=1.0, sessions=12, flood_pps=4000.0
)
SCENARIOS = (
    "spoofed_syn_flood",
    "udp_flood",
    "logon_flood",
    "runaway",
    "reconnect_storm",
    "mirror_loss",
)


DATA = Path(os.environ.get("AIRNET_TEST_DATA", ROOT.parent / "shared" / "data"))


def carried(number: int, frame: bytes) -> list[bytes]:
    """Return an Ethernet frame of IPv4 as it is, in GRE, or in fragments; in turn."""
    inner = frame[14:]
    if frame[12:14] != b"\x08\0" or number % 3 == 0:
        return [frame]
    if number % 3 == 1:
        return [ethernet(packet("192.0.2.1", "192.0.2.2", 47, b"\0\0\x08\0" + inner))]
    size = int.from_bytes(inner[2:4])
    half = (size - 20) // 16 * 8
    found = []
    for at, end in ((20, 20 + half), (20 + half, size)):
        place = (at - 20) // 8 | (0x2000 if end < size else 0)
        head = bytearray(inner[:20])
        head[2:8] = struct.pack(">HHH", 20 + end - at, number % 65536, place)
        found.append(ethernet(bytes(head) + inner[at:end]))
    return found[:: 1 if number % 2 else -1]


def changed(one: Decoded, other: Decoded) -> list[str]:
    """Return what differs between two decodings, by name."""
    names = [name for name in one.headers.dtype.names if name != "message_index"]
    found = [
        name
        for name in names
        if not np.array_equal(one.headers[name], other.headers[name])
    ]
    if not np.array_equal(one.messages, other.messages):
        found.append("messages")
    if not np.array_equal(one.table, other.table):
        found.append("sessions")
    if one.counters != other.counters:
        found.append("counters")
    return found


def threads() -> list[str]:
    """Return the names of this process's lane threads."""
    tasks = Path("/proc/self/task").iterdir()
    names = [(task / "comm").read_text("ascii").strip() for task in tasks]
    return sorted(name for name in names if name.startswith("airnet-lane"))


@pytest.mark.parametrize("name", SCENARIOS)
def test_lanes_and_batches_are_not_seen_on_twin_traffic(name: str) -> None:
    episode = generate(name, 5, params=SHORT)
    frames = [(time_ns, 1, data) for time_ns, data in episode.frames]
    gateways = [(gateway.ip, gateway.port) for gateway in episode.site.gateways]
    whole = Decoded(frames, gateways)

    for lanes in LANES:
        for batch in BATCHES:
            assert not changed(whole, Decoded(frames, gateways, batch, lanes))


@pytest.mark.parametrize("name", ["reconnect_storm", "mirror_loss"])
def test_lanes_are_not_seen_behind_tunnels_and_fragments(name: str) -> None:
    """A datagram put together on the calling thread is read on another."""
    frames = [
        (time_ns, 1, one)
        for number, (time_ns, data) in enumerate(generate(name, 6, params=SHORT).frames)
        for one in carried(number, data)
    ]
    whole = Decoded(frames)
    assert whole.counters["tunnels"] > 100
    assert whole.counters["datagrams"] > 100

    for lanes in LANES:
        for batch in BATCHES[1:]:
            assert not changed(whole, Decoded(frames, (), batch, lanes))


def test_lanes_are_not_seen_on_public_captures() -> None:
    """Every capture of the shared test data, as if one had recorded them all."""
    frames = [
        frame for path in sorted(DATA.rglob("*.pcap*")) for frame in frames_of(path)
    ]
    if not frames:
        pytest.skip("shared test data is not here (set AIRNET_TEST_DATA)")
    whole = Decoded(frames)

    for lanes in LANES:
        assert not changed(whole, Decoded(frames, (), 4096, lanes))


@settings(max_examples=25)
@given(st.data())
def test_lanes_are_not_seen_on_disturbed_conversations(data: st.DataObject) -> None:
    """Lost, late, repeated, falsified and cut segments of a dozen connections."""
    frames: list[Frame] = []
    for port in range(40_000, 40_012):
        frames += data.draw(conversations(client_port=port))
    frames.sort(key=lambda frame: frame[0])
    if not frames:
        return
    whole = Decoded(frames, (GATEWAY,))
    for lanes in LANES:
        assert not changed(whole, Decoded(frames, (GATEWAY,), 4096, lanes))


def full_of_rows(flows: int, each: int) -> list[Frame]:
    """Return segments that make some 2000 rows each: more than all regions hold."""
    talks = [Conversation(("10.0.1.11", 40_000 + n)) for n in range(flows)]
    for talk in talks:
        talk.handshake()
        talk.add(0, order(1))
    opening = [frame for talk in talks for frame in talk.frames]
    rows = [
        talk.add(0, b"8=FIX\x01" * 2000 if at % 3 else order(at))
        for at in range(each)
        for talk in talks
    ]
    return opening + rows


@pytest.mark.parametrize("flows", [1, 2, 16])
def test_full_regions_are_handed_out_in_parts(flows: int) -> None:
    frames = full_of_rows(flows, 200 // flows)
    whole = Decoded(frames, (GATEWAY,))

    for lanes in LANES:
        assert not changed(whole, Decoded(frames, (GATEWAY,), 4096, lanes))
    assert len(whole.messages) > 4 * 16384


def test_the_rest_must_come_next() -> None:
    """What a call left over was read already: other frames cannot take its place."""
    rows, buffer = capture(full_of_rows(1, 200))
    decoder = Decoder([GATEWAY], 2)
    headers, _ = decoder.decode(rows, buffer)
    assert len(headers) < len(rows)

    with pytest.raises(ValueError, match="the rest of the last batch"):
        decoder.decode(rows, buffer)
    with pytest.raises(ValueError, match="the rest of the last batch"):
        decoder.decode(rows[len(headers) : -1], buffer)

    headers, messages = decoder.decode(rows[len(headers) :], buffer)
    assert set(gathered(headers, messages)["frame_count"]) <= set(
        headers["frame_count"]
    )
    decoder.close()


def test_threads_are_named_sleep_and_end() -> None:
    """One less than lanes; none is left when the decoder is closed, or forgotten."""
    before = threading.active_count()
    decoder = Decoder([], 4)
    assert threads() == ["airnet-lane1", "airnet-lane2", "airnet-lane3"]
    other = Decoder([], 2)
    assert len(threads()) == 4

    decoder.close()
    decoder.close()
    assert threads() == ["airnet-lane1"]
    del other
    assert threads() == []
    assert threading.active_count() == before


def test_a_closed_decoder_still_decodes() -> None:
    frames = full_of_rows(16, 12)
    rows, buffer = capture(frames)
    decoder = Decoder([GATEWAY], 4)
    half = len(rows) // 2
    found = []
    for part in (rows[:half], rows[half:]):
        at = 0
        while at < len(part):
            headers, messages = decoder.decode(part[at:], buffer)
            found.append(gathered(headers, messages))
            at += len(headers)
        decoder.close()
    decoder.finish()

    whole = Decoded(frames, (GATEWAY,))
    assert np.array_equal(np.concatenate(found), whole.messages)
    assert decoder.counters() == whole.counters


def test_lanes_stay_on_their_processors() -> None:
    cpus = sorted(os.sched_getaffinity(0))
    chosen = [cpus[0], cpus[-1]]
    decoder = Decoder([], 2, chosen)

    places = [
        os.sched_getaffinity(int(task.name))
        for task in Path("/proc/self/task").iterdir()
        if (task / "comm").read_text("ascii").startswith("airnet-lane")
    ]

    decoder.close()
    assert places == [{chosen[1]}]
    assert os.sched_getaffinity(0) == set(cpus)


def test_processors_that_are_not_there_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 lanes on processors 0, 1023"):
        Decoder([], 2, (0, 1023))
    assert threads() == []


def test_empty_batches_are_taken() -> None:
    decoder = Decoder([], 2)
    headers, messages = decoder.decode(np.zeros(0, FRAME), np.zeros(0, np.uint8))
    decoder.close()

    assert len(headers) == len(messages) == 0
