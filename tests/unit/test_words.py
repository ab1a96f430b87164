"""Words: a story altered in any word is found, and where; what is told bears out."""

import re
from pathlib import Path

import msgspec
import pytest

from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.cli import main
from airnet.clock import SimulatedClock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision, Mode, with_id
from airnet.domain.incident import Evidence, Incident
from airnet.domain.verdict import Cause
from airnet.errors import EXIT_DONE, EXIT_NO
from airnet.record.file import FileLedger
from airnet.record.incident import fold
from airnet.record.memory import MemoryLedger
from airnet.record.narrative import NO_FILE, tell
from airnet.record.words import SECTIONS, problems
from tests.fakes.verdicts import MS, T0, drop, session_verdict, throttle


def begun() -> MemoryLedger:
    """Return a ledger of a run that was configured by some files."""
    ledger = MemoryLedger()
    digests: dict[str, object] = {"config": "a" * 64, "policy": "b" * 64}
    ledger.append("start", T0, {**digests, "approvers": NO_FILE})
    return ledger


def folded(ledger: MemoryLedger) -> tuple[str, list[Evidence], list[Incident]]:
    """Return what is told of a ledger's one incident, and by what."""
    evidence = list(ledger.evidence())
    (incident,) = fold(evidence)
    return tell(incident, evidence), evidence, [incident]


def carried_out(
    decision: Decision, state: State = State.APPLIED
) -> tuple[str, list[Evidence], list[Incident]]:
    """Return the story of a Decision that runs its course."""
    clock, ledger = SimulatedClock(T0), begun()
    standing = Standing([SimulatedActuator(clock, state)], ledger, clock)
    standing.carry_out(decision, session_verdict(0))
    standing.observe_effect(decision.id, T0 + 5 * MS, T0 + 400 * MS)
    standing.tick(T0 + 60_000 * MS)
    return folded(ledger)


def of(**changes: object) -> Decision:
    return with_id(msgspec.structs.replace(throttle(), **changes))


def left(decision: Decision, state: State, until_ns: int) -> MemoryLedger:
    """Return a ledger in which a Containment was left in that state."""
    ledger = begun()
    ledger.append("decision", T0, msgspec.to_builtins(decision))
    containment = Containment(
        decision_id=decision.id,
        actuator="sdn",
        state=state,
        command_ns=T0,
        applied_ns=T0 + MS,
        until_ns=until_ns,
        handle="",
        detail="as it was",
    )
    ledger.append("containment", T0 + 2 * MS, msgspec.to_builtins(containment))
    told: dict[str, object] = {"decision_id": decision.id, "by": "Jane Doe"}
    said = {**told, "ask": "undo", "reason": "mine, see [3]", "key": ""}
    ledger.append("instruction", T0 + 3 * MS, said)
    for verified, last_ns in ((True, 0), (False, T0 + MS)):
        seen = {**told, "verified": verified, "last_bad_ns": last_ns}
        ledger.append("effect", T0 + 4 * MS, seen)
    waited = {**told, "state": "open", "detail": "one more must"}
    ledger.append("proposal", T0 + 5 * MS, waited)
    return ledger


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("action", Action)
def test_every_action_is_told_as_it_is(action: Action, mode: Mode) -> None:
    decision = of(action=action, mode=mode, approvals_needed=2)

    text, evidence, incidents = carried_out(decision)

    assert problems(text, evidence, incidents) == []


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_told_as_it_is(cause: Cause) -> None:
    text, evidence, incidents = carried_out(of(cause=cause))

    assert problems(text, evidence, incidents) == []


@pytest.mark.parametrize("until_ns", [0, T0 + 9 * MS])
@pytest.mark.parametrize("state", State)
def test_every_state_is_told_as_it_is(state: State, until_ns: int) -> None:
    text, evidence, incidents = folded(left(throttle(), state, until_ns))

    assert problems(text, evidence, incidents) == []


