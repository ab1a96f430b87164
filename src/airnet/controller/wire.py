"""What switches tell, in our words, from either framework's parser.

What we tell them is made in openflow.py. Source of names and fields: OpenFlow Switch
Specification 1.3.5, section 7.
"""

import ipaddress
from types import ModuleType
from typing import Any, Protocol

from airnet.controller import openflow
from airnet.controller.entries import (
    TCP,
    UDP,
    Bucket,
    Flow,
    Group,
    Match,
    Meter,
    text_of,
)
from airnet.controller.sync import Actual

PORTS = {TCP: "tcp", UDP: "udp"}


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


def match_of(reported: Any) -> Match:
    """Return a reported OFPMatch in our words; `foreign` when they do not suffice."""
    found = dict(reported.items())
    version = {number: v for v, number in openflow.ETHERTYPES.items()}.get(
        found.get("eth_type", 0), 0
    )
    protocol = found["ip_proto"] if found.get("ip_proto") in PORTS else 0
    try:
        places = {
            side: _place(found.get(f"ipv{version}_{side}")) for side in ("src", "dst")
        }
        # A masked port or metadata comes as a pair, which int refuses.
        ports = {
            side: int(found.get(f"{PORTS.get(protocol)}_{side}", 0))
            for side in ("src", "dst")
        }
        match = Match(
            source=places["src"],
            target=places["dst"],
            protocol=protocol,
            port=ports["dst"],
            source_port=ports["src"],
            metadata=int(found.get("metadata", 0)),
        )
    except (ValueError, TypeError):
        match = Match()
    if _has_all(match, found):
        return match
    return Match(foreign=repr(sorted(found.items(), key=repr)))


def _has_all(match: Match, found: dict[str, Any]) -> bool:
    """Return whether each field that was reported has its place in `match`."""
    held = (
        match.source,
        match.target,
        match.protocol,
        match.port,
        match.source_port,
        match.metadata,
    )
    return len(found) == sum(map(bool, held)) + bool(match.version)


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
    to = {"meter": 0, "goto": 0, "output": 0, "group": 0}
    normal = False
    for step in getattr(stats, "instructions", ()):
        if step.type == of.OFPIT_METER:
            to["meter"] = step.meter_id
        elif step.type == of.OFPIT_GOTO_TABLE:
            to["goto"] = step.table_id
        for action in getattr(step, "actions", ()):
            port = getattr(action, "port", 0)
            normal = normal or port == of.OFPP_NORMAL
            if port and port != of.OFPP_NORMAL:
                to["output"] = port
            to["group"] = getattr(action, "group_id", to["group"])
    flow = Flow(
        table=stats.table_id,
        priority=stats.priority,
        cookie=stats.cookie,
        match=match_of(stats.match),
        normal=normal,
        seconds=stats.hard_timeout,
        **to,
    )
    age_ms = stats.duration_sec * 1000 + stats.duration_nsec // 1_000_000
    return Actual(
        flow=flow, age_ms=age_ms, packets=stats.packet_count, bytes=stats.byte_count
    )


def ports_up(descriptions: Any, of: ModuleType) -> list[int]:
    """Return the numbers, of OFPPorts, of those whose link is up."""
    return [
        port.port_no
        for port in descriptions
        if not port.config & of.OFPPC_PORT_DOWN and not port.state & of.OFPPS_LINK_DOWN
    ]


def meter_of(config: Any, of: ModuleType) -> Meter:
    """Return an OFPMeterConfigStats in our words."""
    band = config.bands[0] if config.bands else None
    return Meter(
        id=config.meter_id,
        rate=band.rate if band else 0,
        burst=band.burst_size if band else 0,
        is_kilobits=bool(config.flags & of.OFPMF_KBPS),
    )


def group_of(description: Any, of: ModuleType) -> Group:
    """Return an OFPGroupDescStats in our words."""
    return Group(
        id=description.group_id,
        buckets=tuple(_bucket_of(bucket, of) for bucket in description.buckets),
    )


def _bucket_of(bucket: Any, of: ModuleType) -> Bucket:
    port = group = 0
    mac = ""
    for action in bucket.actions:
        group = getattr(action, "group_id", group)
        port = getattr(action, "port", port)
        mac = getattr(action, "value", mac)
    return Bucket(port=0 if port == of.OFPP_NORMAL else port, group=group, mac=mac)
