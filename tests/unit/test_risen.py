"""Risen: who is far above his own past, for longer than anybody honest, is stopped."""

import msgspec
import pytest

from airnet.decide.covering import NS_PER_MS, SPARE_NS, covered
from airnet.decide.judge import Judge
from airnet.decide.policy import Causes, Contain, Policy
from airnet.domain.decision import Action, Decision
from airnet.domain.insistence import ACTED, LASTING
from airnet.domain.risen import RISEN
from airnet.domain.shape import Shape
from airnet.domain.verdict import Verdict
from airnet.domain.window import FEATURE_LIMIT, WINDOW_SESSION
from airnet.score.rules import COUNTED
from tests.fakes.verdicts import SITE
from tests.unit.test_stuffed import COLUMNS, RULE, windows

#: What faults of blind captures came to, at the median of their windows.
SHOWN = {
    "session.even_above_its_past": {
        "relative_1s": 5823,
        "gap_deviation": 50,
        "rate_1s": 906,
        "rate_new_fast": 900,
        "history_ms": 19_002,
        "fills_per_new": 1239,
        "market_share": 256,
    },
    "session.even_and_one_way": {
        "same_side_share": 1000,
        "gap_deviation": 48,
        "rate_1s": 2146,
        "fills_per_new": 1220,
        "market_share": 353,
        "market_1s": 3737,
    },
    "session.alike_above_its_past": {
        "relative_1s": 24_117,
        "relative_first": 17_862,
        "relative_symbol": 5171,
        "repeat_share": 363,
        "same_symbol_share": 850,
        "entropy": 3281,
        "rate_1s": 1466,
        "peak_ratio": 9210,
        "gap_deviation": 709,
        "fills_per_new": 1278,
        "market_share": 282,
        "history_ms": 23_752,
    },
    "session.resting_above_its_past": {
        "relative_1s": 13_874,
        "relative_first": 8839,
        "gap_deviation": 541,
        "history_ms": 23_556,
        "same_side_share": 472,
        "cancels_per_new": 702,
        "cancel_age_us": 377_357,
        "fills_per_new": 55,
        "relative_symbol": 12_716,
        "peak_ratio": 4251,
        "rate_1s": 3140,
        "market_1s": 1228,
        "elevated_share": 95,
        "market_share": 320,
    },
    "session.taking_above_its_past": {
        "relative_1s": 26_071,
        "relative_first": 43_947,
        "gap_deviation": 751,
        "history_ms": 30_155,
        "same_side_share": 518,
        "relative_symbol": 25_135,
        "peak_ratio": 12_100,
        "rate_1s": 2027,
        "fills_per_new": 1158,
        "market_1s": 1540,
        "elevated_share": 111,
        "market_share": 375,
        "entropy": 4000,
    },
    "session.one_name_above_its_past": {
        "relative_1s": 35_829,
        "relative_first": 35_305,
        "gap_deviation": 676,
        "history_ms": 23_126,
        "same_symbol_share": 1000,
        "same_side_share": 241,
        "peak_ratio": 12_108,
        "rate_1s": 1551,
        "fills_per_new": 1576,
        "market_share": 432,
        "entropy": 3750,
    },
    "session.withdrawn_above_its_past": {
        "relative_1s": 13_978,
        "relative_first": 13_610,
        "gap_deviation": 748,
        "history_ms": 7215,
        "cancels_per_new": 1000,
        "cancel_age_us": 3345,
        "peak_ratio": 6615,
        "rate_1s": 773,
        "market_1s": 1242,
        "elevated_share": 35,
        "market_share": 171,
        "new_price_share": 1000,
    },
    "session.replaced_above_its_past": {
        "relative_1s": 17_667,
        "relative_first": 13_416,
        "gap_deviation": 690,
        "history_ms": 23_266,
        "rate_replace_fast": 2100,
        "cancel_age_us": 40_330,
        "peak_ratio": 7455,
        "rate_1s": 2238,
        "market_1s": 1204,
        "elevated_share": 120,
        "market_share": 542,
        "entropy": 4000,
    },
    "session.replaced_at_once_above_its_past": {
        "relative_1s": 25_377,
        "relative_first": 29_295,
        "gap_deviation": 547,
        "history_ms": 15_410,
        "rate_replace_fast": 9800,
        "rate_cancel_fast": 200,
        "rate_new_fast": 200,
        "cancel_age_us": 4894,
        "peak_ratio": 7455,
        "rate_1s": 9254,
        "market_1s": 1045,
        "elevated_share": 41,
        "market_share": 400,
        "entropy": 2906,
    },
    "session.moved_above_its_past": {
        "relative_1s": 16_069,
        "relative_first": 18_731,
        "replace_run": 192,
        "loop_share": 375,
        "gap_deviation": 524,
        "peak_ratio": 6741,
        "rate_1s": 851,
        "elevated_share": 80,
        "market_share": 235,
        "history_ms": 22_612,
        "entropy": 3700,
    },
    "session.even_for_long": {
        "same_side_share": 800,
        "gap_deviation": 50,
        "rate_1s": 230,
        "relative_1s": 1046,
        "relative_first": 1415,
        "history_ms": 15_538,
        "fills_per_new": 1174,
    },
    "session.alike_for_a_second": {
        "relative_1s": 6644,
        "relative_first": 5902,
        "repeat_share": 833,
        "entropy": 1955,
        "rate_1s": 324,
        "gap_deviation": 49,
        "market_share": 187,
        "fills_per_new": 1303,
        "history_ms": 26_589,
    },
    "session.one_way_for_a_second": {
        "relative_1s": 4487,
        "relative_first": 5854,
        "same_side_share": 1000,
        "drift_share": 1000,
        "repeat_share": 500,
        "entropy": 3250,
        "rate_1s": 262,
        "gap_deviation": 261,
        "fills_per_new": 1116,
        "history_ms": 15_508,
    },
    "session.moved_back_and_forth": {
        "replace_run": 19,
        "rate_1s": 612,
        "loop_share": 208,
        "entropy": 3375,
        "gap_deviation": 594,
        "fills_per_new": 1534,
    },
    "session.one_way_by_a_clock": {
        "relative_1s": 52_119,
        "relative_first": 49_866,
        "history_ms": 14_757,
        "gap_deviation": 44,
        "same_symbol_share": 1000,
        "same_side_share": 1000,
        "rate_1s": 2670,
        "market_1s": 1082,
    },
    "session.one_side_of_a_book": {
        "relative_1s": 6899,
        "relative_first": 8360,
        "same_side_share": 1000,
        "same_symbol_share": 1000,
        "fills_per_new": 122,
        "entropy": 4000,
        "loop_share": 0,
        "gap_deviation": 1084,
        "rate_1s": 471,
        "market_1s": 1462,
        "history_ms": 10_399,
    },
    "session.layered_above_its_past": {
        "relative_1s": 30_910,
        "relative_first": 33_613,
        "history_ms": 12_752,
        "same_side_share": 1000,
        "same_symbol_share": 1000,
        "side_run": 210,
        "cancels_per_new": 1181,
        "cancel_age_us": 27_903,
        "fills_per_new": 15,
        "rate_1s": 1448,
        "market_1s": 998,
        "entropy": 3625,
        "gap_deviation": 1823,
    },
    "session.withdrawn_at_once_above_its_past": {
        "relative_1s": 68_103,
        "relative_first": 72_779,
        "history_ms": 14_320,
        "cancels_per_new": 1000,
        "cancel_age_us": 1636,
        "rate_1s": 5674,
        "peak_ratio": 29_017,
        "market_share": 400,
        "elevated_share": 76,
        "market_1s": 1067,
    },
    "session.both_ways_in_one_name": {
        "relative_1s": 12_014,
        "same_symbol_share": 1000,
        "same_side_share": 582,
        "drift_share": 450,
        "fills_per_new": 1724,
        "repeat_share": 666,
        "rate_1s": 1942,
        "history_ms": 15_293,
        "gap_deviation": 1400,
        "entropy": 2700,
    },
    "session.moved_evenly_above_its_past": {
        "relative_1s": 30_498,
        "relative_first": 27_049,
        "history_ms": 17_401,
        "replace_run": 235,
        "gap_deviation": 128,
        "rate_1s": 2029,
        "cancel_age_us": 60_000,
    },
    "session.stacked_in_a_loop": {
        "relative_1s": 18_484,
        "relative_first": 17_167,
        "history_ms": 17_079,
        "loop_share": 333,
        "entropy": 3000,
        "new_price_share": 1000,
        "same_side_share": 700,
        "cancels_per_new": 833,
        "cancel_age_us": 90_000,
        "rate_1s": 1801,
    },
}
STOPPED = [shape for shape in RISEN if shape.limit]
TOLD = [shape for shape in RISEN if not shape.limit]


