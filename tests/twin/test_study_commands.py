"""The commands that study policies: statuses, one document, one line for an error."""

import json
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path
from typing import Any

import little_machine as machine
import pytest

from airnet.cli import main
from airnet.config import load
from airnet.decide.policy import Policy
from airnet.errors import (
    EXIT_CONFIG,
    EXIT_DONE,
    EXIT_NO,
    EXIT_UNAVAILABLE,
    EXIT_USAGE,
)
from airnet.twin import casebook, catalogue, interval
from airnet.twin.curve import Curve, Wanted, curve, evenly
from airnet.twin.policyfile import as_enforced
from airnet.twin.pool import Local
from airnet.twin.priors import Case, read_priors

SHIPPED = Path(__file__).parents[2] / "src" / "airnet" / "data" / "policy.toml"
ONE = ("--workers", "1")


@pytest.fixture(autouse=True)
def _little_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the commands study the little machine."""
    monkeypatch.setattr(casebook, "cases", lambda: machine.CASES)
    monkeypatch.setattr(casebook, "play", machine.play)


@pytest.fixture
def slower(tmp_path: Path) -> Path:
    """Write a policy that waits longer."""
    path = tmp_path / "slower.toml"
    text = SHIPPED.read_text()
    path.write_text(text.replace("opinion_dwell_ms = 900", "opinion_dwell_ms = 2500"))
    return path


def run(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Run a command; return its status and what it wrote."""
    status = main(["twin", *map(str, words)])
    out, err = capfd.readouterr()
    return status, out, err


def document(text: str) -> dict[str, Any]:
    """Return the one JSON document of standard output."""
    assert text.count("\n") == 1
    found: dict[str, Any] = json.loads(text)
    return found


# ---- diff ----


def test_diff_gates(
    capfd: pytest.CaptureFixture[str], slower: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.md"
    status, out, _ = run(capfd, "diff", SHIPPED, slower, *ONE, "--output", report)
    assert status == EXIT_DONE
    assert "Gate: does not pass" in out
    text = report.read_text()
    assert text.startswith(f"# {SHIPPED} to {slower}")
    assert "Got looser: cause.algo_fault.opinion_dwell_ms." in text
    assert "|  |  | worse | to contain, s |" in text

    status, out, _ = run(capfd, "diff", SHIPPED, slower, *ONE, "--gate", "--json")
    assert status == EXIT_NO
    found = document(out)
    assert not found["gate"]["passes"]
    assert found["seeds"] == list(range(1, 31))

    status, out, _ = run(capfd, "diff", slower, SHIPPED, *ONE, "--gate", "--json")
    assert status == EXIT_DONE
    assert document(out)["gate"]["severe"] == ["knight", "slow_runaway"]


def test_diff_says_what_failed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(casebook, "play", machine.failing)
    status, out, err = run(capfd, "diff", SHIPPED, SHIPPED, *ONE, "--json")

    assert status == EXIT_NO
    assert len(document(out)["failures"]) == 2
    said = "knight, seed 7: the play failed: RuntimeError: the world was made too small"
    assert err.count(said) == 1


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["diff", SHIPPED, "missing.toml"], EXIT_CONFIG, "missing.toml"),
        (["diff", SHIPPED], EXIT_USAGE, "POLICY_B"),
        (["diff", SHIPPED, SHIPPED, "--scenario", "x*"], EXIT_USAGE, "no scenario x*"),
        (["diff", SHIPPED, SHIPPED, "--seeds", "0"], EXIT_USAGE, "--seeds"),
        (["diff", SHIPPED, SHIPPED, "--priors", SHIPPED], EXIT_CONFIG, "unknown key"),
        (["sweep"], EXIT_USAGE, "--days"),
        (["sweep", "--days", "1", "--scheduler", "x"], EXIT_USAGE, "--scheduler does"),
        (["curve", "*"], EXIT_USAGE, "more than one scenario"),
        (["curve", "knight", "--plot", "plot.xls"], EXIT_USAGE, "no format"),
        (["tune", "--knob", "nothing"], EXIT_USAGE, "--knob"),
    ],
)
def test_errors_are_one_line(
    capfd: pytest.CaptureFixture[str], words: list[object], status: int, said: str
) -> None:
    found, out, err = run(capfd, *words)

    assert found == status
    assert not out or json.loads(out)["error"]["exit_status"] == status
    assert said in err
    assert "Traceback" not in err


