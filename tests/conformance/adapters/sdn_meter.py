"""Limits at the switch under the kit: a real meter, frames of strangers and others."""

import contextlib
from collections.abc import Iterator

from airnet.act.sdn import SdnActuator
from airnet.domain.decision import Action, Decision
from tests.conformance.adapters import sdn
from tests.conformance.ground import Ground
from tests.conformance.role import Fault
from tests.fakes.verdicts import MS, T0, drop

MARKS = sdn.MARKS
ground = sdn.ground
STRANGER, KNOWN = "10.9.1.1", "10.9.3.1"
#: Frames sent at once, and how many of them a limit of 100 a second lets pass at most:
#: its burst is ten, and frames that wait on a busy machine take their time.
SENT, LIMITED_MAX = 60, 30


class MeterRig(sdn.SdnRig):
    """A Decision limits what strangers send to a port of the gateway, by TCP and UDP.

    Where it lies, it makes a drop of what was asked for as a limit.
    """

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self.faults[Fault.LYING] = lambda: self._lies("dropping")

    def decision(self, number: int) -> Decision:
        return drop(
            STRANGER,
            action=Action.RATE_LIMIT_SOURCES,
            gateway=sdn.GATEWAY,
            port=9000 + number,
            until_ns=T0 + 60_000 * MS,
            why=self._why(number),
        )

    def holds(self, decision: Decision) -> bool:
        """Whether a stranger's frames are few either way, and a known host's all."""
        both = (sdn.TCP, sdn.UDP)
        few = [
            sdn.soon(lambda how=how: self._passing(decision, how) <= LIMITED_MAX)
            for how in both
        ]
        known = [self._passing(decision, how, KNOWN) == SENT for how in both]
        return all(few) and all(known)

    def is_free(self, decision: Decision) -> bool:
        both = (sdn.TCP, sdn.UDP)
        return all(self._passing(decision, how) == SENT for how in both)

    def _switched(self) -> SdnActuator:
        made = SdnActuator(self._controller.path, known=_known, timeout_ms=1000)
        self._made.append(made)
        return made

    def _hosts(self) -> list[str]:
        return [STRANGER, KNOWN]

    def _passing(self, decision: Decision, how: int, source: str = STRANGER) -> int:
        sent = sdn.Frame(source, protocol=how, port=decision.port)
        return self._came_out(sent, self._out, self._in, SENT)


def _known() -> list[str]:
    return [KNOWN]


@contextlib.contextmanager
def rig(ground: Ground) -> Iterator[sdn.SdnRig]:
    """Give a switch with a controller, and a liar in between."""
    with sdn.rig(ground, MeterRig) as found:
        yield found
