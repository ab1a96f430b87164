"""What Control says: messages to switches in our own words, and lines to clients."""

import msgspec

from airnet.controller.flows import Flow, Meter, Named

Json = dict[str, object]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One OpenFlow message. Its xid brings the answer, or the error, back to us."""

    xid: int = 0


class AddFlow(Message, frozen=True, kw_only=True):
    """OFPFC_ADD, with OFPFF_SEND_FLOW_REM."""

    flow: Flow


class DeleteFlow(Message, frozen=True, kw_only=True):
    """OFPFC_DELETE_STRICT of one entry."""

    flow: Flow


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


class AskFlows(Message, frozen=True, kw_only=True):
    """OFPMP_FLOW, of everything under our cookie."""


class AskMeters(Message, frozen=True, kw_only=True):
    """OFPMP_METER_CONFIG, of every meter."""


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


def malformed(line: bytes, error: str) -> Json:
    """Return the answer to a line that is no request; with its id, if it has one."""
    try:
        identity = msgspec.json.decode(line, type=Named).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        identity = ""
    named: Json = {"id": identity} if identity else {}
    return {**named, "ok": False, "error": error}
