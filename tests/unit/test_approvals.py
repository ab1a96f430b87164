"""act: what needs people, across crashes, full disks, freezes and stepped clocks."""

from pathlib import Path

import msgspec
import pytest

from airnet.act.gate import Gate, by_signal
from airnet.act.people import Approver, Approvers, People, told
from airnet.act.proposals import PROPOSALS_MAX
from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SimulatedClock
from airnet.config import load
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Decision, Mode, with_id
from airnet.domain.incident import Evidence
from airnet.domain.instruction import NS_PER_S, PROPOSAL_NS, Ask, Peer
from airnet.errors import ActuationError, ConfigError, InstructionError, LedgerError
from airnet.record.incident import fold
from airnet.record.memory import MemoryLedger
from airnet.record.narrative import tell
from tests.fakes.office import KEYS, approvers, instruct, kill, public, signed
from tests.fakes.verdicts import T0, throttle

PEER = Peer(uid=1000, gid=1000, pid=1)


class Ledger(MemoryLedger):
    """A ledger whose disk can be full."""

    is_full = False

    def append(self, kind: str, time_ns: int, body: dict[str, object]) -> Evidence:
        if self.is_full:
            raise LedgerError("disk full", "free it")
        return super().append(kind, time_ns, body)


class Gateway(SimulatedActuator):
    """An actuator that lasts, and can say what stands."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock, State.APPLIED)
        self.calls: list[str] = []
        self.disabled: set[str] = set()
        self.is_gone = False

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        self.calls.append(f"apply {decision.id}")
        self.disabled.add(decision.id)
        return self._stands(decision)

    def release(self, containment: Containment) -> Containment:
        self.calls.append(f"release {containment.decision_id}")
        self.disabled.discard(containment.decision_id)
        return containment

    def find(self, decision: Decision) -> Containment | None:
        if self.is_gone:
            raise ActuationError("no answer in time", "look")
        return self._stands(decision) if decision.id in self.disabled else None

    def ended(self, containment: Containment) -> str:
        is_there = containment.decision_id in self.disabled
        return "" if is_there else "lifted at the gateway"

    def _stands(self, decision: Decision) -> Containment:
        outcome = super().apply(decision, 1)
        return msgspec.structs.replace(outcome, until_ns=0)


class Desk:
    """Standing on a simulated clock, with a gateway that keeps what it is told."""

    def __init__(self, gate: str = "") -> None:
        self.clock = SimulatedClock(T0)
        self.ledger = Ledger()
        self.gateway = Gateway(self.clock)
        self.gate = gate
        self.standing = Standing(
            [self.gateway], self.ledger, self.clock, closed=lambda: self.gate
        )

    def approve(self, decision: Decision, by: str) -> Decision | None:
        one = signed(Ask.APPROVE, decision.id, by, self.clock.time_ns)
        return self.standing.approve(one, told(one, PEER))[1]

    def killed(self) -> Decision:
        """Return a kill in force, to which two people agreed."""
        decision = kill()
        self.standing.carry_out(decision)
        self.approve(decision, "Jane Doe")
        enforced = self.approve(decision, "Ivan Novak")
        assert enforced is not None
        return enforced

    def entries(self) -> list[Evidence]:
        return list(self.ledger.evidence())


def test_what_needs_people_waits_and_shadow_does_not() -> None:
    desk = Desk()

    assert desk.standing.carry_out(kill(1)) is None
    assert desk.standing.carry_out(kill(2, mode=Mode.SHADOW)) is None

    assert [one.decision for one in desk.standing.proposals] == [kill(1)]
    assert desk.gateway.calls == []


def test_it_lapses_after_ten_minutes_by_the_steady_clock() -> None:
    desk = Desk()
    desk.standing.carry_out(kill())
    desk.clock.time_ns += PROPOSAL_NS

    with pytest.raises(InstructionError, match="nothing waits"):
        desk.approve(kill(), "Jane Doe")
    desk.standing.tick(desk.clock.time_ns)

    assert list(desk.standing.proposals) == []
    assert desk.entries()[-1].body["state"] == "lapsed"
    with pytest.raises(InstructionError, match="lapsed, nobody agreed in time"):
        desk.standing.undo(kill().id, "x", {})


def test_agreements_must_hold_at_the_same_time() -> None:
    desk = Desk()
    desk.standing.carry_out(kill())
    desk.approve(kill(), "Jane Doe")
    desk.clock.time_ns += 61 * NS_PER_S

    assert desk.approve(kill(), "Ivan Novak") is None
    enforced = desk.approve(kill(), "Jane Doe")
    assert enforced is not None
    assert desk.gateway.calls == [f"apply {enforced.id}"]


def test_what_was_agreed_to_is_the_same_from_now_on() -> None:
    desk = Desk()
    desk.standing.carry_out(kill())
    desk.approve(kill(), "Jane Doe")
    desk.clock.time_ns += 5 * NS_PER_S

    enforced = desk.approve(kill(), "Ivan Novak")

    assert enforced == with_id(
        msgspec.structs.replace(
            kill(),
            mode=Mode.ENFORCE,
            approvals_needed=0,
            t_ns=kill().t_ns + 5 * NS_PER_S,
            until_ns=kill().until_ns + 5 * NS_PER_S,
        )
    )


def test_no_proposal_makes_one_person_enough_for_a_kill() -> None:
    desk = Desk()
    desk.standing.carry_out(kill(approvals_needed=1))

    assert desk.approve(kill(approvals_needed=1), "Jane Doe") is None
    assert desk.gateway.calls == []


def test_proposals_are_bounded_and_the_oldest_gives_way() -> None:
    desk = Desk()
    for n in range(PROPOSALS_MAX + 3):
        desk.standing.carry_out(kill(measured=n))

    assert len(list(desk.standing.proposals)) == PROPOSALS_MAX
    states = [one.body.get("state") for one in desk.entries()]
    assert states.count("lapsed") == 3


def test_frozen_after_the_agreement_sends_nothing() -> None:
    desk = Desk()
    decision = kill()
    desk.standing.carry_out(decision)
    desk.approve(decision, "Jane Doe")
    desk.gate = "frozen by x: y"

    enforced = desk.approve(decision, "Ivan Novak")

    assert enforced is not None
    outcome = desk.standing.outcome(enforced.id)
    assert outcome is not None
    assert outcome.state is State.WITHHELD
    assert desk.gateway.calls == []


def test_a_kill_does_not_end_by_itself_and_a_gateway_may_lift_it() -> None:
    desk = Desk()
    decision = desk.killed()
    desk.standing.tick(T0 + 10**15)
    assert [one.decision_id for one in desk.standing.in_force] == [decision.id]
    desk.gateway.disabled.clear()

    desk.clock.time_ns = T0 + 2 * 10**15
    (ended,) = desk.standing.tick(desk.clock.now_ns())

    assert ended.detail == "lifted at the gateway"


def test_a_kill_without_effect_is_not_taken_back() -> None:
    desk = Desk()
    decision = desk.killed()
    late_ns = T0 + 5 * NS_PER_S

    desk.standing.observe_effect(decision.id, late_ns, late_ns)

    assert [one.decision_id for one in desk.standing.in_force] == [decision.id]


@pytest.mark.parametrize("kept", range(1, 8))
@pytest.mark.parametrize("has_left", [False, True])
def test_kill_9_at_any_entry_releases_no_kill_and_sends_none(
    kept: int, has_left: bool
) -> None:
    """Between approval and act, too: adopted if it is there, else said to have failed.

    Never re-enabled by us, never sent on the word of an earlier life.
    """
    before = Desk()
    decision = before.killed()
    entries = before.entries()
    assert [one.kind for one in entries] == [
        "decision",
        "proposal",
        "instruction",
        "instruction",
        "proposal",
        "decision",
        "containment",
    ]
    is_sent = kept == 7 or (kept == 6 and has_left)
    after = Desk()
    if is_sent:
        after.gateway.disabled.add(decision.id)

    after.standing.recover(entries[:kept])

    assert after.gateway.calls == []
    stands = [one.decision_id for one in after.standing.in_force]
    assert stands == ([decision.id] if is_sent else [])
    assert list(after.standing.proposals) == []
    assert after.gateway.disabled == ({decision.id} if is_sent else set())
    again = Desk()
    again.gateway.disabled = set(after.gateway.disabled)
    again.standing.recover([*entries[:kept], *after.entries()])
    assert again.gateway.calls == []
    stood = [one.decision_id for one in again.standing.in_force]
    assert stood == stands


def test_a_gateway_that_cannot_say_is_told_to_people() -> None:
    before = Desk()
    before.killed()
    after = Desk()
    after.gateway.is_gone = True

    after.standing.recover(before.entries()[:6])

    assert "unknown after a restart" in str(after.entries()[-1].body["detail"])
    assert after.gateway.calls == []


def test_no_disk_no_approval_is_counted() -> None:
    desk = Desk()
    desk.standing.carry_out(kill())
    desk.approve(kill(), "Jane Doe")
    desk.ledger.is_full = True

    with pytest.raises(LedgerError):
        desk.approve(kill(), "Ivan Novak")

    assert desk.gateway.calls == []


def test_no_disk_a_person_is_still_let_undo() -> None:
    desk = Desk()
    decision = throttle()
    desk.standing.carry_out(decision)
    desk.ledger.is_full = True

    undone = desk.standing.undo(decision.id, "desk: wrong one", {})

    assert desk.gateway.calls[-1] == f"release {decision.id}"
    assert undone.unrecorded is not None
    assert desk.standing.in_force == ()


def test_a_withdrawn_proposal_is_withdrawn_on_the_record() -> None:
    desk = Desk()
    desk.standing.carry_out(kill())

    undone = desk.standing.undo(kill().id, "Jane Doe: no", {"decision_id": kill().id})

    assert undone.state == "withdrawn"
    assert desk.entries()[-1].body["state"] == "withdrawn"
    with pytest.raises(InstructionError, match="nothing waits"):
        desk.approve(kill(), "Ivan Novak")


def test_the_story_names_who_agreed_and_how_it_stands() -> None:
    desk = Desk()
    desk.killed()
    (incident,) = fold(desk.entries())

    text = tell(incident, desk.entries())

    assert "approve by Jane Doe, signed: a test [2]" in text
    assert "proposal approved: by Jane Doe and Ivan Novak [4]" in text
    assert "still in force; a named person must lift it [6]" in text


def test_who_may_speak_up_to_which_tier() -> None:
    people = People(approvers(Jane_Doe=4), 0)
    one = signed(Ask.APPROVE, "x", "Jane Doe", T0)

    with pytest.raises(InstructionError, match="up to T4, this is T5"):
        people.hear(one, PEER, T0, 5)


def test_letting_go_needs_no_right_clock_and_no_key() -> None:
    people = People(approvers(), 0)
    old = signed(Ask.FREEZE, "", "Jane Doe", T0)

    people.hear(old, PEER, T0 + 10**18)
    people.hear(msgspec.structs.replace(old, key="", signature=""), PEER, 0)


def test_an_account_speaks_in_its_own_name_only() -> None:
    jane = Approver(name="Jane Doe", key=public("Jane Doe"), uid=1001)
    people = People(Approvers(people=(jane,)), 990)
    plain = msgspec.structs.replace(
        signed(Ask.UNDO, "x", "Jane Doe", T0), key="", signature=""
    )

    with pytest.raises(InstructionError, match="is not account 1000"):
        people.hear(plain, PEER, T0)
    people.hear(plain, msgspec.structs.replace(PEER, uid=1001), T0)


@pytest.mark.parametrize(
    ("people", "says"),
    [
        ((("A", 1), ("A", 2)), "name"),
        ((("A", 1), ("a", 2)), "name"),
        ((("A", 1), ("B", 1)), "key"),
    ],
)
def test_nobody_is_two_in_the_file(
    people: tuple[tuple[str, int], ...], says: str
) -> None:
    with pytest.raises(ValueError, match=f"must not have {says}"):
        Approvers(
            people=tuple(
                Approver(name=name, key=public(list(KEYS)[number]))
                for name, number in people
            )
        )


@pytest.mark.parametrize(
    "key",
    [
        "00" * 32,
        "01" + "00" * 31,
        "00" * 31 + "80",
        "ec" + "ff" * 30 + "7f",
        # Of order 8; found by halving (0, -1) twice on the curve of RFC 8032.
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ],
)
def test_a_key_for_which_anybody_can_sign_is_nobodys(key: str) -> None:
    with pytest.raises(ValueError, match="anybody can sign"):
        Approver(name="A", key=key)


@pytest.mark.parametrize("reason", ["", " ", "x" * 501, "\x1b[2J", "a\nb"])
def test_a_reason_is_a_line_of_text(reason: str) -> None:
    one = instruct(Ask.UNDO, "x", "desk", at_ns=T0)

    assert msgspec.structs.replace(one, reason=reason).problem()


def test_an_instruction_is_not_valid_for_ever() -> None:
    one = instruct(Ask.APPROVE, "x", "desk", at_ns=T0, valid_s=901)

    assert "at most 900 s" in one.problem()


def test_a_freeze_needs_hardly_any_disk(tmp_path: Path) -> None:
    """A partial file that cannot be written leaves an empty freeze, which freezes."""
    (tmp_path / ".frozen.part").mkdir()
    gate = Gate(tmp_path)
    gate.freeze(by_signal(T0, "x"))

    assert gate.closed() == "frozen by a file made by hand"


def test_lint_knows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "approvers.toml"
    path.write_text('[[approver]]\nname = "A"\nkey = "no"\n')

    with pytest.raises(ConfigError, match="64 hex digits"):
        load(path, Approvers)
