"""Loops are facts: they need no history, and honest orders are no loops."""

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from airnet.config import load
from airnet.decide.dwell import EXCESS_RULE, SPREE_RULE, SURGE_RULE
from airnet.decide.enough import LOOPS_AT_ONCE
from airnet.decide.policy import Policy
from airnet.domain.address import address_bytes
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.frame import HEADER
from airnet.domain.insistence import ACTED
from airnet.domain.message import KIND, MESSAGE, SCALE
from airnet.domain.window import WINDOW_SESSION
from airnet.features import Windows
from airnet.score.rule import fired
from airnet.score.rules_order import ORDER_RULES
from airnet.score.rules_session import SESSION_RULES
from airnet.score.rules_session_frenzy import FRENZY_RULES
from airnet.shipped import policy_path

START_NS = 1_700_000_000_000_000_000
COLUMN = {name: place for place, name in enumerate(SESSION_SCHEMA.names)}
Event = dict[str, int]
Rows = NDArray[np.float32]


def rows_of(events: Iterable[Event]) -> Rows:
    """Return the session rows of messages `gap` ns apart; `down` are the gateway's."""
    given = list(events)
    messages, headers = np.zeros(len(given), MESSAGE), np.zeros(len(given), HEADER)
    at_ns = START_NS
    for place, event in enumerate(given):
        at_ns += event.pop("gap", 5_000_000)
        down = event.pop("down", 0)
        messages[place]["time_ns"] = headers[place]["time_ns"] = at_ns
        messages[place]["direction"] = headers[place]["direction"] = down
        for name, value in event.items():
            messages[place][name] = value
        ends = ("10.1.0.1", "10.9.0.1")
        for side, end in zip(("source", "target"), ends, strict=True):
            other = {"source": "target", "target": "source"}[side] if down else side
            headers[place][other] = np.frombuffer(address_bytes(end), "u1")
    headers["message_index"] = headers["frame_count"] = np.arange(len(given))
    headers["message_count"] = 1
    headers["protocol"], headers["tcp_flags"] = 6, 0x18
    table = Windows([("10.9.0.1", 9878)], [])
    rows, start = [], 0
    while start < len(headers):
        start += table.update(headers[start:], messages)
        rows.append(table.rows[table.windows["kind"] == WINDOW_SESSION].copy())
    return np.concatenate(rows)


def names_of(rows: Rows) -> set[str]:
    """Return the rules that fire for any of these rows."""
    return {
        found.rule.name.removeprefix("session.")
        for rule in SESSION_RULES
        for found in fired((rule,), COLUMN, rows).values()
    }


def order(number: int, **more: int) -> Event:
    """Return a new order."""
    same = {"kind": KIND["new"], "order_key": number, "side": 49, "symbol_key": 7}
    return {**same, "price": 100 * SCALE, "quantity": 100 * SCALE, **more}


def quoting(count: int) -> list[Event]:
    """Return a maker that follows a price: one order, replaced as it moves."""
    rng = np.random.Generator(np.random.PCG64(3))
    prices = 10_000 + np.cumsum(rng.integers(-3, 4, count))
    return [
        order(
            2 + place,
            kind=KIND["replace"],
            original_key=1 + place,
            price=int(price) * SCALE // 100,
            gap=int(rng.exponential(20_000_000)),
        )
        for place, price in enumerate(prices)
    ]


def test_two_rules_that_undo_each_other() -> None:
    """One order between two prices for ever is a loop; one that follows is none."""
    looped = [
        order(
            2 + place,
            kind=KIND["replace"],
            original_key=1 + place,
            price=(100 + place % 2) * SCALE,
        )
        for place in range(80)
    ]

    assert names_of(rows_of(looped)) == {"replaces_without_a_past"}
    calm = [one | {"gap": 150_000_000} for one in quoting(60)]
    looping = names_of(rows_of([dict(one) for one in calm + looped]))
    expected = {"replaces_of_one_order", "replaces_in_a_loop", "loop_out_of_nothing"}
    assert expected <= looping
    assert names_of(rows_of(quoting(400))) == set()


