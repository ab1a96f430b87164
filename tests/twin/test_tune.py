"""Tune: a search that can be made again, a proposal that is judged elsewhere."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import little_machine as machine
import msgspec
import pytest
from hypothesis import given, strategies as st

from airnet.config import load
from airnet.decide.policy import Policy
from airnet.errors import UnsupportedError, UsageError
from airnet.twin.candidates import Point, Search
from airnet.twin.interval import Interval
from airnet.twin.knobs import KNOBS, Knob, knobs_of
from airnet.twin.pareto import plot_search
from airnet.twin.policyfile import flat, replaced
from airnet.twin.pool import Local
from airnet.twin.priors import read_priors
from airnet.twin.proposal import Evidence, Hearing, proposal
from airnet.twin.reports import of_search
from airnet.twin.tune import front, propose, search

pytest.importorskip("optuna", reason="optuna is not installed (extra twin)")

SHIPPED = Path(__file__).parents[2] / "src" / "airnet" / "data" / "policy.toml"
DWELL = Knob(field="cause.algo_fault.opinion_dwell_ms", low=0, high=3000)
SURE = Knob(field="cause.algo_fault.probability_min", low=0.5, high=0.99, step=0)
IDLE = Knob(field="cause.flood.dwell_ms", low=0, high=1000)


def wanted(**changes: object) -> Search:
    """Return a small search on the little machine."""
    given = {
        "policy": load(SHIPPED, Policy),
        "knobs": (DWELL, SURE, IDLE),
        "cases": machine.CASES,
        "seeds": tuple(range(1, 9)),
        "priors": read_priors(None),
        "play": machine.play,
        "trials": 60,
        **changes,
    }
    return Search(**given)


def judged(policy: Policy | None = None, **changes: object) -> tuple[Policy, Evidence]:
    """Search and judge on unseen seeds."""
    asked = wanted(**({"policy": policy} if policy else {}), **changes)
    hearing = Hearing(play=machine.play, cases=machine.CASES)
    return proposal(asked, hearing, Local(1), SHIPPED)


def point(trial: int, missed: float, caused: float, **more: object) -> Point:
    """Return a candidate with these costs."""
    given = {
        "trial": trial,
        "values": {},
        "missed": Interval(missed, missed, missed),
        "caused": Interval(caused, caused, caused),
        "caused_by_incidents": 0.0,
        "contain_s": 1.0,
        "false_per_day": 0.0,
        "excess_s": -1.0,
        **more,
    }
    return Point(**given)


# ---- the search ----


def test_a_search_can_be_made_again() -> None:
    """The same seed gives the same candidates, with any number of workers."""
    one = search(wanted(), Local(1))
    with Local(2) as workers:
        two = search(wanted(), workers)
    other = search(wanted(seed=2), Local(1))

    assert msgspec.json.encode(one) == msgspec.json.encode(two)
    assert [p.values for p in other.points] != [p.values for p in one.points]


def test_the_current_policy_is_the_first_candidate() -> None:
    found = search(wanted(trials=20), Local(1))

    assert found.points[0].values == found.current.values
    assert found.points[0].total() == found.current.total()
    values = flat(load(SHIPPED, Policy))
    assert found.current.values == {
        k.field: values[k.field] for k in (DWELL, SURE, IDLE)
    }


def test_costs_are_those_of_the_plays() -> None:
    """Dollars a day: episodes' means times the priors, added up by hand."""
    asked = wanted(trials=1)
    found = search(asked, Local(1))
    facts = found.plays["current"]
    total = 0.0
    for case in asked.cases:
        own = [one for one in facts if one.scenario == case.name]
        rate = asked.priors.per_day(case, asked.cases, own[0].episode_s)
        total += rate * sum(one.missed + one.caused for one in own) / len(own)

    assert found.current.total() == pytest.approx(total)
    assert len(facts) == len(asked.cases) * len(asked.seeds)
    severe = [one.contain_s for one in facts if one.severity == "severe"]
    assert found.current.contain_s == pytest.approx(sum(severe) / len(severe))


def test_a_limit_on_seconds_is_kept() -> None:
    found = search(wanted(contain_s_max=2.5), Local(1))
    feasible = [one for one in found.points if one.is_feasible]

    assert 0 < len(feasible) < len(found.points)
    assert all(one.contain_s <= 2.5 for one in feasible)
    kept = {one.trial for one in feasible}
    assert set(found.front) <= kept
    later = [one.is_feasible for one in found.points[40:]]
    sooner = [one.is_feasible for one in found.points[:20]]
    assert sum(later) > sum(sooner)  # the sampler is guided by it


