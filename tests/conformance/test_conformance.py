"""One kit that every actuator passes, against the real thing it commands.

How to add an actuator: tests/conformance/role.py.
"""

import contextlib
import functools
import importlib
import pkgutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from airnet.act.actuator import (
    Confirming,
    Handing,
    Reconciling,
)
from airnet.act.attempts import AGAIN_NS, ATTEMPTS_MAX
from airnet.act.standing import Standing
from airnet.domain.containment import Containment, State
from airnet.domain.decision import PASSIVE, Action, Decision
from airnet.errors import ActuationError
from airnet.record.file import read
from tests.conformance import adapters, deeds, lasting
from tests.conformance.crashes import (
    LONG_NS,
    Crash,
    NotAnswering,
    is_deed,
    is_lasting,
    killed,
    left_with,
    lost,
    standing_of,
)
from tests.conformance.role import Fault, Latest, Rig, released
from tests.netns.lab_links import wait_until

S = 1_000_000_000
#: What a busy machine may add to any wait.
PATIENCE_S = 10.0
#: How long attempts are apart, all together.
AGAIN_S = sum(AGAIN_NS) / S
#: The last Decision of a rig (`Rig.decision`).
LAST = 63
#: And to a call that waits for nobody; one that hangs takes longer.
STALL_NS = 2 * S
#: Makes a rig for one case.
Rigs = Callable[[], contextlib.AbstractContextManager[Rig]]
NAMES = sorted(one.name for one in pkgutil.iter_modules(adapters.__path__))


def _param(name: str) -> object:
    module = importlib.import_module(f"tests.conformance.adapters.{name}")
    return pytest.param(module, id=name, marks=module.MARKS)


@pytest.fixture(scope="module", params=[_param(name) for name in NAMES])
def rigs(request: pytest.FixtureRequest) -> Iterator[Rigs]:
    module = request.param
    if not hasattr(module, "ground"):
        yield module.rig
        return
    with module.ground() as ground:
        yield functools.partial(module.rig, ground)


@pytest.fixture
def rig(rigs: Rigs) -> Iterator[Rig]:
    with rigs() as found:
        yield found


@contextlib.contextmanager
def bounded(rig: Rig) -> Iterator[None]:
    """Fail when the block takes longer than the actuator's calls may."""
    start_ns = time.monotonic_ns()
    yield
    took_ns = time.monotonic_ns() - start_ns
    assert took_ns <= rig.call_ns + STALL_NS, "longer than it may take"


def ends_by_itself(rig: Rig, decision: Decision, start_ns: int, ttl_ns: int) -> None:
    """Assert that it holds until its end and no longer; nobody is asked to end it."""
    wait_s = (ttl_ns + rig.late_ns) / S + PATIENCE_S
    early_ns = start_ns + ttl_ns
    while time.monotonic_ns() < early_ns - S // 20:
        looked_ns = time.monotonic_ns()
        held = rig.holds(decision)
        assert held or time.monotonic_ns() >= early_ns or looked_ns >= early_ns
        time.sleep(0.01)
    wait_until(lambda: rig.is_free(decision), wait_s)
    late_ns = time.monotonic_ns() - early_ns
    assert late_ns <= rig.late_ns, f"ended {late_ns / S:.3f} s late"


def applied_soon(rig: Rig, first: int) -> tuple[Decision, Containment]:
    """Apply the first Decision from that one on that the healed enforcer takes.

    It has what came late to see to before, and no call waits longer for that. Each
    try is a Decision of its own: what the one before became, nobody knows.
    """
    end_s = time.monotonic() + PATIENCE_S
    while True:
        decision = rig.decision(first)
        try:
            return decision, rig.actuator.apply(decision, LONG_NS)
        except ActuationError:
            first += 1
            if time.monotonic() >= end_s or first > LAST:
                raise
            time.sleep(0.05)


