"""What is foreseen, done in C on a real guard: confirmed, taken back, killed."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from airnet.act.guard import GuardActuator
from airnet.act.intentlog import IntentLog
from airnet.act.reflex import Reflex, Trigger, intended
from airnet.act.shot import SLOT_BYTES, Arm, Slot
from airnet.clock import SystemClock
from airnet.config import GuardPort, Site
from airnet.domain.address import address_bytes
from airnet.domain.columns import FLOOD_SCHEMA
from airnet.domain.containment import State
from airnet.domain.decision import Action, Decision, TargetType
from airnet.domain.window import WINDOW, WINDOW_GATEWAY
from airnet.kernel import guard
from airnet.record.file import FileLedger
from airnet.score import load
from airnet.score.rules import GATEWAY_RULES
from airnet.service.guardpost import Guarded, GuardPost
from airnet.service.rehearsal import flood
from airnet.shipped import models_path
from tests.bpf.test_guard import GATEWAY, STRANGER
from tests.conformance.adapters.foreseen import Foreseen
from tests.fakes.verdicts import MS, drop
from tests.netns.test_act_guard import Port, port

pytestmark = pytest.mark.root
__all__ = ["port"]

SCORER = load(models_path(), is_signed=False)
TTL_NS = 60_000 * MS
ALL = (1 << len(GATEWAY_RULES)) - 1


class Fast:
    """A guard with something foreseen of its gateway, and who confirms it."""

    def __init__(self, tables: guard.KernelGuard, folder: Path) -> None:
        arms = SCORER.arms()
        assert arms is not None
        self.arms, self.tables = arms, tables
        self.intents = IntentLog(tables.intents[:-SLOT_BYTES])
        self.slot = Slot.of(tables.intents)
        self.actuator = GuardActuator(tables, SystemClock())
        self.trigger = Trigger(arms, self.actuator, self.slot)
        self.reflex = Reflex(self.actuator, self.intents, self.trigger)
        self.frozen = folder / "frozen"
        fds = tables.descriptors
        arms.load(
            fds["sources"],
            fds["gateways"],
            self.slot.room,
            tables.control,
            os.fsencode(self.frozen),
        )
        arms.gateways_left = 1 << 62

    def arm(self, *, few: int = 8) -> None:
        """Foresee a drop of who floods, a limit where they are many."""
        limit = msgspec.structs.replace(
            drop(STRANGER),
            action=Action.RATE_LIMIT_SOURCES,
            target_type=TargetType.GATEWAY,
            target=(f"{GATEWAY}:9878",),
            id="c" * 16,
        )
        orders = [
            self.trigger.order(
                msgspec.structs.replace(one, t_ns=5, until_ns=5 + TTL_NS, port=9878)
            )
            for one in (limit, drop(STRANGER))
        ]
        place = address_bytes(GATEWAY)
        assert self.arms.arm(
            Arm(place, (0, 1 << 62, 0), (ALL, 0), (0, 0, few, 8), (), *orders)
        )

    def fire(self) -> None:
        """Let a window close that breaks a rule."""
        self.arms.fire(*batch())

    def rules(self) -> list[guard.Rule]:
        """Return the rules that stand."""
        tables = self.tables.sources, self.tables.gateways
        return [rule for table in tables for _, rule in self.tables.rules(table)]


def batch() -> tuple[NDArray[np.void], NDArray[np.float32]]:
    """Return a gateway's window under a flood by one stranger, and his."""
    windows, rows = flood()
    windows["address"][0] = np.frombuffer(address_bytes(GATEWAY), np.uint8)
    windows["address"][1] = np.frombuffer(address_bytes(STRANGER), np.uint8)
    windows["port"] = 9878
    rows[0, FLOOD_SCHEMA.index("sources")] = 1
    windows["close_ns"] = 7 * MS
    return windows, rows


def decision(*, sources: tuple[str, ...] = (STRANGER,)) -> Decision:
    """Return what the judge orders of it."""
    found = drop(*sources)
    return msgspec.structs.replace(found, until_ns=found.t_ns + TTL_NS)


@pytest.fixture
def fast(port: Port, tmp_path: Path) -> Fast:
    return Fast(port.guard, tmp_path)


def test_it_is_done_and_then_decided(fast: Fast) -> None:
    """In force before there is a Decision; which then has it, rule and record."""
    fast.arm()

    fast.fire()

    (rule,) = fast.rules()
    shot = fast.trigger.shot()
    assert shot is not None
    assert rule.decision == shot.number
    pending = fast.slot.pending()
    assert pending is not None
    assert pending[1] == shot._replace(done_ns=0)
    ordered = decision()
    standing = fast.reflex.act(ordered, None)
    assert standing is not None
    assert standing.state is State.APPLIED
    assert standing.detail.endswith("as foreseen")
    told = fast.trigger.told(msgspec.structs.replace(ordered, t_ns=shot.close_ns))
    assert (told["foreseen"], told["done_mono_ns"]) == ("done", shot.done_ns)
    (rule,) = fast.rules()
    assert rule.decision == int(ordered.id[:16], 16)
    assert rule.until_ns == shot.until_ns
    assert [one for one, _ in intended(fast.intents)] == [ordered]
    assert fast.slot.pending() is None
    assert fast.trigger.shot() is None
    fast.actuator.release(standing)
    assert fast.rules() == []


def test_many_sources_are_limited(fast: Fast) -> None:
    fast.arm(few=0)

    fast.fire()

    (rule,) = fast.rules()
    assert rule.interval_ns == 1_000_000
    assert fast.trigger.shot() is not None
    assert list(fast.tables.gateways.keys()) == [guard.gateway_key(GATEWAY, 9878)]


