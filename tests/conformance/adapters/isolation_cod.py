"""Isolation under the kit, where no orders are cancelled but on disconnect."""

import contextlib
from collections.abc import Iterator

from tests.conformance.adapters import isolation
from tests.conformance.ground import Ground

MARKS = isolation.MARKS
ground = isolation.ground


class DisconnectRig(isolation.IsolationRig):
    """No cancel is carried out: orders go when a session is logged out, and then only.

    Where it lies, it says that it logs a session out, and does not.
    """

    words = ("cod=on", "cancels=off")
    lie = "logs_out"
    #: A gateway's engine looks once a second whom it is to send a Logout; until then
    #: nothing is barred any more where a host had two sessions.
    timeout_ms = 1200
    double = 0


@contextlib.contextmanager
def rig(ground: Ground) -> Iterator[isolation.IsolationRig]:
    """Give a switch with its controller, and a gateway behind it."""
    with isolation.rig(ground, DisconnectRig) as found:
        yield found
