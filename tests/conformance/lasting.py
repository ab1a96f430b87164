"""What the kit asks of what lasts: no clock ends it, no crash, and nobody nameless.

Of what an actuator says that it is lasting (airnet.act.actuator.Span), a test asks that
it stands when all else would have ended, and ends on the word of a named person.
"""

import time

import msgspec
import pytest

from airnet.act.actuator import Actuator, Confirming
from airnet.domain.containment import Containment
from airnet.domain.decision import Decision
from airnet.errors import ActuationError
from tests.conformance.role import Rig, released
from tests.netns.lab_links import wait_until

S = 1_000_000_000
LIMIT_S = 10.0


def outlives(rig: Rig, decision: Decision) -> None:
    """Assert that it holds when what has a time to live has long ended."""
    end_s = time.monotonic() + (rig.ttl_ns + rig.late_ns) / S
    while time.monotonic() < end_s:
        assert rig.holds(decision)
        time.sleep(0.05)
    assert rig.holds(decision)


def is_lifted_by_name(
    rig: Rig, actuator: Actuator, standing: Containment, decision: Decision
) -> None:
    """Assert that it has no end, and that only somebody with a name ends it."""
    assert standing.until_ns == 0, "nobody may count on an end"
    assert isinstance(actuator, Confirming)
    assert actuator.ended(standing) == ""
    with pytest.raises(ActuationError):
        actuator.release(msgspec.structs.replace(standing, detail=""))
    assert rig.holds(decision), "ended, and nobody has said so"
    released(actuator, standing)
    wait_until(lambda: rig.is_free(decision), LIMIT_S)
    assert actuator.ended(standing)
