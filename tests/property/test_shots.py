"""Shots: what the decider fills in is what would have been made afresh."""

import ipaddress

import msgspec
import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from airnet._ext.shot import COOKIE, SECONDS as TTL, SOURCE, XID, Plan
from airnet.act import shots
from airnet.act.shots import SOURCES_MAX, Shot, Spared
from airnet.controller import entries, flows
from airnet.controller.entries import network
from airnet.controller.flows import Apply, ranked
from airnet.controller.lane import Lane, meter_set, way
from airnet.controller.messages import AddFlow, Barrier, Message
from airnet.controller.openflow import encode
from airnet.domain.address import address_bytes
from tests.reference.shot import WIDTHS, filled

GATEWAYS = {4: "10.9.0.2", 6: "2001:db8::2"}
ANYBODY = {4: "0.0.0.0", 6: "::"}
DECISIONS = st.integers(1, entries.DECISION_MASK)
SECONDS, XIDS = st.integers(1, 65535), st.integers(1, 2**32 - 1)
ACTIONS = st.sampled_from(["drop_sources", "isolate_host"])


def asked(action: str, version: int, *sources: str) -> Apply:
    gateway = GATEWAYS[version] if action == "drop_sources" else ""
    return Apply(
        id="1",
        action=action,
        ttl_ms=1,
        sources=sources,
        gateway=gateway,
    )


def lent(lane: Lane, request: Apply) -> Plan:
    """Return a slot as a client has it, which knows it by JSON."""
    told = msgspec.json.encode(lane.arm(request).prepared)
    found = Shot.of(0, msgspec.json.decode(told, type=shots.Prepared)).plan
    assert found is not None
    return found


def addresses(version: int) -> st.SearchStrategy[str]:
    # Of IPv6 those that are given out (RFC 4291, 2.4): none is an IPv4 address.
    place = {4: "0.0.0.0/0", 6: "2000::/3"}[version]
    return st.ip_addresses(network=place).map(str)


@given(ACTIONS, st.sampled_from([4, 6]), DECISIONS, SECONDS, XIDS, st.data())
def test_a_shot_is_the_bytes_made_afresh(
    action: str, version: int, decision: int, ttl_s: int, xid: int, data: st.DataObject
) -> None:
    source = {4: "10.9.0.1", 6: "2001:db8::1"}[version]
    request = asked(action, version, source)
    lane = Lane([])
    shot = lent(lane, request)
    slot = lane.arm(request)
    shot.filled(data.draw(DECISIONS), data.draw(SECONDS), data.draw(XIDS))

    seconds = min(ttl_s, 10)
    wanted: list[Message] = [meter_set(m, 1) for m in slot.ways.values()]
    wanted += [
        AddFlow(flow=replace(way(m, n), seconds=seconds)) for m, n in slot.ways.items()
    ]
    wanted += fresh(request, decision, seconds)
    made = encode(replace(one, xid=xid) for one in [*wanted, Barrier()])
    assert shot.filled(decision, ttl_s, xid) == made
    assert slot.prepared.shot(decision, ttl_s, xid) == made


@given(ACTIONS, st.sampled_from([4, 6]), DECISIONS, SECONDS, XIDS, st.data())
def test_a_template_is_the_bytes_made_afresh_for_whoever_it_is(
    action: str, version: int, decision: int, ttl_s: int, xid: int, data: st.DataObject
) -> None:
    lane = Lane([])
    request = asked(action, version, ANYBODY[version])
    shot = lent(lane, request)
    whoever = addresses(version)
    sources = data.draw(st.lists(whoever, min_size=1, max_size=5))
    shot.filled(5, 5, 5, [address_bytes(sources[0])] * 3)

    wanted = [
        one
        for source in sources
        for one in fresh(asked(action, version, source), decision, min(ttl_s, 10))
    ]
    made = encode(replace(one, xid=xid) for one in [*wanted, Barrier()])
    packed = [address_bytes(source) for source in sources]
    assert shot.filled(decision, ttl_s, xid, packed) == made
    assert lane.arm(request).prepared.shot(decision, ttl_s, xid, packed) == made


