"""Insist: who says the same again and again is told of, then stopped, by how often."""

import msgspec
import pytest
from hypothesis import given, strategies as st

from airnet.decide.counting import (
    LEAK,
    MILLI,
    OWN_MAX,
    SECOND_NS,
    SPARE,
    Count,
    added,
)
from airnet.decide.judge import Judge
from airnet.decide.policy import Causes, Contain, Policy
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.decision import Action, Decision
from airnet.domain.insistence import ACTED, SHAPES, Shape
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import FEATURE_LIMIT, WINDOW_SESSION
from airnet.score.rules import COUNTED
from tests.fakes.verdicts import SITE, session_name, session_verdict

NAMES = SESSION_SCHEMA.names
COLUMNS = {WINDOW_SESSION: {name: place for place, name in enumerate(NAMES)}}
RULE = Contain(action="throttle_session", at_once=ACTED, tier_max=4)
BY_NAME = {shape.name: shape for shape in SHAPES}
#: A loop at three times what a busy session sends, its own orders between.
ALIKE = {
    "loop_share": 600,
    "entropy": 1700,
    "cancels_per_new": 20,
    "repeat_share": 700,
    "rate_1s": 700,
    "rate_new_fast": 800,
    "relative_1s": 2600,
    "relative_fast": 4000,
    "relative_symbol": 2400,
    "peak_ratio": 1500,
    "market_1s": 1100,
    "history_ms": 16_000,
    "fills_per_new": 300,
}
FILLED = ALIKE | {"fills_per_new": 980, "entropy": 2450}
#: One order moved up and down, and little else that repeats.
MOVED = {
    "replace_run": 12,
    "loop_share": 250,
    "rate_1s": 600,
    "relative_1s": 3000,
    "relative_fast": 5000,
    "relative_symbol": 2500,
    "peak_ratio": 2500,
    "entropy": 3200,
    "history_ms": 16_000,
}
ONE_WAY = {
    "drift_share": 950,
    "entropy": 3200,
    "fills_per_new": 950,
    "new_price_share": 500,
    "rate_1s": 900,
    "relative_1s": 1800,
    "relative_symbol": 1700,
    "market_1s": 1100,
    "elevated_share": 50,
    "history_ms": 16_000,
}
WITHDRAWN = {
    "cancels_per_new": 960,
    "cancel_age_us": 1500,
    "new_price_share": 920,
    "gap_deviation": 500,
    "rate_1s": 900,
    "relative_1s": 3000,
    "market_1s": 1100,
    "history_ms": 16_000,
}
#: Bought and sold in turns, 130 a second, and nothing left of it.
TURNED = {
    "rate_new_fast": 1300,
    "fills_per_new": 1600,
    "same_side_share": 0,
    "drift_share": 20,
    "gap_deviation": 50,
    "rate_1s": 1300,
    "relative_1s": 3400,
    "peak_ratio": 2400,
    "entropy": 4000,
    "history_ms": 16_000,
}
LOOPED = TURNED | {"gap_deviation": 700, "loop_share": 900, "peak_ratio": 14_000}
ONE_NAME = {
    "same_symbol_share": 1000,
    "same_side_share": 1000,
    "drift_share": 980,
    "fills_per_new": 1100,
    "rate_1s": 300,
    "relative_1s": 6000,
    "relative_first": 5000,
    "relative_symbol": 2300,
    "peak_ratio": 4000,
    "market_1s": 1200,
    "entropy": 4000,
    "gap_deviation": 600,
    "history_ms": 16_000,
}
#: A hundred and fifty a second of one name, and in turns at gaps as of chance.
ONE_WAY_FAST = ONE_NAME | {"rate_1s": 1500, "drift_share": 500}
TURNED_FAST = TURNED | {"gap_deviation": 730, "rate_1s": 1800, "peak_ratio": 1900}
#: Each order of seven names again and again, 280 a second.
ALIKE_FAST = {
    "repeat_share": 850,
    "entropy": 1955,
    "fills_per_new": 842,
    "rate_1s": 2800,
    "relative_1s": 20_000,
    "peak_ratio": 16_000,
    "market_1s": 1400,
    "history_ms": 16_000,
}
#: The same order in volleys of eight, 240 a second.
VOLLEYS = {
    "loop_share": 1000,
    "gap_deviation": 1749,
    "rate_1s": 2400,
    "relative_1s": 33_019,
    "relative_first": 23_158,
    "history_ms": 13_646,
}
PIECES = VOLLEYS | {
    "gap_deviation": 632,
    "same_symbol_share": 1000,
    "fills_per_new": 980,
    "rate_1s": 540,
}
ONE_ORDER = VOLLEYS | {"repeat_run": 463, "rate_1s": 747, "relative_1s": 14_182}
#: Five thousand new orders in as many names, all bought.
BOUGHT = {
    "side_run": 2593,
    "rate_1s": 3896,
    "relative_1s": 95_136,
    "relative_first": 101_308,
    "market_1s": 1067,
    "entropy": 4000,
    "gap_deviation": 720,
    "history_ms": 15_971,
}
SHOWN = {
    "session.alike_in_volleys": VOLLEYS,
    "session.pieces_without_end": PIECES,
    "session.one_order_in_volleys": ONE_ORDER,
    "session.one_way_far_above_its_past": BOUGHT,
    "session.alike_at_speed": ALIKE_FAST,
    "session.one_way_at_speed": ONE_WAY_FAST,
    "session.turned_at_speed": TURNED_FAST,
    "session.one_name_without_end": ONE_NAME,
    "session.turned_on_a_clock": TURNED,
    "session.turned_in_a_loop": LOOPED,
    "session.alike_without_end": ALIKE,
    "session.alike_for_long": ALIKE | {"relative_1s": 1600},
    "session.alike_and_filled_without_end": FILLED,
    "session.moved_without_end": MOVED,
    "session.one_way_without_end": ONE_WAY,
    "session.withdrawn_without_end": WITHDRAWN,
}


