"""The grader of bench/strangers gives planted decisions the marks they deserve."""

from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"
SECOND = 1_000_000_000
MS = 1_000_000
FLOODER, TRADER, OTHER = "9.9.9.9", "10.0.0.1", "10.0.0.2"
GATEWAY = "10.0.9.1:9001"


@pytest.fixture
def grading(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the module that grades."""
    monkeypatch.syspath_prepend(str(BENCH))
    from strangers import grade

    return grade


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the module that sums up."""
    monkeypatch.syspath_prepend(str(BENCH))
    from strangers import report

    return report


def incident(cause: str, key: str, **given: object) -> dict[str, object]:
    """Return an incident from second 10 to 20 with a harmful frame every 10 ms."""
    times = [10 * SECOND + number * 10 * MS for number in range(1000)]
    label = {"class": cause, "onset_ns": times[0], "due_ns": times[0]}
    label |= {"end_ns": 20 * SECOND, "sessions": [], "hosts": [], "victims": []}
    return label | {"gateway": "", "harm": {key: times}} | given


def labels(kind: str, *incidents: dict[str, object]) -> dict[str, object]:
    """Return the labels of a capture of two sessions."""
    sessions = [
        {"comp": "AAA", "host": TRADER, "gateway": GATEWAY},
        {"comp": "BBB", "host": OTHER, "gateway": GATEWAY},
    ]
    ends = [[f"{TRADER}:4001", "AAA"], [f"{OTHER}:4002", "BBB"]]
    return {
        "family": "planted",
        "seed": 1,
        "kind": kind,
        "file": "planted.pcap",
        "start_ns": 0,
        "end_ns": 30 * SECOND,
        "gateways": [GATEWAY],
        "sessions": sessions,
        "endpoints": ends,
        "incidents": list(incidents),
    }


def decision(cause: str, action: str, kind: str, *target: str, **given: int) -> Any:
    """Return a decision 10 ms after the onset that lasts for 30 s."""
    made = {"t_ns": 10 * SECOND + 10 * MS, "until_ns": 40 * SECOND}
    made |= {"cause": cause, "action": action, "target_type": kind}
    return made | {"target": list(target)} | given


def flood() -> dict[str, object]:
    """Return a flood of one foreign host."""
    return incident("flood", FLOODER, hosts=[FLOODER], gateway=GATEWAY)


def runaway() -> dict[str, object]:
    """Return a runaway of the first session."""
    return incident("algo_fault", "AAA", sessions=["AAA"])


def test_perfect_decisions_get_full_marks(grading: Any, report: Any) -> None:
    """The culprits, at once, to the end: every measure but the delay is perfect."""
    drop = decision("flood", "drop_sources", "source", FLOODER)
    limit = decision("algo_fault", "throttle_session", "session", f"{TRADER}:4001")
    grades = [
        grading.grade(labels("flood", flood()), [drop]),
        grading.grade(labels("algorithm", runaway()), [limit]),
        grading.grade(labels("benign"), []),
    ]
    marks = {one.name: one.value for one in report.measures(grades)}

    assert [one.avoided for grade in grades for one in grade.events] == [999, 999]
    assert marks["recall"] == marks["class accuracy"] == 1
    assert marks["harm avoided, mean"] == pytest.approx(0.999)
    assert marks["false containments, all"] == marks["collateral on floods"] == 0
    assert marks["state changes, most of an incident"] == 1
    assert marks["flood median, ms"] == marks["algo_fault median, ms"] == 10
    assert not report.misses(grades)


def test_awful_decisions_get_none(grading: Any, report: Any) -> None:
    """The wrong class, the wrong target, before the onset, on a quiet day."""
    wrong = decision("algo_fault", "throttle_session", "session", f"{OTHER}:4002")
    early = decision("flood", "drop_sources", "source", TRADER, t_ns=SECOND)
    hurt = decision("flood", "drop_sources", "source", TRADER, FLOODER)
    grades = [
        grading.grade(labels("flood", flood()), [early, wrong]),
        grading.grade(labels("flood", flood()), [hurt]),
        grading.grade(labels("algorithm", runaway()), []),
        grading.grade(labels("benign"), [wrong]),
    ]
    marks = {one.name: one.value for one in report.measures(grades)}

    assert marks["recall"] == pytest.approx(1 / 3)
    assert marks["class accuracy"] == pytest.approx(1 / 2)
    assert marks["false containments, benign"] == 1
    assert marks["false containments, all"] == 3
    assert marks["collateral on floods"] == 2
    assert marks["harm avoided, mean"] == pytest.approx(0.333)
    assert report.confusion(grades)["none"] == {"algo_fault": 1}
    assert len(report.misses(grades)) == 9


def test_flapping_is_counted(grading: Any) -> None:
    """Applied, ended, applied again, ended: four changes; renewed in time: one."""
    one = decision("algo_fault", "throttle_session", "session", f"{TRADER}:4001")
    short = one | {"until_ns": 12 * SECOND}
    later = one | {"t_ns": 14 * SECOND, "until_ns": 16 * SECOND}
    joined = one | {"t_ns": 12 * SECOND}
    world = labels("algorithm", runaway())

    assert grading.grade(world, [short, later]).events[0].changes == 4
    assert grading.grade(world, [short, joined]).events[0].changes == 1


def test_a_shielded_gateway_covers_forged_sources(grading: Any) -> None:
    """A gateway's rate limit avoids a forged flood's harm and hurts nobody."""
    forged = incident("flood", "*", gateway=GATEWAY)
    shield = decision("flood", "rate_limit_sources", "gateway", GATEWAY)
    found = grading.grade(labels("flood", forged), [shield])

    assert found.events[0].avoided == 999
    assert found.false_containments == found.collateral == []


def test_what_is_only_told_needs_no_action(grading: Any) -> None:
    """A compromise is told by evidence about the host; another class is no find."""
    world = labels("compromise", incident("compromise", OTHER, hosts=[OTHER]))
    told = decision("compromise", "evidence", "host", OTHER, until_ns=0)
    unsure = told | {"cause": "unknown"}

    assert grading.grade(world, [told]).events[0].named
    assert not grading.grade(world, [unsure]).events[0].found
    assert grading.grade(world, [unsure]).events[0].said == "nothing"