def freed(rig: Rig, decision: Decision) -> None:
    """Wait until no part of it is in force, not even what ends by itself."""
    wait_until(lambda: rig.is_free(decision), PATIENCE_S + rig.late_ns / S)


# ---- in force, and out again ----


def test_passive_decisions_are_not_its_own(rig: Rig) -> None:
    own = rig.decision(0)
    for action in {*PASSIVE, Action.REROUTE} - {own.action}:
        asked = msgspec.structs.replace(own, action=action)
        assert not rig.actuator.accepts(asked), action
    assert rig.actuator.accepts(own)


def test_what_is_applied_holds_until_it_is_undone(rig: Rig) -> None:
    decision = rig.decision(0)
    assert rig.is_free(decision)

    with bounded(rig):
        standing = rig.actuator.apply(decision, LONG_NS)

    assert standing.state is State.APPLIED
    assert standing.decision_id == decision.id
    ender = left_with(rig.actuator)
    assert standing.actuator == ender.name
    if is_deed(rig):
        deeds.stays(rig, ender, standing, decision)
        return
    assert rig.holds(decision)
    if is_lasting(rig):
        lasting.is_lifted_by_name(rig, ender, standing, decision)
        released(ender, standing)
        return
    assert standing.command_ns <= standing.applied_ns < standing.until_ns
    end_ns = standing.command_ns + LONG_NS
    most_ns = rig.call_ns + STALL_NS + rig.late_ns
    assert end_ns <= standing.until_ns <= end_ns + most_ns
    assert rig.holds(decision)
    if isinstance(ender, Confirming):
        assert ender.ended(standing) == ""
    with bounded(rig):
        released(rig.actuator, standing)
    freed(rig, decision)
    with bounded(rig):
        released(rig.actuator, standing)  # undoing what is undone is harmless


def test_undoing_what_never_stood_is_harmless(rig: Rig) -> None:
    """A command that was never sent, as after a crash between intent and command."""
    decision, other = rig.decision(0), rig.decision(1)
    rig.actuator.apply(other, LONG_NS)

    released(rig.actuator, lost(decision, rig))

    assert rig.is_free(decision)
    assert rig.holds(other)


def test_applying_twice_is_applying_once(rig: Rig) -> None:
    """The second time neither adds anything nor moves the end."""
    decision = rig.decision(0)
    start_ns = time.monotonic_ns()
    first = rig.actuator.apply(decision, rig.ttl_ns)
    if is_deed(rig):
        deeds.is_done_once(rig, decision, (rig.actuator, rig.heir()))
        return
    again = rig.heir().apply(decision, rig.ttl_ns)

    assert again.decision_id == first.decision_id
    took_ns = time.monotonic_ns() - start_ns
    assert abs(again.until_ns - first.until_ns) <= took_ns + rig.late_ns
    released(rig.actuator, first)
    freed(rig, decision)


def test_undoing_one_leaves_the_others(rig: Rig) -> None:
    decisions = [rig.decision(number) for number in range(3)]
    standing = [rig.actuator.apply(one, LONG_NS) for one in decisions]

    released(rig.actuator, standing[1])

    if is_deed(rig):
        assert all(rig.holds(one) for one in decisions)
        return
    freed(rig, decisions[1])
    assert rig.holds(decisions[0])
    assert rig.holds(decisions[2])


def test_an_heir_undoes_by_the_record_alone(rig: Rig) -> None:
    """What the ledger holds of a containment is enough to end it."""
    decision = rig.decision(0)
    standing = rig.actuator.apply(decision, LONG_NS)
    text = msgspec.json.encode(standing)

    heir, recorded = rig.heir(), msgspec.json.decode(text, type=Containment)
    if is_deed(rig):
        deeds.stays(rig, heir, recorded, decision)
        return
    released(heir, recorded)

    freed(rig, decision)


# ---- it ends at the enforcer ----


