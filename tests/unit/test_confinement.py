"""Who is confined: machines that trade and call strangers, on what nobody else does."""

import msgspec
import pytest

from airnet.config import Firm, Gateway, Protected, Site
from airnet.decide import Judge
from airnet.decide.confinement import BEAT, CARRY, INTERNET, OWN, VENUE
from airnet.decide.ladder import Need, Rung
from airnet.decide.policy import Policy
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.session import SessionName
from airnet.domain.verdict import Verdict
from airnet.domain.window import WINDOW_SESSION
from tests.unit.test_expulsion import COLUMNS, START_NS, verdict

HOST, PEER, GATEWAY = "10.1.1.5", "203.0.113.9", "10.20.0.10"
SCAN = {"odd_targets": 9, "strange_failures": 5, "own_calls": 9}
SWEEP = {"targets_new": 24, "strange_failures": 12, "own_calls": 12}
SITE = Site(
    gateways=(Gateway(ip=GATEWAY, port=9878),),
    firms=(Firm(name="A", hosts=(HOST,)),),
)


def told(rule: str, **features: int) -> Verdict:
    """Return what a rule says of a host that trades, by default of its calls home."""
    wanted = {"lawful": 1, "peer_is": BEAT | CARRY | OWN | INTERNET} | features
    one = verdict(rule, known=True, **wanted)
    return msgspec.structs.replace(one, address=HOST, sources=(PEER,))


def trades(host: str) -> Verdict:
    """Return a window of a session that a host holds."""
    name = SessionName(
        client=host,
        client_port=40_001,
        gateway=GATEWAY,
        gateway_port=9878,
        client_comp="FIRM1",
        gateway_comp="VENUE",
    )
    one = verdict("")
    return msgspec.structs.replace(one, window_kind=WINDOW_SESSION, session=name)


def decided(
    *seen: Verdict, site: Site = SITE, policy: Policy | None = None
) -> list[Decision]:
    judge = Judge(policy or Policy(), site, COLUMNS)
    return [each for one in seen for each in judge.judge(one)]


def test_a_host_that_calls_home_is_kept_from_whom_it_calls() -> None:
    (decision,) = decided(told("host.regular_calls_outside"))

    assert (decision.action, decision.tier) == (Action.CONFINE_HOST, Tier.PROTECT)
    assert decision.target_type is TargetType.HOST
    assert decision.target == (HOST, PEER)
    assert decision.until_ns == decision.t_ns + 30_000_000_000
    assert decision.mode is Mode.SHADOW
    assert f"to {PEER} is dropped for 30000 ms; everything else passes" in decision.why


def test_a_host_that_tries_others_begins_no_more_connections() -> None:
    (decision,) = decided(told("host.odd_targets", **SCAN))

    assert decision.target == (HOST,)
    assert "its new connections are dropped" in decision.why
    assert "those to gateways" in decision.why


def test_a_host_that_tries_dozens_at_a_port_that_others_use_is_confined_too() -> None:
    (decision,) = decided(told("host.strange_failures", **SWEEP))

    assert (decision.action, decision.target) == (Action.CONFINE_HOST, (HOST,))


@pytest.mark.parametrize(
    "one",
    [
        told("host.odd_targets", **SCAN | {"own_calls": 5}),  # the rest was forged
        told("host.odd_targets", **SCAN | {"strange_failures": 2}),  # it is let in
        told("host.odd_targets", **SCAN | {"odd_targets": 3}),
        told("host.odd_targets", **SCAN, lawful=0),  # a scanner that trades nowhere
        told("host.strange_failures", odd_targets=0, strange_failures=9, own_calls=9),
        told("host.strange_failures", **SWEEP | {"targets_new": 23}),  # a cluster's
        told("host.strange_failures", **SWEEP | {"strange_failures": 11}),  # let in
        told("host.strange_failures", **SWEEP | {"own_calls": 11}),
        told("host.strange_failures", **SWEEP, lawful=0),
        told("host.calls_outside", peer_is=BEAT | INTERNET),  # anybody may say so
        told("host.calls_outside", peer_is=BEAT | OWN),  # a store in another house
        told("host.calls_outside", peer_is=CARRY | OWN | INTERNET),  # of another peer
        told("host.bytes_outside", peer_is=BEAT | OWN | INTERNET),
        told("host.calls_to_internet"),  # twice is a licence, or an update
        told("host.bytes_to_unknown_peer"),  # a new store
        told("host.shell_to_trader"),  # an administrator's day
        told("host.unknown_gateway_inside", peer_is=VENUE | OWN),  # a new gateway
        told("host.displaced_compid"),
    ],
)
def test_of_less_evidence_is_kept(one: Verdict) -> None:
    (decision,) = decided(one)

    assert decision.action is Action.EVIDENCE


