"""The pcap and pcapng kernels give what their slow references give."""

import gzip
import struct
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, strategies as st

from airnet.capture.recorder import Recorder
from airnet.domain.frame import FRAME
from tests.reference import pcap
from tests.reference.pcap import Frame
from tests.reference.reading import read_bytes, read_files

TIMES = st.integers(0, 2**32 * 10**9 - 1)
DATA = st.binary(max_size=80)
LINKS = st.sampled_from([0, 1, 101, 113, 276, 65535])
FRAMES = st.lists(st.builds(Frame, TIMES, DATA, st.integers(0, 2**32 - 1)), max_size=12)
ORDERS = st.sampled_from("<>")
STEPS = st.integers(1, 200)
BATCHES = st.integers(1, 9)


@st.composite
def options(draw: st.DrawFn, order: str) -> bytes:
    """Options of an interface description, some of them cut or odd."""
    resolution = draw(st.one_of(st.just(b"\x06"), st.binary(min_size=1, max_size=2)))
    offset_s = draw(st.integers(-(2**40), 2**40))
    parts = draw(
        st.lists(
            st.sampled_from(
                [
                    pcap.option(order, 9, resolution),
                    pcap.option(order, 14, struct.pack(order + "q", offset_s)),
                    pcap.option(order, 2, b"eth1"),
                    pcap.option(order, 0, b""),
                    struct.pack(order + "HH", 2, 999),
                ]
            ),
            max_size=3,
        )
    )
    return b"".join(parts)


@st.composite
def statistics(draw: st.DrawFn, order: str) -> bytes:
    """Interface statistics: counts that grow, fall, are missing or of odd length."""
    body = struct.pack(order + "III", draw(st.integers(0, 3)), 1, 2)
    for _ in range(draw(st.integers(0, 3))):
        code = draw(st.sampled_from([0, 4, 4, 5, 5, 8]))
        size = draw(st.sampled_from([8, 8, 8, 4]))
        count = draw(st.integers(0, 2**32 - 1))
        name = "big" if order == ">" else "little"
        body += pcap.option(order, code, count.to_bytes(size, name))
    return pcap.block(order, pcap.STATISTICS, body[: draw(st.integers(8, 99))])


@st.composite
def blocks(draw: st.DrawFn, order: str) -> bytes:
    """Any block of a section, well formed or nearly so."""
    kind = draw(
        st.sampled_from(["if", "epb", "epb", "epb", "spb", "old", "isb", "other"])
    )
    data = draw(DATA)
    number = draw(st.integers(0, 3))
    ticks = draw(st.integers(0, 2**64 - 1))
    wire = draw(st.one_of(st.just(len(data)), st.integers(0, 2**32 - 1)))
    if kind == "if":
        snap = draw(st.sampled_from([0, 20, 65535]))
        return pcap.describe(order, draw(LINKS), snap, draw(options(order)))
    if kind == "isb":
        return draw(statistics(order))
    if kind == "epb":
        return pcap.enhanced(order, number, ticks, data, wire)
    if kind == "spb":
        body = struct.pack(order + "I", draw(st.sampled_from([len(data), 3, wire])))
        return pcap.block(order, pcap.SIMPLE, body + data)
    if kind == "old":
        sizes = (ticks >> 32, ticks & 0xFFFFFFFF, len(data), wire)
        head = struct.pack(order + "HH4I", number, 7, *sizes)
        return pcap.block(order, pcap.PACKET, head + data)
    # The last one is an enhanced packet block too short for its own head.
    other = draw(st.sampled_from([4, 5, 10, 0xBAD, 0x40000BAD, pcap.ENHANCED]))
    return pcap.block(order, other, data)


@st.composite
def sections(draw: st.DrawFn) -> bytes:
    """One section: its byte order, interfaces and blocks."""
    order = draw(ORDERS)
    out = pcap.section(order)
    for _ in range(draw(st.integers(0, 3))):
        out += pcap.describe(order, draw(LINKS), 0, draw(options(order)))
    return out + b"".join(draw(st.lists(blocks(order), max_size=8)))


PCAPNG = st.lists(sections(), min_size=1, max_size=3).map(b"".join)
PCAP = st.builds(pcap.pcap_file, FRAMES, st.sampled_from(list(pcap.MAGICS)), LINKS)
FILES = st.one_of(PCAP, PCAPNG)


@given(FILES, STEPS, BATCHES)
def test_reader_equals_reference(data: bytes, step: int, batch: int) -> None:
    """Rows and counts do not depend on how the bytes come or how many rows fit."""
    assert read_bytes(data, step, batch) == pcap.read(data)


@given(FILES, st.data(), STEPS)
def test_reader_cut_anywhere_equals_reference(
    data: bytes, draws: st.DataObject, step: int
) -> None:
    """A file cut at any byte gives the frames before the cut, and one reason."""
    start = 24 if data[:4] in pcap.MAGICS else 28
    cut = data[: draws.draw(st.integers(start, len(data)))]

    reading = read_bytes(cut, step, 4)

    assert reading == pcap.read(cut)
    assert reading.reasons.get("truncated_record", 0) <= 1


@given(st.lists(FILES, min_size=1, max_size=3), st.booleans(), BATCHES)
def test_files_in_order_equal_reference(
    contents: list[bytes], packed: bool, batch: int
) -> None:
    """Many files, plain or gzip, are read one after another."""
    expected = pcap.Reading()
    with tempfile.TemporaryDirectory() as place:
        paths = []
        for number, data in enumerate(contents):
            pcap.read(data, expected)
            path = Path(place, f"{number}.pcap")
            path.write_bytes(gzip.compress(data, 1) if packed else data)
            paths.append(path)

        reading = read_files(paths, batch)

    assert reading == expected


@given(
    st.lists(
        st.builds(Frame, st.integers(0, 2**64 - 1), DATA, st.integers(0, 9999), LINKS),
        max_size=20,
    )
)
def test_recording_equals_reference_and_reads_back(frames: list[Frame]) -> None:
    """The Recorder writes the reference's bytes; PcapSource gives the frames back."""
    rows = np.zeros(len(frames), FRAME)
    joined = b"".join(frame.data for frame in frames)
    at = 0
    for row, frame in zip(rows, frames, strict=True):
        size = len(frame.data)
        row["time_ns"], row["wire_bytes"] = frame.time_ns, frame.wire_bytes
        row["offset"], row["captured_bytes"], row["link"] = at, size, frame.link
        at += size
    last_ns = frames[-1].time_ns if frames else 0

    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "recording.pcapng")
        recorder = Recorder(path)
        recorder.write(rows, len(rows), np.frombuffer(joined + b"\0", np.uint8))
        recorder.close({"seen": len(frames) + 2, "delivered": len(frames)})
        written = path.read_bytes()
        reading = read_files([path])

    tail = pcap.statistics(last_ns, len(frames) + 2, 2, len(frames))
    assert written == pcap.record(frames) + tail
    assert reading == pcap.Reading(frames, {}, {len(frames): (2, len(frames) + 2)})
