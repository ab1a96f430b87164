"""Orders that are far off: rows equal the slow twin's, wherever batches end."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from airnet.domain.address import address_bytes
from airnet.domain.columns import SCHEMAS
from airnet.domain.frame import HEADER
from airnet.domain.message import KIND, MESSAGE, SCALE
from airnet.domain.window import WINDOW_ORDER
from airnet.features import Windows
from tests.reference.window import Reference
from tests.reference.window_venue import Row

START_NS = 1_700_000_000_000_000_000
GATEWAY, CLIENT = address_bytes("10.9.0.1"), address_bytes("10.1.0.1")
MOST = (1 << 63) - 1
Rows = NDArray[np.void]
Found = tuple[dict[str, object], Row]

ORDER = {"type": ord("D"), "kind": KIND["new"], "direction": 0}
FILL = {"type": ord("8"), "kind": KIND["report"], "direction": 1}
#: A symbol whose place in a session is that of symbol 7.
TWIN = 62


def tape(steps: list[tuple[int, dict[str, int]]]) -> tuple[Rows, Rows]:
    """Return a frame with one message for each step: what it waits, and its fields."""
    headers, messages = np.zeros(len(steps), HEADER), np.zeros(len(steps), MESSAGE)
    now_ns = START_NS
    for place, (wait_ns, fields) in enumerate(steps):
        now_ns += wait_ns
        for name, value in fields.items():
            messages[place][name] = value
        header, down = headers[place], fields["direction"]
        ends = (GATEWAY, CLIENT) if down else (CLIENT, GATEWAY)
        header["source"] = np.frombuffer(ends[0], "u1")
        header["target"] = np.frombuffer(ends[1], "u1")
        header["time_ns"], header["session"] = now_ns, fields["session"]
        header["direction"] = down
    headers["frame_count"] = headers["message_index"] = np.arange(len(steps))
    headers["message_count"], headers["protocol"] = 1, 6
    return headers, messages


def closed(headers: Rows, messages: Rows, batch: int) -> list[Found]:
    """Return the kernel's rows of orders, `batch` headers at a time."""
    table, found, start = Windows([], []), [], 0
    names = SCHEMAS[WINDOW_ORDER].names
    while start < len(headers):
        start += table.update(headers[start : start + batch], messages)
        for window, row in zip(table.windows, table.rows, strict=True):
            if window["kind"] != WINDOW_ORDER:
                continue
            key = {name: window[name].item() for name in window.dtype.names[:5]}
            key |= {name: window[name].item() for name in ("subject", "port", "known")}
            assert not row[len(names) :].any()
            values = [None if np.isnan(one) else int(one) for one in row[: len(names)]]
            found.append((key, dict(zip(names, values, strict=True))))
    return found


def expected(headers: Rows, messages: Rows) -> list[Found]:
    """Return what the reference makes of them."""
    slow, limit = Reference([], []), (1 << 24) - 1
    slow.update(headers, messages)
    return [
        (
            {name: value for name, value in key.items() if name not in OTHER},
            {name: None if v is None else min(v, limit) for name, v in row.items()},
        )
        for key, row in slow.windows
        if key["kind"] == WINDOW_ORDER
    ]


