"""decide: what policy orders of each Cause, and what it leaves alone."""

import msgspec
import pytest

from airnet.config import Site
from airnet.decide import Judge
from airnet.decide.policy import (
    Budget,
    Causes,
    Contain,
    Hysteresis,
    Policy,
    Rule,
    Trust,
)
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.session import Look
from airnet.domain.verdict import Cause, Verdict
from airnet.errors import ConfigError
from tests.fakes.verdicts import (
    MS,
    SITE,
    T0,
    gateway_verdict,
    session_name,
    session_verdict,
)

SHIPPED = Policy()
#: The shipped policy, but for opinions that dwell no longer than facts.
DEFAULT = Policy(
    cause=Causes(
        algo_fault=msgspec.structs.replace(
            SHIPPED.cause.algo_fault, evidence_min=0.0, opinion_dwell_ms=0
        )
    )
)


def decide(*verdicts: Verdict, policy: Policy = DEFAULT) -> list[Decision]:
    """Return every Decision about these verdicts, on the test site."""
    judge = Judge(policy, SITE)
    return [decision for verdict in verdicts for decision in judge.judge(verdict)]


def actions(*verdicts: Verdict, policy: Policy = DEFAULT) -> list[Action]:
    """Return just the actions."""
    return [decision.action for decision in decide(*verdicts, policy=policy)]


def budgeted(**limits: int) -> Policy:
    """Return the default policy with other budgets."""
    return msgspec.structs.replace(DEFAULT, budget=Budget(**limits))


def test_algo_fault_that_dwells_throttles_the_session_at_the_order_layer() -> None:
    first, second = session_verdict(100), session_verdict(200)

    (decision,) = decide(first, second)

    assert decision.action is Action.THROTTLE_SESSION
    assert decision.tier is Tier.LIMIT_ALGO
    assert decision.target_type is TargetType.SESSION
    assert decision.target == ("10.0.1.1:40001", "ALGO1")
    assert decision.t_ns == second.close_ns
    assert decision.until_ns - decision.t_ns == 60_000 * MS
    assert decision.first_ns == first.first_ns
    assert decision.mode is Mode.SHADOW
    assert (decision.rule, decision.measured, decision.limit) == (
        "model.algo_fault",
        4100,
        300,
    )
    assert decision.why.endswith(".")
    for fact in ("ALGO1", "4100", "300", "200.000 ms", "60000 ms", "0.990000"):
        assert fact in decision.why


def test_one_bad_window_alone_is_the_start_of_a_burst_and_orders_nothing() -> None:
    assert decide(session_verdict(100)) == []


def test_two_windows_shorter_than_the_dwell_order_nothing_yet() -> None:
    early = session_verdict(100, open_ns=T0 + 92 * MS)
    soon = session_verdict(108, open_ns=T0 + 100 * MS)

    assert decide(early, soon) == []


def test_an_opinion_dwells_longer_than_a_fact() -> None:
    fact = {"rule": "session.duplicate_clordid"}
    opinions = [
        session_verdict(t, probability_ppm=900_000) for t in range(100, 1500, 100)
    ]
    facts = [session_verdict(t, **fact) for t in (100, 200)]
    both = [Action.EVIDENCE, Action.THROTTLE_SESSION]

    assert actions(*opinions[:2], policy=SHIPPED) == []
    assert actions(*opinions[:10], policy=SHIPPED) == both[:1]
    assert actions(*opinions[:11], policy=SHIPPED) == both
    assert len(decide(*facts, policy=SHIPPED)) == 1
    assert len(decide(opinions[0], facts[1], policy=SHIPPED)) == 1


def test_a_gap_breaks_the_streak() -> None:
    assert decide(session_verdict(100), session_verdict(351)) == []
    assert len(decide(session_verdict(100), session_verdict(350))) == 1


@pytest.mark.parametrize("cause", [Cause.VOLATILITY, Cause.VENUE_FAULT])
def test_another_cause_in_between_breaks_the_streak(cause: Cause) -> None:
    verdicts = [
        session_verdict(100),
        session_verdict(200, cause=cause),
        session_verdict(300),
    ]

    assert Action.THROTTLE_SESSION not in actions(*verdicts)


def test_an_unsure_model_orders_nothing() -> None:
    unsure = [session_verdict(t, probability_ppm=899_999) for t in (100, 200, 300)]

    assert decide(*unsure) == []


