"""The twin's market: conservation, order lives, gateways, containment, faults."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from airnet._ext import market
from airnet.twin import rows_market
from tests.reference.market import UP, audit

SECOND = 10**9
START = 1_800_000_000 * SECOND
LINES, SYMBOLS = 9, 4
MAKER, TAKER, EXECUTION, ARBITRAGE, DROP = range(1, 6)

Tables = dict[str, Any]


def agent(table: Any, index: int, kind: int, **values: float) -> None:
    """Fill one agent's row, on the line of its own number."""
    row = table[index]
    row["kind"], row["line"], row["symbols"] = kind, index, SYMBOLS
    row["size"], row["news"], row["reaction_sigma"] = 1, 1, 0.5
    row["reaction_ns"], row["position"], row["cancels_on_loss"] = 200_000, 100, 1
    for name, value in values.items():
        row[name] = value


def tables() -> Tables:
    """Return a small, busy market: makers, takers, one algorithm, one race."""
    made = {
        "venue": np.zeros(1, rows_market.VENUE),
        "symbol": np.zeros(SYMBOLS, rows_market.SYMBOL),
        "agent": np.zeros(LINES, rows_market.AGENT),
    }
    venue, symbol = made["venue"][0], made["symbol"]
    venue["service_ns"], venue["service_sigma"], venue["slow_ns"] = 5000, 0.4, SECOND
    venue["slow_sigma"], venue["factor_volatility"], venue["orders"] = 0.3, 1e-4, 20_000
    symbol["price"], symbol["tick"], symbol["levels"] = 10_000, 1, 4096
    symbol["lot"], symbol["size"], symbol["size_alpha"] = 100, 200, 1.5
    symbol["volatility"], symbol["beta"], symbol["move_rate"] = 2e-4, 1, 5
    symbol["impact"], symbol["transient"], symbol["decay_ns"] = 0.05, 0.3, SECOND
    symbol["activity"], symbol["leader"] = 1, rows_market.NONE
    symbol["leader"][1], symbol["lag_ns"][1] = 0, 2_000_000
    quoting = {"levels": 5, "spread_ticks": 1.5, "step_ticks": 1.5, "rate": 1}
    for index in range(4):
        agent(
            made["agent"],
            index,
            MAKER,
            **quoting,
            threshold_ticks=0.6 + 0.2 * index,
            threshold_growth=1.5,
            skew_ticks=2,
            replace_share=index / 3,
        )
    hawkes = {"n1": 0.4, "beta1": 500, "n2": 0.4, "beta2": 5, "memory": 0.7}
    for index in (4, 5):
        agent(
            made["agent"],
            index,
            TAKER,
            **hawkes,
            rate=4,
            rest_share=0.4,
            market_share=0.2,
            fill_share=0.1,
            patience_ns=SECOND,
            self_share=0.4,
            symbol_share=0.3,
        )
    agent(
        made["agent"],
        6,
        EXECUTION,
        rate=2,
        size=20,
        slices=10,
        chases=2,
        horizon_ns=5 * SECOND,
        patience_ns=SECOND // 4,
        period_ns=SECOND,
        replace_share=0.8,
        firm=7,
    )
    agent(made["agent"], 7, ARBITRAGE, rate=5, threshold_ticks=0.5)
    agent(made["agent"], 8, DROP, firm=7)
    return made


def build(seed: int = 1, room: int = 1 << 18, **extra: Any) -> market.Market:
    """Return that market, with rows replaced or added."""
    return market.Market(seed, START, LINES, room, **(tables() | extra))


def play(one: market.Market, seconds: float) -> Any:
    """Run so many more seconds; return a copy of the messages."""
    parts = []
    until = one.now_ns + int(seconds * SECOND)
    is_done = False
    while not is_done:
        count, is_done = one.run(until)
        parts.append(one.rows[:count].copy())
    return np.concatenate(parts)


def sent(rows: Any, line: int, *types: str) -> int:
    """Return how many messages of some types a line's trader sent."""
    mask = (rows["line"] == line) & (rows["direction"] == UP)
    return int(np.isin(rows["type"][mask], [ord(one) for one in types]).sum())