def judged(
    shape: Shape, verdicts: list[Verdict], rule: Contain = RULE
) -> list[Decision]:
    """Return what is made of them by this shape, with no look at their past."""
    judge = Judge(Policy(cause=Causes(algo_fault=rule)), SITE, COLUMNS)
    made = [one for verdict in verdicts for one in judge.judge(verdict)]
    return [one for one in made if one.rule == shape.name]


def acted(found: list[Decision]) -> list[Decision]:
    return [one for one in found if one.action is Action.THROTTLE_SESSION]


def within(shape: Shape, values: dict[str, int]) -> bool:
    return all(
        least <= values.get(name, 0) <= most for name, least, most in shape.bounds
    )


@pytest.mark.parametrize("shape", STOPPED, ids=lambda shape: shape.name)
def test_it_is_told_and_then_acted_upon(shape: Shape) -> None:
    verdicts = windows(SHOWN[shape.name], 40)

    told, done = judged(shape, verdicts)

    first_ns = verdicts[0].close_ns
    assert told.action is Action.EVIDENCE
    assert told.t_ns - first_ns == shape.told * NS_PER_MS
    assert done.action is Action.THROTTLE_SESSION
    assert done.t_ns - first_ns == shape.limit * NS_PER_MS
    assert f"had covered {done.measured} ms of {shape.limit} needed" in done.why


