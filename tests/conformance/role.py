"""What the conformance kit must know of an actuator and of the thing it commands.

To put an actuator under the kit, add one module to tests/conformance/adapters/. It has

* `MARKS`, a tuple of pytest marks (`(pytest.mark.root,)` for most);
* `rig()`, a context manager that gives a `Rig` on the REAL enforcer (a switch, an order
  gateway that listens, a guarded link, a process), and leaves nothing behind. It calls
  pytest.skip with what the host lacks. What takes long to start and no case breaks may
  be made once for all cases: by `ground()`, another one, which `rig(ground)` is given,
  and begins each case on as if it were new.

Nothing else is to be done: test_conformance.py finds the module by being there, and
runs every test of the kit on it. A test that an actuator cannot pass is a fault of the
actuator, or a word of `Rig` that says honestly what its enforcer cannot do (`faults`
that cannot happen are given as a sentence that says why). What an actuator says of
itself (airnet.act.actuator: `Span`, `Handing`) has the kit ask the opposite, where a
test cannot mean anything: of a deed, that no undo brings anything back; of what lasts,
that only a named person ends it. An action of its own is an adapter of its own: most
are a few lines on another one's rig. Order gateways share floor.py, switches ground.py.
`python -m pytest -q tests/conformance -k NAME` runs one adapter; adapters/guard.py is
one to start from.
"""

import contextlib
import enum
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from airnet.act.actuator import Actuator
from airnet.domain.containment import Containment
from airnet.domain.decision import Decision

#: Breaks the enforcer while its block lasts, and heals it.
Breaking = Callable[[], contextlib.AbstractContextManager[object]]


class Fault(enum.StrEnum):
    """How an enforcer can fail whoever commands it."""

    GONE = "gone"  # not there, or no longer
    SLOW = "slow"  # answers later than anyone waits
    FULL = "full"  # has no room
    LYING = "lying"  # says yes, and does not
    REFUSES = "refuses"  # says no
    PARTIAL = "partial"  # does a part of what it was told, then fails


class Rig(Protocol):
    """An actuator on its real enforcer, and eyes that are not the actuator's.

    Attributes:
        actuator: under test; healing a fault may replace it.
        ttl_ns: the shortest time to live that this enforcer keeps.
        late_ns: how long after its end a containment may at most still hold.
        call_ns: what no call takes longer than, whatever the enforcer does.
        faults: every Fault, as what breaks the enforcer that way, or as a sentence
            that says why it cannot fail that way.
    """

    actuator: Actuator
    ttl_ns: int
    late_ns: int
    call_ns: int
    faults: Mapping[Fault, Breaking | str]

    def decision(self, number: int) -> Decision:
        """Return the `number`-th Decision (0..63), of at least two parts.

        Two of them have no part in common.
        """
        ...

    def holds(self, decision: Decision) -> bool:
        """Return whether all of it is in force: by what becomes of frames, orders...

        Look at what the enforcer does, never at what the actuator or the enforcer says.
        """
        ...

    def is_free(self, decision: Decision) -> bool:
        """Return whether no part of it is in force, looked at in the same way."""
        ...

    def heir(self) -> Actuator:
        """Return a new actuator on the same enforcer, as the next process makes it.

        It shares nothing with `actuator`; also called in a child of fork(2).
        """
        ...


class DeedRig(Rig, Protocol):
    """A Rig of what is done at once and cannot be undone (`Span.DEED`).

    `holds` is then: all of it was done; `is_free`: no part of it was.
    """

    def renew(self, decision: Decision) -> bool:
        """Make anew what it takes away; return whether that is let."""
        ...


def released(actuator: Actuator, standing: Containment) -> None:
    """Have it undone as people do: the enforcer is told on whose word."""
    by_name = msgspec.structs.replace(standing, detail="released by Jane Doe")
    actuator.release(by_name)


class Latest:
    """The rig's actuator as it is now: healing may replace it."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def __getattr__(self, name: str) -> object:
        return getattr(self._rig.actuator, name)
