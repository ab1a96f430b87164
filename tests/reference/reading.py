"""Reading captures through the product, as the reference's values."""

from pathlib import Path

import numpy as np

from airnet._ext.pcap import BUFFER_BYTES_MIN, Reader
from airnet.capture.pcap import PCAP_MAGICS, PcapSource
from airnet.capture.source import Source
from airnet.domain.frame import FRAME
from tests.reference.pcap import Frame, Reading

BUFFER = np.zeros(BUFFER_BYTES_MIN, np.uint8)


def frames_of(rows: np.ndarray, buffer: np.ndarray) -> list[Frame]:
    """Return rows with their bytes."""
    found = []
    for row in rows:
        start, size = int(row["offset"]), int(row["captured_bytes"])
        assert start + size <= len(buffer)
        data = bytes(buffer[start : start + size])
        times = int(row["time_ns"]), data, int(row["wire_bytes"]), int(row["link"])
        found.append(Frame(*times))
    return found


def drain(source: Source, batch: int = 64, wait_ms: int = 0) -> list[Frame]:
    """Return every frame a source gives until it gives none."""
    return marked(source, batch, wait_ms).frames


def marked(source: Source, batch: int = 64, wait_ms: int = 0) -> Reading:
    """Return every frame a source gives, with what it says was lost among them."""
    rows = np.zeros(batch, FRAME)
    reading = Reading()
    count = 1
    while count:
        count = source.poll(rows, wait_ms)
        note(reading, getattr(source, "mark", lambda: None)())
        reading.frames += frames_of(rows[:count], source.buffer)
    return reading


def note(reading: Reading, told: tuple[int, int] | None) -> None:
    """Add what was lost in front of the frames that come next."""
    if told is not None:
        reading.mark(*told)


def read_files(paths: list[Path], batch: int = 64) -> Reading:
    """Read files with PcapSource; the counters must add up."""
    source = PcapSource(paths)
    reading = marked(source, batch)
    frames = reading.frames
    counts = source.counters()
    source.close()
    seen, delivered = counts.pop("seen"), counts.pop("delivered")
    assert source.is_exhausted
    assert delivered == len(frames)
    assert seen == delivered + sum(counts.values())
    return Reading(frames, {name: n for name, n in counts.items() if n}, reading.marks)


def read_bytes(data: bytes, step: int, batch: int) -> Reading:
    """Read one file's bytes with the kernel alone, given `step` bytes at a time."""
    reader = Reader(BUFFER)
    start = 0
    if data[:4] in PCAP_MAGICS:
        order, is_ns = PCAP_MAGICS[data[:4]]
        name = "little" if order == "<" else "big"
        link = int.from_bytes(data[20:24], name) & 0xFFFF
        reader.begin_pcap(order == ">", link, is_ns)
        start = 24
    else:
        reader.begin_pcapng()
    rows = np.zeros(batch, FRAME)
    reading = Reading()
    for at in range(start, len(data), step):
        reader.compact()
        piece = np.frombuffer(data[at : at + step], np.uint8)
        BUFFER[reader.room : reader.room + len(piece)] = piece
        reader.added(len(piece))
        count = 1
        while count:
            count = reader.parse(rows)
            note(reading, reader.mark())
            reading.frames += frames_of(rows[:count], BUFFER)
        if reader.stopped:
            break
    reasons = {name: n for name, n in reader.counts()[1].items() if n}
    if reader.is_cut and not reader.stopped:
        reasons["truncated_record"] = 1
    return Reading(reading.frames, reasons, reading.marks)