def test_it_ends_at_the_enforcer(rig: Rig) -> None:
    decision = rig.decision(0)
    start_ns = time.monotonic_ns()
    standing = rig.actuator.apply(decision, rig.ttl_ns)
    ender = left_with(rig.actuator)
    if is_deed(rig):
        deeds.stays(rig, ender, standing, decision)
        return
    if is_lasting(rig):
        lasting.outlives(rig, decision)
        lasting.is_lifted_by_name(rig, ender, standing, decision)
        return

    ends_by_itself(rig, decision, start_ns, rig.ttl_ns)

    if isinstance(ender, Confirming):
        wait_until(lambda: bool(ender.ended(standing)), PATIENCE_S)


def test_kill_9_ends_nothing_early_and_nothing_late(rig: Rig) -> None:
    decision = rig.decision(0)
    start_ns = time.monotonic_ns()

    def applies(tell: Callable[[], None]) -> None:
        rig.heir().apply(decision, rig.ttl_ns)
        tell()

    killed(applies)
    if is_deed(rig):
        assert rig.holds(decision)
        deeds.is_done_once(rig, decision, [rig.heir()])
        return
    if is_lasting(rig):
        lasting.outlives(rig, decision)
        return
    started_ns = max(start_ns, time.monotonic_ns() - rig.ttl_ns)

    assert rig.holds(decision) or time.monotonic_ns() > start_ns + rig.ttl_ns
    ends_by_itself(rig, decision, started_ns, rig.ttl_ns)


# ---- the record and the world agree, whenever we die ----


def test_after_kill_9_what_stands_is_adopted(rig: Rig, tmp_path: Path) -> None:
    decision = rig.decision(0)

    def acts(tell: Callable[[], None]) -> None:
        with standing_of(rig.heir(), tmp_path) as acting:
            acting.carry_out(decision)
            tell()
            signal.pause()

    killed(acts)
    with standing_of(rig.heir(), tmp_path, recovers=True) as acting:
        if is_deed(rig):
            assert rig.holds(decision)
            deeds.is_over(acting, tmp_path, decision)
            return
        assert [one.decision_id for one in acting.in_force] == [decision.id]
        assert rig.holds(decision)
        undone = acting.release(decision.id, "a test")

    assert undone is not None
    assert undone.state is State.ROLLED_BACK
    freed(rig, decision)


def test_an_intent_without_outcome_is_taken_back(rig: Rig, tmp_path: Path) -> None:
    """The command left, the outcome was never written: nobody knows, so it goes."""
    decision = rig.decision(0)
    with standing_of(NotAnswering(), tmp_path) as acting, contextlib.suppress(Crash):
        acting.carry_out(decision)
    rig.actuator.apply(decision, LONG_NS)
    assert rig.holds(decision)

    with standing_of(rig.heir(), tmp_path, recovers=True) as acting:
        if is_lasting(rig):  # nobody but a person takes that back: it is found there
            assert [one.decision_id for one in acting.in_force] == [decision.id]
            assert rig.holds(decision)
            acting.release(decision.id, "a test")
        assert acting.in_force == ()
        if is_deed(rig):
            assert rig.holds(decision)
            deeds.is_over(acting, tmp_path, decision)
            return

    freed(rig, decision)


