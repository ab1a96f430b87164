"""Orders that are far off, or turn: from messages to what rules and judge say."""

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from airnet.config import Site
from airnet.decide.judge import Judge
from airnet.decide.policy import Policy
from airnet.domain.address import address_bytes
from airnet.domain.columns import ORDER_SCHEMA, SCHEMAS
from airnet.domain.decision import Action, Decision
from airnet.domain.frame import HEADER
from airnet.domain.message import FLAG_LIMIT, KIND, MESSAGE, SCALE
from airnet.domain.session import SESSION
from airnet.domain.window import WINDOW_ORDER
from airnet.features import Windows
from airnet.score.rule import fired
from airnet.score.rules_order import ORDER_RULES
from airnet.twin.loop import enforced, shipped_scorer

START_NS, MS = 1_700_000_000_000_000_000, 1_000_000
COLUMN = {name: place for place, name in enumerate(ORDER_SCHEMA.names)}
COLUMNS = {
    kind: {name: place for place, name in enumerate(schema.names)}
    for kind, schema in SCHEMAS.items()
}
LONG, AT_LENGTH, AT_START, TURNED, UNDONE, SIZE, BOTH, OWN, PRICE, MET, DEAF = (
    rule.name for rule in ORDER_RULES
)
BUY, SELL = ord("1"), ord("2")
Fields = dict[str, int]


def ordered(cents: int, units: int = 5, side: int = BUY, **more: int) -> Fields:
    """Return a limit order."""
    return {
        "type": ord("D"),
        "kind": KIND["new"],
        "price": cents * SCALE // 100,
        "quantity": units * SCALE,
        "side": side,
        "flags": FLAG_LIMIT,
        **more,
    }


def large(cents: int, side: int = BUY, again: int = 0, **more: int) -> Fields:
    """Return an order of sixty times the largest, after `trading` and so many others.

    What is held for the largest grows 32 times with each.
    """
    return ordered(cents, 9 * 60 * 32**again, side, **more)


def filled(cents: int, **more: int) -> Fields:
    """Return a report of a fill."""
    return {
        "type": ord("8"),
        "kind": KIND["report"],
        "price": cents * SCALE // 100,
        "quantity": SCALE,
        "side": BUY,
        "exec_type": ord("F"),
        "direction": 1,
        **more,
    }


def trading(count: int = 80, cents: int = 10_000) -> list[Fields]:
    """Return orders of up to nine units, and fills at a step more or less."""
    out: list[Fields] = []
    for number in range(count):
        price = cents + number % 3 - 1
        out.append(ordered(price, 1 + number % 9, session=number % 4))
        out.append(filled(price, session=number % 4))
    return out


def windows(messages: Iterable[Fields], gap_ns: int = 3 * MS) -> Windows:
    """Return the last windows of frames with one message each, of symbol 7."""
    held = list(messages)
    headers, rows = np.zeros(len(held), HEADER), np.zeros(len(held), MESSAGE)
    rows["symbol_key"] = 7
    for place, fields in enumerate(held):
        for name, value in fields.items():
            if name != "gap":
                rows[place][name] = value
    headers["time_ns"] = START_NS + np.cumsum([f.get("gap", gap_ns) for f in held])
    headers["session"], headers["direction"] = rows["session"], rows["direction"]
    headers["frame_count"] = headers["message_index"] = np.arange(len(held))
    headers["message_count"], headers["protocol"] = 1, 6
    table = Windows([], [])
    assert table.update(headers, rows) == len(held)
    return table


def said(messages: Iterable[Fields]) -> list[tuple[str, int]]:
    """Return what is said, and what was measured."""
    table = windows(messages)
    rows = table.rows[table.windows["kind"] == WINDOW_ORDER]
    found = fired(ORDER_RULES, COLUMN, rows)
    return [(one.rule.name, one.measured) for _, one in sorted(found.items())]


