"""The fast lane's mind: what is armed, what is fired, what is left afterwards."""

import ipaddress
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from airnet.controller import entries, lane, openflow
from airnet.controller.flows import Apply, ranked
from airnet.controller.lane import LEASE_S, RULE_S_MAX, RULES_MASK, Lane, meter_set, way
from airnet.controller.messages import (
    AddFlow,
    Barrier,
    DeleteCookie,
    DeleteMeter,
    Message,
    Refresh,
)
from airnet.controller.openflow import encode
from tests.netns.lab_links import wait_until

BAD, GATEWAY = "10.9.0.1", "10.9.0.2"


def asked(**fields: object) -> Apply:
    given = {"id": "1", "action": "drop_sources", "ttl_ms": 9000, "sources": (BAD,)}
    return Apply(**{**given, "gateway": GATEWAY, **fields})


SESSION = {"action": "isolate_session", "source_port": 40000, "port": 9878}


@given(
    st.sampled_from([{}, {"action": "isolate_host", "gateway": ""}, SESSION]),
    st.integers(1, entries.DECISION_MASK),
    st.integers(1, 65535),
    st.integers(1, 2**31 - 1),
)
def test_prebuilt_bytes_are_those_made_afresh(
    fields: dict[str, object], decision: int, ttl_s: int, xid: int
) -> None:
    armed = Lane([])
    slot = armed.arm(asked(**fields))
    armed.fire(slot, 77, 3, 5)

    fired = armed.fire(slot, decision, ttl_s, xid)

    seconds = min(ttl_s, RULE_S_MAX)
    mark = entries.cookie(entries.FAST_KIND, decision)
    rules = ranked(asked(**fields), 0).flows
    wanted: list[Message] = [meter_set(m, 1) for m in slot.ways.values()]
    wanted += [
        AddFlow(flow=replace(way(match, m), seconds=seconds))
        for match, m in slot.ways.items()
    ]
    written = [
        replace(rule, cookie=mark, seconds=seconds, priority=entries.FAST)
        for rule in rules
    ]
    wanted += [AddFlow(flow=rule) for rule in written]
    wanted.append(Barrier())
    assert fired == encode(replace(message, xid=xid) for message in wanted)
    last = [AddFlow(xid=xid, flow=one) for one in written]
    assert encode(last) in fired
    twins = [Refresh(flow=one) for one in written]
    assert armed.again(slot.number, decision) == encode([*last, *twins])
    assert armed.again(slot.number, 77) == b""


def test_session_has_no_meter_so_that_ports_stay_out_of_what_always_stands() -> None:
    armed = Lane([])

    assert not armed.arm(asked(**SESSION)).ways
    assert armed.armed() == b""


def test_what_is_armed_is_wide_open_and_leased() -> None:
    armed = Lane([])
    slot = armed.arm(asked())
    (meter,) = slot.ways.values()
    (match,) = slot.ways

    assert armed.armed() == encode(
        [
            DeleteMeter(meter=meter),
            meter_set(meter, lane.OPEN_KILOBITS, modify=False),
            AddFlow(flow=way(match, meter)),
        ]
    )
    assert way(match, meter).seconds == LEASE_S
    assert way(match, meter).goto == entries.FORWARDING


def test_same_containment_has_one_slot_and_one_match_one_meter() -> None:
    armed = Lane([])
    first = armed.arm(asked())

    assert armed.arm(asked(id="2", ttl_ms=5)) is first
    both = armed.arm(asked(sources=(BAD, "10.9.0.5")))
    assert both is not first
    assert set(both.ways.values()) > set(first.ways.values())


def test_meter_is_opened_for_the_last_that_shut_it_only() -> None:
    armed = Lane([])
    slot = armed.arm(asked())
    (meter,) = slot.ways.values()
    armed.fire(slot, 5, 9, 1)
    armed.fire(slot, 6, 9, 2)

    assert armed.reopened(5) == b""
    opened = armed.reopened(6)
    assert opened.startswith(encode([meter_set(meter, lane.OPEN_KILOBITS)]))
    assert armed.reopened(6) == b""


def test_release_deletes_by_cookie_and_opens() -> None:
    armed = Lane([])
    slot = armed.arm(asked())
    armed.fire(slot, 5, 9, 1)

    told = armed.released(5, 9)

    mark = entries.cookie(entries.FAST_KIND, 5)
    gone = DeleteCookie(xid=9, cookie=mark, mask=RULES_MASK)
    both = [k for k in range(256) if not (k ^ entries.FAST_KIND) << 48 & RULES_MASK]
    assert both == [entries.FAST_KIND, entries.REFRESH_KIND]
    rules = [replace(flow, cookie=mark) for flow in ranked(asked(), 0).flows]
    after = [Refresh(flow=flow, is_over=True) for flow in rules]
    assert told.endswith(encode([gone, Barrier(xid=9), *after]))
    assert len(told) > len(armed.released(5, 9))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sources": ("10.9.0.66",)}, "protected"),
        ({"sources": (GATEWAY,)}, "gateway itself"),
        ({"sources": ("10.0.0.0/8",)}, "wider"),
        ({"action": "rate_limit_sources"}, "fast lane"),
        ({"known": (BAD,)}, "known host"),
    ],
)
def test_what_must_not_be_contained_cannot_be_armed(
    fields: dict[str, object], reason: str
) -> None:
    armed = Lane([ipaddress.ip_network("10.9.0.64/28")])

    with pytest.raises(ValueError, match=reason):
        armed.arm(asked(**fields))
    assert not armed.slots


@pytest.mark.parametrize("standard_input", [subprocess.PIPE, subprocess.DEVNULL])
def test_a_peer_that_says_too_little_does_not_end_the_lane(
    tmp_path: Path, standard_input: int
) -> None:
    """A FEATURES_REPLY that is a header alone, from whoever connects.

    Beside Ryu, below systemd, standard input is no pipe.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["--listen", f"127.0.0.1:{port}", "--socket", str(tmp_path / "lane")]
    command = [sys.executable, "-m", "airnet.controller.express", *words]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, stdin=standard_input) as process:
        try:
            wait_until(lambda: reaches(port), 30.0)
            with socket.create_connection(("127.0.0.1", port), 20.0) as peer:
                peer.sendall(openflow.header(openflow.FEATURES_REPLY, b"", 1))
                peer.sendall(openflow.header(openflow.ECHO_REQUEST, b"there", 2))
                said = b""
                while b"there" not in said and (more := peer.recv(4096)):
                    said += more
            assert b"there" in said
            assert process.poll() is None
        finally:
            process.terminate()


def reaches(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True