@pytest.mark.parametrize("moment", [1, 2, 3, 5, 8])
def test_killed_at_work(rig: Rig, tmp_path: Path, moment: int) -> None:
    """Whenever it dies: no act without its intent; then world and record agree."""
    decisions = [rig.decision(number) for number in range(10)]

    def acts(tell: Callable[[], None]) -> None:
        with standing_of(rig.heir(), tmp_path) as acting:
            for one in decisions:
                tell()
                acting.carry_out(one)

    killed(acts, moment)
    record = list(read(tmp_path))
    intents = {one.body["id"] for one in record if one.kind == "decision"}
    ends_ns = {
        one.body["decision_id"]: int(str(one.body["until_ns"]))
        for one in record
        if one.kind == "containment" and one.body["state"] == State.APPLIED
    }
    assert len(ends_ns) >= moment - 1, "done, and not in the record"
    for one in decisions:
        assert rig.is_free(one) or one.id in intents

    if is_deed(rig):
        with standing_of(rig.heir(), tmp_path, recovers=True) as acting:
            for one in decisions:
                assert rig.is_free(one) or rig.holds(one)
                if one.id in intents:
                    deeds.is_over(acting, tmp_path, one)
        return
    with standing_of(rig.heir(), tmp_path, recovers=True) as acting:
        adopted = {one.decision_id for one in acting.in_force}
        now_ns = time.time_ns()
        assert adopted >= {
            key for key, end_ns in ends_ns.items() if end_ns > now_ns or end_ns == 0
        }
        if not is_lasting(rig):  # which is asked for where it would stand
            assert adopted <= set(ends_ns), "adopted, and nobody said that it stands"
        for one in decisions:
            if one.id in adopted:
                assert rig.holds(one)
            else:
                freed(rig, one)
            acting.release(one.id, "a test")


def test_what_no_record_wants_is_taken_away(rig: Rig, tmp_path: Path) -> None:
    """Rules whose record was lost, and records whose rules are gone."""
    kept, gone, orphan = (rig.decision(number) for number in range(3))
    if not isinstance(left_with(rig.actuator), Reconciling):
        assert not hasattr(left_with(rig.actuator), "reconcile")
        return
    with standing_of(rig.actuator, tmp_path) as acting:
        acting.carry_out(kept)
        standing = acting.carry_out(gone)
    assert standing is not None
    released(rig.actuator, standing)
    rig.actuator.apply(orphan, LONG_NS)

    with standing_of(rig.heir(), tmp_path, recovers=True) as acting:
        assert [one.decision_id for one in acting.in_force] == [kept.id]

    freed(rig, orphan)
    assert rig.holds(kept)
    last = [one for one in read(tmp_path) if one.kind == "containment"][-1]
    assert last.body["decision_id"] == gone.id
    assert last.body["state"] == State.ENDED


# ---- the enforcer fails ----


@pytest.mark.parametrize("fault", Fault)
def test_a_failure_is_said_and_leaves_nothing(rig: Rig, fault: Fault) -> None:
    """In one line and in time; and what may stand after all ends by itself."""
    breaking = rig.faults[fault]
    if isinstance(breaking, str):
        assert breaking.endswith("."), "a sentence that says why it cannot happen"
        return
    decision = rig.decision(0)

    with breaking():
        with bounded(rig), pytest.raises(ActuationError) as failure:
            rig.actuator.apply(decision, rig.ttl_ns)
        assert "\n" not in str(failure.value)
        assert failure.value.remedy
        failed = lost(decision, rig)
        with bounded(rig), contextlib.suppress(ActuationError):
            released(rig.actuator, failed)

    if is_lasting(rig):  # known to nobody but who asked; a person looks there
        released(rig.actuator, failed)
    if is_deed(rig):
        deeds.lets_in(rig, decision)
        return
    wait_s = (rig.ttl_ns + rig.late_ns + rig.call_ns) / S + PATIENCE_S
    wait_until(lambda: rig.is_free(decision), wait_s)


@pytest.mark.parametrize("fault", Fault)
def test_what_stood_before_a_failure_ends(rig: Rig, fault: Fault) -> None:
    """Undoing while the enforcer fails is bounded; the end comes all the same."""
    breaking = rig.faults[fault]
    if isinstance(breaking, str):
        return
    decision = rig.decision(0)
    standing = rig.actuator.apply(decision, rig.ttl_ns)

    with breaking(), bounded(rig), contextlib.suppress(ActuationError):
        released(rig.actuator, standing)

    if is_lasting(rig):  # no clock ends it: it is said once more
        released(rig.actuator, standing)
    if is_deed(rig):
        deeds.lets_in(rig, decision)
        return
    wait_s = (rig.ttl_ns + rig.late_ns) / S + PATIENCE_S
    wait_until(lambda: rig.is_free(decision), wait_s)


