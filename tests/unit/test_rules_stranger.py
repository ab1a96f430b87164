"""Strangers that send what is no message: from frames to what the rules say of them."""

from collections.abc import Iterable

import pytest

from airnet.domain.address import address_text
from airnet.domain.columns import HOST_SCHEMA
from airnet.domain.window import WINDOW_HOST
from airnet.features import Windows
from airnet.score.rule import fired
from airnet.score.rules_stranger import STRANGER_RULES, STRANGER_TOLD_RULES
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


def said(frames: Iterable[Frame], member: str = "10.1.0.7") -> list[str]:
    """Return what is said of the stranger, each rule once, while a member trades."""
    trading = Conversation((member, 50_000), GATEWAY, start_ns=START_NS)
    trading.handshake()
    trading.logon()
    for number in range(3000):
        trading.time_ns += MS - 1000
        trading.add(0, order(number + 2))
    decoded = Decoded(sorted([*trading.frames, *frames], key=lambda one: one[0]))
    table, found = Windows([], []), []
    start = 0
    while start < len(decoded.headers):
        start += table.update(decoded.headers[start:], decoded.messages)
        windows = table.windows
        rows = table.rows[windows["kind"] == WINDOW_HOST].copy()
        hosts = windows["address"][windows["kind"] == WINDOW_HOST]
        for place, one in sorted(fired(RULES, COLUMN, rows).items()):
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


def test_a_member_is_no_stranger() -> None:
    assert said(poured(opened(500), [BROKEN] * 40), member=STRANGER) == []
