"""Spree: orders that are all filled, one name after the other, are counted."""

import msgspec
import pytest
from hypothesis import given, strategies as st

from airnet.decide.dwell import SPREE_RULE
from airnet.decide.judge import Judge
from airnet.decide.policy import Causes, Contain, Policy
from airnet.decide.spree import (
    ALL_FILLED,
    LIKELY,
    LIMIT,
    OWN_MAX,
    PARTS,
    SECOND_NS,
    SLIGHT,
    SPARE,
    SURE,
    Spree,
    added,
)
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.decision import Action, Decision
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import FEATURE_LIMIT, WINDOW_SESSION
from airnet.score.rules import COUNTED
from tests.fakes.verdicts import MS, SITE, session_name, session_verdict

NAMES = SESSION_SCHEMA.names
COLUMNS = {WINDOW_SESSION: {name: place for place, name in enumerate(NAMES)}}
RULE = Contain(action="throttle_session", at_once=(SPREE_RULE,), tier_max=4)
#: What a session shows that buys and sells in all names and is always filled.
FILLED = {
    "rate_1s": 900,
    "rate_16": 900,
    "fills_per_new": 1200,
    "order_to_trade": 10,
    "same_symbol_share": 60,
    "side_run": 2,
    "entropy": 4000,
    "gap_deviation": 740,
    "relative_fast": 9000,
    "relative_1s": 6000,
    "relative_first": 6000,
    "market_1s": 900,
    "elevated_share": 60,
    "history_ms": 30_000,
}
FASTER = {"relative_fast": 3000}
SAME = {"relative_fast": 900, "relative_1s": 1000, "relative_first": 1000}


def windows(
    count: int, step: int, gap_ms: int = 100, n: int = 1, **shown: int
) -> list[Verdict]:
    """Return the normal windows of a session that sends `step` orders in each."""
    made = []
    for number in range(1, count + 1):
        row = FILLED | shown | {"orders": step, "messages": 500 + number * step}
        made.append(
            session_verdict(
                number * gap_ms,
                n,
                features=tuple(row.get(name, 0) for name in NAMES),
                cause=Cause.NORMAL,
                rule=COUNTED[WINDOW_SESSION][0].name,
                probability_ppm=800_000,
            )
        )
    return made


def judged(verdicts: list[Verdict], rule: Contain = RULE) -> list[Decision]:
    judge = Judge(Policy(cause=Causes(algo_fault=rule)), SITE, COLUMNS)
    return [one for verdict in verdicts for one in judge.judge(verdict)]


def stopped_after(verdicts: list[Verdict]) -> int | None:
    """Return how many orders were sent when the session was throttled."""
    place = NAMES.index("messages")
    at_ns = {one.close_ns: one.features[place] for one in verdicts}
    for one in judged(verdicts):
        if one.action is Action.THROTTLE_SESSION:
            assert one.rule == SPREE_RULE
            assert one.measured >= one.limit == LIMIT // PARTS
            sent = at_ns[one.t_ns]
            assert sent is not None
            return sent - 500
    return None


def test_what_is_counted_is_what_the_scorer_tells_of() -> None:
    rule = COUNTED[WINDOW_SESSION][0]
    told = ((rule.feature, rule.limit * rule.divisor + 1, FEATURE_LIMIT), *rule.needs)

    assert sorted(told) == sorted(ALL_FILLED)


@pytest.mark.parametrize(
    ("shown", "orders"),
    [({}, 1000), (FASTER, 3000), (SAME, 6000), ({"history_ms": 2000}, 3000)],
)
def test_how_many_orders_it_takes(shown: dict[str, int], orders: int) -> None:
    """A window of 16 is 8 to 48; time takes 8 a second."""
    found = stopped_after(windows(500, OWN_MAX, gap_ms=10, **shown))

    assert found is not None
    assert orders <= found <= orders + (orders >> 3) + OWN_MAX


@pytest.mark.parametrize(
    "shown",
    [
        {"cancels_per_new": 200},
        {"replaces_per_new": 100},
        {"fills_per_new": 700},
        {"order_to_trade": 900},
        {"unfilled_run": 9},
        {"same_symbol_share": 400},
        {"side_run": 20},
        {"entropy": 2000},
        {"loop_share": 500},
        {"elevated_share": 500},
        {"rate_quote_fast": 100},
        {"rate_1s": 60},
        {"gap_deviation": 1400},
    ],
)
def test_what_is_not_counted(shown: dict[str, int]) -> None:
    assert stopped_after(windows(500, OWN_MAX, gap_ms=10, **shown)) is None


def test_a_market_that_hurries_makes_it_slight() -> None:
    assert stopped_after(windows(9, OWN_MAX, gap_ms=10, market_1s=1800)) is None


