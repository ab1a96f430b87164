"""What our own throttle has refused is no evidence; who goes on is held as ever."""

import itertools
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from airnet.decide.enough import OF_REFUSALS
from airnet.decide.judge import Judge
from airnet.decide.policy import Hysteresis, Policy, Rule
from airnet.decide.recovery import recover
from airnet.decide.refusals import ANSWERS_NS, FEATURES, SEEN_NS
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.decision import PASSIVE, Action, Decision, Mode, with_id
from airnet.domain.verdict import Verdict
from airnet.domain.window import WINDOW_SESSION
from airnet.record.memory import MemoryLedger
from airnet.score.rules_session import SESSION_RULES
from tests.fakes.verdicts import MS, SITE, T0, session_name, session_verdict
from tests.unit.test_diversions import (
    PATHED,
    RISE,
    heard,
    policy as line,
    reroutes,
    slow,
)

NAMES = SESSION_SCHEMA.names
COLUMNS = {WINDOW_SESSION: {name: place for place, name in enumerate(NAMES)}}
SEEN_MS, TTL_MS = SEEN_NS // MS, 10_000
AGAIN = "session.refused_again_per_second"
LOOP = "session.orders_alike_per_second"
#: A loop that has gone on (airnet.decide.lasting).
GOES_ON = {"gap_deviation": 364, "rate_1s": 2600, "rate_16": 3050, "rate_fast": 2900}
GOES_ON |= {"streak_ms": 2000}
#: What a session shows that sends no more than it always did, and much more.
CALM = {"relative_fast": 1000, "relative_1s": 1100, "relative_first": 1000} | GOES_ON
RISEN = {"relative_fast": 9000, "relative_1s": 9000, "relative_first": 9000} | GOES_ON
POLICY = Policy(
    cause=msgspec.structs.replace(
        Policy().cause,
        algo_fault=msgspec.structs.replace(
            Policy().cause.algo_fault, ttl_ms=TTL_MS, mode=Mode.ENFORCE
        ),
    )
)


def seen(
    at_ms: int, rule: str, shown: dict[str, int], n: int = 1, **changes: object
) -> Verdict:
    row = tuple(shown.get(name, 0) for name in NAMES)
    return session_verdict(at_ms, n, rule=rule, features=row, **changes)


def lasting(
    first_ms: int, last_ms: int, rule: str, shown: dict[str, int], **changes: object
) -> Iterator[Verdict]:
    for at_ms in range(first_ms, last_ms, 100):
        yield seen(at_ms, rule, shown, **changes)


def decided(
    *streams: Iterator[Verdict], policy: Policy = POLICY, judge: Judge | None = None
) -> list[Decision]:
    judge = judge or Judge(policy, SITE, COLUMNS)
    return [
        one for stream in streams for verdict in stream for one in judge.judge(verdict)
    ]