def test_a_model_that_names_itself_is_still_an_opinion() -> None:
    unsure = {"rule": "model.session", "probability_ppm": 899_999}
    torn = {"rule": "model.session", "abstains": True}

    assert decide(*(session_verdict(t, **unsure) for t in (100, 200))) == []
    assert actions(*(session_verdict(t, **torn) for t in (100, 200))) == [
        Action.EVIDENCE
    ]


def test_a_model_whose_feature_is_within_its_limit_is_told_by_its_probability() -> None:
    within = {"rule": "model.session", "measured": 200, "limit": 4000}

    (decision,) = decide(*(session_verdict(t, **within) for t in (100, 200)))

    assert decision.rule == "model.session.probability_ppm"
    assert (decision.measured, decision.limit) == (990_000, 900_000)


def test_a_hard_rule_needs_no_probability() -> None:
    hard = [
        session_verdict(t, probability_ppm=0, abstains=True, rule="duplicate_ids")
        for t in (100, 200)
    ]

    (decision,) = decide(*hard)

    assert decision.rule == "duplicate_ids"


def test_no_second_decision_while_one_stands_and_a_renewal_near_its_end() -> None:
    times = range(100, 60_600, 100)

    decisions = decide(*(session_verdict(t) for t in times))

    # In the last eighth of a minute, after a dwell of its own.
    first, second = decisions
    assert [d.t_ns for d in decisions] == [T0 + 200 * MS, T0 + 52_800 * MS]
    assert second.first_ns > first.until_ns - 7500 * MS - 100 * MS


def test_a_target_contained_too_often_is_left_with_evidence() -> None:
    policy = Policy(cause=DEFAULT.cause, hysteresis=Hysteresis(repeats_max=2))
    times = [t + n for t in (100, 70_000, 140_000) for n in range(0, 1000, 100)]

    told = decide(*(session_verdict(t) for t in times), policy=policy)

    assert [d.action for d in told].count(Action.THROTTLE_SESSION) == 2
    (left,) = [one for one in told if one.rule == "guard.repeats"]
    assert left.action is Action.EVIDENCE
    assert (left.measured, left.limit) == (3, 2)


def test_volatility_is_observed_once_an_episode_however_many_sessions_move() -> None:
    verdicts = [
        session_verdict(t, n, cause=Cause.VOLATILITY)
        for t in range(100, 3000, 100)
        for n in range(5)
    ]
    later = session_verdict(9000, 2, cause=Cause.VOLATILITY)

    decisions = decide(*verdicts, later)

    assert [d.action for d in decisions] == [Action.OBSERVE, Action.OBSERVE]
    assert decisions[0].target == ("10.0.0.10:9878",)
    assert "nothing is contained" in decisions[0].why


@pytest.mark.parametrize("cause", [Cause.VENUE_FAULT, Cause.FEED_FAULT])
def test_faults_of_others_alert_and_never_contain(cause: Cause) -> None:
    verdicts = [session_verdict(t, cause=cause) for t in range(100, 2000, 100)]

    assert actions(*verdicts) == [Action.ALERT]


def test_what_no_model_knows_is_evidence_once() -> None:
    verdicts = [session_verdict(t, abstains=True) for t in range(100, 3000, 100)]

    (decision,) = decide(*verdicts)

    assert decision.action is Action.EVIDENCE
    assert decision.cause is Cause.UNKNOWN
    assert decision.until_ns == 0


def test_flood_from_one_stranger_drops_it_in_the_second_window() -> None:
    (decision,) = decide(gateway_verdict(10), gateway_verdict(20))

    assert decision.action is Action.DROP_SOURCES
    assert decision.tier is Tier.PROTECT
    assert decision.target_type is TargetType.SOURCE
    assert decision.target == ("198.51.100.9",)
    assert (decision.gateway, decision.port) == ("10.0.0.10", 9878)
    assert decision.until_ns - decision.t_ns == 60_000 * MS


@pytest.mark.parametrize(
    "source",
    ["10.0.1.2", "10.0.0.10", "10.0.0.99", "203.0.113.7", "::ffff:10.0.1.1", "junk"],
)
def test_a_flood_from_a_known_or_protected_address_never_cuts_it(source: str) -> None:
    verdicts = [
        gateway_verdict(t, sources=(source,), rule="", first_ns=T0)
        for t in range(10, 500, 10)
    ]

    (decision,) = decide(*verdicts)

    assert decision.action is Action.EVIDENCE
    assert "forged" in decision.why


