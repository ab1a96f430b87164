"""PcapSource: what it reads, what it refuses, and how it says so."""

import gzip
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from airnet.capture.pcap import PcapSource
from airnet.domain.frame import CLOCK_FILE, FRAME
from airnet.errors import EXIT_BAD_DATA, CaptureError
from tests.reference import pcap
from tests.reference.pcap import Frame, Reading
from tests.reference.reading import drain, read_files

FRAMES = [Frame(10**18 + i, bytes([i]) * i, i + 5) for i in range(50)]
FILE = pcap.pcap_file(FRAMES)
SECTION = pcap.section("<")
ABSURD = SECTION + b"\x99\0\0\0\xf0\xff\xff\xff" + b"\0" * 40


def write(place: Path, data: bytes, name: str = "one.pcap") -> Path:
    path = place / name
    path.write_bytes(data)
    return path


def test_row_says_clock_link_and_lengths(tmp_path: Path) -> None:
    """Captured and wire bytes differ when a snap length cut the frame."""
    path = write(tmp_path, pcap.pcap_file([Frame(7, b"abc", 1500)], link=101))
    rows = np.zeros(4, FRAME)

    source = PcapSource([path])

    assert source.poll(rows, 0) == 1
    row = rows[0]
    assert (row["time_ns"], row["captured_bytes"], row["wire_bytes"]) == (7, 3, 1500)
    assert (row["link"], row["clock"], row["queue"]) == (101, CLOCK_FILE, 0)
    assert not source.is_exhausted
    assert source.poll(rows, 0) == 0
    assert source.is_exhausted
    source.close()
    source.close()
    assert source.poll(rows, 0) == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\x7fELF\x02\x01", "begins with 7f 45 4c 46"),
        (b"{}", "begins with 7b 7d"),
        (FILE[:23], "ends inside its header"),
        (b"\x34\xcd\xb2\xa1" + FILE[4:], "patched pcap"),
        (SECTION[:20], "ends inside its header"),
        (SECTION[:8] + b"\0" * 40, "byte order magic"),
        (gzip.compress(FILE)[:12], "damaged from the start"),
        (b"\x1f\x8b" + b"\xff" * 60, "damaged from the start"),
        (gzip.compress(b""), "is empty"),
        (gzip.compress(b"hello world, hello"), "begins with 68 65 6c 6c"),
    ],
)
def test_no_capture_is_refused_in_one_line(
    tmp_path: Path, data: bytes, words: str
) -> None:
    """File, what was found and the remedy, before anything is read."""
    path = write(tmp_path, data)

    with pytest.raises(CaptureError, match=words) as caught:
        PcapSource([path])

    assert str(path) in str(caught.value)
    assert "pcapng" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == EXIT_BAD_DATA


def test_missing_directory_and_no_file_are_refused(tmp_path: Path) -> None:
    """What cannot be opened is a CaptureError that names it."""
    for paths in ([tmp_path / "missing.pcap"], [tmp_path], []):
        with pytest.raises(CaptureError):
            PcapSource(paths)


def test_one_bad_file_among_good_ones_is_named_at_once(tmp_path: Path) -> None:
    """A wrong name at the end of a long list is not found out hours later."""
    good = write(tmp_path, FILE)

    with pytest.raises(CaptureError, match=r"bad\.txt"):
        PcapSource([good, write(tmp_path, b"text", "bad.txt")])


@pytest.mark.parametrize(
    ("data", "count", "reasons"),
    [
        (FILE, 50, {}),
        (FILE[:24], 0, {}),
        (FILE[:-1], 49, {"truncated_record": 1}),
        (FILE[:24] + FILE[24:40] + FILE[40:47], 1, {"truncated_record": 1}),
        (FILE[:24] + b"\xff" * 16, 0, {"bad_record": 1}),
        (ABSURD, 0, {"truncated_record": 1}),
        (SECTION + b"\x06\0\0\0\xf0\xff\xff\xff" + b"\0" * 40, 0, {"bad_block": 1}),
        (SECTION + b"\x06\0\0\0\x07\0\0\0" + b"\0" * 40, 0, {"bad_block": 1}),
        (SECTION + pcap.enhanced("<", 0, 1, b"x", 1), 0, {"unknown_interface": 1}),
    ],
)
def test_damage_is_counted_and_frames_before_it_are_read(
    tmp_path: Path, data: bytes, count: int, reasons: dict[str, int]
) -> None:
    """A damaged record is a count, not an error."""
    for name, content in (("a.pcap", data), ("a.pcap.gz", gzip.compress(data))):
        reading = read_files([write(tmp_path, content, name)])

        assert len(reading.frames) == count
        assert reading.reasons == reasons


