"""Surge: orders filled in all names, far above a session's past, are counted."""

import msgspec
import pytest

from airnet.decide.dwell import SPREE_RULE, SURGE_RULE
from airnet.decide.judge import Judge
from airnet.decide.policy import Causes, Contain, Policy
from airnet.decide.surge import LIMIT, OWN_MAX, PARTS, SECOND_NS, SPARE, Surge, left
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.decision import Action, Decision
from airnet.domain.surge import SURGING
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import FEATURE_LIMIT, WINDOW_SESSION
from airnet.score.rules import COUNTED
from tests.fakes.verdicts import MS, SITE, T0, session_name, session_verdict

NAMES = SESSION_SCHEMA.names
COLUMNS = {WINDOW_SESSION: {name: place for place, name in enumerate(NAMES)}}
#: What airnet.decide.spree finds of the same windows is told here.
RULE = Contain(
    action="throttle_session", at_once=(SURGE_RULE,), told=(SPREE_RULE,), tier_max=4
)
COUNT = {one.name: one for one in COUNTED[WINDOW_SESSION]}[
    "session.filled_above_its_past"
]
#: What a session shows that sends 1,500 orders a second in all names, both ways, all of
#: which are filled, while nobody else does anything new.
KNIGHT = {
    "rate_16": 15_000,
    "rate_fast": 1600,
    "rate_1s": 300,
    "fills_per_new": 1200,
    "outstanding": 1,
    "unfilled_run": 1,
    "gap_deviation": 740,
    "same_symbol_share": 60,
    "same_side_share": 480,
    "side_run": 2,
    "new_price_share": 900,
    "entropy": 4000,
    "market_1s": 900,
    "market_fast": 900,
    "elevated_share": 60,
    "elevated_1s": 10,
    "active_sessions": 40,
    "relative_fast": 9000,
    "peak_ratio": 8000,
    "history_ms": 30_000,
}
#: A pause is one of the gaps: what went before the first order.
AFTER_A_PAUSE = {"gap_deviation": 1850, "rate_16": 300}


def windows(
    count: int, step: int, gap_ms: int = 10, n: int = 1, **shown: int
) -> list[Verdict]:
    """Return windows of a session of which no model says anything."""
    made = []
    for number in range(1, count + 1):
        row = KNIGHT | shown | {"orders": step, "messages": 500 + number * step}
        made.append(
            session_verdict(
                number * gap_ms,
                n,
                features=tuple(row.get(name, 0) for name in NAMES),
                cause=Cause.NORMAL,
                rule=COUNT.name,
                probability_ppm=800_000,
            )
        )
    return made


def later(windows: list[Verdict], **shown: int) -> list[Verdict]:
    """Return windows that show something else as well."""
    places = {NAMES.index(name): value for name, value in shown.items()}
    return [
        msgspec.structs.replace(
            one,
            features=tuple(
                places.get(place, value) for place, value in enumerate(one.features)
            ),
        )
        for one in windows
    ]


def judged(verdicts: list[Verdict], rule: Contain = RULE) -> list[Decision]:
    judge = Judge(Policy(cause=Causes(algo_fault=rule)), SITE, COLUMNS)
    return [one for verdict in verdicts for one in judge.judge(verdict)]


def stopped_after(verdicts: list[Verdict]) -> int | None:
    """Return how many orders were sent when the session was throttled."""
    place = NAMES.index("messages")
    at_ns = {one.close_ns: one.features[place] for one in verdicts}
    for one in judged(verdicts):
        if one.action is Action.THROTTLE_SESSION:
            assert one.rule == SURGE_RULE
            assert (LIMIT + SPARE) // PARTS >= one.measured >= one.limit
            assert one.limit == LIMIT // PARTS
            sent = at_ns[one.t_ns]
            assert sent is not None
            return sent - 500
    return None


def test_what_is_counted_is_what_the_scorer_tells_of() -> None:
    told = (
        (COUNT.feature, COUNT.limit * COUNT.divisor + 1, FEATURE_LIMIT),
        *COUNT.needs,
    )

    assert sorted(told) == sorted(SURGING)


@pytest.mark.parametrize(
    ("step", "shown", "orders"),
    [
        (8, {}, 104),
        (14, {}, 112),
        (16, {}, 112),
        (16, {"rate_16": 9000, "rate_fast": 1000}, 112),
    ],
)
def test_how_many_orders_it_takes(
    step: int, shown: dict[str, int], orders: int
) -> None:
    assert stopped_after(windows(30, step, **shown)) == orders


def test_what_begins_after_a_pause_counts_half() -> None:
    """Its first window has gaps that are not even, and one of 16 orders is 8."""
    whole = windows(30, OWN_MAX)
    first = later(whole[:1], **AFTER_A_PAUSE)

    assert stopped_after([*first, *whole[1:]]) == 112
    tens = windows(30, 10)
    assert stopped_after(tens) == 100
    assert stopped_after([*later(tens[:1], **AFTER_A_PAUSE), *tens[1:]]) == 110


