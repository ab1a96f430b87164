"""What a person has undone is not done again while its cause goes on; all else is."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from airnet.act.intents import Order
from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.act.vetoes import MOST_NS, QUIET_NS, Vetoes
from airnet.cli.group import airnet
from airnet.clock import SimulatedClock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.instruction import Ask
from airnet.domain.verdict import Cause
from airnet.record.incident import fold
from airnet.record.memory import MemoryLedger
from airnet.record.narrative import tell
from tests.fakes.office import Office, instruct
from tests.fakes.verdicts import MS, T0, drop, session_name, throttle
from tests.unit.test_govern import listed, plainly, say, until

S = 1000 * MS
TTL_NS = 10 * S


class Lever(SimulatedActuator):
    """Writes down what it was told."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock, State.APPLIED)
        self.calls: list[tuple[str, tuple[str, ...]]] = []

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        self.calls.append(("apply", decision.target))
        return super().apply(decision, ttl_ns)

    def release(self, containment: Containment) -> Containment:
        self.calls.append(("release", ()))
        return super().release(containment)


class Bench:
    """Standing on a simulated clock."""

    def __init__(self, ledger: MemoryLedger | None = None) -> None:
        self.clock = SimulatedClock(T0)
        self.ledger = ledger or MemoryLedger()
        self.lever = Lever(self.clock)
        self.standing = Standing([self.lever], self.ledger, self.clock)
        self.standing.recover(list(self.ledger.evidence()))

    def order(self, decision: Decision, at_s: float = 0.0) -> Containment:
        """Carry out a Decision made so long after T0, which stands for ten seconds."""
        made = timed(decision, at_s)
        self.clock.time_ns = made.t_ns
        self.standing.tick(made.t_ns)
        outcome = self.standing.carry_out(made)
        assert outcome is not None
        return outcome

    def undo(self, decision: Decision, at_s: float = 0.0, by: str = "Jane Doe") -> None:
        body: dict[str, object] = {
            "decision_id": timed(decision, at_s).id,
            "ask": "undo",
            "by": by,
            "reason": "a test",
            "key": "",
        }
        self.standing.undo(timed(decision, at_s).id, f"{by}: a test", body)


def timed(decision: Decision, at_s: float) -> Decision:
    t_ns = T0 + round(at_s * S)
    return msgspec.structs.replace(
        decision, t_ns=t_ns, until_ns=t_ns + TTL_NS, id=f"{decision.id[:12]}{at_s:g}"
    )


def limit(port: int, gateway: str = "10.0.0.10") -> Decision:
    """Return a limit on a gateway; port 0 is any."""
    return drop(
        f"{gateway}:{port}" if port else gateway,
        action=Action.RATE_LIMIT_SOURCES,
        target_type=TargetType.GATEWAY,
        gateway=gateway,
        port=port,
    )


def undone(first: Decision) -> Bench:
    """Return where that was done, and undone at once."""
    bench = Bench()
    assert bench.order(first).state is State.APPLIED
    bench.undo(first)
    return bench


def test_what_goes_on_is_withheld_and_says_who_undid_it() -> None:
    bench = undone(throttle())

    again = bench.order(throttle(), 9)
    later = bench.order(throttle(), 17)

    assert (again.state, later.state) == (State.WITHHELD, State.WITHHELD)
    assert again.detail.startswith("undone by Jane Doe until it has been quiet for 60")
    assert "2023-11-14 23:13:20 UTC at the latest" in again.detail
    assert [what for what, _ in bench.lever.calls] == ["apply", "release"]
    assert bench.standing.in_force == ()
    (incident,) = fold(bench.ledger.evidence())
    story = tell(incident, bench.ledger.evidence())
    assert "never sent: undone by Jane Doe until" in story


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (throttle(1), throttle(2)),
        (throttle(), throttle(cause=Cause.COMPROMISE)),
        (drop("198.51.100.9"), drop("198.51.100.8")),
        (drop("10.0.0.10"), limit(0)),
        (limit(9878), limit(9879)),
        (limit(0), limit(0, "10.0.0.11")),
    ],
)
def test_other_targets_and_causes_are_contained_as_ever(
    first: Decision, other: Decision
) -> None:
    assert undone(first).order(other, 5).state is State.APPLIED


@pytest.mark.parametrize(
    ("first", "same"),
    [
        # Who logs on again comes from another port.
        (
            throttle(),
            throttle(
                target=("10.0.1.1:51000", "ALGO1"),
                session=msgspec.structs.replace(session_name(1), client_port=51_000),
            ),
        ),
        # Higher up the ladder, alone.
        (throttle(), throttle(action=Action.THROTTLE_PROCESS)),
        (limit(9878), limit(0)),
        (limit(0), limit(9878)),
    ],
)
def test_the_same_by_another_way_is_not(first: Decision, same: Decision) -> None:
    assert undone(first).order(same, 5).state is State.WITHHELD


