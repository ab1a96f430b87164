"""Leases, bundles, roles: what outlives whom, and who may write."""

import pytest

from airnet.controller.entries import GROUP_FIRST, RECORDS
from airnet.controller.flows import LEASE_S
from tests.fakes.switch import Loop, Packet

ID = "abcdef0123456789"
BAD, GOOD, GATEWAY = "10.9.0.1", "10.9.0.3", "10.9.0.2"


def drop(**fields: object) -> dict[str, object]:
    asked = {"command": "apply", "id": ID, "action": "drop_sources", "ttl_ms": 5000}
    return {**asked, "sources": [BAD], "gateway": GATEWAY, **fields}


def passes(loop: Loop) -> bool:
    return loop.switches[1].route(Packet(BAD, GATEWAY)).forwarded


# ---- leases ----


def test_lease_is_renewed_while_we_live_and_no_further_than_decided() -> None:
    loop = Loop().connect()
    loop.ask(**drop(ttl_ms=200_000))

    stood = []
    for _ in range(19):
        loop.wait(10)
        stood.append(not passes(loop))
    assert all(stood)
    loop.wait(11)

    assert passes(loop)
    assert [event["reason"] for event in loop.events] == ["expired"]
    assert len(loop.switches[1].flows) == 2


def test_lease_ends_without_us_long_before_what_was_decided() -> None:
    loop = Loop().connect()
    loop.ask(**drop(ttl_ms=3_600_000))

    loop.clock.time_ns += (LEASE_S + 1) * 10**9
    loop.switches[1].expire()

    assert passes(loop)


def test_restart_within_the_lease_keeps_the_end_that_was_decided() -> None:
    """The switch remembers it; a controller that lost its memory renews till then."""
    loop = Loop().connect()
    loop.ask(**drop(ttl_ms=200_000))
    loop.wait(20)

    reborn = loop.second(is_leading=True)
    line = reborn.ask(command="status")["containments"][0]
    for _ in range(17):
        reborn.wait(10)
        assert not passes(reborn)
    reborn.wait(12)

    assert line["remaining_ms"] == 180_000
    assert passes(reborn)


def test_short_containment_needs_no_record() -> None:
    loop = Loop().connect()
    loop.ask(**drop(ttl_ms=LEASE_S * 1000))

    tables = {key[0] for key in loop.switches[1].flows}

    assert RECORDS not in tables


def test_rule_removed_by_hand_takes_its_record_along() -> None:
    loop = Loop().connect()
    before = loop.states()
    loop.ask(**drop(ttl_ms=200_000))
    switch = loop.switches[1]
    (key,) = [key for key in switch.flows if key[0] == 0 and key[1]]

    loop._hear(1, [switch._remove(key, "removed")])
    loop.pump()

    assert loop.states() == before
    assert [event["reason"] for event in loop.events] == ["removed"]


# ---- bundles ----


@pytest.mark.parametrize("has_bundles", [True, False])
def test_all_or_nothing_with_bundles_and_without(*, has_bundles: bool) -> None:
    loop = Loop(capacity=8)
    loop.switches[1].has_bundles = has_bundles
    loop.connect()
    before = loop.states()

    refused = loop.ask(**drop(sources=[f"10.9.1.{i}" for i in range(9)]))
    between = loop.states()
    taken = loop.ask(**drop(id="bb", sources=[f"10.9.1.{i}" for i in range(5)]))

    assert "TABLE_FULL" in str(refused["error"])
    assert between == before
    assert taken["flows"] == 5


def test_switch_without_roles_is_led_all_the_same() -> None:
    loop = Loop()
    loop.switches[1].has_roles = False
    loop.connect()

    assert loop.ask(**drop())["ok"]
    assert not passes(loop)


# ---- actions ----


def test_session_is_cut_and_the_host_keeps_its_others() -> None:
    loop = Loop().connect()
    loop.ask(**drop(action="isolate_session", source_port=40000, port=9878))
    route = loop.switches[1].route

    assert not route(Packet(BAD, GATEWAY, 6, 9878, 40000)).forwarded
    assert not route(Packet(GATEWAY, BAD, 6, 40000, 9878)).forwarded
    assert route(Packet(BAD, GATEWAY, 6, 9878, 40001)).forwarded
    assert route(Packet(GOOD, GATEWAY, 6, 9878, 40000)).forwarded
    assert route(Packet(BAD, GATEWAY, 17, 9878, 40000)).forwarded


