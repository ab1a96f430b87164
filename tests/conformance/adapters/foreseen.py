"""The guard under the kit, where every rule is written in C before it is ordered."""

import contextlib
from collections.abc import Iterator

import msgspec
import numpy as np

from airnet.act.guard import GuardActuator
from airnet.act.reflex import Trigger
from airnet.act.shot import SLOT_BYTES, Arm, Slot
from airnet.clock import SystemClock
from airnet.domain.address import address_bytes
from airnet.domain.columns import FLOOD_SCHEMA
from airnet.domain.containment import Containment
from airnet.domain.decision import Decision
from airnet.errors import ActuationError
from airnet.kernel import guard
from airnet.score import load
from airnet.score.rules import GATEWAY_RULES
from airnet.service.rehearsal import flood
from airnet.shipped import models_path
from tests.conformance.adapters import guard as plain

MARKS = plain.MARKS
SCORER = load(models_path(), is_signed=False)
NOWHERE = b"/proc/self/no-such-file"


class Foreseen(GuardActuator):
    """Has C fire at a window that names whom a Decision does, and then confirms it."""

    def __init__(self, tables: guard.KernelGuard) -> None:
        super().__init__(tables, SystemClock())
        arms = SCORER.arms()
        assert arms is not None
        self._slot = np.zeros(SLOT_BYTES, np.uint8)
        self._trigger = Trigger(arms, self, Slot(self._slot))
        fds = tables.descriptors
        arms.load(fds["sources"], fds["gateways"], self._slot, tables.control, NOWHERE)
        self.fired = 0

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        lasting = msgspec.structs.replace(decision, until_ns=decision.t_ns + ttl_ns)
        order = self._trigger.order(lasting)
        if decision.id in self._applied or order is None:
            return super().apply(decision, ttl_ns)
        arms, gateway = self._trigger.arms, address_bytes(decision.gateway)
        arms.gateways_left = 1 << 62
        every = (1 << len(GATEWAY_RULES)) - 1, 0
        arms.arm(Arm(gateway, (0, 1 << 63, 0), every, (0, 0, 8, 8), (), None, order))
        windows, rows = flood()
        windows = np.concatenate([windows, windows[1:]])
        rows = np.concatenate([rows, rows[1:]])
        for place, address in enumerate((decision.gateway, *decision.target)):
            windows["address"][place] = np.frombuffer(address_bytes(address), np.uint8)
        rows[0, FLOOD_SCHEMA.index("sources")] = len(decision.target)
        arms.fire(windows, rows)
        shot = self._trigger.confirms(lasting)
        if shot is None:  # C could not, and left nothing
            return super().apply(decision, ttl_ns)
        self.fired += 1
        with contextlib.suppress(ActuationError):  # as airnet.act.reflex does
            return self._trigger.confirm(lasting, shot)
        return super().apply(decision, ttl_ns)


class ForeseenRig(plain.GuardRig):
    """The same port; every Decision is fired before it is made."""

    def _actuator(self, kernel: guard.KernelGuard) -> GuardActuator:
        return Foreseen(kernel)


@contextlib.contextmanager
def rig() -> Iterator[plain.GuardRig]:
    """Give a guarded port in a namespace of its own."""
    with plain.rig(ForeseenRig) as found:
        yield found
