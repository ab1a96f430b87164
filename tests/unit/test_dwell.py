"""Dwell: the sequential test is sums by hand, and what may not count does not."""

import math

import msgspec
import pytest

from airnet.config import Site
from airnet.decide import dwell
from airnet.decide.enough import LOOPS_TOLD
from airnet.decide.judge import Judge
from airnet.decide.policy import Causes, Contain, Policy, Rule
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.decision import Action, Decision
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.domain.window import WINDOW_SESSION
from airnet.score.opinion import RULE_PPM
from tests.fakes.verdicts import MS, SITE, T0, gateway_verdict, session_verdict

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


def contained(*verdicts: Verdict) -> int:
    """Return how many verdicts on a gateway it took; 0: it was left alone."""
    judge = Judge(Policy(), SITE)
    for count, verdict in enumerate(verdicts, 1):
        if any(one.action is not Action.EVIDENCE for one in judge.judge(verdict)):
            return count
    return 0


def test_volleys_with_silence_between_them_are_no_flood_that_lasts() -> None:
    """A balancer knocks a dozen times at once, every 200 ms, and hangs up."""
    volleys = [gateway_verdict(200 * n, rule="") for n in range(1, 20)]
    without_pause = [gateway_verdict(10 * n, rule="") for n in range(1, 20)]

    assert contained(*volleys) == 0
    assert contained(*without_pause) == 3, "two windows, and 25 ms"


def test_a_window_that_saw_nothing_of_a_flood_does_not_hold_an_opinion_of_it() -> None:
    """It looks back at a second, in which there was something."""
    after = [gateway_verdict(10 * n, first_ns=0, rule="") for n in range(2, 20)]

    assert contained(gateway_verdict(10, rule=""), *after) == 0


def test_evidence_is_whole_numbers_and_never_below_nothing() -> None:
    judge = Judge(Policy(cause=Causes(algo_fault=RULE)), Site())
    for n, ppm in enumerate((900_000, 560_000, 560_000, 980_000), 1):
        judge.judge(opinion(100 * n, ppm))
        for _, streak in judge.state()[0]:
            assert type(streak.evidence) is int
            assert streak.evidence >= 0
    (streak,) = (streak for _, streak in judge.state()[0])
    assert streak.evidence == round(math.log(0.98 / 0.02) * dwell.MILLI) - 2000


TOLD = {
    "rule": "session.replaces_without_a_past",
    "second": Cause.ALGO_FAULT,
    "second_ppm": 850_000,
}
AGREED = msgspec.structs.replace(RULE, agreed_min=0.85, evidence_told=3.0)


def test_a_limit_that_is_told_is_acted_upon_where_both_models_agree() -> None:
    """Alone it is evidence, however long it lasts; once an episode."""
    alone = [opinion(100 * n, 849_999, **TOLD) for n in range(1, 40)]
    unsure = opinion(100, 990_000, **(TOLD | {"second_ppm": 849_999}))
    against = opinion(100, 990_000, **(TOLD | {"second": Cause.NORMAL}))
    agreed = opinion(4000, 850_000, **TOLD)

    for verdicts in (alone, [unsure], [against]):
        (decision,) = said(*verdicts, rule=AGREED)
        assert decision.action is Action.EVIDENCE
        assert "not acted upon" in decision.why
    (_, decision) = said(*alone, agreed, rule=AGREED)
    assert decision.action is Action.THROTTLE_SESSION
    assert "both models are at least 0.85 sure" in decision.why
    (decision,) = said(agreed)
    assert decision.action is Action.EVIDENCE


@pytest.mark.parametrize("rule", sorted(dwell.UNHURRIED))
def test_what_else_traders_do_has_to_go_on_where_both_models_agree(rule: str) -> None:
    """Lists of names, large orders, a maker at the bell: sure, and over in 0.2 s."""
    assert rule in LOOPS_TOLD
    brief = TOLD | {"rule": rule}
    windows = [opinion(100 * n, 990_000, **brief) for n in range(1, 7)]
    looks_back = windows[0].close_ns - windows[0].open_ns

    found = said(*windows, rule=AGREED)
    ordered = [one.t_ns for one in found if one.action is Action.THROTTLE_SESSION]
    (moment_ns,) = ordered
    first_ns = windows[0].close_ns - looks_back
    assert moment_ns - first_ns >= dwell.AGREED_NS > moment_ns - 100 * MS - first_ns
    (alone,) = said(*windows[:2], rule=AGREED)
    assert alone.action is Action.EVIDENCE