def judged(found: NDArray[np.void], rows: NDArray[np.float32]) -> list[Decision]:
    """Return what is decided of windows of the fourth session, in force."""
    sessions = np.zeros(8, SESSION)
    sessions["number"], sessions["client_port"] = np.arange(8) + 1, 40_000
    sessions[3]["client_comp"][:5] = np.frombuffer(b"FIRM9", "u1")
    for end, address in (("client", "10.1.0.1"), ("gateway", "10.9.0.1")):
        sessions[end] = np.frombuffer(address_bytes(address), "u1")
    judge = Judge(enforced(Policy()), Site(), COLUMNS)
    verdicts = shipped_scorer().score(found, rows, sessions)
    return [d for one in verdicts for d in judge.judge(one)]


def test_a_buy_far_above_and_a_sell_far_below_is_told() -> None:
    assert said([*trading(), large(16_100)]) == [(BOTH, 609)]
    assert said([*trading(), large(7_000, side=SELL)]) == [(BOTH, 299)]


def test_a_passive_price_is_none_of_it() -> None:
    """However far: it waits in the book."""
    assert said([*trading(), large(3_000), large(90_000, side=SELL)]) == []


def test_who_wants_to_be_filled_at_once_is_not_told() -> None:
    """Five percent through; and a stop, whose price waits; and a market order."""
    assert said([*trading(), large(10_500)]) == []
    assert said([*trading(), large(16_100, flags=0)]) == []
    assert said([*trading(), large(0)]) == []


def test_what_moves_with_the_market_is_none_of_it() -> None:
    """A crash of a third in a second: each sells a percent through the last fill."""
    crash = [
        one
        for cents in range(10_000, 6_600, -40)
        for one in (ordered(cents - 100, 9 * 60, SELL), filled(cents))
    ]

    assert said([*trading(), *crash]) == []


def test_one_odd_fill_makes_nobody_wrong() -> None:
    """At a third of the price: who orders at the old one is as right as before."""
    assert said([*trading(), filled(3_300), large(10_000)]) == []
    assert said([*trading(), filled(30_000), large(10_000, side=SELL)]) == []


def test_a_price_of_few_steps_is_no_price() -> None:
    """A penny stock, at 3 to 5 cents, and one at 5 to 6 dollars in steps of a cent."""
    assert said([*trading(cents=4), large(8)]) == []
    assert said([*trading(cents=500), large(600)]) == [(BOTH, 197)]


def test_what_was_traded_long_ago_says_nothing() -> None:
    assert said([*trading(), large(16_100, gap=61_000 * MS)]) == []
    assert said([*trading(3), large(16_100)]) == []


def test_two_kinds_of_prices_in_one_symbol_say_nothing() -> None:
    """A future and its options: when three were as far off, it is no mistake."""
    options = [
        large(16_000 + 9 * number, again=number, session=number, gap=20 * MS)
        for number in range(5)
    ]

    assert len(said([*trading(), *options])) == 3


def test_a_size_of_a_thousand_times_the_largest_is_told() -> None:
    assert [name for name, _ in said([*trading(), ordered(10_000, 9 * 999)])] == [OWN]
    assert said([*trading(), ordered(10_000, 9 * 1000)]) == [(SIZE, 1000)]
    assert said([*trading(15), ordered(10_000, 9 * 9_000)]) == []


def test_a_size_of_hundreds_of_its_own_is_told() -> None:
    """Where others send as large ones, too, it has to be forty of theirs."""
    large_ones = [ordered(10_000, 9 * 10, session=0) for _ in range(40)]

    assert said([*trading(), ordered(10_000, 9 * 99, session=1)]) == []
    assert said([*trading(), ordered(10_000, 9 * 140, session=1)])[0][0] == OWN
    assert said([*trading(), *large_ones, ordered(10_000, 9 * 390, session=1)]) == []
    assert said([*trading(), *large_ones, ordered(10_000, 9 * 410, session=1)])


def test_a_price_of_six_times_the_last_fill_is_told() -> None:
    assert said([*trading(), ordered(60_100)]) == [(PRICE, 5009)]
    assert said([*trading(), ordered(59_900)]) == []
    assert said([*trading(), ordered(60_100, gap=61_000 * MS)]) == []
    assert said([*trading(2), ordered(60_100)]) == []


def test_one_wrong_size_does_not_hide_the_next() -> None:
    twice = [ordered(10_000, units, gap=20 * MS) for units in (126_000, 1_260_000)]

    assert said([*trading(), *twice]) == [(SIZE, 14_000), (SIZE, 4375)]


