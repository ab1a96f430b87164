"""Means: the actuators of a running airnet, in the order in which they are asked."""

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from airnet.act.actuator import Actuator
from airnet.act.identity import identity
from airnet.act.isolation import Isolation
from airnet.act.masscancel import MassCancelActuator
from airnet.act.openc2 import control_problems
from airnet.act.orders import OrdersActuator
from airnet.act.sdn import Ways
from airnet.clock import Clock
from airnet.config import Actuators, Gateway, Sdn
from airnet.domain.address import address_text
from airnet.domain.session import SessionName, comp_text
from airnet.errors import ConfigError
from airnet.pipeline import trading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def gateway_identity(actuators: Actuators, base: Path) -> ssl.SSLContext | None:
    """Return who airnet is to order gateways, None where nobody is named.

    Raises:
        ConfigError: its files cannot be used.
    """
    if not actuators.certificate:
        return None
    names = (actuators.certificate, actuators.key, actuators.authority)
    return identity(ssl.Purpose.SERVER_AUTH, base, names)


def orders_of(
    gateways: Sequence[Gateway], actuators: Actuators, base: Path, clock: Clock
) -> OrdersActuator:
    """Return what tells order gateways, each over what it may be told over.

    Raises:
        ConfigError: a control URL cannot be used, or is in plain text off this host
            and not named; or the identity cannot be used.
    """
    controls = [gateway.control for gateway in gateways if gateway.control]
    for problem in control_problems(
        controls, actuators.plain, has_identity=bool(actuators.certificate)
    ):
        raise ConfigError(f"site: gateway.control {problem}", "see docs/openc2")
    shown = gateway_identity(actuators, base)
    return OrdersActuator(gateways, actuators.timeout_ms, clock, shown)


def means(
    gateways: Sequence[Gateway],
    orders: OrdersActuator,
    clock: Clock,
    cuts: Sequence[Actuator],
    sessions: Callable[[], Sequence[SessionName]],
) -> list[Actuator]:
    """Return what containments leave by: the first that accepts one takes it.

    Args:
        gateways: the site's order gateways.
        orders: who tells them over OpenC2.
        clock: the time.
        cuts: what drops frames, on the path before beside it, or holds processes; to
            isolate or freeze by them waits until orders are known to be gone.
        sessions: who is logged on now.

    Raises:
        ConfigError: a control URL cannot be used.
    """
    fix = MassCancelActuator(gateways, orders.timeout_ms, clock)
    isolating = [Isolation(cut, [orders, fix], sessions, clock) for cut in cuts]
    return [orders, fix, *isolating, *cuts]


def ways_of(sdn: Sdn, socket_path: Path, base: Path) -> Ways:
    """Return how containments get to switches beside the first controller."""
    return Ways(
        standby=tuple(str(base / one) for one in sdn.standby),
        lane=str(socket_path.with_name("lane.sock")),
        paths={way.name: way.hops for way in sdn.paths},
    )


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
