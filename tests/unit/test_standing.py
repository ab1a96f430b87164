"""act.standing: intent, act, outcome; expiry, effect, undo, and after a crash."""

from collections.abc import Callable

import msgspec
import pytest

from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import CONFIRM_NS, Effect, Standing
from airnet.clock import SimulatedClock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision, Mode, Tier
from airnet.domain.incident import Evidence
from airnet.errors import ActuationError, LedgerError
from airnet.record.memory import MemoryLedger
from tests.fakes.verdicts import MS, T0, drop, session_verdict, throttle


class Diary:
    """A ledger that writes down, in one list, what happened in which order."""

    def __init__(self, events: list[str]) -> None:
        self.events = events
        self.entries: list[Evidence] = []
        self.is_full = False

    def append(self, kind: str, time_ns: int, body: dict[str, object]) -> Evidence:
        if self.is_full:
            raise LedgerError("disk full", "free it")
        self.events.append(f"{kind}:{body.get('state', body.get('mode', ''))}")
        entry = Evidence(
            sequence=len(self.entries), kind=kind, time_ns=time_ns, body=body
        )
        self.entries.append(entry)
        return entry

    def sync(self) -> None:
        if self.is_full:
            raise LedgerError("disk full", "free it")
        self.events.append("sync")


class Lever(SimulatedActuator):
    """An actuator that writes down its calls and fails when told to."""

    def __init__(self, clock: SimulatedClock, events: list[str]) -> None:
        super().__init__(clock, State.APPLIED)
        self.events = events
        self.fails: set[str] = set()

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        self.events.append("apply")
        if "apply" in self.fails:
            raise ActuationError("no answer in time", "look")
        return super().apply(decision, ttl_ns)

    def release(self, containment: Containment) -> Containment:
        self.events.append("release")
        if "release" in self.fails:
            raise ActuationError("no answer in time", "look")
        return super().release(containment)


class Teller(Lever):
    """A Lever that can say how something ended."""

    def __init__(self, clock: SimulatedClock, events: list[str]) -> None:
        super().__init__(clock, events)
        self.told: Callable[[], str] = lambda: ""

    def ended(self, containment: Containment) -> str:
        assert containment.handle
        return self.told()


class Bench:
    """Standing on a simulated clock, with everything that happens in `events`."""

    def __init__(self, kind: type[Lever] = Lever) -> None:
        self.clock = SimulatedClock(T0)
        self.events: list[str] = []
        self.ledger = Diary(self.events)
        self.lever = kind(self.clock, self.events)
        self.standing = Standing([self.lever], self.ledger, self.clock)

    def bodies(self, kind: str) -> list[dict[str, object]]:
        return [entry.body for entry in self.ledger.entries if entry.kind == kind]


def test_the_intent_is_durable_before_the_command_leaves() -> None:
    bench = Bench()

    outcome = bench.standing.carry_out(throttle(), session_verdict(200))

    assert bench.events == ["decision:enforce", "sync", "apply", "containment:applied"]
    assert outcome is not None
    assert outcome.state is State.APPLIED
    assert outcome.until_ns == T0 + 10_000 * MS
    (intent,) = bench.bodies("decision")
    assert intent["id"] == throttle().id
    assert intent["schema"] == "s"
    assert intent["model"] == "m"
    assert intent["features"] == []


def test_shadow_takes_the_same_path_up_to_the_last_call() -> None:
    bench = Bench()

    assert bench.standing.carry_out(throttle(mode=Mode.SHADOW)) is None

    assert bench.events == ["decision:shadow", "sync"]
    assert bench.standing.in_force == ()


def test_passive_decisions_are_recorded_only() -> None:
    bench = Bench()

    told = throttle(action=Action.EVIDENCE, tier=Tier.EVIDENCE, until_ns=0)

    assert bench.standing.carry_out(told) is None
    assert bench.events == ["decision:enforce"]


def test_nothing_is_sent_when_the_intent_cannot_be_kept() -> None:
    bench = Bench()
    bench.ledger.is_full = True

    with pytest.raises(LedgerError):
        bench.standing.carry_out(throttle())

    assert bench.events == []


def test_carrying_out_twice_is_carrying_out_once() -> None:
    bench = Bench()

    first = bench.standing.carry_out(throttle())
    again = bench.standing.carry_out(throttle())

    assert first == again
    assert bench.events.count("apply") == 1
    assert len(bench.ledger.entries) == 2


