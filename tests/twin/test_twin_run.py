"""The catalogue's worlds in the closed loop, and the commands on them."""

import json
from pathlib import Path

import pytest

from airnet.cli import main
from airnet.decide.policy import Policy
from airnet.decide.protection import endpoint
from airnet.domain.containment import State
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.verdict import Cause
from airnet.twin.closed import Ordered, Terms
from airnet.twin.loop import Prepared, blind, enforced, play, play_on
from airnet.twin.outcome import Wrong
from airnet.twin.stage import Kind, Place
from airnet.twin.staging import PlanStage, stage_of

NS_PER_S = 1_000_000_000
SHADOW, FORCE = Policy(), enforced(Policy())


@pytest.fixture(scope="module")
def flood() -> Prepared:
    return Prepared(stage_of("syn_flood", 2, 0.05, sessions=12, symbols=8))


@pytest.fixture(scope="module")
def runaway() -> Prepared:
    return Prepared(stage_of("runaway", 2, 0.1, sessions=12, symbols=8))


def pull(place: Place, at_ns: int, ttl_ns: int) -> Ordered:
    """Return a person's order to disable a session."""
    decision = Decision(
        id=f"pull-{place.comp}",
        t_ns=at_ns,
        cause=Cause.ALGO_FAULT,
        tier=Tier.KILL_ALGO,
        action=Action.DISABLE_SESSION,
        target_type=TargetType.SESSION,
        target=(endpoint(place.client, place.port), place.comp),
        until_ns=at_ns + ttl_ns,
        mode=Mode.ENFORCE,
        rule="by.hand",
        measured=0,
        limit=0,
        probability=1.0,
        why="to be sure",
        first_ns=at_ns,
        window_kind=0,
        subject=0,
    )
    return Ordered(at_ns=at_ns, decision=decision)


def test_play_when_a_flood_is_contained_then_it_is_right_and_verified(
    flood: Prepared,
) -> None:
    outcome = play_on(flood, FORCE)

    assert outcome.held == ()
    assert [act.wrong for act in outcome.acts] == [Wrong.NO]
    assert outcome.acts[0].state is State.VERIFIED
    assert outcome.avoided is not None
    assert outcome.avoided > 0.8


def test_play_when_an_algorithm_is_contained_then_its_orders_stop(
    runaway: Prepared,
) -> None:
    outcome = play_on(runaway, FORCE)

    assert outcome.contain_ns is not None
    assert outcome.fault_orders < outcome.fault_orders_without
    assert outcome.harm.missed < outcome.harm_without.missed


@pytest.mark.parametrize("name", ["flood", "runaway"])
def test_play_when_the_slices_are_shorter_then_the_world_is_the_same(
    name: str, request: pytest.FixtureRequest
) -> None:
    prepared = request.getfixturevalue(name)

    whole = play_on(prepared, FORCE)

    assert play_on(prepared, FORCE, terms=Terms(slice_ns=900_001)) == whole


def test_play_when_nobody_acts_then_looking_changes_nothing(runaway: Prepared) -> None:
    """With frames or without, watched or not: what is not contained is the same."""
    watched = play_on(runaway, FORCE, mode="open")

    assert watched.harm == watched.harm_without
    assert watched.fault_orders == watched.fault_orders_without
    assert blind(runaway.stage, Kind.WHOLE) == runaway.case.without


def test_play_when_by_name_then_it_is_the_same_each_time() -> None:
    one = play("quiet", 3, policy=FORCE, difficulty=0.5)

    assert one == play("quiet", 3, policy=FORCE, difficulty=0.5)
    assert one.false_containments == 0
    assert one.held == ()
    assert one.root != play("quiet", 4, policy=FORCE, difficulty=0.5).root


def test_calm_is_the_same_seed_without_the_incident(runaway: Prepared) -> None:
    case = runaway.case
    faults = [account.fault_orders for account in case.calm.accounts]

    assert sum(faults) == 0
    (guilty,) = case.culprits
    assert case.without.accounts[guilty].fault_orders > 0


@pytest.mark.parametrize("seed", [1, 3, 5])
def test_over_containment_when_the_makers_are_pulled_then_it_costs_more(
    seed: int,
) -> None:
    """To stop everybody who might be it destroys the book: worse than a nuisance."""
    stage: PlanStage = stage_of(
        "quote_stuffing_slow", seed, 0.2, sessions=20, symbols=8, duration_s=20.0
    )
    makers = [place for place in stage.lines if place.kind == "market_maker"]
    at_ns = stage.labels[0].onset_ns
    orders = tuple(pull(place, at_ns, 8 * NS_PER_S) for place in makers)
    prepared = Prepared(stage)

    outcome = play_on(prepared, SHADOW, terms=Terms(ordered=orders))

    by_hand = [act for act in outcome.acts if act.decision_id.startswith("pull-")]
    assert len(by_hand) == len(makers)
    thin = outcome.harm.taker + outcome.harm.spread
    assert thin > outcome.harm_without.total, "bid and ask did not move apart"
    assert outcome.harm_cents > outcome.harm_without_cents
    assert outcome.avoided is not None
    assert outcome.avoided < 0
    assert outcome.false_containments >= len(makers) - 1


