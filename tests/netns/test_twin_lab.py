"""The lab twin: the twin's frames through a real switch, before the real product.

A few virtual seconds of a small world each; what is decided live must be what its own
recording gives, and every frame must be accounted for.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airnet.cli import main
from airnet.lab.actor import environment
from airnet.lab.needs import missing
from airnet.lab.network import run, sweep
from tests.netns.lab_links import wait_until
from tests.netns.test_lab_network import traces

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(bool(missing({})), reason="; ".join(missing({}))),
]

SMALL = ("--seconds", "6", "--sessions", "10", "--symbols", "6")
LIMIT_S = 60


def words(scenario: str, directory: Path, *more: str) -> list[str]:
    """Return the command line of a small world."""
    place = ("--directory", str(directory))
    return ["twin", "lab", scenario, *SMALL, *place, *more, "--json"]


def played(
    capsys: pytest.CaptureFixture[str], scenario: str, directory: Path, *more: str
) -> tuple[int, dict[str, Any]]:
    """Return the exit status and what was said."""
    status = main(words(scenario, directory, *more))
    return status, json.loads(capsys.readouterr().out)


def check_account(said: dict[str, Any]) -> None:
    """Every frame is somewhere, and what was decided is what a replay decides."""
    sent = said["sent"]
    unsent = sent["too_long"] + sent["too_short"] + sent["refused"]
    assert sent["frames"] == sent["sent"] + unsent
    assert said["recorded"] == sent["sent"] - sum(said["lost"].values())
    assert said["unaccounted"] == said["foreign"] == 0
    assert said["is_same"]
    assert said["live"] == said["replayed"]


@pytest.mark.slow
def test_flood_is_decided_live_as_replayed_and_expected(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = tmp_path / "run"

    status, said = played(capsys, "syn_flood", place, "--difficulty", "0")

    check_account(said)
    assert status == 0, said["held"]
    acts = [one for one in said["decisions"] if one["action"] == "drop_sources"]
    assert len(acts) == len(said["acts"]) == 1
    assert acts[0]["mode"] == "shadow"
    live = (place / "decisions.jsonl").read_bytes()
    assert (place / "replayed.jsonl").read_bytes() == live
    assert live.count(b"\n") == said["live"]
    assert said["sent"]["sent"] > 50_000
    # Two ports are taken in turn, but a machine that stalls hands frames on late.
    assert said["swapped"] <= said["sent"]["sent"] // 1000
    assert f"an-{os.getpid()}-" not in run("ip", "netns", "list")


@pytest.mark.slow
def test_benign_day_is_left_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = tmp_path / "run"

    status, said = played(capsys, "market_news", place, "--difficulty", "0.3")

    check_account(said)
    assert status == 0, said["held"]
    assert said["acts"] == []
    assert not said["lost"]
    truth = json.loads((place / "wire.pcapng.json").read_bytes())
    assert said["recorded"] == truth["frames"]


@pytest.mark.slow
def test_more_than_the_link_carries_is_late_or_lost_by_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    more = ("--difficulty", "0", "--speed", "100x")

    _, said = played(capsys, "syn_flood", tmp_path / "run", *more)

    check_account(said)
    assert said["speed"] == 100
    assert said["sent"]["late_worst_ns"] > 10_000_000


def begun(directory: Path) -> subprocess.Popen[bytes]:
    """Return a command that is sending by now."""
    command = [sys.executable, "-m", "airnet", *words("quiet", directory)]
    process = subprocess.Popen(
        command,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    tape = directory / "mirror.pcapng"
    wait_until(lambda: tape.exists() and tape.stat().st_size > 100_000, LIMIT_S)
    return process


@pytest.mark.slow
def test_signal_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    process = begun(tmp_path / "run")

    process.send_signal(signal.SIGINT)
    _, log = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 128 + signal.SIGINT
    assert b"interrupted" in log
    assert traces(process.pid) == []


def test_host_that_lacks_something_is_told_what(tmp_path: Path) -> None:
    place = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, "-m", "airnet", *words("quiet", place)],
        env={**environment(), "PATH": "/nonexistent"},
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )

    assert done.returncode == 69
    assert b"setpriv: apt-get install util-linux" in done.stderr
    assert not place.exists()


def eldest(held: list[str]) -> int:
    """Return the process that no other of these began: the sensor, not its warden."""
    (first,) = [
        one
        for one in held
        if Path(f"/proc/{one}/stat").read_text().rpartition(") ")[2].split()[1]
        not in held
    ]
    return int(first)


@pytest.mark.slow
def test_sensor_that_dies_ends_the_run(tmp_path: Path) -> None:
    process = begun(tmp_path / "run")
    held = run("ip", "netns", "pids", f"an-{process.pid}-cap").split()

    os.kill(eldest(held), signal.SIGKILL)
    _, log = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 70
    assert b"airnet ended with status" in log
    assert traces(process.pid) == []


@pytest.mark.slow
def test_killed_in_the_middle_is_swept_by_the_next(tmp_path: Path) -> None:
    process = begun(tmp_path / "run")

    process.kill()
    process.communicate(timeout=LIMIT_S)

    assert traces(process.pid)
    sweep()
    wait_until(lambda: traces(process.pid) == [], LIMIT_S)