def fault(kind: str, agent_index: int, **values: float) -> Any:
    """Return one FAULT row, from 4 s to 12 s."""
    made = np.zeros(1, rows_market.FAULT)
    made["kind"], made["agent"] = rows_market.FAULTS.index(kind), agent_index
    made["onset_ns"], made["offset_ns"] = START + 4 * SECOND, START + 12 * SECOND
    made["symbol"], made["excess"] = rows_market.NONE, 10
    for name, value in values.items():
        made[name] = value
    return made


def news(kind: str, **values: float) -> Any:
    """Return one NEWS row, from 4 s on."""
    made = np.zeros(1, rows_market.NEWS)
    made["kind"] = rows_market.NEWS_KINDS.index(kind)
    made["start_ns"], made["hold_ns"] = START + 4 * SECOND, 2 * SECOND
    made["symbol"], made["gateway"] = rows_market.NONE, rows_market.NONE
    for name, value in values.items():
        made[name] = value
    return made


def assert_conserved(one: market.Market) -> None:
    """Everything that must be zero is."""
    assert {name for name, value in one.conserved().items() if value} == set()


def test_messages_account_for_everything() -> None:
    """Reports alone give each line's cash, shares and every order's one end."""
    one = build()
    rows = play(one, 10)
    direct = rows[rows["line"] != LINES - 1]  # a drop copy's are said twice

    found = audit(direct)

    assert not found.errors
    counted = one.counters()
    for name in ("filled", "cancelled", "expired", "rejected"):
        assert found.ends[name] == counted[f"market_{name}"], name
    assert sum(found.cash.values()) == 0
    assert found.ends["filled"] > 50
    for symbol in range(SYMBOLS):
        assert sum(found.shares.get((n, symbol), 0) for n in range(LINES)) == 0
    assert_conserved(one)


def test_same_seed_same_market_in_any_steps() -> None:
    """Messages are the same bytes, run at once or in pieces; another seed differs."""
    whole = play(build(5), 6)
    other = build(5)
    pieces = np.concatenate([play(other, 0.75) for _ in range(8)])

    assert whole.tobytes() == pieces.tobytes()
    assert whole.tobytes() != play(build(6), 6).tobytes()


@pytest.mark.parametrize("seed", range(4))
def test_conservation_through_trouble(seed: int) -> None:
    """Lost lines, throttles, mass cancels, halts and faults create no share or cent."""
    one = build(
        seed,
        news=np.concatenate(
            [news("halt"), news("flash", jump=-0.05, rise_ns=SECOND, excess=8)]
        ),
        fault=np.concatenate(
            [fault("knight", 4), fault("stuffing", 1), fault("replace_loop", 6)]
        ),
    )
    for step in range(12):
        play(one, 1)
        line = step % (LINES - 1)
        one.lose(line)
        one.throttle((line + 2) % LINES, 5, 5, one.now_ns + SECOND)
        one.cancel_all((line + 3) % LINES)
        play(one, 0.2)
        one.restore(line)
        assert_conserved(one)


def test_close_ends_every_order() -> None:
    """After the close nothing rests; each order has ended once."""
    made = tables()
    made["venue"]["open_ns"] = START
    made["venue"]["close_ns"] = START + 8 * SECOND
    made["venue"]["call_ns"] = SECOND
    made["agent"]["end_ns"] = START + 8 * SECOND
    one = build(3, **made)

    rows = play(one, 10)

    counted = one.counters()
    assert counted["market_expired"] > 0
    assert_conserved(one)
    assert sum(figures["live"] for figures in one.harm()) == 0
    called = rows[(rows["time_ns"] < START + SECOND) & (rows["executed"] == ord("F"))]
    assert not len(called)


