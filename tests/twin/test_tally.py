"""Tally: which containments are right, which are false, and what was expected."""

import msgspec
import pytest

from airnet.domain.containment import State
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.verdict import Cause
from airnet.twin import tally
from airnet.twin.outcome import Act, Wrong
from airnet.twin.scenario import Expectation, Label

S = 1_000_000_000
MS = 1_000_000
CULPRIT, OTHER = ("10.0.0.1:40000", "A"), ("10.0.0.2:40000", "B")
BYSTANDERS = frozenset({"10.0.0.2", "10.9.9.9"})
FAULT = Label(
    cause=Cause.ALGO_FAULT,
    onset_ns=10 * S,
    offset_ns=20 * S,
    sessions=(CULPRIT,),
    action=Action.THROTTLE_SESSION,
    tier_max=Tier.LIMIT_ALGO,
)
FLOOD = Label(
    cause=Cause.FLOOD,
    onset_ns=10 * S,
    offset_ns=20 * S,
    hosts=("203.0.113.5",),
    action=Action.DROP_SOURCES,
    tier_max=Tier.PROTECT,
)
NEWS = Label(cause=Cause.VOLATILITY, onset_ns=10 * S, offset_ns=20 * S)


def decision(t_ns: int = 11 * S, **changed: object) -> Decision:
    made = Decision(
        id="one",
        t_ns=t_ns,
        cause=Cause.ALGO_FAULT,
        tier=Tier.LIMIT_ALGO,
        action=Action.THROTTLE_SESSION,
        target_type=TargetType.SESSION,
        target=CULPRIT,
        until_ns=t_ns + 10 * S,
        mode=Mode.SHADOW,
        rule="rule",
        measured=2,
        limit=1,
        probability=0.99,
        why="why",
        first_ns=t_ns,
        window_kind=1,
        subject=0,
    )
    return msgspec.structs.replace(made, **changed)


def drop(*targets: str) -> Decision:
    return decision(
        cause=Cause.FLOOD,
        tier=Tier.PROTECT,
        action=Action.DROP_SOURCES,
        target_type=TargetType.SOURCE,
        target=targets,
    )


def confine(host: str, peer: str) -> Decision:
    """Return a Decision that keeps a host from whom it calls."""
    return decision(
        cause=Cause.COMPROMISE,
        tier=Tier.PROTECT,
        action=Action.CONFINE_HOST,
        target_type=TargetType.HOST,
        target=(host, peer),
    )


BOTH = msgspec.structs.replace(FAULT, sessions=(CULPRIT, OTHER))
SPY = msgspec.structs.replace(FLOOD, cause=Cause.COMPROMISE)
SHIELD = decision(
    cause=Cause.FLOOD,
    tier=Tier.PROTECT,
    action=Action.RATE_LIMIT_SOURCES,
    target_type=TargetType.GATEWAY,
    target=("10.9.9.9:9001",),
)


@pytest.mark.parametrize(
    ("made", "labels", "expected"),
    [
        (decision(), [FAULT], Wrong.NO),
        (decision(target=("10.0.0.1:41000", "A")), [FAULT], Wrong.NO),
        (decision(9 * S), [FAULT], Wrong.BEFORE_ONSET),
        (decision(20 * S + 400 * MS), [FAULT], Wrong.NO),
        (decision(21 * S), [FAULT], Wrong.AFTER_OFFSET),
        (decision(target=OTHER), [FAULT], Wrong.WRONG_TARGET),
        (decision(target=OTHER), [NEWS], Wrong.NO_INCIDENT),
        (decision(), [NEWS, FAULT], Wrong.NO),
        (decision(tier=Tier.KILL_ALGO), [FAULT], Wrong.ABOVE_TIER),
        (drop("203.0.113.5"), [FLOOD], Wrong.NO),
        (drop("203.0.113.5", "10.0.0.2"), [FLOOD], Wrong.WRONG_TARGET),
        (drop("198.51.100.77"), [FLOOD], Wrong.NO),
        (confine("203.0.113.5", "192.0.2.7"), [SPY], Wrong.NO),
        (confine("10.0.0.2", "203.0.113.5"), [SPY], Wrong.WRONG_TARGET),
        (drop("10.0.0.2"), [FLOOD], Wrong.WRONG_TARGET),
        (drop("198.51.100.77"), [FAULT], Wrong.WRONG_TARGET),
        (decision(target=("10.0.0.1:41000", "B")), [FAULT], Wrong.WRONG_TARGET),
        (decision(target=("10.0.0.1:41000", "")), [FAULT], Wrong.NO),
        (decision(target=("10.0.0.2:40000", "")), [FAULT], Wrong.WRONG_TARGET),
        (decision(target=OTHER), [BOTH], Wrong.NO),
        (decision(10 * S), [FAULT], Wrong.NO),
        (decision(20 * S + 450 * MS), [FAULT], Wrong.NO),
        (decision(20 * S + 450 * MS + 1), [FAULT], Wrong.AFTER_OFFSET),
        (decision(target=OTHER), [FAULT, NEWS], Wrong.WRONG_TARGET),
        (decision(9 * S, target=OTHER), [FAULT], Wrong.NO_INCIDENT),
        (SHIELD, [FLOOD], Wrong.NO),
        (SHIELD, [FAULT], Wrong.WRONG_TARGET),
        (drop("203.0.113.5", "198.51.100.77"), [FLOOD], Wrong.NO),
    ],
)
def test_judged_when_anything_is_off_then_it_is_false(
    made: Decision, labels: list[Label], expected: Wrong
) -> None:
    assert tally.judged(made, labels, BYSTANDERS)[1] is expected


