"""Held: connections that strangers keep are counted, and a monitor's are not."""

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from airnet.config import Site
from airnet.decide import Judge
from airnet.decide.held import (
    CLIENTS_RULE,
    GATEWAYS_MAX,
    HELD_RULE,
    LEAK,
    LIMIT,
    PARTS,
    SPARE,
    TOLD,
    Count,
    Shown,
    counted,
)
from airnet.decide.policy import Causes, Contain, Policy
from airnet.domain.columns import FLOOD_SCHEMA
from airnet.domain.decision import PASSIVE, Decision
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_GATEWAY
from airnet.score.rule import fired
from airnet.score.rules import COUNTED
from airnet.twin.again import COLUMNS
from tests.fakes.verdicts import MS, T0, gateway_verdict

SECOND_NS = 1_000_000_000
#: What a slot of 100 ms shows in which nothing came.
NOTHING = Shown(
    packets=0,
    known=8,
    known_share=0,
    port_share=1000,
    empty_share=1000,
    unspoken=0,
    syns=0,
    completed=0,
    segments=0,
    resets=0,
    refused=0,
    logons=0,
)
PLAIN = {"span_us": 100_000, "known": 8, "busiest_port_share": 1000}


def window(opened: int, closed: int = 0, **changes: int) -> Shown:
    """Return a slot in which so many connect, and so many hang up by FIN and ACK."""
    segments = opened + 2 * closed
    plain = msgspec.structs.replace(
        NOTHING,
        packets=opened + segments,
        syns=opened,
        completed=opened,
        segments=segments,
    )
    return msgspec.structs.replace(plain, **changes)


def verdict(at_ms: int, opened: int, closed: int = 0, **changes: int) -> Verdict:
    """Return the Verdict of a window that the model finds normal."""
    segments = opened + 2 * closed
    named = PLAIN | {
        "packets": opened + segments,
        "syn_rate": 10 * opened,
        "completed_rate": 10 * opened,
        "stray_tcp_rate": 10 * segments,
        "empty_share": 1000,
    }
    values = [0] * len(FLOOD_SCHEMA.names)
    for name, value in (named | changes).items():
        values[FLOOD_SCHEMA.index(name)] = value
    return gateway_verdict(
        at_ms,
        open_ns=T0 + (at_ms - 100) * MS,
        cause=Cause.NORMAL,
        rule="gateway.connections_completed",
        measured=1,
        limit=0,
        sources=(),
        fanout=2,
        features=tuple(values),
    )


def decided(
    *verdicts: Verdict, policy: Policy | None = None
) -> list[tuple[int, Decision]]:
    """Return what is decided at a site that nobody described, with its window."""
    judge = Judge(policy or Policy(), Site(), COLUMNS)
    return [(n, one) for n, each in enumerate(verdicts) for one in judge.judge(each)]


def test_the_third_is_told_and_the_fortieth_is_limited() -> None:
    """Two in a slot, 20 a second, and nothing else of them is odd."""
    found = decided(*[verdict(100 * n, 2) for n in range(1, 40)])

    assert {one.rule for _, one in found} == {HELD_RULE}
    assert [(n, str(one.action)) for n, one in found][:2] == [
        (1, "evidence"),
        (23, "rate_limit_sources"),
    ]
    assert [n for n, one in found if one.action not in PASSIVE] == [23]
    assert found[1][1].target == ("10.0.0.10:9878",)


def test_who_hangs_up_is_never_told() -> None:
    """A monitor in each slot, and a volley of a dozen that are all gone in the next."""
    one_by_one = [verdict(100 * n, 1, 1) for n in range(1, 100)]
    volleys = [verdict(100 * n, 12 * (n % 2), 12 * (1 - n % 2)) for n in range(1, 100)]

    assert not decided(*one_by_one)
    assert not decided(*volleys)


