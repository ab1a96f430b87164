"""An undo at any moment from the shot on: in advance, unrecorded, sent, killed."""

import contextlib
import itertools
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import msgspec
import numpy as np
import pytest

from airnet.act.guard import GuardActuator
from airnet.act.shot import Arm
from airnet.act.standing import Standing
from airnet.clock import SystemClock
from airnet.config import GuardPort, Site
from airnet.domain.address import address_bytes
from airnet.domain.columns import FLOOD_SCHEMA
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Decision, with_id
from airnet.domain.instruction import Ask
from airnet.record.file import FileLedger, read
from airnet.score.rules import GATEWAY_RULES
from airnet.service.guardpost import Guarded, GuardPost
from airnet.service.rehearsal import flood
from tests.fakes.office import Levers
from tests.fakes.verdicts import drop, throttle
from tests.netns.lab_links import wait_until
from tests.netns.test_act_guard import Port, port
from tests.netns.test_guard_foreseen import GATEWAY, SCORER, TTL_NS, Fast
from tests.netns.test_guard_foreseen_frozen import CLOCK, LIMIT_S, Run

pytestmark = pytest.mark.root
__all__ = ["port"]
ALL = (1 << len(GATEWAY_RULES)) - 1
#: What the issue promises, from the word to the enforcer.
PROMISED_NS = 100_000_000
TOLD = {"by": "Jane Doe", "reason": "a test", "ask": Ask.UNDO.value}


def stranger(number: int) -> str:
    return f"198.51.{100 + number // 250}.{1 + number % 250}"


def ordered(number: int) -> Decision:
    """Return what the judge orders of a stranger's flood."""
    now_ns = CLOCK.now_ns()
    plain = drop(stranger(number), t_ns=now_ns, until_ns=now_ns + TTL_NS)
    return with_id(msgspec.structs.replace(plain, id="", gateway=GATEWAY))


def shoot(fast: Fast, number: int) -> str:
    """Have C do in advance what is ordered; return what its rule bears."""
    foreseen = with_id(msgspec.structs.replace(ordered(10_000 + number), id=""))
    order = fast.trigger.order(foreseen)
    assert order is not None
    place = address_bytes(GATEWAY)
    assert fast.arms.arm(
        Arm(place, (0, 1 << 63, 0), (ALL, 0), (0, 0, 8, 8), (), None, order)
    )
    windows, rows = flood()
    windows["address"][0] = np.frombuffer(place, np.uint8)
    windows["address"][1] = np.frombuffer(address_bytes(stranger(number)), np.uint8)
    windows["port"] = 9878
    rows[0, FLOOD_SCHEMA.index("sources")] = 1
    windows["close_ns"] = CLOCK.now_ns()
    fast.arms.fire(windows, rows)
    assert foreseen.id in {f"{one.decision:016x}" for one in fast.rules()}
    return foreseen.id


@pytest.fixture
def busy(port: Port, tmp_path: Path) -> Iterator[tuple[Run, Levers]]:
    """Give a run with another enforcer, of sessions, that takes its time."""
    with contextlib.ExitStack() as held:
        other = Levers(SystemClock(), "other")
        held.callback(other.may_apply.set)
        held.callback(other.may_release.set)
        yield Run(port, tmp_path, held, [other]), other


def hang(run: Run, other: Levers, number: int = 1) -> Decision:
    """Have the hands wait for the other enforcer's answer to a command."""
    other.may_apply.clear()
    other.is_applying.clear()
    now_ns = CLOCK.now_ns()
    decision = throttle(number, t_ns=now_ns, until_ns=now_ns + TTL_NS)
    run.hands.carry_out(decision, None)
    assert other.is_applying.wait(LIMIT_S)
    return decision


def states(run: Run, decision_id: str) -> list[str]:
    return [
        str(one.body["state"])
        for one in read(run.folder)
        if one.kind == "containment" and one.body["decision_id"] == decision_id
    ]


