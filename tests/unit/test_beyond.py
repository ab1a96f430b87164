"""Beyond: who sends, for seconds, more than his busiest second ever had, is stopped."""

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given, strategies as st

from airnet.decide import beyond, likeness
from airnet.decide.beyond import (
    LET_BE,
    MICRO,
    OWN_MAX,
    Beyonds,
    Sum,
    grown,
    peak_of,
)
from airnet.decide.excess import is_crowded
from airnet.decide.judge import Judge
from airnet.decide.peers import Peers
from airnet.decide.policy import Causes, Contain, Policy
from airnet.decide.terms import Terms
from airnet.domain.beyond import (
    BEYOND,
    BEYOND_MEASURE,
    FAR_AHEAD,
    FAR_ALONE,
    SHAPES,
    Beyond,
)
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.decision import Action, Decision
from airnet.domain.insistence import ACTED
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import FEATURE_LIMIT, WINDOW_SESSION
from tests.fakes.verdicts import SITE, session_verdict

SECOND_NS = 1_000_000_000
NAMES = SESSION_SCHEMA.names
COLUMNS = {WINDOW_SESSION: {name: place for place, name in enumerate(NAMES)}}
RULE = Contain(action="throttle_session", at_once=ACTED, tier_max=4)
#: Two thousand a second, of a session whose busiest second had 250: others rest.
QUICK = {
    "orders": OWN_MAX,
    "rate_fast": 10_000,
    "rate_1s": 10_000,
    "rate_10s": 2000,
    "peak_ratio": 4000,
    "baseline": 600,
    "history_ms": 60_000,
    "market_1s": 1000,
    # Some of it comes again, by chance: it looks like nothing that is let be.
    "entropy": 2000,
    "loop_share": 500,
    "repeat_share": 500,
    "repeat_run": 9,
    "gap_deviation": 740,
}
#: The same, where its doing has moved the others.
CROWD = {
    "rate_1s": 20_000,
    "rate_10s": 4000,
    "market_1s": 6000,
    "elevated_share": 800,
    "market_share": 500,
    "relative_1s": 8000,
}
#: What comes in no order that was there before: a list, a book that is entered anew.
VARIED = {"entropy": 4000, "loop_share": 0, "repeat_share": 0, "repeat_run": 0}
#: The same: both sides, withdrawn, and moved.
REFRESHED = VARIED | {
    "same_side_share": 500,
    "cancels_per_new": 1000,
    "new_price_share": 1000,
    "gap_deviation": 1500,
    "cancel_age_us": 30_000,
}
GAP_MS = 8
PACE, TAKEN = FAR_AHEAD.pace * MICRO, FAR_AHEAD.taken * MICRO


def windows(
    at_ms: Iterable[int], n: int = 1, sent: int = OWN_MAX, **changes: int
) -> list[Verdict]:
    """Return windows of a session of which models think nothing."""
    shown = QUICK | changes
    return [
        session_verdict(
            one,
            n,
            features=tuple(
                (shown | {"messages": 500 + sent * number}).get(name, 0)
                for name in NAMES
            ),
            cause=Cause.VOLATILITY,
            rule="model.session",
            probability_ppm=600_000,
        )
        for number, one in enumerate(at_ms)
    ]


def going_on(seconds: float, gap_ms: int = GAP_MS, **changes: int) -> list[Verdict]:
    return windows(range(0, int(seconds * 1000), gap_ms), **changes)


def judged(verdicts: list[Verdict], rule: Contain = RULE) -> list[Decision]:
    """Return what is decided because of what is beyond."""
    judge = Judge(Policy(cause=Causes(algo_fault=rule)), SITE, COLUMNS)
    made = [one for verdict in verdicts for one in judge.judge(verdict)]
    return [one for one in made if one.rule in {shape.name for shape in SHAPES}]