def test_a_thousand_times_the_usual_quantity() -> None:
    """A zero or three too many is told; a large order among small ones is none."""
    large = order(900, quantity=200 * 5 * SCALE)
    slip = order(901, quantity=9000 * 5 * SCALE)

    assert names_of(rows_of([*trading(150), large, *trading(5, first=950)])) == set()
    slipped = rows_of([*trading(150), slip, *trading(5, first=950)])
    assert names_of(slipped) == {"quantity_over_usual"}


def test_one_number_again_and_again() -> None:
    """New orders that share a ClOrdID; cancels that bear their order's are no such."""
    cancels = [
        event
        for place in range(1, 80)
        for event in (
            order(place, price=(100 + place * 7 % 13) * SCALE),
            order(place, kind=KIND["cancel"], original_key=place),
        )
    ]

    again = [order(9, price=(100 + n) * SCALE) for n in range(40)]
    refusal = {"kind": KIND["report"], "exec_type": 56, "order_key": 9, "down": 1}
    refused = [event for one in again for event in (one, dict(refusal))]
    first = order(1), order(2, gap=1_000_000_000)

    assert "duplicate_clordid" in names_of(rows_of([*first, *refused]))
    assert names_of(rows_of(refused)) == set(), "as a session begins, much is refused"
    assert names_of(rows_of(again)) == set(), "seen twice, not sent twice"
    assert names_of(rows_of(cancels)) == set()


def test_one_number_slowly() -> None:
    """Three orders a second of one ClOrdID, each refused; new numbers are no such."""
    refusal = {"kind": KIND["report"], "exec_type": 56, "down": 1, "gap": 1_000_000}

    def asked(numbers: Iterable[int]) -> list[Event]:
        slow = [order(number, gap=300_000_000) for number in numbers]
        return [
            event
            for one in slow
            for event in (one, {**refusal, "order_key": one["order_key"]})
        ]

    assert "duplicate_clordid_refused" in names_of(rows_of(asked([9] * 24)))
    assert "duplicate_clordid_refused" not in names_of(rows_of(asked(range(1, 25))))


def refusing(prices: list[int]) -> list[Event]:
    """Return orders at these prices, each refused."""
    return [
        event
        for place, price in enumerate(prices, 1)
        for event in (
            order(place, price=price * SCALE),
            {"kind": KIND["report"], "exec_type": 56, "order_key": place, "down": 1},
        )
    ]


def test_what_was_refused_comes_again() -> None:
    """The same order after every refusal; refused, but each another, is bad luck."""
    found = names_of(rows_of(refusing([100] * 60)))

    assert found == {"refused_again_per_second", "one_order_without_a_past"}
    assert names_of(rows_of(refusing(list(range(100, 160))))) == set()