def kinds(run: Run, decision_id: str) -> list[str]:
    """Return what the record says of a Decision, in its order."""
    found = []
    for one in read(run.folder):
        if decision_id in (one.body.get("decision_id"), one.body.get("id")):
            found.append(str(one.body.get("state", one.kind)))
    return found


def test_undone_before_anybody_has_decided(busy: tuple[Run, Levers]) -> None:
    """The rule is gone at once; what is decided then is withheld; no fault of ours."""
    run, _ = busy
    foreseen = shoot(run.fast, 1)
    (listed,) = run.listed()["underway"]
    assert (listed["id"], listed["target"]) == (foreseen, [stranger(1)])

    began_ns = time.monotonic_ns()
    answer = run.undo(foreseen)
    took_ns = time.monotonic_ns() - began_ns

    assert (answer.ok, answer.body) == (True, {"state": "rolled_back"})
    assert run.fast.rules() == []
    assert took_ns < 10 * PROMISED_NS
    again = run.undo(foreseen)
    assert not again.ok
    assert "stands no more" in again.what
    run.hands.carry_out(ordered(1), None)
    run.arming.judged([], [], 1)
    assert run.fast.rules() == []
    assert run.fast.slot.pending() is None
    # It was no fault of ours: the next stranger is shot at as ever.
    second = shoot(run.fast, 2)
    run.hands.carry_out(ordered(2), None)
    run.arming.judged([], [], 2)
    assert len(run.fast.rules()) == 1
    wait_until(lambda: len(run.contained()) == 3, LIMIT_S)
    assert [state for state, _ in run.told()] == ["rolled_back", "withheld", "applied"]
    assert second != foreseen
    (said,) = [one for one in read(run.folder) if one.kind == "instruction"]
    assert said.body["named"] == foreseen
    assert kinds(run, str(said.body["decision_id"])) == [
        "decision",
        "instruction",
        "rolled_back",
    ]
    assert list(run.post.intents.pending()) == []


def test_undone_by_the_name_it_had_in_advance(busy: tuple[Run, Levers]) -> None:
    """Whoever read the list a moment ago undoes what it has become."""
    run, _ = busy
    foreseen, decision = shoot(run.fast, 1), ordered(1)
    run.hands.carry_out(decision, None)
    run.arming.judged([], [], 1)
    wait_until(lambda: len(run.contained()) == 1, LIMIT_S)

    answer = run.undo(foreseen)

    assert (answer.ok, answer.body) == (True, {"state": "rolled_back"})
    assert run.fast.rules() == []
    assert kinds(run, decision.id) == [
        "decision",
        "applied",
        "instruction",
        "rolled_back",
    ]


def test_what_in_truth_never_fired(busy: tuple[Run, Levers]) -> None:
    """Its intent lies there, and no rule does: it is undone all the same."""
    run, _ = busy
    foreseen = shoot(run.fast, 1)
    for key in list(run.fast.tables.sources.keys()):
        run.fast.tables.sources.delete(key)

    answer = run.undo(foreseen)

    assert (answer.ok, answer.body) == (True, {"state": "rolled_back"})
    assert not run.undo(foreseen).ok
    assert not run.undo("f" * 16).ok
    run.arming.judged([], [], 1)
    assert run.fast.slot.pending() is None


def test_a_rule_that_was_on_its_way_is_taken_back_too(busy: tuple[Run, Levers]) -> None:
    """Undone between the intent and the rule: whoever looks next takes it back."""
    run, _ = busy
    foreseen = shoot(run.fast, 1)
    tables = run.fast.tables
    ((key, rule),) = tables.rules(tables.sources)
    tables.sources.delete(key)
    assert run.undo(foreseen).ok

    tables.sources.update(key, rule.packed())

    wait_until(lambda: run.fast.rules() == [], LIMIT_S)


def late_ns() -> int:
    """Return how much later than asked this host wakes a thread: its own part of it."""
    began_ns = time.monotonic_ns()
    time.sleep(0.001)
    return time.monotonic_ns() - began_ns - 1_000_000


