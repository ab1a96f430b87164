"""Our words as OpenFlow 1.3 messages and back, with either framework's parser.

Source of names and fields: OpenFlow Switch Specification 1.3.5, section 7.
"""

import ipaddress
from collections.abc import Iterable
from types import ModuleType
from typing import Any, Protocol

from airnet.controller.flows import (
    OWNER_COOKIE,
    OWNER_MASK,
    TCP,
    UDP,
    Flow,
    Match,
    Meter,
    text_of,
)
from airnet.controller.messages import (
    AddFlow,
    AskFlows,
    AskMeters,
    Barrier,
    DeleteCookie,
    DeleteFlow,
    DeleteMeter,
    Message,
    SetMeter,
)
from airnet.controller.sync import Actual

ETHERTYPES = {4: 0x0800, 6: 0x86DD}
PORTS = {TCP: "tcp_dst", UDP: "udp_dst"}


class Datapath(Protocol):
    """What both frameworks' Datapath offers and we use."""

    id: int | None
    address: Any
    ofproto: ModuleType
    ofproto_parser: ModuleType
    send_q: Any

    def send(self, buf: bytes) -> bool:
        """Queue bytes; return whether they were."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


def encode(path: Datapath, messages: Iterable[Message]) -> bytes:
    """Return messages as the bytes of one write."""
    return b"".join(bytes(_encoded(path, message)) for message in messages)


def _encoded(path: Datapath, message: Message) -> bytes:
    made = _built(path, message)
    made.set_xid(message.xid)
    made.serialize()
    buffer: bytes = made.buf
    return buffer


def _built(path: Datapath, message: Message) -> Any:
    """Return a message of ours as the framework's."""
    of, parser = path.ofproto, path.ofproto_parser
    match message:
        case AddFlow(flow=flow):
            return _flow_mod(path, flow, of.OFPFC_ADD)
        case DeleteFlow(flow=flow):
            return _flow_mod(path, flow, of.OFPFC_DELETE_STRICT)
        case DeleteCookie(cookie=cookie, mask=mask):
            return parser.OFPFlowMod(
                path,
                cookie=cookie,
                cookie_mask=mask,
                table_id=of.OFPTT_ALL,
                command=of.OFPFC_DELETE,
                out_port=of.OFPP_ANY,
                out_group=of.OFPG_ANY,
            )
        case SetMeter(meter=meter, modify=modify):
            band = parser.OFPMeterBandDrop(meter.packets_per_second, meter.burst)
            return parser.OFPMeterMod(
                path,
                of.OFPMC_MODIFY if modify else of.OFPMC_ADD,
                of.OFPMF_PKTPS | of.OFPMF_BURST,
                meter.id,
                [band],
            )
        case DeleteMeter(meter=meter):
            return parser.OFPMeterMod(path, of.OFPMC_DELETE, 0, meter)
        case AskFlows():
            return parser.OFPFlowStatsRequest(
                path, 0, of.OFPTT_ALL, cookie=OWNER_COOKIE, cookie_mask=OWNER_MASK
            )
        case AskMeters():
            return parser.OFPMeterConfigStatsRequest(path, 0, of.OFPM_ALL)
        case Barrier():
            return parser.OFPBarrierRequest(path)
    raise AssertionError(message)


def _flow_mod(path: Datapath, flow: Flow, command: int) -> Any:
    of, parser = path.ofproto, path.ofproto_parser
    steps = []
    if flow.meter:
        steps.append(parser.OFPInstructionMeter(flow.meter))
    if flow.goto:
        steps.append(parser.OFPInstructionGotoTable(flow.goto))
    if flow.normal:
        output = parser.OFPActionOutput(of.OFPP_NORMAL)
        steps.append(parser.OFPInstructionActions(of.OFPIT_APPLY_ACTIONS, [output]))
    return parser.OFPFlowMod(
        path,
        cookie=flow.cookie,
        table_id=flow.table,
        command=command,
        hard_timeout=flow.seconds,
        priority=flow.priority,
        out_port=of.OFPP_ANY,
        out_group=of.OFPG_ANY,
        flags=of.OFPFF_SEND_FLOW_REM,
        match=parser.OFPMatch(**fields(flow.match)),
        instructions=steps,
    )


def fields(match: Match) -> dict[str, Any]:
    """Return a match as OXM fields by name."""
    if not match.version:
        return {}
    found: dict[str, Any] = {"eth_type": ETHERTYPES[match.version]}
    for side, text in (("src", match.source), ("dst", match.target)):
        if text:
            place = ipaddress.ip_network(text)
            name = f"ipv{match.version}_{side}"
            whole = place.prefixlen == place.max_prefixlen
            address = str(place.network_address)
            found[name] = address if whole else (address, str(place.netmask))
    if match.protocol:
        found["ip_proto"] = match.protocol
        found[PORTS[match.protocol]] = match.port
    return found


def match_of(reported: Any) -> Match:
    """Return a reported OFPMatch in our words; `foreign` when they do not suffice."""
    found = dict(reported.items())
    version = {number: v for v, number in ETHERTYPES.items()}.get(
        found.get("eth_type", 0), 0
    )
    try:
        places = {
            side: _place(found.get(f"ipv{version}_{side}")) for side in ("src", "dst")
        }
        protocol = found["ip_proto"] if found.get("ip_proto") in PORTS else 0
        match = Match(
            source=places["src"],
            target=places["dst"],
            protocol=protocol,
            # A masked port comes as a pair, which int refuses.
            port=int(found.get(PORTS.get(protocol, ""), 0)),
        )
    except (ValueError, TypeError):
        match = Match()
    if set(fields(match)) == set(found):
        return match
    return Match(foreign=repr(sorted(found.items(), key=repr)))


def _place(value: Any) -> str:
    """Return an OXM address, or address and mask, as a Match holds it."""
    if value is None:
        return ""
    address, mask = value if isinstance(value, tuple) else (value, "")
    network = ipaddress.ip_network(address)
    if not mask:
        return text_of(network)
    bits = int(ipaddress.ip_address(mask))
    length = bits.bit_count()
    width = network.max_prefixlen
    if bits != ((1 << length) - 1) << (width - length):
        raise ValueError(f"{mask} is no prefix")
    return text_of(ipaddress.ip_network(f"{address}/{length}"))


def actual_of(stats: Any, of: ModuleType) -> Actual:
    """Return an OFPFlowStats or OFPFlowRemoved in our words."""
    meter = goto = 0
    normal = False
    for step in getattr(stats, "instructions", ()):
        if step.type == of.OFPIT_METER:
            meter = step.meter_id
        elif step.type == of.OFPIT_GOTO_TABLE:
            goto = step.table_id
        else:
            ports = [getattr(a, "port", 0) for a in getattr(step, "actions", ())]
            normal = of.OFPP_NORMAL in ports
    flow = Flow(
        table=stats.table_id,
        priority=stats.priority,
        cookie=stats.cookie,
        match=match_of(stats.match),
        meter=meter,
        goto=goto,
        normal=normal,
        seconds=stats.hard_timeout,
    )
    age_ms = stats.duration_sec * 1000 + stats.duration_nsec // 1_000_000
    return Actual(
        flow=flow, age_ms=age_ms, packets=stats.packet_count, bytes=stats.byte_count
    )


def meter_of(config: Any) -> Meter:
    """Return an OFPMeterConfigStats in our words."""
    band = config.bands[0] if config.bands else None
    return Meter(
        id=config.meter_id,
        packets_per_second=band.rate if band else 0,
        burst=band.burst_size if band else 0,
    )