def test_reading_goes_on_with_the_next_file_after_damage(tmp_path: Path) -> None:
    """A cut file costs its last record, not the files after it."""
    cut = write(tmp_path, FILE[:-1], "cut.pcap")
    whole = write(tmp_path, FILE, "whole.pcap")

    reading = read_files([cut, whole])

    assert reading.frames == FRAMES[:-1] + FRAMES
    assert reading.reasons == {"truncated_record": 1}


def test_gzip_members_padding_and_damage(tmp_path: Path) -> None:
    """Members follow one another; damage costs what comes after it."""
    packed = gzip.compress(FILE[:300]) + gzip.compress(FILE[300:])
    damaged = bytearray(gzip.compress(FILE))
    damaged[-5] ^= 0xFF  # in the checksum: all data is there

    joined = read_files([write(tmp_path, packed + b"\0" * 600, "a.gz")])
    wrong = read_files([write(tmp_path, bytes(damaged), "b.gz")])
    cut = read_files([write(tmp_path, gzip.compress(FILE)[:-9], "c.gz")])

    assert joined == Reading(FRAMES, {})
    assert wrong == Reading(FRAMES, {"broken_gzip": 1})
    assert cut.reasons == {"broken_gzip": 1}
    assert cut.frames == FRAMES[: len(cut.frames)]
    assert len(cut.frames) > len(FRAMES) // 2


def test_large_gzip_damaged_in_the_middle_gives_what_is_before(tmp_path: Path) -> None:
    """More than a read's worth of good frames in front of the damage arrive."""
    body = np.random.default_rng(5).bytes(1400)
    frames = [Frame(i, body, 1400) for i in range(500)]
    packed = bytearray(gzip.compress(pcap.pcap_file(frames), 1))
    middle = len(packed) // 2
    packed[middle : middle + 8] = b"\xff" * 8

    reading = read_files([write(tmp_path, bytes(packed), "big.gz")])

    assert reading.reasons == {"broken_gzip": 1}
    assert reading.frames[:100] == frames[:100]
    assert 100 < len(reading.frames) < 500


def test_buffer_wraps_many_times_equals_reference(tmp_path: Path) -> None:
    """Records of all sizes up to the largest cross every edge of the buffer."""
    generator = np.random.default_rng(4)
    sizes = [*generator.integers(0, 90_000, 150), 1 << 20, 0, (1 << 20) - 32, 3]
    body = generator.bytes(1 << 20)
    frames = [Frame(i, body[:size], int(size)) for i, size in enumerate(sizes)]
    ng_frames = [frame for frame in frames if len(frame.data) < 1 << 20]
    plain = write(tmp_path, pcap.pcap_file(frames), "a.pcap")
    # A block of a kind we do not read, longer than the buffer, is skipped.
    long = pcap.block("<", 0xBAD, body * 3)
    blocks = write(tmp_path, pcap.record(ng_frames) + long + pcap.record(frames[:3]))

    assert read_files([plain], 7).frames == frames
    assert read_files([blocks], 7).frames == ng_frames + frames[:3]


def test_pipe_is_read_once(tmp_path: Path) -> None:
    """A pipe cannot be looked at first: its bytes come once."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(FILE,))
    writer.start()

    reading = read_files([path])

    writer.join()
    assert reading.frames == FRAMES


def test_memory_is_bounded_however_large_the_file(tmp_path: Path) -> None:
    """Reading 200 MB, packed 1000 times smaller, takes less than 64 MB."""
    path = tmp_path / "large.pcap.gz"
    chunk = pcap.pcap_file([Frame(1, b"\0" * 1400, 1400)] * 700)[24:]
    with gzip.open(path, "wb", 1) as file:
        file.write(FILE[:24])
        for _ in range(200):
            file.write(chunk)
    script = f"""
import resource, sys, numpy as np
from pathlib import Path
from airnet.capture.pcap import PcapSource
from airnet.domain.frame import FRAME
rows = np.zeros(4096, FRAME)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
source = PcapSource([Path({str(path)!r})])
total = 0
while count := source.poll(rows, 0):
    total += count
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(total, after - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    total, grown_kib = map(int, done.stdout.split())

    assert total == 140_000
    assert grown_kib < 64 << 10


def test_batch_size_changes_nothing(tmp_path: Path) -> None:
    """The same frames come whatever the size of a batch."""
    path = write(tmp_path, FILE)

    for batch in (1, 7, 64, 4096):
        assert drain(PcapSource([path]), batch) == FRAMES
