"""Keeper: starts the fast lane again when it dies, and ends when its own input does.

    python -m airnet.controller.keeper WORDS...    (those of airnet.controller.express)

It does nothing else, so there is nothing in it that could fail. Switches and clients
come again by themselves, and what clients want armed they arm again.
"""

import contextlib
import os
import select
import stat
import subprocess
import sys
from collections.abc import Sequence

from airnet.aside import tell
from airnet.clock import SystemClock
from airnet.errors import EXIT_DONE, EXIT_UNAVAILABLE

NS_PER_S = 1_000_000_000
#: Before it is started again; twice as long each time, while it does not live long.
AGAIN_S, AGAIN_S_MAX = 0.05, 5.0
LONG_NS = 10 * NS_PER_S
ENDING_S = 5

Process = subprocess.Popen[bytes]


def main(argv: Sequence[str] | None = None) -> int:
    """Keep it; return an exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    lane = started(words)
    if lane is None:
        return EXIT_UNAVAILABLE
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    clock, wait_s = SystemClock(), AGAIN_S
    while True:
        began_ns = clock.mono_ns()
        if is_over(lane):
            return EXIT_DONE
        wait_s = AGAIN_S if clock.mono_ns() - began_ns > LONG_NS else wait_s
        tell(f"airnet lane: it ended ({lane.wait()}); started again")
        end(lane)
        lane = None
        while lane is None:
            if input_ended(wait_s):
                return EXIT_DONE
            wait_s = min(2 * wait_s, AGAIN_S_MAX)
            lane = started(words)


def started(words: Sequence[str]) -> Process | None:
    """Start the lane; return it once it listens, or nothing where it does not."""
    lane = subprocess.Popen(
        [sys.executable, "-m", "airnet.controller.express", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert lane.stdout is not None
    with lane.stdout as said:
        if said.readline() == b"ready\n":
            return lane
    end(lane)
    return None


def end(lane: Process) -> None:
    """Have it end, and wait for that."""
    assert lane.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        lane.stdin.close()
    try:
        lane.wait(ENDING_S)
    except subprocess.TimeoutExpired:
        lane.kill()
        lane.wait()


def is_over(lane: Process) -> bool:
    """Wait until our input ends, and end the lane then; or until the lane has died."""
    watched = os.pidfd_open(lane.pid)
    try:
        while True:
            found, _, _ = select.select([*inputs(), watched], [], [])
            if watched in found:
                return False
            if not os.read(sys.stdin.fileno(), 4096):
                end(lane)
                return True
    finally:
        os.close(watched)


def inputs() -> list[int]:
    """Return our input where its end means something; below systemd it is no pipe."""
    descriptor = sys.stdin.fileno()
    mode = os.fstat(descriptor).st_mode
    is_held = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
    return [descriptor] if is_held else []


def input_ended(wait_s: float) -> bool:
    """Wait so long; return whether our input ended meanwhile."""
    found, _, _ = select.select(inputs(), [], [], wait_s)
    return bool(found) and not os.read(sys.stdin.fileno(), 4096)


if __name__ == "__main__":
    sys.exit(main())
