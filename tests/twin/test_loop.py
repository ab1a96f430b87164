"""The closed loop: what is decided changes the world, when it would, and ends again."""

from pathlib import Path

import msgspec
import pytest

from airnet.decide.policy import Policy
from airnet.domain.containment import State
from airnet.domain.decision import (
    PASSIVE,
    Action,
    Decision,
    Mode,
    TargetType,
    Tier,
    decision_line,
)
from airnet.domain.verdict import Cause
from airnet.record.file import FileLedger
from airnet.record.incident import fold
from airnet.twin.actuator import Latency
from airnet.twin.closed import Loop, Ordered, Terms
from airnet.twin.loop import Prepared, enforced, play_on, shipped_scorer
from airnet.twin.outcome import Outcome, Wrong
from tests.fakes.stage import TapeStage

NS_PER_MS = 1_000_000
SHADOW, FORCE = Policy(), enforced(Policy())


@pytest.fixture(scope="module")
def runaway() -> Prepared:
    return Prepared(TapeStage("runaway", 3))


@pytest.fixture(scope="module")
def flood() -> Prepared:
    return Prepared(TapeStage("syn_flood", 3))


def by_hand(prepared: Prepared, action: Action, ttl_ms: int = 500) -> Decision:
    """Return a person's order about the first culprit."""
    client, comp = prepared.stage.labels[0].sessions[0]
    start_ns = prepared.stage.span_ns[0]
    return Decision(
        id=f"by-hand-{action}",
        t_ns=start_ns,
        cause=Cause.ALGO_FAULT,
        tier=Tier.LIMIT_ALGO,
        action=action,
        target_type=TargetType.SESSION,
        target=(client, comp),
        until_ns=start_ns + ttl_ms * NS_PER_MS,
        mode=Mode.ENFORCE,
        rule="by.hand",
        measured=0,
        limit=0,
        probability=1.0,
        why="a person said so",
        first_ns=start_ns,
        window_kind=0,
        subject=0,
    )


@pytest.mark.parametrize("name", ["runaway", "syn_flood"])
def test_play_when_enforced_then_the_incident_stops_and_harm_with_it(
    name: str, request: pytest.FixtureRequest
) -> None:
    prepared = request.getfixturevalue(name.replace("syn_", ""))

    outcome = play_on(prepared, FORCE)

    (act,) = outcome.acts
    assert act.wrong is Wrong.NO
    assert act.state is State.VERIFIED, "the mirror did not show the effect"
    assert outcome.held == ()
    assert outcome.harm_cents < outcome.harm_without_cents // 5
    assert outcome.avoided is not None
    assert outcome.avoided > 0.8
    assert outcome.contain_ns is not None
    assert outcome.detect_ns is not None
    assert outcome.contain_ns > outcome.detect_ns


def test_play_when_in_shadow_then_it_decides_and_changes_nothing(
    runaway: Prepared,
) -> None:
    outcome = play_on(runaway, SHADOW)
    untouched = play_on(runaway, FORCE, mode="open")

    assert outcome.acts
    assert all(act.mode is Mode.SHADOW for act in outcome.acts)
    assert not any(act.is_carried_out for act in outcome.acts + untouched.acts)
    assert outcome.contain_ns is None
    assert outcome.detect_ns == untouched.detect_ns
    assert outcome.harm == outcome.harm_without == untouched.harm
    assert outcome.held == (), "judgement is what is expected, in shadow too"
    assert outcome.state_changes == 0


def test_play_when_nobody_looks_then_harm_is_that_without(runaway: Prepared) -> None:
    outcome = play_on(runaway, FORCE, mode="none")

    assert outcome.decisions == ()
    assert outcome.harm_cents == outcome.harm_without_cents > 0


@pytest.mark.parametrize("name", ["runaway", "flood"])
def test_play_when_slices_are_shorter_then_nothing_changes(
    name: str, request: pytest.FixtureRequest
) -> None:
    """A slice is how the world is cut for us; the Outcome must not know it."""
    prepared = request.getfixturevalue(name)

    whole = play_on(prepared, FORCE)
    cut = play_on(prepared, FORCE, terms=Terms(slice_ns=700_001))

    assert cut == whole


def test_play_when_again_then_the_outcome_is_equal(runaway: Prepared) -> None:
    assert play_on(runaway, FORCE) == play_on(runaway, FORCE)


def test_play_when_a_command_takes_longer_then_harm_grows(runaway: Prepared) -> None:
    slow = Terms(latency=Latency(gateway_ns=400 * NS_PER_MS))

    soon, late = play_on(runaway, FORCE), play_on(runaway, FORCE, terms=slow)

    assert soon.detect_ns == late.detect_ns
    assert soon.detect_ns is not None
    assert soon.contain_ns is not None
    assert late.contain_ns is not None
    assert late.contain_ns - soon.contain_ns == 400 * NS_PER_MS - 3_500_000
    assert 0 <= soon.contain_ns - soon.detect_ns - 3_500_000 < 10 * NS_PER_MS
    assert soon.harm_cents < late.harm_cents < late.harm_without_cents