@pytest.mark.parametrize(
    "changes",
    [
        {"logon_rate": 20},  # they log on
        {"reset_rate": 20},  # given up, as a balancer's checks are
        {"refused_rate": 20},  # turned away
        {"known_share": 1000},  # of hosts that trade
        {"known": 2},  # nobody holds sessions there
        {"busiest_port_share": 700},  # other services, too
        {"completed_rate": 0},  # segments of no connection
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_nothing_is_held_by_who(changes: dict[str, int]) -> None:
    assert not decided(*[verdict(100 * n, 2, **changes) for n in range(1, 30)])


def test_who_says_what_is_no_fix_holds_as_much() -> None:
    """A request of HTTP behind each acknowledgement: a segment more, and not empty."""
    asking = {"packets": 6, "empty_share": 667, "stray_tcp_rate": 40}

    found = decided(*[verdict(100 * n, 2, **asking) for n in range(1, 40)])

    assert [n for n, one in found if one.action not in PASSIVE] == [23]


def test_connections_to_a_gateway_of_the_site_are_counted_as_it_lets_them_go() -> None:
    """They are sessions as soon as they stand: no segment is without one."""
    held = [
        verdict(100 * n, 2, stray_tcp_rate=0, packets=2, unspoken=2 * n)
        for n in range(1, 40)
    ]
    gone = [
        verdict(100 * n, 2, stray_tcp_rate=0, packets=2, unspoken=2 * (n % 2))
        for n in range(1, 60)
    ]

    found = decided(*held)

    assert [n for n, one in found if one.action not in PASSIVE][:1] == [24]
    assert not decided(*gone)


def test_of_clients_more_are_told_and_limited() -> None:
    """Ten a slot under addresses that trade: 64 are told, of 160 nobody is named."""
    held = [verdict(100 * n, 10, known_share=1000) for n in range(1, 40)]
    gone = [verdict(100 * n, 10, 10, known_share=1000) for n in range(1, 99)]
    let_in = [
        verdict(100 * n, 10, known_share=1000, logon_rate=100) for n in range(1, 99)
    ]

    found = decided(*held)

    assert [(n, str(one.action)) for n, one in found[:2]] == [
        (6, "evidence"),
        (17, "rate_limit_sources"),
    ]
    assert {one.rule for _, one in found[:2]} == {CLIENTS_RULE}
    assert found[1][1].target == ("10.0.0.10:9878",)
    assert not decided(*gone)
    assert not decided(*let_in)


def test_of_a_large_floors_clients_more_may_be_held() -> None:
    held = [verdict(100 * n, 10, known_share=1000, known=49) for n in range(1, 50)]

    assert {str(one.action) for _, one in decided(*held)} == {"evidence"}


def test_a_policy_may_have_it_told_only() -> None:
    flood = msgspec.structs.replace(
        Policy().cause.flood, told=(*Contain().told, HELD_RULE, CLIENTS_RULE)
    )
    policy = Policy(cause=Causes(flood=flood))

    found = decided(*[verdict(100 * n, 4) for n in range(1, 60)], policy=policy)

    assert {str(one.action) for _, one in found} == {"evidence"}


def test_what_breaks_a_limit_in_one_window_is_acted_upon_for_that() -> None:
    """What was held says nothing then, and neither does what the model suspects."""
    holding = [verdict(100 * n, 4) for n in range(1, 8)]
    flood = msgspec.structs.replace(
        verdict(800, 4), cause=Cause.FLOOD, rule="gateway.half_open_at_once"
    )

    found = decided(*holding, flood)

    assert found[-1][1].rule == "gateway.half_open_at_once"


def test_the_windows_that_count_are_given_a_verdict() -> None:
    """By rules that a model's normal does not silence."""
    import numpy as np

    columns = COLUMNS[WINDOW_GATEWAY]
    rows = np.zeros((3, 64), np.float32)
    rows[:, columns["known"]] = 3, 3, 2
    rows[0, columns["completed_rate"]] = 10
    rows[1, columns["stray_tcp_rate"]] = 10
    rows[2, columns["completed_rate"]] = 10

    assert sorted(fired(COUNTED[WINDOW_GATEWAY], columns, rows)) == [0, 1]


def test_what_is_remembered_is_bounded() -> None:
    judge = Judge(Policy(), Site(), COLUMNS)
    for number in range(GATEWAYS_MAX + 10):
        address = f"10.{number // 250}.0.{number % 250}"
        judge.judge(
            msgspec.structs.replace(verdict(100, 2), address=address, subject=number)
        )

    remembered = judge.state()[-1]

    assert isinstance(remembered, tuple)
    assert len(remembered) == GATEWAYS_MAX


Spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=80
)


@given(spans=Spans)
@settings(max_examples=300, deadline=None)
def test_never_more_is_counted_than_stand_open(spans: list[tuple[int, int]]) -> None:
    """Connections of some slots each, against whoever counts them one by one."""
    state: Count | None = None
    for slot in range(61):
        opened = sum(1 for start, _ in spans if start == slot)
        closed = sum(1 for start, stay in spans if stay and start + stay == slot)
        stand = sum(1 for start, stay in spans if start <= slot < start + stay + 1)
        stays = sum(1 for start, stay in spans if start <= slot and not stay)
        shown = window(opened, closed)
        state = counted(state, T0 + slot * 100 * MS, shown)
        assert 0 <= state.score <= min(PARTS * (stand + stays), LIMIT + SPARE)


@given(opened=st.lists(st.integers(0, 9), min_size=2, max_size=30))
@settings(max_examples=200, deadline=None)
def test_what_is_held_is_counted_but_for_what_time_takes(opened: list[int]) -> None:
    state: Count | None = None
    for slot, count in enumerate(opened):
        state = counted(state, T0 + slot * 100 * MS, window(count))
    assert state is not None
    lost = LEAK * (len(opened) - 1) * 100 * MS // SECOND_NS
    wanted = min(PARTS * sum(opened), LIMIT + SPARE) - lost

    assert state.score >= wanted
    assert TOLD < LIMIT