def windows(
    shown: dict[str, int], count: int, step: int = 8, gap_ms: int = 100, n: int = 1
) -> list[Verdict]:
    """Return the normal windows of a session that sends `step` messages in each."""
    return [
        session_verdict(
            number * gap_ms,
            n,
            features=tuple(
                (shown | {"orders": step, "messages": 500 + number * step}).get(name, 0)
                for name in NAMES
            ),
            cause=Cause.NORMAL,
            rule=SHAPES[0].name,
            probability_ppm=800_000,
        )
        for number in range(1, count + 1)
    ]


def judged(verdicts: list[Verdict], rule: Contain = RULE) -> list[Decision]:
    judge = Judge(Policy(cause=Causes(algo_fault=rule)), SITE, COLUMNS)
    return [one for verdict in verdicts for one in judge.judge(verdict)]


@pytest.mark.parametrize("name", SHOWN)
def test_what_goes_on_is_told_and_then_acted_upon(name: str) -> None:
    shape = BY_NAME[name]
    found = [one for one in judged(windows(SHOWN[name], 80)) if one.rule == name]

    first = found[0]
    assert first.action is Action.EVIDENCE
    assert first.cause is Cause.ALGO_FAULT
    assert shape.told <= first.measured
    acted = [one for one in found if one.action is Action.THROTTLE_SESSION]
    assert bool(acted) == bool(shape.limit)
    for one in acted[:1]:
        assert one.measured >= one.limit == shape.limit
        assert one.session == session_name(1)
        assert one.t_ns > first.t_ns
        assert f"{one.measured} of {one.limit} needed" in one.why


@pytest.mark.parametrize("name", SHOWN)
def test_what_ends_before_is_not_told(name: str) -> None:
    assert judged(windows(SHOWN[name], 2)) == []


@pytest.mark.parametrize(
    ("name", "feature", "value"),
    [
        (shape.name, feature, value)
        for shape in SHAPES
        for feature, least, most in shape.bounds
        for value in (least - 1, most + 1)
        if 0 <= value <= FEATURE_LIMIT
    ],
)
def test_each_bound_counts(name: str, feature: str, value: int) -> None:
    found = judged(windows(SHOWN[name] | {feature: value}, 60))

    assert name not in {one.rule for one in found}


