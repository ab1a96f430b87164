"""Belief: what no model doubts for longer than any haste lasts is stopped."""

import msgspec
import pytest

from airnet.decide.covering import NS_PER_MS, OWN_MAX
from airnet.decide.judge import Judge
from airnet.decide.patience import PATIENT, QUOTING, is_legs, is_quotes
from airnet.decide.policy import Causes, Contain, Policy
from airnet.domain.believed import BELIEFS, BELIEVED, ENDLESS
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.decision import Action, Decision
from airnet.domain.insistence import ACTED
from airnet.domain.shape import Shape
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_SESSION
from tests.fakes.verdicts import SITE, session_verdict

NAMES = SESSION_SCHEMA.names
COLUMNS = {WINDOW_SESSION: {name: place for place, name in enumerate(NAMES)}}
RULE = Contain(action="throttle_session", at_once=ACTED, tier_max=4)
#: Layers placed and withdrawn in a cycle, seven times the session's past.
LAYERS = {
    "orders": 16,
    "rate_fast": 1800,
    "rate_1s": 1236,
    "rate_10s": 527,
    "relative_fast": 5279,
    "relative_1s": 5273,
    "relative_first": 5202,
    "peak_ratio": 5936,
    "relative_symbol": 5273,
    "history_ms": 15_920,
    "same_side_share": 842,
    "new_price_share": 700,
    "same_symbol_share": 736,
    "cancels_per_new": 421,
    "replaces_per_new": 105,
    "fills_per_new": 239,
    "cancel_age_us": 127_167,
    "entropy": 3031,
    "loop_share": 291,
    "gap_deviation": 1624,
    "rate_16": 1944,
    "elevated_1s": 2,
    "active_sessions": 20,
}
NAMED = {shape.name: (ppm, shape) for ppm, shape in BELIEVED}
STOPPED = [(ppm, shape) for ppm, shape in BELIEVED if shape.limit]
#: What anybody three times above his past is told by before.
_, SOON = NAMED["session.suspected_above_its_past"]
#: Maker of one name whom the others hit, as kept days have it.
HIT = LAYERS | {
    "same_symbol_share": 1000,
    "fills_per_new": 1256,
    "cancels_per_new": 14,
    "replaces_per_new": 0,
    "entropy": 3875,
    "loop_share": 83,
}
#: A list of three hundred names that is entered into the book.
LIST = LAYERS | {
    "same_symbol_share": 0,
    "same_side_share": 566,
    "cancels_per_new": 0,
    "replaces_per_new": 0,
    "fills_per_new": 166,
    "entropy": 4000,
    "loop_share": 0,
    "gap_deviation": 776,
}
#: Most of it on one side, and few of them filled.
BOUGHT = {"same_side_share": 900, "fills_per_new": 100}
#: An arbitrageur takes legs of two names whenever prices are apart, for seconds.
LEGS = LAYERS | {
    "same_symbol_share": 0,
    "same_side_share": 166,
    "cancels_per_new": 0,
    "replaces_per_new": 0,
    "fills_per_new": 1024,
    "entropy": 1975,
    "loop_share": 791,
    "gap_deviation": 1218,
}
#: A maker that follows a large order, as kept days have it.
QUOTES = LAYERS | {
    "relative_1s": 9305,
    "relative_first": 9305,
    "same_symbol_share": 136,
    "same_side_share": 386,
    "new_price_share": 409,
    "cancels_per_new": 1568,
    "cancel_age_us": 185_786,
    "replaces_per_new": 0,
    "fills_per_new": 120,
    "rate_new_fast": 3990,
    "entropy": 3453,
    "loop_share": 83,
    "gap_deviation": 800,
}
#: Two seconds after a bell, at which a fifth of the others hurry no more.
BELL = {"history_ms": 9999, "elevated_1s": 5}


def windows(
    ppm: int, count: int = 60, gap_ms: int = 50, first: int = 1, **changes: int
) -> list[Verdict]:
    """Return windows of session 1 in which both models are as sure."""
    shown = LAYERS | changes
    return [
        session_verdict(
            number * gap_ms,
            features=tuple(
                (shown | {"messages": 500 + OWN_MAX * number}).get(name, 0)
                for name in NAMES
            ),
            cause=Cause.ALGO_FAULT,
            rule="model.session",
            probability_ppm=ppm,
            second=Cause.ALGO_FAULT,
            second_ppm=ppm,
        )
        for number in range(first, first + count)
    ]


def judged(verdicts: list[Verdict], rule: Contain = RULE) -> list[Decision]:
    """Return what is decided because of beliefs."""
    judge = Judge(Policy(cause=Causes(algo_fault=rule)), SITE, COLUMNS)
    made = [one for verdict in verdicts for one in judge.judge(verdict)]
    return [one for one in made if one.rule in {*NAMED, ENDLESS[1].name}]


def changed(verdicts: list[Verdict], **values: object) -> list[Verdict]:
    return [msgspec.structs.replace(one, **values) for one in verdicts]


