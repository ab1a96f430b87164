"""A volley is no loop: what breaks a limit of like orders has to go on."""

import msgspec
import pytest

from airnet.decide.judge import Judge
from airnet.decide.lasting import (
    ABOVE,
    EVEN,
    FAST,
    LAST,
    STREAK_MS,
    VOLLEYS,
    goes_on,
    may_pass,
)
from airnet.decide.policy import Policy
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.decision import Action, Decision
from airnet.domain.insistence import SHAPES
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_SESSION
from airnet.score.rules import RULES
from tests.fakes.verdicts import SITE, session_verdict

NAMES = SESSION_SCHEMA.names
COLUMNS = {WINDOW_SESSION: {name: place for place, name in enumerate(NAMES)}}
#: A loop of 300 like orders a second, after two seconds of it.
LOOP = {"gap_deviation": 364, "rate_1s": 2600, "rate_16": 3050, "rate_fast": 2900}
LOOP |= {"streak_ms": 2000}
ALIKE = "session.orders_alike_per_second"
ONE_NAME = "session.loop_of_one_name"
NOTHING = "session.loop_out_of_nothing"
AGAIN = "session.duplicate_clordid_refused"


def window(at_ms: int, rule: str, values: dict[str, int]) -> Verdict:
    """Return what the scorer says of a session's window that breaks a rule."""
    features = tuple(values.get(name, 0) for name in NAMES)
    return session_verdict(at_ms, rule=rule, features=features)


def judged(*verdicts: Verdict) -> list[Decision]:
    """Return what the shipped policy decides."""
    judge = Judge(Policy(), SITE, COLUMNS)
    return [decision for verdict in verdicts for decision in judge.judge(verdict)]


def agreed(rule: str, values: dict[str, int]) -> set[Action]:
    """Return what is done of nine windows of which both models are as sure."""
    sure = {"second": Cause.ALGO_FAULT, "second_ppm": 930_000}
    seen = [
        msgspec.structs.replace(window(100 * n, rule, values), **sure) for n in range(9)
    ]
    return {one.action for one in judged(*seen)}


def row(deviation: int, second: int, last: int, fast: int) -> dict[str, int]:
    """Return the values by which a volley is told from a loop."""
    names = ("gap_deviation", "rate_1s", "rate_16", "rate_fast")
    return dict(zip(names, (deviation, second, last, fast), strict=True))


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        pytest.param(ONE_NAME, row(291, 1052, 105_521, 3200), id="hedge"),
        pytest.param(ONE_NAME, row(1704, 570, 801, 1600), id="hedges"),
        pytest.param(ALIKE, row(227, 393, 124_542, 3200), id="wheel"),
        pytest.param(ONE_NAME, row(223, 406, 2429, 2500), id="basket"),
        pytest.param(ONE_NAME, row(238, 225, 1370, 1200), id="list"),
        pytest.param(NOTHING, row(125, 348, 60_732, 3200), id="script"),
        pytest.param(ALIKE, row(1870, 149, 138, 1000), id="pings"),
        # A volley of seventy lots, and then the desk's own pace of ten.
        pytest.param(ALIKE, row(243, 761, 1920, 1000) | {"streak_ms": 320}, id="lots"),
    ],
)
def test_a_volley_is_told_however_often_it_comes(
    rule: str, values: dict[str, int]
) -> None:
    """Rows of honest desks, each of which broke such a limit."""
    decisions = judged(*(window(100 * n, rule, values) for n in range(40)))

    assert [one.action for one in decisions] == [Action.EVIDENCE]
    assert decisions[0].rule == rule


@pytest.mark.parametrize("rule", [ALIKE, ONE_NAME, NOTHING])
def test_a_loop_that_goes_on_is_throttled_by_the_first_window_that_says_so(
    rule: str,
) -> None:
    begun = window(0, rule, LOOP | {"rate_1s": 407})
    gone_on = window(500, rule, LOOP)

    told, done = judged(begun, gone_on)

    assert told.action is Action.EVIDENCE
    assert done.action is Action.THROTTLE_SESSION
    assert done.rule == rule


def test_an_even_loop_is_known_after_seven_tenths_of_a_second() -> None:
    """Its second is an exponential mean: 1 - exp(-t) of the rate after t."""
    rate = 3000
    after = [round(rate * share) for share in (0.10, 0.33, 0.49, 0.51, 0.63, 1.0)]
    known = [goes_on(row(736, one, rate, rate).get) for one in after]

    assert known == [False, False, False, True, True, True]


@pytest.mark.parametrize(
    ("name", "honest"),
    [
        ("gap_deviation", EVEN + 1),
        ("rate_16", LAST * 2600 + 1),
        ("rate_fast", FAST * 2600 + 1),
    ],
)
def test_each_of_three_is_asked_for(name: str, honest: int) -> None:
    assert goes_on(LOOP.get)
    assert goes_on((LOOP | {name: honest - 1}).get)
    assert not goes_on((LOOP | {name: honest}).get)
    assert not goes_on({key: LOOP[key] for key in LOOP if key != name}.get)


