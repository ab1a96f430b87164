"""What failed is tried again: bounded, by an id of its own, until one says no."""

from collections.abc import Iterator

import msgspec
import pytest

from airnet.act.attempts import AGAIN_NS, ATTEMPTS_MAX
from airnet.act.isolation import Isolation
from airnet.act.orders import OrdersActuator
from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SimulatedClock
from airnet.config import Gateway
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision, Tier
from airnet.errors import ActuationError, InstructionError
from airnet.record.incident import fold
from airnet.record.memory import MemoryLedger
from airnet.record.narrative import tell
from tests.fakes.gateway import FakeGateway
from tests.fakes.verdicts import MS, T0, throttle

S = 1000 * MS
TTL_NS = 60 * S
TOLD = {"by": "Jane Doe", "ask": "undo", "reason": "a test", "key": ""}


class Refusing(SimulatedActuator):
    """Fails so many times, then does it."""

    def __init__(self, clock: SimulatedClock, failures: int) -> None:
        super().__init__(clock, State.APPLIED)
        self.failures = failures
        self.asked: list[tuple[str, int]] = []

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        self.asked.append((decision.id, ttl_ns))
        if len(self.asked) <= self.failures:
            raise ActuationError("busy", "look")
        return super().apply(decision, ttl_ns)

    def release(self, containment: Containment) -> Containment:
        self._standing.pop(containment.decision_id, None)
        return containment


class Bench:
    """Standing on a clock that a test moves."""

    def __init__(self, failures: int, ledger: MemoryLedger | None = None) -> None:
        self.clock = SimulatedClock(T0)
        self.ledger = ledger or MemoryLedger()
        self.lever = Refusing(self.clock, failures)
        self.closed = ""
        self.standing = Standing(
            [self.lever], self.ledger, self.clock, closed=lambda: self.closed
        )

    def order(self, **changes: object) -> Decision:
        made = throttle(t_ns=T0, until_ns=T0 + TTL_NS, **changes)
        outcome = self.standing.carry_out(made)
        assert outcome is not None
        assert outcome.state is State.FAILED
        return made

    def wait(self, wait_ns: int) -> None:
        self.clock.time_ns += wait_ns
        self.standing.tick(self.clock.time_ns)

    def states(self) -> list[str]:
        return [
            str(one.body["state"])
            for one in self.ledger.evidence()
            if one.kind == "containment"
        ]


def test_it_is_tried_again_until_it_stands_and_ends_when_it_was_to() -> None:
    bench = Bench(failures=2)
    made = bench.order()

    bench.wait(AGAIN_NS[0] - 1)
    assert len(bench.lever.asked) == 1
    bench.wait(1)
    assert len(bench.lever.asked) == 2
    bench.wait(AGAIN_NS[1] - 1)
    assert len(bench.lever.asked) == 2
    bench.wait(1)

    (stands,) = bench.standing.in_force
    assert (stands.decision_id, stands.until_ns) == (made.id, T0 + TTL_NS)
    assert bench.states() == ["failed", "intended", "failed", "intended", "applied"]
    assert [one for one, _ in bench.lever.asked] == [made.id] * 3
    bench.wait(100 * S)
    assert len(bench.lever.asked) == 3
    (incident,) = fold(bench.ledger.evidence())
    assert "attempt 2" in tell(incident, bench.ledger.evidence())


