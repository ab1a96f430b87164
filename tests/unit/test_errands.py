"""Errands: what is asked of a session is said, and nobody is stopped for it."""

import msgspec
import pytest

from airnet.decide import errands, lasting
from airnet.decide.errands import ERRANDS
from airnet.decide.judge import Judge
from airnet.decide.policy import Causes, Policy
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.decision import Action, Decision
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_SESSION
from tests.fakes.verdicts import SITE, session_verdict

NAMES = SESSION_SCHEMA.names
COLUMNS = {WINDOW_SESSION: {name: place for place, name in enumerate(NAMES)}}

#: Far above a past of an order a second, alone.
HASTE = {
    "orders": 16,
    "relative_fast": 20_000,
    "relative_1s": 20_000,
    "relative_first": 20_000,
    "relative_symbol": 20_000,
    "peak_ratio": 15_000,
    "history_ms": 12_000,
    "market_1s": 1100,
    "active_sessions": 20,
}
#: As captures have it: quotes that were asked for;
ANSWERS = HASTE | {
    "rate_quote_fast": 6833,
    "rate_1s": 5988,
    "rate_10s": 1213,
    "fills_per_new": 256_259,
    "entropy": 1797,
    "loop_share": 416,
    "gap_deviation": 802,
}
#: clients' orders at market, at the bell;
CLIENTS = HASTE | {
    "rate_new_fast": 3000,
    "rate_1s": 2648,
    "rate_10s": 335,
    "same_side_share": 710,
    "same_symbol_share": 275,
    "new_price_share": 72,
    "fills_per_new": 996,
    "repeat_share": 608,
    "entropy": 2900,
    "loop_share": 333,
    "gap_deviation": 212,
    "market_share": 1428,
}
#: a position that is closed in three names;
CLOSED_OUT = HASTE | {
    "rate_new_fast": 1674,
    "rate_1s": 1006,
    "rate_10s": 158,
    "same_side_share": 1000,
    "same_symbol_share": 636,
    "new_price_share": 545,
    "fills_per_new": 1117,
    "repeat_share": 90,
    "entropy": 3875,
    "loop_share": 41,
    "gap_deviation": 832,
    "side_run": 56,
}
#: an iceberg, each piece sent when one before is filled;
ICEBERG = HASTE | {
    "rate_new_fast": 600,
    "rate_1s": 511,
    "rate_10s": 120,
    "rate_fast": 600,
    "rate_16": 600,
    "same_side_share": 1000,
    "same_symbol_share": 1000,
    "fills_per_new": 979,
    "repeat_share": 1000,
    "loop_share": 1000,
    "gap_deviation": 501,
    "streak_ms": 793,
}
#: prices asked of many names;
ASKED = HASTE | {
    "rate_new_fast": 700,
    "rate_1s": 718,
    "rate_10s": 172,
    "same_side_share": 529,
    "same_symbol_share": 235,
    "new_price_share": 764,
    "fills_per_new": 208,
    "repeat_share": 294,
    "entropy": 3250,
    "loop_share": 166,
    "gap_deviation": 508,
}
#: orders beyond a price limit;
REFUSED = HASTE | {
    "rate_new_fast": 400,
    "rate_1s": 524,
    "rate_10s": 97,
    "same_side_share": 1000,
    "same_symbol_share": 307,
    "fills_per_new": 145,
    "repeat_share": 100,
    "reject_share": 454,
    "rejects": 11,
    "entropy": 3875,
    "loop_share": 83,
    "gap_deviation": 652,
}
#: what is due each second.
DUE = HASTE | {
    "rate_new_fast": 2400,
    "rate_1s": 2213,
    "rate_10s": 361,
    "same_side_share": 550,
    "same_symbol_share": 400,
    "fills_per_new": 61,
    "repeat_share": 483,
    "entropy": 3031,
    "loop_share": 166,
    "gap_deviation": 1874,
}
#: A maker moves its quotes of a name in a frenzy, and the others hit them.
REQUOTED = HASTE | {
    "rate_fast": 2800,
    "rate_replace_fast": 2700,
    "rate_1s": 2156,
    "rate_10s": 400,
    "fills_per_new": 1937,
    "replaces_per_new": 43_000,
    "cancel_age_us": 21_056,
    "entropy": 3250,
    "loop_share": 166,
    "replace_run": 44,
    "gap_deviation": 1037,
}
#: A strategy that goes live quotes both sides in volleys.
LIVE = HASTE | {
    "rate_new_fast": 1711,
    "rate_cancel_fast": 1711,
    "rate_1s": 3542,
    "rate_10s": 700,
    "same_side_share": 125,
    "same_symbol_share": 900,
    "new_price_share": 1000,
    "fills_per_new": 1,
    "cancels_per_new": 1000,
    "cancel_age_us": 84_287,
    "entropy": 3500,
    "loop_share": 333,
    "gap_deviation": 1873,
}
SHOWN = {
    "answers": (errands.is_answers, ANSWERS),
    "clients": (errands.is_clients, CLIENTS),
    "closed out": (errands.is_closed_out, CLOSED_OUT),
    "iceberg": (errands.is_iceberg, ICEBERG),
    "asking": (errands.is_asking, ASKED),
    "turned away": (errands.is_turned_away, REFUSED),
    "due": (errands.is_due, DUE),
    "requoted": (errands.is_requoted, REQUOTED),
    "live": (errands.is_live, LIVE),
}


