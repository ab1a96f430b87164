"""What the kit asks of a deed: done at once, whole or said not to be, never undone.

Of an actuator that says of what it does that it is one (airnet.act.actuator.Span), each
test of the kit asks the opposite of what it asks of all others: nothing stands that
could end, no undo brings anything back, and no record says that one did.
"""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from airnet.act.actuator import Actuator, Confirming
from airnet.act.standing import Standing
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Decision
from airnet.errors import ActuationError
from airnet.record.file import read
from tests.conformance.role import DeedRig, Rig
from tests.netns.lab_links import wait_until


def told(folder: Path, decision: Decision) -> list[dict[str, object]]:
    """Return what the record says became of a Decision, the last word last."""
    return [
        one.body
        for one in read(folder)
        if one.kind == "containment" and one.body["decision_id"] == decision.id
    ]


def never_undone(folder: Path, decision: Decision) -> None:
    """Assert that no record says that it was taken back."""
    words = told(folder, decision)
    assert words
    for one in words:
        assert one["state"] != State.ROLLED_BACK
        assert "taken back" not in str(one["detail"])


def stays(rig: Rig, actuator: Actuator, done: Containment, decision: Decision) -> None:
    """Assert that it is whole, was over at once, and that undoing brings nothing back.

    And that it holds nobody back: what it took may be there again at once.
    """
    assert rig.holds(decision)
    assert done.until_ns == done.applied_ns, "nothing stands that could end"
    assert isinstance(actuator, Confirming)
    assert actuator.ended(done)
    actuator.release(done)
    assert rig.holds(decision), "undone, what cannot be undone"
    assert cast(DeedRig, rig).renew(decision)
    assert rig.is_free(decision)


def is_done_once(rig: Rig, decision: Decision, again: Sequence[Actuator]) -> None:
    """Assert that to apply it again takes nothing that came after the first time."""
    assert cast(DeedRig, rig).renew(decision)
    for actuator in again:
        with contextlib.suppress(ActuationError):
            actuator.apply(decision, rig.ttl_ns)
        assert rig.is_free(decision), "done a second time"


def is_over(acting: Standing, folder: Path, decision: Decision) -> None:
    """Assert that nothing of it stands after a restart, and that the record says so."""
    acting.tick(time.time_ns())
    assert acting.in_force == ()
    assert acting.release(decision.id, "a test") is None
    assert told(folder, decision)[-1]["state"] == State.ENDED
    never_undone(folder, decision)


def lets_in(rig: Rig, decision: Decision) -> None:
    """Assert that nobody is held back by what failed, whatever it did of it."""

    def is_let() -> bool:
        return cast(DeedRig, rig).renew(decision) and rig.is_free(decision)

    wait_until(is_let, (rig.ttl_ns + rig.late_ns + rig.call_ns) / 1e9 + 10.0)
