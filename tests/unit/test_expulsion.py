"""Who is cut off for a compromise: strangers at order entry, and nobody else."""

import msgspec
import pytest

from airnet.config import Firm, Site
from airnet.decide import Judge
from airnet.decide.policy import Policy
from airnet.domain.columns import HOST_SCHEMA, SCHEMAS
from airnet.domain.decision import Action, Decision, TargetType, Tier
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_HOST

START_NS = 1_700_000_000_000_000_000
STRANGER = "192.0.2.9"
COLUMNS = {
    kind: {name: place for place, name in enumerate(schema.names)}
    for kind, schema in SCHEMAS.items()
}


def verdict(rule: str, *, known: bool = False, **features: int) -> Verdict:
    """Return what a rule says of the stranger."""
    return Verdict(
        window_kind=WINDOW_HOST,
        subject=1,
        open_ns=START_NS,
        close_ns=START_NS + 10_000_000,
        frame_count=1,
        first_ns=START_NS,
        accepted_ns=0,
        cause=Cause.COMPROMISE,
        probability_ppm=990_000,
        abstains=False,
        rule=rule,
        measured=4,
        limit=3,
        features=tuple(features.get(name, 0) for name in HOST_SCHEMA.names),
        schema=HOST_SCHEMA.digest(),
        model="rules",
        address=STRANGER,
        port=9878,
        known=known,
    )


def decided(one: Verdict, site: Site | None = None) -> Decision:
    """Return the one thing that the shipped policy orders."""
    (decision,) = Judge(Policy(), site or Site(), COLUMNS).judge(one)
    return decision


def twice(one: Verdict) -> list[Decision]:
    """Return what is ordered when two windows of a flood have said the same."""
    judge, flood = Judge(Policy(), Site(), COLUMNS), {"cause": Cause.FLOOD}
    one = msgspec.structs.replace(one, **flood)
    later = msgspec.structs.replace(one, close_ns=one.close_ns + 10_000_000)
    return [*judge.judge(one), *judge.judge(later)]


def test_a_stranger_that_uses_anothers_compid_is_dropped() -> None:
    """It was answered, and the holder has spoken three times since."""
    decision = decided(verdict("host.contested_compid", met=1, contested=3))

    assert decision.action is Action.DROP_SOURCES
    assert decision.tier is Tier.PROTECT
    assert (decision.target_type, decision.target) == (TargetType.SOURCE, (STRANGER,))
    assert decision.until_ns > decision.t_ns


@pytest.mark.parametrize(
    "rule", ["host.segments_without_message", "host.connections_without_message"]
)
def test_who_completed_a_handshake_has_been_answered(rule: str) -> None:
    """No Logon of his need have been."""
    (decision,) = twice(verdict(rule, met=0))

    assert decision.action is Action.DROP_SOURCES
    assert (decision.target_type, decision.target) == (TargetType.SOURCE, (STRANGER,))


def test_who_sends_orders_without_a_logon_is_dropped() -> None:
    """It completed a handshake, so that nobody else is."""
    decision = decided(verdict("host.orders_without_logon", met=0))

    assert decision.action is Action.DROP_SOURCES
    assert (decision.target_type, decision.target) == (TargetType.SOURCE, (STRANGER,))


