"""What requests become: cookies, priorities, matches, and what is refused."""

import ipaddress

import msgspec
import pytest

from airnet.controller import flows
from airnet.controller.flows import Apply, Flow, Match, Meter

ID = "0123456789ab" + "cd" * 26
SOURCE, GATEWAY, KNOWN = "10.9.0.1", "10.9.0.2", "10.9.0.3"


def request(action: str = "drop_sources", **fields: object) -> Apply:
    given = {"id": ID, "ttl_ms": 1500, "sources": [SOURCE], **fields}
    return msgspec.convert({"command": "apply", "action": action, **given}, Apply)


def test_plan_drop_sources_drops_what_goes_to_the_gateway() -> None:
    made = flows.plan(request(gateway=GATEWAY), (), 0)

    assert made.flows == (
        Flow(
            table=0,
            priority=50000,
            cookie=0xA101_0123_4567_89AB,
            match=Match(source=SOURCE, target=GATEWAY),
            seconds=2,
        ),
    )
    assert made.meters == ()


def test_plan_isolate_host_drops_both_ways() -> None:
    made = flows.plan(request("isolate_host"), (), 0)

    assert [flow.match for flow in made.flows] == [
        Match(source=SOURCE),
        Match(target=SOURCE),
    ]
    assert {flow.priority for flow in made.flows} == {60000}
    assert {flow.cookie >> 48 for flow in made.flows} == {0xA103}


def test_plan_rate_limit_meters_all_but_known() -> None:
    asked = request(
        "rate_limit_sources",
        gateway=GATEWAY,
        port=9000,
        known=[KNOWN, "2001:db8::1"],
        packets_per_second=50,
    )

    made = flows.plan(asked, (), 7)

    exempt, *limited = made.flows
    assert exempt.match == Match(source=KNOWN, target=GATEWAY)
    assert (exempt.goto, exempt.meter) == (1, 0)
    assert [(flow.match.protocol, flow.match.port) for flow in limited] == [
        (6, 9000),
        (17, 9000),
    ]
    assert {(flow.goto, flow.meter) for flow in limited} == {(1, 7)}
    assert exempt.priority > limited[0].priority
    assert made.meters == (Meter(id=7, rate=50, burst=5),)


def test_plan_rate_limit_without_port_meters_the_address() -> None:
    made = flows.plan(request("rate_limit_sources", gateway=GATEWAY), (), 7)

    assert [flow.match for flow in made.flows] == [Match(target=GATEWAY)]


def test_plan_when_match_is_taken_takes_the_next_rank() -> None:
    first = flows.plan(request(), (), 0)

    second = flows.plan(request(id="ff"), {flow.key for flow in first.flows}, 0)

    assert second.rank == 1
    assert second.flows[0].priority == first.flows[0].priority + 1
    assert flows.rank_of(second.flows[0]) == 1


def test_plan_joins_a_source_given_twice() -> None:
    made = flows.plan(request(sources=[SOURCE, SOURCE, f"::ffff:{SOURCE}"]), (), 0)

    assert len(made.flows) == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sources": [GATEWAY], "gateway": GATEWAY}, "the gateway itself"),
        ({"sources": ["10.9.0.0/24"], "gateway": GATEWAY}, "the gateway itself"),
        ({"sources": ["10.1.2.3"]}, "protected"),
        ({"sources": ["10.0.0.0/8"]}, "wider than /16"),
        ({"sources": [KNOWN], "known": [KNOWN]}, "a known host"),
        ({"sources": ["2001:db8::1"], "gateway": GATEWAY}, "different IP versions"),
        ({"sources": [SOURCE]}, ""),
    ],
)
def test_refusal_says_which_source_and_why(
    fields: dict[str, object], reason: str
) -> None:
    protected = [ipaddress.ip_network("10.1.0.0/16")]

    found = flows.refusal(request(**fields), protected)

    assert reason in found
    assert bool(reason) == bool(found)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "not hex"},
        {"id": ""},
        {"id": "000000000000ff"},
        {"ttl_ms": 0},
        {"ttl_ms": 65_536_000},
        {"sources": ["10.9.0.300"]},
        {"sources": ["10.9.0.1/24"]},
        {"sources": []},
        {"sources": [SOURCE] * 513},
        {"port": 65536},
        {"action": "reroute"},
        {"action": "rate_limit_sources"},
        {"surprise": 1},
        {"gateway": "gateway"},
    ],
)
def test_request_out_of_bounds_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        request(**fields)


def test_baseline_forwards_whatever_is_not_contained() -> None:
    security, forwarding = flows.baseline()

    assert (security.table, security.priority, security.goto) == (0, 0, 1)
    assert (forwarding.table, forwarding.priority, forwarding.normal) == (1, 0, True)
    assert security.seconds == forwarding.seconds == 0


def test_free_meter_is_one_of_ours_and_not_taken() -> None:
    first = flows.free_meter(5, ())

    second = flows.free_meter(5, {first})

    assert first != second
    assert flows.METER_FIRST <= second < flows.METER_FIRST + flows.METER_COUNT
