"""The switch under the kit with the fast lane beside its controller.

What is decided is written by the lane's own channel first, which no liar sees; whether
it stands is the controller's word still. So where the controller fails, what the lane
has done is to be taken back.
"""

import contextlib
from collections.abc import Iterator

from airnet.act.sdn import SdnActuator, Ways
from tests.conformance import ground as grounds
from tests.conformance.adapters import sdn
from tests.netns.express import Express
from tests.netns.ovs import wait_until

MARKS = sdn.MARKS


class LaneGround(grounds.Ground):
    """A switch that a lane's process is connected to as well."""

    def _make(self) -> None:
        super()._make()
        self.lane = Express(self.net)
        self._stack.callback(self.lane.end)
        both = (*self.controller.targets, "tcp:127.0.0.1:6654")
        self.net.switch.set_controller("br0", *both)
        self.net.switch.wait_connected()
        wait_until(self.controller.is_ready)
        self._bare = len(self._rules())


class LaneRig(sdn.SdnRig):
    """The same Decisions, armed against anybody at that gateway."""

    lane: Express

    def _switched(self) -> SdnActuator:
        ways = Ways(lane=str(self.lane.path))
        made = SdnActuator(self._controller.path, timeout_ms=1000, ways=ways)
        self._made.append(made)
        assert made.arm_anybody([sdn.GATEWAY]) == 1, "the lane is not armed"
        return made


@contextlib.contextmanager
def ground() -> Iterator[LaneGround]:
    """Give what all cases stand on."""
    made = LaneGround(2)
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def rig(ground: LaneGround) -> Iterator[sdn.SdnRig]:
    """Give a switch with a controller and a lane, and a liar in between."""
    ground.clean()
    found = type("Rig", (LaneRig,), {"lane": ground.lane})(ground)
    try:
        yield found
    finally:
        found.close()
