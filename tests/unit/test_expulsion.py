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


def test_a_stranger_that_uses_anothers_compid_is_dropped() -> None:
    """It was answered, and the holder has spoken three times since."""
    decision = decided(verdict("host.contested_compid", met=1, contested=3))

    assert decision.action is Action.DROP_SOURCES
    assert decision.tier is Tier.PROTECT
    assert (decision.target_type, decision.target) == (TargetType.SOURCE, (STRANGER,))
    assert decision.until_ns > decision.t_ns


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (verdict("host.contested_compid", met=0, contested=3), "forged"),
        (verdict("host.contested_compid", met=1, contested=2), "fail-over"),
        (verdict("host.contested_compid", met=1, contested=3, known=True), "T6"),
        (verdict("host.strange_failures", met=1), "order entry"),
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
