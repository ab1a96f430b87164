"""Means: the actuators of a running airnet, in the order in which they are asked."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from airnet.act.actuator import Actuator
from airnet.act.isolation import Isolation
from airnet.act.masscancel import MassCancelActuator
from airnet.act.orders import OrdersActuator
from airnet.clock import Clock
from airnet.config import Gateway
from airnet.domain.session import SessionName, address_text, comp_text
from airnet.pipeline import trading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def means(
    gateways: Sequence[Gateway],
    timeout_ms: int,
    clock: Clock,
    cuts: Sequence[Actuator],
    sessions: Callable[[], Sequence[SessionName]],
) -> list[Actuator]:
    """Return what containments leave by: the first that accepts one takes it.

    Args:
        gateways: the site's order gateways.
        timeout_ms: for one command.
        clock: the time.
        cuts: what drops frames, on the path before beside it, or holds processes; to
            isolate or freeze by them waits until orders are known to be gone.
        sessions: who is logged on now.

    Raises:
        ConfigError: a control URL cannot be used.
    """
    orders = OrdersActuator(gateways, timeout_ms, clock)
    fix = MassCancelActuator(gateways, timeout_ms, clock)
    isolating = [Isolation(cut, [orders, fix], sessions, clock) for cut in cuts]
    return [orders, fix, *isolating, *cuts]


def names(sessions: "NDArray[np.void]") -> list[SessionName]:
    """Return the names of the sessions that are logged on, of a SESSION table."""
    return [
        SessionName(
            client=address_text(bytes(row["client"])),
            client_port=int(row["client_port"]),
            gateway=address_text(bytes(row["gateway"])),
            gateway_port=int(row["gateway_port"]),
            client_comp=comp_text(bytes(row["client_comp"])),
            gateway_comp=comp_text(bytes(row["gateway_comp"])),
        )
        for row in trading(sessions)
    ]