def test_lost_line_cancels_its_orders() -> None:
    """Cancel on disconnect, where the venue has it; elsewhere the orders stay."""
    made = tables()
    made["agent"]["cancels_on_loss"][1] = 0
    one = build(**made)
    play(one, 2)

    one.lose(0)
    one.lose(1)
    harm = one.harm()

    assert harm[0]["live"] == 0
    assert harm[1]["live"] > 0
    play(one, 1)
    one.restore(1)
    rows = play(one, 1)
    assert sent(rows, 1, "q") == 1
    assert_conserved(one)


def test_throttle_refuses_orders_and_lets_cancels_pass() -> None:
    """New orders and replaces above the rate are refused, no cancel ever is."""
    one = build()
    play(one, 2)
    one.throttle(2, 2, 2, one.now_ns + 60 * SECOND)
    before = one.harm()[2]
    rows = play(one, 5)
    after = one.harm()[2]

    taken = after["orders"] + after["replaces"] - before["orders"] - before["replaces"]
    assert taken <= 2 + 2 * 5
    assert after["throttled"] > 10
    assert after["cancels"] - before["cancels"] >= sent(rows, 2, "F") - 1


def test_disabled_line_sends_no_order() -> None:
    """Disable stops every order until it is undone."""
    one = build()
    play(one, 2)
    one.disable(0)
    orders = one.harm()[0]["orders"]
    play(one, 2)

    assert one.harm()[0]["orders"] == orders
    one.enable(0)
    play(one, 1)
    assert one.harm()[0]["orders"] > orders


def acknowledged(rows: Any) -> float:
    """Return the mean time from order to acknowledgement."""
    mask = np.isin(rows["executed"], [ord("0")]) & (rows["line"] < LINES - 1)
    asked = {
        int(row["order"]): int(row["time_ns"])
        for row in rows[(rows["direction"] == UP) & (rows["type"] == ord("D"))]
    }
    waits = [
        int(row["time_ns"]) - asked[int(row["order"])]
        for row in rows[mask]
        if int(row["order"]) in asked
    ]
    return float(np.mean(waits))


@pytest.mark.parametrize(
    ("kind", "excess", "least"), [("slow", 40.0, 10.0), ("stall", 1.0, 50.0)]
)
def test_busy_gateway_is_a_slow_gateway(kind: str, excess: float, least: float) -> None:
    """Acknowledgements take longer while the venue is slow, or stands still."""
    one = build(2, news=news(kind, excess=excess))
    calm = acknowledged(play(one, 4))
    play(one, 0.02)
    busy = acknowledged(play(one, 2.5))

    assert busy > least * calm


def test_gateway_saturates() -> None:
    """A queue that is full refuses; what it took is served in turn."""
    made = tables()
    made["venue"]["service_ns"] = 20_000_000
    made["venue"]["queue_limit"] = 20
    one = build(**made)
    play(one, 3)

    assert one.counters()["market_overrun"] > 0
    assert one.counters()["market_queued_most"] == 20
    assert_conserved(one)


def test_drop_copy_hears_its_firm() -> None:
    """Every fill of the firm's line is said to the drop copy as well, and no more."""
    rows = play(build(4), 10)
    fills = rows[rows["executed"] == ord("F")]

    copied = fills[fills["line"] == LINES - 1]["order"]
    assert len(copied)
    assert copied.tolist() == fills[fills["line"] == 6]["order"].tolist()


RATES: list[tuple[str, int, str]] = [
    ("runaway", 4, "D"),
    ("stuffing", 2, "DF"),
    ("stuffing_slow", 2, "DF"),
    ("knight", 5, "D"),
    ("reject_loop", 5, "D"),
    ("duplicate_loop", 5, "D"),
    ("replace_loop", 6, "G"),
    ("hidden", 1, "DFG"),
    ("constant_price", 4, "D"),
    ("retry_burst", 4, "D"),
]


