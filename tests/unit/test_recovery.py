"""decide.recovery: after a crash the next run knows what the last had ordered."""

from collections.abc import Iterable

import msgspec
import pytest

from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SimulatedClock
from airnet.decide import Judge
from airnet.decide.policy import Budget, Hysteresis, Policy
from airnet.decide.recovery import recover
from airnet.domain.decision import PASSIVE, Decision, Mode
from airnet.domain.verdict import Verdict
from airnet.record.memory import MemoryLedger
from tests.fakes.verdicts import MS, SITE, T0, session_verdict
from tests.unit.test_ladder import algorithm

POLICY = msgspec.structs.replace(
    algorithm(ttl_ms=10_000),
    hysteresis=Hysteresis(repeats_max=2),
    budget=Budget(actions_max=2),
)


class Run:
    """One life of airnet: a judge, and what it orders on the record."""

    def __init__(self, ledger: MemoryLedger, policy: Policy = POLICY) -> None:
        self.judge = Judge(policy, SITE)
        self.clock = SimulatedClock(T0)
        self.ledger = ledger
        recover(self.judge.guard, ledger.evidence())
        self.standing = Standing([SimulatedActuator(self.clock)], ledger, self.clock)
        ledger.append("start", T0, {})

    def see(self, stream: Iterable[Verdict]) -> list[Decision]:
        """Return what is ordered beyond evidence; carried out and recorded."""
        found = []
        for verdict in stream:
            for decision in self.judge.judge(verdict):
                self.standing.carry_out(decision, verdict)
                found.append(decision)
        return [one for one in found if one.action not in PASSIVE]

    def end(self) -> None:
        """Be told to end."""
        self.ledger.append("end", self.clock.now_ns(), {})


def fault(from_ms: int, n: int = 1) -> list[Verdict]:
    return [session_verdict(from_ms + t, n) for t in range(100, 600, 100)]


def test_what_stands_is_not_ordered_again_after_a_crash() -> None:
    ledger = MemoryLedger()
    (first,) = Run(ledger).see(fault(0))

    after = Run(ledger)

    assert after.judge.guard.stands(first.target[0], T0 + 5000 * MS)
    assert after.see(fault(5000)) == []
    # Each life's repeats count: this is the second, and there is no third.
    assert len(after.see(fault(20_000))) == 1
    assert Run(ledger).see(fault(40_000)) == []


@pytest.mark.parametrize("is_ended", [False, True])
def test_only_a_person_opens_the_latch(is_ended: bool) -> None:
    """Who ends airnet and starts it anew is one; what starts it after a crash not."""
    ledger = MemoryLedger()
    before = Run(ledger)
    for n in (1, 2, 3):
        before.see(fault(n * 700, n))
    assert before.judge.guard.is_latched
    if is_ended:
        before.end()

    after = Run(ledger)
    (decision,) = after.see(fault(200_000, 4))

    assert after.judge.guard.is_latched is not is_ended
    assert decision.mode is (Mode.ENFORCE if is_ended else Mode.SHADOW)


def test_the_pace_is_kept_across_a_crash() -> None:
    ledger = MemoryLedger()
    for n in (1, 2):
        Run(ledger).see(fault(n * 700, n))

    (decision,) = Run(ledger).see(fault(2100, 3))

    assert decision.mode is Mode.SHADOW


def test_what_was_only_written_down_stands_nowhere() -> None:
    ledger = MemoryLedger()
    shadow = algorithm(mode=Mode.SHADOW)
    Run(ledger, shadow).see(fault(0))

    (decision,) = Run(ledger).see(fault(1000))

    assert decision.mode is Mode.ENFORCE
