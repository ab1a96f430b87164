"""Our words as OpenFlow 1.3 bytes. Pure, and without a framework: the fast lane's way.

Source: OpenFlow Switch Specification 1.3.5 (ONF TS-023), sections 7.2 and 7.3; bundles
for 1.3 from ONF extension EXT-230. The frameworks' own encoders are the test's oracle.
"""

import ipaddress
import struct
from collections.abc import Iterable

from airnet.controller.entries import (
    TCP,
    UDP,
    Bucket,
    Flow,
    Group,
    Match,
    Meter,
    network,
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
    Refresh,
    SetGroup,
    SetMeter,
    TakeRole,
)
from airnet.controller.refresh import twins

VERSION = 4
HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY, EXPERIMENTER = 0, 1, 2, 3, 4
FEATURES_REQUEST, FEATURES_REPLY = 5, 6
FLOW_MOD, GROUP_MOD, MULTIPART_REQUEST = 14, 15, 18
BARRIER_REQUEST, BARRIER_REPLY, ROLE_REQUEST, METER_MOD = 20, 21, 24, 29
HEADER = struct.Struct("!BBHI")

ANY, ALL_TABLES, ALL_METERS = 0xFFFFFFFF, 0xFF, 0xFFFFFFFF
PORT_NORMAL, NO_BUFFER = 0xFFFFFFFA, 0xFFFFFFFF
ADD, MODIFY_METER, DELETE, DELETE_STRICT = 0, 1, 3, 4
METER_DELETE, GROUP_DELETE = 2, 2
SEND_FLOW_REMOVED = 1
METER_KBPS, METER_PKTPS, METER_BURST = 1, 2, 4
INDIRECT, FAST_FAILOVER = 2, 3
#: Multipart types.
FLOWS, GROUPS, METERS, PORTS = 1, 7, 10, 13
#: ONF EXT-230.
ONF, BUNDLE_CONTROL, BUNDLE_ADD, ATOMIC_AND_ORDERED = 0x4F4E4600, 2300, 2301, 3
BUNDLE_STEPS = {"open": 0, "commit": 4, "discard": 6}

ETHERTYPES = {4: 0x0800, 6: 0x86DD}
#: OXM fields: source and target address by IP version, ports by protocol.
ADDRESS_FIELDS = {4: (11, 12), 6: (26, 27)}
PORT_FIELDS = {TCP: (13, 14), UDP: (15, 16)}
METADATA, ETH_DST, ETH_TYPE, IP_PROTO = 2, 3, 5, 10


def header(kind: int, body: bytes, xid: int) -> bytes:
    """Return one whole message (section 7.1)."""
    return HEADER.pack(VERSION, kind, HEADER.size + len(body), xid) + body


def encode(messages: Iterable[Message]) -> bytes:
    """Return messages as the bytes of one write."""
    return b"".join(map(encoded, messages))


def encoded(message: Message) -> bytes:
    """Return one message as bytes."""
    xid = message.xid
    match message:
        case AddFlow(flow=flow, bundle=bundle):
            return _in_bundle(header(FLOW_MOD, _flow_mod(flow, ADD), xid), bundle, xid)
        case Refresh(flow=flow, is_over=is_over):
            rule = header(FLOW_MOD, _flow_mod(flow, ADD), xid)
            return twins(rule, xid, is_over=is_over)
        case DeleteFlow(flow=flow, bundle=bundle):
            body = _flow_mod(flow, DELETE_STRICT)
            return _in_bundle(header(FLOW_MOD, body, xid), bundle, xid)
        case SetGroup(group=group, modify=modify, bundle=bundle):
            body = _group_mod(group, modify=modify)
            return _in_bundle(header(GROUP_MOD, body, xid), bundle, xid)
        case DeleteCookie(cookie=cookie, mask=mask):
            return header(FLOW_MOD, _delete(cookie, mask), xid)
        case DeleteGroup(group=group):
            body = struct.pack("!HBxI", GROUP_DELETE, 0, group)
            return header(GROUP_MOD, body, xid)
        case SetMeter(meter=meter, modify=modify):
            return header(METER_MOD, _meter_mod(meter, modify=modify), xid)
        case DeleteMeter(meter=meter):
            return header(METER_MOD, struct.pack("!HHI", METER_DELETE, 0, meter), xid)
        case TakeRole(role=role, generation=generation):
            return header(ROLE_REQUEST, struct.pack("!I4xQ", role, generation), xid)
        case AskRole():
            return header(ROLE_REQUEST, struct.pack("!I4xQ", 0, 0), xid)
        case BundleStep(step=step, bundle=bundle):
            kind = BUNDLE_STEPS[step]
            body = struct.pack("!IHH", bundle, kind, ATOMIC_AND_ORDERED)
            return header(EXPERIMENTER, _onf(BUNDLE_CONTROL) + body, xid)
        case Barrier():
            return header(BARRIER_REQUEST, b"", xid)
    return header(MULTIPART_REQUEST, _question(message), xid)


def _question(message: Message) -> bytes:
    match message:
        case AskFlows(cookie=cookie, mask=mask):
            kind, body = FLOWS, struct.pack("!B3xII4x", ALL_TABLES, ANY, ANY)
            body += struct.pack("!QQ", cookie, mask) + matched(Match())
        case AskGroups():
            kind, body = GROUPS, b""
        case AskPorts():
            kind, body = PORTS, b""
        case AskMeters(meter=meter):
            kind, body = METERS, struct.pack("!I4x", meter or ALL_METERS)
        case _:
            raise AssertionError(message)
    return struct.pack("!HH4x", kind, 0) + body


