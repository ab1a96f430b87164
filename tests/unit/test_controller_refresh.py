"""Twins of rules: beside what, asking what, doing what; and when switches get them."""

import pytest

from airnet.controller import entries, flows, openflow
from airnet.controller.entries import Flow, Match
from airnet.controller.messages import AddFlow, DeleteCookie, Refresh
from airnet.controller.refresh import OVER, TWIN_S, is_cached, twins
from tests.fakes.switch import Loop
from tests.unit.test_controller_control import BAD, ID, drop, limit
from tests.unit.test_controller_wire import Path, decoded, path, sample_flows

__all__ = ["path"]
CACHED = [flow for flow in sample_flows() if is_cached(flow)]


@pytest.mark.parametrize("is_over", [False, True])
@pytest.mark.parametrize("flow", CACHED, ids=lambda f: f"{f.priority}")
def test_a_twin_asks_for_more_and_does_the_same(
    path: Path, flow: Flow, *, is_over: bool
) -> None:
    rule = decoded(path, AddFlow(xid=7, flow=flow))

    twin = decoded(path, Refresh(xid=7, flow=flow, is_over=is_over))

    of = path.ofproto
    asked = dict(twin.match.items())
    assert asked.pop("ip_dscp" if is_over else "ip_ecn") == (63 if is_over else 3)
    assert asked == dict(rule.match.items())
    assert (twin.table_id, twin.command) == (entries.SECURITY, of.OFPFC_ADD)
    assert (twin.hard_timeout, twin.idle_timeout, twin.flags) == (TWIN_S, 0, 0)
    assert twin.cookie >> 56 == entries.OWNER
    assert twin.cookie >> 48 & 0xFF == entries.REFRESH_KIND
    assert twin.cookie & flows.UNDO_MASK == rule.cookie & flows.UNDO_MASK
    if is_over:  # as where no rule stands
        assert [step.table_id for step in twin.instructions] == [entries.FORWARDING]
    else:
        steps = [[s.to_jsondict() for s in one.instructions] for one in (rule, twin)]
        assert steps[0] == steps[1]


def test_a_twin_is_above_its_rule_and_below_every_other_kind() -> None:
    kinds = sorted(
        (
            entries.REROUTE,
            entries.LIMIT,
            entries.EXEMPT,
            entries.DROP,
            entries.FAST,
            entries.ISOLATE,
        )
    )
    for kind, above in zip(kinds, [*kinds[1:], 1 << 16], strict=True):
        assert kind + 2 * entries.RANKS <= above
    assert entries.ARMED + 2 < OVER < min(entries.MIRROR, *kinds)


@pytest.mark.parametrize(
    "flow",
    [
        *flows.baseline(),
        Flow(
            table=0, priority=entries.EXEMPT, cookie=9, match=Match(source=BAD), goto=1
        ),
        Flow(table=entries.RECORDS, priority=1, cookie=9, match=Match(source=BAD)),
        Flow(table=0, priority=1, cookie=9, match=Match(metadata=5)),
    ],
    ids=["miss", "normal", "exempt", "record", "metadata"],
)
def test_what_changes_no_frame_has_no_twin(flow: Flow) -> None:
    assert not is_cached(flow)
    assert openflow.encode([Refresh(flow=flow)]) == b""


def test_of_many_messages_those_that_add_a_rule_have_twins() -> None:
    rule = CACHED[0]
    gone = DeleteCookie(cookie=1, mask=1)
    written = openflow.encode([gone, AddFlow(flow=rule), gone, AddFlow(flow=rule)])

    assert twins(written) == 2 * openflow.encode([Refresh(flow=rule)])
    assert twins(b"") == b""


def test_a_switch_looks_anew_once_it_stands_and_once_it_is_undone() -> None:
    loop = Loop(switches=2).connect()

    loop.ask(**limit())
    came = [list(one.refreshed) for one in loop.switches.values()]
    loop.ask(command="release", id=ID)

    for before, one in zip(came, loop.switches.values(), strict=True):
        assert before
        assert all(each.flow.meter for each in before), "of an exemption"
        over = [each.is_over for each in one.refreshed]
        assert over == [False] * len(before) + [True] * len(before)
    assert not loop.control._exchanges.open


def test_it_looks_anew_once_it_has_ended_by_itself() -> None:
    loop = Loop().connect()
    loop.ask(**drop(ttl_ms=2000))

    loop.wait(2.5)

    assert [each.is_over for each in loop.switches[1].refreshed] == [False, True]


def test_where_there_is_no_room_twins_give_way_to_rules() -> None:
    """A table of four: two are the baseline's. Twins count there, as rules do."""
    loop = Loop(capacity=4).connect()
    switch = loop.switches[1]
    switch.keeps_refresh = True
    assert loop.ask(**drop())["ok"]
    assert len(switch.flows) == 4

    assert loop.ask(**drop(id="99" * 8, sources=["10.9.0.4"]))["ok"]

    assert len(switch.refreshed) == 1, "and there is no other one for a while"
    refused = loop.ask(**drop(id="98" * 8, sources=["10.9.0.5"]))
    assert "TABLE_FULL" in str(refused["error"])
    loop.ask(command="release", id="99" * 8)
    assert len(switch.refreshed) == 1
    loop.wait(61)
    before = len(switch.refreshed)
    assert loop.ask(**drop(id="97" * 8, sources=["10.9.0.6"]))["ok"]
    assert len(switch.refreshed) == before + 1
    assert not loop.control._exchanges.open


def test_what_was_refused_has_no_twin_which_would_contain() -> None:
    loop = Loop(capacity=3).connect()

    answer = loop.ask(**drop(sources=[BAD, "10.9.0.4"]))

    assert not answer["ok"]
    assert [each.is_over for each in loop.switches[1].refreshed] == [True, True]


def test_a_switch_that_refuses_twins_contains_all_the_same() -> None:
    loop = Loop().connect()
    loop.switches[1].has_refresh = False

    assert loop.ask(**drop())["ok"]
    assert loop.ask(command="release", id=ID)["ok"]
    assert not loop.control._exchanges.open