def test_judged_says_which_label_it_answers() -> None:
    later = msgspec.structs.replace(FAULT, onset_ns=30 * S, offset_ns=40 * S)

    assert tally.judged(decision(31 * S), [FAULT, later], BYSTANDERS) == (1, Wrong.NO)
    assert tally.judged(decision(target=OTHER), [FAULT], BYSTANDERS)[0] == -1
    assert tally.judged(decision(), [], BYSTANDERS) == (-1, Wrong.NO_INCIDENT)


def test_times_are_from_the_first_onset_to_the_first_right_one() -> None:
    later = msgspec.structs.replace(FAULT, onset_ns=12 * S, offset_ns=40 * S)
    labels = [NEWS, later, FAULT]
    acts = [
        act_of(decision(15 * S), labels, 15 * S + MS),
        act_of(decision(13 * S), labels, 13 * S + 2 * MS),
        act_of(decision(9 * S), labels, 9 * S + MS),
    ]

    assert tally.first_onset(labels) == 10 * S
    assert tally.first_onset([NEWS]) is None
    assert tally.detected_ns(acts, labels) == 3 * S
    assert tally.contained_ns(acts, labels) == 3 * S + 2 * MS
    assert tally.detected_ns(acts, [NEWS]) is None
    assert tally.contained_ns(acts, [NEWS]) is None


def act_of(made: Decision, labels: list[Label], effect_ns: int = 0) -> Act:
    label, wrong = tally.judged(made, labels, BYSTANDERS)
    return Act(
        decision_id=made.id,
        action=made.action,
        tier=made.tier,
        mode=made.mode,
        target=made.target,
        decided_ns=made.t_ns,
        effect_ns=effect_ns,
        ended_ns=effect_ns and effect_ns + S,
        state=State.APPLIED,
        label=label,
        wrong=wrong,
    )


def test_contained_counts_when_the_world_obeyed_and_never_from_false_ones() -> None:
    early = act_of(decision(9 * S), [FAULT], 9 * S)
    right = act_of(decision(11 * S), [FAULT], 11 * S + 3 * MS)

    assert tally.detected_ns([early], [FAULT]) is None
    assert tally.contained_ns([early, right], [FAULT]) == S + 3 * MS
    assert tally.contained_ns([act_of(decision(), [FAULT])], [FAULT]) is None


ALGO = Expectation(
    cause=Cause.ALGO_FAULT,
    action=Action.THROTTLE_SESSION,
    tier_max=Tier.LIMIT_ALGO,
    within_ms=1000,
)


def missed(expected: Expectation, label: Label, *made: Decision) -> tuple[str, ...]:
    acts = [act_of(one, [label]) for one in made if one.until_ns]
    return tally.missed(expected, made, acts, [label])


def test_missed_when_it_is_in_time_then_nothing() -> None:
    assert missed(ALGO, FAULT, decision(10 * S + 900 * MS)) == ()
    assert missed(ALGO, FAULT, decision(11 * S)) == ()
    assert missed(ALGO, FAULT, decision(11 * S + 1)) != ()


def test_missed_when_it_is_late_or_never_then_it_is_said() -> None:
    (late,) = missed(ALGO, FAULT, decision(12 * S))
    (never,) = missed(ALGO, FAULT)

    assert "2000 ms after the onset; 1000 ms are allowed" in late
    assert never.startswith("no throttle_session for algo_fault was ordered")


def test_missed_when_a_benign_day_is_contained_then_it_is_said() -> None:
    (told,) = missed(Expectation(cause=Cause.VOLATILITY), NEWS, decision())

    assert told == (
        "throttle_session of 10.0.0.1:40000 A (shadow): nothing may be contained here"
    )


def test_missed_when_something_must_be_told_then_an_alert_of_that_cause_does() -> None:
    stall = Label(
        cause=Cause.VENUE_FAULT,
        onset_ns=10 * S,
        offset_ns=20 * S,
        action=Action.ALERT,
    )
    expected = Expectation(cause=Cause.VENUE_FAULT, action=Action.ALERT, within_ms=2000)
    alert = decision(cause=Cause.VENUE_FAULT, action=Action.ALERT, until_ns=0)

    assert missed(expected, stall, alert) == ()
    at_once = msgspec.structs.replace(alert, t_ns=10 * S)
    assert missed(expected, stall, at_once) == ()
    assert missed(expected, stall) != ()
    any_time = msgspec.structs.replace(expected, within_ms=0)
    other = msgspec.structs.replace(alert, cause=Cause.FLOOD)
    assert missed(any_time, stall, other, alert) == ()
    assert missed(any_time, stall, other) == ("nothing was said of venue_fault",)
    assert missed(expected, stall, msgspec.structs.replace(alert, t_ns=9 * S)) != ()


def test_missed_when_a_host_is_compromised_then_evidence_is_what_is_autonomous() -> (
    None
):
    label = Label(
        cause=Cause.COMPROMISE,
        onset_ns=10 * S,
        offset_ns=20 * S,
        hosts=("203.0.113.5",),
        action=Action.DROP_SOURCES,
        tier_max=Tier.ISOLATE_HOST,
    )
    expected = Expectation(
        cause=Cause.COMPROMISE, action=Action.DROP_SOURCES, within_ms=2000
    )
    told = decision(cause=Cause.COMPROMISE, action=Action.EVIDENCE, until_ns=0)

    assert missed(expected, label, told) == ()
    assert missed(expected, label) != ()
