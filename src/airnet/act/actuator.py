"""Actuator, the role that carries Decisions out and can undo exactly what it did."""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

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


class Begun(NamedTuple):
    """Ids of Decisions whose command left: those answered, and those not."""

    answered: frozenset[str] = frozenset()
    unanswered: frozenset[str] = frozenset()


@runtime_checkable
class Batching(Protocol):
    """An Actuator that is quicker when it is asked for several at once."""

    def begin(
        self, orders: Sequence[tuple[Decision, int]], closed: Callable[[], str]
    ) -> Begun:
        """Start on Decisions and their ttl in ns; `apply` follows for each.

        `closed` is asked before every write; when it says why nothing may leave,
        nothing more does. `apply` of what was answered sends nothing and says what
        came of it; of any other it sends the command anew.
        """
        ...


@runtime_checkable
class Confirming(Protocol):
    """An Actuator that can say whether what it enforces has ended."""

    def ended(self, containment: Containment) -> str:
        """Return how it ended, or "" while it stands or nothing is known.

        Raises:
            ActuationError: the enforcer says that it stands beyond its end.
        """
        ...


@runtime_checkable
class Heralding(Protocol):
    """An Actuator that hears when what it enforces ends before its time."""

    def heralds(self) -> Mapping[str, str]:
        """Return how, by the beginning of the handle. Asks nobody, and never waits."""
        ...


@runtime_checkable
class Aiming(Protocol):
    """An Actuator that knows where a Decision goes before it is told.

    So that what may have arrived is taken back there, and nowhere else.
    """

    def aim(self, decision: Decision) -> str:
        """Return the handle that `apply` would give.

        Raises:
            ActuationError: there is none.
        """
        ...


@runtime_checkable
class Recalling(Protocol):
    """An Actuator that can end sooner what it did before it had an answer.

    It may still be waiting for that answer, in another thread; `release` follows.
    """

    def recall(self, decision: Decision) -> None:
        """End at once what may be in force without an answer. Never waits or raises."""
        ...


class Reconciled(NamedTuple):
    """What an enforcer held that nobody wanted, and did not hold that somebody did."""

    #: Ids of Decisions that were to stand, and of which nothing does.
    missing: tuple[str, ...]
    #: How many rules of nobody's were taken away.
    orphans: int


@runtime_checkable
class Reconciling(Protocol):
    """An Actuator that can look at everything that stands at its enforcer."""

    def reconcile(self, wanted: Sequence[tuple[Decision, Containment]]) -> Reconciled:
        """Adopt what of `wanted` stands, take away whatever else is airnet's.

        Called after a restart, before any new action; it applies nothing anew.

        Raises:
            ActuationError: the enforcer cannot be asked; nothing new may be done.
        """
        ...


@runtime_checkable
class Telling(Protocol):
    """An Actuator that can say, after a crash, whether a Decision is in force."""

    def find(self, decision: Decision) -> Containment | None:
        """Return what stands of it, or None when nothing does.

        Raises:
            ActuationError: it cannot be told now.
        """
        ...


@runtime_checkable
class Holding(Protocol):
    """An Actuator whose enforcers hold to the answer that they gave to an id."""

    holds_to_ids: bool


@runtime_checkable
class Several(Protocol):
    """An Actuator whose Decisions are enforced by several that may hang apart."""

    def enforcer(self, what: Decision | Containment) -> str:
        """Return who enforces it.

        Raises:
            ActuationError: nobody knows.
        """
        ...


class Span(enum.StrEnum):
    """How long what an Actuator does stays, and who ends it.

    `timed` ends at the enforcer, or is undone before. A `deed` is done at once: nothing
    of it stands, and nobody can undo it. What is `lasting` stands until a named person
    lifts it.
    """

    TIMED = "timed"
    DEED = "deed"
    LASTING = "lasting"


@runtime_checkable
class Spanning(Protocol):
    """An Actuator that does what is not `timed`."""

    def span(self, what: Decision | Containment) -> Span:
        """Return how long it stays."""
        ...


def span_of(actuator: Actuator, what: Decision | Containment) -> Span:
    """Return how long what an actuator does, or did, stays."""
    return actuator.span(what) if isinstance(actuator, Spanning) else Span.TIMED


@runtime_checkable
class Handing(Protocol):
    """An Actuator that leaves what it did with another, which ends and undoes it.

    It may take what nobody can give back; so what failed is not tried again by itself:
    people agreed to it once, and see why it failed.
    """

    @property
    def cut(self) -> Actuator:
        """The other one, whose name a Containment has."""
        ...
