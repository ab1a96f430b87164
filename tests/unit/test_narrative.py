"""record.narrative: every line is true, cited, in UTC, and claims nothing more."""

import re

import msgspec

from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SimulatedClock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision, Mode, Tier, with_id
from airnet.record.incident import fold
from airnet.record.memory import MemoryLedger
from airnet.record.narrative import NO_FILE, tell, utc
from tests.fakes.verdicts import MS, T0, drop, session_verdict, throttle


def story(decision: Decision, state: State = State.APPLIED) -> str:
    """Return what is told when that Decision is carried out and runs its course."""
    clock, ledger = SimulatedClock(T0), MemoryLedger()
    ledger.append("start", 0, {})
    standing = Standing([SimulatedActuator(clock, state)], ledger, clock)
    standing.carry_out(decision, session_verdict(0))
    standing.observe_effect(decision.id, T0 + 5 * MS, T0 + 400 * MS)
    standing.tick(T0 + 60_000 * MS)
    (incident,) = fold(ledger.evidence())
    return tell(incident, ledger.evidence())


def test_times_are_utc_to_the_ns() -> None:
    assert utc(1_700_000_000_000_000_007) == "2023-11-14 22:13:20.000000007 UTC"


def test_a_throttle_is_told_from_the_first_frame_to_its_end() -> None:
    text = story(throttle())

    for fact in (
        "Algorithm out of bounds, 10.0.1.1:40001 ALGO1",
        "2023-11-14 22:13:19.800000000 UTC  first frame of it on the mirror [1]",
        "200.000 ms of capture time later [1]",
        "T4 refuse new orders at the order gateway; cancels pass [1]",
        "rule model.algo_fault: measured 4100, limit 300, probability 0.990000 [1]",
        "enforced; ends by itself after 10000.000 ms [1]",
        "acknowledged by simulated",
        "effect verified on the mirror, last bad frame 2023-11-14 22:13:20.005000000",
        "ended at 2023-11-14 22:13:30.000000000 UTC: ended by itself",
        "by model m [1]",
    ):
        assert fact in text


def test_every_fact_cites_its_entry() -> None:
    for line in story(drop()).splitlines():
        if line.startswith("  "):
            assert re.search(r"\[\d+\]$", line), line


def test_shadow_says_that_nothing_was_done() -> None:
    text = story(throttle(mode=Mode.SHADOW))

    assert "shadow, so it was not sent" in text
    assert "Nothing on the network was changed: policy was in shadow [1]" in text


def test_replay_says_that_no_effect_could_be_seen() -> None:
    assert "cannot be verified" in story(throttle(), State.UNVERIFIABLE)


def test_a_failure_is_told_as_one() -> None:
    ledger = MemoryLedger()
    standing = Standing([], ledger, SimulatedClock(T0))
    standing.carry_out(throttle())
    (incident,) = fold(ledger.evidence())

    text = tell(incident, ledger.evidence())

    assert "FAILED" in text
    assert "no actuator carries this out" in text
    assert "not in force as far as is known" in text


def test_it_says_by_which_files_each_run_was_configured() -> None:
    """Of two runs, each with a Decision of it; not of one that decided nothing here."""
    ledger = MemoryLedger()
    for run, config in enumerate(("a", "b", "c")):
        body: dict[str, object] = {"config": config * 64, "approvers": NO_FILE}
        ledger.append("start", T0, body)
        if run != 1:
            decision = with_id(
                msgspec.structs.replace(throttle(), t_ns=T0 + run, id="")
            )
            ledger.append("decision", T0, msgspec.to_builtins(decision))

    (incident,) = fold(ledger.evidence())
    text = tell(incident, ledger.evidence())

    assert text.endswith(
        f"Under which configuration\n  airnet.toml: {'a' * 64} [0]\n"
        "  approvers.toml: no such file was named [0]\n"
        f"  airnet.toml: {'c' * 64} [3]\n"
        "  approvers.toml: no such file was named [3]\n"
    )


def test_it_never_claims_intent() -> None:
    text = story(throttle()) + story(drop())

    assert not re.search(r"malicious|attacker|criminal", text)


def test_what_waited_for_people_was_not_in_shadow() -> None:
    """A kill that nobody approved: no policy kept it back, people did."""
    asked = with_id(
        msgspec.structs.replace(
            throttle(mode=Mode.PROPOSE),
            action=Action.DISABLE_SESSION,
            tier=Tier.KILL_ALGO,
            approvals_needed=2,
        )
    )
    ledger = MemoryLedger()
    ledger.append("decision", T0, msgspec.to_builtins(asked))

    (incident,) = fold(ledger.evidence())
    text = tell(incident, ledger.evidence())

    assert "proposed, to be sent once 2 people approve; asked of the gateway" in text
    assert "until a named person lifts it" in text
    assert "was not approved by as many people" in text
    assert "shadow" not in text


def test_what_a_crash_left_open_is_not_said_to_stand() -> None:
    decision = throttle()
    ledger = MemoryLedger()
    ledger.append("decision", T0, msgspec.to_builtins(decision))
    (incident,) = fold(ledger.evidence())
    assert "not on record as sent" in tell(incident, ledger.evidence())
    intended = Containment(
        decision_id=decision.id,
        actuator="sdn",
        state=State.INTENDED,
        command_ns=0,
        applied_ns=0,
        until_ns=0,
        handle="",
    )
    ledger.append("containment", T0, msgspec.to_builtins(intended))

    (incident,) = fold(ledger.evidence())

    text = tell(incident, ledger.evidence())
    assert "whether it was sent is not on record" in text
    assert "still in force" not in text


def test_every_action_is_told_in_words() -> None:
    for action in Action:
        decision = with_id(msgspec.structs.replace(throttle(), action=action))
        ledger = MemoryLedger()
        ledger.append("decision", T0, msgspec.to_builtins(decision))
        (incident,) = fold(ledger.evidence())

        line = tell(incident, ledger.evidence()).splitlines()[8]

        assert "T4 " in line
        assert f"T4 {action.value} [" not in line