def test_what_cannot_be_meant_is_not_played() -> None:
    """A ttl below the dwell would flap; lint says so, and the search skips it."""
    knobs = (
        Knob(field="cause.algo_fault.ttl_ms", low=100, high=60_000),
        Knob(field="cause.algo_fault.opinion_dwell_ms", low=0, high=60_000),
    )
    found = search(wanted(knobs=knobs, trials=40), Local(1))

    assert found.skipped > 0
    assert len(found.points) == 40 - found.skipped
    assert all(
        one.values["cause.algo_fault.ttl_ms"]
        >= one.values["cause.algo_fault.opinion_dwell_ms"]
        for one in found.points
    )


def test_a_search_goes_on_from_its_storage(tmp_path: Path) -> None:
    storage = str(tmp_path / "one.db")  # one seed: intervals without ends
    search(wanted(trials=4, storage=storage, seeds=(1,)), Local(1))
    search(wanted(trials=6, storage=storage, seeds=(1,)), Local(1))
    storage = str(tmp_path / "search.db")
    first = search(wanted(trials=20, storage=storage), Local(1))
    second = search(wanted(trials=40, storage=storage), Local(1))

    assert second.points[:20] == first.points
    assert len(second.points) == 40
    with pytest.raises(UsageError, match="holds the search of something else"):
        search(wanted(trials=40, storage=storage, seeds=(5,)), Local(1))


def test_nothing_to_search_over_is_refused() -> None:
    for changes in ({"cases": ()}, {"seeds": ()}, {"knobs": ()}):
        with pytest.raises(UsageError):
            search(wanted(**changes), Local(1))


def test_a_world_that_fails_ends_the_search() -> None:
    with pytest.raises(UnsupportedError, match="knight, seed 7: RuntimeError"):
        search(wanted(play=machine.failing), Local(1))


# ---- the front ----


def beaten(one: Point, other: Point) -> bool:
    """Return whether `other` is as good in both objectives and better in one."""
    mine = (one.missed.estimate, one.caused.estimate)
    theirs = (other.missed.estimate, other.caused.estimate)
    return theirs != mine and all(b <= a for a, b in zip(mine, theirs, strict=True))


COSTS = st.lists(st.tuples(st.integers(-3, 9), st.integers(-3, 9)), max_size=14)


@given(COSTS)
def test_the_front_is_what_brute_force_finds(costs: Sequence[tuple[int, int]]) -> None:
    points = [point(n, float(a), float(b)) for n, (a, b) in enumerate(costs)]
    unbeaten = {
        (p.missed.estimate, p.caused.estimate)
        for p in points
        if not any(beaten(p, other) for other in points)
    }
    found = [points[place] for place in front(points)]
    drawn = [(one.missed.estimate, one.caused.estimate) for one in found]

    assert set(drawn) == unbeaten
    assert len(drawn) == len(set(drawn))
    assert all(
        a.caused.estimate < b.caused.estimate for a, b in itertools.pairwise(found)
    )


def test_what_is_too_slow_is_not_on_the_front() -> None:
    points = [point(0, 1, 1, excess_s=0.5), point(1, 5, 5), point(2, 6, 4)]

    assert front(points) == [2, 1]


def test_proposed_is_the_cheapest_that_hurts_no_severe_scenario() -> None:
    current = point(-1, 50, 50)
    worse = point(1, 1, 1, severe_worse=("knight",))

    assert propose(current, [worse, point(2, 30, 10), point(3, 20, 30)]).trial == 2
    assert propose(current, [worse]) is current


# ---- the proposal ----


def test_a_proposal_is_better_on_unseen_days() -> None:
    """The machine's optimum waits out its bursts and asks for less certainty."""
    proposed, found = judged()
    rule = proposed.cause.algo_fault

    assert found.passes
    assert found.is_better
    assert rule.probability_min < 0.76
    assert rule.opinion_dwell_ms > 500
    assert found.looser == ("cause.algo_fault.opinion_dwell_ms",)
    assert found.bolder == ("cause.algo_fault.probability_min",)
    assert found.held_out is not None
    assert min(found.held_out.seeds) > max(found.seeds)
    text = of_search(found)[0]
    assert "Got looser: cause.algo_fault.opinion_dwell_ms." in text.note


