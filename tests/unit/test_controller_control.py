"""The controller's mind against FakeSwitch: all or nothing, by id, with reasons."""

import pytest

from airnet.controller import flows
from airnet.controller.flows import Flow
from airnet.controller.standing import HELD_MAX
from tests.fakes.switch import Loop, Packet

ID = "abcdef0123456789"
BAD, GOOD, GATEWAY = "10.9.0.1", "10.9.0.3", "10.9.0.2"


def drop(**fields: object) -> dict[str, object]:
    asked = {"command": "apply", "id": ID, "action": "drop_sources", "ttl_ms": 5000}
    return {**asked, "sources": [BAD], "gateway": GATEWAY, **fields}


def limit(**fields: object) -> dict[str, object]:
    return drop(action="rate_limit_sources", port=9000, known=[GOOD], **fields)


def test_apply_drops_the_source_and_nobody_else() -> None:
    loop = Loop().connect()

    answer = loop.ask(**drop())

    assert answer == {
        "id": ID,
        "ok": True,
        "state": "applied",
        "action": "drop_sources",
        "switches": ["0000000000000001"],
        "flows": 1,
        "remaining_ms": 5000,
    }
    assert not loop.switches[1].route(Packet(BAD, GATEWAY)).forwarded
    assert loop.switches[1].route(Packet(GOOD, GATEWAY)).forwarded
    assert loop.switches[1].route(Packet(BAD, GOOD)).forwarded


def test_apply_when_no_switch_says_so() -> None:
    answer = Loop().ask(**drop())

    assert answer == {"id": ID, "ok": False, "error": "no switch is connected"}


def test_apply_when_protected_is_refused_and_nothing_sent() -> None:
    loop = Loop("10.9.0.0/30").connect()
    before = loop.states()

    answer = loop.ask(**drop(gateway=""))

    assert not answer["ok"]
    assert "protected" in str(answer["error"])
    assert loop.states() == before


def test_apply_when_one_flow_is_refused_undoes_all_and_names_the_error() -> None:
    loop = Loop(capacity=4, switches=2).connect()
    before = loop.states()

    answer = loop.ask(**drop(sources=[f"10.9.1.{i}" for i in range(9)]))

    assert not answer["ok"]
    assert "0000000000000001: OFPFMFC_TABLE_FULL" in str(answer["error"])
    assert loop.states() == before
    assert not loop.events


def test_apply_when_switch_is_silent_gives_up_in_time_and_undoes() -> None:
    loop = Loop().connect()
    before = loop.states()
    loop.switches[1].is_silent = True
    loop.ask(**drop())

    loop.wait(0.9)

    assert "no answer in time" in str(loop.answers[-1]["error"])
    assert loop.states() == before


def test_apply_when_switch_goes_says_so_and_forgets() -> None:
    loop = Loop().connect()
    loop.switches[1].is_silent = True
    loop.ask(**drop())

    loop.control.disconnected(1)
    loop.pump()

    assert "disconnected before" in str(loop.answers[-1]["error"])
    loop.switches[1].is_silent = False
    loop.connect()
    assert loop.switches[1].route(Packet(BAD, GATEWAY)).forwarded


def test_apply_for_longer_prolongs_and_other_content_is_refused() -> None:
    loop = Loop().connect()
    loop.ask(**drop())
    loop.wait(3)

    longer = loop.ask(**drop(ttl_ms=10_000))
    other = loop.ask(**drop(sources=[GOOD]))
    loop.wait(9)

    assert longer["remaining_ms"] == 10_000
    assert not other["ok"]
    assert not loop.switches[1].route(Packet(BAD, GATEWAY)).forwarded


def test_apply_with_other_known_hosts_changes_the_rules() -> None:
    loop = Loop().connect()
    loop.ask(**limit())

    answer = loop.ask(**{**limit(), "known": [BAD]})

    route = loop.switches[1].route
    assert answer["ok"]
    assert not route(Packet(BAD, GATEWAY, 6, 9000)).meters
    assert route(Packet(GOOD, GATEWAY, 6, 9000)).meters


def test_request_out_of_bounds_is_answered_with_its_id() -> None:
    answer = Loop().connect().ask(**drop(ttl_ms=0))

    assert answer["id"] == ID
    assert not answer["ok"]


def test_apply_when_ids_share_48_bits_is_refused() -> None:
    loop = Loop().connect()
    loop.ask(**drop())

    answer = loop.ask(**drop(id=ID[:12] + "ffff"))

    assert "cannot be told from" in str(answer["error"])


def test_rate_limit_meters_strangers_only_and_the_meter_goes_with_it() -> None:
    loop = Loop().connect()
    loop.ask(**limit())
    switch = loop.switches[1]

    stranger = switch.route(Packet(BAD, GATEWAY, 6, 9000))
    known = switch.route(Packet(GOOD, GATEWAY, 6, 9000))
    loop.wait(6)

    assert stranger.forwarded
    assert stranger.meters
    assert known.forwarded
    assert not known.meters
    assert not switch.meters
    assert loop.events[0]["reason"] == "expired"


def test_two_containments_of_one_match_end_one_by_one() -> None:
    loop = Loop().connect()
    loop.ask(**drop())
    loop.ask(**drop(id="ff01"))

    loop.ask(command="release", id=ID)

    assert not loop.switches[1].route(Packet(BAD, GATEWAY)).forwarded
    loop.ask(command="release", id="ff01")
    assert loop.switches[1].route(Packet(BAD, GATEWAY)).forwarded
    assert [event["reason"] for event in loop.events] == ["released", "released"]