def test_no_more_often_than_so() -> None:
    bench = Bench(failures=1000)
    made = bench.order()

    for _ in range(600):
        bench.wait(S // 10)

    assert len(bench.lever.asked) == ATTEMPTS_MAX
    assert bench.states().count("intended") == ATTEMPTS_MAX - 1
    assert bench.standing.in_force == ()
    (ended,) = bench.standing.ended
    assert (ended.decision.id, ended.state) == (made.id, "failed")
    assert f"attempt {ATTEMPTS_MAX}, the last" in ended.detail


def test_an_attempt_is_durable_before_it_leaves() -> None:
    bench = Bench(failures=1)
    bench.order()
    seen: list[tuple[list[str], int]] = []
    syncs = [0]
    sync = bench.ledger.sync

    def counted() -> None:
        syncs[0] += 1
        sync()

    def looked(decision: Decision, ttl_ns: int) -> Containment:
        seen.append((bench.states(), syncs[0]))
        return SimulatedActuator.apply(bench.lever, decision, ttl_ns)

    bench.ledger.sync = counted
    bench.lever.apply = looked
    bench.wait(AGAIN_NS[0])
    assert seen == [(["failed", "intended"], 1)]


@pytest.mark.parametrize("why", ["undone", "vetoed", "frozen", "over"])
def test_it_stops_when_somebody_is_against_it(why: str) -> None:
    bench = Bench(failures=1)
    made = bench.order()
    if why == "undone":
        undone = bench.standing.undo(made.id, "Jane Doe: a test", dict(TOLD))
        assert undone.state == "rolled_back"
    elif why == "vetoed":
        bench.standing.vetoes.undo(made, "Jane Doe", T0)
    elif why == "frozen":
        bench.closed = "frozen by Jane Doe"
    else:
        bench.clock.time_ns += TTL_NS

    for _ in range(100):
        bench.wait(S // 10)
        bench.closed = ""  # what was let go is not taken up again

    assert len(bench.lever.asked) == 1
    assert bench.standing.in_force == ()
    assert bench.states() == ["failed", "rolled_back"]
    with pytest.raises(InstructionError):
        bench.standing.undo(made.id, "Jane Doe: again", dict(TOLD))


def test_undone_while_it_is_asked_for_it_does_not_stay() -> None:
    bench = Bench(failures=1)
    made = bench.order()

    def undoing(decision: Decision, ttl_ns: int) -> Containment:
        bench.standing.undo(made.id, "Jane Doe: a test", dict(TOLD))
        return SimulatedActuator.apply(bench.lever, decision, ttl_ns)

    bench.lever.apply = undoing
    bench.wait(AGAIN_NS[0])
    assert bench.standing.in_force == ()
    assert bench.lever.in_force() == ()
    assert bench.states()[-1] == "rolled_back"


def test_what_nobody_carries_out_is_not_tried_again() -> None:
    clock = SimulatedClock(T0)
    standing = Standing([], MemoryLedger(), clock)
    made = throttle()
    standing.carry_out(made)
    assert made.id not in standing.attempts


def test_a_kill_that_waits_for_its_next_attempt_is_not_lifted_by_a_freeze() -> None:
    bench = Bench(failures=1)
    bench.order(tier=Tier.KILL_ALGO, action=Action.DISABLE_SESSION)
    released: list[Containment] = []
    bench.lever.release = lambda one: released.append(one) or one
    bench.closed = "frozen"
    bench.wait(AGAIN_NS[0])
    assert released == []
    assert bench.states() == ["failed", "withheld"]


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_restart_goes_on_where_it_was(failures: int) -> None:
    """Killed between two attempts: as many as ever in all, and no second one stands."""
    bench = Bench(failures=failures)
    made = bench.order()
    for wait_ns in AGAIN_NS[: failures - 1]:
        bench.wait(wait_ns)
    assert len(bench.lever.asked) == failures

    after = Bench(failures=0, ledger=bench.ledger)
    after.clock.time_ns = bench.clock.time_ns
    after.standing.recover(list(bench.ledger.evidence()))
    assert after.lever.asked == []
    after.wait(AGAIN_NS[failures - 1])

    (stands,) = after.standing.in_force
    assert (stands.decision_id, stands.until_ns) == (made.id, T0 + TTL_NS)
    assert len(after.lever.asked) == 1


def test_a_restart_tries_nothing_that_is_over_or_had_all_its_attempts() -> None:
    bench = Bench(failures=1000)
    bench.order()
    late = Bench(failures=0, ledger=MemoryLedger())
    for entry in bench.ledger.evidence():
        late.ledger.append(entry.kind, entry.time_ns, entry.body)
    late.clock.time_ns = T0 + TTL_NS
    for _ in range(600):
        bench.wait(S // 10)
    spent = Bench(failures=0, ledger=bench.ledger)
    spent.clock.time_ns = T0 + 20 * S

    for after in (late, spent):
        after.standing.recover(list(after.ledger.evidence()))
        for _ in range(100):
            after.wait(S // 10)
        assert after.lever.asked == []


def test_killed_within_an_attempt_it_is_taken_back() -> None:
    bench = Bench(failures=1)
    made = bench.order()

    def dies(decision: Decision, ttl_ns: int) -> Containment:
        SimulatedActuator.apply(bench.lever, decision, ttl_ns)
        raise KeyboardInterrupt

    bench.lever.apply = dies
    with pytest.raises(KeyboardInterrupt):
        bench.wait(AGAIN_NS[0])
    assert bench.lever.in_force() == (made.id,)

    heir = Standing([bench.lever], bench.ledger, bench.clock)
    heir.recover(list(bench.ledger.evidence()))
    assert heir.in_force == ()
    assert bench.lever.in_force() == ()
    assert made.id not in heir.attempts


# ---- at an order gateway, by OpenC2 ----


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway(now_ns=T0) as made:
        yield made


def at(gateway: FakeGateway) -> tuple[Standing, SimulatedClock, OrdersActuator]:
    clock = SimulatedClock(T0)
    place = Gateway(ip="10.0.0.10", port=9878, control=gateway.url)
    actuator = OrdersActuator([place], timeout_ms=400)
    return Standing([actuator], MemoryLedger(), clock), clock, actuator


def test_each_attempt_has_an_id_of_its_own(gateway: FakeGateway) -> None:
    standing, clock, actuator = at(gateway)
    gateway.behaviour = "refusing"
    made = throttle(t_ns=T0, until_ns=T0 + TTL_NS)
    standing.carry_out(made)
    clock.time_ns += AGAIN_NS[0]
    standing.tick(clock.time_ns)
    gateway.behaviour = "honest"
    clock.time_ns += AGAIN_NS[1]
    gateway.now_ns = clock.time_ns
    standing.tick(clock.time_ns)

    begun = [
        one["command_id"] for one in gateway.commands if one["action"] == "contain"
    ]
    (stands,) = standing.in_force
    assert stands.decision_id == made.id
    # A refused look at what stands is no leave to send: the second never left.
    assert begun[0] == made.id
    assert len(set(begun)) == len(begun) == 2
    assert list(gateway.limits) == [begun[-1]]
    undone = standing.release(made.id, "a test")
    actuator.close()
    assert undone is not None
    assert undone.state is State.ROLLED_BACK
    assert gateway.limits == {}


def test_a_lost_answer_makes_no_second_containment(gateway: FakeGateway) -> None:
    """It took effect, could not be taken back, and is found before it is sent again."""
    standing, clock, actuator = at(gateway)
    made = throttle(t_ns=T0, until_ns=T0 + TTL_NS)
    gateway.behaviour = "broken"  # does what it is told, and says HTTP 500
    obey = gateway.obey

    def deaf(whole: dict) -> dict:
        if whole["body"]["openc2"]["request"]["action"] == "restore":
            return {"headers": {}, "body": {}}
        return obey(whole)

    gateway.obey = deaf
    outcome = standing.carry_out(made)
    assert outcome is not None
    assert "release failed" in outcome.detail
    assert list(gateway.limits) == [made.id]
    gateway.behaviour, gateway.obey = "honest", obey
    clock.time_ns += AGAIN_NS[0]
    standing.tick(clock.time_ns)

    begun = [one for one in gateway.commands if one["action"] == "contain"]
    (stands,) = standing.in_force
    assert len(begun) == 1
    assert (stands.decision_id, stands.state) == (made.id, State.APPLIED)
    assert "whose answer was lost" in stands.detail
    standing.release(made.id, "a test")
    actuator.close()
    assert gateway.limits == {}
    assert msgspec.json.decode(stands.handle)["id"] == made.id


def test_what_waits_for_orders_before_it_cuts_is_not_tried_again() -> None:
    clock = SimulatedClock(T0)
    lever = Refusing(clock, failures=1000)
    isolation = Isolation(lever, [], list, clock)
    standing = Standing([isolation], MemoryLedger(), clock)
    made = throttle(
        tier=Tier.ISOLATE_HOST, action=Action.ISOLATE_HOST, target=("10.9.9.9",)
    )
    outcome = standing.carry_out(made)
    assert outcome is not None
    assert outcome.state is State.FAILED
    for _ in range(100):
        clock.time_ns += S // 10
        standing.tick(clock.time_ns)
    assert len(lever.asked) == 1
