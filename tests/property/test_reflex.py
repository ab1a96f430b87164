"""ext/reflex.pyx: fires where the reference does, and only at what the judge orders."""

from collections.abc import Iterator
from itertools import islice

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from numpy.typing import NDArray

from airnet._ext.reflex import WHY
from airnet.act.shot import Arm, Order, Shot
from airnet.domain.address import address_bytes
from airnet.domain.columns import FLOOD_SCHEMA, SESSION_SCHEMA
from airnet.domain.heed import Heed
from airnet.domain.window import WINDOW, WINDOW_GATEWAY, WINDOW_SESSION, WINDOW_SOURCE
from airnet.score import OnnxScorer, load
from airnet.score.rules import GATEWAY_RULES, SESSION_RULES, SOURCE_RULES
from airnet.service.rehearsal import broken
from airnet.shipped import models_path
from tests.reference import reflex as reference

T0 = 1_700_000_000_000_000_000
GATEWAYS = tuple(address_bytes(f"10.0.0.{n}") for n in range(3))
SOURCES = tuple(address_bytes(f"198.51.100.{n}") for n in range(6))
NAMES = FLOOD_SCHEMA.names
PLACES = {name: place for place, name in enumerate(NAMES)}
ALL = (1 << len(GATEWAY_RULES)) - 1


@pytest.fixture(scope="module")
def scorer() -> OnnxScorer:
    return load(models_path(), is_signed=False)


@st.composite
def rows(draw: st.DrawFn, rules: tuple[object, ...]) -> NDArray[np.float32]:
    """Return a row that breaks a rule, or nearly, with some columns changed."""
    row = np.zeros(64, np.float32)
    for name, value in broken(draw(st.sampled_from(rules))).items():
        row[PLACES[name]] = value
    row[PLACES["top_share"]] = draw(st.sampled_from([0, 49, 50, 99, 100, 1000]))
    row[PLACES["packets"]] = max(row[PLACES["packets"]], draw(st.integers(8, 20)))
    row[PLACES["sources"]] = draw(st.sampled_from([1, 2, 8, 9, 500]))
    row[PLACES["known_share"]] = draw(st.sampled_from([0, 0, 250, 251, 1000]))
    changes = st.tuples(st.sampled_from(NAMES), st.sampled_from([-1, 0, 1, 5000]))
    for name, by in draw(st.lists(changes, max_size=2)):
        row[PLACES[name]] = max(0, row[PLACES[name]] + by)
    return row


@st.composite
def batches(
    draw: st.DrawFn,
) -> tuple[NDArray[np.void], NDArray[np.float32]]:
    """Return windows of some gateways, each with those of its sources."""
    windows, table = [], []
    for _ in range(draw(st.integers(1, 2))):
        window = np.zeros(1, WINDOW)[0]
        window["kind"] = WINDOW_GATEWAY
        window["close_ns"] = T0 + draw(st.integers(0, 12))
        window["port"] = draw(st.sampled_from([9878, 80]))
        gateway = draw(st.sampled_from(GATEWAYS))
        window["address"] = np.frombuffer(gateway, np.uint8)
        if draw(st.integers(0, 4)):
            table.append(draw(rows(GATEWAY_RULES)))
        else:
            table.append(np.zeros(64, np.float32))
        windows.append(window)
        for source in draw(st.lists(st.sampled_from(SOURCES), max_size=3, unique=True)):
            below = window.copy()
            below["kind"] = WINDOW_SOURCE
            below["known"] = draw(st.integers(0, 4)) == 0
            below["address"] = np.frombuffer(source, np.uint8)
            windows.append(below)
            table.append(draw(rows(SOURCE_RULES)))
    return np.array(windows, WINDOW), np.array(table, np.float32)


def orders(number: int) -> st.SearchStrategy[Order | None]:
    return st.sampled_from([Order(number, 10, 0, 0, b"x"), None])


@st.composite
def arms(draw: st.DrawFn) -> list[Arm]:
    masks = st.sampled_from([0, 15, ALL])
    return [
        Arm(
            gateway=gateway,
            when=(
                T0,
                T0 + draw(st.integers(5, 12)),
                draw(st.sampled_from([0, T0 + 6])),
            ),
            rules=(draw(masks), draw(masks)),
            bounds=(
                draw(st.sampled_from([0, 0, 9878])),
                draw(st.sampled_from([0, 9878])),
                draw(st.sampled_from([0, 1, 8])),
                draw(st.integers(1, 8)),
            ),
            sources=tuple(draw(st.lists(st.sampled_from(SOURCES), max_size=2))),
            limit=draw(orders(2 * number + 1)),
            drop=draw(orders(2 * number + 2)),
        )
        for number, gateway in enumerate(GATEWAYS)
        if draw(st.integers(0, 5))
    ]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(batch=batches(), given_arms=arms(), spared=st.sets(st.sampled_from(SOURCES)))
