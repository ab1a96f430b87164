"""The order book does what its reference does, and what bourse does."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from airnet._ext import book
from tests.reference import book as reference

BASE, TICK, LEVELS, NUMBERS = 1000, 5, 64, 40
OPERATIONS = 300_000
#: Of bourse, when a side is empty: 0 for bids, 2**32 - 1 for asks.
EMPTY = (0, 2**32 - 1)

operation = st.tuples(
    st.integers(1, 6),
    st.integers(0, 1),
    st.integers(-1, 26).map(lambda tick: BASE + 5 * tick)
    | st.just(BASE + TICK * LEVELS)
    | st.just(BASE + 3),
    st.integers(0, 9),
    st.integers(0, NUMBERS - 1),
)


def rows(operations: list[tuple[int, int, int, int, int]]) -> Any:
    """Return operations as the kernel takes them."""
    made = np.zeros(len(operations), book.OPERATION)
    for name, column in zip(
        ("kind", "side", "price", "quantity", "number"),
        zip(*operations, strict=True),
        strict=True,
    ):
        made[name] = column
    return made


def follow(operations: list[tuple[int, int, int, int, int]]) -> tuple[Any, Any]:
    """Return what the reference makes of operations: outcomes, and best prices."""
    slow = reference.Book(BASE, TICK, LEVELS)
    seen = []
    for row, (kind, side, price, quantity, number) in enumerate(operations):
        if kind == reference.CANCEL:
            outcome = slow.cancel(number)
        elif kind == reference.REPLACE:
            outcome = slow.replace(row, number, price, quantity)
        else:
            outcome = slow.new(row, kind, number, side, price, quantity)
        seen.append((outcome, slow.best(0), slow.best(1)))
    return seen, slow.trades


@given(st.lists(operation, min_size=1, max_size=120), st.integers(1, 50))
def test_book_equals_reference(
    operations: list[tuple[int, int, int, int, int]], step: int
) -> None:
    """Same outcomes, trades and best prices, however the batch is cut."""
    made = rows(operations)
    one = book.Book(BASE, TICK, LEVELS, NUMBERS, NUMBERS)
    trades = np.zeros(2000, book.TRADE)
    found = []
    for start in range(0, len(made), step):
        some = made[start : start + step]
        done, traded = one.run(some, trades)
        assert done == len(some)
        found += [
            reference.Trade(*trade[:4], trade[4] + start)
            for trade in trades[:traded].tolist()
        ]

    seen = [
        (int(row["outcome"]), one.price(int(row["bid"])), one.price(int(row["ask"])))
        for row in made
    ]
    assert (seen, found) == follow(operations)


def stream(count: int) -> Any:
    """Return random operations about a wandering middle, numbered as bourse does."""
    draw = np.random.default_rng(7)
    made = np.zeros(count, book.OPERATION)
    middle = 10_000 + np.cumsum(draw.integers(-1, 2, count))
    made["side"] = draw.integers(0, 2, count)
    away = draw.geometric(0.15, count) - 4
    made["price"] = np.where(made["side"] == 0, middle - away, middle + away)
    made["quantity"] = draw.integers(1, 100, count)
    share = draw.random(count)
    made["kind"] = np.select(
        [share < 0.45, share < 0.5, share < 0.9],
        [book.LIMIT, book.MARKET, book.CANCEL],
        book.REPLACE,
    )
    made["kind"][:100] = book.LIMIT
    is_new = made["kind"] <= book.FOK
    orders = np.cumsum(is_new)
    recent = np.minimum(draw.geometric(0.01, count), orders)
    made["number"] = np.where(is_new, orders - 1, orders - recent)
    return made


def bourse_says(made: Any) -> tuple[list[tuple[int, int]], list[tuple[int, ...]]]:
    """Return best prices after every operation and trades, as bourse makes them."""
    core = pytest.importorskip("bourse.core", reason="bourse is a dev extra")
    other = core.OrderBook(0, 1)
    best = []
    prices: dict[int, int] = {}
    columns = (made[name].tolist() for name in ("kind", "side", "price", "quantity"))
    for time, (kind, side, price, quantity, number) in enumerate(
        zip(*columns, made["number"].tolist(), strict=True)
    ):
        other.set_time(time)  # it keeps orders of one time and price in no order
        if kind == book.LIMIT:
            other.place_order(side == 0, quantity, 0, price=price)
        elif kind == book.MARKET:
            other.place_order(side == 0, quantity, 0)
        elif kind == book.CANCEL:
            other.cancel_order(number)
        elif prices.get(number) == price:  # a price that is said loses the place
            other.modify_order(number, new_vol=quantity)
        else:
            other.modify_order(number, new_price=price, new_vol=quantity)
        if kind in {book.LIMIT, book.REPLACE}:
            prices[number] = price
        best.append(other.bid_ask())
    return best, [
        (price, taker, maker, quantity)
        for _, _, price, quantity, taker, maker in other.get_trades()
    ]


def test_book_equals_bourse() -> None:
    """300 k random operations: the trades and best prices of bourse 0.4.0."""
    made = stream(OPERATIONS)
    one = book.Book(0, 1, 65536, OPERATIONS, OPERATIONS)
    trades = np.zeros(3 * OPERATIONS, book.TRADE)

    done, traded = one.run(made, trades)
    best, theirs = bourse_says(made)

    assert done == OPERATIONS
    ours = [
        (int(p), int(t), int(m), int(q))
        for p, t, m, q in zip(
            *(trades[name][:traded] for name in ("price", "taker", "maker")),
            trades["quantity"][:traded],
            strict=True,
        )
    ]
    assert traded > OPERATIONS // 10
    assert ours == theirs
    for side, name in enumerate(("bid", "ask")):
        mine = np.where(made[name] == book.NONE, EMPTY[side], made[name])
        assert mine.tolist() == [pair[side] for pair in best]


def test_full_book_stops_the_batch() -> None:
    """No slot, no room for trades: the rest of the batch is not run."""
    many = rows([(book.LIMIT, 0, BASE, 1, n) for n in range(5)])
    one = book.Book(BASE, TICK, LEVELS, NUMBERS, 3)

    assert one.run(many, np.zeros(10, book.TRADE)) == (3, 0)
    assert many["ask"][0] == book.NONE
    assert one.resting == (3, 0)
    assert one.run(many[:1], np.zeros(3, book.TRADE)) == (0, 0)


def test_book_refuses_what_it_does_not_know() -> None:
    """An operation of no kind changes nothing, also of an order that rests."""
    many = rows([(kind, 0, BASE, 1, 0) for kind in (book.LIMIT, 0, 7, 255)])
    one = book.Book(BASE, TICK, LEVELS, NUMBERS, 3)

    assert one.run(many, np.zeros(10, book.TRADE)) == (4, 0)
    assert many["outcome"].tolist() == [book.RESTS, *[book.REFUSED] * 3]
    assert one.resting == (1, 0)


@given(
    st.integers(-(2**40), 2**40),
    st.one_of(st.integers(1, 2**32 - 1), st.sampled_from([1, 2**24, 2**24 + 1])),
    st.integers(6, 16).map(lambda power: 1 << power),
    st.lists(st.tuples(st.integers(-2, 2**16), st.integers(-1, 1)), min_size=1),
)
def test_prices_become_ticks(
    base: int, tick: int, levels: int, near: list[tuple[int, int]]
) -> None:
    """A price on the ladder is its tick, whatever the tick's size; others are none."""
    one = book.Book(base, tick, levels, 1, 1)
    for number, off in near:
        price = base + number * tick + off
        made = rows([(book.LIMIT, 0, price, 1, 0), (book.CANCEL, 0, 0, 0, 0)])
        one.run(made, np.zeros(2, book.TRADE))

        is_there = (price - base) % tick == 0 and 0 <= (price - base) // tick < levels
        wanted = (price - base) // tick if is_there else book.NONE
        assert made["bid"].tolist() == [wanted, book.NONE]


@pytest.mark.parametrize(
    "wrong", [(0, 0, 64, 1, 1), (0, 1, 63, 1, 1), (0, 1, 32, 1, 1), (0, 1, 64, 0, 1)]
)
def test_book_refuses_bad_shapes(wrong: tuple[int, int, int, int, int]) -> None:
    """A ladder is a power of two and has orders."""
    with pytest.raises(ValueError, match="must be"):
        book.Book(*wrong)
