"""Sweeps: the same bytes however they were made, and bounds instead of zeros."""

import functools
import hashlib
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import little_machine as machine
import msgspec
import pytest

from airnet.clock import SystemClock
from airnet.decide.policy import Policy
from airnet.errors import UnsupportedError, UsageError
from airnet.twin import interval, sweep
from airnet.twin.days import EpisodeRow, Season, episodes, play_day, poisson, uniform
from airnet.twin.parts import BOOLEANS, FLOATS, INTEGERS, Parts
from airnet.twin.plays import Play
from airnet.twin.policyfile import as_enforced
from airnet.twin.pool import Executor, Local
from airnet.twin.priors import read_priors

pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra twin)")

ROOT = Path(__file__).parents[2]
CLOCK = SystemClock()


def season(play: Play = machine.play, *, is_every: bool = False) -> Season:
    """Return days of the little machine under the shipped policy, enforced."""
    return Season(
        play=play,
        policy=as_enforced(Policy()),
        priors=read_priors(None),
        cases=machine.CASES,
        all_cases=machine.CASES,
        is_every=is_every,
    )


def swept(
    place: Path,
    days: int,
    executor: Executor | None = None,
    of: Season | None = None,
) -> sweep.Summary:
    """Sweep days into a directory."""
    chosen = of or season()
    parts = Parts(place, sweep.identity(chosen, "machine"))
    return sweep.run(chosen, days, parts, executor or Local(1))


def digests(place: Path) -> dict[str, str]:
    """Return the hash of every file below a directory."""
    return {
        path.relative_to(place).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }


def wait_for(is_so: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so."""
    end_ns = CLOCK.mono_ns() + int(seconds * 1e9)
    while not is_so():
        assert CLOCK.mono_ns() < end_ns, "it never was"
        CLOCK.sleep_s(0.005)


# ---- days ----


def test_a_day_depends_on_its_number_alone() -> None:
    whole = season()
    assert [one.seed for one in episodes(whole, 9)] == [
        one.seed for one in episodes(whole, 9)
    ]
    first, other = episodes(whole, 9), episodes(whole, 10)
    assert {one.seed for one in first}.isdisjoint({one.seed for one in other})
    assert len({one.seed for one in first}) == len(first)


def test_incidents_come_as_often_as_the_priors_say() -> None:
    """Over 5000 days: counts within the exact interval of what was drawn."""
    days = 5000
    priors = read_priors(None)
    drawn = [
        poisson(12 / 252, uniform("how often", 1, day, "reject_loop"))
        for day in range(1, days + 1)
    ]
    found = sum(
        one.case.name == "reject_loop"
        for day in range(1, 501)
        for one in episodes(season(), day)
    )

    assert priors.per_day(machine.CASES[3], machine.CASES) == pytest.approx(12 / 252)
    assert found == sum(drawn[:500])
    # Garwood's interval of 99.9 %, either end by itself.
    low = interval.count_max(sum(drawn) - 1, 0.0005)
    assert low <= days * 12 / 252 <= interval.count_max(sum(drawn), 0.9995)


def test_poisson_reaches_its_share() -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    for mean in (0.002, 0.3, 2.0, 20.0):
        for share in (0.0, 0.2, 0.5, 0.9, 0.999):
            assert poisson(mean, share) == max(0, stats.poisson.ppf(share, mean))


def test_a_day_stands_for_all_its_minutes() -> None:
    for is_every in (False, True):
        rows = play_day(season(is_every=is_every), 3)
        minutes = math.fsum(row.weight * row.episode_s for row in rows) / 60

        assert minutes == pytest.approx(390)
        calm = [row for row in rows if row.regime == "calm"]
        assert len(calm) == 4
        assert len({row.weight for row in calm}) == 1


def test_every_scenario_weighs_its_prior() -> None:
    rows = play_day(season(is_every=True), 1)
    weights = {row.scenario: row.weight for row in rows if row.scenario != "quiet"}

    assert weights["knight"] == pytest.approx(0.5 / 252 / 2)
    assert weights["reject_loop"] == pytest.approx(12 / 252)
    assert sum(row.weight for row in rows if row.scenario == "market_news") == 1.0
    assert {row.scenario for row in rows} == {case.name for case in machine.CASES}


# ---- the results ----


def test_columns_are_those_of_the_rows(tmp_path: Path) -> None:
    """Every column has its type, the documented one, and every row comes back."""
    import pyarrow.parquet

    found = swept(tmp_path / "s", 3)
    table = pyarrow.parquet.read_table(found.results)
    rows = msgspec.convert(table.to_pylist(), list[EpisodeRow])

    assert table.schema.names == list(EpisodeRow.__struct_fields__)
    for field in table.schema:
        text = "string" if field.name not in BOOLEANS else "bool"
        text = "double" if field.name in FLOATS else text
        assert str(field.type) == INTEGERS.get(field.name, text)
    assert rows == [row for day in (1, 2, 3) for row in play_day(season(), day)]
    manual = (ROOT / "docs" / "twin.md").read_text("utf-8")
    assert [one for one in table.schema.names if f"`{one}`" not in manual] == []


def test_workers_do_not_matter(tmp_path: Path) -> None:
    one, three = swept(tmp_path / "1", 12), swept(tmp_path / "3", 12, Local(3))

    assert digests(tmp_path / "1") == digests(tmp_path / "3")
    assert msgspec.structs.replace(one, results="") == msgspec.structs.replace(
        three, results=""
    )


def test_more_days_go_on_from_there(tmp_path: Path) -> None:
    swept(tmp_path / "twice", 4)
    swept(tmp_path / "twice", 9)
    swept(tmp_path / "once", 9)

    assert digests(tmp_path / "twice") == digests(tmp_path / "once")


def test_another_sweep_is_refused(tmp_path: Path) -> None:
    swept(tmp_path / "s", 2)
    before = digests(tmp_path / "s")

    with pytest.raises(UsageError, match="holds a sweep of something else"):
        swept(tmp_path / "s", 2, of=msgspec.structs.replace(season(), seed=2))
    assert digests(tmp_path / "s") == before


def test_two_sweeps_do_not_write_to_one_place(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "s", sweep.identity(season(), "machine"))
    with parts.opened(), pytest.raises(UsageError, match="another sweep writes there"):
        swept(tmp_path / "s", 2)


def test_a_failed_day_is_not_there_and_the_others_are(tmp_path: Path) -> None:
    failing = functools.partial(machine.failing_once, days_of="market_open")

    with pytest.raises(UnsupportedError, match="days failed") as caught:
        swept(tmp_path / "s", 6, of=season(failing))
    assert "run again" in str(caught.value)
    kept = list((tmp_path / "s" / "days").iterdir())
    assert 0 < len(kept) < 6
    assert not (tmp_path / "s" / "results.parquet").exists()


def test_a_worker_that_dies_is_told(tmp_path: Path) -> None:
    """Killed workers end the sweep with a line, never a hang; it can be resumed."""
    trigger = tmp_path / "die"
    dying = season(functools.partial(machine.dying, trigger=str(trigger)))
    trigger.touch()
    with pytest.raises(UnsupportedError, match="a worker process ended"):
        swept(tmp_path / "s", 6, Local(2), of=dying)
    trigger.unlink()
    swept(tmp_path / "s", 6, Local(2), of=dying)
    swept(tmp_path / "clean", 6, of=dying)

    assert digests(tmp_path / "s") == digests(tmp_path / "clean")


def test_kept_workers_stay_and_then_go() -> None:
    """Within `with` the same processes answer again, each its own share."""
    things = list(range(8))
    with Local(2) as workers:
        first = {one.index: one.value for one in workers.run(machine.whose, things)}
        again = {one.index: one.value for one in workers.run(machine.whose, things)}
        pids = {pid for pid in first.values() if pid is not None}
        assert set(again.values()) <= pids | set(first.values())
        assert os.getpid() not in pids
    wait_for(lambda: not any(map(is_alive, pids)))
    (alone,) = Local(2).run(machine.whose, [1])
    assert alone.value == os.getpid()


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
if __name__ == "__main__":
    from test_sweep import swept, Local
    swept(Path(sys.argv[1]), 150, Local(2))
"""


@pytest.mark.slow
def test_a_killed_sweep_goes_on_and_gives_the_same_bytes(tmp_path: Path) -> None:
    """After a kill -9 no worker is left over, no day lost or half."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    paths = [str(ROOT / one) for one in ("src", "tests/fakes/plays", "tests/twin")]
    place = tmp_path / "s"
    process = subprocess.Popen([sys.executable, script, place, *paths])
    try:
        wait_for(lambda: len(list(place.glob("days/[0-9]*"))) >= 20)
        workers = children(process.pid)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    days = len(list(place.glob("days/[0-9]*")))
    wait_for(lambda: not any(map(is_alive, workers)))

    assert 20 <= days < 150
    (place / "days" / ".000149.parquet.part").write_bytes(b"half a day")
    swept(place, 150)
    swept(tmp_path / "clean", 150)
    assert digests(place) == digests(tmp_path / "clean")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in text.split()]


def is_alive(pid: int) -> bool:
    """Return whether a process still runs; one that nobody waits for does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


# ---- what they say ----


def test_what_was_never_seen_is_bounded(tmp_path: Path) -> None:
    found = swept(tmp_path / "s", 30)
    by_name = {one.regime: one for one in found.regimes}
    calm = by_name["calm"]

    assert calm.false_containments == 0
    assert calm.per_day == 0
    weight = calm.standing_for / calm.episodes
    # The heaviest calm episode counts; days differ by a few minutes of events.
    exact = weight * -math.log(0.05) / 30
    assert exact <= calm.per_day_max <= exact * 1.01
    severe = by_name["incident, severe"]
    assert severe.per_day_max == pytest.approx(-math.log(0.05) / 30)
    assert found.total.per_day_max >= calm.per_day_max
    assert all(one.per_day_max > one.per_day for one in found.regimes)


def test_counts_are_those_of_the_rows(tmp_path: Path) -> None:
    found = swept(tmp_path / "s", 20)
    rows = [row for day in range(1, 21) for row in play_day(season(), day)]
    news = next(one for one in found.regimes if one.regime == "news")

    own = [row for row in rows if row.regime == "news"]
    assert news.false_containments == sum(row.false_containments for row in own) > 0
    assert news.per_day == pytest.approx(news.false_containments / 20)
    assert news.per_day_max == pytest.approx(
        interval.count_max(news.false_containments) / 20
    )
    assert found.bad_days == len({row.day for row in rows if row.false_containments})
    daily = [
        math.fsum(row.weight * row.caused_usd for row in rows if row.day == day)
        for day in range(1, 21)
    ]
    assert found.caused_usd.estimate == pytest.approx(sum(daily) / 20)
    assert found.caused_usd.low < found.caused_usd.estimate < found.caused_usd.high


def test_it_says_that_days_are_compressed(tmp_path: Path) -> None:
    text = swept(tmp_path / "s", 2).compressed
    partial = msgspec.structs.replace(season(is_every=True), cases=machine.CASES[3:])

    assert "4 of 'quiet' are played, each standing for its share" in text
    assert "the rest of the day is left out" in sweep.compressed(partial)


@pytest.mark.parametrize("days", [0, -1, sweep.DAYS_MAX + 1])
def test_days_are_counted(tmp_path: Path, days: int) -> None:
    with pytest.raises(UsageError, match="a sweep has 1 to"):
        swept(tmp_path / "s", days)