def test_play_when_the_ttl_is_short_then_the_world_ends_it(runaway: Prepared) -> None:
    cause = msgspec.structs.replace(
        FORCE.cause,
        algo_fault=msgspec.structs.replace(FORCE.cause.algo_fault, ttl_ms=500),
    )
    outcome = play_on(runaway, msgspec.structs.replace(FORCE, cause=cause))

    first = outcome.acts[0]
    assert first.ended_ns - first.effect_ns == 500 * NS_PER_MS
    assert len(outcome.acts) > 1, "it is still going on: it must be contained again"
    assert outcome.state_changes >= 2 * len(outcome.acts) - 1


def test_play_when_a_person_orders_then_it_is_carried_out_at_that_time(
    runaway: Prepared,
) -> None:
    at_ns = runaway.stage.labels[0].onset_ns + 50 * NS_PER_MS
    order = Ordered(
        at_ns=at_ns,
        decision=msgspec.structs.replace(
            by_hand(runaway, Action.DISABLE_SESSION), t_ns=at_ns, until_ns=at_ns + 10**9
        ),
    )

    outcome = play_on(runaway, SHADOW, terms=Terms(ordered=(order,)))

    act = next(act for act in outcome.acts if act.action is Action.DISABLE_SESSION)
    assert act.effect_ns - at_ns == Latency().venue_ns
    assert act.ended_ns - act.effect_ns == 10**9
    assert outcome.harm_cents < outcome.harm_without_cents


@pytest.mark.parametrize(
    ("action", "command"),
    [
        (Action.THROTTLE_SESSION, "throttle"),
        (Action.CANCEL_ORDERS, "cancel"),
        (Action.DISABLE_SESSION, "disable"),
        (Action.ISOLATE_SESSION, "block"),
        (Action.REROUTE, "delay"),
    ],
)
def test_actuator_when_an_action_is_ordered_then_the_world_is_told_so(
    runaway: Prepared, action: Action, command: str
) -> None:
    order = Ordered(
        at_ns=runaway.stage.span_ns[0] + 10**9, decision=by_hand(runaway, action)
    )
    loop = Loop(
        runaway.stage, SHADOW, shipped_scorer(), "closed", Terms(ordered=(order,))
    )

    loop.run()

    assert isinstance(loop.world, object)
    commands = loop.world.commands
    latency_ns = Latency().of(action)
    assert (order.at_ns + latency_ns, command) in [one[:2] for one in commands]


def test_play_when_a_ledger_is_given_then_it_names_scenario_and_seed(
    runaway: Prepared, tmp_path: Path
) -> None:
    ledger = FileLedger(tmp_path / "ledger")

    outcome = play_on(runaway, FORCE, terms=Terms(ledger=ledger))

    entries = list(ledger.evidence())
    ledger.close()
    start = entries[0]
    assert start.kind == "start"
    assert start.body["scenario"] == "runaway"
    assert start.body["seed"] == 3
    assert start.body["policy"] == outcome.policy
    (incident,) = [one for one in fold(entries) if one.cause == "algo_fault"]
    states = [containment.state for containment in incident.containments]
    assert states[:2] == [State.APPLIED, State.VERIFIED]
    assert incident.last_bad_ns


def test_play_when_nothing_happens_then_nothing_is_contained() -> None:
    outcome = play_on(Prepared(TapeStage("volatility", 5)), FORCE)

    assert outcome.is_benign
    assert outcome.false_containments == 0
    assert outcome.acts == ()
    assert outcome.harm_cents == 0
    assert outcome.avoided is None


def test_play_when_decided_then_decisions_are_those_of_a_replay(
    runaway: Prepared,
) -> None:
    """Open loop, the twin is a replay: same frames, same Decisions, byte for byte."""
    from airnet.bench.stages import Idle, Memory
    from airnet.pipeline import Pipeline, think

    stage = runaway.stage
    assert isinstance(stage, TapeStage)
    found: list[Decision] = []
    lane = Pipeline(
        Memory(stage.rows, stage.bytes),
        think(stage.site, FORCE, shipped_scorer()),
        Idle(),
        on_decision=found.append,
    )
    while not lane.source.is_exhausted:
        lane.step(0)

    outcome: Outcome = play_on(runaway, FORCE, mode="open")

    lines = b"".join(map(decision_line, outcome.decisions))
    assert lines == b"".join(map(decision_line, found))
    assert any(one.action not in PASSIVE for one in outcome.decisions)
