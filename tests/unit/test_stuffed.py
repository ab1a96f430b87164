"""Stuffed: who withdraws at once, for a second, and never did before, is stopped."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, strategies as st

from airnet.decide.covering import (
    NS_PER_MS,
    OWN_MAX,
    SPARE_NS,
    STEP_NS,
    Count,
    covered,
)
from airnet.decide.judge import Judge
from airnet.decide.policy import Causes, Contain, Policy
from airnet.decide.stuffed import (
    KNOWN_FOR,
    LOOKS_MAX,
    LOOKS_MIN,
    PAST_NS,
    QUICK_US,
    SECOND_NS,
    Past,
)
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.decision import Action, Decision
from airnet.domain.insistence import ACTED, STUFFED
from airnet.domain.session import Look
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import FEATURE_LIMIT, WINDOW_SESSION
from airnet.score.rules import COUNTED
from tests.fakes.verdicts import SITE, T0, session_name, session_verdict

NAMES = SESSION_SCHEMA.names
COLUMNS = {WINDOW_SESSION: {name: place for place, name in enumerate(NAMES)}}
RULE = Contain(action="throttle_session", at_once=ACTED, tier_max=4)
#: Orders in all names, withdrawn in 2 ms, a tenth of its own business filled.
SHOWN = {
    "cancels_per_new": 950,
    "cancel_age_us": 1800,
    "fills_per_new": 90,
    "rate_1s": 3000,
    "relative_1s": 13_000,
    "relative_symbol": 11_000,
    "peak_ratio": 8000,
    "market_1s": 1100,
    "elevated_share": 60,
    "market_share": 550,
    "history_ms": 16_000,
}
SLOW = 400_000
PAST_S = 12


def look(at_s: float, age_us: int | None, n: int = 1) -> Look:
    at_ns = T0 - round(at_s * SECOND_NS)
    name = session_name(n)
    return Look(at_ns, name, n + 1, 9, is_answered=True, is_normal=True)._replace(
        cancel_age_us=age_us
    )


def looks(ages: Sequence[int | None], n: int = 1) -> list[Look]:
    """Return looks a second apart, the last as long ago as the past begins."""
    first = PAST_NS // SECOND_NS + len(ages)
    return [look(first - place, age, n) for place, age in enumerate(ages)]


def windows(
    shown: dict[str, int], count: int, step: int = 16, gap_ms: int = 50, first: int = 1
) -> list[Verdict]:
    """Return normal windows of session 1 that sends `step` messages in each."""
    return [
        session_verdict(
            number * gap_ms,
            1,
            features=tuple(
                (shown | {"orders": step, "messages": 500 + number * step}).get(name, 0)
                for name in NAMES
            ),
            cause=Cause.NORMAL,
            rule=STUFFED.name,
            probability_ppm=800_000,
        )
        for number in range(first, first + count)
    ]


def judged(
    verdicts: list[Verdict], seen: list[Look], rule: Contain = RULE
) -> list[Decision]:
    judge = Judge(Policy(cause=Causes(algo_fault=rule)), SITE, COLUMNS)
    for one in seen:
        judge.meet(one)
    made = [one for verdict in verdicts for one in judge.judge(verdict)]
    return [one for one in made if one.rule == STUFFED.name]


def acted(found: list[Decision]) -> list[Decision]:
    return [one for one in found if one.action is Action.THROTTLE_SESSION]


def test_a_second_of_it_is_told_and_then_acted_upon() -> None:
    found = judged(windows(SHOWN, 60), looks([SLOW] * PAST_S))

    assert found[0].action is Action.EVIDENCE
    assert STUFFED.told <= found[0].measured < STUFFED.limit
    done = acted(found)
    assert done[0].cause is Cause.ALGO_FAULT
    assert done[0].session == session_name(1)
    assert done[0].measured >= done[0].limit == STUFFED.limit
    assert f"for {done[0].measured} ms of {STUFFED.limit} needed" in done[0].why
    first_ns = windows(SHOWN, 1)[0].close_ns
    assert done[0].t_ns - first_ns >= STUFFED.limit * NS_PER_MS


def test_a_burst_is_none_whatever_is_in_it() -> None:
    burst = windows(SHOWN, 60, gap_ms=5)

    assert acted(judged(burst, looks([SLOW] * PAST_S))) == []


@pytest.mark.parametrize(("rest", "is_acted"), [(6, True), (12, True), (40, False)])
def test_bursts_add_up_unless_they_rest_for_longer(
    rest: int, *, is_acted: bool
) -> None:
    """Of 0.3 s each, between rests of 0.3, 0.6 and 2 s."""
    bursts = [
        one
        for number in range(20)
        for one in windows(SHOWN, 6, first=1 + number * (6 + rest))
    ]
    sent = NAMES.index("messages")
    counted = [
        msgspec.structs.replace(
            one,
            features=(
                *one.features[:sent],
                500 + 16 * place,
                *one.features[sent + 1 :],
            ),
        )
        for place, one in enumerate(bursts)
    ]

    assert bool(acted(judged(counted, looks([SLOW] * PAST_S)))) is is_acted


def test_who_asked_prices_before_does_so() -> None:
    assert judged(windows(SHOWN, 60), looks([QUICK_US] * PAST_S)) == []
    few = [QUICK_US, *[SLOW] * (KNOWN_FOR - 2)]
    assert judged(windows(SHOWN, 60), looks(few)) == []
    rare = [QUICK_US, *[SLOW] * (KNOWN_FOR - 1)]
    assert acted(judged(windows(SHOWN, 60), looks(rare)))


def test_of_whom_too_little_is_known_nothing_is_said() -> None:
    known = looks([SLOW] * (LOOKS_MIN - 1))

    assert judged(windows(SHOWN, 60), known) == []
    assert judged(windows(SHOWN, 60), looks([SLOW] * PAST_S, n=2)) == []
    assert judged(windows(SHOWN, 60), []) == []


def test_who_withdrew_nothing_before_is_known_as_well() -> None:
    assert acted(judged(windows(SHOWN, 60), looks([None] * PAST_S)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, least - 1) for name, least, _ in STUFFED.bounds if least > 0),
        *((name, most + 1) for name, _, most in STUFFED.bounds if most < FEATURE_LIMIT),
    ],
)
def test_one_bound_that_does_not_hold_is_enough(name: str, value: int) -> None:
    shown = SHOWN | {name: value}

    assert judged(windows(shown, 60), looks([SLOW] * PAST_S)) == []


def test_what_is_sent_between_takes_what_it_covers() -> None:
    # Of 64 messages since the last window 16 are its own: a quarter of the time.
    assert judged(windows(SHOWN, 80, step=64), looks([SLOW] * PAST_S)) == []


def test_a_policy_that_only_tells_it_has_it_told() -> None:
    told = msgspec.structs.replace(RULE, at_once=(), told=(STUFFED.name,))

    found = judged(windows(SHOWN, 60), looks([SLOW] * PAST_S), told)

    assert {one.action for one in found} == {Action.EVIDENCE}


def test_nothing_is_learned_of_who_is_contained() -> None:
    judge = Judge(Policy(cause=Causes(algo_fault=RULE)), SITE, COLUMNS)
    for one in looks([SLOW] * PAST_S):
        judge.meet(one)
    before = windows(SHOWN, 60)
    first = [one for verdict in before for one in judge.judge(verdict)]
    until_ns = max(one.until_ns for one in first)
    last_s = (T0 - until_ns) // SECOND_NS
    for at_s in range((T0 - before[-1].close_ns) // SECOND_NS, last_s, -1):
        judge.meet(look(at_s, 1000))
    after = 1 + (until_ns - T0) // (50 * NS_PER_MS)

    again = [
        one
        for verdict in windows(SHOWN, 60, first=after + 1)
        for one in judge.judge(verdict)
    ]

    assert acted([one for one in again if one.rule == STUFFED.name])


def test_the_scorer_passes_such_windows_on() -> None:
    rule = next(one for one in COUNTED[WINDOW_SESSION] if one.name == STUFFED.name)

    assert rule.cause is Cause.NORMAL
    assert {rule.feature, *(name for name, _, _ in rule.needs)} == {
        name for name, _, _ in STUFFED.bounds
    }


@given(
    gaps=st.lists(
        st.tuples(st.integers(0, 5 * STEP_NS), st.integers(0, 100)), max_size=50
    )
)
def test_it_never_covers_more_than_there_was(gaps: list[tuple[int, int]]) -> None:
    now = covered(None, 0, 0, STUFFED)
    for span_ns, sent in gaps:
        before = now
        now = covered(now, now.at_ns + span_ns, now.messages + sent, STUFFED)
        grown = now.held_ns - before.held_ns
        assert 0 <= now.held_ns <= STUFFED.limit * NS_PER_MS + SPARE_NS
        assert grown <= min(span_ns, STEP_NS)
        if before.held_ns >= span_ns and (sent > 3 * OWN_MAX or span_ns > 3 * STEP_NS):
            assert grown <= 0


def test_messages_that_begin_anew_begin_it_anew() -> None:
    before = Count(SECOND_NS, 900, 300 * NS_PER_MS)

    assert covered(before, 2 * SECOND_NS, 16, STUFFED) == Count(2 * SECOND_NS, 16, 0)


def test_a_past_is_of_half_an_hour_and_bounded() -> None:
    past = Past()
    for second in range(5 * LOOKS_MAX):
        past.see(second * SECOND_NS, SLOW)
        assert past.looks <= LOOKS_MAX
        assert past.aged <= past.looks
        assert len(past.waiting) <= PAST_NS // SECOND_NS + 2
    assert past.is_slow
