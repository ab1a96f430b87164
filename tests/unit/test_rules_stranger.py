"""Strangers that send what is no message: from frames to what the rules say of them."""

from collections.abc import Iterable

import pytest

from airnet.domain.address import address_text
from airnet.domain.columns import HOST_SCHEMA
from airnet.domain.window import WINDOW_HOST
from airnet.features import Windows
from airnet.score.rule import fired
from airnet.score.rules_stranger import (
    ENTRY_TOLD_RULES,
    HELD_TOLD_RULES,
    STRANGER_RULES,
    STRANGER_TOLD_RULES,
    UNASKED_RULES,
)
from tests.fakes.frames import (
    ACK,
    FIN,
    GATEWAY,
    SYN,
    Conversation,
    Decoded,
    Frame,
    message,
    order,
)

MS = 1_000_000
START_NS = 10**18
STRANGER = "192.0.2.9"
COLUMN = {name: place for place, name in enumerate(HOST_SCHEMA.names)}
RULES = (*STRANGER_RULES, *STRANGER_TOLD_RULES)
ALL = (*RULES, *HELD_TOLD_RULES, *UNASKED_RULES, *ENTRY_TOLD_RULES)
SEGMENTS = [RULES[2].name, RULES[0].name]
CONNECTIONS = [RULES[3].name, RULES[1].name]
BROKEN = b"8=FIX.4.4\x019=999\x0135=D\x01" + b"x" * 40 + b"\x0110=999\x01"
LOGON = message("A", "34=1", "98=0", "108=30")


def opened(
    at_ms: int, number: int = 0, gateway: tuple[str, int] = GATEWAY, answer: int = 1
) -> Conversation:
    """Return a stranger's connection, whose handshake is complete if `answer` is 1."""
    talk = Conversation(
        (STRANGER, 40_000 + number), gateway, start_ns=START_NS + at_ms * MS
    )
    talk.add(0, flags=SYN)
    talk.add(1, flags=SYN | ACK)
    talk.add(0, flags=ACK, acknowledged=talk.next[1] + (1 - answer) * (1 << 30))
    return talk


def poured(talk: Conversation, parts: Iterable[bytes], gap_ms: int = 2) -> list[Frame]:
    """Return its frames with these payloads, every `gap_ms`."""
    for part in parts:
        talk.time_ns += gap_ms * MS
        talk.add(0, part)
    return talk.frames


def traded(member: str) -> list[Frame]:
    """Return the frames of a session that trades for three seconds."""
    trading = Conversation((member, 50_000), GATEWAY, start_ns=START_NS)
    trading.handshake()
    trading.logon()
    for number in range(3000):
        trading.time_ns += MS - 1000
        trading.add(0, order(number + 2))
    return trading.frames


def said(frames: Iterable[Frame], *members: str) -> list[str]:
    """Return what is said of the stranger, each rule once, while members trade."""
    trading = [frame for one in members or ("10.1.0.7",) for frame in traded(one)]
    decoded = Decoded(sorted([*trading, *frames], key=lambda one: one[0]))
    table, found = Windows([], []), []
    start = 0
    while start < len(decoded.headers):
        start += table.update(decoded.headers[start:], decoded.messages)
        windows = table.windows
        rows = table.rows[windows["kind"] == WINDOW_HOST].copy()
        hosts = windows["address"][windows["kind"] == WINDOW_HOST]
        for place, one in sorted(fired(ALL, COLUMN, rows).items()):
            assert address_text(hosts[place].tobytes()) == STRANGER
            found.append(one.rule.name)
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("garbage", [BROKEN, b"\x17\x03" * 30], ids=["fix", "noise"])
def test_what_is_no_message_is_told_and_then_contained(garbage: bytes) -> None:
    assert said(poured(opened(500), [garbage] * 2)) == []
    assert said(poured(opened(500), [garbage] * 3)) == SEGMENTS[:1]
    assert said(poured(opened(500), [garbage] * 16)) == SEGMENTS


def test_connections_that_are_held_with_half_a_message_add_up() -> None:
    """However slowly: twenty a second, three bytes each."""
    frames = [
        frame
        for number in range(12)
        for frame in poured(opened(500 + 50 * number, number), [LOGON[:3]])
    ]

    assert said(frames) == CONNECTIONS


def test_a_floor_that_logs_on_in_two_parts_is_no_flood() -> None:
    """Two dozen programs at once, each of which waits for an acknowledgement."""
    frames = [
        frame
        for number in range(24)
        for frame in poured(opened(500, number), [LOGON[:20], LOGON[20:]], 40)
    ]

    assert said(frames) == []


