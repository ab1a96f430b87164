"""record.incident: what belongs together is one incident, and only that."""

import msgspec

from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SimulatedClock
from airnet.domain.containment import State
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.incident import Incident
from airnet.domain.verdict import Cause
from airnet.record.incident import fold
from airnet.record.memory import MemoryLedger
from tests.fakes.verdicts import MS, T0, drop, throttle


def told(*decisions: Decision) -> list[Incident]:
    """Return the incidents of these Decisions, each recorded as an intent."""
    ledger = MemoryLedger()
    for decision in decisions:
        ledger.append("decision", decision.t_ns, msgspec.to_builtins(decision))
    return fold(ledger.evidence())


def later(decision: Decision, by_ms: int, **changes: object) -> Decision:
    """Return the Decision as if everything had happened later."""
    shift_ns = by_ms * MS
    moved = {
        "t_ns": decision.t_ns + shift_ns,
        "first_ns": decision.first_ns + shift_ns,
        "until_ns": decision.until_ns + shift_ns if decision.until_ns else 0,
        "id": f"{decision.id[:8]}{by_ms:08d}",
    }
    return msgspec.structs.replace(decision, **{**moved, **changes})


PASSIVE = {
    "action": Action.EVIDENCE,
    "tier": Tier.EVIDENCE,
    "until_ns": 0,
    "mode": Mode.SHADOW,
}


def test_nothing_decided_is_no_incident() -> None:
    ledger = MemoryLedger()
    ledger.append("start", 0, {"version": "0"})
    ledger.append("end", 1, {})

    assert fold(ledger.evidence()) == []


def test_containments_and_effects_join_their_decision() -> None:
    clock, ledger = SimulatedClock(T0), MemoryLedger()
    standing = Standing([SimulatedActuator(clock, State.APPLIED)], ledger, clock)
    standing.carry_out(throttle())
    standing.observe_effect(throttle().id, T0 + 5 * MS, T0 + 400 * MS)
    standing.tick(T0 + 10_000 * MS)

    (incident,) = fold(ledger.evidence())

    assert incident.decisions == (throttle(),)
    assert [c.state for c in incident.containments] == [
        State.APPLIED,
        State.VERIFIED,
        State.ENDED,
    ]
    assert incident.evidence == (0, 1, 2, 3, 4)
    assert incident.first_ns == throttle().first_ns
    assert incident.last_bad_ns == T0 + 5 * MS
    assert incident.cause == "algo_fault"


def test_a_repeat_within_the_gap_is_the_same_incident() -> None:
    (incident,) = told(throttle(), later(throttle(), 10_200))

    assert len(incident.decisions) == 2


def test_a_repeat_after_the_gap_is_another() -> None:
    first, second = told(throttle(), later(throttle(), 80_000))

    assert first.id != second.id


def test_another_session_is_another_incident() -> None:
    assert len(told(throttle(1), throttle(2))) == 2


def test_doubt_joins_what_it_turns_out_to_be() -> None:
    doubt = later(throttle(), 0, **PASSIVE, cause=Cause.UNKNOWN)

    (incident,) = told(doubt, later(throttle(), 300))

    assert incident.cause == "algo_fault"
    assert len(incident.decisions) == 2


def test_a_flood_is_one_incident_whatever_is_done_about_it() -> None:
    wide = later(
        drop(),
        500,
        action=Action.RATE_LIMIT_SOURCES,
        target_type=TargetType.GATEWAY,
        target=("10.0.0.10:9878",),
    )

    (incident,) = told(drop(), later(drop("198.51.100.77"), 100), wide)

    assert len(incident.decisions) == 3


def test_volatility_of_a_gateway_does_not_join_a_fault_of_a_session() -> None:
    calm = later(throttle(), 0, **PASSIVE, cause=Cause.VOLATILITY)

    assert [i.cause for i in told(calm, later(throttle(), 300))] == [
        "volatility",
        "algo_fault",
    ]


def test_the_same_evidence_tells_the_same_incidents() -> None:
    assert told(throttle(), drop()) == told(throttle(), drop())