def test_a_report_that_cannot_be_written_is_told(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = tmp_path / "missing" / "report.md"
    words = ("--scenario", "quiet", "--seeds", "1", "--output", place)
    status, _, err = run(capfd, "diff", SHIPPED, SHIPPED, *ONE, *words)

    assert status == EXIT_UNAVAILABLE
    assert "cannot be written" in err


# ---- sweep ----


def test_sweep_bounds_what_it_never_saw(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra twin)")
    words = ("sweep", "--days", "5", *ONE, "--output", tmp_path / "s")
    status, out, _ = run(capfd, *words)
    assert status == EXIT_DONE
    assert "none seen" in out
    assert "A day is compressed" in out

    status, out, _ = run(capfd, *words, "--json")
    found = document(out)
    assert status == EXIT_DONE
    assert found["days"] == 5
    assert all(one["per_day_max"] > 0 for one in found["regimes"])

    status, out, err = run(capfd, *words, "--seed", "2")
    assert status == EXIT_USAGE
    assert "holds a sweep of something else" in err
    status, out, err = run(capfd, *words, "--calm-samples", "9")
    assert status == EXIT_USAGE


# ---- tune ----


def test_tune_writes_the_policy_and_its_evidence(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("optuna", reason="optuna is not installed (extra twin)")
    place = tmp_path / "tuned"
    words = ("tune", "--trials", "60", *ONE, "--output", place)
    status, out, err = run(capfd, *words)

    assert status == EXIT_DONE
    assert "Proposal: passes the gate" in out
    assert "airnet: looser: cause.algo_fault.opinion_dwell_ms" in err
    proposed = load(place / "proposed.toml", Policy)
    evidence = json.loads((place / "evidence.json").read_bytes())
    values = evidence["found"]["proposed"]["values"]
    assert (
        proposed.cause.algo_fault.opinion_dwell_ms
        == (values["cause.algo_fault.opinion_dwell_ms"])
    )
    assert "# where no evidence is asked for" in (place / "proposed.toml").read_text()
    assert (place / "report.md").read_text().startswith("# A tuned policy")


def test_tune_without_a_proposal_leaves_no_policy(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An earlier proposal does not stay behind beside another search's evidence."""
    pytest.importorskip("optuna", reason="optuna is not installed (extra twin)")
    place = tmp_path / "tuned"
    place.mkdir()
    (place / "proposed.toml").write_text("old")
    words = ("tune", "--trials", "2", *ONE, "--knob", "cause.flood.dwell_ms=0..9")
    status, out, _ = run(capfd, *words, "--output", place)

    assert status == EXIT_NO
    assert "Proposal: none" in out
    assert not (place / "proposed.toml").exists()
    assert (place / "evidence.json").exists()


# ---- curve ----


def charted(name: str, seeds: int = 40) -> Curve:
    """Chart a scenario of the little machine."""
    (case,) = [one for one in machine.CASES if one.name == name]
    wanted = Wanted(
        case=case,
        policy=as_enforced(load(SHIPPED, Policy)),
        difficulties=evenly(6),
        seeds=tuple(range(seeds)),
        play=machine.play,
    )
    return curve(wanted, Local(1))


def test_a_curve_falls_as_it_gets_harder() -> None:
    found = charted("knight")
    shares = [one.share.estimate for one in found.steps]

    assert [one.difficulty for one in found.steps] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert shares[0] == 1.0
    assert shares[-1] == 0.0
    assert shares == sorted(shares, reverse=True)
    assert found.steps[0].share == interval.proportion(40, 40)
    assert found.steps[0].seconds.estimate == pytest.approx(0.94)
    assert found.steps[-1].seconds.estimate == float("inf")
    assert found.steps[0].orders.estimate < found.steps[2].orders.estimate
    assert found.steps[-1].orders.estimate == float("inf")
    assert found.steps[0].promptly == interval.proportion(40, 40)
    assert found.steps[-1].promptly == interval.proportion(0, 40)


def test_a_benign_curve_counts_false_containments() -> None:
    found = charted("market_news")

    assert found.meaning == "share falsely contained"
    assert found.steps[0].share.estimate == 0
    assert found.steps[0].share.high > 0.05
    assert found.steps[-1].share.estimate == 1
    assert found.steps[-1].false_containments == 40


def test_curve_prints_and_draws(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (report)")
    plot = tmp_path / "curve.svg"
    words = ("curve", "knight", "--steps", "3", *ONE, "--plot", plot)
    status, out, _ = run(capfd, *words)
    assert status == EXIT_DONE
    assert "100 % (88.4 % to 100 %)" in out
    assert "at most 50" in out
    assert plot.read_bytes().startswith(b"<?xml")

    status, out, _ = run(capfd, *words, "--json")
    steps = document(out)["steps"]
    assert [one["share"]["estimate"] for one in steps] == [
        1.0,
        steps[1]["share"]["estimate"],
        0.0,
    ]
    assert steps[2]["seconds"]["estimate"] is None


# ---- priors ----


def test_shipped_priors_say_of_every_scenario_how_often() -> None:
    """Also of scenarios that nobody named: none is left out of the sum."""
    priors = read_priors(None)
    cases = machine.CASES

    assert priors.per_day(cases[0], cases, 20.0) == 390 * 3
    assert priors.regime(cases[0]) == "calm"
    assert sum(priors.per_day(case, cases) for case in cases[4:]) == pytest.approx(
        0.5 / 252
    )
    scaled = priors.scaled(10)
    assert scaled.per_day(cases[4], cases) == pytest.approx(5 / 252 / 2)
    assert scaled.per_day(cases[1], cases) == priors.per_day(cases[1], cases)


def test_every_scenario_of_the_catalogue_has_its_kind_of_hour() -> None:
    """None falls under `other`, and every pattern of the table fits something."""
    names = catalogue.names()
    priors = read_priors(None)
    severities = {name: catalogue.scenario(name).spec.severity for name in names}
    benign = [name for name in names if severities[name] == "benign"]
    cases = [Case(name=name, severity="benign") for name in benign]
    patterns = [one for rule in priors.benign for one in rule.scenarios]

    assert priors.calm.scenario in benign
    assert {c.name for c in cases if priors.regime(c) == "other"} == set()
    unused = [one for one in patterns if not any(fnmatch(n, one) for n in benign)]
    assert unused == []


@pytest.mark.parametrize("words", ["diff", "sweep", "tune", "curve"])
def test_help_tells_statuses_and_examples(
    capfd: pytest.CaptureFixture[str], words: str
) -> None:
    status, out, _ = run(capfd, words, "--help")

    assert status == EXIT_DONE
    assert "Exit statuses" in out
    assert "Examples" in out
    assert "--json" in out