def throttles(decisions: list[Decision]) -> list[int]:
    """Return when throttles were ordered, in ms from T0."""
    found = [one for one in decisions if one.action is Action.THROTTLE_SESSION]
    return [(one.t_ns - T0) // MS for one in found]


def test_the_list_is_what_the_rules_need() -> None:
    """Whichever rule needs refusals is on it, but one: who sends four times is sure."""
    needing = {
        rule.name
        for rule in SESSION_RULES
        if rule.feature in FEATURES
        or any(name in FEATURES and least > 0 for name, least, _ in rule.needs)
    }
    assert needing - {"session.duplicate_clordid"} == OF_REFUSALS


@pytest.mark.parametrize("rule", sorted(OF_REFUSALS))
def test_refused_by_us_a_mended_session_is_let_go(rule: str) -> None:
    fault = lasting(100, 2000, LOOP, RISEN)
    refused = lasting(2000, 11_500, rule, CALM)

    found = decided(fault, refused)

    assert throttles(found) == [100]
    said = [one for one in found if one.rule == rule]
    assert {one.action for one in said} == {Action.EVIDENCE}
    assert "that airnet itself has stopped are no evidence" in said[0].why


def test_until_it_is_forgotten_it_repeats_nothing_either() -> None:
    """After the end the mean of ten seconds is full of what we made."""
    end_ms = 100 + TTL_MS + SEEN_MS
    fault = lasting(100, 200, LOOP, RISEN)
    still = lasting(100 + TTL_MS, end_ms, AGAIN, CALM)
    then = lasting(end_ms, end_ms + 1000, AGAIN, CALM)

    first, second = throttles(decided(fault, still, then))

    assert first == 100
    assert end_ms <= second <= end_ms + 200


@pytest.mark.parametrize("rule", [AGAIN, "session.refusals_in_a_row"])
def test_who_goes_on_stays_contained_without_a_break(rule: str) -> None:
    found = decided(lasting(100, 200, LOOP, RISEN), lasting(200, 60_000, rule, RISEN))

    at_ms = throttles(found)
    assert len(at_ms) >= 6
    assert all(b - a <= TTL_MS for a, b in itertools.pairwise(at_ms))


def test_other_limits_and_other_sessions_count_as_ever() -> None:
    loop = decided(lasting(100, 60_000, LOOP, CALM))
    assert len(throttles(loop)) >= 6

    other = decided(
        lasting(100, 200, LOOP, RISEN), lasting(300, 1000, AGAIN, CALM, n=2)
    )
    assert [one.target[1] for one in other if one.action not in PASSIVE] == [
        "ALGO1",
        "ALGO2",
    ]


def test_who_logs_on_again_is_refused_as_before() -> None:
    """A gateway stops a CompID, whatever port it comes from."""
    anew = msgspec.structs.replace(session_name(1), client_port=51_000)

    found = decided(
        lasting(100, 200, LOOP, RISEN),
        lasting(3000, 9000, AGAIN, CALM, session=anew),
    )

    assert throttles(found) == [100]


def test_what_policy_measures_of_refusals_is_no_other() -> None:
    limit = Rule(
        name="ours.refused",
        window="session",
        feature="rejects",
        limit=5,
        cause="algo_fault",
    )
    policy = msgspec.structs.replace(POLICY, rules=(limit,))
    shown = {**CALM, "rejects": 9}
    end_ms = 100 + TTL_MS

    found = decided(
        lasting(100, 200, LOOP, RISEN),
        lasting(end_ms - 500, end_ms + 5000, "", shown),
        policy=policy,
    )

    assert throttles(found) == [100]
    assert throttles(decided(lasting(100, 500, "", shown), policy=policy)) == [200]


def test_a_restart_knows_what_it_had_refused() -> None:
    fault = decided(lasting(100, 200, LOOP, RISEN))
    ledger = MemoryLedger()
    for one in fault:
        ledger.append("decision", one.t_ns, msgspec.to_builtins(one))
    judge = Judge(POLICY, SITE, COLUMNS)
    recover(judge.guard, ledger.evidence())

    assert throttles(decided(lasting(3000, 9000, AGAIN, CALM), judge=judge)) == []
    assert judge.state() != Judge(POLICY, SITE, COLUMNS).state()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([AGAIN, LOOP, "session.refusals_in_a_row", ""]),
            st.sampled_from([tuple(CALM.items()), tuple(RISEN.items())]),
            st.integers(1, 3),
            st.integers(1, 30_000),
            st.integers(1, 5),
        ),
        max_size=30,
    )
)
def test_in_shadow_the_same_is_decided(
    steps: list[tuple[str, tuple[tuple[str, int], ...], int, int, int]],
) -> None:
    """And of refusals alone, of whoever was not contained lately, as without this."""
    stream, at_ms = [], 0
    for rule, shown, n, gap_ms, count in steps:
        at_ms += gap_ms
        for _ in range(count):
            at_ms += 100
            stream.append(seen(at_ms, rule, dict(shown), n))

    def in_mode(mode: Mode) -> list[Decision]:
        algo = msgspec.structs.replace(POLICY.cause.algo_fault, mode=mode)
        cause = msgspec.structs.replace(POLICY.cause, algo_fault=algo)
        hysteresis = Hysteresis(repeats_max=100)
        policy = msgspec.structs.replace(POLICY, cause=cause, hysteresis=hysteresis)
        found = decided(iter(stream), policy=policy)
        return [with_id(msgspec.structs.replace(d, mode=Mode.SHADOW)) for d in found]

    shadow = in_mode(Mode.SHADOW)
    assert shadow == in_mode(Mode.ENFORCE)
    until: dict[str, int] = {}
    for verdict in stream:
        close_ns = verdict.close_ns
        assert verdict.session is not None
        comp = verdict.session.client_comp
        for one in shadow:
            if one.t_ns != close_ns or one.action in PASSIVE:
                continue
            if one.target[1] != comp:
                continue
            is_risen = verdict.features[NAMES.index("relative_1s")] >= 3000
            if one.rule in OF_REFUSALS and close_ns < until.get(comp, 0) + SEEN_NS:
                assert is_risen
            until[comp] = one.until_ns


