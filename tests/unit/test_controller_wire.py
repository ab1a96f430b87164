"""Our words as OpenFlow bytes and back, with the parsers of both frameworks."""

import importlib
from types import ModuleType, SimpleNamespace

import pytest

from airnet.controller import flows, framework, openflow, wire
from airnet.controller.entries import Bucket, Flow, Group, Match, Meter
from airnet.controller.flows import Apply, Hop
from airnet.controller.messages import (
    AddFlow,
    AskFlows,
    AskGroups,
    AskMeters,
    AskPorts,
    AskRole,
    Barrier,
    BundleStep,
    DeleteCookie,
    DeleteFlow,
    DeleteGroup,
    DeleteMeter,
    Message,
    SetGroup,
    SetMeter,
    TakeRole,
)
from airnet.errors import EXIT_USAGE, UsageError
from tests.reference import openflow as reference


class Path(SimpleNamespace):
    """As much of a Datapath as messages are built with."""

    ofproto: ModuleType
    ofproto_parser: ModuleType


@pytest.fixture(params=["os_ken", "ryu"])
def path(request: pytest.FixtureRequest) -> Path:
    name = f"{request.param}.ofproto.ofproto_v1_3"
    of = pytest.importorskip(name)
    return Path(ofproto=of, ofproto_parser=importlib.import_module(f"{name}_parser"))


def decoded(path: Path, message: Message) -> object:
    """Return what the framework reads from the bytes of one message."""
    data = openflow.encode([message])
    package = path.ofproto.__name__.split(".")[0]
    parser = importlib.import_module(f"{package}.ofproto.ofproto_parser")
    version, kind, length, xid = parser.header(data)
    assert (version, length, xid) == (4, len(data), message.xid)
    return parser.msg(path, version, kind, length, xid, data)


def sample_flows() -> list[Flow]:
    asked = {"id": "ab", "ttl_ms": 1500}
    return [
        *flows.baseline(),
        *flows.ranked(
            Apply(
                action="rate_limit_sources",
                gateway="10.9.0.2",
                port=9000,
                known=("10.9.0.3", "10.9.4.0/24"),
                **asked,
            ),
            3,
            0x20001,
        ).flows,
        *flows.ranked(
            Apply(
                action="isolate_subnet",
                sources=("2001:db8::/48", "2001:db8::1", "10.0.0.0/16"),
                **asked,
            ),
            0,
            0,
        ).flows,
        *flows.ranked(
            Apply(
                action="isolate_session",
                sources=("10.9.0.1",),
                source_port=40000,
                gateway="10.9.0.2",
                port=9878,
                **{**asked, "ttl_ms": 3_600_000},
            ),
            0,
        ).flows,
        *flows.ranked(
            Apply(
                action="isolate_session",
                sources=("2001:db8::1",),
                source_port=40000,
                gateway="2001:db8::2",
                port=9878,
                **asked,
            ),
            0,
        ).flows,
        *flows.ranked(
            Apply(action="reroute", gateway="10.9.0.2", path=(Hop(port=3),), **asked),
            0,
            group=0xA1000000,
        ).flows,
        *flows.ranked(
            Apply(action="mirror", sources=("10.9.0.1",), path=(Hop(port=3),), **asked),
            0,
        ).flows,
    ]


@pytest.mark.parametrize("flow", sample_flows(), ids=lambda f: f"{f.priority}")
def test_flow_comes_back_as_it_went(path: Path, flow: Flow) -> None:
    read = decoded(path, AddFlow(xid=7, flow=flow))
    read.packet_count = read.byte_count = 5
    read.duration_sec, read.duration_nsec = 1, 500_000_000

    item = wire.actual_of(read, path.ofproto)

    assert item.flow == flow
    assert (item.age_ms, item.packets) == (1500, 5)
    assert read.command == path.ofproto.OFPFC_ADD
    assert read.flags == path.ofproto.OFPFF_SEND_FLOW_REM


def test_delete_by_cookie_is_masked_and_of_every_table(path: Path) -> None:
    message = DeleteCookie(xid=1, cookie=flows.OWNER_COOKIE | 5, mask=flows.UNDO_MASK)

    read = decoded(path, message)

    of = path.ofproto
    assert (read.command, read.table_id) == (of.OFPFC_DELETE, of.OFPTT_ALL)
    assert (read.cookie, read.cookie_mask) == (message.cookie, flows.UNDO_MASK)
    assert (read.out_port, read.out_group) == (of.OFPP_ANY, of.OFPG_ANY)


def test_delete_flow_is_strict(path: Path) -> None:
    read = decoded(path, DeleteFlow(xid=1, flow=sample_flows()[0]))

    assert read.command == path.ofproto.OFPFC_DELETE_STRICT


