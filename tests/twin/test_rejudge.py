"""airnet twin keep and rejudge: days that outlive a kill, bounds instead of zeros."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from airnet.cli import main
from airnet.clock import SystemClock
from airnet.errors import EXIT_DONE, EXIT_USAGE
from airnet.twin import interval, rejudged
from airnet.twin.meter import LINES
from airnet.twin.outcome import Wrong
from airnet.twin.rejudged import EpisodeJudged, Wronged
from airnet.twin.reports_kept import of_bound, share

pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra twin)")

ROOT = Path(__file__).parents[2]
CLOCK = SystemClock()
FEW = ("--scenario", "quiet", "--calm-samples", "1", "--workers", "1", "--seed", "9")


def run(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = main(["twin", *map(str, words)])
    out, err = capfd.readouterr()
    return status, out, err


def days(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(place.glob("days/*"))}


def wait_for(is_so: Callable[[], bool], seconds: float = 240) -> None:
    end_ns = CLOCK.mono_ns() + int(seconds * 1e9)
    while not is_so():
        assert CLOCK.mono_ns() < end_ns, "it never was"
        CLOCK.sleep_s(0.005)


def row(day: int, *, is_false: bool = False, **given: Any) -> EpisodeJudged:
    wrong = Wronged(
        rule="session.a",
        target=("10.0.0.1:1", "A"),
        t_ns=1,
        wrong=Wrong.NO_INCIDENT,
        measured=2,
        limit=1,
    )
    known: dict[str, Any] = {
        "day": day,
        "episode": 0,
        "scenario": "quiet",
        "severity": "benign",
        "regime": "calm",
        "seed": 1,
        "domain": "report",
        "difficulty": 0.5,
        "weight": 1.0,
        "episode_s": 20.0,
        "windows": 100,
        "session_s": 360.0,
        "decisions": 0,
        "has_incident": False,
        "is_contained": False,
        "wrong": (wrong,) if is_false else (),
        "plain": dict.fromkeys(LINES, (0, False)),
    }
    return EpisodeJudged(**(known | given))


def test_kept_days_are_judged_and_bounded(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    few = ("--scenario", "duplicate_clordid_loop", "--every-scenario", "--difficulty")
    status, *_ = run(
        capfd, "keep", *FEW, *few, "0", "--days", 2, "--output", tmp_path, "--json"
    )
    assert status == EXIT_DONE

    status, out, _ = run(capfd, "rejudge", tmp_path, "--workers", 1, "--json")

    assert status == EXIT_DONE
    found = json.loads(out)
    assert (found["days"], found["episodes"]) == (2, 4)
    assert found["windows"] > 4000
    assert found["session_hours"] > found["simulated_hours"]
    assert found["bad_days_max"] == interval.share_max(found["bad_days"], 2)
    ours = {one["name"]: one for one in found["detectors"]}
    assert ours["airnet"]["caught"] == ours["airnet"]["incidents"] == 2
    assert set(ours) == {"airnet", "fixed", "ewma", "cusum"}

    status, out, _ = run(capfd, "rejudge", tmp_path, "--workers", 1)
    assert status == EXIT_DONE
    assert "one-line detectors" in out
    assert "Days with one" in out


def test_a_kill_costs_what_was_not_finished(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The same bytes as if nothing had happened; what is there is not played again."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    words = ["twin", "keep", *FEW, "--days", "40", "--output", str(killed)]
    child = subprocess.Popen(
        [sys.executable, "-m", "airnet", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: len(list(killed.glob("days/0*.kept"))) >= 2)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    there = len(days(killed))
    assert 2 <= there < 40, "it was to be killed in the middle"
    stamp = (killed / "days" / "000001.kept").stat().st_mtime_ns

    status, *_ = run(capfd, "keep", *FEW, "--days", there + 1, "--output", killed)
    assert status == EXIT_DONE
    assert (killed / "days" / "000001.kept").stat().st_mtime_ns == stamp
    run(capfd, "keep", *FEW, "--days", there + 1, "--output", whole)
    assert days(killed) == days(whole)


def test_judged_days_are_not_judged_again_but_under_another_policy(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(capfd, "keep", *FEW, "--days", 2, "--output", tmp_path)
    run(capfd, "rejudge", tmp_path, "--workers", 1)
    (done,) = (tmp_path / "judged").iterdir()
    changed = done / "000001.json"
    rows = msgspec.json.decode(changed.read_bytes(), type=list[EpisodeJudged])
    marked = [msgspec.structs.replace(one, decisions=12345) for one in rows]
    changed.write_bytes(msgspec.json.encode(marked))
    (done / "000002.json").unlink()

    _, out, _ = run(capfd, "rejudge", tmp_path, "--workers", 1, "--json")
    assert json.loads(out)["days"] == 2
    assert (done / "000002.json").exists()
    assert b"12345" in changed.read_bytes()

    run(capfd, "rejudge", tmp_path, "--workers", 1, "--as-written")
    assert len(list((tmp_path / "judged").iterdir())) == 2


def test_a_directory_holds_one_season(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(capfd, "keep", *FEW, "--days", 1, "--output", tmp_path)

    status, _, err = run(
        capfd, "keep", *FEW[:-1], "10", "--days", 1, "--output", tmp_path
    )

    assert status == EXIT_USAGE
    assert "holds a sweep of something else: seed 9" in err


def test_worlds_of_another_size_are_another_season(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    small = (*FEW, "--sessions", 6, "--symbols", 3, "--days", 1, "--output", tmp_path)
    status, _, _ = run(capfd, "keep", *small)
    assert status == EXIT_DONE
    held = json.loads((tmp_path / "kept.json").read_bytes())
    assert held["size"] == {"sessions": 6, "symbols": 3}

    status, _, _ = run(capfd, "keep", *FEW, "--days", 1, "--output", tmp_path)

    assert status == EXIT_USAGE


def test_where_nothing_is_kept_nothing_is_bounded(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(capfd, "rejudge", tmp_path)

    assert status == EXIT_USAGE
    assert "no kept days" in err


def test_nothing_seen_is_bounded_by_three_in_so_many() -> None:
    found = rejudged.bound([row(day) for day in range(1, 1001)], 1000, "p", "b")

    assert found.false_episodes == found.bad_days == 0
    assert found.bad_days_max == pytest.approx(0.003, rel=0.01)
    assert found.total.per_day_max == pytest.approx(0.003, rel=0.01)
    (sheet, *_) = of_bound(found)
    assert "at most 1 in 334 at 95 %" in sheet.note


def test_what_was_seen_is_counted_by_episode_and_day() -> None:
    """Two in one day are one bad day; what stands for ten weighs ten."""
    rows = [row(day) for day in range(1, 21)]
    rows += [row(3, is_false=True, weight=10.0), row(3, is_false=True)]

    found = rejudged.bound(rows, 20, "p", "b")

    assert (found.false_episodes, found.bad_days) == (2, 1)
    assert found.bad_days_max == interval.share_max(1, 20)
    assert found.false_episodes_max == interval.share_max(2, 22)
    assert found.total.per_day == pytest.approx(11 / 20)
    assert {one.seed for one in found.wrong} == {1}
    assert of_bound(found)[2].rows[0][:4] == ("3", "quiet", "1", "session.a")


def test_detectors_are_counted_over_the_same_episodes() -> None:
    alarmed = {"fixed": (3, False), "ewma": (0, True), "cusum": (1, True)}
    rows = [row(1), row(1, plain=alarmed, has_incident=True, is_contained=True)]

    found = {one.name: one for one in rejudged.bound(rows, 1, "p", "b").detectors}

    assert [found[name].false_episodes for name in ("airnet", *LINES)] == [0, 1, 0, 1]
    assert [found[name].caught for name in ("airnet", *LINES)] == [1, 0, 1, 1]
    assert {one.incidents for one in found.values()} == {1}


def test_a_small_share_is_said_as_one_in_so_many() -> None:
    assert share(0.25) == "25 %"
    assert share(0.002) == "1 in 500"
    assert share(0.0) == "0 %"
