"""What Control says: messages to switches in our own words, and lines to clients."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from airnet.controller.entries import OWNER_COOKIE, OWNER_MASK, Flow, Group, Meter
from airnet.controller.flows import Named

Json = dict[str, object]
#: Made while there is one thread: two that meet a type first at once crash msgspec.
_NAMED = msgspec.json.Decoder(Named)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One OpenFlow message. Its xid brings the answer, or the error, back to us."""

    xid: int = 0


class AddFlow(Message, frozen=True, kw_only=True):
    """OFPFC_ADD, with OFPFF_SEND_FLOW_REM; in a bundle where its number is given."""

    flow: Flow
    bundle: int = 0


class Refresh(Message, frozen=True, kw_only=True):
    """OFPFC_ADD of the twin of a rule that has come, or gone: see `refresh`."""

    flow: Flow
    is_over: bool = False


class DeleteFlow(Message, frozen=True, kw_only=True):
    """OFPFC_DELETE_STRICT of one entry."""

    flow: Flow
    bundle: int = 0


class DeleteCookie(Message, frozen=True, kw_only=True):
    """OFPFC_DELETE of every entry, in any table, whose masked cookie is this."""

    cookie: int
    mask: int


class SetMeter(Message, frozen=True, kw_only=True):
    """OFPMC_ADD, or OFPMC_MODIFY of one that is there."""

    meter: Meter
    modify: bool


class DeleteMeter(Message, frozen=True, kw_only=True):
    """OFPMC_DELETE; the switch deletes the flows that use it too."""

    meter: int


class SetGroup(Message, frozen=True, kw_only=True):
    """OFPGC_ADD, or OFPGC_MODIFY of one that is there."""

    group: Group
    modify: bool
    bundle: int = 0


class DeleteGroup(Message, frozen=True, kw_only=True):
    """OFPGC_DELETE; the switch deletes the flows that use it too."""

    group: int


class BundleStep(Message, frozen=True, kw_only=True):
    """OFPT_BUNDLE_CONTROL of ONF EXT-230: what is added in between is done at once."""

    step: Literal["open", "commit", "discard"]
    bundle: int


class AskRole(Message, frozen=True, kw_only=True):
    """OFPT_ROLE_REQUEST with OFPCR_ROLE_NOCHANGE: tells role and generation."""


class TakeRole(Message, frozen=True, kw_only=True):
    """OFPT_ROLE_REQUEST: 2 to be master, 3 to be slave, under a generation."""

    role: int
    generation: int


class AskFlows(Message, frozen=True, kw_only=True):
    """OFPMP_FLOW, of everything under a masked cookie: ours, or one decision's."""

    cookie: int = OWNER_COOKIE
    mask: int = OWNER_MASK


class AskMeters(Message, frozen=True, kw_only=True):
    """OFPMP_METER_CONFIG, of every meter, or of one."""

    meter: int = 0


class AskGroups(Message, frozen=True, kw_only=True):
    """OFPMP_GROUP_DESC, of every group."""


class AskPorts(Message, frozen=True, kw_only=True):
    """OFPMP_PORT_DESC: which ports there are, and whose link is up."""


class Barrier(Message, frozen=True, kw_only=True):
    """OFPT_BARRIER_REQUEST: its reply follows every error of what came before."""


class Send(msgspec.Struct, frozen=True):
    """Messages for one switch, in one write."""

    switch: int
    messages: tuple[Message, ...]


class Answer(msgspec.Struct, frozen=True):
    """A line for one client."""

    client: int
    line: Json


class Tell(msgspec.Struct, frozen=True):
    """A line for every client."""

    line: Json


class Close(msgspec.Struct, frozen=True):
    """Drop a switch that has stopped answering; it will connect again."""

    switch: int


class Note(msgspec.Struct, frozen=True):
    """A line for the operator's log."""

    event: str
    fields: Json


Effect = Send | Answer | Tell | Close | Note


def bundled(messages: Sequence[Message], number: int) -> list[Message]:
    """Return messages so that flows and groups come into force together or not at all.

    Meters cannot be in a bundle (Open vSwitch answers OFPBFC_MSG_UNSUP): they go
    before it, as they must for the flows that use them.
    """
    kinds = AddFlow | DeleteFlow | SetGroup
    inside = [message for message in messages if isinstance(message, kinds)]
    outside = [message for message in messages if not isinstance(message, kinds)]
    if len(inside) < 2:
        return list(messages)  # one message is all or nothing by itself
    marked = [msgspec.structs.replace(message, bundle=number) for message in inside]
    begin, end = (BundleStep(step=step, bundle=number) for step in ("open", "commit"))
    return [*outside, begin, *marked, end]


def malformed(line: bytes, error: str) -> Json:
    """Return the answer to a line that is no request; with its id, if it has one."""
    try:
        identity = _NAMED.decode(line).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        identity = ""
    named: Json = {"id": identity} if identity else {}
    return {**named, "ok": False, "error": error}