def test_who_does_so_now_and_then_is_left_alone() -> None:
    """Eight orders a second are what time takes, at the rate of who is only faster."""
    seldom = windows(1700, 8, gap_ms=1000, **FASTER)
    often = windows(1700, 10, gap_ms=1000, **FASTER)

    assert stopped_after(seldom) is None
    assert stopped_after(often) is not None


def test_orders_in_other_windows_take_from_it() -> None:
    """Of 24 messages between two windows, 8 were in windows that showed another."""
    assert stopped_after(windows(300, 24, gap_ms=10, **FASTER)) is None
    assert stopped_after(windows(300, 16, gap_ms=10, **FASTER)) is not None


def test_it_is_a_fact_beside_what_a_model_says() -> None:
    found = windows(90, OWN_MAX, gap_ms=10)
    doubtful = [
        msgspec.structs.replace(one, cause=Cause.UNKNOWN, abstains=True, rule="model.m")
        for one in found
    ]

    assert stopped_after(doubtful) == stopped_after(found)


def test_told_it_is_said_and_nothing_is_done() -> None:
    told = msgspec.structs.replace(RULE, at_once=(), told=(SPREE_RULE,))

    found = judged(windows(20, OWN_MAX, gap_ms=10), told)

    assert {one.action for one in found} == {Action.EVIDENCE}


def test_who_is_filled_by_a_market_that_another_moved_is_told() -> None:
    """Until the end of the containment; then he is one who may be contained."""
    mover = windows(80, OWN_MAX, gap_ms=10)
    bystander = windows(700, OWN_MAX, n=2)
    both = sorted([*mover, *bystander], key=lambda one: one.close_ns)

    decided = [one for one in judged(both) if one.rule == SPREE_RULE]

    first, *others = (one for one in decided if one.action is Action.THROTTLE_SESSION)
    assert first.session == session_name(1)
    assert {one.session for one in others} == {session_name(2)}
    assert others[0].t_ns >= first.until_ns
    said = [one for one in decided if one.action is Action.EVIDENCE]
    assert said
    assert said[0].t_ns < first.until_ns


def test_a_normal_window_that_is_counted_says_nothing() -> None:
    assert judged(windows(1, OWN_MAX)) == []


def test_a_counted_window_leaves_a_streak_as_it_is() -> None:
    rule = msgspec.structs.replace(
        RULE, evidence_min=0.0, opinion_dwell_ms=300, dwell_ms=100, dwell_windows=2
    )
    bad = [session_verdict(at_ms) for at_ms in range(100, 800, 100)]
    place = NAMES.index("messages")
    between = [
        msgspec.structs.replace(
            one,
            close_ns=one.close_ns - 50 * MS,
            features=(*one.features[:place], 500, *one.features[place + 1 :]),
        )
        for one in windows(7, 0)
    ]
    mixed = sorted([*bad, *between], key=lambda one: one.close_ns)

    plain, both = judged(bad, rule), judged(mixed, rule)

    assert plain
    assert [one.t_ns for one in both] == [one.t_ns for one in plain]


def test_a_session_that_comes_back_begins_anew() -> None:
    once = windows(2, 8, gap_ms=10)
    place = NAMES.index("messages")
    again = [
        msgspec.structs.replace(
            one, features=(*one.features[:place], 9, *one.features[place + 1 :])
        )
        for one in windows(3, 9, gap_ms=10)[2:]
    ]

    assert judged([*once, *again]) == []
    assert judged([*once, *windows(4, 8, gap_ms=10)[2:]])


def test_each_session_is_counted_for_itself() -> None:
    both = []
    for one in windows(3, 10, gap_ms=10):
        other = msgspec.structs.replace(one, session=session_name(2), subject=2)
        both += [one, other]

    assert judged(both[:4]) == []
    assert len({one.target for one in judged(both)}) == 2


@given(
    st.lists(
        st.tuples(
            st.integers(-SECOND_NS, 3 * SECOND_NS),
            st.integers(0, 60),
            st.sampled_from([0, SLIGHT, LIKELY, SURE]),
        ),
        max_size=40,
    )
)
def test_a_score_is_bounded_and_grows_by_its_own_messages(
    steps: list[tuple[int, int, int]],
) -> None:
    at_ns, messages = 0, 100
    state = Spree(at_ns, messages, 0)
    for span_ns, sent, each in steps:
        at_ns, messages = at_ns + span_ns, messages + sent
        before, state = state, added(state, at_ns, messages, each)

        assert 0 <= state.score <= LIMIT + SPARE
        assert state.score - before.score <= min(sent, OWN_MAX) * each
