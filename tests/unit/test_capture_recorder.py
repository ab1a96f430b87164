"""Recorder: what is in the file at any time, and when the disk says no."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from airnet.capture.recorder import Recorder
from airnet.domain.frame import FRAME
from airnet.errors import CaptureError
from tests.reference.reading import read_files

BODY = np.arange(256, dtype=np.uint8)


def rows_of(count: int, size: int = 100) -> np.ndarray:
    """Return rows that all show the same bytes, a ns apart."""
    rows = np.zeros(count, FRAME)
    rows["time_ns"] = np.arange(count) + 10**18
    rows["captured_bytes"] = rows["wire_bytes"] = size
    rows["link"] = 1
    return rows


def test_file_is_readable_from_the_start_and_after_every_write(tmp_path: Path) -> None:
    """Nothing waits in memory between writes."""
    path = tmp_path / "live.pcapng"
    recorder = Recorder(path, "eth1")

    assert read_files([path]).frames == []
    for number in (1, 2, 3):
        recorder.write(rows_of(40), 40, BODY)
        assert len(read_files([path]).frames) == 40 * number
    recorder.close()
    recorder.close()

    assert b"eth1" in path.read_bytes()[:200]


def test_killed_recording_is_readable_to_its_last_write(tmp_path: Path) -> None:
    """A kill -9 costs nothing that a write had returned for."""
    path = tmp_path / "killed.pcapng"
    script = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from airnet.capture.recorder import Recorder\n"
        "from airnet.domain.frame import FRAME\n"
        f"recorder = Recorder(Path({str(path)!r}))\n"
        "rows = np.zeros(500, FRAME)\n"
        "rows['captured_bytes'] = 90\n"
        "rows['link'] = 1\n"
        "recorder.write(rows, 500, np.zeros(90, np.uint8))\n"
        "print('written', flush=True)\n"
        "sys.stdin.read()\n"
    )
    victim = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with victim:
        assert victim.stdout
        assert victim.stdout.readline() == b"written\n"
        victim.send_signal(signal.SIGKILL)
        victim.wait()

    reading = read_files([path])

    assert len(reading.frames) == 500
    assert reading.reasons == {}


def test_earlier_recordings_are_kept(tmp_path: Path) -> None:
    """A restart does not overwrite the evidence of what made it restart."""
    path = tmp_path / "day.pcapng"
    for count in (1, 2, 3):
        recorder = Recorder(path)
        recorder.write(rows_of(count), count, BODY)
        recorder.close()

    names = ["day.pcapng.1", "day.pcapng.2", "day.pcapng"]
    found = [len(read_files([tmp_path / name]).frames) for name in names]
    assert found == [1, 2, 3]


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Who records into nowhere learns it at the start."""
    with pytest.raises(CaptureError, match="missing") as caught:
        Recorder(tmp_path / "missing" / "day.pcapng")

    assert "\n" not in str(caught.value)


def test_full_disk_leaves_whole_blocks(tmp_path: Path) -> None:
    """What does not fit is not left half written."""
    path = tmp_path / "full.pcapng"
    script = (
        "import resource, signal, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from airnet.capture.recorder import Recorder\n"
        "from airnet.domain.frame import FRAME\n"
        "from airnet.errors import CaptureError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        f"recorder = Recorder(Path({str(path)!r}))\n"
        "rows = np.zeros(300, FRAME)\n"
        "rows['captured_bytes'] = 101\n"
        "rows['link'] = 1\n"
        "try:\n"
        "    while True:\n"
        "        recorder.write(rows, 300, np.zeros(101, np.uint8))\n"
        "except CaptureError as error:\n"
        "    print(error)\n"
        "recorder.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    reading = read_files([path])

    assert "recording stopped" in done.stdout
    assert len(reading.frames) == 600
    assert reading.reasons == {}


def test_row_outside_the_buffer_is_a_bug_not_a_leak(tmp_path: Path) -> None:
    """Memory beyond the buffer never reaches a file."""
    recorder = Recorder(tmp_path / "x.pcapng")
    rows = rows_of(1, 257)

    with pytest.raises(ValueError, match="outside the buffer"):
        recorder.write(rows, 1, BODY)
    rows["offset"] = 2**64 - 1
    with pytest.raises(ValueError, match="outside the buffer"):
        recorder.write(rows, 1, BODY)
    recorder.close()


def test_a_disk_that_refuses_even_to_cut_is_told_as_any(tmp_path: Path) -> None:
    """It can neither write nor cut off what it began: an end, and no bug of ours."""
    path = tmp_path / "mirror.pcapng"
    recorder = Recorder(path)
    refusing = os.open(path, os.O_RDONLY)
    os.dup2(refusing, recorder._fd)
    os.close(refusing)

    with pytest.raises(CaptureError, match="recording stopped"):
        recorder.write(rows_of(1), 1, BODY)

    recorder.close()
    assert read_files([path]).frames == []
