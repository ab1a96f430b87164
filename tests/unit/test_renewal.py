"""What stands while a fault lasts: renewed, not let go; whatever people are asked."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SimulatedClock
from airnet.config import load
from airnet.decide import Judge
from airnet.decide.ladder import Need, Rung
from airnet.decide.policy import Budget, Hysteresis, Policy
from airnet.domain.decision import PASSIVE, Action, Decision, Mode, Tier
from airnet.domain.instruction import PROPOSAL_NS
from airnet.domain.verdict import Verdict
from airnet.record.memory import MemoryLedger
from tests.fakes.verdicts import (
    MS,
    SITE,
    T0,
    gateway_verdict,
    session_verdict,
    throttle,
)
from tests.unit.test_ladder import COLUMNS, HOSTS, ISOLATE, compromise, host_verdict

DATA = Path(__file__).parents[2] / "src" / "airnet" / "data"
EXAMPLE = msgspec.structs.replace(load(DATA / "policy.toml.example", Policy), rules=())
SURE = {"probability_ppm": 999_900, "p_value_ppm": 1000}


def ordered(policy: Policy, stream: Iterator[Verdict]) -> list[Decision]:
    """Return what is ordered beyond evidence."""
    judge = Judge(policy, SITE)
    found = [one for verdict in stream for one in judge.judge(verdict)]
    return [one for one in found if one.action not in PASSIVE]


def lasting(until_s: int, **changes: object) -> Iterator[Verdict]:
    """Yield the windows of a fault that does not end, 100 ms apart."""
    for at_ms in range(100, until_s * 1000, 100):
        yield session_verdict(at_ms, **SURE, **changes)


def spans(decisions: list[Decision]) -> list[tuple[int, int]]:
    """Return from when to when something stood, in ms from T0."""
    found: list[tuple[int, int]] = []
    for one in decisions:
        start, end = (one.t_ns - T0) // MS, (one.until_ns - T0) // MS
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def of(action: Action, decisions: list[Decision]) -> list[Decision]:
    return [one for one in decisions if one.action is action]


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.SHADOW])
def test_what_nobody_approves_ends_no_throttle_and_mutes_nothing(mode: Mode) -> None:
    algo = msgspec.structs.replace(EXAMPLE.cause.algo_fault, mode=mode)
    causes = msgspec.structs.replace(EXAMPLE.cause, algo_fault=algo)
    policy = msgspec.structs.replace(EXAMPLE, cause=causes)

    found = ordered(policy, lasting(700))

    asked = of(Action.CANCEL_ORDERS, found)
    assert asked[0].mode is (Mode.PROPOSE if mode is Mode.ENFORCE else Mode.SHADOW)
    # One span for as long as the fault lasts: two changes of state.
    ((start, end),) = spans(of(Action.THROTTLE_SESSION, found))
    assert start < 1000
    assert end > 700_000
    # A proposal lapses after ten minutes, and what was right then is asked anew.
    assert [one.t_ns - asked[0].t_ns for one in asked] == [0, PROPOSAL_NS]


def test_a_hard_limit_is_heard_while_a_proposal_waits() -> None:
    """The throttle has ended in quiet, the proposal waits, and it begins anew."""
    rule = "session.duplicate_clordid"
    again = [session_verdict(130_000 + n, rule=rule) for n in (0, 100)]

    *_, last = ordered(EXAMPLE, iter([*lasting(5), *again]))

    assert last.action is Action.THROTTLE_SESSION
    assert T0 + 130_000 * MS <= last.t_ns <= T0 + 130_100 * MS


def test_proposals_fill_the_hosts_budget_only_while_they_wait() -> None:
    policy = compromise(ISOLATE, budget=Budget(hosts_max=2))
    judge = Judge(policy, HOSTS, COLUMNS)
    later_ms = 200 + PROPOSAL_NS // MS

    def asked(address: str, at_ms: int) -> bool:
        judged = judge.judge(host_verdict(address, at_ms))
        return any(one.action is Action.ISOLATE_HOST for one in judged)

    assert asked("10.0.1.1", 100)
    assert asked("10.0.1.2", 200)
    assert not asked("10.0.1.3", 300)
    assert asked("10.0.1.3", later_ms + 1)


def test_what_people_approved_stands_and_fills_the_budget() -> None:
    policy = compromise(ISOLATE, budget=Budget(hosts_max=1))
    judge = Judge(policy, HOSTS, COLUMNS)
    (asked,) = judge.judge(host_verdict("10.0.1.1", 100))

    judge.guard.approve(
        msgspec.structs.replace(asked, approvals_needed=0, mode=Mode.ENFORCE)
    )
    later_ms = 300 + PROPOSAL_NS // MS
    found = judge.judge(host_verdict("10.0.1.2", later_ms))

    assert [one.rule for one in found] == ["budget.hosts"]


def test_only_quiet_ends_a_cooldown() -> None:
    hysteresis = Hysteresis(repeats_max=2, cooldown_ms=60_000)
    algo = msgspec.structs.replace(EXAMPLE.cause.algo_fault, ttl_ms=10_000)
    causes = msgspec.structs.replace(EXAMPLE.cause, algo_fault=algo)
    policy = msgspec.structs.replace(EXAMPLE, cause=causes, hysteresis=hysteresis)

    def pulse(second: int) -> list[Verdict]:
        """Return one second of fault."""
        start_ms = second * 1000
        return [session_verdict(start_ms + n, **SURE) for n in range(100, 1100, 100)]

    pulses = [one for second in range(0, 600, 30) for one in pulse(second)]
    later = [*pulses, *pulse(700)]

    assert len(of(Action.THROTTLE_SESSION, ordered(policy, iter(pulses)))) == 2
    assert len(of(Action.THROTTLE_SESSION, ordered(policy, iter(later)))) == 3


def test_nothing_is_held_longer_than_policy_allows() -> None:
    policy = msgspec.structs.replace(
        EXAMPLE, hysteresis=Hysteresis(held_ms_max=150_000)
    )

    found = of(Action.THROTTLE_SESSION, ordered(policy, lasting(400)))

    first, second, *_ = spans(found)
    assert first[1] - first[0] <= 150_000
    assert second[0] > first[1]  # contained again, which is a repeat


def test_a_flood_that_lasts_is_shielded_in_one_piece() -> None:
    def flood() -> Iterator[Verdict]:
        for at_ms in range(10, 200_000, 50):
            yield gateway_verdict(at_ms)

    found = ordered(EXAMPLE, flood())

    assert {one.action for one in found} == {Action.DROP_SOURCES}
    ((_, end),) = spans(found)
    assert end > 200_000


def test_an_end_that_nothing_argues_against_is_an_end() -> None:
    found = ordered(EXAMPLE, lasting(50))

    assert len(of(Action.THROTTLE_SESSION, found)) == 1


def test_rungs_have_tiers_of_their_own() -> None:
    """What two people signed is done once; the throttle goes on below it."""
    kill = Rung(action="cancel_orders", needs=(Need.LOWER_FAILED,), approvals=0)
    algo = msgspec.structs.replace(EXAMPLE.cause.algo_fault, rungs=(kill,))
    causes = msgspec.structs.replace(EXAMPLE.cause, algo_fault=algo)
    policy = msgspec.structs.replace(EXAMPLE, cause=causes)

    found = ordered(policy, lasting(200))

    assert [one.tier for one in of(Action.CANCEL_ORDERS, found)] == [Tier.KILL_ALGO]
    assert len(spans(of(Action.THROTTLE_SESSION, found))) == 1


def test_undo_lets_go_of_a_renewal_as_well() -> None:
    clock = SimulatedClock(T0)
    standing = Standing([SimulatedActuator(clock)], MemoryLedger(), clock)
    other = throttle(2)
    first = throttle()
    second = throttle(t_ns=T0 + 9000 * MS, until_ns=T0 + 19_000 * MS)
    for one in (first, other, second):
        standing.carry_out(one)

    standing.undo(second.id, "Jane Doe: it is well", {})

    assert [one.decision_id for one in standing.in_force] == [other.id]
