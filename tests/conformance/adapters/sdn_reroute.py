"""A way round under the kit: what goes to a gateway comes out at another port."""

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

from airnet.act.sdn import SdnActuator, Ways
from airnet.domain.decision import Action, Decision, TargetType, Tier
from airnet.paths import Hop
from tests.conformance import ground as grounds
from tests.conformance.adapters import sdn
from tests.conformance.ground import Ground
from tests.conformance.role import Fault
from tests.fakes.verdicts import MS, T0, drop

MARKS = sdn.MARKS
ground = functools.partial(grounds.ground, 3)
PATH, PORT = "second", 3
#: Of whom frames are led round: whoever sends there.
HOSTS = ("10.9.1.1", "10.9.1.2")


class RerouteRig(sdn.SdnRig):
    """A Decision leads what goes to a gateway of its own out at the third port."""

    def __init__(self, ground: Ground) -> None:
        self._other = grounds.packet_socket(ground.net.names[2])
        self._other.settimeout(sdn.CROSSING_S)
        self._station = _station(ground)
        super().__init__(ground)
        self.faults[Fault.PARTIAL] = (
            "Its one rule is there, with the groups made before it, or it is not."
        )

    def decision(self, number: int) -> Decision:
        return drop(
            PATH,
            action=Action.REROUTE,
            tier=Tier.DIVERT,
            target_type=TargetType.PATH,
            gateway=f"10.9.4.{number + 1}",
            until_ns=T0 + 60_000 * MS,
            why=self._why(number),
        )

    def holds(self, decision: Decision) -> bool:
        return sdn.soon(lambda: all(self._goes_round(decision)))

    def is_free(self, decision: Decision) -> bool:
        return all(map(bool, map(self._crosses, self._frames(decision))))

    def close(self) -> None:
        self._other.close()
        super().close()

    def _switched(self) -> SdnActuator:
        ways = Ways(paths={PATH: [Hop(port=PORT)]})
        made = SdnActuator(self._controller.path, timeout_ms=1000, ways=ways)
        self._made.append(made)
        return made

    def _hosts(self) -> list[str]:
        """Have the switch learn where the gateway's station is; nobody else is known.

        The type of the frame is one for experiments (IEEE 802, local).
        """
        self._in.send(b"\xff" * 6 + self._station + b"\x88\xb5" + bytes(46))
        return []

    def _frames(self, decision: Decision) -> list[sdn.Frame]:
        to = {"target": decision.gateway, "station": self._station}
        return [sdn.Frame(host, **to) for host in HOSTS]

    def _goes_round(self, decision: Decision) -> list[bool]:
        """Return for each whether it comes out there."""
        return [
            bool(self._came_out(one, self._out, self._other))
            for one in self._frames(decision)
        ]


def _station(ground: Ground) -> bytes:
    """Return the address of the gateway's station."""
    with grounds.inside(ground.net.names[1]):
        text = Path("/sys/class/net/eth0/address").read_text("ascii")
    return bytes.fromhex(text.replace(":", ""))


@contextlib.contextmanager
def rig(ground: Ground) -> Iterator[sdn.SdnRig]:
    """Give a switch with a controller, and a liar in between."""
    with sdn.rig(ground, RerouteRig) as found:
        yield found