def test_who_has_said_a_message_may_stammer() -> None:
    assert said(poured(opened(500), [LOGON, *[BROKEN] * 40])) == []


def test_whom_the_gateway_understands_is_read() -> None:
    """Though we take what he says for broken."""
    talk = opened(500)
    talk.add(0, BROKEN)
    talk.add(1, message("A", "34=1", "108=30"))

    assert said(poured(talk, [BROKEN] * 40)) == []


def test_who_closes_what_he_opened_holds_nothing() -> None:
    """A scanner that asks one thing, again and again."""
    frames = []
    for number in range(40):
        talk = opened(500 + 20 * number, number)
        poured(talk, [b"8=F"])
        talk.add(0, flags=FIN | ACK)
        frames += talk.frames

    assert said(frames) == []


def test_an_address_that_may_be_forged_is_not_blamed() -> None:
    """It never acknowledged what the gateway had said to it."""
    talk = opened(500, answer=0)
    for _ in range(40):
        talk.time_ns += 2 * MS
        talk.add(0, BROKEN, acknowledged=talk.next[1] + (1 << 30))

    assert said(talk.frames) == []


def test_a_port_where_nobody_trades_is_no_order_entry() -> None:
    frames = poured(opened(500, gateway=(GATEWAY[0], 8443)), [b"\x17\x03" * 30] * 40)

    assert said(frames) == []


@pytest.mark.parametrize("garbage", [BROKEN, b"\x17\x03" * 30], ids=["fix", "noise"])
def test_a_member_is_no_stranger_and_is_only_told_of(garbage: bytes) -> None:
    """No Logon is of sixteen segments, whoever's."""
    assert said(poured(opened(500), [garbage] * 15), STRANGER) == []
    assert said(poured(opened(500), [garbage] * 40), STRANGER) == [
        "host.segments_without_end"
    ]


def test_what_a_member_says_after_a_hole_is_counted_anew() -> None:
    """Garbage that begins with noise, and then looks like FIX."""
    talk = opened(500)
    poured(talk, [BROKEN] * 10)
    del talk.frames[8]
    talk.add(1, flags=ACK)

    assert said(poured(talk, [BROKEN] * 10), STRANGER) == []
    assert said(poured(talk, [BROKEN] * 30), STRANGER) == ["host.segments_without_end"]


MEMBERS = ("10.1.0.7", "10.1.0.8")
UNASKED = ["host.several_orders_without_logon", "host.orders_without_logon"]


def orders(count: int) -> list[bytes]:
    return [order(number + 1) for number in range(count)]


@pytest.mark.parametrize(("count", "rules"), [(2, 0), (3, 1), (15, 1), (16, 2)])
def test_orders_of_who_never_logged_on_are_told_and_then_contained(
    count: int, rules: int
) -> None:
    assert said(poured(opened(500), orders(count)), *MEMBERS) == UNASKED[:rules]


def test_who_logs_on_may_order() -> None:
    assert said(poured(opened(500), [LOGON, *orders(40)]), *MEMBERS) == []


def test_what_is_not_sound_may_have_been_the_logon() -> None:
    garbled = LOGON[:-4] + b"%03d\x01" % ((int(LOGON[-4:-1]) + 1) % 256)

    assert said(poured(opened(500), [garbled, *orders(40)]), *MEMBERS) == []


def test_whom_the_gateway_answers_it_has_let_in() -> None:
    talk = opened(500)
    talk.add(0, order(1))
    talk.add(1, message("8", "34=1", "37=1", "150=0", "39=0", "55=ACME"))

    assert said(poured(talk, orders(40)), *MEMBERS) == []


def test_what_the_mirror_lost_may_have_been_the_logon() -> None:
    """The first segment, which is shown to nobody; or the handshake."""
    talk = opened(500)
    poured(talk, [LOGON, *orders(40)])
    lost = [*talk.frames[:3], *talk.frames[4:]]

    assert said(lost, *MEMBERS) == []
    assert said(talk.frames[4:], *MEMBERS) == []


def test_orders_where_hardly_anybody_trades_are_left_alone() -> None:
    """Nobody knows how sessions begin there."""
    assert said(poured(opened(500), orders(40)), MEMBERS[0]) == []


def test_who_trades_may_send_orders_elsewhere() -> None:
    assert said(poured(opened(500), orders(40)), STRANGER, *MEMBERS) == []