def test_models_that_doubt_a_rate_do_not_second_a_rule_of_sizes() -> None:
    """In news both were 0.92 sure of a fast desk whose order was 1,238 times as large.

    Of a size alone nobody is contained, however sure they are.
    """
    sized = TOLD | {"rule": "session.quantity_over_usual", "second_ppm": 999_000}
    found = said(
        *(opinion(100 * n, 999_000, **sized) for n in range(1, 9)), rule=AGREED
    )

    assert {one.action for one in found} == {Action.EVIDENCE}
    assert sized["rule"] in LOOPS_TOLD


@pytest.mark.parametrize(
    "rule", ["session.likely_loop_per_second", "session.one_order_without_a_past"]
)
def test_models_do_not_second_like_orders(rule: str) -> None:
    """An iceberg at 41 messages a second, five times its past: both were 0.98 sure."""
    alike = TOLD | {"rule": rule, "second_ppm": 999_000}
    found = said(
        *(opinion(100 * n, 999_000, **alike) for n in range(1, 9)), rule=AGREED
    )

    assert {one.action for one in found} == {Action.EVIDENCE}
    assert rule in LOOPS_TOLD


def test_evidence_is_told_before_it_is_acted_upon() -> None:
    verdicts = [opinion(100 * n, 990_000) for n in range(1, 5)]

    assert said(verdicts[0], rule=AGREED) == []
    (early,) = said(*verdicts[:3], rule=AGREED)
    assert (early.action, early.t_ns) == (Action.EVIDENCE, verdicts[1].close_ns)
    assert [one.action for one in said(*verdicts, rule=AGREED)] == [
        Action.EVIDENCE,
        Action.THROTTLE_SESSION,
    ]


NAMES = SESSION_SCHEMA.names
RISEN = {"relative_fast": 6000, "relative_1s": 3000, "relative_first": 2500}
#: What a fault does, by a session that has a past, while its symbols rest.
LOOPED = {"loop_share": 500, "history_ms": 60_000, "relative_symbol": 3000}
TRADED = {"loop_share": 200, "fills_per_new": 300, "new_price_share": 640}
REFRESH = {
    "cancels_per_new": 250,
    "cancel_age_us": 30_000,
    "entropy": 3700,
    "new_price_share": 800,
    "side_run": 12,
    "repeat_run": 2,
    "loop_share": 200,
    "rejects": 2,
}


@pytest.mark.parametrize(
    ("changes", "is_believed"),
    [
        ({}, True),
        ({"relative_fast": 5999}, False),
        ({"relative_fast": 3000, "fills_per_new": 900}, True),
        ({"relative_fast": 2999, "fills_per_new": 900}, False),
        ({"relative_1s": 2999}, False),
        ({"relative_first": 2499}, False),
        (REFRESH, False),
        (REFRESH | {"side_run": 13, "loop_share": 500}, True),
        (REFRESH | {"cancel_age_us": None, "fills_per_new": 900}, True),
        (TRADED, False),
    ],
)
def test_an_opinion_counts_where_something_has_changed(
    changes: dict[str, int | None], *, is_believed: bool
) -> None:
    """Twice the usual rate is no fault, nor are quotes refreshed in volleys."""
    made = acted(RISEN | LOOPED | changes)

    assert (Action.THROTTLE_SESSION in made) is is_believed


def test_what_no_fault_does_is_said_however_sure_a_model_is() -> None:
    assert acted(RISEN | LOOPED | TRADED, AGREED) == [Action.EVIDENCE]
    assert acted(RISEN | LOOPED, AGREED) == [
        Action.EVIDENCE,
        Action.THROTTLE_SESSION,
    ]


def test_what_is_only_said_lends_no_weight_to_what_is_acted_upon() -> None:
    """Two seconds of doubt about what traders do; then one window of a loop."""
    made = acted(RISEN | LOOPED | TRADED, AGREED, last=RISEN | LOOPED)

    assert made == [Action.EVIDENCE]


def acted(
    shown: dict[str, int | None],
    rule: Contain = RULE,
    last: dict[str, int | None] | None = None,
) -> list[Action]:
    """Return what is ordered of twenty windows; the last may show something else."""
    rows = [shown] * 19 + [shown if last is None else last]
    judge = Judge(
        Policy(cause=Causes(algo_fault=rule)),
        Site(),
        {WINDOW_SESSION: {name: place for place, name in enumerate(NAMES)}},
    )
    made = []
    for number, row in enumerate(rows, 1):
        values = dict.fromkeys(NAMES, 0) | row
        features = tuple(values[name] for name in NAMES)
        verdict = opinion(100 * number, 999_000, features=features)
        made += [one.action for one in judge.judge(verdict)]
    return made