@pytest.mark.parametrize(
    ("measured", "action"),
    [
        (1600, Action.EVIDENCE),
        (11_999, Action.EVIDENCE),
        (12_000, Action.RATE_LIMIT_SOURCES),
    ],
)
def test_datagrams_of_known_hosts_are_data_until_they_are_very_many(
    measured: int, action: Action
) -> None:
    verdicts = [
        gateway_verdict(
            t,
            sources=("10.0.1.2",),
            rule="gateway.datagrams_per_second",
            measured=measured,
            limit=1500,
        )
        for t in (10, 20)
    ]

    (decision,) = decide(*verdicts)

    assert decision.action is action
    assert decision.target != ("10.0.1.2",)


def test_a_flood_spares_known_hosts_among_its_sources() -> None:
    sources = ("198.51.100.9", "10.0.1.1", "198.51.100.10")
    verdicts = [gateway_verdict(t, sources=sources, fanout=3) for t in (10, 20)]

    (decision,) = decide(*verdicts)

    assert decision.target == ("198.51.100.9", "198.51.100.10")
    assert "1 known or protected" in decision.why


def test_a_client_with_a_session_is_never_dropped_as_a_source() -> None:
    """Nothing was ever said of it; who is not answered proves nothing."""
    name = msgspec.structs.replace(session_name(1), client="192.0.2.1")
    flood = [
        gateway_verdict(t, sources=("192.0.2.1",), rule="", first_ns=T0)
        for t in (10, 20, 30)
    ]

    for is_answered in (True, False):
        judge = Judge(DEFAULT, SITE)
        judge.meet(Look(T0, name, 1, 9, is_answered=is_answered, is_normal=True))
        found = [d.action for verdict in flood for d in judge.judge(verdict)]
        wanted = Action.EVIDENCE if is_answered else Action.DROP_SOURCES
        assert found == [wanted]


def test_an_opinion_of_a_flood_is_held_from_its_first_packet_on() -> None:
    """Not from when its window opened: a slot may have been quiet for long."""
    young = [
        gateway_verdict(t, rule="", open_ns=T0 - 90 * MS, first_ns=T0 + 8 * MS)
        for t in (10, 20, 30)
    ]
    later = gateway_verdict(34, rule="", first_ns=T0 + 8 * MS)

    assert actions(*young) == []
    assert actions(*young, later) == [Action.DROP_SOURCES]


def test_a_flood_from_many_sources_is_rate_limited_at_the_gateway() -> None:
    verdicts = [gateway_verdict(t, fanout=5000) for t in range(10, 200, 10)]

    (decision,) = decide(*verdicts)

    assert decision.action is Action.RATE_LIMIT_SOURCES
    assert decision.target_type is TargetType.GATEWAY
    assert decision.target == ("10.0.0.10:9878",)


def test_a_flood_without_a_nameable_source_is_left_with_evidence() -> None:
    verdicts = [
        gateway_verdict(t, sources=(), fanout=2, rule="", first_ns=T0) for t in (10, 40)
    ]

    assert actions(*verdicts) == [Action.EVIDENCE]


def test_a_flood_that_spreads_after_a_drop_is_rate_limited() -> None:
    one = [gateway_verdict(t) for t in (10, 20)]
    many = [gateway_verdict(t, fanout=500) for t in (30, 40)]

    assert actions(*one, *many) == [Action.DROP_SOURCES, Action.RATE_LIMIT_SOURCES]


def test_a_flood_that_changes_its_port_is_one_flood_on_any_port() -> None:
    many = [gateway_verdict(10 * n, fanout=500, port=n) for n in range(1, 9)]

    (decision,) = decide(*many)

    assert decision.action is Action.RATE_LIMIT_SOURCES
    assert (decision.target, decision.port) == (("10.0.0.10:0",), 0)
    assert "changing ports" in decision.why


def test_sources_named_in_turn_are_dropped_together() -> None:
    turns = ("198.51.100.9", "198.51.100.77")
    told = decide(
        *(
            gateway_verdict(10 * n, sources=(source,), fanout=2)
            for n, source in enumerate(turns, 1)
        )
    )

    assert [sorted(d.target) for d in told] == [sorted(turns)]


def test_a_new_source_is_dropped_while_another_is_already() -> None:
    first = [gateway_verdict(t) for t in (10, 20, 30)]
    both = ("198.51.100.9", "198.51.100.77")
    second = [gateway_verdict(t, sources=both, fanout=2) for t in (40, 50)]

    told = decide(*first, *second)

    assert [d.target for d in told] == [("198.51.100.9",), ("198.51.100.77",)]