def test_what_the_judge_did_not_order_is_taken_back(fast: Fast) -> None:
    """And recorded; his own order is carried out as ever."""
    fast.arm()
    fast.fire()
    other = decision(sources=("198.51.100.77",))

    standing = fast.reflex.act(other, None)
    order = fast.trigger.withdraw(fast.intents, "the judge ordered something else")

    assert standing is not None
    assert not standing.detail.endswith("as foreseen")
    assert order is not None
    assert order.outcome is not None
    assert order.outcome.state is State.ROLLED_BACK
    assert order.decision.target == (STRANGER,)
    assert [rule.decision for rule in fast.rules()] == [int(other.id[:16], 16)]
    told = [one.id for one, _ in intended(fast.intents)]
    assert told == [other.id, order.decision.id]
    assert (fast.trigger.shot(), fast.slot.pending()) == (None, None)
    assert fast.trigger.withdraw(fast.intents, "again") is None


def frozen(fast: Fast) -> None:
    fast.frozen.touch()


def held(fast: Fast) -> None:
    fast.arms.hold()


def switched_off(fast: Fast) -> None:
    fast.tables.switch(is_on=False)


def disarmed(fast: Fast) -> None:
    fast.arms.disarm()


def drifting(fast: Fast) -> None:
    fast.arms.gateways_left = 0


def full(fast: Fast) -> None:
    fast.slot.room[:4] = 1


def contained(fast: Fast) -> None:
    rule = guard.Rule(until_ns=time.monotonic_ns() + TTL_NS, decision=9)
    fast.tables.sources.update(guard.prefix_key(STRANGER), rule.packed())


#: What the log says of each; with drift in doubt windows are not looked at.
WHY = dict.fromkeys((frozen, held, switched_off, full, contained), "held") | {
    disarmed: "unarmed"
}


@pytest.mark.parametrize(
    "stop", [frozen, held, switched_off, disarmed, drifting, full, contained]
)
def test_nothing_is_done(fast: Fast, stop: Callable[[Fast], None]) -> None:
    """However it comes that nothing may be, or is to be."""
    fast.arm()
    stop(fast)
    before = fast.rules()

    fast.fire()

    assert fast.rules() == before
    assert fast.trigger.shot() is None
    told = fast.trigger.told(msgspec.structs.replace(decision(), t_ns=7 * MS))
    assert told.get("foreseen") == WHY.get(stop)
    assert stop is full or fast.slot.pending() is None


def test_once_until_it_is_armed_again(fast: Fast) -> None:
    """An ended rule in the way is no obstacle; an unconfirmed shot is."""
    ended = guard.Rule(until_ns=1, decision=9)
    fast.tables.sources.update(guard.prefix_key(STRANGER), ended.packed())
    fast.arm()

    fast.fire()
    first = fast.rules()
    fast.arm()
    fast.fire()

    assert len(first) == 1
    assert first[0].decision != 9
    assert fast.rules() == first
    assert fast.arms.counts == (1, 0)


def fire_and_die(fast: Fast) -> None:
    """Fire in a process that is killed right behind it."""
    fast.arm()
    child = os.fork()
    if child == 0:
        fast.fire()
        os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def test_killed_before_it_was_decided(fast: Fast) -> None:
    """The next one finds the intent of what stands, and takes it back."""
    fire_and_die(fast)
    assert len(fast.rules()) == 1

    pending = fast.slot.pending()

    assert pending is not None
    text, shot = pending
    told = shot.decision(text, "It ended.")
    assert told.target == (STRANGER,)
    assert told.until_ns - told.t_ns == TTL_NS
    fast.actuator.withdraw(shot)
    assert fast.rules() == []
    fast.slot.clear()
    assert fast.slot.pending() is None


@pytest.mark.parametrize("has_rule", [True, False])
def test_a_restart_records_it_and_takes_it_back(
    fast: Fast, tmp_path: Path, *, has_rule: bool
) -> None:
    """Killed behind the rule, or between the intent and the rule."""
    fire_and_die(fast)
    if not has_rule:
        fast.tables.sources.delete(guard.prefix_key(STRANGER))
    fds = {name: os.dup(fd) for name, fd in fast.tables.descriptors.items()}
    post = GuardPost(
        Guarded(interface="", descriptors=fds),
        GuardPort(),
        Site(),
        SystemClock(),
        SCORER,
    )
    with contextlib.closing(FileLedger(tmp_path / "ledger")) as ledger:
        post.recover(ledger)
        (entry,) = [one for one in ledger.evidence() if one.kind == "decision"]
    post.close()

    assert entry.body["target"] == [STRANGER]
    assert str(entry.body["why"]).startswith("Done as foreseen by a process that")
    assert fast.rules() == []
    assert fast.slot.pending() is None


def test_torn_intents_are_none(fast: Fast) -> None:
    """Killed while it was written: nothing was done on it."""
    fast.arm()
    fast.fire()
    fast.slot.room[20] ^= 1

    assert fast.slot.pending() is None


def test_windows_are_what_they_are_taken_for() -> None:
    windows, _ = batch()

    assert windows.dtype == WINDOW
    assert windows["kind"][0] == WINDOW_GATEWAY


def test_the_kit_tries_what_is_foreseen(port: Port) -> None:
    """What tests/conformance asks of it is done in C, and not as ever."""
    actuator = Foreseen(port.guard)

    standing = actuator.apply(drop(STRANGER, "198.51.100.3"), TTL_NS)

    assert actuator.fired == 1
    assert standing.detail.startswith("2 of 2 rules")
    assert standing.detail.endswith("as foreseen")
    actuator.release(standing)
    assert list(port.guard.sources.keys()) == []