@pytest.mark.parametrize(
    ("shown", "acts"),
    [
        pytest.param({"relative_1s": 606, "history_ms": 18_984}, False, id="halted"),
        pytest.param({"relative_1s": 1000, "history_ms": 18_984}, True, id="risen"),
        pytest.param({"relative_1s": 606, "history_ms": 9999}, True, id="begun"),
    ],
)
def test_who_is_refused_at_his_own_pace_is_told(
    shown: dict[str, int], acts: bool
) -> None:
    """A desk's name was halted, and it went on asking ten times a second, as ever."""
    actions = agreed("session.refused_again_per_second", LOOP | shown)

    assert (Action.THROTTLE_SESSION in actions) is acts
    assert acts or actions == {Action.EVIDENCE}


@pytest.mark.parametrize(
    ("shown", "acts"),
    [
        pytest.param({"relative_1s": 726, "relative_first": 531}, False, id="usual"),
        pytest.param({"relative_1s": 1999, "relative_first": 1999}, False, id="hurry"),
        pytest.param({"relative_1s": 726, "relative_first": 2000}, True, id="crept"),
        pytest.param({"relative_1s": 2000, "relative_first": 531}, True, id="risen"),
        pytest.param({"relative_1s": 726}, True, id="unknown"),
    ],
)
def test_who_sends_one_order_all_day_is_told(shown: dict[str, int], acts: bool) -> None:
    """A desk of one name sent 671 of it a second in a row, and 690 in its usual one."""
    rule, past = "session.identical_orders_in_a_row", {"history_ms": 12_552}
    seen = LOOP | past | shown

    assert may_pass(rule, seen.get) is not acts
    assert not may_pass(rule, (seen | {"history_ms": 9999}).get)


@pytest.mark.parametrize("rule", sorted(ABOVE))
def test_who_is_above_his_past_is_so_for_as_long(rule: str) -> None:
    """What remains of a volley over a second is no going on; a loop from a start is."""
    assert rule in VOLLEYS
    for streak_ms, is_one in ((STREAK_MS - 1, True), (STREAK_MS, False)):
        assert may_pass(rule, (LOOP | {"streak_ms": streak_ms}).get) is is_one
    assert may_pass(rule, {k: v for k, v in LOOP.items() if k != "streak_ms"}.get)
    assert not may_pass("session.alike_at_speed", (LOOP | {"streak_ms": 0}).get)


def test_it_is_asked_of_rules_that_there_are_and_of_no_other() -> None:
    """Who is refused again and again is slow."""
    counted = {shape.name for shape in SHAPES if shape.limit}
    assert {rule.name for rule in RULES[WINDOW_SESSION]} | counted >= VOLLEYS
    slow = "session.refusals_in_a_row"
    values = LOOP | {"rate_1s": 407}

    assert [one.action for one in judged(window(0, slow, values))] == [
        Action.THROTTLE_SESSION
    ]


@pytest.mark.parametrize(
    ("values", "acts"), [(LOOP, True), (row(302, 387, 12_500, 1800), False)]
)
def test_no_two_models_make_a_volley_a_loop(values: dict[str, int], acts: bool) -> None:
    """Both were 0.93 sure of a hedger's; of a loop they are heard."""
    rule = "session.one_order_out_of_nothing"
    past = {"history_ms": 16_000, "rate_10s": 60, "relative_symbol": 2500}
    past |= {"peak_ratio": 6000, "loop_share": 958, "streak_ms": 377}

    actions = agreed(rule, past | values)

    assert (Action.THROTTLE_SESSION in actions) is acts
    assert acts or actions == {Action.EVIDENCE}


def test_one_number_sent_twice_is_no_two_facts() -> None:
    """A script that tries out a line sends it once; windows for 0.3 s look back."""
    seen = [window(at_ms, AGAIN, LOOP) for at_ms in (0, 50, 100, 150, 200)]
    again = window(300, AGAIN, LOOP)

    assert judged(*seen) == []
    assert [one.action for one in judged(*seen, again)] == [Action.THROTTLE_SESSION]


@pytest.mark.parametrize(
    ("values", "acts"),
    [
        pytest.param(row(901, 2640, 153_024, 13_342), False, id="within"),
        pytest.param(row(1835, 2640, 34_499, 16_409), False, id="between"),
        pytest.param(LOOP, True, id="loop"),
    ],
)
def test_hundreds_of_lots_at_once_are_counted_and_no_loop(
    values: dict[str, int], acts: bool
) -> None:
    """An option book that hedges 800 lots within 140 ms, once it has many fills."""
    shape = {"relative_1s": 4500, "repeat_share": 540, "entropy": 2600}
    shape |= {"fills_per_new": 1000, "peak_ratio": 8000, "history_ms": 27_000}
    seen = []
    for n in range(16):
        filled = shape | values | {"messages": 4000 + 16 * n, "orders": 16}
        verdict = window(10 * n, "", filled)
        seen.append(msgspec.structs.replace(verdict, cause=Cause.NORMAL))

    decisions = judged(*seen)

    assert "session.alike_at_speed" in {one.rule for one in decisions}
    assert (Action.THROTTLE_SESSION in {one.action for one in decisions}) is acts