def test_two_ends_that_ask_each_other() -> None:
    """ResendRequests without a number missing; where numbers miss it is the line."""
    kind = KIND["resend_request"]

    def asked(count: int, skipped: int) -> Rows:
        step = 1 + skipped
        return rows_of(
            {"kind": kind, "down": n % 2, "sequence": 10 + n // 2 * step}
            for n in range(count)
        )

    assert names_of(asked(60, 0)) == {"resend_requests_per_second"}
    assert names_of(asked(60, 4)) == {"gaps_asked_for_per_second"}
    assert names_of(asked(14, 4)) == set()


@pytest.mark.parametrize("gap_ns", [500_000, 1_500_000])
def test_the_same_order_without_end(gap_ns: int) -> None:
    """257 in a row at 600 a second need no past to be wrong; slowly it is a plan."""
    fast = [order(place, gap=gap_ns) for place in range(1, 300)]
    slow = [order(place, gap=50_000_000) for place in range(1, 300)]

    assert "identical_orders_in_a_row" in names_of(rows_of(fast))
    assert names_of(rows_of(slow)) == set()


def trading(count: int, first: int = 1, gap: int = 150_000_000) -> list[Event]:
    """Return honest orders, each another, on either side."""
    rng = np.random.Generator(np.random.PCG64(first))
    return [
        order(
            first + place,
            side=int(rng.choice([49, 50])),
            price=int(rng.integers(9_000, 11_000)) * SCALE // 100,
            quantity=int(rng.integers(1, 9)) * SCALE,
            gap=gap,
        )
        for place in range(count)
    ]


def filled(orders: list[Event]) -> list[Event]:
    """Return orders, each filled at once."""
    fill = {"kind": KIND["report"], "exec_type": 70, "down": 1, "gap": 100_000}
    return [
        one
        for each in orders
        for one in (each, {**fill, "order_key": each["order_key"]})
    ]


def after(burst: list[Event]) -> set[str]:
    """Return what a burst breaks after ten seconds of honest trading."""
    return names_of(rows_of([*trading(70), *burst]))


def test_orders_alike_are_told_within_a_fifth_of_a_second() -> None:
    """Alike at 125 a second; as many of other content are but a busy moment."""
    alike = [order(100 + place, gap=8_000_000) for place in range(30)]

    assert {"orders_alike_per_second"} <= after(alike)
    assert after(trading(30, first=100, gap=8_000_000)) == set()
    assert after([order(100 + n, gap=8_000_000) for n in range(9)]) == set()


#: What a program shows that sends the same order without end, by itself.
ALIKE = {
    "identical_rate": 2638,
    "repeat_run": 73,
    "rate_1s": 3092,
    "relative_fast": 4966,
    "relative_1s": 6108,
    "relative_first": 5932,
    "streak_ms": 229,
    "history_ms": 6789,
    "loop_share": 900,
    "cancels_per_new": 0,
}
ALIKE_RULES = {
    "orders_alike_per_second",
    "identical_orders_per_second",
    "orders_alike_at_length",
}


def shown(values: dict[str, int]) -> set[str]:
    """Return the rules that a row of these values breaks."""
    row = np.zeros((1, 64), np.float32)
    for name, value in values.items():
        row[0, COLUMN[name]] = value
    return names_of(row)


@pytest.mark.parametrize(
    ("spared", "broken"),
    [
        ({"cancels_per_new": 1060}, {"orders_alike_at_length"}),
        ({"loop_share": 541}, set()),
        ({"relative_fast": 3473}, {"orders_alike_at_length"}),
        ({"history_ms": 77}, ALIKE_RULES - {"orders_alike_at_length"}),
    ],
)
def test_like_pieces_of_a_large_order_are_no_loop(
    spared: dict[str, int], broken: set[str]
) -> None:
    """What is not taken is withdrawn and placed anew; the first volley has no past."""
    assert shown(ALIKE) >= ALIKE_RULES
    assert shown(ALIKE | spared) & ALIKE_RULES == broken


def test_a_loop_of_new_and_cancel_is_one_and_pulling_all_quotes_is_none() -> None:
    """A new order and its cancel, over and over: of six pairs nobody is told."""
    looped = [
        event
        for place in range(100, 225)
        for event in (
            order(place, gap=5_000_000),
            order(place + 500, kind=KIND["cancel"], original_key=place),
        )
    ]
    pulled = [
        order(900 + place, kind=KIND["cancel"], original_key=1 + place, gap=4_000_000)
        for place in range(50)
    ]

    assert "orders_and_cancels_in_a_loop" in after(looped)
    assert "orders_and_cancels_in_a_loop" not in after(looped[:12])
    assert after(pulled) == set()


def test_one_side_only_is_a_fact_though_all_of_it_is_filled() -> None:
    """Knight's: hundreds of fills on one side; a large order in pieces ends sooner."""
    bought = [{**each, "side": 49} for each in trading(90, first=100, gap=10_000_000)]

    a_list = [{**each, "symbol_key": 50 + n} for n, each in enumerate(bought)]

    assert after(filled(bought)) == {"one_sided_orders_of_a_name"}
    alike = [{**each, "price": SCALE, "quantity": SCALE} for each in bought]
    assert {"one_sided_orders", "one_sided_orders_at_length"} <= after(filled(alike))
    assert after(filled(a_list)) == set()
    assert after(filled(bought[:30])) == set()
    assert after(filled(trading(90, first=100, gap=10_000_000))) == set()


def test_one_side_only_in_several_names_is_no_large_order() -> None:
    """Three dozen buys of three names: a large order is of one, a list of as many."""
    bought = [{**each, "side": 49} for each in trading(36, first=100, gap=6_000_000)]
    rule = "one_sided_orders_of_names"

    def named(count: int, pieces: int) -> list[Event]:
        alike = {"price": SCALE, "quantity": SCALE} if count < len(bought) else {}
        return [
            {**each, **alike, "symbol_key": 50 + number // pieces % count}
            for number, each in enumerate(bought)
        ]

    assert rule in after(filled(named(3, 1)))
    assert rule not in after(filled(named(1, 1)))
    assert rule not in after(filled(named(36, 1)))
    assert rule not in after(filled(named(3, 1)[:18]))


def test_refusals_that_only_one_session_gets() -> None:
    """A few orders by turns, refused one by one; slowly it is a mistake."""
    refusal = {"kind": KIND["report"], "exec_type": 56, "down": 1, "gap": 500_000}

    def wrong(gap: int) -> list[Event]:
        return [
            event
            for each in (
                order(100 + n, price=(90 + n % 4) * SCALE, gap=gap) for n in range(60)
            )
            for event in (each, {**refusal, "order_key": each["order_key"]})
        ]

    assert "refusals_in_a_row" in after(wrong(12_000_000))
    assert "refusals_in_a_row" not in after(wrong(150_000_000))


def test_refusals_of_everything_are_told_where_they_last() -> None:
    """Quotes that are all placed anew, and refused, are out in a fifth of a second."""
    refusal = {"kind": KIND["report"], "exec_type": 56, "down": 1, "gap": 100_000}
    everything = [
        event
        for each in trading(250, first=100, gap=4_000_000)
        for event in (each, {**refusal, "order_key": each["order_key"]})
    ]

    assert "orders_refused_in_a_row" not in after(everything[:120])
    assert "orders_refused_in_a_row" in after(everything)


def test_hundreds_of_fills_in_many_symbols_out_of_nothing() -> None:
    """As Knight's, told within fifty orders; neither in one name nor unfilled."""
    calm = trading(40, gap=400_000_000)

    def spread(count: int) -> list[Event]:
        orders = trading(count, first=100, gap=1_000_000)
        return [
            {**each, "symbol_key": 100 + number * 7 % 31}
            for number, each in enumerate(orders)
        ]

    wild = spread(48)
    one_name = trading(200, first=100, gap=1_000_000)
    rule = "filled_in_all_symbols"

    assert rule in names_of(rows_of([*calm, *filled(wild)]))
    busier = [*filled(trading(80)), *filled(wild)]
    assert names_of(rows_of(busier)) & {rule, "filled_evenly"} == {"filled_evenly"}
    assert "filled_evenly" not in names_of(rows_of([*calm, *filled(one_name)]))
    assert "filled_evenly" not in names_of(rows_of([*calm, *wild]))
    assert rule not in names_of(rows_of([*calm, *filled(wild[:16])]))
    assert rule not in names_of(rows_of([*calm, *filled(one_name)]))
    assert rule not in names_of(rows_of([*calm, *wild]))


def test_policy_names_rules_of_sessions_that_exist() -> None:
    rules = (*FRENZY_RULES, *SESSION_RULES, *ORDER_RULES)
    names = {rule.name for rule in rules}

    assert LOOPS_AT_ONCE
    counted = {EXCESS_RULE, SPREE_RULE, SURGE_RULE, *ACTED}
    assert set(LOOPS_AT_ONCE) <= names | counted
    assert load(policy_path(), Policy).cause.algo_fault.at_once == LOOPS_AT_ONCE