@pytest.mark.parametrize("modify", [False, True])
def test_meter_comes_back_as_it_went(path: Path, *, modify: bool) -> None:
    meter = Meter(id=0x20001, rate=100, burst=10)
    message = SetMeter(xid=9, meter=meter, modify=modify)

    data = openflow.encode([message])

    # ofp_meter_mod, 7.3.4.5: command, flags PKTPS|BURST, id; band DROP, 16, rate, burst
    of = path.ofproto
    command = of.OFPMC_MODIFY if modify else of.OFPMC_ADD
    fields = (command, 2), (6, 2), (0x20001, 4), (1, 2), (16, 2), (100, 4), (10, 4)
    body = b"".join(value.to_bytes(width, "big") for value, width in fields)
    assert data == bytes([4, 29, 0, 32, 0, 0, 0, 9]) + body + bytes(4)


def sample_messages() -> list[Message]:
    ways = (
        Bucket(port=3, mac="00:11:22:33:44:55"),
        Bucket(port=4),
        Bucket(group=0xA1000001),
    )
    meter = Meter(id=5, rate=1, burst=1, is_kilobits=True)
    chosen = Group(id=0xA1000000, buckets=ways)
    usual = Group(id=0xA1000001, buckets=(Bucket(),))
    flow = sample_flows()[-1]
    return [
        AskFlows(xid=1),
        AskMeters(xid=2),
        AskGroups(xid=2),
        AskPorts(xid=2),
        AskRole(xid=4),
        Barrier(xid=3),
        DeleteMeter(xid=6, meter=4),
        DeleteGroup(xid=6, group=4),
        DeleteCookie(xid=8, cookie=flows.OWNER_COOKIE | 5, mask=flows.UNDO_MASK),
        TakeRole(xid=5, role=2, generation=(1 << 64) - 3),
        SetMeter(xid=9, meter=meter, modify=True),
        SetGroup(xid=9, group=chosen, modify=False),
        SetGroup(xid=9, group=usual, modify=True, bundle=7),
        AddFlow(xid=10, flow=flow, bundle=7),
        DeleteFlow(xid=11, flow=flow),
        *(BundleStep(xid=12, step=s, bundle=7) for s in ("open", "commit", "discard")),
    ]


@pytest.mark.parametrize(
    "message",
    [*sample_messages(), *(AddFlow(xid=7, flow=flow) for flow in sample_flows())],
    ids=lambda m: type(m).__name__,
)
def test_bytes_are_what_the_framework_would_send(path: Path, message: Message) -> None:
    assert openflow.encode([message]) == reference.encode(path, message)


def test_one_write_is_the_messages_one_after_the_other() -> None:
    messages = sample_messages()

    together = openflow.encode(messages)

    assert together == b"".join(openflow.encode([message]) for message in messages)


def test_group_comes_back_as_it_went(path: Path) -> None:
    buckets = (Bucket(port=3, mac="00:11:22:33:44:55"), Bucket(group=9), Bucket())
    read = [reference.bucket(path, bucket) for bucket in buckets]
    description = SimpleNamespace(group_id=5, buckets=read)

    group = wire.group_of(description, path.ofproto)

    assert group == Group(id=5, buckets=buckets)


@pytest.mark.parametrize(
    "fields",
    [
        {"in_port": 1},
        {"eth_type": 0x0806},
        {"eth_type": 0x0800, "ipv4_src": ("10.0.0.1", "255.0.255.0")},
        {"eth_type": 0x0800, "ip_proto": 6},
        {"eth_type": 0x0800, "ipv4_src": "10.0.0.1", "ip_proto": 1, "icmpv4_type": 8},
    ],
)
def test_match_that_is_not_ours_is_foreign(
    path: Path, fields: dict[str, object]
) -> None:
    match = wire.match_of(path.ofproto_parser.OFPMatch(**fields))

    assert match.foreign
    assert match == Match(foreign=match.foreign)


def test_address_reads_both_families() -> None:
    assert framework.address("127.0.0.1:6653") == ("127.0.0.1", 6653)
    assert framework.address("[::1]:6653") == ("::1", 6653)


@pytest.mark.parametrize("text", ["", "6653", "a:", ":1", "a:0", "a:65536", "a:x"])
def test_address_when_wrong_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        framework.address(text)


def test_main_when_option_unknown_says_so_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert framework.main(["--nonsense"]) == EXIT_USAGE
    assert capsys.readouterr().err.count("\n") == 1


def test_a_port_whose_link_is_down_or_shut_is_not_up(path: Path) -> None:
    of = path.ofproto
    ports = [
        SimpleNamespace(port_no=number, config=config, state=state)
        for number, config, state in (
            (1, 0, 0),
            (2, of.OFPPC_PORT_DOWN, 0),
            (3, 0, of.OFPPS_LINK_DOWN),
            (4, of.OFPPC_NO_PACKET_IN, of.OFPPS_LIVE),
        )
    ]

    assert wire.ports_up(ports, of) == [1, 4]