@pytest.mark.parametrize("fault", Fault)
def test_healed_it_works_again(rig: Rig, fault: Fault) -> None:
    breaking = rig.faults[fault]
    if isinstance(breaking, str):
        return
    broken = rig.decision(0)
    with breaking(), contextlib.suppress(ActuationError):
        rig.actuator.apply(broken, rig.ttl_ns)

    decision, standing = applied_soon(rig, 1)

    if is_deed(rig):
        deeds.stays(rig, rig.actuator, standing, decision)
        return
    assert rig.holds(decision)
    released(rig.actuator, standing)
    freed(rig, decision)


def tried_until_it_stands(
    rig: Rig, acting: Standing, decision: Decision, folder: Path
) -> None:
    """Let it be tried again; assert that it stands once, and is undone whole."""

    def is_over() -> bool:
        acting.tick(time.time_ns())
        return decision.id not in acting.attempts

    wait_until(is_over, AGAIN_S + ATTEMPTS_MAX * (rig.call_ns + STALL_NS) / S)
    if is_deed(rig):
        assert rig.holds(decision)
        deeds.is_over(acting, folder, decision)
        return
    assert [one.decision_id for one in acting.in_force] == [decision.id]
    assert rig.holds(decision)
    undone = acting.release(decision.id, "a test")
    assert undone is not None
    assert undone.state is State.ROLLED_BACK
    # Nothing of an attempt before it is left, which would be a second containment.
    freed(rig, decision)


@pytest.mark.parametrize("fault", Fault)
def test_what_failed_is_tried_again(rig: Rig, fault: Fault, tmp_path: Path) -> None:
    breaking = rig.faults[fault]
    if isinstance(breaking, str):
        return
    decision = rig.decision(0)
    with standing_of(Latest(rig), tmp_path) as acting:
        with breaking():
            failed = acting.carry_out(decision)
            assert failed is not None
            assert failed.state is State.FAILED
        if isinstance(rig.actuator, Handing):  # as it says: people agreed to it once
            assert decision.id not in acting.attempts
            freed(rig, decision)
            return
        assert decision.id in acting.attempts
        tried_until_it_stands(rig, acting, decision, tmp_path)


def failed_and_killed(rig: Rig, decision: Decision, fault: Fault, folder: Path) -> bool:
    """Have a process fail and be killed; return whether it did fail.

    Some enforcers can only be made to fail in the process that breaks them.
    """
    breaking = rig.faults[fault]
    if isinstance(breaking, str):
        return False

    def acts(tell: Callable[[], None]) -> None:
        with standing_of(rig.heir(), folder) as acting:
            acting.carry_out(decision)
            tell()
            signal.pause()

    with breaking():
        killed(acts)
    (outcome,) = [one for one in read(folder) if one.kind == "containment"]
    if outcome.body["state"] == State.FAILED:
        return True
    with standing_of(rig.heir(), folder, recovers=True) as acting:
        acting.release(decision.id, "a test")
    return False


def test_killed_between_attempts(rig: Rig, tmp_path: Path) -> None:
    """What failed when it was killed is tried by the next process, and stands once."""
    for number, fault in enumerate((Fault.GONE, Fault.REFUSES, Fault.FULL)):
        decision, folder = rig.decision(number), tmp_path / fault
        folder.mkdir()
        if failed_and_killed(rig, decision, fault, folder):
            break
    else:
        pytest.fail("nothing makes it fail")
    assert rig.is_free(decision)
    with standing_of(rig.heir(), folder, recovers=True) as acting:
        assert acting.in_force == ()
        if isinstance(rig.actuator, Handing):
            assert not acting.attempts
            assert rig.is_free(decision)
            return
        tried_until_it_stands(rig, acting, decision, folder)


def test_every_fault_is_answered_for(rig: Rig) -> None:
    assert set(rig.faults) == set(Fault)