def test_a_flood_that_goes_on_from_others_is_not_chased_source_by_source() -> None:
    turns = [
        gateway_verdict(10 * n, sources=(f"198.51.100.{n // 2}",)) for n in range(2, 20)
    ]

    told = decide(*turns)

    assert [d.action for d in told] == [
        *[Action.DROP_SOURCES] * 2,
        Action.RATE_LIMIT_SOURCES,
    ]
    assert told[-1].target == ("10.0.0.10:9878",)


FACT = {"rule": "gateway.half_open_of_clients", "sources": (), "fanout": 3}


def test_a_flood_under_the_firms_own_addresses_shields_the_gateway() -> None:
    """A hard limit, two windows: strangers are limited, no firm's address is named."""
    (decision,) = decide(*(gateway_verdict(t, **FACT) for t in range(10, 500, 10)))

    assert decision.action is Action.RATE_LIMIT_SOURCES
    assert decision.target == ("10.0.0.10:9878",)
    assert "surely guilty: none is cut" in decision.why  # nobody was named at all


def test_one_window_is_enough_where_policy_names_the_rule() -> None:
    at_once = gateway_verdict(10, rule="gateway.half_open_at_once")
    other = gateway_verdict(10, rule="gateway.half_open_per_second")
    model = gateway_verdict(10, rule="model.gateway.half_open_at_once")
    slow = Policy(cause=Causes(flood=Contain(action="drop_sources", tier_max=2)))

    assert actions(at_once) == [Action.DROP_SOURCES]
    assert actions(other) == actions(model) == []
    assert actions(at_once, policy=slow) == []


def test_protected_sessions_are_left_with_evidence() -> None:
    for comp in ("RISK", "DROP"):
        name = msgspec.structs.replace(session_verdict(1).session, client_comp=comp)
        verdicts = [session_verdict(t, session=name) for t in range(100, 900, 100)]

        (decision,) = decide(*verdicts)

        assert (decision.action, decision.rule) == (Action.EVIDENCE, "guard.protected")


def test_a_session_without_comp_id_cannot_be_named_and_is_left_with_evidence() -> None:
    name = msgspec.structs.replace(session_verdict(1).session, client_comp="")

    (decision,) = decide(*(session_verdict(t, session=name) for t in (100, 200)))

    assert (decision.action, decision.rule) == (Action.EVIDENCE, "guard.shape")


def test_blast_radius_limits_how_many_sessions_are_contained_at_once() -> None:
    verdicts = [session_verdict(t + n, n) for n in (1, 2, 3) for t in (100, 200)]
    verdicts.sort(key=lambda verdict: verdict.close_ns)

    told = decide(*verdicts, policy=budgeted(sessions_max=2, together_max_percent=100))

    assert [d.action for d in told] == [
        Action.THROTTLE_SESSION,
        Action.THROTTLE_SESSION,
        Action.EVIDENCE,
    ]
    assert (told[2].rule, told[2].measured, told[2].limit) == ("budget.sessions", 3, 2)


def test_most_sessions_misbehaving_together_are_a_market() -> None:
    verdicts = [session_verdict(t, n) for t in (100, 200, 300) for n in range(12)]

    told = decide(*verdicts, policy=budgeted(together_max_percent=20, sessions_max=64))

    assert Action.THROTTLE_SESSION not in {d.action for d in told}
    assert any("market" in d.why for d in told)


def test_a_storm_of_containments_latches_into_shadow_and_pages_once() -> None:
    flood = Contain(
        action="drop_sources", mode=Mode.ENFORCE, tier_max=2, dwell_windows=1
    )
    policy = Policy(cause=Causes(flood=flood), budget=Budget(actions_max=3))
    storm = [
        gateway_verdict(
            10 * n, sources=(f"198.51.100.{n}",), address=f"10.0.9.{n}", subject=n
        )
        for n in range(1, 12)
    ]

    told = decide(*storm, policy=policy)

    drops = [d for d in told if d.action is Action.DROP_SOURCES]
    assert [d.mode for d in drops[:4]] == [Mode.ENFORCE] * 3 + [Mode.SHADOW]
    assert {d.mode for d in drops[3:]} == {Mode.SHADOW}
    assert [d.rule for d in told if d.action is Action.ALERT] == ["budget.latch"]


