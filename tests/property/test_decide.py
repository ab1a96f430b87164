"""decide: no sequence of Verdicts whatsoever gets past the guardrails."""

import msgspec
from hypothesis import given, settings, strategies as st

from airnet.config import Gateway, Protected, Site
from airnet.decide import Judge
from airnet.decide.drafts import with_id
from airnet.decide.facts import Grounds
from airnet.decide.guardrails import Guard
from airnet.decide.ladder import TIERS
from airnet.decide.policy import (
    Budget,
    Causes,
    Contain,
    Hysteresis,
    Policy,
)
from airnet.decide.protection import Protection
from airnet.decide.watch import Watch
from airnet.domain.decision import PASSIVE, Action, Decision, Mode, TargetType
from airnet.domain.session import SessionName
from airnet.domain.verdict import CONTAINABLE, Cause, Verdict
from tests.fakes.verdicts import (
    MS,
    SITE,
    T0,
    drop,
    gateway_verdict,
    session_name,
    session_verdict,
    throttle,
)

ADDRESSES = (
    "198.51.100.1",
    "198.51.100.2",
    "198.51.100.3",
    "192.0.2.44",
    "2001:db8::7",
    "10.0.0.10",
    "10.0.1.1",
    "10.0.1.2",
    "203.0.113.7",
    "::ffff:203.0.113.7",
    "not an address",
    "",
)
COMPS = ("ALGO1", "ALGO2", "RISK", "DROP", "VENUE", "")

names = st.builds(
    lambda n, comp, client: msgspec.structs.replace(
        session_name(n), client_comp=comp, client=client
    ),
    st.integers(0, 9),
    st.sampled_from(COMPS),
    st.sampled_from(["10.0.1.1", "203.0.113.7", "10.0.0.10", "198.51.100.1"]),
)
judgements = {
    "probability_ppm": st.sampled_from([1_000_000, 900_000, 500_000, 0]),
    "abstains": st.sampled_from([False, False, False, True]),
    "rule": st.sampled_from(["", "", "hard"]),
    "measured": st.integers(0, 1 << 40),
    "limit": st.integers(0, 1 << 40),
}


def changed(
    make: object, strategies: dict[str, st.SearchStrategy]
) -> st.SearchStrategy:
    """Return Verdicts of `make` at a time that is filled in later, with changes."""
    assert callable(make)
    return st.fixed_dictionaries(strategies).map(lambda changes: make(0, **changes))


def causes(*likely: Cause) -> st.SearchStrategy[Cause]:
    """Return any Cause, these above all: what dwells must dwell to be judged."""
    return st.one_of(*(st.just(cause) for cause in likely * 3), st.sampled_from(Cause))


#: Strangers as often as all others together; a window names each once.
sources = st.lists(
    st.one_of(st.sampled_from(ADDRESSES[:5]), st.sampled_from(ADDRESSES)),
    min_size=1,
    max_size=5,
    unique=True,
).map(tuple)
sessions = changed(
    session_verdict,
    {
        **judgements,
        "cause": causes(Cause.ALGO_FAULT),
        "session": names,
        "subject": st.integers(0, 40),
    },
)
gateways = changed(
    gateway_verdict,
    {
        **judgements,
        "cause": causes(Cause.FLOOD),
        "sources": sources,
        "fanout": st.sampled_from([0, 1, 2, 12]),
        "address": st.sampled_from(["10.0.0.10", "10.0.0.10", "10.0.0.11", ""]),
        "window_kind": st.sampled_from([2, 2, 2, 3]),
    },
)
#: Runs of one Verdict again and again: how long between, what, how often.
verdicts = st.lists(
    st.tuples(
        st.sampled_from([100, 10, 0, 240, 400, 40_000]),
        st.one_of(sessions, gateways),
        st.integers(1, 8),
    ),
    min_size=1,
    max_size=25,
)


def contains(*actions: str) -> st.SearchStrategy[Contain]:
    """Return how a Cause may be contained, mostly by what fits it."""
    return st.builds(
        Contain,
        action=st.sampled_from([*actions * 3, "throttle_session", "evidence"]),
        mode=st.sampled_from([Mode.SHADOW, Mode.ENFORCE]),
        probability_min=st.sampled_from([0.1, 0.9]),
        dwell_windows=st.integers(1, 3),
        dwell_ms=st.sampled_from([0, 100]),
        ttl_ms=st.sampled_from([1, 500, 30_000, 65_535_000]),
        tier_max=st.sampled_from([4, 4, 4, 2, 0]),
    )


