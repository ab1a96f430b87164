"""A process that stands still, all of it, before anybody goes on."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE_S = 10.0
#: Stopped, or traced, or gone (proc(5), /proc/PID/stat).
STILL = frozenset("TtZX")


def stop(pid: int) -> None:
    """Stop a process, and wait until none of its threads runs.

    The signal is one thread's to take: until that one has a processor the others go on,
    and answer whoever asks.
    """
    os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + PATIENCE_S
    while not all(
        _state(task) in STILL for task in Path(f"/proc/{pid}/task").iterdir()
    ):
        assert time.monotonic() < until, f"process {pid} does not stop"
        time.sleep(0.001)


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process, all of it, and let it go on after."""
    stop(pid)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _state(task: Path) -> str:
    try:
        return (task / "stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return "X"


__all__ = ["stop", "stopped"]
