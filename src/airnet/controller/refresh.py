"""Refresh: has a switch look up anew what it has cached of a containment. Pure.

Open vSwitch caches flows that may overlap. Its userspace datapath before 2.17.8, 3.0.5,
3.1.3 and 3.2.1 looks for the one to change by a packet instead of by its name, and may
change another ("dpif-netdev: Fix dpif_netdev_flow_put", 2023). What is contained then
passes, or what was let go stays cut, for as long as its frames keep coming; to write
the rule again changes nothing, as the switch takes its cache for right (ADR 0092).

To delete goes by name, in every version. A cached flow is deleted once a rule is looked
at that asks for a field which the flow has left open. So beside a rule that has come
stands its twin for a second, which does the same and asks for ECN too. Beside nothing,
where a rule has gone, stands one that passes on, as is done without, and asks for DSCP:
what the first twin has narrowed is narrowed no more by asking for the same. Both ask
for what hardly a frame has, so that rules go on counting: to be looked at is enough.
"""

import struct
from collections.abc import Iterator

from airnet.controller.entries import (
    ARMED,
    DECISION_BITS,
    FORWARDING,
    RANKS,
    REFRESH_KIND,
    SECURITY,
    Flow,
)

HEADER = struct.Struct("!BBHI")
#: An ofp_flow_mod up to its match (OpenFlow 1.3.5, 7.3.4.1).
FLOW_MOD, FIXED, ADD = 14, struct.Struct("!QQBBHHHIIIH2x"), 0
MATCH_AT, FIELDS_AT = 48, 52
NO_BUFFER = ANY = 0xFFFFFFFF
#: How long a twin stands, in seconds: a hard timeout knows no less.
TWIN_S = 1
#: Below everything that contains, above the ways through armed meters.
OVER = ARMED + 5
#: OXM fields with their headers (7.2.3.7): the two versions of IP; an ECN that says
#: "congestion experienced" (RFC 3168), and a DSCP of nobody's (RFC 4594).
IP = (b"\x80\x00\x0a\x02\x08\x00", b"\x80\x00\x0a\x02\x86\xdd")
ECN, DSCP = b"\x80\x00\x12\x01\x03", b"\x80\x00\x10\x01\x3f"
#: The instruction to go on to forwarding (7.2.4).
PASSES_ON = struct.pack("!HHB3x", 1, 8, FORWARDING)
KIND = 0xFF << DECISION_BITS


def is_cached(flow: Flow) -> bool:
    """Return whether a switch does otherwise with frames because of this rule."""
    is_exempt = flow.goto and not (flow.meter or flow.output or flow.group)
    return flow.table == SECURITY and bool(flow.match.version) and not is_exempt


def twins(written: bytes, xid: int = 0, *, is_over: bool = False) -> bytes:
    """Return the twins of rules, which are given as they were written.

    Args:
        written: OpenFlow messages; those that add no rule of a containment have none.
        xid: of the twins: an error says this.
        is_over: whether the rules have gone.
    """
    return b"".join(_twin(one, xid, is_over=is_over) for one in _messages(written))


def _messages(written: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(written):
        length = HEADER.unpack_from(written, at)[2]
        yield written[at : at + length]
        at += length


def _twin(message: bytes, xid: int, *, is_over: bool) -> bytes:
    if message[1] != FLOW_MOD:
        return b""
    cookie, _, table, command, _, _, priority, *_ = FIXED.unpack_from(message, 8)
    length = struct.unpack_from("!H", message, MATCH_AT + 2)[0]
    fields = message[FIELDS_AT : MATCH_AT + length]
    steps = message[MATCH_AT + length + -length % 8 :]
    if (table, command) != (SECURITY, ADD) or steps == PASSES_ON:
        return b""
    if not fields.startswith(IP):
        return b""
    cookie = cookie & ~KIND | REFRESH_KIND << DECISION_BITS
    fields += DSCP if is_over else ECN
    priority = OVER if is_over else priority + RANKS
    steps = PASSES_ON if is_over else steps
    length = FIELDS_AT - MATCH_AT + len(fields)
    body = FIXED.pack(
        cookie, 0, table, ADD, 0, TWIN_S, priority, NO_BUFFER, ANY, ANY, 0
    )
    body += struct.pack("!HH", 1, length) + fields + bytes(-length % 8) + steps
    return HEADER.pack(message[0], FLOW_MOD, HEADER.size + len(body), xid) + body
