"""durable: a file is there whole or not at all."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from airnet import durable

OLD, NEW = b"old", b"new" * 100_000


def test_what_is_put_is_there_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    durable.put(path, OLD)
    durable.put(path, NEW, 0o600)

    assert path.read_bytes() == NEW
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_no_room_leaves_what_was_there(tmp_path: Path) -> None:
    """A limit on the size of files stands for a disk that fills up on the way."""
    path = tmp_path / "manifest.json"
    durable.put(path, OLD)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(OSError, match="too large"):
            durable.put(path, NEW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    durable.put(path, OLD)
    code = (
        "import sys, pathlib; from airnet import durable\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "print('begun', flush=True)\n"
        "while True: durable.put(path, b'new' * 100_000)\n"
    )
    for _ in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()
        child.kill()
        child.wait()
        child.stdout.close()

        assert path.read_bytes() in {OLD, NEW}
