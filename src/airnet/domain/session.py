"""Session: one trading conversation of two endpoints and their CompIDs.

The unit that is watched, scored and contained. Decode makes the rows of a table that
is not dense: those in use have a state. `number` is the order in which sessions first
appeared, from 1; `SessionName` is how objects right of score call one.
"""

import functools
import ipaddress
from typing import NamedTuple

import msgspec
import numpy as np

SESSIONS_MAX = 8192
COMP_BYTES = 24
OPEN, LOGGED_ON, CLOSED = 1, 2, 3

SESSION = np.dtype(
    [
        ("opened_ns", "<u8"),
        ("last_ns", "<u8"),
        ("syn_ns", "<u8"),
        ("syn_ack_ns", "<u8"),
        ("messages", "<u8", (2,)),
        ("malformed", "<u8"),
        ("gap_bytes", "<u8"),
        ("retransmits", "<u8"),
        ("client", "u1", (16,)),
        ("gateway", "u1", (16,)),
        ("client_port", "<u2"),
        ("gateway_port", "<u2"),
        ("state", "u1"),
        ("midstream", "u1"),
        ("version", "u1"),
        ("pad", "u1"),
        ("client_comp", "u1", (COMP_BYTES,)),
        ("gateway_comp", "u1", (COMP_BYTES,)),
        ("number", "<u4"),
        ("spare", "<u4"),
    ]
)

_MAPPED = b"\0" * 10 + b"\xff\xff"


class SessionName(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """What a Session is called in objects, records and commands.

    Addresses are text without a port; CompIDs are as the client sends them (FIX
    tags 49 and 56), empty when no message has been read yet.
    """

    client: str
    client_port: int
    gateway: str
    gateway_port: int
    client_comp: str
    gateway_comp: str


class Heard(NamedTuple):
    """A gateway has answered a session, as a window that closed then shows."""

    close_ns: int
    address: str


class Look(NamedTuple):
    """What one window shows of its session; `frames` in a second at its pace."""

    close_ns: int
    name: SessionName
    number: int
    frames: int
    is_answered: bool
    is_normal: bool


def address_text(address: bytes) -> str:
    """Return 16 network-order bytes as text; IPv4-mapped ones as dotted quads.

    Source: RFC 4291 section 2.5.5.2.
    """
    if address[:12] == _MAPPED:
        return ".".join(map(str, address[12:]))
    return str(ipaddress.IPv6Address(address))


@functools.lru_cache(maxsize=4096)
def address_bytes(text: str) -> bytes:
    """Return an IP address as 16 network-order bytes, IPv4 mapped.

    Raises:
        ValueError: `text` is no IP address.
    """
    parts = text.split(".")
    if len(parts) == 4 and all(map(_is_octet, parts)):  # what is asked for most
        return _MAPPED + bytes(map(int, parts))
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv4Address):
        return _MAPPED + address.packed
    return address.packed


def _is_octet(text: str) -> bool:
    """Return whether it is 0..255 as ipaddress takes it: no zero in front."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 3
    return is_number and (text == "0" or text[0] != "0") and int(text) < 256


def comp_text(comp: bytes) -> str:
    """Return a row's CompID as text; bytes that are not ASCII are escaped."""
    return comp.rstrip(b"\0").decode("ascii", "backslashreplace")