def test_what_does_nothing_is_put_back() -> None:
    """The machine has no floods, so a flood's dwell must stay as it was."""
    proposed, found = judged()

    assert proposed.cause.flood == load(SHIPPED, Policy).cause.flood
    assert found.found.proposed.values[IDLE.field] == 0


def test_nothing_better_is_no_proposal() -> None:
    best, _ = judged()
    again, found = judged(best, knobs=(DWELL,), trials=20)

    if not found.changes:
        assert again == best
        assert not found.passes
        assert found.held_out is None
    else:  # what is left is by a few milliseconds
        assert found.found.proposed.total() <= found.found.current.total()


def test_a_proposal_that_fails_elsewhere_is_refused() -> None:
    """What looks good on the search's worlds and hurts on others does not pass."""
    asked = wanted(play=machine.play, cases=machine.CASES)
    hearing = Hearing(play=machine.contrary, cases=machine.CASES)
    _, found = proposal(asked, hearing, Local(1), SHIPPED)

    assert not found.passes
    assert found.gate is not None
    assert found.gate.reasons
    assert "Proposal: refused" in of_search(found)[0].title


def test_priors_are_swept() -> None:
    _, found = judged()
    swept = found.found.swept

    assert [one.factor for one in swept] == [0.1, 0.3, 1.0, 3.0, 10.0]
    assert all(one.best_total <= one.proposed_total for one in swept)
    assert all(one.best_total <= one.current_total for one in swept)
    assert swept[2].current_total == pytest.approx(found.found.current.total())


def test_evidence_can_be_read_again() -> None:
    _, found = judged()
    text = msgspec.json.encode(found)
    document = msgspec.json.decode(text)

    assert document["seeds"] == list(range(1, 9))
    assert len(document["found"]["plays"]["proposed"]) == 6 * 8
    assert all(len(one["root"]) == 64 for one in document["found"]["plays"]["proposed"])
    assert document["policy_digest"] != document["proposed_digest"]
    assert math.isfinite(document["found"]["current"]["missed"]["estimate"])


# ---- the knobs ----


def test_usual_knobs_are_numbers_of_the_policy_and_no_guards() -> None:
    values = flat(Policy())

    assert all(isinstance(values[knob.field], int | float) for knob in KNOBS)
    assert all(not knob.field.startswith(("budget", "trust")) for knob in KNOBS)
    assert all(knob.is_whole == isinstance(values[knob.field], int) for knob in KNOBS)
    for knob in KNOBS:
        for end in (knob.low, knob.high):
            turned = {knob.field: knob.value(end)}
            assert flat(replaced(Policy(), turned))[knob.field] == turned[knob.field]


def test_knobs_can_be_named() -> None:
    (gap,) = knobs_of(Policy(), ["hysteresis.gap_ms=300..500"])

    assert (gap.low, gap.high, gap.is_whole) == (250, 500, True)  # holds the current
    (sure,) = knobs_of(Policy(), ["cause.flood.probability_min=0.6..0.95"])
    assert (sure.low, sure.high, sure.is_whole) == (0.6, 0.95, False)
    for wrong in (
        "hysteresis.gap_ms",
        "hysteresis.gap_ms=5..5",
        "cause.flood.mode=0..1",
        "nothing.such=0..1",
    ):
        with pytest.raises(UsageError, match="--knob"):
            knobs_of(Policy(), [wrong])
    with pytest.raises(UsageError, match="given twice"):
        knobs_of(Policy(), ["hysteresis.gap_ms=1..2", "hysteresis.gap_ms=1..3"])


# ---- the plot ----


def test_a_plot_is_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (report)")
    points = [point(n, 1000.0 / (n + 1), 10.0 * n - 5) for n in range(9)]
    ends = [points[place].trial for place in front(points)]
    for name in ("one.svg", "two.svg", "three.png"):
        plot_search(tmp_path / name, points, ends, points[0], points[5])

    text = (tmp_path / "one.svg").read_bytes()
    assert text == (tmp_path / "two.svg").read_bytes()
    assert (tmp_path / "three.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UsageError, match="no format"):
        plot_search(tmp_path / "plot.xls", points, ends, points[0], points[5])