policies = st.builds(
    Policy,
    few_sources_max=st.sampled_from([8, 8, 2, 0]),
    cause=st.builds(
        Causes,
        flood=contains("drop_sources", "drop_sources", "rate_limit_sources"),
        algo_fault=contains("throttle_session"),
        compromise=contains("drop_sources", "throttle_session"),
        volatility=st.just(Watch(action="observe")),
    ),
    budget=st.builds(
        Budget,
        sessions_max=st.integers(0, 3),
        sources_per_decision_max=st.integers(1, 4),
        sources_max=st.integers(0, 5),
        gateways_max=st.integers(0, 2),
        actions_max=st.sampled_from([0, 1, 3, 100]),
        session_share_max_percent=st.sampled_from([1, 50, 100]),
        together_max_percent=st.just(100),
    ),
    hysteresis=st.builds(
        Hysteresis, repeats_max=st.integers(1, 3), cooldown_ms=st.just(5000)
    ),
)
DEFAULT = Policy()
Run = tuple[int, Verdict, int]


def timed(steps: list[Run]) -> list[Verdict]:
    """Return the Verdicts at times that never go back."""
    at_ms, result = 0, []
    runs = [(step_ms, verdict) for step_ms, verdict, n in steps for _ in range(n)]
    for step_ms, verdict in runs:
        at_ms += step_ms
        length_ns = verdict.close_ns - verdict.open_ns
        close_ns = T0 + at_ms * MS
        result.append(
            msgspec.structs.replace(
                verdict,
                open_ns=close_ns - length_ns,
                close_ns=close_ns,
                first_ns=close_ns - length_ns // 2,
            )
        )
    return result


def decide(policy: Policy, stream: list[Verdict]) -> list[Decision]:
    judge = Judge(policy, SITE)
    return [decision for verdict in stream for decision in judge.judge(verdict)]


def active(decisions: list[Decision]) -> list[Decision]:
    return [d for d in decisions if d.action not in PASSIVE]


def is_protected(protection: Protection, session: SessionName) -> bool:
    """Return whether its CompIDs are protected, or its client."""
    is_of_comp = protection.comp_reason(session) != ""
    return is_of_comp or protection.address_reason(session.client) != ""


def names_of(decision: Decision) -> tuple[str, ...]:
    is_source = decision.target_type is TargetType.SOURCE
    return decision.target if is_source else decision.target[:1]


@settings(max_examples=200)
@given(policies, verdicts)
def test_no_sequence_touches_what_is_protected(
    policy: Policy, steps: list[Run]
) -> None:
    protection = Protection(SITE)
    for decision in active(decide(policy, timed(steps))):
        assert decision.cause in CONTAINABLE
        if decision.action is Action.DROP_SOURCES:
            assert not any(map(protection.source_reason, decision.target))
        elif decision.action is Action.THROTTLE_SESSION:
            assert decision.session is not None
            assert not is_protected(protection, decision.session)
        else:
            assert decision.action is Action.RATE_LIMIT_SOURCES
            assert decision.target_type is TargetType.GATEWAY


@settings(max_examples=200)
@given(policies, verdicts)
def test_no_sequence_gets_more_than_the_budget(
    policy: Policy, steps: list[Run]
) -> None:
    budget = policy.budget
    ordered = active(decide(policy, timed(steps)))
    limits = {
        TargetType.SESSION: budget.sessions_max,
        TargetType.SOURCE: budget.sources_max,
        TargetType.GATEWAY: budget.gateways_max,
    }
    for index, decision in enumerate(ordered):
        before = ordered[: index + 1]
        standing = [d for d in before if d.until_ns > decision.t_ns]
        of_kind = [d for d in standing if d.target_type is decision.target_type]
        held = [name for d in of_kind for name in names_of(d)]
        assert len(held) <= limits[decision.target_type]
        assert len(set(held)) == len(held), "contained twice at once"
        assert len(names_of(decision)) <= max(1, budget.sources_per_decision_max)
        window_ns = budget.window_ms * MS
        recent = [d for d in before if decision.t_ns - d.t_ns < window_ns]
        enforced = [d for d in recent if d.mode is Mode.ENFORCE]
        assert len(enforced) <= budget.actions_max


