"""The guard's confinements under the kit: who is kept from whom, by real frames."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from airnet.act.guard import GuardActuator
from airnet.clock import SystemClock
from airnet.domain.decision import Action, Decision, TargetType
from airnet.domain.verdict import Cause
from airnet.kernel import guard
from airnet.kernel.tables import Table
from tests.bpf.test_guard import CLIENT, tcp
from tests.conformance.adapters import guard as drops
from tests.conformance.role import Fault
from tests.fakes.verdicts import drop
from tests.netns.lab_links import wait_until

MARKS = (pytest.mark.root,)


class ConfineRig(drops.GuardRig):
    """A guarded port; a Decision keeps one host from one stranger, or from new ones.

    Every other one names a stranger; no two are of the same host.
    """

    def __init__(self, send: Callable[[bytes], int]) -> None:
        super().__init__(send)
        self.faults[Fault.PARTIAL] = "It is one key of one table: all of it, or none."

    def _actuator(self, kernel: guard.KernelGuard) -> GuardActuator:
        return GuardActuator(kernel, SystemClock())

    def decision(self, number: int) -> Decision:
        host, peer = f"10.9.0.{number + 1}", self._sources(number)[0]
        return drop(
            *((host,) if number % 2 else (host, peer)),
            cause=Cause.COMPROMISE,
            action=Action.CONFINE_HOST,
            target_type=TargetType.HOST,
            gateway="",
            port=0,
            why=f"Decision {number}.",
        )

    def holds(self, decision: Decision) -> bool:
        return self._is_kept(decision)

    def is_free(self, decision: Decision) -> bool:
        return not self._is_kept(decision)

    def _is_kept(self, decision: Decision) -> bool:
        """Have the host call, and see what became of that; others may, whatever."""
        host, peer = decision.target[0], "".join(decision.target[1:]) or "10.9.1.1"
        assert not self._is_dropped(CLIENT, peer), "somebody else is kept from it"
        return self._is_dropped(host, peer)

    def _is_dropped(self, host: str, peer: str) -> bool:
        before = self._counts()
        self._send(tcp(host, 1234, peer, 22))
        wait_until(lambda: self._counts()["seen"] > before["seen"])
        return self._counts()["confined"] > before["confined"]

    @property
    def _table(self) -> Table:
        return self._kernel.confined

    def _key(self, source: str) -> bytes:
        return guard.pair_key(source, "")


@contextlib.contextmanager
def rig() -> Iterator[ConfineRig]:
    """Give a guarded port in a namespace of its own."""
    with drops.rig(ConfineRig) as found:
        yield found
