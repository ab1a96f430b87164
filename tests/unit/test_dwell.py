"""Dwell: the sequential test is sums by hand, and what may not count does not."""

import math

import msgspec
import pytest

from airnet.config import Site
from airnet.decide import dwell
from airnet.decide.judge import Judge
from airnet.decide.policy import Causes, Contain, Policy, Rule
from airnet.domain.decision import Action, Decision
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.domain.window import WINDOW_SESSION
from airnet.score.opinion import RULE_PPM
from tests.fakes.verdicts import MS, T0, session_verdict

RULE = Contain(
    action="throttle_session",
    dwell_ms=100,
    opinion_dwell_ms=900,
    evidence_min=8.0,
    evidence_toll=2.0,
    tier_max=4,
)


def said(*verdicts: Verdict, rule: Contain = RULE) -> list[Decision]:
    judge = Judge(Policy(cause=Causes(algo_fault=rule)), Site())
    return [one for verdict in verdicts for one in judge.judge(verdict)]


def opinion(at_ms: int, ppm: int, **changes: object) -> Verdict:
    return session_verdict(
        at_ms, probability_ppm=ppm, open_ns=T0 + (at_ms - 100) * MS, **changes
    )


def when(ppm: int, **changes: object) -> int | None:
    """Return after how many whole windows of one sort a session is throttled."""
    for count in range(1, 60):
        if said(*(opinion(100 * n, ppm, **changes) for n in range(1, count + 1))):
            return count
    return None


@pytest.mark.parametrize("ppm", [900_000, 950_000, 990_000, 999_000, 999_900, PPM])
def test_the_surer_the_sooner_as_wald_has_it(ppm: int) -> None:
    chance = min(ppm, PPM - 1) / PPM
    gain = math.log(chance / (1 - chance)) - 2.0

    assert when(ppm) == max(2, math.ceil(8.0 / gain - 1e-9))


def test_what_is_merely_likely_never_adds_up() -> None:
    doubtful = msgspec.structs.replace(RULE, evidence_toll=2.2, probability_min=0.85)
    verdicts = [opinion(100 * n, 890_000) for n in range(1, 100)]

    assert said(*verdicts, rule=doubtful) == []


def test_each_of_three_limits_what_a_window_is_sure_of() -> None:
    sure = when(999_900)

    assert sure == 2
    assert when(999_900, second=Cause.ALGO_FAULT, second_ppm=990_000) == when(990_000)
    assert when(999_900, regime="quiet", p_value_ppm=50_000) == math.ceil(8 / 0.995)
    assert when(999_900, regime="quiet", p_value_ppm=200_000) is None
    # What has no calibration says PPM: nothing was measured, nothing is limited.
    assert when(999_900, regime="", p_value_ppm=PPM) == sure


def test_ten_looks_at_the_same_messages_are_not_ten_looks() -> None:
    """Windows of 10 ms add up to what windows of 100 ms do."""
    short = [
        session_verdict(
            100 + 10 * n, probability_ppm=990_000, open_ns=T0 + (90 + 10 * n) * MS
        )
        for n in range(60)
    ]
    (decision,) = said(*short)

    assert decision.t_ns - short[0].open_ns == pytest.approx(310 * MS, abs=10 * MS)


def test_a_window_below_the_least_probability_takes_evidence_away() -> None:
    good = [opinion(100 * n, 990_000) for n in range(1, 6)]
    weak = opinion(300, 600_000)

    assert len(said(*good[:4])) == 1
    assert said(*good[:2], weak, good[3]) == []
    assert len(said(*good[:2], weak, *good[3:])) == 1


def test_a_fact_adds_what_its_rule_says_and_no_more() -> None:
    """One that broke once makes no doubtful opinion beside it a certainty."""
    fact = {"rule": "session.duplicate_clordid", "probability_ppm": 990_000}
    first, second = opinion(100, 910_000), session_verdict(200, **fact)
    sure = [opinion(100 * n, 990_000) for n in range(1, 4)]

    assert said(second) == []
    assert said(first, second) == []
    (decision,) = said(*sure, session_verdict(400, **fact))
    assert decision.action is Action.THROTTLE_SESSION
    assert "of 8 needed" in decision.why


def test_no_limit_of_the_policy_makes_a_certainty_of_a_doubt() -> None:
    """By the shipped numbers; a limit of its own, and an envelope, are PPM."""
    limit = Rule(
        name="rate",
        window="session",
        feature="rate_new_1s",
        limit=1000,
        cause="algo_fault",
    )
    policy = msgspec.structs.replace(Policy(), rules=(limit,))
    columns = {WINDOW_SESSION: {"rate_new_1s": 0}}
    doubt = {"second": Cause.ALGO_FAULT, "second_ppm": 500_000, "regime": "quiet"}
    judge = Judge(policy, Site(), columns)

    breach = opinion(100, 0, cause=Cause.NORMAL, features=(2000,))
    after = opinion(200, 900_000, p_value_ppm=400_000, **doubt)
    found = [one for verdict in (breach, after) for one in judge.judge(verdict)]

    assert [one for one in found if one.action is Action.THROTTLE_SESSION] == []
    # And two breaches are two facts.
    again = opinion(300, 0, cause=Cause.NORMAL, features=(2000,))
    (decision,) = judge.judge(again)
    assert decision.action is Action.THROTTLE_SESSION


def test_a_fact_is_worth_what_the_scorer_has_it_worth() -> None:
    assert dwell.FACT_PPM == RULE_PPM


def test_without_evidence_asked_for_the_fixed_dwell_holds() -> None:
    fixed = msgspec.structs.replace(RULE, evidence_min=0.0)
    verdicts = [opinion(100 * n, 999_999) for n in range(1, 10)]

    assert said(*verdicts[:8], rule=fixed) == []
    (decision,) = said(*verdicts, rule=fixed)
    assert "held for 900 ms" in decision.why


def test_evidence_is_whole_numbers_and_never_below_nothing() -> None:
    judge = Judge(Policy(cause=Causes(algo_fault=RULE)), Site())
    for n, ppm in enumerate((900_000, 560_000, 560_000, 980_000), 1):
        judge.judge(opinion(100 * n, ppm))
        for _, streak in judge.state()[0]:  # type: ignore[attr-defined] # a tuple
            assert type(streak.evidence) is int
            assert streak.evidence >= 0
    (streak,) = (streak for _, streak in judge.state()[0])  # type: ignore[attr-defined]
    assert streak.evidence == round(math.log(0.98 / 0.02) * dwell.MILLI) - 2000