def windows(
    shown: dict[str, int], count: int, rule: str = "model.session"
) -> list[Verdict]:
    """Return windows of which both models are as sure as they ever are."""
    return [
        session_verdict(
            number * 50,
            features=tuple(
                (shown | {"messages": 500 + 4 * number}).get(name, 0) for name in NAMES
            ),
            cause=Cause.ALGO_FAULT,
            rule=rule,
            probability_ppm=990_000,
            second=Cause.ALGO_FAULT,
            second_ppm=990_000,
        )
        for number in range(1, count + 1)
    ]


def judged(verdicts: list[Verdict]) -> list[Decision]:
    """Return what the shipped policy makes of them, in force."""
    rule = msgspec.structs.replace(Policy().cause.algo_fault, mode="enforce")
    judge = Judge(Policy(cause=Causes(algo_fault=rule)), SITE, COLUMNS)
    return [one for verdict in verdicts for one in judge.judge(verdict)]


@pytest.mark.parametrize("name", SHOWN)
def test_it_is_what_it_is_called(name: str) -> None:
    looks_so, shown = SHOWN[name]

    assert looks_so((dict.fromkeys(NAMES, 0) | shown).get)
    assert not looks_so(dict.fromkeys(NAMES, 0).get)
    assert not looks_so({}.get)


@pytest.mark.parametrize("name", SHOWN)
def test_two_seconds_of_it_are_told_at_most(name: str) -> None:
    found = {one.action for one in judged(windows(SHOWN[name][1], 40))}

    assert found <= {Action.EVIDENCE, Action.ALERT}


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("answers", {"rate_new_fast": 51}),
        ("clients", {"gap_deviation": 99}),
        ("clients", {"new_price_share": 451}),
        ("clients", {"same_symbol_share": 501}),
        ("closed out", {"entropy": 3599}),
        ("closed out", {"gap_deviation": 399}),
        ("iceberg", {"gap_deviation": 299}),
        ("iceberg", {"rate_1s": 1201}),
        ("iceberg", {"fills_per_new": 849}),
        ("asking", {"cancels_per_new": 101}),
        ("asking", {"loop_share": 301}),
        ("turned away", {"repeat_share": 301}),
        ("turned away", {"rate_1s": 2001}),
        ("due", {"gap_deviation": 1399}),
        ("due", {"cancels_per_new": 301, "cancel_age_us": 19_999}),
        ("requoted", {"fills_per_new": 899}),
        ("live", {"cancel_age_us": 24_999}),
        ("live", {"same_side_share": 651}),
        ("live", {"gap_deviation": 1199}),
        ("live", {"new_price_share": 799}),
        ("requoted", {"gap_deviation": 499}),
        ("requoted", {"loop_share": 451}),
        ("requoted", {"rate_replace_fast": 2239}),
    ],
)
def test_what_a_fault_does_is_none(name: str, odd: dict[str, int]) -> None:
    looks_so, shown = SHOWN[name]

    assert not looks_so((dict.fromkeys(NAMES, 0) | shown | odd).get)


def test_an_iceberg_may_pass_and_a_clock_may_not() -> None:
    clock = ICEBERG | {"gap_deviation": 16}
    rule = "session.orders_alike_per_second"

    empty = dict.fromkeys(NAMES, 0)

    assert lasting.may_pass(rule, (empty | ICEBERG).get)
    assert not lasting.may_pass(rule, (empty | clock).get)
    assert Action.THROTTLE_SESSION in {one.action for one in judged(windows(clock, 40))}


def test_no_rule_that_is_only_told_is_seconded_of_them() -> None:
    """As a rule of one-sided orders was of a position that was closed."""
    for looks_so in ERRANDS:
        (shown,) = [shown for one, shown in SHOWN.values() if one is looks_so]
        found = judged(windows(shown, 20, "session.one_sided_orders"))
        assert Action.THROTTLE_SESSION not in {one.action for one in found}