def test_play_when_strangers_log_on_then_their_open_connections_spare_nobody() -> None:
    """Who floods with Logons has connections: they do not make it known."""
    stage = stage_of("logon_flood", 2, 0.0, sessions=20, symbols=8, duration_s=8.0)

    outcome = play_on(Prepared(stage), FORCE)

    assert outcome.contain_ns is not None
    assert outcome.avoided is None or outcome.avoided > 0.5


SIZE = ["--sessions", "12", "--symbols", "8", "--difficulty", "0.05"]


def test_run_when_it_is_enforced_then_it_says_so_and_the_expectation_is_met(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main(["twin", "run", "syn_flood", "--seed", "2", "--enforce", *SIZE])

    told = capsys.readouterr().out
    assert status == 0, told
    assert "in force by --enforce: flood" in told
    assert "the expectation was met" in told
    assert "drop_sources" in told


def test_run_when_it_is_shadow_then_it_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["twin", "run", "syn_flood", "--seed", "2", *SIZE])

    told = capsys.readouterr().out
    assert "all in shadow: nothing is changed" in told
    assert "harm avoided 0.0%" in told


def test_run_when_the_expectation_is_missed_then_the_status_is_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main(["twin", "run", "path_gains_latency", "--json", "--seed", "1", *SIZE])

    found = json.loads(capsys.readouterr().out)
    assert status == 1
    assert found["held"]
    assert found["scenario"] == "path_gains_latency"


def test_run_when_there_is_no_such_scenario_then_it_is_usage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["twin", "run", "nothing_such"]) == 64
    assert "no scenario 'nothing_such'" in capsys.readouterr().err


def test_run_when_an_output_is_in_the_way_then_it_is_not_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there.pcapng"
    there.write_bytes(b"mine")

    assert main(["twin", "run", "quiet", "--write", str(there)]) == 64
    assert there.read_bytes() == b"mine"
    assert "is there already" in capsys.readouterr().err


def test_run_when_written_then_a_replay_decides_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture, decisions = tmp_path / "flood.pcapng", tmp_path / "decisions.jsonl"
    main(
        [
            "twin",
            "run",
            "syn_flood",
            "--seed",
            "2",
            "--json",
            *SIZE,
            "--write",
            str(capture),
        ]
    )
    played = json.loads(capsys.readouterr().out)

    assert main(["replay", str(capture), "--decisions", str(decisions)]) == 0
    replayed = [json.loads(line) for line in decisions.read_text().splitlines()]
    acted = [one for one in played["decisions"] if one["action"] == "drop_sources"]
    again = [one for one in replayed if one["action"] == "drop_sources"]
    assert acted
    # Without its site file, a replay knows fewer hosts; what it contains is the same.
    assert [one["target"] for one in again] == [one["target"] for one in acted]
    assert [one["t_ns"] for one in again] == [one["t_ns"] for one in acted]


def test_whatif_when_a_twins_incident_then_it_is_played_again_exactly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "ledger"
    main(
        [
            "twin",
            "run",
            "runaway",
            "--seed",
            "2",
            "--enforce",
            *SIZE,
            "--domain",
            "train",
            "--ledger",
            str(ledger),
            "--json",
        ]
    )
    played = json.loads(capsys.readouterr().out)
    assert main(["verify", str(ledger)]) == 0
    capsys.readouterr()
    main(["incidents", str(ledger), "--json"])
    found = json.loads(capsys.readouterr().out)
    incident = next(one for one in found if one["cause"] == "algo_fault")

    status = main(["twin", "whatif", str(ledger), incident["id"], "--json"])

    told = json.loads(capsys.readouterr().out)
    assert status == 0, told
    assert told["is_exact"]
    was, idle, later, *others = told["variants"]
    assert was["name"] == "as it was (acted)"
    assert was["harm_cents"] == played["harm_cents"]
    assert idle["stopped"] == 0
    assert idle["harm_cents"] == played["harm_without_cents"]
    assert was["passed"] < later["passed"] < idle["passed"]
    assert was["harm_cents"] < later["harm_cents"] < idle["harm_cents"]
    assert {one["name"] for one in others} == {
        "cancel_orders instead",
        "disable_session instead",
    }


def test_whatif_when_there_is_no_such_incident_then_it_says_which_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "ledger"
    main(["twin", "run", "quiet", "--ledger", str(ledger), "--json", *SIZE])
    capsys.readouterr()

    assert main(["twin", "whatif", str(ledger), "abcdef"]) == 64
    assert "no incident abcdef" in capsys.readouterr().err


def test_list_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["twin", "list", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert len(found) >= 30
    assert {"knight_2012", "flash_crash_2010", "quiet"} <= {
        one["name"] for one in found
    }


def test_run_completes_the_names_of_scenarios() -> None:
    from click.testing import CliRunner

    from airnet.cli.group import airnet

    words = {"COMP_WORDS": "airnet twin run kni", "COMP_CWORD": "3"}
    found = CliRunner().invoke(
        airnet,
        [],
        prog_name="airnet",
        env={"_AIRNET_COMPLETE": "bash_complete", **words},
    )

    assert "knight_2012" in found.output
