"""Containments asked for together: one write, and each of them its own all the same."""

import json
from collections.abc import Iterable

from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from airnet.controller.messages import (
    AddFlow,
    AskFlows,
    Barrier,
    BundleStep,
    Message,
    Send,
    SetMeter,
)
from airnet.controller.together import TOGETHER_MAX, UNDER_WAY_MAX
from tests.fakes.switch import Loop, Packet, Reply

GATEWAY = "10.9.0.2"


def drop(number: int, **fields: object) -> dict[str, object]:
    asked = {"command": "apply", "id": f"{number:012x}", "action": "drop_sources"}
    source = f"10.8.{number // 250}.{number % 250}"
    asked |= {"ttl_ms": 5000, "sources": [source], "gateway": GATEWAY}
    return {**asked, **fields}


def release(number: int) -> dict[str, object]:
    return {"command": "release", "id": f"{number:012x}"}


def limit(number: int) -> dict[str, object]:
    return drop(number, action="rate_limit_sources", sources=[], port=9000)


def together(loop: Loop, *requests: dict[str, object]) -> list[Send]:
    """Ask for all at once, and let it come about; return the writes of it."""
    loop.control.request(1, *(json.dumps(one).encode() for one in requests))
    return sent(loop)


def sent(loop: Loop) -> list[Send]:
    """Let what is under way come about; return the writes of it."""
    effects = loop.control.take()
    loop.control._effects[:0] = effects
    loop.pump()
    return [one for one in effects if isinstance(one, Send)]


def count(writes: list[Send], kind: type[Message]) -> int:
    return sum(isinstance(one, kind) for write in writes for one in write.messages)


def ids(loop: Loop, *, are_good: bool = True) -> list[int]:
    return [int(str(a["id"]), 16) for a in loop.answers if a["ok"] is are_good]


def route(loop: Loop, number: int) -> bool:
    packet = Packet(f"10.8.{number // 250}.{number % 250}", GATEWAY)
    return loop.switches[1].route(packet).forwarded


def test_what_is_asked_together_is_one_write_with_one_bundle_and_one_question() -> None:
    loop = Loop().connect()

    writes = together(loop, *map(drop, range(1, 301)))

    assert len(writes) == 1
    assert count(writes, AddFlow) == 300
    assert count(writes, BundleStep) == 2
    assert count(writes, AskFlows) == 1
    assert count(writes, Barrier) == 2
    assert ids(loop) == list(range(1, 301))
    assert not any(route(loop, number) for number in range(1, 301))


def test_each_has_its_own_undo_and_end() -> None:
    loop = Loop().connect()
    together(loop, drop(1), drop(2), drop(3, ttl_ms=2000))

    loop.ask(**release(2))
    loop.wait(3)

    assert [route(loop, number) for number in (1, 2, 3)] == [False, True, True]
    ended = {str(event["id"]): event["reason"] for event in loop.events}
    assert ended == {f"{2:012x}": "released", f"{3:012x}": "expired"}


def test_one_that_is_refused_keeps_no_other_from_standing() -> None:
    loop = Loop(capacity=12).connect()

    together(loop, *map(drop, range(1, 18)))

    assert ids(loop) == list(range(1, 11))
    assert sorted(ids(loop, are_good=False)) == list(range(11, 18))
    assert all("TABLE_FULL" in str(a["error"]) for a in loop.answers if not a["ok"])
    assert [n for n in range(1, 18) if not route(loop, n)] == list(range(1, 11))
    assert len(loop.switches[1].flows) == 12


def test_switch_without_bundles_gets_them_together_too() -> None:
    loop = Loop(capacity=6)
    loop.switches[1].has_bundles = False
    loop.connect()

    together(loop, *map(drop, range(1, 9)))

    assert sorted(ids(loop)) == [n for n in range(1, 9) if not route(loop, n)]
    assert len(ids(loop)) == 4


def test_a_switch_that_holds_nothing_of_it_is_found_out_for_each() -> None:
    loop = Loop().connect()
    loop.switches[1].is_lying = True

    together(loop, *map(drop, range(1, 6)))

    assert ids(loop, are_good=False) == list(range(1, 6))
    assert all("does not hold it" in str(one["error"]) for one in loop.answers)
    assert not loop.control.standing.tables().meters