def test_reroute_goes_by_a_group_and_leaves_nothing() -> None:
    loop = Loop(switches=2).connect()
    before = loop.states()

    asked = drop(action="reroute", sources=[], path=[{"port": 7}, {"port": 8}])
    answer = loop.ask(**asked)
    switch = loop.switches[1]

    assert answer["ok"]
    (group,) = switch.route(Packet(BAD, GATEWAY)).groups
    ways = switch.groups[group].buckets
    assert group >= GROUP_FIRST
    assert [way.port for way in ways] == [7, 8, 0]
    assert switch.groups[ways[-1].group].buckets[0].port == 0
    assert not switch.route(Packet(BAD, GOOD)).groups
    loop.wait(6)
    assert loop.states() == before


def test_mirror_copies_and_forwards() -> None:
    loop = Loop().connect()
    loop.ask(**drop(action="mirror", gateway="", path=[{"port": 7}]))

    route = loop.switches[1].route(Packet(BAD, GATEWAY))

    assert route.forwarded
    assert route.copies == (7,)


def test_reroute_of_a_protected_gateway_is_refused() -> None:
    loop = Loop(GATEWAY).connect()

    asked = drop(action="reroute", sources=[], path=[{"port": 7}])

    assert "protected" in str(loop.ask(**asked)["error"])


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "reroute"},
        {"action": "mirror"},
        {"action": "isolate_session", "port": 9878},
        {"action": "isolate_session", "source_port": 1, "port": 2, "sources": []},
        {"action": "reroute", "path": [{"port": 0}]},
        {"action": "reroute", "path": [{"port": 1, "mac": "zz"}]},
    ],
)
def test_what_is_missing_is_said(fields: dict[str, object]) -> None:
    answer = Loop().connect().ask(**drop(**fields))

    assert not answer["ok"]
    assert answer["id"] == ID


def test_switch_that_confirms_and_does_not_is_found_out() -> None:
    loop = Loop().connect()
    loop.switches[1].is_lying = True

    answer = loop.ask(**drop())

    assert "does not hold it" in str(answer["error"])
    assert loop.ask(command="status")["containments"] == []


# ---- roles ----


def test_standby_writes_nothing_and_says_what_it_is() -> None:
    loop = Loop().connect()
    before = loop.states()
    standby = loop.second()

    answer = standby.ask(**drop())

    assert loop.states() == before
    assert "standby" in str(answer["error"])
    assert standby.ask(command="status")["role"] == "standby"


def test_standby_takes_over_without_losing_or_making_a_containment() -> None:
    loop = Loop().connect()
    loop.ask(**drop(ttl_ms=200_000))
    loop.ask(**drop(id="bb", action="reroute", path=[{"port": 7}], ttl_ms=50_000))
    before = loop.states()
    standby = loop.second()

    led = standby.ask(command="lead")

    assert led["state"] == "leader"
    assert loop.states() == before
    lines = standby.ask(command="status")["containments"]
    assert {line["id"] for line in lines} == {ID[:12], f"{0xBB:012x}"}
    assert standby.ask(command="release", id=ID)["ok"]
    assert passes(loop)


def test_deposed_leader_is_fenced_and_knows() -> None:
    loop = Loop().connect()
    standby = loop.second()
    standby.ask(command="lead")
    standby.ask(**drop())
    before = loop.states()

    refused = loop.ask(**drop(id="cc", sources=[GOOD]))

    assert "IS_SLAVE" in str(refused["error"])
    assert loop.states() == before
    assert loop.ask(command="status")["role"] == "standby"


def test_leader_deposed_while_away_does_not_undo_the_other() -> None:
    """It reconnects, finds a newer generation, and keeps its hands off."""
    loop = Loop(switches=2).connect()
    loop.ask(**drop())
    loop.control.disconnected(1)
    loop.control.disconnected(2)
    standby = loop.second()
    standby.ask(command="lead")
    standby.ask(**drop(id="cc", sources=[GOOD]))
    standby.ask(command="release", id=ID)
    before = loop.states()

    loop.connect()

    assert loop.states() == before
    assert loop.ask(command="status")["role"] == "standby"


def test_lead_goes_to_and_fro_over_two_switches() -> None:
    loop = Loop(switches=2).connect()
    standby = loop.second()
    for turn, leader in enumerate((standby, loop, standby)):
        assert leader.ask(command="lead")["state"] == "leader"
        assert leader.ask(**drop(id=f"a{turn}", sources=[f"10.9.5.{turn}"]))["ok"]

    lines = standby.ask(command="status")["containments"]

    assert len(lines) == 3
    assert len(loop.switches[2].flows) == 5


def test_lead_when_no_switch_is_connected_is_answered() -> None:
    assert Loop().ask(command="lead")["ok"]


def test_restarted_leader_is_not_stale() -> None:
    """The switch keeps the generation; one more than it is always newer."""
    loop = Loop().connect()
    loop.ask(**drop())

    reborn = loop.second(is_leading=True)

    assert reborn.ask(**drop(id="cc", sources=[GOOD]))["ok"]
    assert len(reborn.ask(command="status")["containments"]) == 2