@pytest.mark.parametrize(
    "shown",
    [
        {"fills_per_new": 949},
        {"outstanding": 17},
        {"unfilled_run": 7},
        {"cancels_per_new": 81},
        {"replaces_per_new": 51},
        {"rate_quote_fast": 1},
        {"same_symbol_share": 181},
        {"same_side_share": 800},
        {"same_side_share": 200},
        {"side_run": 11},
        {"new_price_share": 599},
        {"entropy": 3749},
        {"loop_share": 101},
        {"market_1s": 1251},
        {"market_fast": 2001},
        {"elevated_share": 251},
        {"elevated_1s": 20},
        {"others_rejected": 201},
        {"gap_deviation": 399},
        {"gap_deviation": 1101},
        {"rate_16": 8999},
        {"rate_16": 30_001},
        {"rate_fast": 999},
        {"relative_fast": 7999},
        {"peak_ratio": 5999},
        {"history_ms": 2999},
    ],
)
def test_what_is_not_acted_upon(shown: dict[str, int]) -> None:
    assert stopped_after(windows(100, OWN_MAX, **shown)) is None


def test_a_list_of_names_has_each_once() -> None:
    """Until one has come twice in a row; it need not do so in every window."""
    names = windows(100, OWN_MAX, same_symbol_share=0)
    rest = windows(6, OWN_MAX)

    assert stopped_after(names) is None
    assert stopped_after([*names[:2], *rest[2:3], *names[3:]]) == 112
    assert stopped_after([*names[:5], *windows(9, OWN_MAX)[5:9], *names[9:]]) == 112
    assert stopped_after([*rest[:1], *names[1:]]) == 112


def test_that_a_name_came_twice_is_forgotten_with_the_score() -> None:
    once, names = windows(1, OWN_MAX), windows(100, OWN_MAX, same_symbol_share=0)
    pause_ns = 20 * SECOND_NS
    again = [
        msgspec.structs.replace(one, close_ns=one.close_ns + pause_ns)
        for one in names[1:]
    ]

    assert stopped_after([*once, *again]) is None


@pytest.mark.parametrize(
    "shown",
    [{"elevated_share": 900}, {"market_1s": 1500}, {"elevated_1s": 39}],
)
def test_a_market_that_rises_once_it_has_begun_may_be_its_doing(
    shown: dict[str, int],
) -> None:
    whole = windows(30, OWN_MAX)

    assert stopped_after([*whole[:1], *later(whole[1:], **shown)]) == 112
    assert stopped_after(later(whole[1:], **shown)) is None


def test_volleys_are_no_surge() -> None:
    """The first window after each pause is uneven, and takes what the last one gave."""
    volleys = windows(400, OWN_MAX, gap_ms=100)
    broken = later(volleys, **AFTER_A_PAUSE)

    assert stopped_after(broken) is None
    nines = windows(400, 9, gap_ms=100)
    mixed = [
        one
        for pair in zip(later(nines, **AFTER_A_PAUSE)[::2], nines[1::2], strict=True)
        for one in pair
    ]
    assert stopped_after(mixed) is None


def test_orders_in_other_windows_take_from_it() -> None:
    """Of 32 messages between two windows, 16 were in windows that showed another."""
    assert stopped_after(windows(100, 32)) is None


def test_time_takes_four_orders_a_second() -> None:
    before = Surge(T0, 100, score=20)

    assert left(before, T0 + SECOND_NS, 110) == (12, 10)
    assert left(before, T0 + SECOND_NS // 10, 110) == (20, 10)
    assert left(before, T0, 100 + OWN_MAX + 3) == (8, OWN_MAX)
    assert left(before, T0 - 5, 100) == (20, 0)


def test_it_is_a_fact_beside_what_a_model_says() -> None:
    doubtful = [
        msgspec.structs.replace(one, cause=Cause.UNKNOWN, abstains=True, rule="model.m")
        for one in windows(30, OWN_MAX)
    ]

    assert stopped_after(doubtful) == 112


def test_told_it_is_said_and_nothing_is_done() -> None:
    told = msgspec.structs.replace(RULE, at_once=(), told=(SPREE_RULE, SURGE_RULE))

    found = judged(windows(20, OWN_MAX), told)

    assert {one.action for one in found} == {Action.EVIDENCE}


def test_while_another_is_contained_it_is_told() -> None:
    first, second = windows(9, OWN_MAX), windows(60, OWN_MAX, n=2)
    both = sorted([*first, *second[12:]], key=lambda one: one.close_ns)

    done = [one for one in judged(both) if one.action is Action.THROTTLE_SESSION]

    assert [one.session for one in done] == [session_name(1)]
    assert done[0].t_ns == T0 + 70 * MS
    assert "orders filled in all names, far above its past" in done[0].why


def test_a_session_that_comes_back_begins_anew() -> None:
    """Its numbers begin again, and so does what is counted."""
    whole = windows(6, OWN_MAX)
    anew: list[Verdict] = []
    for step, number in enumerate(range(7, 14), 1):
        last = windows(number, OWN_MAX, gap_ms=11)[-1:]
        anew += later(last, messages=step * OWN_MAX)

    assert judged([*whole, *anew[:1]]) == []
    assert judged([*whole, *anew])


def test_what_columns_do_not_show_is_not_counted() -> None:
    few = {WINDOW_SESSION: {"messages": 0, "fills_per_new": 1}}
    judge = Judge(Policy(cause=Causes(algo_fault=RULE)), SITE, few)

    assert [one for each in windows(9, OWN_MAX) for one in judge.judge(each)] == []
    short = [
        msgspec.structs.replace(one, features=one.features[:9])
        for one in windows(9, OWN_MAX)
    ]
    assert judged(short) == []
