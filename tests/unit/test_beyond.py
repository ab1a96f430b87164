"""Beyond: who sends, for seconds, more than his busiest second ever had, is stopped."""

from collections.abc import Iterable

import pytest

from airnet.decide import beyond
from airnet.decide.beyond import LEAK, MICRO, OWN_MAX, PACE, Sum, grown, peak_of
from airnet.decide.judge import Judge
from airnet.decide.policy import Causes, Contain, Policy
from airnet.domain.beyond import BEYOND
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.decision import Action, Decision
from airnet.domain.insistence import ACTED
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_SESSION
from tests.fakes.verdicts import SITE, session_verdict

SECOND_NS = 1_000_000_000
NAMES = SESSION_SCHEMA.names
COLUMNS = {WINDOW_SESSION: {name: place for place, name in enumerate(NAMES)}}
RULE = Contain(action="throttle_session", at_once=ACTED, tier_max=4)
ALONE, FOREMOST = BEYOND
#: A thousand a second, of a session whose busiest second had 250, while others rest.
QUICK = {
    "orders": OWN_MAX,
    "rate_fast": 10_000,
    "rate_1s": 10_000,
    "rate_10s": 2000,
    "peak_ratio": 4000,
    "baseline": 600,
    "history_ms": 60_000,
    "market_1s": 1000,
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
GAP_MS = 16


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


def going_on(seconds: float, **changes: int) -> list[Verdict]:
    return windows(range(0, int(seconds * 1000), GAP_MS), **changes)


def judged(verdicts: list[Verdict], rule: Contain = RULE) -> list[Decision]:
    """Return what is decided because of what is beyond."""
    judge = Judge(Policy(cause=Causes(algo_fault=rule)), SITE, COLUMNS)
    made = [one for verdict in verdicts for one in judge.judge(verdict)]
    return [one for one in made if one.rule in {shape.name for shape in BEYOND}]


@pytest.mark.parametrize(
    ("name", "changes"), [(ALONE.name, {}), (FOREMOST.name, CROWD)]
)
def test_four_times_its_busiest_second_is_stopped_after_five(
    name: str, changes: dict[str, int]
) -> None:
    """It gains four a second and loses one: told at eight, acted upon at fifteen."""
    verdicts = going_on(7, **changes)

    told, done = judged(verdicts)

    first_ns = verdicts[0].close_ns
    assert (told.action, told.rule) == (Action.EVIDENCE, name)
    assert told.t_ns - first_ns == pytest.approx(8 / 3 * SECOND_NS, rel=0.02)
    assert (done.action, done.rule) == (Action.THROTTLE_SESSION, name)
    assert done.t_ns - first_ns == pytest.approx(5 * SECOND_NS, rel=0.02)
    assert f"had {done.measured / 1000:.3f} times, of 15 needed" in done.why


def test_a_book_that_is_withdrawn_at_once_is_not_enough() -> None:
    """At forty times its busiest second, for two: pace bounds what it comes to."""
    made = judged(going_on(2, peak_ratio=40_000, baseline=250, sent=160))

    assert {one.action for one in made} <= {Action.EVIDENCE}


def test_pulses_count_for_what_they_send() -> None:
    """A quarter of each second, at sixteen times its busiest."""
    pulses = [
        second * 1000 + within for second in range(9) for within in range(0, 250, 4)
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


def test_the_shipped_policy_acts_upon_both() -> None:
    at_once = Policy().cause.algo_fault.at_once

    assert {shape.name for shape in BEYOND} <= set(at_once)


def test_a_session_that_begins_anew_has_a_new_sum() -> None:
    verdicts = [*going_on(3), *windows(range(3000, 6000, GAP_MS))]

    assert {one.action for one in judged(verdicts)} == {Action.EVIDENCE}


def test_a_clock_that_runs_back_begins_anew() -> None:
    assert grown(Sum(2, 10, MICRO), 1, 20, 10, ALONE) == Sum(1, 20)


def test_what_others_sent_between_is_not_its_own() -> None:
    """A window is sixteen orders; the messages before came in windows of no note."""
    few = grown(Sum(0, 0), SECOND_NS, OWN_MAX, 1000, ALONE)

    assert grown(Sum(0, 0), SECOND_NS, 1_000_000, 1000, ALONE).total == few.total


def test_time_takes_and_pace_bounds() -> None:
    now = grown(Sum(0, 0, 3 * MICRO, 0), SECOND_NS // 2, OWN_MAX, 1, ALONE)

    assert now.total == 3 * MICRO - LEAK // 2 + PACE // 2
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