def test_a_gateway_in_no_list_is_one_where_there_is_a_list() -> None:
    one = told("host.unknown_gateway_outside", peer_is=VENUE | OWN)

    (listed,) = decided(one)
    (unlisted,) = decided(trades(HOST), one, site=Site())
    at = msgspec.structs.replace(one, sources=(GATEWAY,))
    (own,) = decided(at)

    assert listed.target == (HOST, PEER)
    assert unlisted.action is Action.EVIDENCE
    assert own.action is Action.EVIDENCE


@pytest.mark.parametrize(
    "site",
    [
        msgspec.structs.replace(SITE, protected=(Protected(network=PEER, why="drop"),)),
        msgspec.structs.replace(SITE, firms=(Firm(name="A", hosts=(HOST, PEER)),)),
        msgspec.structs.replace(SITE, protected=(Protected(network=HOST, why="risk"),)),
        Site(),  # and nobody saw it trade
    ],
)
def test_nobody_is_kept_from_what_is_protected(site: Site) -> None:
    """Nor is what is protected, or what is not known to trade, confined itself."""
    found = decided(told("host.calls_outside"), site=site)

    assert [one.action for one in found] == [Action.EVIDENCE]


def test_nobody_is_kept_from_who_trades() -> None:
    found = decided(trades(PEER), told("host.calls_outside"))

    assert Action.CONFINE_HOST not in {one.action for one in found}


def test_another_stranger_is_another_confinement() -> None:
    """What stands about one speaks against nothing else, and is not said again."""
    first = told("host.calls_outside")
    again = msgspec.structs.replace(first, close_ns=START_NS + 50_000_000)
    other = msgspec.structs.replace(again, sources=("203.0.113.10",))
    third = told("host.odd_targets", **SCAN)
    third = msgspec.structs.replace(third, close_ns=START_NS + 60_000_000)

    found = decided(first, again, other, third)

    assert [one.target for one in found[:2]] == [(HOST, PEER), (HOST, "203.0.113.10")]
    # Two of them are as many as the budget has.
    assert [one.action for one in found[2:]] == [Action.EVIDENCE]
    assert "too many hosts" in found[2].why


def test_people_are_asked_to_isolate_it_beside() -> None:
    rung = Rung(action="isolate_host", needs=(Need.ANSWERED,))
    plain = Policy()
    rule = msgspec.structs.replace(
        plain.cause.compromise, rungs=(rung,), tier_max=6, mode=Mode.ENFORCE
    )
    causes = msgspec.structs.replace(plain.cause, compromise=rule)
    policy = msgspec.structs.replace(plain, cause=causes)

    found = decided(told("host.calls_outside", met=1), policy=policy)

    assert [(one.action, one.mode) for one in found] == [
        (Action.CONFINE_HOST, Mode.ENFORCE),
        (Action.ISOLATE_HOST, Mode.PROPOSE),
    ]


def test_a_policy_may_have_nobody_confined() -> None:
    plain = Policy()
    rule = msgspec.structs.replace(plain.cause.compromise, confined=())
    causes = msgspec.structs.replace(plain.cause, compromise=rule)

    found = decided(
        told("host.calls_outside"), policy=msgspec.structs.replace(plain, cause=causes)
    )

    assert [one.action for one in found] == [Action.EVIDENCE]