def test_no_more_than_so_many_writes_wait_for_a_switch() -> None:
    loop = Loop().connect()
    loop.switches[1].is_silent = True
    asked = TOGETHER_MAX * UNDER_WAY_MAX + 100
    loop.control.request(1, *(json.dumps(drop(n)).encode() for n in range(1, asked)))
    writes = [one for one in loop.control.take() if isinstance(one, Send)]

    assert count(writes, AddFlow) == TOGETHER_MAX * UNDER_WAY_MAX
    loop.control.request(1, json.dumps(drop(asked)).encode())
    assert not [one for one in loop.control.take() if isinstance(one, Send)]

    for write in writes:
        loop.switches[1].is_silent = False
        loop._hear(1, loop.switches[1].take(write.messages))
    assert sum(count([write], AddFlow) for write in sent(loop)) == 100
    assert sorted(ids(loop)) == list(range(1, asked + 1))


def test_silent_switch_is_given_up_and_all_of_it_undone() -> None:
    loop = Loop().connect()
    before = loop.states()
    loop.switches[1].is_silent = True
    together(loop, *map(drop, range(1, 2000)))

    loop.wait(0.9)
    loop.switches[1].is_silent = False
    loop.wait(0.9)

    assert sorted(ids(loop, are_good=False)) == list(range(1, 2000))
    assert "no answer in time" in str(loop.answers[0]["error"])
    assert loop.states() == before
    assert not loop.control._exchanges.open


def test_switch_that_goes_leaves_an_answer_for_each() -> None:
    loop = Loop().connect()
    loop.switches[1].is_silent = True
    together(loop, *map(drop, range(1, 2000)))

    loop.control.disconnected(1)
    loop.pump()

    assert sorted(ids(loop, are_good=False)) == list(range(1, 2000))
    assert not loop.control._exchanges.open


def test_who_leads_no_more_says_so_of_what_waits() -> None:
    loop = Loop().connect()
    loop.second(is_leading=True)

    together(loop, *map(drop, range(1, 6)))

    assert len(ids(loop, are_good=False)) == 5
    assert all(
        word in str(one["error"])
        for one, word in zip(loop.answers, ["standby"] * 5, strict=True)
    )


def test_limits_go_alone_and_come_about_beside_the_others() -> None:
    loop = Loop().connect()

    together(loop, drop(1), limit(2), drop(3), drop(4))

    assert sorted(ids(loop)) == [1, 2, 3, 4]
    assert loop.switches[1].route(Packet("10.9.0.9", GATEWAY, 6, 9000)).meters


def test_prolonging_in_one_go_is_for_the_longest() -> None:
    loop = Loop().connect()
    together(loop, drop(1), drop(2))
    together(loop, drop(1, ttl_ms=9000), drop(2, ttl_ms=9000), drop(3))

    loop.wait(8)

    assert [route(loop, number) for number in (1, 2, 3)] == [False, False, True]


REQUESTS = st.lists(
    st.one_of(
        st.builds(drop, st.integers(1, 6)),
        st.builds(drop, st.integers(1, 6), ttl_ms=st.sampled_from([3000, 9000])),
        st.builds(release, st.integers(1, 6)),
        st.builds(limit, st.integers(7, 8)),
        st.builds(lambda n: drop(n, sources=["10.9.0.2"]), st.integers(1, 6)),
    ),
    max_size=24,
)


@settings(max_examples=150)
@given(REQUESTS, st.lists(st.integers(1, 8), min_size=24, max_size=24))
def test_however_they_come_the_same_stands(
    requests: list[dict[str, object]], sizes: list[int]
) -> None:
    """A request waits at most for answers to those before it."""
    alone, chunked = Loop().connect(), Loop().connect()
    for one in requests:
        alone.ask(**one)
    at = 0
    for size in sizes:
        together(chunked, *requests[at : at + size])
        at += size

    assert chunked.states() == alone.states()
    assert chunked.control.standing.lines(0) == alone.control.standing.lines(0)
    assert sorted(map(repr, chunked.events)) == sorted(map(repr, alone.events))
    assert len(chunked.answers) == len(alone.answers)
    assert not chunked.control._exchanges.open


def test_a_meter_that_is_another_than_was_confirmed_is_found_out() -> None:
    loop = Loop().connect()
    switch = loop.switches[1]
    made = switch.meters
    take = switch.take

    def starved(messages: Iterable[Message], who: int = 1) -> list[Reply]:
        slow = [
            replace(m, meter=replace(m.meter, rate=1)) if isinstance(m, SetMeter) else m
            for m in messages
        ]
        return take(slow, who)

    switch.take = starved

    answer = loop.ask(**limit(1))

    assert "has another" in str(answer["error"])
    assert not made
    assert len(switch.flows) == 2