@pytest.mark.parametrize(("ppm", "shape"), STOPPED, ids=lambda one: str(one)[:40])
def test_it_is_told_and_then_acted_upon(ppm: int, shape: Shape) -> None:
    verdicts = windows(ppm, **{name: least for name, least, _ in shape.bounds})

    told, *_, done = judged(verdicts)

    first_ns = verdicts[0].close_ns
    assert (told.action, told.rule) == (Action.EVIDENCE, SOON.name)
    assert told.t_ns - first_ns == SOON.told * NS_PER_MS
    assert done.action is Action.THROTTLE_SESSION
    assert done.rule == shape.name
    assert done.t_ns - first_ns == shape.limit * NS_PER_MS
    assert f"faulty algorithm for {done.measured} ms of {shape.limit}" in done.why


@pytest.mark.parametrize(
    ("less", "name"),
    [
        ({}, "session.suspected_above_its_past"),
        ({"relative_1s": 2999}, "session.suspected_for_long"),
        ({"relative_first": 2399}, "session.suspected_for_long"),
    ],
)
def test_whom_they_only_suspect_is_told(less: dict[str, int], name: str) -> None:
    """At once where it is three times above its past, and later where it is not."""
    ppm, shape = NAMED[name]
    verdicts = windows(ppm, 200, **{"relative_1s": 3000, "relative_first": 2400} | less)

    told = judged(verdicts)[0]

    assert (told.action, told.rule) == (Action.EVIDENCE, shape.name)
    assert told.t_ns - verdicts[0].close_ns == shape.told * NS_PER_MS


def test_of_less_nothing_is_said() -> None:
    assert judged(windows(min(ppm for ppm, _ in BELIEVED) - 1, 200)) == []


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"second_ppm": 699_999}, id="less sure"),
        pytest.param({"second": Cause.NORMAL}, id="of another mind"),
        pytest.param({"abstains": True}, id="torn"),
        pytest.param({"cause": Cause.NORMAL}, id="normal"),
    ],
)
def test_one_model_that_doubts_is_enough(values: dict[str, object]) -> None:
    assert judged(changed(windows(990_000, 200), **values)) == []


def test_who_was_never_asked_doubts_nothing() -> None:
    """A host without the second model is judged by the first."""
    done = judged(changed(windows(990_000), second=None, second_ppm=0))

    assert done[-1].action is Action.THROTTLE_SESSION


@pytest.mark.parametrize(
    "honest",
    [
        pytest.param(HIT, id="hit"),
        pytest.param(LIST, id="list"),
        pytest.param(LEGS, id="legs"),
        pytest.param(QUOTES, id="quotes"),
        pytest.param(
            QUOTES | {"same_side_share": 1000, "fills_per_new": 0},
            id="quotes on the side that is left",
        ),
        pytest.param({"history_ms": 4999}, id="begun"),
        pytest.param(BELL, id="bell"),
        pytest.param({"elevated_1s": 5}, id="crowd"),
        pytest.param(
            {"elevated_1s": 5, "relative_1s": 7999, "relative_first": 9000},
            id="crowd, and not far above it",
        ),
        pytest.param({"rate_10s": 1236}, id="settled"),
        pytest.param(
            {
                "same_symbol_share": 1000,
                "same_side_share": 1000,
                "cancels_per_new": 0,
                "replaces_per_new": 0,
            },
            id="large order",
        ),
    ],
)
def test_what_honest_sessions_do_for_long_is_no_fault(honest: dict[str, int]) -> None:
    assert judged(windows(990_000, 200, **honest)) == []


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"loop_share": 151}, id="comes again"),
        pytest.param({"entropy": 3599}, id="alike"),
        pytest.param({"rejects": 3}, id="is refused"),
        pytest.param({"cancels_per_new": 301, "cancel_age_us": 19_999}, id="withdrawn"),
    ],
)
def test_what_comes_again_is_believed_of_a_list(odd: dict[str, int]) -> None:
    done = judged(windows(990_000, 200, **LIST | BOUGHT | odd))

    assert Action.THROTTLE_SESSION in {one.action for one in done}


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"gap_deviation": 899}, id="one after the other"),
        pytest.param({"fills_per_new": 899}, id="not all filled"),
        pytest.param({"same_symbol_share": 251}, id="in one name"),
        pytest.param({"cancels_per_new": 51}, id="withdrawn"),
        pytest.param({"replaces_per_new": 51}, id="moved"),
    ],
)
def test_what_are_no_legs_is_believed(odd: dict[str, int]) -> None:
    shown = dict.fromkeys(NAMES, 0) | LEGS | odd

    assert is_legs(LEGS.get)
    assert not any(looks_so(shown.get) for looks_so in (*PATIENT, *QUOTING))


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"cancel_age_us": 99_999}, id="gone at once"),
        pytest.param({"same_side_share": 701}, id="one way"),
        pytest.param({"same_side_share": 299}, id="in turns"),
        pytest.param({"cancels_per_new": 99}, id="not withdrawn"),
        pytest.param({"fills_per_new": 601}, id="filled"),
    ],
)
def test_what_are_no_quotes_is_believed(odd: dict[str, int]) -> None:
    shown = QUOTES | odd

    assert is_quotes((QUOTES | {"cancel_age_us": None}).get)
    assert is_quotes(QUOTES.get)
    assert not is_quotes(shown.get)