# ---- a gateway whose answers were quick because they refused ----


def answers(first_ms: int, last_ms: int, **changes: object) -> Iterator[Verdict]:
    """Give windows of a gateway whose answers are slower than what is usual there."""
    for at_ms in range(first_ms, last_ms, 100):
        yield slow(at_ms, **changes)


def lined(*what: Iterator[Verdict], mode: Mode = Mode.ENFORCE) -> list[Decision]:
    """Return what a Judge orders who could drive round, and contains as ever."""
    terms = msgspec.structs.replace(
        POLICY.cause,
        venue_fault=line(mode).cause.venue_fault,
        algo_fault=msgspec.structs.replace(POLICY.cause.algo_fault, mode=mode),
    )
    judge = Judge(Policy(cause=terms), PATHED, COLUMNS)
    found = []
    for verdict in itertools.chain(*what):
        judge.meet(heard((verdict.close_ns - T0) // MS))
        found += judge.judge(verdict)
    return found


def rerouted(decisions: list[Decision]) -> list[int]:
    return [(one.t_ns - T0) // MS for one in reroutes(decisions)]


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.SHADOW])
def test_answers_that_seem_slow_for_our_refusals_turn_nothing_round(mode: Mode) -> None:
    fault = lasting(100, 200, LOOP, RISEN)
    end_ms = 100 + TTL_MS + ANSWERS_NS // MS

    found = lined(fault, answers(300, end_ms), mode=mode)

    assert rerouted(found) == []
    said = [one for one in found if one.rule == RISE]
    assert {one.action for one in said} == {Action.EVIDENCE}
    assert "no evidence of a fault" in said[0].why
    assert len(said) == 1  # an episode


def test_when_that_is_over_a_slow_line_is_driven_round() -> None:
    fault = lasting(100, 200, LOOP, RISEN)
    end_ms = 100 + TTL_MS + ANSWERS_NS // MS

    at_ms = rerouted(lined(fault, answers(end_ms, end_ms + 2000)))

    assert len(at_ms) == 1
    assert end_ms + 400 <= at_ms[0] <= end_ms + 600


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "10.0.0.77"},  # another gateway: who was throttled is not there
        {"port": 9879},
        {"rule": "venue.late_ack_share"},  # no floor that refusals could have moved
        {"rule": "venue.silence_us"},
    ],
)
def test_other_faults_and_gateways_count_as_ever(changes: dict) -> None:
    fault = lasting(100, 200, LOOP, RISEN)
    quiet = lined(answers(300, 3000, **changes))
    after = lined(fault, answers(300, 3000, **changes))

    def of_venue(found: list[Decision]) -> list[tuple[Action, int]]:
        return [(one.action, one.t_ns) for one in found if one.rule != LOOP]

    assert of_venue(after) == of_venue(quiet) != []


def test_without_a_throttle_of_ours_a_slow_line_is_one() -> None:
    assert rerouted(lined(answers(300, 3000))) == [700]


def test_what_people_must_agree_to_first_refuses_nothing_yet() -> None:
    asked = with_id(
        msgspec.structs.replace(
            decided(lasting(100, 200, LOOP, RISEN))[0],
            mode=Mode.PROPOSE,
            approvals_needed=2,
        )
    )
    judge = Judge(Policy(cause=line().cause), PATHED, COLUMNS)
    judge.guard.refusals.note(asked)
    for at_ms in range(300, 1500, 100):
        judge.meet(heard(at_ms))
        if reroutes(judge.judge(slow(at_ms))):
            return
    pytest.fail("nothing was driven round")
