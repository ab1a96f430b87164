"""Actuator, the role that carries Decisions out and can undo exactly what it did."""

from typing import Protocol

from airnet.domain.containment import Containment
from airnet.domain.decision import Decision


class Actuator(Protocol):
    """Puts Decisions in force where they are enforced. Bounded in time.

    Expiry is kept by the thing that enforces, never by the caller. Idempotent by
    Decision id: applying twice is applying once.
    """

    name: str

    def accepts(self, decision: Decision) -> bool:
        """Return whether this actuator can carry out that kind of Decision."""
        ...

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        """Put `decision` in force for `ttl_ns`, read it back, return what stands.

        Raises:
            ActuationError: it is not, or may not be, in force; says what is known.
        """
        ...

    def release(self, containment: Containment) -> Containment:
        """Undo exactly what the handle names; undoing what has ended is harmless.

        Raises:
            ActuationError: it may still be in force.
        """
        ...
