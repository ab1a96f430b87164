"""The timeline says what happened when, and the picture is the same each time."""

from pathlib import Path

import pytest

from airnet.decide.policy import Policy
from airnet.errors import UnsupportedError
from airnet.twin.closed import Terms
from airnet.twin.loop import Prepared, enforced, play_on
from airnet.twin.outcome import Outcome
from airnet.twin.timeline import STEP_NS, Sampler, Series, bars, moments, plot, without
from tests.fakes.stage import TapeStage


@pytest.fixture(scope="module")
def played() -> tuple[Outcome, Series, Series]:
    prepared = Prepared(TapeStage("runaway", 3))
    sampler = Sampler(prepared.stage.span_ns[0], prepared.case.culprits)
    outcome = play_on(prepared, enforced(Policy()), terms=Terms(look=sampler))
    return outcome, sampler.series, without(prepared.stage, prepared.case.culprits)


def test_series_when_contained_then_the_culprit_falls_silent(
    played: tuple[Outcome, Series, Series],
) -> None:
    outcome, now, was = played
    (act,) = outcome.acts
    at = (act.effect_ns - outcome.start_ns) // STEP_NS
    end = (outcome.labels[0].offset_ns - outcome.start_ns) // STEP_NS

    assert sum(now.culprit_messages[at + 1 : end]) == 0
    assert sum(was.culprit_messages[at + 1 : end]) > 100
    assert abs(sum(was.frames[:at]) - sum(now.frames[:at])) < 100, "a step's edge"
    assert now.culprit_cents[-1] > was.culprit_cents[-1]


def test_moments_are_in_order_and_name_each_thing(
    played: tuple[Outcome, Series, Series],
) -> None:
    found = moments(played[0])

    assert [one.after_ns for one in found] == sorted(one.after_ns for one in found)
    kinds = [one.kind for one in found if one.kind != "note"]
    assert kinds[:3] == ["onset", "decision", "in force"]
    assert {"offset", "ended"} <= set(kinds)


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ([], 8, ""),
        ([0, 0, 0], 8, "   "),
        ([0, 5, 10], 3, " ▄█"),
        ([10] * 8, 4, "████"),
        ([1, 1000], 2, "▁█"),
    ],
)
def test_bars_when_anything_was_there_then_it_is_seen(
    values: list[int], width: int, expected: str
) -> None:
    assert bars(values, width) == expected


def test_plot_when_drawn_twice_then_the_pictures_are_equal(
    played: tuple[Outcome, Series, Series], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is an extra")
    outcome, now, was = played
    for name in ("one.png", "two.png"):
        plot(tmp_path / name, outcome, now, was)

    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_plot_when_the_kind_is_unknown_then_it_says_so(
    played: tuple[Outcome, Series, Series], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is an extra")

    with pytest.raises(UnsupportedError, match="cannot be written"):
        plot(tmp_path / "one.nothing", *played)