def test_both_at_once_are_told_where_the_size_alone_is_not() -> None:
    assert said([*trading(), ordered(10_700, 9 * 60)]) == [(BOTH, 69)]


def test_a_session_has_one_row_in_a_tick() -> None:
    """What is left out is counted, by the next row."""
    wild = [large(16_100, gap=gap) for gap in (MS, 1, 1, 12 * MS)]

    table = windows([*trading(), *wild])

    rows = table.rows[table.windows["kind"] == WINDOW_ORDER]
    assert rows[:, COLUMN["run"]].tolist() == [1, 4]
    assert rows[:, COLUMN["left_out"]].tolist() == [0, 2]


@pytest.mark.parametrize("times", [1, 5])
def test_what_is_told_is_evidence_of_the_session_and_nothing_else(times: int) -> None:
    """However often it goes on, and in force."""
    wild = [large(16_100, again=n, session=3, gap=20 * MS) for n in range(times)]
    table = windows([*trading(), *wild])
    is_order = table.windows["kind"] == WINDOW_ORDER

    decisions = judged(table.windows[is_order], table.rows[is_order])

    assert is_order.sum() == times
    assert [one.action for one in decisions] == [Action.EVIDENCE]
    assert decisions[0].session is not None
    assert decisions[0].session.client_comp == "FIRM9"
    assert BOTH in decisions[0].why


def turning(count: int, gain: int = 5, **more: int) -> list[Fields]:
    """Return orders that buy and sell five units in turns, and lose so many cents."""
    out = []
    for number in range(count):
        cents, side = 10_000 - number % 2 * gain, (BUY, SELL)[number % 2]
        out.append(ordered(cents, side=side, **more))
        out.append(filled(cents, side=side, session=more.get("session", 0)))
    return out


def test_who_turns_at_a_loss_is_told_and_then_more() -> None:
    """From the twelfth turn on; the first order is none."""
    past = quiet(0, count=60)
    found = said([*trading(), *past, *turning(26, gap=20 * MS)])

    assert found == [
        *((TURNED, turns) for turns in range(12, 24)),
        *((LONG, turns) for turns in range(24, 26)),
    ]


def test_who_earns_what_others_pay_turns_nothing() -> None:
    """A maker that is filled on both sides; and one at whose prices nothing is lost."""
    assert said([*trading(), *turning(90, gain=-5, gap=20 * MS)]) == []
    assert said([*trading(), *turning(90, gain=0, gap=20 * MS)]) == []


def test_what_is_not_filled_is_quoted() -> None:
    quoted = [one for one in turning(90, gap=21 * MS) if one["kind"] == KIND["new"]]

    assert said([*trading(), *quoted]) == []


def test_who_takes_what_comes_in_any_quantity_turns_nothing() -> None:
    sizes = turning(90, gap=20 * MS)
    for number, one in enumerate(sizes[::2]):
        one["quantity"] = (1 + number % 3) * SCALE

    assert said([*trading(), *sizes]) == []


def test_an_order_that_turns_nothing_takes_four() -> None:
    """Another one on the same side, in every fourth place: half of them turn."""
    broken = turning(90, gap=20 * MS, session=5)
    for place in range(8, len(broken), 8):
        broken[place]["side"] = broken[place - 2]["side"]

    found = said([*trading(), *quiet(5), *broken])

    assert {name for name, _ in found} == {UNDONE}


def test_what_was_ordered_a_second_ago_is_not_turned() -> None:
    assert said([*trading(), *turning(90, gap=1_001 * MS)]) == []


@pytest.mark.parametrize("is_limit", [True, False])
def test_who_turns_at_length_is_throttled_with_the_24th_turn(is_limit: bool) -> None:
    """Orders without a price take any."""
    orders = [*quiet(3, count=60), *turning(40, session=3, gap=20 * MS)]
    for one in orders[60:]:
        if not is_limit and one["kind"] == KIND["new"]:
            one["price"] = one["flags"] = 0
    table = windows([*trading(), *orders])
    is_order = table.windows["kind"] == WINDOW_ORDER

    decisions = judged(table.windows[is_order], table.rows[is_order])

    assert [one.action for one in decisions] == [
        Action.EVIDENCE,
        Action.THROTTLE_SESSION,
    ]
    assert [one.rule for one in decisions] == [TURNED, LONG]
    assert decisions[1].measured == 24
    assert decisions[1].target[1] == "FIRM9"


