"""Our words as OpenFlow bytes, the slow way: by the encoders of Ryu and os-ken.

What `airnet.controller.openflow` makes by hand must be what the frameworks make.
"""

import ipaddress
from typing import Any

from airnet.controller.entries import (
    TCP,
    UDP,
    Bucket,
    Flow,
    Match,
)
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

ETHERTYPES = {4: 0x0800, 6: 0x86DD}
PORTS = {TCP: "tcp", UDP: "udp"}


def encode(path: Any, message: Message) -> bytes:
    """Return one message as the framework of `path` writes it."""
    made = built(path, message)
    bundle = getattr(message, "bundle", 0)
    if bundle and not isinstance(message, BundleStep):
        flags = path.ofproto.ONF_BF_ATOMIC | path.ofproto.ONF_BF_ORDERED
        made = path.ofproto_parser.ONFBundleAddMsg(path, bundle, flags, made, [])
    made.set_xid(message.xid)
    made.serialize()
    return bytes(made.buf)


def built(path: Any, message: Message) -> Any:
    of, parser = path.ofproto, path.ofproto_parser
    match message:
        case AddFlow(flow=flow):
            return flow_mod(path, flow, of.OFPFC_ADD)
        case DeleteFlow(flow=flow):
            return flow_mod(path, flow, of.OFPFC_DELETE_STRICT)
        case DeleteCookie(cookie=cookie, mask=mask):
            return parser.OFPFlowMod(
                path,
                cookie=cookie,
                cookie_mask=mask,
                table_id=of.OFPTT_ALL,
                command=of.OFPFC_DELETE,
                priority=0,
                buffer_id=0,
                out_port=of.OFPP_ANY,
                out_group=of.OFPG_ANY,
            )
        case SetMeter(meter=meter, modify=modify):
            band = parser.OFPMeterBandDrop(meter.rate, meter.burst)
            unit = of.OFPMF_KBPS if meter.is_kilobits else of.OFPMF_PKTPS
            command = of.OFPMC_MODIFY if modify else of.OFPMC_ADD
            return parser.OFPMeterMod(
                path, command, unit | of.OFPMF_BURST, meter.id, [band]
            )
        case SetGroup(group=group, modify=modify):
            command = of.OFPGC_MODIFY if modify else of.OFPGC_ADD
            kind = of.OFPGT_FF if group.is_failover else of.OFPGT_INDIRECT
            buckets = [bucket(path, each) for each in group.buckets]
            return parser.OFPGroupMod(path, command, kind, group.id, buckets)
    return plain(path, message)


def plain(path: Any, message: Message) -> Any:
    """Return a message that says nothing of a flow, or only a number."""
    of, parser = path.ofproto, path.ofproto_parser
    match message:
        case DeleteMeter(meter=meter):
            return parser.OFPMeterMod(path, of.OFPMC_DELETE, 0, meter)
        case DeleteGroup(group=group):
            return parser.OFPGroupMod(path, of.OFPGC_DELETE, 0, group)
        case AskRole():
            return parser.OFPRoleRequest(path, of.OFPCR_ROLE_NOCHANGE, 0)
        case TakeRole(role=role, generation=generation):
            return parser.OFPRoleRequest(path, role, generation)
        case BundleStep(step=step, bundle=number):
            kind = getattr(of, f"ONF_BCT_{step.upper()}_REQUEST")
            flags = of.ONF_BF_ATOMIC | of.ONF_BF_ORDERED
            return parser.ONFBundleCtrlMsg(path, number, kind, flags, [])
        case AskFlows(cookie=cookie, mask=mask):
            return parser.OFPFlowStatsRequest(
                path, 0, of.OFPTT_ALL, cookie=cookie, cookie_mask=mask
            )
        case AskMeters():
            return parser.OFPMeterConfigStatsRequest(path, 0, of.OFPM_ALL)
        case AskGroups():
            return parser.OFPGroupDescStatsRequest(path, 0)
        case AskPorts():
            return parser.OFPPortDescStatsRequest(path, 0)
        case Barrier():
            return parser.OFPBarrierRequest(path)
    raise AssertionError(message)


def flow_mod(path: Any, flow: Flow, command: int) -> Any:
    of, parser = path.ofproto, path.ofproto_parser
    steps = [parser.OFPInstructionMeter(flow.meter)] if flow.meter else []
    actions = [parser.OFPActionOutput(flow.output)] if flow.output else []
    if flow.group:
        actions.append(parser.OFPActionGroup(flow.group))
    if flow.normal:
        actions.append(parser.OFPActionOutput(of.OFPP_NORMAL))
    if actions:
        steps.append(parser.OFPInstructionActions(of.OFPIT_APPLY_ACTIONS, actions))
    if flow.goto:
        steps.append(parser.OFPInstructionGotoTable(flow.goto))
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


def bucket(path: Any, made: Bucket) -> Any:
    of, parser = path.ofproto, path.ofproto_parser
    actions = [parser.OFPActionSetField(eth_dst=made.mac)] if made.mac else []
    if made.group:
        actions.append(parser.OFPActionGroup(made.group))
    else:
        actions.append(parser.OFPActionOutput(made.port or of.OFPP_NORMAL))
    return parser.OFPBucket(
        weight=0,
        watch_port=made.port or of.OFPP_ANY,
        watch_group=made.group or of.OFPG_ANY,
        actions=actions,
    )


def fields(match: Match) -> dict[str, Any]:
    """Return a match as OXM fields by name."""
    found: dict[str, Any] = {"metadata": match.metadata} if match.metadata else {}
    if match.version:
        found["eth_type"] = ETHERTYPES[match.version]
    for side, text in (("src", match.source), ("dst", match.target)):
        if text:
            place = ipaddress.ip_network(text)
            address = str(place.network_address)
            whole = place.prefixlen == place.max_prefixlen
            name = f"ipv{match.version}_{side}"
            found[name] = address if whole else (address, str(place.netmask))
    if match.protocol:
        found["ip_proto"] = match.protocol
        for side, port in (("src", match.source_port), ("dst", match.port)):
            if port:
                found[f"{PORTS[match.protocol]}_{side}"] = port
    return found
