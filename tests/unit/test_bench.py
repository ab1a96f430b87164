"""The bench measures what it says, and says what it lacks."""

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from airnet.bench import STAGES, render, run
from airnet.bench.hiccup import Floor
from airnet.bench.spin import BUCKETS, STEP_NS, summarise
from airnet.bench.stages import cost, frames_of
from airnet.bench.trials import figures
from airnet.errors import UsageError
from airnet.twin.traffic import Params, generate


def test_run_when_the_stage_is_unknown_then_it_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="capture, decode"):
        run(["captur"])


def test_run_when_one_stage_is_asked_then_it_alone_is_measured() -> None:
    found = run(["features"])

    assert list(found["stages"]) == ["features"]
    assert "lab" not in found
    for each in found["stages"]["features"]:
        assert 0 < each["best_ns"] <= each["median_ns"] <= each["max_ns"]
    assert found["floor"]["readings"] > 1000
    assert found["host"]["kernel"]


def test_render_when_everything_is_there_then_it_is_one_picture() -> None:
    found = run(["features"])
    found["lab"] = {
        "a -> b": figures([1000, 2000, 3000]),
        "c -> d": {"missing": "root"},
    }
    out = io.StringIO()

    Console(file=out, width=120).print(render(found))

    text = out.getvalue()
    assert "features" in text
    assert "missing: root" in text
    assert "floor while measuring" in text


def test_stages_are_those_of_the_pipeline_and_the_lab() -> None:
    assert STAGES == (
        "capture",
        "decode",
        "features",
        "score",
        "decide",
        "pipeline",
        "lanes",
        "lab",
    )


def test_floor_sees_the_clock_many_times() -> None:
    with Floor() as floor:
        sum(range(300_000))

    assert floor.found["p50_ns"] <= floor.found["p99_ns"] <= floor.found["max_ns"]


def test_summarise_ranks_short_and_long_gaps_alike() -> None:
    counts = np.zeros(BUCKETS, np.int64)
    counts[5] = 989
    long_ns = [2_000_000 + i for i in range(11)]

    found = summarise(counts, long_ns)

    assert found["readings"] == 1000
    assert found["p50_ns"] == 6 * STEP_NS
    assert found["p99_ns"] == 2_000_000
    assert found["max_ns"] == 2_000_010
    assert found["over_1_ms"] == 11


def test_cost_is_ns_of_one_row() -> None:
    times = iter([9999, 100, 200, 300])

    found = cost("row", 10, lambda: next(times), 3)

    assert (found.best_ns, found.median_ns, found.max_ns) == (10.0, 20.0, 30.0)


def test_frames_of_points_into_its_buffer() -> None:
    episode = generate("quiet", 1, params=Params(duration_s=1.0, sessions=2))

    rows, buffer = frames_of(episode)

    for row, (time_ns, frame) in zip(rows, episode.frames, strict=True):
        start, end = row["offset"], row["offset"] + row["captured_bytes"]
        assert row["time_ns"] == time_ns
        assert buffer[start:end].tobytes() == frame


def test_budgets_name_a_bench_each() -> None:
    folder = Path(__file__).parents[2] / "bench"
    text = (folder / "budgets.toml").read_text("utf-8")
    names = [
        line[7:-1].split("]")[0] for line in text.splitlines() if line[:7] == "[bench."
    ]

    assert names
    for name in names:
        assert (folder / f"{name}.py").exists()
