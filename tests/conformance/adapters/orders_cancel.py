"""Cancels over OpenC2 under the kit: a real gateway, real sessions, real orders."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from airnet.act.actuator import Actuator
from airnet.act.orders import OrdersActuator
from airnet.clock import SystemClock
from tests.conformance.adapters import mass_cancel
from tests.conformance.floor import Relay, standing
from tests.conformance.role import Fault

MARKS = mass_cancel.MARKS


class OrdersCancelRig(mass_cancel.MassCancelRig):
    """The same gateway and orders, told by its control."""

    def __init__(self, folder: Path) -> None:
        self._relays: list[Relay] = []
        self._orders: list[OrdersActuator] = []
        super().__init__(folder)
        self.faults |= {
            Fault.FULL: "A cancel takes no room: nothing of it stands.",
            Fault.REFUSES: lambda: self._relays[0].be("refusing"),
        }

    def heir(self) -> Actuator:
        if not self._relays:
            self._relays.append(Relay(self._market))
        gateway = msgspec.structs.replace(
            self._market.gateway, control=self._relays[0].url
        )
        made = OrdersActuator([gateway], mass_cancel.TIMEOUT_MS, SystemClock())
        self._orders.append(made)
        return made

    def close(self) -> None:
        for one in self._orders:
            one.close()
        super().close()
        for relay in self._relays:
            relay.close()


@contextlib.contextmanager
def rig() -> Iterator[OrdersCancelRig]:
    """Give a gateway process of its own."""
    with standing(OrdersCancelRig) as found:
        yield found