def test_an_actuator_that_fails_is_recorded_taken_back_and_not_tried_again() -> None:
    bench = Bench()
    bench.lever.fails = {"apply"}

    outcome = bench.standing.carry_out(throttle())
    bench.standing.carry_out(throttle())

    assert outcome is not None
    assert outcome.state is State.FAILED
    assert "no answer in time" in outcome.detail
    assert "taken back" in outcome.detail
    assert bench.events == [
        "decision:enforce",
        "sync",
        "apply",
        "release",
        "containment:failed",
    ]


def test_a_dead_actuator_is_said_to_be_dead() -> None:
    bench = Bench()
    bench.lever.fails = {"apply", "release"}

    outcome = bench.standing.carry_out(throttle())

    assert outcome is not None
    assert "release failed" in outcome.detail
    assert bench.standing.in_force == ()


def test_without_an_actuator_it_fails_and_says_so() -> None:
    ledger = MemoryLedger()
    standing = Standing([], ledger, SimulatedClock(T0))

    outcome = standing.carry_out(throttle())

    assert outcome is not None
    assert (outcome.state, outcome.actuator) == (State.FAILED, "")


def test_it_ends_by_itself_without_a_command() -> None:
    bench = Bench()
    outcome = bench.standing.carry_out(throttle())
    assert outcome is not None

    assert bench.standing.tick(outcome.until_ns - 1) == []
    (ended,) = bench.standing.tick(outcome.until_ns + 5 * MS)

    assert ended.state is State.ENDED
    assert bench.ledger.entries[-1].time_ns == outcome.until_ns
    assert "release" not in bench.events
    assert bench.standing.in_force == ()
    assert bench.standing.tick(outcome.until_ns + 9 * MS) == []


def test_what_ends_is_told_in_the_order_of_its_end() -> None:
    bench = Bench()
    bench.standing.carry_out(throttle(1))
    bench.standing.carry_out(drop())

    ended = bench.standing.tick(T0 + 20_000 * MS)

    assert [c.decision_id for c in ended] == [drop().id, throttle(1).id]


def test_an_enforcer_that_can_tell_is_asked_how_it_ended() -> None:
    bench = Bench(Teller)
    outcome = bench.standing.carry_out(throttle())
    assert outcome is not None

    assert bench.standing.tick(outcome.until_ns) == []
    assert isinstance(bench.lever, Teller)
    bench.lever.told = lambda: "hard_timeout, 12 packets"
    (ended,) = bench.standing.tick(outcome.until_ns + MS)

    assert ended.detail == "hard_timeout, 12 packets"
    assert "release" not in bench.events


def test_an_enforcer_that_does_not_confirm_is_released_to_be_sure() -> None:
    bench = Bench(Teller)
    outcome = bench.standing.carry_out(throttle())
    assert outcome is not None

    (ended,) = bench.standing.tick(outcome.until_ns + CONFIRM_NS)

    assert "not confirmed" in ended.detail
    assert bench.events[-2:] == ["release", "containment:ended"]


def test_an_effect_seen_on_the_mirror_is_verified_once() -> None:
    bench = Bench()
    bench.standing.carry_out(throttle())
    key = throttle().id

    early = bench.standing.observe_effect(key, T0 + 50 * MS, T0 + 200 * MS)
    seen = bench.standing.observe_effect(key, T0 + 50 * MS, T0 + 400 * MS)
    bench.standing.observe_effect(key, T0 + 50 * MS, T0 + 900 * MS)

    assert early is not None
    assert early.state is State.APPLIED
    assert seen is not None
    assert seen.state is State.VERIFIED
    assert bench.bodies("effect") == [
        {"decision_id": key, "last_bad_ns": T0 + 50 * MS, "verified": True}
    ]
    (verified,) = bench.standing.in_force
    assert verified.state is State.VERIFIED


def test_a_command_without_effect_is_taken_back() -> None:
    bench = Bench()
    bench.standing.carry_out(throttle())
    bad_ns = T0 + 1001 * MS

    undone = bench.standing.observe_effect(throttle().id, bad_ns, bad_ns)

    assert undone is not None
    assert undone.state is State.ROLLED_BACK
    assert "1001 ms after the command" in undone.detail
    assert bench.events[-3:] == ["effect:", "release", "containment:rolled_back"]
    assert bench.bodies("effect")[0]["verified"] is False
    assert bench.standing.in_force == ()


def test_an_effect_that_wears_off_is_taken_back_too() -> None:
    bench = Bench()
    bench.standing.carry_out(throttle())
    key = throttle().id
    bench.standing.observe_effect(key, 0, T0 + 400 * MS)

    undone = bench.standing.observe_effect(key, T0 + 5000 * MS, T0 + 5000 * MS)

    assert undone is not None
    assert undone.state is State.ROLLED_BACK