def test_release_of_what_has_ended_is_harmless() -> None:
    loop = Loop().connect()

    answer = loop.ask(command="release", id="ff02")

    assert answer == {"id": "ff02", "ok": True, "state": "released"}
    assert not loop.events


def test_release_without_a_switch_fails_and_is_made_up_for_on_reconnect() -> None:
    loop = Loop().connect()
    loop.ask(**drop())
    loop.control.disconnected(1)

    answer = loop.ask(command="release", id=ID)
    loop.connect()

    assert not answer["ok"]
    assert loop.switches[1].route(Packet(BAD, GATEWAY)).forwarded


def test_reconnect_puts_back_with_the_remaining_ttl() -> None:
    loop = Loop().connect()
    loop.ask(**limit(ttl_ms=10_000))
    switch = loop.switches[1]
    loop.control.disconnected(1)
    switch.flows.clear()
    switch.meters.clear()
    loop.wait(4)

    loop.connect()

    seconds = {flow.seconds for flow, _ in switch.flows.values() if flow.seconds}
    assert seconds == {6}
    assert len(switch.meters) == 1


def test_second_switch_gets_what_stands() -> None:
    loop = Loop(switches=2).connect(1)
    loop.ask(**limit())

    loop.connect(2)

    assert loop.switches[1].state() == loop.switches[2].state()


def test_restart_adopts_and_a_later_apply_takes_it_over() -> None:
    loop = Loop().connect()
    loop.ask(**limit(ttl_ms=10_000))
    reborn = Loop()
    reborn.switches = loop.switches
    reborn.connect()

    adopted = reborn.ask(command="status")["containments"]
    again = reborn.ask(**limit(ttl_ms=20_000))
    taken_over = reborn.ask(command="status")["containments"]

    assert [(c["id"], c["adopted"], c["flows"]) for c in adopted] == [
        (ID[:12], True, 3)
    ]
    assert again["remaining_ms"] == 20_000
    assert [(c["id"], c["adopted"], c["flows"]) for c in taken_over] == [(ID, False, 3)]
    assert reborn.ask(command="release", id=ID)["ok"]
    assert len(loop.switches[1].flows) == len(flows.baseline())
    assert not loop.switches[1].meters


def test_baseline_deleted_by_hand_is_put_back_at_once() -> None:
    loop = Loop().connect()
    switch = loop.switches[1]
    before = switch.state()

    for flow in flows.baseline():
        loop._hear(1, [switch._remove(flow.key, "removed")])
    loop.pump()

    assert switch.state() == before


def test_containment_deleted_by_hand_is_told() -> None:
    loop = Loop().connect()
    loop.ask(**drop())
    switch = loop.switches[1]
    keys = [key for key, (flow, _) in switch.flows.items() if flow.seconds]

    loop._hear(1, [switch._remove(key, "removed") for key in keys])
    loop.pump()

    assert loop.events[0]["reason"] == "removed"


def test_silent_switch_is_dropped_by_the_probe() -> None:
    loop = Loop().connect()
    loop.switches[1].is_silent = True

    loop.wait(5.1)
    loop.wait(5.1)

    assert loop.closed == [1]


def test_end_that_no_switch_tells_is_told_all_the_same() -> None:
    loop = Loop().connect()
    loop.ask(**drop())
    loop.control.disconnected(1)

    loop.wait(9)

    assert [event["id"] for event in loop.events] == [ID]


def test_status_counts_what_rules_matched_and_names_what_stands() -> None:
    loop = Loop(switches=2).connect()
    loop.ask(**drop())

    status = loop.ask(command="status")

    (standing,) = status["containments"]
    assert [switch["id"] for switch in status["switches"]] == [
        "0000000000000001",
        "0000000000000002",
    ]
    assert (standing["id"], standing["remaining_ms"]) == (ID, 5000)
    assert (standing["sources"], standing["packets"]) == ([BAD], 0)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"command":"fly"}',
        b'{"command":"apply"}',
        b'{"command":"release","id":7}',
        b'{"command":"status","more":1}',
        b'{"command":"apply","id":"a","action":"drop_sources","ttl_ms":1e99}',
        b"[" * 10_000,
        b'{"x":' + b"[" * 30_000,
    ],
)
def test_malformed_line_is_answered_and_nothing_changes(line: bytes) -> None:
    loop = Loop().connect()
    before = loop.states()

    loop.control.request(1, line)
    loop.pump()

    assert loop.answers[-1]["ok"] is False
    assert loop.answers[-1]["error"]
    assert loop.states() == before


def test_limit_of_containments_is_kept() -> None:
    loop = Loop().connect()
    for i in range(1, HELD_MAX + 1):
        loop.ask(**drop(id=f"{i:x}", sources=[f"10.8.{i % 256}.{i // 256}"]))

    answer = loop.ask(**drop(id="fffff"))

    assert "the limit" in str(answer["error"])


def test_planted_endless_rule_under_our_cookie_is_deleted_at_connect() -> None:
    loop = Loop()
    planted = Flow(table=0, priority=65535, cookie=flows.cookie(1, 7))
    loop.switches[1].flows[planted.key] = (planted, 0)

    loop.connect()

    assert loop.switches[1].route(Packet(BAD, GATEWAY)).forwarded