@pytest.mark.parametrize("shape", RISEN, ids=lambda shape: shape.name)
def test_one_bound_that_does_not_hold_is_enough(shape: Shape) -> None:
    """One step outside of each of its bounds nothing is said by this name."""
    shown = SHOWN[shape.name]
    edges = [(name, least - 1) for name, least, _ in shape.bounds if least]
    edges += [
        (name, most + 1) for name, _, most in shape.bounds if most < FEATURE_LIMIT
    ]

    for name, value in edges:
        assert not within(shape, shown | {name: value})
        assert judged(shape, windows(shown | {name: value}, 60)) == [], name


@pytest.mark.parametrize("shape", STOPPED, ids=lambda shape: shape.name)
def test_half_of_its_limit_is_told_at_most(shape: Shape) -> None:
    """Honest sessions came to less than half of each, in captures and kept days."""
    half = windows(SHOWN[shape.name], shape.limit // 2 // 50)

    assert acted(judged(shape, half)) == []


def test_volleys_with_pauses_never_add_up() -> None:
    """Of 0.2 s each, between rests of a second: what is silent takes half of itself."""
    for shape in STOPPED:
        verdicts = [
            one
            for number in range(20)
            for one in windows(SHOWN[shape.name], 4, first=1 + number * 24)
        ]
        sent = [
            msgspec.structs.replace(one, features=with_messages(one, 500 + 16 * place))
            for place, one in enumerate(verdicts)
        ]

        assert acted(judged(shape, sent)) == [], shape.name


def with_messages(verdict: Verdict, messages: int) -> tuple[int | None, ...]:
    place = COLUMNS[WINDOW_SESSION]["messages"]
    values = verdict.features
    return (*values[:place], messages, *values[place + 1 :])


@pytest.mark.parametrize("shape", TOLD, ids=lambda shape: shape.name)
def test_what_honest_desks_do_is_told_alone(shape: Shape) -> None:
    (told,) = judged(shape, windows(SHOWN[shape.name], 400))

    assert told.action is Action.EVIDENCE
    assert told.measured == shape.told
    assert shape.name not in ACTED


@pytest.mark.parametrize("shape", STOPPED, ids=lambda shape: shape.name)
def test_a_policy_that_only_tells_it_has_it_told(shape: Shape) -> None:
    told = msgspec.structs.replace(RULE, at_once=(), told=(shape.name,))

    found = judged(shape, windows(SHOWN[shape.name], 60), told)

    assert [one.action for one in found] == [Action.EVIDENCE]


def test_every_shape_is_counted_and_has_a_sample() -> None:
    names = {shape.name for shape in RISEN}

    assert set(SHOWN) == names
    assert names <= {shape.name for shape in LASTING}
    assert names <= {rule.name for rule in COUNTED[WINDOW_SESSION]}
    assert all(within(shape, SHOWN[shape.name]) for shape in RISEN)
    assert all(2 * shape.told <= shape.limit for shape in STOPPED)


def test_a_count_keeps_a_fifth_of_a_second_above_its_own_limit() -> None:
    """So that each ends as soon after its cause, however long others may be."""
    for shape in RISEN:
        now = covered(None, 0, 0, shape)
        for step in range(1, 100):
            now = covered(now, step * 50 * NS_PER_MS, step * 16, shape)

        most_ms = max(shape.told, shape.limit)
        assert now.held_ns == most_ms * NS_PER_MS + SPARE_NS