def test_of_several_sources_the_others_are_dropped() -> None:
    bench = undone(drop("198.51.100.9", "198.51.100.7"))

    part = bench.order(drop("198.51.100.7", "198.51.100.1", "198.51.100.9"), 5)

    assert part.state is State.APPLIED
    assert bench.lever.calls[-1] == ("apply", ("198.51.100.1",))
    assert "but for 198.51.100.7, 198.51.100.9: undone by Jane Doe" in part.detail
    bench.undo(drop("198.51.100.7", "198.51.100.1", "198.51.100.9"), 5, "desk")
    assert bench.order(drop("198.51.100.1"), 6).detail.startswith("undone by desk")


def test_quiet_ends_it_and_what_is_ordered_in_between_does_not() -> None:
    bench = undone(throttle())
    end_s = (TTL_NS + QUIET_NS) / S

    assert bench.order(throttle(), end_s - 1).state is State.WITHHELD
    end_s = end_s - 1 + end_s
    assert bench.order(throttle(), end_s - 0.001).state is State.WITHHELD
    assert bench.order(throttle(), 2 * end_s).state is State.APPLIED


def test_it_ends_after_a_bounded_time_whatever_goes_on() -> None:
    bench = undone(throttle())
    most_s = MOST_NS // S

    for at_s in range(9, most_s, 9):
        assert bench.order(throttle(), at_s).state is State.WITHHELD
    assert bench.order(throttle(), most_s).state is State.APPLIED


def test_what_the_fast_lane_did_meanwhile_is_let_go() -> None:
    bench = undone(drop())
    made = timed(drop(), 5)
    done = bench.lever.apply(made, TTL_NS)

    bench.standing.carry_out_all([Order(made, None, done)])

    assert [what for what, _ in bench.lever.calls] == ["apply", "release"] * 2
    assert bench.standing.in_force == ()
    assert bench.standing.outcome(made.id) == bench.order(drop(), 5)


def test_what_waits_for_people_waits_still() -> None:
    bench = undone(throttle())
    kill = throttle(
        action=Action.CANCEL_ORDERS,
        tier=Tier.KILL_ALGO,
        mode=Mode.PROPOSE,
        approvals_needed=2,
    )

    assert bench.standing.carry_out(kill) is None
    assert [one.decision for one in bench.standing.proposals] == [kill]


def test_a_withdrawn_proposal_is_no_veto() -> None:
    bench = Bench()
    asked = throttle(mode=Mode.PROPOSE, approvals_needed=1)
    bench.standing.carry_out(asked)
    bench.standing.undo(asked.id, "Jane Doe: no", {"by": "Jane Doe"})

    assert bench.order(throttle(), 5).state is State.APPLIED