def _onf(kind: int) -> bytes:
    return struct.pack("!II", ONF, kind)


def _in_bundle(message: bytes, bundle: int, xid: int) -> bytes:
    """Return a message as it is, or wrapped for a bundle, both under one xid."""
    if not bundle:
        return message
    body = struct.pack("!I2xH", bundle, ATOMIC_AND_ORDERED) + message
    return header(EXPERIMENTER, _onf(BUNDLE_ADD) + body, xid)


# ---- flows (7.3.4.1) ----


def _flow_mod(flow: Flow, command: int) -> bytes:
    fixed = struct.pack(
        "!QQBBHHHIIIH2x",
        flow.cookie,
        0,
        flow.table,
        command,
        0,
        flow.seconds,
        flow.priority,
        NO_BUFFER,
        ANY,
        ANY,
        SEND_FLOW_REMOVED,
    )
    return fixed + matched(flow.match) + _instructions(flow)


def _delete(cookie: int, mask: int) -> bytes:
    """Return the body that deletes by cookie, in every table."""
    fixed = struct.pack(
        "!QQBBHHHIIIH2x", cookie, mask, ALL_TABLES, DELETE, 0, 0, 0, 0, ANY, ANY, 0
    )
    return fixed + matched(Match())


def _instructions(flow: Flow) -> bytes:
    """Return meter, actions and goto, in the order a switch carries them out."""
    found = struct.pack("!HHI", 6, 8, flow.meter) if flow.meter else b""
    actions = b""
    if flow.output:
        actions += _output(flow.output)
    if flow.group:
        actions += _to_group(flow.group)
    if flow.normal:
        actions += _output(PORT_NORMAL)
    if actions:
        found += struct.pack("!HH4x", 4, 8 + len(actions)) + actions
    if flow.goto:
        found += struct.pack("!HHB3x", 1, 8, flow.goto)
    return found


def _output(port: int) -> bytes:
    # Section 7.2.5: 0xffe5 asks for whole packets where the controller is the port.
    return struct.pack("!HHIH6x", 0, 16, port, 0xFFE5)


def _to_group(group: int) -> bytes:
    return struct.pack("!HHI", 22, 8, group)


def matched(match: Match) -> bytes:
    """Return an ofp_match of OXM fields (7.2.3), padded to eight bytes."""
    fields = b""
    if match.metadata:
        fields += _oxm(METADATA, match.metadata.to_bytes(8, "big"))
    version = match.version
    if version:
        fields += _oxm(ETH_TYPE, ETHERTYPES[version].to_bytes(2, "big"))
    if match.protocol:
        fields += _oxm(IP_PROTO, bytes([match.protocol]))
    addresses = numbers = b""
    if version:
        source, target = ADDRESS_FIELDS[version]
        addresses = _address(source, match.source) + _address(target, match.target)
    if match.protocol:
        source, target = PORT_FIELDS[match.protocol]
        numbers = _port(source, match.source_port) + _port(target, match.port)
    # Ascending field numbers: IPv4 addresses stand before the ports, IPv6's after.
    fields += addresses + numbers if version == 4 else numbers + addresses
    length = 4 + len(fields)
    return struct.pack("!HH", 1, length) + fields + bytes(-length % 8)


def _port(field: int, port: int) -> bytes:
    return _oxm(field, port.to_bytes(2, "big")) if port else b""


def _address(field: int, text: str) -> bytes:
    if not text:
        return b""
    if "/" not in text:
        return _oxm(field, ipaddress.ip_address(text).packed)
    place = network(text)
    if place.prefixlen == place.max_prefixlen:
        return _oxm(field, place.network_address.packed)
    return _oxm(field, place.network_address.packed, place.netmask.packed)


def _oxm(field: int, value: bytes, mask: bytes = b"") -> bytes:
    wide = len(value) + len(mask)
    return struct.pack("!HBB", 0x8000, field << 1 | bool(mask), wide) + value + mask


# ---- meters (7.3.4.4) and groups (7.3.4.3) ----


def _meter_mod(meter: Meter, *, modify: bool) -> bytes:
    unit = METER_KBPS if meter.is_kilobits else METER_PKTPS
    fixed = struct.pack(
        "!HHI", MODIFY_METER if modify else ADD, unit | METER_BURST, meter.id
    )
    return fixed + struct.pack("!HHII4x", 1, 16, meter.rate, meter.burst)


def _group_mod(group: Group, *, modify: bool) -> bytes:
    kind = FAST_FAILOVER if group.is_failover else INDIRECT
    fixed = struct.pack("!HBxI", 1 if modify else ADD, kind, group.id)
    return fixed + b"".join(map(_bucket, group.buckets))


def _bucket(bucket: Bucket) -> bytes:
    actions = b""
    if bucket.mac:
        field = _oxm(ETH_DST, bytes.fromhex(bucket.mac.replace(":", "")))
        length = 4 + len(field)
        actions += struct.pack("!HH", 25, length + -length % 8)
        actions += field + bytes(-length % 8)
    if bucket.group:
        actions += _to_group(bucket.group)
    else:
        actions += _output(bucket.port or PORT_NORMAL)
    watched = struct.pack("!II", bucket.port or ANY, bucket.group or ANY)
    return struct.pack("!HH", 16 + len(actions), 0) + watched + bytes(4) + actions
