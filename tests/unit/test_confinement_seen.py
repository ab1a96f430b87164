"""What host windows show of calls that a host may be confined for, and of whose."""

import numpy as np
import pytest

from airnet.decide.confinement import BEAT, CARRY, INTERNET, OWN, VENUE
from airnet.domain.address import address_bytes
from airnet.domain.columns import HOST_SCHEMA
from airnet.domain.window import WINDOW_HOST
from airnet.features import Windows
from airnet.score.subjects import of_place
from tests.property.test_window import closed
from tests.unit.test_rules_host_odd import GATEWAY, OWNER, START_NS, S, Tape

HOME, STORE = "203.0.113.77", "172.31.0.9"


def seen(tape: Tape) -> tuple[dict[str, int], dict[str, object]]:
    """Return the last row of the owner, by name, and what its Verdict says beside."""
    end = (max(one[0] for one in tape.frames) - START_NS) / S
    tape.add(end + 0.5, ("10.4.0.1", "10.4.0.2"), (9, 9))  # closes what is due
    windows, rows = closed(*tape.arrays(), 4096)
    owner = np.frombuffer(address_bytes(OWNER), "u1")
    is_his = (windows["kind"] == WINDOW_HOST) & (windows["address"] == owner).all(
        axis=1
    )
    place = np.flatnonzero(is_his)[-1]
    names = HOST_SCHEMA.names
    row = dict(
        zip(names, np.nan_to_num(rows[place]).astype(int).tolist(), strict=False)
    )
    return row, of_place(windows[place], rows[place])


def call(tape: Tape, at: float, home: str, **header: int) -> None:
    """Have the owner connect, be answered, and say something."""
    port = 50_000 + len(tape.frames)
    syn = {"tcp_flags": 2, "payload_bytes": 0} | header
    tape.add(at, (OWNER, home), (port, 443), **syn)
    tape.add(at + 0.01, (home, OWNER), (443, port), tcp_flags=18, payload_bytes=0)
    tape.add(at + 0.02, (OWNER, home), (port, 443), **header)


@pytest.mark.parametrize(
    ("forged", "own"),
    [({}, 6), ({"link_source": 8}, 0), ({"ttl": 62}, 0)],
)
def test_who_forges_an_address_makes_no_call_of_its_owner(
    forged: dict[str, int], own: int
) -> None:
    """They are odd all the same, and told of."""
    tape = Tape()
    tape.trade(OWNER, 0, (0, 8))
    for number in range(6):
        call(tape, 4 + number / 10, f"10.1.0.{100 + number}", **forged)

    row, _ = seen(tape)

    assert (row["odd_targets"], row["own_calls"]) == (6, own)


def test_a_call_counts_once_that_is_odd_and_comes_to_nothing() -> None:
    tape = Tape()
    tape.trade(OWNER, 0, (0, 8))
    for number in range(4):
        here, there = OWNER, f"10.1.0.{100 + number}"
        syn = {"tcp_flags": 2, "payload_bytes": 0}
        tape.add(4 + number / 10, (here, there), (50_000, 22), **syn)
        tape.add(
            4.01 + number / 10,
            (there, here),
            (22, 50_000),
            tcp_flags=20,
            payload_bytes=0,
        )

    row, _ = seen(tape)

    assert (row["odd_targets"], row["strange_failures"]) == (4, 4)
    assert row["own_calls"] == 4


@pytest.mark.parametrize(
    ("home", "header", "is_what"),
    [
        (HOME, {}, BEAT | CARRY | OWN | INTERNET),
        ("2a01:7::9", {}, BEAT | CARRY | OWN | INTERNET),
        (STORE, {}, BEAT | CARRY | OWN),
        (HOME, {"link_source": 8}, BEAT | CARRY | INTERNET),
    ],
)
def test_whom_a_host_calls_is_named(
    home: str, header: dict[str, int], is_what: int
) -> None:
    tape = Tape()
    tape.trade(OWNER, 0, (0, 9))
    for at in (4, 5, 6, 7):
        call(tape, at, home, **header)

    row, about = seen(tape)

    assert (row["beat_contacts"], row["peer_is"]) == (4, is_what)
    assert about["sources"] == (home,)


def test_where_nobody_else_trades_is_named() -> None:
    tape = Tape()
    tape.log_on(0.1, OWNER, 0)
    tape.trade(OWNER, 0, (0.2, 12))
    ends, back = (OWNER, HOME), (HOME, OWNER)
    syn = {"tcp_flags": 2, "payload_bytes": 0, "stream_flags": 0x20}
    tape.add(9, ends, (51_000, 9), session=3, direction=0, **syn)
    tape.add(9.01, ends, (51_000, 9), "logon", session=3, direction=0)
    tape.add(9.02, back, (9, 51_000), "logon", session=3, direction=1)
    tape.names[3] = 77

    row, about = seen(tape)

    assert (row["venues_outside"], row["peer_is"]) == (1, VENUE | OWN)
    assert about["sources"] == (HOME,)


def test_a_host_that_names_nobody_names_nobody() -> None:
    tape = Tape()
    tape.trade(OWNER, 0, (0, 8))
    call(tape, 4, "10.1.0.100")

    _, about = seen(tape)

    assert "sources" not in about


def test_the_mirror_tells_when_a_host_spoke_to_somebody_last() -> None:
    """What an effect is seen by; its answers, and its sessions, are none."""
    tape = Tape()
    tape.trade(OWNER, 0, (0, 8))
    call(tape, 4, HOME)
    tape.add(4.5, (HOME, OWNER), (443, 50_000))
    table = Windows([(GATEWAY, 9)], [])
    headers, messages = tape.arrays()
    done = 0
    while done < len(headers):
        done += table.update(headers[done:], messages)

    assert 0 <= table.spoke_ns(OWNER, HOME) - (START_NS + 4 * S) < S // 10
    assert table.spoke_ns(HOME, OWNER) == 0
    assert table.spoke_ns(OWNER, STORE) == 0