def test_sensor_fault_freezes_every_containment_above_evidence() -> None:
    sensor = session_verdict(150, cause=Cause.SENSOR_FAULT)
    frozen = [session_verdict(t) for t in (200, 300)]
    later = [session_verdict(t) for t in (2300, 2400)]

    told = decide(sensor, *frozen, *later)

    assert [(d.action, d.rule) for d in told] == [
        (Action.ALERT, "model.sensor_fault"),
        (Action.EVIDENCE, "guard.sensor"),
        (Action.THROTTLE_SESSION, "model.algo_fault"),
    ]


def test_loss_on_the_mirror_freezes_and_alerts_once() -> None:
    policy = msgspec.structs.replace(DEFAULT, trust=Trust(loss_ppm_max=100))
    judge = Judge(policy, SITE)

    assert judge.distrust(0, 10_000, T0) == []
    (alert,) = judge.distrust(2, 10_000, T0)
    assert judge.distrust(2, 10_000, T0 + MS) == []

    assert (alert.rule, alert.measured, alert.limit) == ("trust.loss_ppm", 200, 100)
    frozen = [judge.judge(session_verdict(t)) for t in (100, 200)]
    assert [d.rule for told in frozen for d in told] == ["guard.sensor"]


def test_a_breach_of_the_registered_envelope_is_a_fact_whatever_the_model_says() -> (
    None
):
    judge = Judge(DEFAULT, SITE, {1: {"rate_new_1s": 0}})
    calm = session_verdict(100, 0, cause=Cause.VOLATILITY, features=(1000,))
    over = [
        session_verdict(t, 0, cause=Cause.VOLATILITY, features=(1001,))
        for t in (1200, 1300)
    ]

    assert [d.action for d in judge.judge(calm)] == [Action.OBSERVE]
    told = [d for verdict in over for d in judge.judge(verdict)]

    assert [d.action for d in told] == [Action.THROTTLE_SESSION]
    assert told[0].rule == "envelope.orders_per_second"
    assert (told[0].measured, told[0].limit) == (101, 100)


def test_a_policy_rule_over_a_feature_fires_above_its_limit() -> None:
    rule = Rule(
        name="session.rejects",
        window="session",
        feature="rejects",
        limit=10,
        cause="algo_fault",
    )
    judge = Judge(Policy(rules=(rule,)), SITE, {1: {"rejects": 1}})
    verdicts = [
        session_verdict(t, cause=Cause.UNKNOWN, features=(0, 11)) for t in (100, 200)
    ]

    told = [d for verdict in verdicts for d in judge.judge(verdict)]

    assert [(d.action, d.rule, d.measured) for d in told] == [
        (Action.THROTTLE_SESSION, "session.rejects", 11)
    ]


def test_a_rule_over_a_feature_that_does_not_exist_is_refused() -> None:
    rule = Rule(name="r", window="session", feature="no", limit=1, cause="algo_fault")

    with pytest.raises(ConfigError, match="no feature no"):
        Judge(Policy(rules=(rule,)), SITE, {1: {"rejects": 1}})


def test_enforcement_is_narrowed_to_the_assets_the_policy_names() -> None:
    algo = Contain(
        action="throttle_session",
        mode=Mode.ENFORCE,
        tier_max=4,
        assets=("ALGO1",),
    )
    policy = Policy(cause=Causes(algo_fault=algo))
    verdicts = [session_verdict(t + n, n) for t in (100, 200) for n in (1, 2)]

    assert [d.mode for d in decide(*verdicts, policy=policy)] == [
        Mode.ENFORCE,
        Mode.SHADOW,
    ]


def test_a_gateway_named_as_asset_is_shielded_whatever_the_port() -> None:
    flood = Contain(
        action="drop_sources",
        mode=Mode.ENFORCE,
        tier_max=2,
        assets=("10.0.0.10:9878",),
    )
    many = [gateway_verdict(10 * n, fanout=500, port=n) for n in (1, 2)]

    (decision,) = decide(*many, policy=Policy(cause=Causes(flood=flood)))

    assert decision.mode is Mode.ENFORCE


def test_an_empty_site_still_decides() -> None:
    judge = Judge(DEFAULT, Site())

    told = [d for t in (100, 200) for d in judge.judge(session_verdict(t))]

    assert [d.action for d in told] == [Action.THROTTLE_SESSION]


def test_the_id_is_a_hash_of_the_content() -> None:
    one, two = (decide(session_verdict(100), session_verdict(200)) for _ in range(2))
    other = decide(session_verdict(100), session_verdict(201))

    assert one == two
    assert one[0].id != other[0].id
    assert len(one[0].id) == 16