@pytest.mark.parametrize(
    ("name", "changes", "told_s"),
    [
        (FAR_ALONE.shape.name, {}, 6 / (8 - 4)),
        (FAR_AHEAD.shape.name, CROWD, 4 / (4 - 1)),
        (BEYOND_MEASURE.shape.name, VARIED | {"gap_ms": 2}, 16 / (32 - 16)),
    ],
)
def test_many_times_its_busiest_second_is_stopped(
    name: str, changes: dict[str, int], told_s: float
) -> None:
    """It gains what it sends, up to its pace, and loses: twice as long is enough."""
    verdicts = going_on(4, **changes)

    told, done = judged(verdicts)

    first_ns = verdicts[0].close_ns
    assert (told.action, told.rule) == (Action.EVIDENCE, name)
    assert told.t_ns - first_ns == pytest.approx(told_s * SECOND_NS, rel=0.03)
    assert (done.action, done.rule) == (Action.THROTTLE_SESSION, name)
    assert done.t_ns - first_ns == pytest.approx(2 * told_s * SECOND_NS, rel=0.03)
    assert f"had {done.measured / 1000:.3f} times, of " in done.why


@pytest.mark.parametrize("shown", [{}, CROWD], ids=["alone", "crowd"])
def test_a_book_that_is_withdrawn_at_once_is_not_enough(
    shown: dict[str, int],
) -> None:
    """At sixty-four times its busiest second, for a second."""
    made = judged(going_on(1, 1, **shown))

    assert {one.action for one in made} <= {Action.EVIDENCE}


def test_what_looks_honest_is_counted_only_beyond_measure() -> None:
    """Eight times its peak is none, thirty-two times is; quotes refreshed never."""
    assert judged(going_on(9, **VARIED)) == []
    assert judged(going_on(9, **CROWD | VARIED)) == []
    assert {one.rule for one in judged(going_on(3, 2, **VARIED))} == {
        BEYOND_MEASURE.shape.name
    }
    assert judged(going_on(9, 2, **REFRESHED)) == []


def test_a_crowd_is_no_reason_to_let_be_who_is_ahead_of_it() -> None:
    crowd = CROWD | {"active_sessions": 12, "elevated_1s": 12}

    assert judged(going_on(4, **crowd))[-1].action is Action.THROTTLE_SESSION


def test_each_lets_something_be_and_one_of_a_crowd_only_where_others_rest() -> None:
    assert set(LET_BE) == {shape.name for shape in SHAPES}
    for shape in SHAPES:
        is_quiet = "market_1s" in {name for name, _, _ in shape.bounds}

        assert likeness.is_refresh in LET_BE[shape.name]
        assert (is_crowded in LET_BE[shape.name]) is is_quiet


def test_pulses_count_for_what_they_send() -> None:
    """A quarter of each second, at thirty-two times its busiest."""
    pulses = [
        second * 1000 + within for second in range(9) for within in range(0, 250, 2)
    ]

    done = judged(windows(pulses))[-1]

    assert done.action is Action.THROTTLE_SESSION
    assert done.t_ns - windows([0])[0].close_ns < 7 * SECOND_NS


@pytest.mark.parametrize(
    "less",
    [
        {"rate_1s": 9999},
        {"peak_ratio": 1499},
        {"baseline": 49},
        {"history_ms": 9999},
        {"market_1s": 2000},
        {"elevated_share": 250},
        {"active_sessions": 12, "elevated_1s": 4},
        {"baseline": 6667},
        {"rate_10s": 10_000},
        CROWD | {"rate_1s": 19_999},
        CROWD | {"market_share": 499},
        CROWD | {"relative_1s": 7999},
    ],
    ids=lambda less: next(reversed(less)),
)
def test_of_others_nothing_is_counted(less: dict[str, int]) -> None:
    """Slow, near its past, without one, in a crowd, begun in a rush, or so for long."""
    assert judged(going_on(9, **less)) == []


def test_policy_may_have_it_told_alone() -> None:
    told = Contain(action="throttle_session", at_once=(), tier_max=4)

    assert {one.action for one in judged(going_on(9), told)} == {Action.EVIDENCE}


