"""Logging out under the kit: real sessions told to go, kept out, let in again."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from airnet.domain.decision import Action, Decision, Tier
from tests.conformance.adapters import orders
from tests.conformance.floor import standing
from tests.conformance.role import Fault
from tests.fakes.verdicts import MS

MARKS = orders.MARKS


class OrdersStopRig(orders.OrdersRig):
    """A Decision cancels a session's orders, logs it out, and lets it not come back."""

    #: A gateway's engine looks once a second whom it is to send a Logout.
    timeout_ms = 1500
    ttl_ns, call_ns = 2500 * MS, 4 * 1500 * MS
    #: The gateway looks four times a second whom it takes Logons of again.
    late_ns = 1500 * MS
    words = ("cod=off",)
    action, tier = Action.ISOLATE_SESSION, Tier.ISOLATE_HOST

    def __init__(self, folder: Path) -> None:
        self._begun: set[str] = set()
        super().__init__(folder)
        self.faults[Fault.PARTIAL] = lambda: self._floor.behaving(cancels=False)

    def decision(self, number: int) -> Decision:
        found = super().decision(number)
        comp_id = found.target[1]
        if comp_id not in self._begun:
            self._begun.add(comp_id)
            assert self._floor.rest(comp_id)
        return found

    def holds(self, decision: Decision) -> bool:
        """Whether it may not order, nor log on to do so, and has left no order."""
        comp_id = decision.target[1]
        if self._floor.may_order(comp_id):
            return False
        return not any(self._floor.open_orders(comp_id))

    def is_free(self, decision: Decision) -> bool:
        return self._floor.may_order(decision.target[1])


@contextlib.contextmanager
def rig() -> Iterator[OrdersStopRig]:
    """Give a gateway process of its own."""
    with standing(OrdersStopRig) as found:
        yield found