steps = st.lists(
    st.tuples(
        st.sampled_from(["order", "order", "undo", "restart"]),
        st.sampled_from(
            [
                throttle(1),
                throttle(2),
                drop("198.51.100.9"),
                drop("198.51.100.9", "198.51.100.1"),
                limit(9878),
                limit(0),
            ]
        ),
        st.integers(1, 90),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_a_restart_at_any_time_changes_nothing(
    todo: list[tuple[str, Decision, int]],
) -> None:
    """What is carried out is the same, whether or not airnet ends in between."""

    def played(*, may_end: bool) -> list[State]:
        bench, at_s, states = Bench(), 0.0, []
        for what, decision, gap_s in todo:
            at_s += gap_s
            bench.clock.time_ns = T0 + round(at_s * S)
            if what == "restart" and may_end:
                clock, lever = bench.clock, bench.lever
                bench = Bench(bench.ledger)
                bench.clock.time_ns = clock.time_ns
                bench.lever.calls = lever.calls
            elif what == "order":
                states.append(bench.order(decision, at_s).state)
            elif what == "undo" and bench.standing.in_force:
                last = bench.standing.in_force[-1].decision_id
                told = {"decision_id": last, "ask": "undo", "by": "Jane Doe"}
                told |= {"reason": "", "key": ""}
                bench.standing.undo(last, "Jane Doe: a test", dict(told))
        return states

    assert played(may_end=True) == played(may_end=False)


def test_many_vetoes_are_bounded_and_the_oldest_goes() -> None:
    vetoes = Vetoes()
    for number in range(8200):
        one = drop(f"198.18.{number // 256}.{number % 256}")
        vetoes.undo(one, "desk", T0)

    assert len(vetoes.listing(T0)) == 8192
    assert not vetoes.touches(drop("198.18.0.0"))
    assert vetoes.touches(drop("198.18.32.7"))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def held(office: Office, decision: Decision) -> Callable[[], bool]:
    return lambda: office.standing.outcome(decision.id) is not None


def test_a_person_who_asks_for_it_has_it_done(office: Office) -> None:
    with office:
        first = office.decide()
        until(held(office, first))
        assert plainly(office, Ask.UNDO, first.id, "desk").ok
        (veto,) = listed(office)["undone"]
        assert (veto["by"], veto["cause"]) == ("desk", "algo_fault")
        again = office.decide(measured=7)
        until(held(office, again))
        assert office.standing.in_force == ()

        unsigned = plainly(office, Ask.APPROVE, again.id)
        agreed = say(office, Ask.APPROVE, again.id, "Jane Doe")

        assert "not signed" in unsigned.what
        assert agreed.ok, agreed
        assert agreed.body["state"] == "applied"
        assert listed(office)["undone"] == []
        more = office.decide(measured=8)
        until(held(office, more))
        assert len(office.standing.in_force) == 2
        assert not say(office, Ask.APPROVE, again.id, "Jane Doe").ok
        told = instruct(Ask.UNDO, more.id, "desk", at_ns=office.clock.now_ns())
        assert told.problem() == ""
    restarted = Vetoes()
    restarted.recover(office.ledger.evidence())
    assert restarted.listing(office.clock.now_ns()) == []


def presigned(office: Office, measured: float) -> Decision:
    """Order a kill (T5) as two people have signed it beforehand."""
    return office.decide(
        tier=Tier.KILL_ALGO, action=Action.CANCEL_ORDERS, measured=measured
    )


def withheld_kill(office: Office) -> Decision:
    """Return a kill that was pre-signed, undone, ordered again, and withheld."""
    first = presigned(office, 6)
    until(held(office, first))
    assert say(office, Ask.UNDO, first.id, "Jane Doe").ok
    again = presigned(office, 7)
    until(held(office, again))
    outcome = office.standing.outcome(again.id)
    assert outcome is not None
    assert outcome.state is State.WITHHELD
    return again


def test_a_presigned_kill_that_an_undo_withheld_takes_two_people(
    office: Office,
) -> None:
    with office:
        again = withheld_kill(office)
        applied = office.levers.calls.count

        unsigned = plainly(office, Ask.APPROVE, again.id)
        first = say(office, Ask.APPROVE, again.id, "Jane Doe")
        same = say(office, Ask.APPROVE, again.id, "Jane Doe")
        (waits,) = listed(office)["proposed"]
        before = [what for what, _ in office.levers.calls]
        second = say(office, Ask.APPROVE, again.id, "Ivan Novak")

        assert not unsigned.ok
        assert (first.ok, first.body["state"], first.body["missing"]) == (
            True,
            "open",
            1,
        )
        assert not same.ok
        assert "already" in same.what
        assert (waits["needed"], waits["approved_by"]) == (2, ["Jane Doe"])
        assert before.count("apply") == 1  # what was undone, and nothing since
        assert (second.ok, second.body["state"]) == (True, "applied")
        assert applied(("apply", str(second.body["decision"]))) == 1
        assert listed(office)["undone"] == []
        assert listed(office)["proposed"] == []
        third = say(office, Ask.APPROVE, again.id, "Mary Major")
        assert not third.ok
    restarted = Vetoes()
    restarted.recover(office.ledger.evidence())
    assert restarted.listing(office.clock.now_ns()) == []


def test_half_agreed_it_is_withdrawn_by_an_undo_and_by_a_restart(
    office: Office,
) -> None:
    with office:
        again = withheld_kill(office)
        assert say(office, Ask.APPROVE, again.id, "Jane Doe").ok
        assert say(office, Ask.UNDO, again.id, "Mary Major").body["state"] == (
            "withdrawn"
        )
        assert not say(office, Ask.APPROVE, again.id, "Ivan Novak").ok
        more = presigned(office, 8)
        until(held(office, more))
        assert say(office, Ask.APPROVE, more.id, "Jane Doe").ok
        assert [what for what, _ in office.levers.calls].count("apply") == 1
    standing = Standing([Lever(SimulatedClock(T0))], office.ledger, office.clock)
    standing.recover(list(office.ledger.evidence()))
    assert list(standing.proposals) == []
    assert standing.in_force == ()
    (veto,) = standing.vetoes.listing(office.clock.now_ns())
    assert veto["by"] == "Jane Doe"


def test_actions_shows_people_what_is_left_alone(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    with office:
        first = office.decide()
        until(held(office, first))
        assert plainly(office, Ask.UNDO, first.id, "desk").ok
        airnet.main(["actions", "--socket", str(office.socket)], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "Undone, and left alone" in shown
    (row,) = [line for line in shown.splitlines() if "unless it" in line]
    assert "algo_fault" in row
    assert "desk" in row
