"""log: a line that cannot be written stops nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airnet.errors import EXIT_USAGE

SPEAK = """
import threading
import structlog
from airnet import log
log.configure()
def speak():
    for number in range(3000):
        structlog.get_logger().info("a.line", number=number, text="x" * 50)
    print("alive")
thread = threading.Thread(target=speak)
thread.start()
thread.join()
speak()
"""


def test_a_full_disk_under_the_log_stops_nobody() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", SPEAK],
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            check=False,
        )

    assert done.stdout == "alive\nalive\n"


def test_nor_does_a_reader_that_is_gone() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SPEAK],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        process.stderr.close()
        said = process.stdout.read()

    assert said == "alive\nalive\n"


@pytest.mark.parametrize("stream", ["2>/dev/full", "2>&-", "2> >(true)"])
def test_what_cannot_be_told_changes_no_exit_status(
    stream: str, tmp_path: Path
) -> None:
    """No disk, no stream, no reader: the status still says that there is no ledger."""
    command = f'"{sys.executable}" -m airnet verify "{tmp_path}" {stream}'
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )

    assert done.returncode == EXIT_USAGE


LOGS = """
import sys, structlog
from airnet import log
from airnet.cli import main
log.configure()
structlog.get_logger().info("a.line")
sys.exit(main(["verify", sys.argv[1]]))
"""


def test_nor_does_a_line_of_the_log_that_was_never_taken(tmp_path: Path) -> None:
    """Python ends with 120 where a stream still holds what nobody took."""
    bare = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", LOGS, str(tmp_path)],
            env={**bare, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.DEVNULL,
            stderr=full,
            check=False,
        )

    assert done.returncode == EXIT_USAGE