def p99_ms(found: list[int]) -> float:
    return sorted(found)[len(found) * 99 // 100 - 1] / 1e6


def test_undone_while_the_hands_are_busy(
    busy: tuple[Run, Levers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How soon what stands at the guard goes, behind another enforcer's answer.

    However many were undone before it: the guard is asked of each once.
    """
    run, other = busy
    hung = hang(run, other)
    released = list[str]()
    release = GuardActuator.release

    def counted(self: GuardActuator, standing: Containment) -> Containment:
        released.append(standing.decision_id)
        return release(self, standing)

    monkeypatch.setattr(GuardActuator, "release", counted)
    taken, floor = list[int](), list[int]()
    for number in range(100):
        floor.append(late_ns())
        foreseen, decision = shoot(run.fast, number), ordered(number)
        if number % 2:
            run.hands.carry_out(decision, None)
            run.arming.judged([], [], number)
        assert len(run.fast.rules()) == 1
        began_ns = time.monotonic_ns()
        asked = decision.id if number % 4 == 1 else foreseen
        answer = run.undo(asked, lambda: run.fast.rules() == [])
        taken.append(run.gone_ns - began_ns)
        assert (answer.ok, answer.body) == (True, {"state": "rolled_back"})
        assert run.fast.rules() == []
        run.arming.judged([], [], number)
        if number % 2:
            assert kinds(run, decision.id) == ["decision", "instruction", "rolled_back"]
    assert states(run, hung.id) == []
    other.may_apply.set()
    wait_until(lambda: states(run, hung.id) == ["applied"], LIMIT_S)
    assert run.fast.rules() == []
    assert all(state != "withheld" for state, _ in run.told())
    assert list(run.post.intents.pending()) == []
    assert max(Counter(released).values()) == 1, "asked again of what is gone"
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    told = f"p99 {p99_ms(taken):.1f} ms, floor {p99_ms(floor):.1f} ms, load {load}"
    print(f"undo behind a busy enforcer: {told}")
    assert p99_ms(taken) * 1e6 < PROMISED_NS, told


def test_undone_before_it_left(busy: tuple[Run, Levers]) -> None:
    """What waits behind another enforcer's answer is not sent any more."""
    run, other = busy
    hang(run, other)
    now_ns = CLOCK.now_ns()
    waits = throttle(2, t_ns=now_ns, until_ns=now_ns + TTL_NS)
    run.hands.carry_out(waits, None)
    (listed,) = [one for one in run.listed()["underway"] if one["id"] == waits.id]
    assert listed["state"] == "underway"

    answer = run.undo(waits.id)

    assert (answer.ok, answer.body) == (True, {"state": "withheld"})
    assert not run.undo(waits.id).ok
    other.may_apply.set()
    run.told()
    assert ("apply", waits.id) not in other.calls
    assert kinds(run, waits.id) == ["decision", "instruction", "withheld"]


def test_undone_while_it_is_sent(busy: tuple[Run, Levers]) -> None:
    """Nobody has answered: it is ordered, and done when somebody does."""
    run, other = busy
    sent = hang(run, other)

    answer = run.undo(sent.id)

    assert answer.ok
    assert answer.what == "ordered, not confirmed: other does not answer"
    assert "is being let go" in run.undo(sent.id).what
    other.may_apply.set()
    wait_until(lambda: states(run, sent.id)[-1:] == ["rolled_back"], LIMIT_S)
    assert run.listed()["standing"] == []
    run.told()
    assert other.calls[0] == ("apply", sent.id)
    assert other.calls[-1] == ("release", sent.id)
    assert kinds(run, sent.id)[-1] == "rolled_back"


def test_undone_while_it_is_sent_and_refused(busy: tuple[Run, Levers]) -> None:
    """It is not tried again."""
    run, other = busy
    other.fails.add("apply")
    sent = hang(run, other)
    assert run.undo(sent.id).body == {"state": "ordered"}

    other.may_apply.set()

    wait_until(lambda: states(run, sent.id)[-1:] == ["rolled_back"], LIMIT_S)
    assert run.listed()["retried"] == []
    run.told()
    assert other.calls.count(("apply", sent.id)) == 1


@pytest.mark.parametrize("is_decided", [False, True])
def test_racing_with_the_confirmation(
    busy: tuple[Run, Levers], *, is_decided: bool
) -> None:
    """Whoever is first: it is undone, on record, and nothing of it comes back."""
    run, _ = busy
    lane = threading.Event()
    for number in range(150):
        foreseen, decision = shoot(run.fast, number), ordered(number)

        def confirm(decision: Decision = decision, number: int = number) -> None:
            lane.wait(LIMIT_S)
            if is_decided:
                time.sleep(number * 0.00001)
            run.hands.carry_out(decision, None)
            run.arming.judged([], [], number)

        thread = threading.Thread(target=confirm)
        thread.start()
        lane.set()
        answer = run.undo(foreseen)
        thread.join(LIMIT_S)
        lane.clear()
        assert answer.ok, answer
        wait_until(lambda: run.fast.rules() == [], LIMIT_S)
        run.arming.judged([], [], number)
        assert run.fast.slot.pending() is None
    final: dict[str, str] = {}
    run.told()
    for one in read(run.folder):
        if one.kind == "decision":
            final[str(one.body["id"])] = ""
        elif one.kind == "containment":
            final[str(one.body["decision_id"])] = str(one.body["state"])
    assert set(final.values()) <= {"rolled_back", "withheld"}
    assert run.fast.rules() == []
    assert list(run.post.intents.pending()) == []


# ---- killed ----


def undone(fast: Fast, folder: Path, identity: str) -> None:
    """Undo it, as the hands do."""
    with contextlib.closing(FileLedger(folder)) as ledger:
        standing = Standing([fast.actuator], ledger, CLOCK)
        fast.trigger.vetoes = standing.vetoes
        standing.underway.foreseen = fast.trigger
        told = {**TOLD, "decision_id": identity}
        standing.undo(identity, "Jane Doe: a test", told)


def killed_at(step: int, then: Callable[[], None]) -> bool:
    """Do something in a process that is killed at a step; whether it came to that."""
    child = os.fork()
    if child == 0:
        left = itertools.count(1)

        def counts(frame: FrameType, event: str, argument: object) -> None:
            if next(left) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(counts)
        then()
        sys.setprofile(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_killed_at_every_step_of_an_undo(port: Port, tmp_path: Path) -> None:
    """What stood is in the record and ended; once it was said, it is a veto as well."""
    said = 0
    for step in itertools.count(1, 7):
        fast, folder = Fast(port.guard, tmp_path), tmp_path / f"ledger{step}"
        FileLedger(folder).close()
        identity = shoot(fast, 1)
        was_killed = killed_at(
            step, lambda f=fast, d=folder, i=identity: undone(f, d, i)
        )

        fds = {name: os.dup(fd) for name, fd in fast.tables.descriptors.items()}
        guarded = Guarded(interface="", descriptors=fds)
        post = GuardPost(guarded, GuardPort(), Site(), CLOCK, SCORER)
        with contextlib.closing(post), contextlib.closing(FileLedger(folder)) as ledger:
            post.recover(ledger)
            standing = Standing([post.actuator], ledger, CLOCK)
            standing.recover(list(ledger.evidence()))
            told = list(read(folder))
            is_said = any(one.kind == "instruction" for one in told)
            said += is_said
            assert standing.vetoes.touches(ordered(1)) == is_said, f"step {step}"
        assert fast.rules() == [], f"step {step}"
        assert fast.slot.pending() is None
        decided = [str(one.body["id"]) for one in told if one.kind == "decision"]
        ends = [
            str(one.body["decision_id"])
            for one in told
            if one.kind == "containment" and one.body["state"] == State.ROLLED_BACK
        ]
        assert len(decided) == 1, f"step {step}: recorded twice, or not"
        assert decided == ends[:1], f"step {step}"
        if not was_killed:
            break
    assert said > 5, "it was never killed behind the word"