@pytest.mark.parametrize(("kind", "index", "types"), RATES, ids=str)
def test_faults_multiply_messages(kind: str, index: int, types: str) -> None:
    """Each failing algorithm sends its kind of message, about as many as asked for."""
    row = fault(kind, index, excess=20, price=100, lifetime_ns=3_000_000)
    one = build(7, fault=row)
    healthy = play(one, 4)
    failing = play(one, 8)

    base = sent(healthy, index, "D", "F", "G") / 4
    excess = int((failing["is_fault"] != 0).sum())
    mine = failing[(failing["direction"] == UP) & (failing["is_fault"] != 0)]
    assert set(np.unique(mine["line"]).tolist()) == {index}
    assert {chr(one) for one in np.unique(mine["type"])} <= set(types) | {"D"}
    assert len(mine) == pytest.approx(19 * base * 8, rel=0.35)
    assert excess >= len(mine)
    assert one.harm()[index]["fault_orders"] + one.harm()[index]["fault_replaces"] > 0
    assert_conserved(one)
    after = play(one, 3)
    assert not ((after["direction"] == UP) & (after["is_fault"] != 0)).any() or (
        kind.startswith("stuffing")
    )


def test_knight_is_never_flat() -> None:
    """Knight's lots grow on one side of each symbol and are never closed."""
    one = build(9, fault=fault("knight", 5, excess=30))
    play(one, 12)
    harm = one.harm()[5]

    assert harm["fault_position"] == pytest.approx(harm["fault_traded"], rel=0.2)
    assert harm["fault_given"] > 0


def share(rows: Any, kind: str) -> float:
    """Return the share of a line's refused orders."""
    refused = (rows["executed"] == ord("8")) & (rows["direction"] != UP)
    return float(refused.sum()) / max(1, sent(rows, 5, kind))


@pytest.mark.parametrize("kind", ["reject_loop", "duplicate_loop"])
def test_loops_are_refused(kind: str) -> None:
    """The venue refuses nearly all of what such a loop sends."""
    one = build(3, fault=fault(kind, 5, excess=40))
    play(one, 4)

    assert share(play(one, 8), "D") > 0.8


def test_benign_bursts_are_no_fault() -> None:
    """Reload and refresh: a burst of one maker's own messages, not marked."""
    for kind in ("reload", "refresh"):
        one = build(8, fault=fault(kind, 0))
        play(one, 4)
        rows = play(one, 0.5)
        assert sent(rows, 0, "D", "F", "G") >= 2 * 5 * SYMBOLS - 10, kind
        assert not rows["is_fault"].any()


def test_fat_finger_keeps_its_rate() -> None:
    """Quantities are larger, messages are not more."""
    calm, fat = (
        play(build(5, fault=fault("fat_finger", 4, notional=n)), 10) for n in (1, 50)
    )
    sizes = [
        rows["quantity"][
            (rows["line"] == 4) & (rows["type"] == ord("D")) & (rows["direction"] == UP)
        ]
        for rows in (calm, fat)
    ]

    assert sizes[1].max() > 20 * sizes[0].max()
    assert len(sizes[1]) < 2 * len(sizes[0])


def test_stale_maker_loses() -> None:
    """A maker that quotes about an old price is traded against."""
    quick = news("single", jump=0.01, rise_ns=2 * SECOND, symbol=0, hold_ns=SECOND)
    profit = [
        build(11, news=quick, **extra)
        for extra in ({}, {"fault": fault("stale", 1, excess=1)})
    ]
    for one in profit:
        play(one, 12)

    assert profit[1].harm()[1]["profit"] < profit[0].harm()[1]["profit"]


def broken(name: str, field: str, value: float) -> Tables:
    """Return the tables with one field set wrong."""
    made = tables()
    made[name][field][-1] = value
    return made


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: broken("symbol", "tick", 0), "symbol"),
        (lambda: broken("symbol", "levels", 100), "power of two"),
        (lambda: broken("agent", "n1", 1.5), "n1"),
        (lambda: broken("agent", "line", 99), "line"),
        (lambda: {"fault": fault("knight", 99)}, "fault"),
    ],
)
def test_wrong_rows_are_refused(change: Callable[[], Tables], message: str) -> None:
    """A market whose rows contradict each other is not built."""
    with pytest.raises(ValueError, match=message):
        build(**change())