def test_any_other_word_is_found_where_it_is() -> None:
    """Each word of two whole stories in turn, whatever it says, a name or a unit."""
    stories = [carried_out(drop()), folded(left(throttle(), State.ENDED, T0))]
    for text, evidence, incidents in stories:
        for found in re.finditer(r"[A-Za-z_]{2,}", text):
            start, end = found.span()
            other = text[:start] + "otherwise" + text[end:]
            number = text.count("\n", 0, start) + 1

            wrong = problems(other, evidence, incidents)

            assert len(wrong) == 1, (found.group(), wrong)
            assert wrong[0].startswith(f"line {number}: "), found.group()


def swapped(text: str, one: str, other: str) -> str:
    return text.replace(one, "\0").replace(other, one).replace("\0", other)


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ("Algorithm out of bounds", "Flood", 'cause is told as "Flood", and is'),
        (
            "refuse new orders at the order gateway; cancels pass",
            "cancel every open order of the session at its gateway",
            'action is told as "cancel every open order of the session at its gate',
        ),
        ("enforced; ends", "shadow, so it was not sent; would end", "line 12: "),
        ("T4 ", "T2 ", 'tier is told as "2", and is "4", by entry 1'),
        ("effect verified", "effect NOT verified", 'effect is told as "NOT verified"'),
        ("client 10.0.1.1", "client 10.0.0.9", 'client is told as "10.0.0.9", and is'),
        (" ms of capture", " s of capture", 'it has "s" for "ms", by entry 1'),
        ("measured", "limit", 'for "measured 4100,", by entry 1'),
        ("rule model.algo_fault", "rule model.flood", 'rule is told as "model.flood"'),
        ("no such file was named", "a" * 64, 'digest is told as "aaaa'),
        ("ended at", "began at", 'it has "began" for "ended"'),
        ("still", "never", ""),
    ],
)
def test_what_is_altered_is_said(one: str, other: str, what: str) -> None:
    text, evidence, incidents = carried_out(throttle())
    altered = swapped(text, one, other)

    found = "\n".join(problems(altered, evidence, incidents))

    assert what in found
    assert bool(found) is (altered != text)


def test_a_gateway_for_a_client_is_found() -> None:
    """Both are in the entry: every number bears out, and who is who does not."""
    text, evidence, incidents = carried_out(throttle())
    found = re.search(r"client (\S+) port \d+, gateway (\S+) port", text)
    assert found is not None

    (wrong,) = problems(swapped(text, *found.groups()), evidence, incidents)[:1]

    assert "client is told as" in wrong or "target is told as" in wrong


def test_how_something_ended_is_told_by_its_last_entry() -> None:
    """What an earlier entry says once held, and is no end."""
    _, evidence, incidents = carried_out(throttle())
    applied = next(
        one.sequence
        for one in evidence
        if one.kind == "containment" and one.body["state"] == "applied"
    )
    lie = "  throttle_session: still in force; a named person must lift it"

    assert problems(f"{lie} [{applied}]", evidence, incidents)


def test_words_that_nobody_tells_are_found() -> None:
    _, evidence, incidents = carried_out(throttle())

    for line in ("nobody was harmed", "nobody was harmed [1]", "[0]", "What happens"):
        assert problems(line, evidence, incidents), line
    assert problems("\n\n".join(SECTIONS), evidence, incidents) == []
    line = "relative_fast moved it"
    assert problems(f"  {line}", evidence, incidents, frozenset({line})) == []


def test_the_command_says_which_word_of_a_story_is_another(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ledger, story = tmp_path / "ledger", tmp_path / "story.txt"
    book = FileLedger(ledger)
    for entry in left(throttle(), State.APPLIED, 0).evidence():
        book.append(entry.kind, entry.time_ns, dict(entry.body))
    book.close()
    assert main(["explain", str(ledger), "--check"]) == EXIT_DONE
    text = capfd.readouterr().out
    words = ["explain", str(ledger), "--story", str(story)]
    story.write_text(text)
    assert main(words) == EXIT_DONE

    story.write_text(text.replace("cancels pass", "cancels do not pass"))
    capfd.readouterr()
    assert main(words) == EXIT_NO
    said = capfd.readouterr().err
    assert 'is told as "refuse new orders at the order gateway; cancels do not' in said
    assert "not borne out: line " in said
    assert main([*words, "--numbers"]) == EXIT_DONE
    story.write_text(text.replace("measured 4100", "measured 4101"))
    assert main([*words, "--numbers"]) == EXIT_NO