def test_it_fires_where_the_reference_does(
    scorer: OnnxScorer,
    batch: tuple[NDArray[np.void], NDArray[np.float32]],
    given_arms: list[Arm],
    spared: set[bytes],
) -> None:
    kernel = scorer.arms()
    assert kernel is not None
    kernel.gateways_left = 1 << 62
    for one in given_arms:
        assert kernel.arm(one)
    spared = set(list(spared)[:2])
    assert kernel.spare(b"".join(spared))
    by_gateway = {one.gateway: one for one in given_arms}

    wanted = reference.aim(scorer, by_gateway, spared, *batch)
    found = kernel.aim(*batch)

    if found is None or wanted is None:
        assert (found, wanted) == (None, None)
        return
    shot = Shot(*found)
    port = shot.port if shot.is_limit else wanted.port
    assert wanted == reference.Aim(
        shot.number, port, shot.is_limit, shot.gateway, shot.sources
    )


def test_nothing_holds_beyond_what_may_be_looked_at(scorer: OnnxScorer) -> None:
    """Drift may be found with the next window but one: then all is in doubt."""
    windows, row = np.zeros(1, WINDOW), np.zeros((1, 64), np.float32)
    windows["kind"], windows["close_ns"] = WINDOW_GATEWAY, T0
    windows["address"] = np.frombuffer(GATEWAYS[0], np.uint8)
    for name, value in broken(GATEWAY_RULES[0]).items():
        row[0, PLACES[name]] = value
    row[0, PLACES["sources"]] = 500
    kernel = scorer.arms()
    assert kernel is not None
    order = Order(7, 10, 0, 0, b"x")
    plain = Arm(GATEWAYS[0], (T0, T0, 0), (1, 0), (0, 0, 8, 8), (), order, None)
    assert kernel.arm(plain)

    assert kernel.aim(windows, row) is None
    kernel.gateways_left = 2
    assert kernel.aim(windows, row) is not None
    assert kernel.aim(windows, row) is not None
    assert kernel.aim(windows, row) is None
    kernel.gateways_left = 2
    kernel.disarm(GATEWAYS[0])
    assert kernel.aim(windows, row) is None
    assert sum(kernel.declined) == 1


@pytest.mark.parametrize(
    ("share", "sources", "why"),
    [(250, 1, ""), (251, 1, "unsure"), (1000, 8, "unsure"), (251, 9, "")],
)
def test_a_flood_under_addresses_that_trade_is_for_the_judge(
    scorer: OnnxScorer, share: int, sources: int, why: str
) -> None:
    """Of few sources each would be dropped; of many the port is limited, for all."""
    windows, table = np.zeros(2, WINDOW), np.zeros((2, 64), "f4")
    windows["kind"] = WINDOW_GATEWAY, WINDOW_SOURCE
    windows["close_ns"] = T0
    windows[0]["address"] = np.frombuffer(GATEWAYS[0], np.uint8)
    windows[1]["address"] = np.frombuffer(SOURCES[0], np.uint8)
    # A rule that asks nothing of how many of them trade.
    asks = [[name for name, _, _ in rule.needs] for rule in GATEWAY_RULES]
    number = next(n for n, names in enumerate(asks) if "known_share" not in names)
    for name, value in broken(GATEWAY_RULES[number]).items():
        table[0, PLACES[name]] = value
    for name, value in broken(SOURCE_RULES[0]).items():
        table[1, PLACES[name]] = value
    table[1, PLACES["top_share"]] = 1000
    table[0, PLACES["sources"]] = sources
    table[0, PLACES["known_share"]] = share
    kernel = scorer.arms()
    assert kernel is not None
    kernel.gateways_left = 1 << 62
    drop, limit = (Order(which, 10, 0, 0, b"x") for which in (1, 2))
    rules = 1 << number, 0
    arm = Arm(GATEWAYS[0], (T0, T0, 0), rules, (0, 0, 8, 8), (), limit, drop)
    assert kernel.arm(arm)

    found = kernel.aim(windows, table)

    assert (found is None) == bool(why)
    if why:
        assert kernel.declined[WHY.index(why)] == sum(kernel.declined) == 1
    else:
        assert found is not None
        assert Shot(*found).is_limit == (sources > 8)