@settings(max_examples=200)
@given(policies, verdicts)
def test_every_containment_ends_and_stays_below_its_ceiling(
    policy: Policy, steps: list[Run]
) -> None:
    for decision in decide(policy, timed(steps)):
        assert decision.tier == TIERS[decision.action]
        assert decision.why.endswith(".")
        assert "\n" not in decision.why
        assert decision.first_ns <= decision.t_ns
        if decision.action in PASSIVE:
            assert decision.until_ns == 0
            continue
        rule = policy.contain(decision.cause)
        assert rule is not None
        assert decision.tier <= rule.tier_max
        assert 0 < decision.until_ns - decision.t_ns <= rule.ttl_ms * MS


@given(policies, verdicts, st.integers(0, 200))
def test_the_same_verdicts_give_the_same_decisions_and_state_is_all_there_is(
    policy: Policy, steps: list[Run], split: int
) -> None:
    stream = timed(steps)
    one, two = Judge(policy, SITE), Judge(policy, SITE)

    first = [d for verdict in stream[:split] for d in one.judge(verdict)]
    again = [d for verdict in stream[:split] for d in two.judge(verdict)]

    assert one.state() == two.state()
    first += [d for verdict in stream[split:] for d in one.judge(verdict)]
    again += [d for verdict in stream[split:] for d in two.judge(verdict)]
    assert first == again
    assert one.state() == two.state()
    assert len({d.id for d in first}) == len(set(map(msgspec.json.encode, first)))


@given(policies, verdicts)
def test_shadow_and_enforce_differ_in_the_mode_alone(
    policy: Policy, steps: list[Run]
) -> None:
    def in_mode(mode: Mode) -> list[Decision]:
        causes = {
            cause.value: msgspec.structs.replace(rule, mode=mode)
            for cause in CONTAINABLE
            if (rule := policy.contain(cause)) is not None
        }
        changed = msgspec.structs.replace(policy.cause, **causes)
        other = msgspec.structs.replace(policy, cause=changed)
        stream = decide(other, timed(steps))
        return [with_id(msgspec.structs.replace(d, mode=Mode.SHADOW)) for d in stream]

    assert in_mode(Mode.SHADOW) == in_mode(Mode.ENFORCE)


forged = st.builds(
    lambda base, changes: with_id(msgspec.structs.replace(base, **changes)),
    st.sampled_from([throttle(), drop()]),
    st.fixed_dictionaries(
        {},
        optional={
            "action": st.sampled_from(Action),
            "cause": st.sampled_from(Cause),
            "tier": st.sampled_from(list(TIERS.values())),
            "until_ns": st.sampled_from([0, T0, T0 + 1, T0 + 10**18]),
            "target": st.lists(st.sampled_from(ADDRESSES), max_size=9).map(tuple),
            "target_type": st.sampled_from(TargetType),
            "session": st.one_of(st.none(), names),
        },
    ),
)


@settings(max_examples=300)
@given(forged)
def test_the_guard_trusts_no_decision_however_it_was_made(decision: Decision) -> None:
    guard, protection = Guard(DEFAULT, SITE), Protection(SITE)

    grounds = Grounds(is_hard=True, has_dwelt=True, is_answered=True)
    if decision.action in PASSIVE or guard.check(decision, grounds) is not None:
        return

    assert decision.cause in CONTAINABLE
    assert decision.tier <= 4
    assert 0 < decision.until_ns - decision.t_ns <= 60_000 * MS
    assert decision.target
    if decision.target_type is TargetType.SOURCE:
        assert not any(map(protection.source_reason, decision.target))
    if decision.target_type is TargetType.SESSION:
        assert decision.session is not None
        assert not is_protected(protection, decision.session)


@given(
    st.ip_addresses(v=4),
    st.integers(0, 32),
    st.sampled_from(["", "::ffff:"]),
)
def test_an_address_within_a_protected_prefix_is_protected_in_any_spelling(
    address: object, bits: int, spelling: str
) -> None:
    site = Site(
        gateways=(Gateway(ip="192.0.2.250", port=1),),
        protected=(Protected(network=f"{address}/{bits}", why="x"),),
    )
    protection = Protection(site)

    assert protection.address_reason(f"{spelling}{address}") in ("x", "order gateway")
    assert protection.address_reason(f"{spelling}192.0.2.250") != ""