def test_who_begins_by_turning_is_told_and_no_more() -> None:
    """A desk of one lot that takes both sides by turns, and lives by it."""
    table = windows([*trading(), *turning(90, session=5, gap=20 * MS)])
    is_order = table.windows["kind"] == WINDOW_ORDER

    decisions = judged(table.windows[is_order], table.rows[is_order])

    assert table.rows[is_order][:, COLUMN["turns"]].max() > 24
    assert [one.action for one in decisions] == [Action.EVIDENCE]


def taking(sides: str, gap_ns: int = 20 * MS, session: int = 3) -> list[Fields]:
    """Return orders of five units that buy (B) and sell, dearer than they sell."""
    out: list[Fields] = []
    for one in sides:
        side, cents = (BUY, 10_002) if one == "B" else (SELL, 9_998)
        out.append(ordered(cents, side=side, session=session, gap=gap_ns))
        out.append(filled(cents, side=side, session=session))
    return out


#: Sides by chance: half of the orders turn, hardly ever many in a row.
SIDES = "".join(np.random.Generator(np.random.PCG64(7)).choice(["B", "S"], 400))


def quiet(session: int, count: int = 8) -> list[Fields]:
    """Return orders that are not filled, two a second: what is usual of a session."""
    return [ordered(10_000, session=session, gap=500 * MS) for _ in range(count)]


def test_who_takes_sides_by_chance_in_one_size_is_told_and_not_throttled() -> None:
    """Desks of one lot, of baskets and of pairs do so all day, and count on and on."""
    by_chance = [*quiet(3, count=60), *taking(SIDES)]
    table = windows([*trading(), *by_chance])
    is_order = table.windows["kind"] == WINDOW_ORDER

    decisions = judged(table.windows[is_order], table.rows[is_order])

    assert table.rows[is_order][:, COLUMN["turns"]].max() < 12
    assert table.rows[is_order][:, COLUMN["undone"]].max() >= 24_000
    assert [one.action for one in decisions] == [Action.EVIDENCE]
    assert [one.rule for one in decisions] == [UNDONE]
    assert [one.measured // 1000 for one in decisions] == [12]
    assert AT_LENGTH in {name for name, _ in said([*trading(), *by_chance])}


def test_who_begins_so_is_told_more_of_with_twice_as_many() -> None:
    """Who has hardly a past might live by it."""
    begun = [*trading(), *quiet(5, count=6)]
    found = said([*begun, *taking(SIDES[:120], session=5)])
    longer = said([*begun, *taking(SIDES, session=5)])

    assert {name for name, _ in found} == {UNDONE}
    assert {name for name, _ in longer} == {UNDONE, AT_START}
    assert min(turns for name, turns in longer if name == AT_START) // 1000 == 48


def test_who_never_did_anything_else_is_left_alone() -> None:
    """It is what is usual of the session."""
    assert said([*trading(), *taking(SIDES, session=5)]) == []


def test_who_does_so_slowly_or_a_third_of_the_time_is_not() -> None:
    """Twice a second is what time takes; and one in three is by chance."""
    assert said([*trading(), *taking(SIDES, gap_ns=900 * MS)]) == []
    assert said([*trading(), *taking("BBBSSS" * 40)]) == []


def test_legs_that_are_sent_at_once_are_turned_once() -> None:
    """A basket of forty, bought and sold again five times, each time at a loss."""
    legs: list[Fields] = []
    for turn in range(6):
        for name in range(40):
            one = taking("BS"[turn % 2], gap_ns=10_000)[0]
            legs.append({**one, "symbol_key": 100 + name})
        for name in range(40):
            fill = taking("BS"[turn % 2])[1]
            legs.append({**fill, "symbol_key": 100 + name, "gap": 10_000})
        legs.append(ordered(10_000, session=0, gap=90 * MS))

    table = windows([*trading(), *legs])

    assert not (table.windows["kind"] == WINDOW_ORDER).any()
