"""Who trades with one other session, and who sends on whatever is refused."""

from collections.abc import Iterable, Iterator

import pytest

from airnet.domain.message import KIND, SCALE
from airnet.domain.window import WINDOW_ORDER
from airnet.score.rule import fired
from airnet.score.rules_order import ORDER_RULES
from tests.unit.test_rules_order import (
    BUY,
    COLUMN,
    DEAF,
    MET,
    MS,
    SELL,
    Fields,
    judged,
    ordered,
    windows,
)

#: As long as two orders may be apart that meet.
APART_NS = 20 * MS


def said(messages: Iterable[Fields], gap_ns: int = 10 * MS) -> set[str]:
    """Return what is said."""
    table = windows(messages, gap_ns)
    rows = table.rows[table.windows["kind"] == WINDOW_ORDER]
    return {one.rule.name for one in fired(ORDER_RULES, COLUMN, rows).values()}


def crossed(count: int, **more: int) -> Iterator[Fields]:
    """Return orders of the third session that the fourth's meet, and the reverse."""
    for number in range(count):
        pair = (3, 4) if number % 3 else (4, 3)
        yield ordered(10_000, 7, BUY, session=pair[0], gap=40 * MS)
        yield ordered(10_000, 7, SELL, session=pair[1], gap=MS) | more


def test_two_sessions_that_trade_with_each_other_are_told() -> None:
    assert said(crossed(24)) == {MET}


def test_one_session_that_trades_with_itself_is_told() -> None:
    assert said([one | {"session": 3} for one in crossed(40)]) == {MET}


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 8 * SCALE},
        {"price": 10_001 * SCALE // 100},
        {"side": BUY},
        {"gap": APART_NS + 1},
        {"symbol_key": 8},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_no_trade_with_each_other_is_not_told(change: Fields) -> None:
    """Another quantity; a worse price; the same side; later; in another name."""
    assert said(crossed(60, **change)) == set()


def test_an_order_at_its_last_moment_meets() -> None:
    assert said(crossed(24, gap=APART_NS)) == {MET}


def test_an_order_without_a_price_meets_any() -> None:
    assert said(crossed(24, price=0, flags=0)) == {MET}


def test_who_takes_what_everybody_quotes_is_not_told() -> None:
    """Its orders meet those of five sessions by turns."""
    taken = [
        one
        for number in range(60)
        for one in (
            ordered(10_000, 7, BUY, session=number % 5, gap=40 * MS),
            ordered(10_000, 7, SELL, session=7, gap=MS),
        )
    ]

    assert said(taken) == set()


def test_who_does_so_now_and_then_is_not_told() -> None:
    """Four of five orders of each meet nobody's."""
    rare = [
        one
        for pair in zip(*[crossed(60)] * 2, strict=True)
        for one in (
            *pair,
            *(
                ordered(9_000 - side, 3, session=3 + side, gap=40 * MS)
                for side in range(2)
                for _ in range(4)
            ),
        )
    ]

    assert said(rare) == set()


def test_who_did_so_long_ago_has_done_nothing() -> None:
    """A thousandth of it goes with each millisecond."""
    first = list(crossed(12))
    again = [first[0] | {"gap": 20_000 * MS}, *first[1:]]

    assert said([*first, *again]) == set()
    assert said([*first, *first]) == {MET}


def asked(count: int, **more: int) -> Iterator[Fields]:
    """Return orders of one session, each another, and what its gateway says."""
    for number in range(count):
        symbol = {"symbol_key": 7 + number % 5}
        yield ordered(10_000 + number, 1 + number % 9, session=3) | symbol
        yield {
            "type": ord("8"),
            "kind": KIND["report"],
            "exec_type": ord("8"),
            "direction": 1,
            "session": 3,
            **more,
        }


def test_who_sends_on_whatever_is_refused_is_told() -> None:
    """The first order after the forty-eighth refusal says so."""
    assert said(asked(48)) == set()
    assert said(asked(49)) == {DEAF}


def test_rejects_of_messages_are_refusals() -> None:
    assert said(asked(49, type=ord("j"), kind=KIND["reject"])) == {DEAF}
    assert said(asked(60, type=ord("9"), kind=KIND["cancel_reject"])) == set()


def test_one_order_that_is_accepted_begins_it_anew() -> None:
    taken = [*asked(40), *asked(1, exec_type=ord("0")), *asked(40)]

    assert said(taken) == set()


def test_what_is_refused_to_all_is_the_gateways_affair() -> None:
    others = [one | {"session": 4 + number % 3} for number, one in enumerate(asked(60))]
    pairs = zip(asked(60), others, strict=True)

    assert said(one for pair in pairs for one in pair) == set()


@pytest.mark.parametrize("messages", [crossed(30), asked(200)], ids=["met", "deaf"])
def test_it_is_evidence_and_nothing_else(messages: Iterable[Fields]) -> None:
    table = windows(messages)
    is_order = table.windows["kind"] == WINDOW_ORDER
    made = judged(table.windows[is_order], table.rows[is_order])

    assert {one.action.name for one in made} == {"EVIDENCE"}
    assert {one.cause.name for one in made} == {"ALGO_FAULT"}
