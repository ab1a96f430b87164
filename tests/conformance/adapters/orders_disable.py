"""Disabling under the kit: no new order of a session until somebody says so by name."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from airnet.domain.decision import Action, Tier
from tests.conformance.adapters import orders, orders_stop
from tests.conformance.floor import standing
from tests.conformance.role import Fault

MARKS = orders_stop.MARKS


class OrdersDisableRig(orders_stop.OrdersStopRig):
    """A Decision cancels a session's orders and refuses what it enters then."""

    timeout_ms = orders.TIMEOUT_MS
    ttl_ns, call_ns = orders.OrdersRig.ttl_ns, orders.OrdersRig.call_ns
    action, tier = Action.DISABLE_SESSION, Tier.KILL_ALGO

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.faults |= {
            Fault.FULL: "What a person must lift takes no room of limits.",
            Fault.PARTIAL: "New orders are refused, and open ones left are counted.",
        }


@contextlib.contextmanager
def rig() -> Iterator[OrdersDisableRig]:
    """Give a gateway process of its own."""
    with standing(OrdersDisableRig) as found:
        yield found