OTHER = ("address", "kind")
PRICES = st.one_of(
    st.integers(95, 106).map(lambda cents: cents * SCALE // 100),
    st.sampled_from([0, -1, 1, 10 * SCALE, SCALE // 9, MOST, MOST - 1, -(1 << 63)]),
)
SIZES = st.one_of(
    st.integers(1, 9).map(lambda units: units * SCALE),
    st.sampled_from([-5, 0, 1, 250 * SCALE, 9_000 * SCALE, MOST // 40, MOST]),
)


@st.composite
def tapes(draw: st.DrawFn) -> tuple[Rows, Rows]:
    """A market in two symbols that is filled and ordered in, and odd orders in it."""
    steps: list[tuple[int, dict[str, int]]] = []
    for _ in range(draw(st.integers(1, 20))):
        is_fill = draw(st.booleans())
        each = {
            **(FILL if is_fill else ORDER),
            "symbol_key": draw(st.sampled_from([7, 7, 7, 1 << 60, 0])),
            "side": draw(st.sampled_from(b"125380")),
            "flags": draw(st.sampled_from([0x20] * 6 + [0, 0x21])),
            "exec_type": draw(st.sampled_from(b"FFF20")),
        }
        if not is_fill and draw(st.integers(0, 5)) == 0:
            kind = draw(st.sampled_from([(b"G", 3), (b"E", 1), (b"F", 2), (b"\0", 1)]))
            each["type"], each["kind"] = ord(kind[0]), kind[1]
        for _ in range(draw(st.sampled_from([1, 1, 2, 12, 40]))):
            wait_ns = draw(st.sampled_from([0, 1_000, 3_000_000, 90_000_000]))
            price, quantity = draw(PRICES), draw(SIZES)
            session = draw(st.integers(0, 2))
            more = {"price": price, "quantity": quantity, "session": session}
            steps.append((wait_ns, {**each, **more}))
    return tape(steps)


@given(tapes(), st.sampled_from([1, 7, 4096]))
def test_kernel_equals_its_reference(capture: tuple[Rows, Rows], batch: int) -> None:
    assert closed(*capture, batch) == expected(*capture)


@st.composite
def turners(draw: st.DrawFn) -> tuple[Rows, Rows]:
    """Sessions that buy and sell in turns, or by chance, in symbols of one group."""
    steps: list[tuple[int, dict[str, int]]] = []
    for _ in range(draw(st.integers(1, 5))):
        session = draw(st.integers(0, 2))
        symbols = draw(st.sampled_from([[7], [7, 9], [7, TWIN], [7, 9, 11]]))
        gain = draw(st.sampled_from([1, 1, 1, 0, -1]))
        wait_ns = draw(st.sampled_from([1_000, 900_000, 6_000_000, 400_000_000]))
        is_chance = draw(st.booleans())
        size = draw(st.sampled_from([0, 5 * SCALE]))
        for number in range(draw(st.integers(1, 24))):
            for symbol in symbols:
                side = draw(st.integers(0, 1)) if is_chance else number % 2
                price = (100 - gain * side) * SCALE // 100
                odd = draw(st.sampled_from([*[""] * 30, "far", "none", "G", "size"]))
                order = {
                    **ORDER,
                    "symbol_key": symbol,
                    "session": session,
                    "side": 49 + side,
                    "flags": 0x20,
                    "price": 0 if odd == "none" else price * (1 + (odd == "far")),
                    "quantity": size + (odd == "size"),
                    "type": ord("G") if odd == "G" else ord("D"),
                }
                steps.append((wait_ns, order))
                if draw(st.integers(0, 15)):
                    fill = {**order, **FILL, "price": price, "quantity": SCALE}
                    fill["exec_type"] = ord("F")
                    steps.append((draw(st.sampled_from([0, 1_000])), fill))
    return tape(steps)


@st.composite
def meeters(draw: st.DrawFn) -> tuple[Rows, Rows]:
    """Sessions that meet each other's orders, send large ones, and are refused."""
    steps: list[tuple[int, dict[str, int]]] = []
    for _ in range(draw(st.integers(1, 5))):
        sessions = draw(st.sampled_from([[0, 1], [1, 0], [2, 2], [0, 1, 2], [1, 2]]))
        symbols = draw(st.sampled_from([[7], [7, 9], [7, TWIN]]))
        wait_ns = draw(st.sampled_from([0, 1_000_000, 19_000_000, 21_000_000]))
        apart = draw(st.sampled_from([0, 0, 1, -1]))
        size = draw(st.sampled_from([1, 1, 3, 40, 2_000, 0, -1]))
        answer = draw(st.sampled_from([b"", b"", b"8", b"0", b"3", b"9", b"F"]))
        for number in range(draw(st.integers(1, 30))):
            side = number % 2
            order = {
                **ORDER,
                "symbol_key": draw(st.sampled_from(symbols)),
                "session": sessions[number % len(sessions)],
                "side": 49 + side,
                "flags": 0x20,
                "price": draw(st.sampled_from([100 - apart * side] * 9 + [0, 50])),
                "quantity": (size + draw(st.sampled_from([0] * 9 + [1]))) * SCALE,
                "type": draw(st.sampled_from([ord("D")] * 9 + [ord("G")])),
            }
            steps.append((wait_ns, order))
            if not answer:
                continue
            said = {**order, **FILL, "exec_type": answer[0]}
            if answer in (b"3", b"9"):
                kind = KIND["reject" if answer == b"3" else "cancel_reject"]
                said |= {"type": answer[0], "kind": kind}
            steps.append((draw(st.sampled_from([0, 1_000])), said))
    return tape(steps)


@given(meeters(), st.sampled_from([1, 7, 4096]))
def test_meetings_equal_their_reference(capture: tuple[Rows, Rows], batch: int) -> None:
    assert closed(*capture, batch) == expected(*capture)


@given(turners(), st.sampled_from([1, 7, 4096]))
def test_turns_equal_their_reference(capture: tuple[Rows, Rows], batch: int) -> None:
    assert closed(*capture, batch) == expected(*capture)


def market(seed: int, count: int) -> list[tuple[int, dict[str, int]]]:
    """Return orders and fills of five symbols whose prices walk; one is wild.

    A session, that is; others are now and then.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    middle = rng.integers(500, 20_000, 5)
    steps: list[tuple[int, dict[str, int]]] = []
    for number in range(count):
        if number % 7 == 0:  # two trade with each other, and one is refused
            meet = {"symbol_key": 6, "price": SCALE, "quantity": 8 * SCALE}
            pair = ((7, 49), (8, 50))
            for session, side in pair if number % 2 else pair[::-1]:
                steps.append((0, {**ORDER, **meet, "session": session, "side": side}))
            steps[-1] = (0, steps[-1][1] | {"side": 99 - steps[-2][1]["side"]})
            steps.append((0, {**ORDER, **meet, "session": 9, "symbol_key": 4}))
            steps.append((0, {**steps[-1][1], **FILL, "exec_type": ord("8")}))
        if number % 9 == 0:  # one buys and sells the same, and loses a cent each time
            side = number // 9 % 2
            turn = {"symbol_key": 5, "session": 6, "price": SCALE - side * SCALE // 100}
            more = {"side": 49 + side, "quantity": SCALE, "exec_type": ord("F")}
            steps += [(0, {**kind, **turn, **more}) for kind in (ORDER, FILL)]
        symbol, session = int(rng.integers(0, 5)), int(rng.integers(0, 6))
        middle[symbol] += rng.integers(-2, 3)
        price = int(middle[symbol] + rng.integers(-5, 6))
        size = int(rng.pareto(1.2) * 100) + 1
        kind = ORDER if rng.random() < 0.6 else FILL
        if rng.random() < (0.6 if session == 5 and kind is ORDER else 0.03):
            price = int(price * rng.choice([0.5, 0.95, 1.04, 1.3, 2.0]))
        if rng.random() < 0.02:
            size *= int(rng.choice([50, 300, 20_000]))
        fields = {
            **kind,
            "symbol_key": symbol * 0x9E3779B97F4A7C1 + 1,
            "session": session,
            "price": price * SCALE // 100,
            "quantity": size * SCALE,
            "side": int(rng.choice([49, 50])),
            "flags": 0x20,
            "exec_type": ord("F"),
        }
        steps.append((int(rng.exponential(1_500_000)), fields))
    return steps


@pytest.mark.parametrize("seed", range(3))
def test_a_long_market_equals_the_reference(seed: int) -> None:
    capture = tape(market(seed, 4000))

    found = closed(*capture, (1, 64, 4096)[seed])

    assert found == expected(*capture)
    rows = [row for _, row in found]
    for name in SCHEMAS[WINDOW_ORDER].names:
        values = {row[name] for row in rows}
        assert len(values) > 1, name


def test_symbols_beyond_the_table_push_out_what_nobody_traded() -> None:
    """A market's own symbols stay, however many names are made up."""
    own = [
        (1_000, {**FILL, "symbol_key": 7, "exec_type": ord("F"), "session": 0})
        for _ in range(10)
    ]
    own = [(wait, {**one, "price": SCALE, "quantity": SCALE}) for wait, one in own]
    made = [(0, {**ORDER, "symbol_key": n, "session": 1}) for n in range(100, 40_000)]
    wild = {**ORDER, "symbol_key": 7, "session": 2, "side": 49, "flags": 0x20}
    headers, messages = tape([*own, *made, (0, {**wild, "price": 2 * SCALE})])
    table, start, rows = Windows([], []), 0, 0

    while start < len(headers):
        start += table.update(headers[start : start + 4096], messages)
        rows += int((table.windows["kind"] == WINDOW_ORDER).sum())

    assert table.counters()["symbols_evicted"] > 30_000
    assert rows == 1
