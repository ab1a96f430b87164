"""The process agent on a full disk and under a wrong clock: what holds is let go."""

import contextlib
import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest

from airnet.domain.containment import State
from airnet.errors import ActuationError
from tests.fakes.clocks import YEAR_S, WallClock
from tests.netns.algorithms import trading_host
from tests.netns.lab_links import wait_until
from tests.netns.test_process import ONE, OTHER, TTL_NS, actuator, freeze, slow
from tests.netns.test_service import small_disk

pytestmark = [pytest.mark.root, pytest.mark.slow]
LIMIT_S = 30.0
S = 1_000_000_000


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WallClock:
    """Give a clock that processes started from now on have."""
    found = WallClock(tmp_path)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """Give a file on a file system that takes not one byte more."""
    place = tmp_path / "small"
    with small_disk(place, 64):
        (place / "log").touch()
        with (place / "rest").open("wb", buffering=0) as rest:
            fill(rest)
        with (
            (place / "log").open("ab", buffering=0) as log,
            pytest.raises(OSError, match=os.strerror(errno.ENOSPC)),
        ):
            log.write(b"x")
        yield place / "log"


def test_a_full_disk_under_its_log_keeps_nobody_held(
    full: Path, tmp_path: Path
) -> None:
    """What is acknowledged holds, ends in its time, and is let go when asked."""
    (tmp_path / "log").symlink_to(full)
    with trading_host(tmp_path, [ONE, OTHER]) as (algorithms, host):
        algorithms.start(ONE)
        algorithms.start(OTHER)
        acting = actuator(host)
        for number in range(20):  # each is a line of its log
            standing = acting.apply(freeze(why=f"Again {number}."), TTL_NS)
            assert standing.state is State.APPLIED
            assert acting.ended(standing) == ""
            acting.release(standing)
        standing = acting.apply(freeze(), 2 * S)
        assert acting.apply(slow(), TTL_NS).state is State.APPLIED
        wait_until(lambda: "agent" in acting.ended(standing), LIMIT_S)
        wait_until(lambda: algorithms.is_heard(ONE), LIMIT_S)

        assert host.end() == 0
        assert full.read_bytes() == b""
        wait_until(lambda: algorithms.heard(0.5)[ONE] > 20, LIMIT_S)


@pytest.mark.parametrize("years", [-20, 20])
def test_a_lease_is_kept_by_no_wall_clock(
    clock: WallClock, tmp_path: Path, years: int
) -> None:
    """Its end neither comes nor stays away; who is asked by a wrong clock says so."""
    with trading_host(tmp_path, [ONE, OTHER]) as (algorithms, host):
        algorithms.start(ONE)
        algorithms.start(OTHER)
        acting = actuator(host)
        long, short = acting.apply(freeze(), TTL_NS), acting.apply(slow(), 3 * S)
        begun = time.monotonic()

        clock.step(years * YEAR_S)
        assert wall_year(clock) == time.gmtime().tm_year + years
        with pytest.raises(ActuationError) as refused:
            # Whoever comes anew: every certificate has lapsed, or is none yet.
            actuator(host).ended(long)

        assert "\n" not in str(refused.value)
        assert f"agent at 127.0.0.1:{host.port}" in str(refused.value)
        wait_until(lambda: not algorithms.is_heard(ONE, 0.2), LIMIT_S)
        wait_until(lambda: time.monotonic() - begun > 3.5, LIMIT_S)
        clock.step(0)
        assert "agent" in acting.ended(short)
        assert acting.ended(long) == "" or time.monotonic() - begun > TTL_NS / S
        acting.release(long)
        wait_until(lambda: algorithms.is_heard(ONE), LIMIT_S)
        again = acting.apply(freeze(why="By a wrong clock."), 2 * S)
        clock.step(years * YEAR_S)
        wait_until(lambda: algorithms.is_heard(ONE), LIMIT_S)
        clock.step(0)
        assert "agent" in acting.ended(again)
        assert "Traceback" not in host.log()
        assert host.end() == 0


def fill(file: FileIO) -> None:
    """Write until there is no room."""
    with contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


def wall_year(clock: WallClock) -> int:
    """Return which year a process has that is started by that clock."""
    words = [sys.executable, "-c", "import time; print(time.gmtime().tm_year)"]
    done = subprocess.run(words, capture_output=True, check=True, env=clock.environment)
    return int(done.stdout)