@pytest.mark.parametrize(
    ("before", "holds"),
    [(0, True), (64, True), (65, True), (1024, True), (1025, False)],
)
def test_a_slot_with_many_windows_in_front(
    scorer: OnnxScorer,
    before: int,
    holds: bool,
) -> None:
    """At the end of a slot all sessions' windows close before any gateway's."""
    windows, table = np.zeros(before + 1, WINDOW), np.zeros((before + 1, 64), "f4")
    windows["kind"] = WINDOW_SESSION
    windows["close_ns"] = T0
    windows[before]["kind"] = WINDOW_GATEWAY
    windows[before]["address"] = np.frombuffer(GATEWAYS[0], np.uint8)
    for name, value in broken(GATEWAY_RULES[0]).items():
        table[before, PLACES[name]] = value
    table[before, PLACES["sources"]] = 500
    kernel = scorer.arms()
    assert kernel is not None
    kernel.gateways_left = 1 << 62
    order = Order(7, 10, 0, 0, b"x")
    assert kernel.arm(
        Arm(GATEWAYS[0], (T0, T0, 0), (1, 0), (0, 0, 8, 8), (), order, None)
    )

    assert (kernel.aim(windows, table) is not None) is holds
    if not before:
        return
    # Once something is said of one of them, only the judge knows.
    speaks = broken(SESSION_RULES[0])
    for name, value in speaks.items():
        table[before - 1, SESSION_SCHEMA.index(name)] = value
    assert scorer._opinions(windows, table).get(before - 1) is not None
    assert kernel.aim(windows, table) is None
    assert kernel.declined[WHY.index("not_first")] == 2 - holds


def test_what_is_beyond_a_limit_of_the_policy_is_for_the_judge(
    scorer: OnnxScorer,
) -> None:
    """Of a session in front of the gateway nothing is said, but for its limit."""
    windows, table = np.zeros(2, WINDOW), np.zeros((2, 64), "f4")
    windows["kind"] = WINDOW_SESSION, WINDOW_GATEWAY
    windows["close_ns"] = T0
    windows[1]["address"] = np.frombuffer(GATEWAYS[0], np.uint8)
    for name, value in broken(GATEWAY_RULES[0]).items():
        table[1, PLACES[name]] = value
    table[1, PLACES["sources"]] = 500
    table[0, SESSION_SCHEMA.index("rate_new_1s")] = 101
    order = Order(7, 10, 0, 0, b"x")
    arm = Arm(GATEWAYS[0], (T0, T0, 0), (1, 0), (0, 0, 8, 8), (), order, None)
    holds = []
    for above in (101, 100):
        heed = Heed(
            name="own", window_kind=WINDOW_SESSION, feature="rate_new_1s", above=above
        )
        scorer.heed([heed])
        kernel = scorer.arms()
        scorer.heed(())
        assert kernel is not None
        kernel.gateways_left = 1 << 62
        assert kernel.arm(arm)
        holds.append(kernel.aim(windows, table) is not None)

    assert holds == [True, False]
    assert kernel.declined[WHY.index("not_first")] == 1


def test_more_than_there_is_room_for(scorer: OnnxScorer) -> None:
    kernel = scorer.arms()
    assert kernel is not None
    plain = Arm(b"", (0, 9, 0), (1, 0), (0, 0, 8, 8), (), None, None)

    def gateways() -> Iterator[Arm]:
        for number in range(1000):
            yield plain._replace(gateway=number.to_bytes(16, "big"))

    assert all(kernel.arm(one) for one in islice(gateways(), 256))
    assert not kernel.arm(plain._replace(gateway=b"z" * 16))
    kernel.disarm((5).to_bytes(16, "big"))
    assert kernel.arm(plain._replace(gateway=b"z" * 16))
    many = b"".join((n + 1).to_bytes(16, "big") for n in range(40_000))
    assert not kernel.spare(many)
    kernel.unspare()
    assert kernel.spare(many[: 16 * 30_000])
    with pytest.raises(ValueError, match="at most"):
        kernel.arm(plain._replace(gateway=bytes(16), limit=(1, 1, 0, 0, bytes(4000))))
    assert msgspec.json.encode(kernel.counts) == b"[0,0]"
