"""Session: one trading conversation of two endpoints and their CompIDs.

The unit that is watched, scored and contained. Decode makes the rows of a table that
is not dense: those in use have a state. `number` is the order in which sessions first
appeared, from 1; `SessionName` is how objects right of score call one.
"""

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
    """What one window shows of its session; `frames` in a second at its pace.

    `cancel_age_us` is how old was what it withdrew, on average; None: nothing was.
    """

    close_ns: int
    name: SessionName
    number: int
    frames: int
    is_answered: bool
    is_normal: bool
    cancel_age_us: int | None = None


def comp_text(comp: bytes) -> str:
    """Return a row's CompID as text; bytes that are not ASCII are escaped."""
    return comp.rstrip(b"\0").decode("ascii", "backslashreplace")
