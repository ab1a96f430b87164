"""Diff and its gate: what a reviewer must see, and what must never pass."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import little_machine as machine
import msgspec
import pytest

from airnet.config import Site, load
from airnet.decide.policy import Policy, Rule
from airnet.decide.problems import problems
from airnet.errors import ConfigError, UsageError
from airnet.twin.diff import Comparison, Request, compare, judged
from airnet.twin.plays import Play
from airnet.twin.policyfile import (
    Lean,
    as_enforced,
    changes,
    contains_something,
    edited,
    flat,
    replaced,
    save,
    written,
)
from airnet.twin.pool import Local
from airnet.twin.priors import Case, chosen, read_priors

SHIPPED = Path("src/airnet/data/policy.toml")
SEEDS = tuple(range(1, 31))


@pytest.fixture
def policy(shipped: Path) -> Policy:
    return load(shipped, Policy)


@pytest.fixture
def shipped() -> Path:
    return Path(__file__).parents[2] / SHIPPED


def difference(
    before: Policy,
    values: Mapping[str, Any],
    *,
    play: Play = machine.play,
    cases: tuple[Case, ...] = machine.CASES,
    seeds: tuple[int, ...] = SEEDS,
    workers: int = 1,
    is_as_written: bool = False,
) -> Comparison:
    """Compare a policy with itself but for some fields, on the little machine."""
    request = Request(
        before=before,
        after=replaced(before, values),
        cases=cases,
        seeds=seeds,
        priors=read_priors(None),
        play=play,
        is_as_written=is_as_written,
    )
    return compare(request, Local(workers))


def test_the_same_policy_changes_nothing_and_passes(policy: Policy) -> None:
    found = difference(policy, {})

    assert found.changes == ()
    assert {row.verdict for row in found.rows} == {"same"}
    assert found.gate.passes
    assert all(one.difference.estimate == 0 for one in found.per_day)
    assert all(0 < row.changed_max < 0.1 for row in found.rows)


def test_a_slower_policy_is_worse_for_incidents_and_better_for_days(
    policy: Policy,
) -> None:
    found = difference(policy, {"cause.algo_fault.opinion_dwell_ms": 2000})
    rows = {row.scenario: row for row in found.rows}

    assert rows["knight"].verdict == "worse"
    assert rows["market_news"].verdict == "better"
    assert rows["market_news"].spared
    assert rows["quiet"].verdict == "same"
    assert not found.gate.passes
    assert any("knight: to contain" in reason for reason in found.gate.reasons)
    money = {one.name: one for one in found.per_day}
    assert money["missed harm"].is_worse
    assert money["caused harm"].is_better


def test_a_quicker_policy_passes_and_says_which_days_it_hits(policy: Policy) -> None:
    found = difference(policy, {"cause.algo_fault.opinion_dwell_ms": 100})
    rows = {row.scenario: row for row in found.rows}

    assert found.gate.passes
    assert rows["market_news"].verdict == "worse"
    assert rows["market_news"].hit == rows["market_news"].changed_seeds != ()
    assert [(one.lean, one.field) for one in found.changes] == [
        (Lean.BOLDER, "cause.algo_fault.opinion_dwell_ms")
    ]


def test_incidents_that_are_lost_are_named_by_seed(policy: Policy) -> None:
    found = difference(policy, {"cause.algo_fault.probability_min": 0.99})
    knight = next(row for row in found.rows if row.scenario == "knight")

    assert knight.lost
    assert not knight.won
    assert not found.gate.passes
    assert found.changes[0].lean is Lean.LOOSER


def test_numbers_are_those_of_the_plays(policy: Policy) -> None:
    """Means and differences are what an honest hand gets from the outcomes."""
    found = difference(policy, {"cause.algo_fault.opinion_dwell_ms": 2000})
    row = next(row for row in found.rows if row.scenario == "knight")
    sides = [
        [
            machine.play(
                "knight",
                seed,
                difficulty=None,
                policy=as_enforced(replaced(policy, values)),
                mode="closed",
            )
            for seed in SEEDS
        ]
        for values in ({}, {"cause.algo_fault.opinion_dwell_ms": 2000})
    ]
    harm = next(one for one in row.measures if one.name == "of harm, missed")
    means = [sum(one.harm.missed for one in side) / 30 / 100 for side in sides]

    assert harm.before == pytest.approx(means[0])
    assert harm.after == pytest.approx(means[1])
    assert harm.difference.estimate == pytest.approx(means[1] - means[0])
    later = [b.harm.missed > a.harm.missed for a, b in zip(*sides, strict=True)]
    assert harm.worse == sum(later) > 0


def test_workers_do_not_matter(policy: Policy) -> None:
    values = {"cause.algo_fault.opinion_dwell_ms": 900}
    one = difference(policy, values, workers=1)
    three = difference(policy, values, workers=3)

    assert msgspec.json.encode(one) == msgspec.json.encode(three)


# ---- what must not pass ----


def test_too_few_seeds_do_not_pass(policy: Policy) -> None:
    found = difference(policy, {}, seeds=SEEDS[:29])

    assert not found.gate.passes
    assert "knight: 29 pairs of plays; 30 are needed" in found.gate.reasons


def test_a_seed_given_twice_is_refused(policy: Policy) -> None:
    with pytest.raises(UsageError, match="seed is given twice"):
        difference(policy, {}, seeds=(*SEEDS, 1))


def test_no_severe_scenario_does_not_pass(policy: Policy) -> None:
    found = difference(policy, {}, cases=machine.CASES[:4])

    assert found.gate.reasons == ("no severe scenario was played",)


def test_nothing_played_does_not_pass(policy: Policy) -> None:
    assert not judged([], []).passes
    assert not difference(policy, {}, cases=()).gate.passes
    assert not difference(policy, {}, seeds=()).gate.passes


def test_a_failed_play_does_not_pass(policy: Policy) -> None:
    found = difference(policy, {}, play=machine.failing)

    assert not found.gate.passes
    assert len(found.failures) == 2
    assert "the world was made too small" in found.gate.reasons[0]


def test_an_incident_that_does_not_happen_does_not_pass(policy: Policy) -> None:
    """A benign scenario that is called severe has nothing to contain."""
    cases = (Case(name="quiet", severity="severe"),)
    found = difference(policy, {}, cases=cases)

    assert "there was no incident to contain in 30 of 30 pairs" in found.gate.reasons[0]


def test_an_empty_mirror_does_not_pass(policy: Policy) -> None:
    found = difference(policy, {}, play=machine.unseen)

    assert "knight: the mirror showed nothing in 30 of 30 pairs" in found.gate.reasons


def test_shadow_is_judged_as_if_enforced_unless_as_written(policy: Policy) -> None:
    """Two policies that only write down would be the same, and must not pass."""
    values = {"cause.algo_fault.opinion_dwell_ms": 2000}

    assert not contains_something(policy)
    assert difference(policy, values).before.is_as_enforced
    found = difference(policy, values, is_as_written=True)
    assert not found.before.is_as_enforced
    assert any("neither policy contains anything" in one for one in found.gate.reasons)


def test_going_back_to_shadow_is_a_change_for_the_worse(policy: Policy) -> None:
    enforced = replaced(policy, {"cause.algo_fault.mode": "enforce"})
    found = difference(enforced, {"cause.algo_fault.mode": "shadow"})

    assert found.changes[0].lean is Lean.LOOSER
    assert not found.gate.passes
    knight = next(row for row in found.rows if row.scenario == "knight")
    assert knight.lost


# ---- the files ----

LEANINGS = [
    ("few_sources_max", 4, Lean.LOOSER),
    ("cause.flood.mode", "enforce", Lean.BOLDER),
    ("cause.flood.action", "evidence", Lean.LOOSER),
    ("cause.compromise.action", "evidence", Lean.LOOSER),
    ("cause.flood.assets", ["10.0.0.1:9000"], Lean.LOOSER),
    ("cause.flood.probability_min", 0.5, Lean.BOLDER),
    ("cause.flood.dwell_windows", 3, Lean.LOOSER),
    ("cause.algo_fault.dwell_ms", 0, Lean.BOLDER),
    ("cause.algo_fault.ttl_ms", 1000, Lean.LOOSER),
    ("cause.compromise.tier_max", 4, Lean.BOLDER),
    ("budget.sessions_max", 8, Lean.BOLDER),
    ("budget.window_ms", 1000, Lean.BOLDER),
    ("budget.together_max_percent", 10, Lean.LOOSER),
    ("hysteresis.gap_ms", 100, Lean.LOOSER),
    ("hysteresis.cooldown_ms", 0, Lean.BOLDER),
    ("hysteresis.repeats_max", 1, Lean.LOOSER),
    ("cause.venue_fault.divert.path_age_ms", 9000, Lean.BOLDER),
    ("trust.loss_ppm_max", 9999, Lean.BOLDER),
    ("trust.freeze_ms", 1, Lean.BOLDER),
    ("name", "other", Lean.OTHER),
    ("cause.volatility.episode_gap_ms", 7, Lean.OTHER),
]


@pytest.mark.parametrize(("field", "value", "lean"), LEANINGS)
def test_every_field_says_which_way_it_leans(
    policy: Policy, field: str, value: Any, lean: Lean
) -> None:
    there = changes(policy, replaced(policy, {field: value}))
    back = changes(replaced(policy, {field: value}), policy)
    opposite = {Lean.LOOSER: Lean.BOLDER, Lean.BOLDER: Lean.LOOSER}

    assert [(one.field, one.lean) for one in there] == [(field, lean)]
    assert back[0].lean is opposite.get(lean, lean)
    assert bool(there[0].why) == (lean is not Lean.OTHER)


def test_only_what_cannot_lean_does_not(policy: Policy) -> None:
    """Every number a policy holds leans one way, but for when a notice is repeated."""
    left = []
    for field, value in flat(policy).items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            step = 0.05 if isinstance(value, float) else 1
            other = value - step if value > 1 or step < value else value + step
            found = changes(policy, replaced(policy, {field: other}))
            left += [one.field for one in found if one.lean is Lean.OTHER]

    watched = ("feed_fault", "sensor_fault", "unknown", "venue_fault", "volatility")
    assert sorted(left) == [f"cause.{name}.episode_gap_ms" for name in watched]


def test_rules_are_compared_by_name(policy: Policy) -> None:
    rule = Rule(
        name="orders",
        window="session",
        feature="rate_new_1s",
        limit=9,
        cause="algo_fault",
    )
    with_rule = msgspec.structs.replace(policy, rules=(rule,))
    higher = msgspec.structs.replace(
        policy, rules=(msgspec.structs.replace(rule, limit=10),)
    )

    assert {one.lean for one in changes(policy, with_rule)} == {Lean.BOLDER}
    assert {one.lean for one in changes(with_rule, policy)} == {Lean.LOOSER}
    (only,) = changes(with_rule, higher)
    assert (only.field, only.lean) == ("rule.orders.limit", Lean.LOOSER)


def test_a_saved_policy_keeps_its_comments(
    tmp_path: Path, shipped: Path, policy: Policy
) -> None:
    values = {
        "name": 'ours # "quoted"',
        "cause.algo_fault.opinion_dwell_ms": 350,
        "cause.venue_fault.episode_gap_ms": 4000,  # not in the file
        "hysteresis.gap_ms": 1000,
    }
    path = tmp_path / "p.toml"

    assert save(path, replaced(policy, values), shipped)
    assert load(path, Policy) == replaced(policy, values)
    old, new = shipped.read_text().splitlines(), path.read_text().splitlines()
    assert len(set(old) - set(new)) == 3
    assert len(new) == len(old) + 1
    comment = "# where no evidence is asked for: a burst is over then"
    line = next(line for line in new if comment in line)
    assert line.startswith("opinion_dwell_ms = 350")
    assert [one.name for one in tmp_path.iterdir()] == ["p.toml"]


def test_a_policy_that_cannot_be_edited_is_written_anew(
    tmp_path: Path, policy: Policy
) -> None:
    basis = tmp_path / "inline.toml"
    basis.write_text("hysteresis = { gap_ms = 100 }\n[budget]\nactions_max = 3\n")
    wanted = replaced(load(basis, Policy), {"hysteresis.gap_ms": 77})
    path = tmp_path / "p.toml"

    assert not save(path, wanted, basis)
    assert load(path, Policy) == wanted
    rule = Rule(
        name="o", window="session", feature="rate_new_1s", limit=9, cause="algo_fault"
    )
    ruled = msgspec.structs.replace(policy, rules=(rule,))
    assert not save(path, ruled, None)
    assert load(path, Policy) == ruled


def test_an_empty_basis_gets_its_tables() -> None:
    text = edited("", {"name": "x", "budget.sessions_max": 2, "trust.freeze_ms": 1})

    assert text.splitlines()[0] == 'name = "x"'
    assert "[budget]\nsessions_max = 2" in text
    assert "[trust]\nfreeze_ms = 1" in text


def test_what_cannot_be_meant_is_not_saved(
    tmp_path: Path, shipped: Path, policy: Policy
) -> None:
    odd = replaced(policy, {"cause.algo_fault.ttl_ms": 10})

    assert problems(odd, Site())
    with pytest.raises(ConfigError, match="shorter than the dwell"):
        save(tmp_path / "p.toml", odd, shipped)
    assert list(tmp_path.iterdir()) == []


def test_a_written_policy_reads_as_itself(tmp_path: Path, policy: Policy) -> None:
    path = tmp_path / "p.toml"
    path.write_text(written(policy))

    assert load(path, Policy) == policy


def test_scenarios_are_chosen_by_pattern() -> None:
    names = [case.name for case in chosen(machine.CASES, ["*news", "knight"])]

    assert names == ["market_news", "knight"]
    assert chosen(machine.CASES, []) == list(machine.CASES)
    with pytest.raises(UsageError, match="no scenario nope"):
        chosen(machine.CASES, ["nope"])