def test_the_scorer_tells_of_what_is_counted() -> None:
    rules = {rule.name: rule for rule in COUNTED[WINDOW_SESSION]}
    for shape in SHAPES:
        rule = rules[shape.name]
        told = ((rule.feature, rule.limit * rule.divisor + 1, FEATURE_LIMIT),)
        assert rule.cause is Cause.NORMAL
        assert (*told, *rule.needs) == shape.bounds


def test_it_is_told_beside_a_model_that_abstains() -> None:
    unsure = [
        msgspec.structs.replace(one, cause=Cause.UNKNOWN, abstains=True, rule="model.m")
        for one in windows(ALIKE, 60)
    ]

    found = [one for one in judged(unsure) if one.cause is Cause.ALGO_FAULT]

    assert found[0].action is Action.EVIDENCE
    assert Action.THROTTLE_SESSION in {one.action for one in found}


def test_a_large_order_in_like_pieces_is_told_and_not_stopped() -> None:
    """At prices that it holds to: few would have them, and it has no end."""
    held = {"new_price_share": 15, "same_side_share": 1000, "replaces_per_new": 0}
    worked = ALIKE | held | {"loop_share": 416, "repeat_run": 0, "rejects": 0}

    found = judged(windows(worked, 200))

    assert {one.action for one in found} == {Action.EVIDENCE}
    assert Action.THROTTLE_SESSION in {
        one.action for one in judged(windows(worked | {"loop_share": 625}, 200))
    }


def test_told_by_policy_it_is_never_acted_upon() -> None:
    plain = msgspec.structs.replace(RULE, at_once=(), told=ACTED)

    found = judged(windows(MOVED, 60), plain)

    assert {one.action for one in found} == {Action.EVIDENCE}


def test_who_does_so_now_and_then_is_left_alone() -> None:
    """Eight messages a second are what time takes."""
    assert judged(windows(MOVED, 400, LEAK, gap_ms=1000)) == []
    assert judged(windows(MOVED, 400, LEAK + 2, gap_ms=1000))


def test_messages_of_other_windows_take_from_it() -> None:
    """Of 26 between two windows ten were in windows that showed something else."""
    assert judged(windows(MOVED, 100, 26, gap_ms=10)) == []
    assert judged(windows(MOVED, 100, 16, gap_ms=10))


def test_each_session_is_counted_for_itself() -> None:
    both = [
        one
        for pair in zip(windows(MOVED, 4), windows(MOVED, 4, n=2), strict=True)
        for one in pair
    ]

    assert judged(both) == []


def test_a_session_that_comes_back_begins_anew() -> None:
    once = windows(MOVED, 4)
    again = windows(MOVED, 8)[4:]
    place = NAMES.index("messages")
    anew = [
        msgspec.structs.replace(
            one,
            features=(
                *one.features[:place],
                (one.features[place] or 0) - 500,
                *one.features[place + 1 :],
            ),
        )
        for one in again
    ]

    assert judged([*once, *anew]) == []
    assert judged([*once, *again])


COUNTS = st.builds(
    Count,
    at_ns=st.integers(0, 10**12),
    messages=st.integers(0, 10**6),
    total=st.integers(0, 80 * MILLI),
)


@given(
    COUNTS,
    st.integers(0, 10 * SECOND_NS),
    st.integers(0, 1000),
    st.sampled_from(SHAPES),
)
def test_a_count_is_bounded(before: Count, span: int, sent: int, shape: Shape) -> None:
    now = added(before, before.at_ns + span, before.messages + sent, 0, shape)

    most = max(shape.told, shape.limit) * MILLI + SPARE
    assert 0 <= now.total <= most
    assert now.total <= max(before.total, 0) + min(sent, OWN_MAX) * MILLI


@pytest.mark.parametrize("before", [None, Count(5, 200, 9 * MILLI)], ids=["", "anew"])
def test_a_count_begins_with_a_windows_own_orders(before: Count | None) -> None:
    """As it does for whose messages are fewer than they were: another session."""
    assert added(before, 7, 100, 12, SHAPES[0]) == Count(7, 100, 12 * MILLI)