def test_the_shipped_policy_acts_upon_all() -> None:
    at_once = Policy().cause.algo_fault.at_once

    assert {shape.name for shape in SHAPES} <= set(at_once)


def test_a_session_that_begins_anew_has_a_new_sum() -> None:
    verdicts = [*going_on(2), *windows(range(2000, 4000, GAP_MS))]

    assert {one.action for one in judged(verdicts)} == {Action.EVIDENCE}


def test_a_clock_that_runs_back_begins_anew() -> None:
    assert grown(Sum(2, 10, MICRO), 1, 20, 10, FAR_AHEAD) == Sum(1, 20)


def test_what_others_sent_between_is_not_its_own() -> None:
    """A window is sixteen orders; the messages before came in windows of no note."""
    few = grown(Sum(0, 0), SECOND_NS // 2, OWN_MAX, 1000, FAR_AHEAD)

    assert (
        grown(Sum(0, 0), SECOND_NS // 2, 1_000_000, 1000, FAR_AHEAD).total == few.total
    )


def test_a_silence_leaves_nothing_that_may_come_at_once() -> None:
    now = grown(Sum(0, 0, 0, PACE), SECOND_NS + 1, OWN_MAX, 1, FAR_AHEAD)

    assert (now.total, now.credit) == (0, 0)


def test_time_takes_and_pace_bounds() -> None:
    now = grown(Sum(0, 0, 3 * MICRO, 0), SECOND_NS // 2, OWN_MAX, 1, FAR_AHEAD)

    assert now.total == 3 * MICRO - TAKEN // 2 + PACE // 2
    assert now.credit == 0


def test_a_peak_is_no_less_than_what_it_learned_of_itself() -> None:
    """Of who began in a rush no calm second was seen."""
    shown = {"rate_fast": 40_000, "peak_ratio": 400_000, "baseline": 3000}

    assert peak_of(shown.get) == 3000
    assert peak_of(({"rate_fast": 10_000, "peak_ratio": 4000}).get) == 2500
    assert peak_of({}.get) == 1


def test_who_was_heard_least_lately_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(beyond, "STREAKS_MAX", 1)
    both = sorted(
        windows(range(0, 9000, GAP_MS), 1) + windows(range(0, 9000, GAP_MS), 2),
        key=lambda one: one.close_ns,
    )

    assert judged(both) == []


#: What a sum is made of.
SEEN = ("messages", "rate_1s", "rate_10s", "rate_fast", "peak_ratio", "baseline")
numbers = st.none() | st.sampled_from((0, 1, 10_000, FEATURE_LIMIT))


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(SEEN, numbers)), max_size=9))
def test_whatever_a_window_says_is_data(looks: list[dict[str, int | None]]) -> None:
    """Unknown, zero, or saturated."""
    found = Beyonds(COLUMNS, Terms(Policy(), Peers(SITE)))
    for number, values in enumerate(looks):
        row = tuple((QUICK | values).get(name, 0) for name in NAMES)
        verdict = msgspec.structs.replace(windows([number])[0], features=row)

        said = found.of(verdict, ("one",))

        assert said is None or said.rule in {shape.name for shape in SHAPES}


@given(
    st.sampled_from(BEYOND),
    st.lists(
        st.tuples(
            st.integers(-SECOND_NS, 2 * SECOND_NS),
            st.integers(-9, 99),
            st.integers(1, 900),
        )
    ),
)
def test_a_sum_stays_within_its_bounds(
    counted: Beyond, looks: list[tuple[int, int, int]]
) -> None:
    """Time that runs back or stands, messages that are fewer than before."""
    most = counted.shape.limit * 1000 + beyond.SPARE
    at_ns, messages = SECOND_NS, 0
    now = Sum(at_ns, messages, most, counted.pace * MICRO)
    for span_ns, sent, peak in looks:
        at_ns, messages = at_ns + span_ns, messages + sent
        before, now = now, grown(now, at_ns, messages, peak, counted)

        assert 0 <= now.total <= most
        assert 0 <= now.credit <= counted.pace * MICRO
        assert now.total - before.total <= counted.pace * MICRO