@pytest.mark.parametrize("rule", ["host.guessed_logons", "host.guessed_logons_slowly"])
def test_who_guesses_under_a_living_name_is_dropped_once_it_has_spoken(
    rule: str,
) -> None:
    """Three messages of the holder, as of who was let in."""
    soon, late = (decided(verdict(rule, met=1, contested=n)) for n in (2, 3))

    assert soon.action is Action.EVIDENCE
    assert "fail-over" in soon.why
    assert (late.action, late.target) == (Action.DROP_SOURCES, (STRANGER,))


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (verdict("host.contested_compid", met=0, contested=3), "forged"),
        (verdict("host.contested_compid", met=1, contested=2), "fail-over"),
        (verdict("host.contested_compid", met=1, contested=3, known=True), "T6"),
        (verdict("host.strange_failures", met=1), "order entry"),
        (verdict("host.displaced_compid", met=1), "standby elsewhere"),
        (verdict("host.displaced_compid", met=1, known=True), "T6"),
        (verdict("host.segments_without_message", known=True), "T6"),
        (verdict("host.orders_without_logon", known=True), "T6"),
        (verdict("host.several_orders_without_logon"), "mistake"),
        (verdict("host.newcomer_let_in", met=1, known=True), "first"),
    ],
)
def test_of_all_others_evidence_is_kept(one: Verdict, why: str) -> None:
    """And the sentence says why nothing further is done."""
    decision = decided(one)

    assert decision.action is Action.EVIDENCE
    assert (decision.target_type, decision.target) == (TargetType.HOST, (STRANGER,))
    assert why in decision.why


def test_a_host_of_the_site_is_never_cut() -> None:
    site = Site(firms=(Firm(name="A", hosts=(STRANGER,)),))

    decision = decided(verdict("host.contested_compid", met=1, contested=3), site)

    assert decision.action is Action.EVIDENCE
    assert "two approvers" in decision.why


def test_one_incident_is_one_change() -> None:
    """While the stranger is dropped, more of the same says nothing."""
    judge = Judge(Policy(), Site(), COLUMNS)
    one = verdict("host.contested_compid", met=1, contested=3)
    later = msgspec.structs.replace(one, close_ns=one.close_ns + 20_000_000)

    assert len(judge.judge(one)) == 1
    assert judge.judge(later) == []


def logons(rule: str, at_ms: int, **given: object) -> Verdict:
    """Return what a rule of floods says of the stranger's Logons."""
    one = msgspec.structs.replace(
        verdict(rule, met=1), cause=Cause.FLOOD, close_ns=START_NS + at_ms * 1_000_000
    )
    return msgspec.structs.replace(one, **given)


def test_a_flood_of_logons_is_dropped_at_its_host_in_the_second_window() -> None:
    """Once, and nobody else; what it goes on with says nothing more."""
    judge = Judge(Policy(), Site(), COLUMNS)
    made = [judge.judge(logons("host.flood_of_logons", at)) for at in (10, 20, 30, 40)]

    assert [len(each) for each in made] == [0, 1, 0, 0]
    (decision,) = made[1]
    assert decision.action is Action.DROP_SOURCES
    assert (decision.target_type, decision.target) == (TargetType.SOURCE, (STRANGER,))
    assert decision.cause is Cause.FLOOD


@pytest.mark.parametrize(
    ("rule", "known"),
    [
        ("host.quick_refused_logons", False),
        ("host.contested_by_another", False),
        ("host.flood_of_logons", True),
        ("host.contested_by_several", True),
    ],
)
def test_quick_logons_are_told_and_who_trades_is_never_dropped(
    rule: str, known: bool
) -> None:
    judge = Judge(Policy(), Site(), COLUMNS)
    made = [
        decision
        for at in range(10, 200, 10)
        for decision in judge.judge(logons(rule, at, known=known))
    ]

    assert [one.action for one in made] == [Action.EVIDENCE]
    assert made[0].cause is Cause.FLOOD
    assert made[0].target == (STRANGER,)


def test_what_is_told_of_a_flood_is_told_with_its_first_window() -> None:
    judge = Judge(Policy(), Site(), COLUMNS)

    (decision,) = judge.judge(logons("host.quick_refused_logons", 10))

    assert decision.action is Action.EVIDENCE
    assert "not acted upon" in decision.why


def test_a_firm_that_the_venue_refuses_is_told_and_who_tries_many_names_goes() -> None:
    few = decided(verdict("host.refused_logons", met=1))
    many = decided(verdict("host.refused_logons_of_many_names", met=1))

    assert few.action is Action.EVIDENCE
    assert "does not know yet" in few.why
    assert many.action is Action.DROP_SOURCES
