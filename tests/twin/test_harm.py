"""Harm: what each part of it counts, and that over-containment is not free."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, strategies as st

from airnet.domain.containment import State
from airnet.domain.decision import Action, Mode, Tier
from airnet.domain.verdict import Cause
from airnet.twin.harm import (
    Case,
    HarmModel,
    Ran,
    culprits,
    harm,
    lost_service,
    uncovered_ns,
)
from airnet.twin.outcome import Act, Harm, Wrong
from airnet.twin.scenario import Label
from airnet.twin.stage import Account, Book, Place

S = 1_000_000_000
MODEL = HarmModel()
LABEL = Label(
    cause=Cause.ALGO_FAULT,
    onset_ns=10 * S,
    offset_ns=20 * S,
    sessions=(("10.0.0.1:40000", "A"),),
    action=Action.THROTTLE_SESSION,
    tier_max=Tier.LIMIT_ALGO,
)


def ran(*accounts: Account) -> Ran:
    return Ran(end_ns=30 * S, accounts=accounts)


def case(calm: Ran, without: Ran, severity: str = "mild") -> Case:
    return Case(
        labels=(LABEL,),
        severity=severity,
        culprits=frozenset({0}),
        calm=calm,
        without=without,
    )


def act(start_ns: int, end_ns: int, line: int = 0, wrong: Wrong = Wrong.NO) -> Act:
    return Act(
        decision_id="one",
        action=Action.THROTTLE_SESSION,
        tier=Tier.LIMIT_ALGO,
        mode=Mode.ENFORCE,
        target=("10.0.0.1:40000", "A"),
        decided_ns=start_ns,
        effect_ns=start_ns,
        ended_ns=end_ns,
        state=State.VERIFIED,
        label=0 if wrong is Wrong.NO else -1,
        covers=(0,) if wrong is Wrong.NO else (),
        wrong=wrong,
        lines=(line,),
    )


def test_harm_when_nothing_is_done_then_it_is_all_the_incident_did() -> None:
    calm = ran(Account(pnl_cents=500), Account(pnl_cents=100))
    bad = ran(
        Account(pnl_cents=-4_500, excess=70),
        Account(pnl_cents=100, late_ns=4 * S, unanswered=3),
    )

    found = harm(MODEL, case(calm, bad), bad)

    assert found == Harm(
        pnl=5_000,
        fees=70 * MODEL.message_cents,
        impact=10 * MODEL.impact_mild_cents,
        delayed=4 * MODEL.late_cents,
        lost=3 * MODEL.lost_cents,
    )
    assert found.total == found.missed
    assert found.caused == 0


def test_harm_when_contained_rightly_then_only_the_time_before_counts() -> None:
    calm = ran(Account(), Account())

    found = harm(MODEL, case(calm, calm, "severe"), calm, [act(12 * S, 40 * S)])

    assert found.impact == 2 * MODEL.impact_severe_cents
    assert found.desk == MODEL.desk_cents
    assert found.reentry == 0


def test_harm_when_the_wrong_one_is_contained_then_its_earnings_are_lost() -> None:
    calm = ran(Account(), Account(pnl_cents=900), Account())
    now = ran(Account(), Account(pnl_cents=200), Account())

    wrong = act(12 * S, 14 * S, line=1, wrong=Wrong.WRONG_TARGET)
    found = harm(MODEL, case(calm, calm), now, [wrong])

    assert found.spread == 700
    assert found.desk == MODEL.desk_cents
    assert found.reentry == MODEL.reentry_cents
    assert found.impact == 10 * MODEL.impact_mild_cents, "it contained nothing"


def test_harm_when_only_in_shadow_then_containing_costs_nothing() -> None:
    calm = ran(Account(), Account())
    shadow = msgspec.structs.replace(act(12 * S, 14 * S, 1), effect_ns=0, ended_ns=0)

    found = harm(MODEL, case(calm, calm), calm, [shadow])

    assert found.caused == 0


def test_harm_when_a_right_containment_hits_a_bystander_then_that_is_wrong() -> None:
    """A host's other session is cut with the culprit's."""
    calm = ran(Account(), Account(pnl_cents=10))
    both = msgspec.structs.replace(act(12 * S, 20 * S), lines=(0, 1))

    found = harm(MODEL, case(calm, calm), calm, [both])

    assert found.reentry == MODEL.reentry_cents


def test_harm_is_signed_so_that_chance_cancels() -> None:
    calm = ran(Account(pnl_cents=100))
    lucky = ran(Account(pnl_cents=350))

    assert harm(MODEL, case(calm, lucky, "benign"), lucky).pnl == -250


@pytest.mark.parametrize(
    ("severity", "cents"),
    [("benign", 0), ("mild", 1_700), ("moderate", 170_000), ("severe", 17_000_000)],
)
def test_impact_when_severity_rises_then_each_is_a_hundredfold(
    severity: str, cents: int
) -> None:
    assert MODEL.impact_cents(severity) == cents


def test_culprits_when_the_session_comes_again_then_its_port_says_nothing() -> None:
    lines = tuple(
        Place(client=client, port=port, comp=comp, gateway="10.9.9.9", gateway_port=1)
        for client, port, comp in (
            ("10.0.0.1", 40_001, "A"),
            ("10.0.0.1", 40_000, "B"),
            ("10.0.0.2", 40_000, "A"),
        )
    )

    assert culprits([LABEL], lines) == {0}
    shared = msgspec.structs.replace(LABEL, action=Action.OBSERVE)
    assert culprits([shared], lines) == frozenset()


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40))),
    st.integers(0, 40),
    st.integers(0, 40),
)
def test_uncovered_is_what_counting_each_moment_gives(
    spans: list[tuple[int, int]], one: int, other: int
) -> None:
    start, end = sorted((one, other))
    spans = [(min(span), max(span)) for span in spans]

    free = [
        at
        for at in range(start, end)
        if not any(first <= at < last for first, last in spans)
    ]

    assert uncovered_ns(start, end, spans) == len(free)


def test_harm_when_the_book_is_wider_then_taking_costs_half_of_that() -> None:
    """However little is traded in it: an empty book is not a cheap one."""

    def book(width: int, taken: int) -> Ran:
        return Ran(
            end_ns=30 * S,
            accounts=(Account(), Account()),
            books=(Book(width=width, widths=100, taken=taken),),
        )

    calm, now = book(200, 1_000), book(1_000, 0)
    pulled = act(12 * S, 14 * S, line=1, wrong=Wrong.WRONG_TARGET)

    assert harm(MODEL, case(calm, calm), now, [pulled]).taker == 4 * 1_000
    assert harm(MODEL, case(calm, calm), calm, [pulled]).taker == 0


@pytest.mark.parametrize(
    ("late", "unanswered", "was", "expected"),
    [
        (30, 20, 0, Fraction(1, 2)),
        (30, 20, 10, Fraction(3, 10)),
        (0, 0, 0, Fraction(0)),
        (0, 0, 10, Fraction(0)),
        (500, 0, 0, Fraction(1)),
    ],
)
def test_lost_service_is_what_came_late_beyond_the_calm_day(
    late: int, unanswered: int, was: int, expected: Fraction
) -> None:
    """Of 1,000 messages in 100 s, 100 come in the 10 s of the label."""
    calm = ran(Account(messages=1000, late=was, unanswered=was), Account())
    bad = ran(Account(late=late, unanswered=unanswered), Account())
    about = msgspec.structs.replace(case(calm, bad), length_ns=100 * S)

    assert lost_service(about, bad, 10 * S) == expected
    assert lost_service(about, bad, 0) == 0


def test_a_flood_costs_the_service_it_took_whatever_stood() -> None:
    calm = ran(Account(messages=1000), Account())
    bad = ran(Account(late=25), Account())
    flood = msgspec.structs.replace(LABEL, cause=Cause.FLOOD, sessions=())
    about = msgspec.structs.replace(
        case(calm, bad), labels=(flood,), length_ns=100 * S, culprits=frozenset()
    )

    found = harm(MODEL, about, bad, [act(12 * S, 40 * S)])

    assert found.impact == 10 * MODEL.impact_mild_cents // 4