def fresh(request: Apply, decision: int, seconds: int) -> list[Message]:
    mark = entries.cookie(entries.FAST_KIND, decision)
    return [
        AddFlow(flow=replace(rule, cookie=mark, seconds=seconds, priority=entries.FAST))
        for rule in ranked(request, 0).flows
    ]


KINDS = {"cookie": COOKIE, "seconds": TTL, "xid": XID, "source": SOURCE}


@given(
    st.binary(min_size=1, max_size=200),
    st.binary(min_size=8, max_size=24),
    st.lists(st.tuples(st.integers(0, 199), st.sampled_from(list(KINDS))), max_size=9),
    st.sampled_from([4, 16]),
    st.fixed_dictionaries(
        {"cookie": st.integers(0, 2**64 - 1), "seconds": SECONDS, "xid": XIDS}
    ),
    st.lists(st.binary(min_size=16, max_size=16), max_size=4),
)
def test_a_plan_equals_its_reference(
    data: bytes,
    end: bytes,
    wanted: list[tuple[int, str]],
    width: int,
    told: dict[str, int],
    sources: list[bytes],
) -> None:
    """Wherever its holes are, one over the other as well; again and again."""
    widths = {**WIDTHS, "source": width}
    holes = [(at, name) for at, name in wanted if at + widths[name] <= len(data)]
    numbers = [(at, KINDS[name]) for at, name in holes]
    plan = Plan(data, end, numbers, 0, 65535, width)
    late = told["cookie"], told["seconds"], told["xid"]

    for _ in range(2):
        made = plan.filled(*late, sources)
        assert made == filled(data, end, holes, told, sources, width)


@pytest.mark.parametrize("hole", [(9, XID), (6, COOKIE), (0, SOURCE), (0, 9)])
def test_a_place_outside_its_message_is_refused(hole: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="outside"):
        Plan(bytes(12), bytes(8), [hole], 0, 1, 16)


def test_what_the_lane_tells_wrongly_is_left_to_the_lane() -> None:
    wrong = shots.Prepared(bytes(12), bytes(8), (9,), (), ())

    assert Shot.of(3, wrong) == (3, None)


HOSTS = st.integers(0, 63).map(lambda n: f"10.9.0.{n}")
PLACES = st.builds(
    lambda n, bits: str(ipaddress.ip_network((0x0A090000 + n, bits), strict=False)),
    st.integers(0, 63),
    st.integers(24, 32),
)


@given(
    st.lists(HOSTS, min_size=1, max_size=4),
    st.lists(PLACES, max_size=3),
    st.lists(HOSTS | PLACES, max_size=3),
)
def test_who_is_spared_is_who_the_controller_would_refuse(
    sources: list[str], protected: list[str], known: list[str]
) -> None:
    gateway = "10.9.0.2"
    request = Apply(
        id="1",
        action="drop_sources",
        ttl_ms=1,
        sources=tuple(sources),
        gateway=gateway,
        known=tuple(known),
    )
    refused = flows.refusal(request, [network(text) for text in protected])

    found = Spared(protected).clears(sources, gateway, known)

    assert bool(found) is not bool(refused)
    assert found in ([], [address_bytes(source) for source in sources])


def test_more_than_so_many_or_no_address_is_for_the_controller() -> None:
    many = [f"10.8.0.{n}" for n in range(SOURCES_MAX + 1)]

    assert Spared().clears(many[1:], "10.9.0.2", [])
    assert not Spared().clears(many, "10.9.0.2", [])
    assert not Spared().clears(["10.9.0.0/24"], "10.9.0.2", [])
    assert not Spared().clears(["10.9.0.1"], "10.9.0.2", ["nobody"])