def test_a_rate_limit_lets_frames_pass_by_design() -> None:
    bench = Bench()
    limit = drop(action=Action.RATE_LIMIT_SOURCES)
    bench.standing.carry_out(limit)

    held = bench.standing.observe_effect(limit.id, T0 + 1500 * MS, T0 + 1500 * MS)

    assert held is not None
    assert held.state is State.APPLIED


def test_what_cannot_be_verified_stays_so() -> None:
    clock = SimulatedClock(T0)
    standing = Standing([SimulatedActuator(clock)], MemoryLedger(), clock)

    outcome = standing.carry_out(throttle())
    later = standing.observe_effect(throttle().id, T0 + 5000 * MS, T0 + 5000 * MS)

    assert outcome == later
    assert outcome is not None
    assert outcome.state is State.UNVERIFIABLE


def test_a_person_can_undo_exactly_one() -> None:
    bench = Bench()
    bench.standing.carry_out(throttle(1))
    bench.standing.carry_out(throttle(2))

    undone = bench.standing.release(throttle(1).id, "jane@desk")

    assert undone is not None
    assert undone.detail == "released by jane@desk"
    assert [c.decision_id for c in bench.standing.in_force] == [throttle(2).id]
    assert bench.standing.release(throttle(1).id, "jane@desk") is None


def test_after_a_restart_what_was_acknowledged_is_adopted_and_ends() -> None:
    before = Bench()
    before.standing.carry_out(throttle(1))
    before.standing.carry_out(throttle(2))
    before.standing.release(throttle(2).id, "jane")
    before.standing.carry_out(throttle(3, mode=Mode.SHADOW))

    after = Bench()
    adopted = after.standing.recover(before.ledger.entries)
    after.standing.carry_out(throttle(1))

    assert [c.decision_id for c in adopted] == [throttle(1).id]
    assert "apply" not in after.events
    (ended,) = after.standing.tick(T0 + 10_000 * MS)
    assert ended.decision_id == throttle(1).id


def test_after_a_restart_an_intent_without_outcome_is_taken_back() -> None:
    before = Bench()
    before.standing.carry_out(throttle(1))
    torn = before.ledger.entries[:1]

    after = Bench()
    adopted = after.standing.recover(torn)

    assert adopted == []
    assert after.events == ["release", "containment:rolled_back"]
    assert after.standing.recover([*torn, *after.ledger.entries]) == []
    assert after.events.count("release") == 1


def test_after_a_restart_what_has_ended_meanwhile_is_recorded_so() -> None:
    before = Bench()
    before.standing.carry_out(throttle(1))

    after = Bench()
    after.clock.time_ns = T0 + 60_000 * MS
    adopted = after.standing.recover(before.ledger.entries)

    assert adopted == []
    assert after.events == ["containment:ended"]


@pytest.mark.parametrize("step", range(1, 5))
def test_a_crash_at_any_step_leaves_nothing_unaccounted_for(step: int) -> None:
    before = Bench()
    before.standing.carry_out(throttle(1))
    before.standing.observe_effect(throttle(1).id, 0, T0 + 400 * MS)
    entries = before.ledger.entries[:step]

    after = Bench()
    after.standing.recover(entries)
    after.standing.tick(T0 + 60_000 * MS)

    states = [entry.body["state"] for entry in after.ledger.entries]
    assert states in (["ended"], ["rolled_back"])


def test_the_deadline_is_configurable() -> None:
    bench = Bench()
    patient = Standing(
        [bench.lever], bench.ledger, bench.clock, Effect(deadline_ms=5000)
    )
    patient.carry_out(throttle())

    held = patient.observe_effect(throttle().id, T0 + 4000 * MS, T0 + 4000 * MS)

    assert held is not None
    assert held.state is State.APPLIED


def test_a_recorded_intent_reads_back_as_the_same_decision() -> None:
    bench = Bench()
    bench.standing.carry_out(throttle(), session_verdict(200))

    (body,) = bench.bodies("decision")

    assert msgspec.convert(body, Decision) == throttle()


def test_slow_enforcers_are_asked_one_at_a_tick() -> None:
    """A gateway that hangs must not keep people waiting once for each containment."""

    class Slow(Teller):
        def ended(self, containment: Containment) -> str:
            self.events.append("asked")
            self._clock.time_ns += 1000 * MS
            return ""

    bench = Bench(Slow)
    for number in range(5):
        bench.standing.carry_out(throttle(number))
    end_ns = T0 + 10_000 * MS
    bench.clock.time_ns = end_ns

    bench.standing.tick(end_ns)

    assert bench.events.count("asked") == 1
