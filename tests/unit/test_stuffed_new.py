"""Stuffed from the start: who has no past, and sends most of all, is stopped."""

import msgspec
import pytest

from airnet.decide.covering import NS_PER_MS
from airnet.decide.judge import Judge
from airnet.decide.policy import Causes, Contain, Policy
from airnet.domain.decision import Action, Decision
from airnet.domain.insistence import STUFFED_NEW
from airnet.domain.verdict import Verdict
from airnet.domain.window import FEATURE_LIMIT, WINDOW_SESSION
from airnet.score.rules import COUNTED
from tests.fakes.verdicts import SITE
from tests.unit.test_stuffed import COLUMNS, RULE, SHOWN, SLOW, looks, windows

NAME = STUFFED_NEW.name
#: A session that said nothing all day, two seconds after its first order.
SHOWN_NEW = {
    "cancels_per_new": 1004,
    "cancel_age_us": 796,
    "fills_per_new": 0,
    "rate_1s": 21_636,
    "same_symbol_share": 1000,
    "market_1s": 1071,
    "market_share": 955,
    "active_sessions": 20,
    "relative_1s": 836,
    "history_ms": 1279,
}


def judged(verdicts: list[Verdict], rule: Contain = RULE) -> list[Decision]:
    """Return what is made of them of this rule, of whom nothing was seen before."""
    judge = Judge(Policy(cause=Causes(algo_fault=rule)), SITE, COLUMNS)
    made = [one for verdict in verdicts for one in judge.judge(verdict)]
    return [one for one in made if one.rule == NAME]


def acted(found: list[Decision]) -> list[Decision]:
    return [one for one in found if one.action is Action.THROTTLE_SESSION]


def test_it_is_told_and_then_acted_upon() -> None:
    verdicts = windows(SHOWN_NEW, 30)

    told, done = judged(verdicts)

    first_ns = verdicts[0].close_ns
    assert told.action is Action.EVIDENCE
    assert told.t_ns - first_ns == STUFFED_NEW.told * NS_PER_MS
    assert done.action is Action.THROTTLE_SESSION
    assert done.t_ns - first_ns == STUFFED_NEW.limit * NS_PER_MS
    assert f"for {done.measured} ms of {STUFFED_NEW.limit} needed" in done.why


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, least - 1) for name, least, _ in STUFFED_NEW.bounds if least),
        *(
            (name, most + 1)
            for name, _, most in STUFFED_NEW.bounds
            if most < FEATURE_LIMIT
        ),
    ],
)
def test_one_bound_that_does_not_hold_is_enough(name: str, value: int) -> None:
    assert judged(windows(SHOWN_NEW | {name: value}, 60)) == []


def test_a_burst_of_a_fifth_of_a_second_is_none() -> None:
    """The worst that honest sessions of no past came to was 0.19 s."""
    assert judged(windows(SHOWN_NEW, 40, gap_ms=5)) == []


def test_a_policy_that_only_tells_it_has_it_told() -> None:
    told = msgspec.structs.replace(RULE, at_once=(), told=(NAME,))

    found = judged(windows(SHOWN_NEW, 60), told)

    assert {one.action for one in found} == {Action.EVIDENCE}


def test_who_is_both_is_counted_as_both() -> None:
    """Between five and ten seconds a session has a past, and may be new as well."""
    both = SHOWN | SHOWN_NEW | {"relative_1s": 13_000, "history_ms": 8000}
    judge = Judge(Policy(cause=Causes(algo_fault=RULE)), SITE, COLUMNS)
    for one in looks([SLOW] * 12):
        judge.meet(one)

    made = [one for verdict in windows(both, 12) for one in judge.judge(verdict)]

    assert acted([one for one in made if one.rule == NAME])


def test_the_scorer_passes_such_windows_on() -> None:
    rule = next(one for one in COUNTED[WINDOW_SESSION] if one.name == NAME)

    assert {rule.feature, *(name for name, _, _ in rule.needs)} == {
        name for name, _, _ in STUFFED_NEW.bounds
    }
