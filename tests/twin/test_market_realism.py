"""The moments are what they are called, and the twin's worlds are like markets."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from airnet.cli.realism import fit as fit_command, realism as realism_command
from airnet.errors import ConfigError
from airnet.twin import fit, moments, realism
from airnet.twin.moments import CANCEL, END, NEW, RECORD, REPLACE, TRADE
from airnet.twin.plan import Size
from airnet.twin.ranges import TRAIN
from airnet.twin.wirefile import write

SECOND = 10**9


def poisson(rate: float, seconds: float, seed: int = 1) -> Any:
    """Return the times of a Poisson stream."""
    draw = np.random.default_rng(seed)
    gaps = draw.exponential(SECOND / rate, int(rate * seconds))
    return np.cumsum(gaps).astype(np.int64)


def hawkes(rate: float, seconds: float, share: float) -> Any:
    """Return the times of a Hawkes process, cluster by cluster, decay 20 a second."""
    draw = np.random.default_rng(2)
    generation = poisson(rate, seconds)
    every = [generation]
    while len(generation):
        parents = np.repeat(generation, draw.poisson(share, len(generation)))
        generation = parents + draw.exponential(SECOND / 20, len(parents)).astype(int)
        every.append(generation)
    times = np.sort(np.concatenate(every))
    return times[times < seconds * SECOND]


def test_poisson_stream_has_no_clusters() -> None:
    """Fano factors and gaps of a Poisson stream are 1, and nothing excites."""
    times = poisson(1000, 300)

    for width in (SECOND // 1000, SECOND // 10, SECOND):
        assert moments.fano(times, width) == pytest.approx(1, abs=0.2)
    assert moments.gap_cv(times) == pytest.approx(1, abs=0.05)
    assert moments.branching(times) < 0.15


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_branching_is_found(share: float) -> None:
    """The estimator finds a Hawkes process's share of children."""
    times = hawkes(5, 4000, share)

    assert moments.branching(times) == pytest.approx(share, abs=0.08)


def records(*rows: tuple[float, int, int]) -> Any:
    """Return records from seconds, order and kind."""
    made = np.zeros(len(rows), RECORD)
    for one, (seconds, order, kind) in zip(made, rows, strict=True):
        one["time_ns"], one["order"], one["kind"] = seconds * SECOND, order, kind
    return made


def test_lives_of_orders() -> None:
    """A replace ends a life; who has not ended lives on; shares follow from that."""
    some = records(
        (0, 1, NEW),
        (0.0001, 2, NEW),
        (0.0002, 2, CANCEL),
        (0.03, 1, REPLACE),
        (0.5, 3, NEW),
        (0.6, 3, TRADE),
        (0.6, 3, END),
        (20, 4, NEW),
        (20.01, 4, CANCEL),
    )

    born, lived, cancelled = moments.lives(some)
    found = moments.measure(some)

    assert len(born) == 5
    assert sorted((lived / SECOND).round(4).tolist()) == [
        0.0001,
        0.01,
        0.03,
        0.1,
        19.98,
    ]
    assert cancelled.sum() == 3
    assert found["cancelled_in_50ms"] == 1
    assert found["cancelled_in_half_ms"] == pytest.approx(1 / 3)
    assert found["live_5s"] == pytest.approx(1 / 4)
    assert found["orders_per_trade"] == 5


def test_what_cannot_be_measured_fails() -> None:
    """NaN is in no band: a report never passes on what it did not see."""
    found = moments.measure(records((0, 1, NEW), (1, 2, NEW)))

    assert {line.split(":")[0] for line in moments.failures(found)} >= {
        "fano_1s",
        "branching",
        "day_ratio",
        "orders_per_trade",
    }


def test_worlds_are_like_markets() -> None:
    """The training domain's median world has every moment in its band."""
    report = realism.realism(seeds=range(20, 27))

    assert [one.name for one in report.findings if not one.holds] == []
    assert report.messages_per_s > 300


def test_report_can_fail() -> None:
    """A handful of traders is no market, and the report says so, with status 1."""
    done = CliRunner().invoke(
        realism_command,
        ["--worlds", "2", "--seconds", "60", "--sessions", "4", "--symbols", "1"],
        standalone_mode=False,
    )

    assert done.return_value == 1
    assert "OUT" in done.output
    assert "out of band: " in done.output


def test_fit_reads_a_capture(tmp_path: Path) -> None:
    """What is measured of a written world is what its market did; it makes worlds."""
    size = Size(duration_s=30, sessions=12, symbols=6)
    plan = realism.build(TRAIN, 5, size)
    capture, saved = tmp_path / "day.pcapng", tmp_path / "site.toml"
    truth = write(plan, capture)

    done = CliRunner().invoke(
        fit_command, [str(capture), "--output", str(saved)], standalone_mode=False
    )
    fitted = fit.load(saved)
    kinds = [int(plan.row("agent", n)["kind"]) for n in range(plan.count("agent"))]
    makers = kinds.count(1)
    orders = sum(one.count for one in truth.messages if one.type == "D")

    assert done.return_value == 0
    assert fitted.ranges.sessions[0] in range(9, 13)
    assert fitted.ranges.symbols == (6, 6)
    assert fitted.ranges.roles[0] == pytest.approx(makers / 12, abs=0.2)
    assert fitted.orders == pytest.approx(orders, rel=0.01)  # the mirror loses some
    assert 0.2 < fitted.moments["live_5s"] < 0.8
    assert realism.build(fitted.ranges, 1, Size(duration_s=5)).count("line") in range(
        9, 13
    )
    assert fit.load(saved) == msgspec.structs.replace(fitted)


def test_fit_refuses_what_is_no_fit(tmp_path: Path) -> None:
    """A file that is no fit is a bad configuration, in one line."""
    path = tmp_path / "bad.toml"
    path.write_text("span_s = 'long'\n")

    with pytest.raises(ConfigError, match=r"bad\.toml"):
        fit.load(path)