def test_who_is_young_is_believed_while_the_others_are_calm() -> None:
    calm = BELL | {"elevated_1s": 4}

    assert judged(windows(990_000, **calm))[-1].action is Action.THROTTLE_SESSION


def test_who_is_far_above_a_crowd_is_believed() -> None:
    far = {"elevated_1s": 19, "relative_1s": 8000, "relative_first": 5000}

    assert judged(windows(990_000, **far))[-1].action is Action.THROTTLE_SESSION
    assert judged(windows(990_000, **far, history_ms=9999)) == []


def test_a_volley_is_none_however_sure_they_are() -> None:
    """A hard rule counts as an opinion, but for what may pass."""
    ruled = {"rule": "session.orders_alike_per_second", "second": None}
    volley = windows(990_000, 200, rate_16=120_000, history_ms=30_000, streak_ms=320)

    assert judged(changed(volley, **ruled)) == []


@pytest.mark.parametrize(("rest", "acts"), [(4, True), (40, False)])
def test_haste_that_comes_and_goes_adds_up_unless_it_rests(
    rest: int, *, acts: bool
) -> None:
    """Of 0.3 s each, between rests of 0.2 and 2 s."""
    bursts = [
        one
        for turn in range(20)
        for one in windows(850_000, 6, first=1 + turn * (6 + rest))
    ]
    found = {one.action for one in judged(bursts)}

    assert (Action.THROTTLE_SESSION in found) is acts


def test_a_policy_may_have_it_told() -> None:
    told = Contain(action="throttle_session", at_once=(), tier_max=4)

    assert {one.action for one in judged(windows(990_000, 200), told)} == {
        Action.EVIDENCE
    }


def test_whom_they_only_suspect_near_its_past_is_told() -> None:
    far = {"relative_1s": 7999, "relative_first": 9000}

    assert {one.action for one in judged(windows(700_000, 200, **far))} == {
        Action.EVIDENCE
    }


@pytest.mark.parametrize("less", [{"relative_1s": 4999}, {"relative_first": 3999}])
def test_whom_they_are_sure_of_near_its_past_is_told(less: dict[str, int]) -> None:
    """As an arbitrageur was, and a quoter in a frenzy: for as long as it lasts."""
    made = judged(windows(990_000, 200, **less))

    assert {one.action for one in made} == {Action.EVIDENCE}


def test_the_shipped_policy_acts_upon_three_of_them() -> None:
    at_once = Policy().cause.algo_fault.at_once

    assert [one.name for one in BELIEFS if one.name in at_once] == [
        shape.name for _, shape in STOPPED
    ]


#: A list that is far above all that its session ever did.
FAR = LIST | {"relative_1s": 8000, "relative_first": 5000}


def test_a_list_that_never_ends_is_none() -> None:
    ppm, shape = ENDLESS

    told, *_, done = judged(windows(ppm, 200, **FAR))

    assert (told.action, told.rule) == (Action.EVIDENCE, shape.name)
    assert told.measured >= shape.told > told.measured - 2 * OWN_MAX
    assert (done.action, done.rule) == (Action.THROTTLE_SESSION, shape.name)
    assert done.measured >= shape.limit > done.measured - 2 * OWN_MAX
    assert f"come to {done.measured} of {shape.limit} needed" in done.why


@pytest.mark.parametrize(
    "less",
    [
        {"relative_1s": 7999},
        {"relative_first": 4999},
        {"history_ms": 4999},
        {"rate_10s": 1236, "rate_1s": 1236},
    ],
    ids=lambda less: next(iter(less)),
)
def test_who_is_not_far_above_its_past_may_go_on(less: dict[str, int]) -> None:
    """Or has none; or has been as fast for ten seconds."""
    assert judged(windows(990_000, 400, **FAR | less)) == []


def test_of_a_list_that_one_model_doubts_nothing_is_counted() -> None:
    assert judged(windows(ENDLESS[0] - 1, 400, **FAR)) == []


def test_a_list_of_nine_hundred_names_is_told_and_no_more() -> None:
    made = judged(windows(990_000, 940 // OWN_MAX, **FAR))

    assert {one.action for one in made} == {Action.EVIDENCE}


def test_lists_with_rests_between_them_are_lists() -> None:
    """Eight a second are taken: three of five hundred, a minute apart."""
    lists = [
        one
        for turn in range(3)
        for one in windows(990_000, 32, first=1 + turn * 1200, **FAR)
    ]
    own = NAMES.index("messages")
    counted = [
        msgspec.structs.replace(
            one,
            features=(
                *one.features[:own],
                500 + OWN_MAX * number,
                *one.features[own + 1 :],
            ),
        )
        for number, one in enumerate(lists)
    ]

    assert Action.THROTTLE_SESSION not in {one.action for one in judged(counted)}
