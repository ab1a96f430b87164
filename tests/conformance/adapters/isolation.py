"""Isolation under the kit: a real switch cuts, a real gateway cancels; real orders.

Hosts trade over TCP across the switch. What becomes of their orders is seen by whoever
sells where they buy, at the gateway itself; whether they are cut, by their frames.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from airnet.act.isolation import Isolation
from airnet.act.masscancel import MassCancelActuator
from airnet.act.orders import OrdersActuator
from airnet.clock import SystemClock
from airnet.config import Gateway
from airnet.domain.decision import Action, Decision, TargetType, Tier, with_id
from airnet.domain.session import SessionName
from tests.conformance.adapters import sdn
from tests.conformance.floor import PROBE, Floor
from tests.conformance.ground import Ground, inside
from tests.conformance.role import Breaking, Fault
from tests.fakes.market import Market, Trader
from tests.fakes.verdicts import MS, drop
from tests.netns.ovs import command

MARKS = sdn.MARKS
ground = sdn.ground
HOSTS = 64
#: Shorter than airnet has it, so that nobody waits for so long: a case isolates one
#: host of two sessions at most, and has cut it by then.
BARRED_MS = 3000


class IsolationRig(sdn.SdnRig):
    """A Decision isolates a host: no order of it is left, no frame of it passes."""

    #: No shorter: for so long a gateway lets no order in for what is to be cut.
    ttl_ns = BARRED_MS * MS
    call_ns = 4500 * MS
    words: tuple[str, ...] = ("cod=off",)
    lie = "cancels"
    timeout_ms = 600
    #: So many hosts have two sessions each, all others one.
    double = 3

    def __init__(self, ground: Ground, market: Market) -> None:
        self._market = market
        self._floor = Floor(market, self._log_on)
        self._orders: list[OrdersActuator] = []
        super().__init__(ground)
        self.faults: dict[Fault, Breaking | str] = {
            Fault.GONE: self._floor.dead,
            Fault.SLOW: self._floor.hung,
            Fault.FULL: lambda: self._full(0),
            Fault.LYING: lambda: self._floor.behaving(**{self.lie: False}),
            Fault.REFUSES: lambda: self._lies("refusing"),
            Fault.PARTIAL: lambda: self._full(1),
        }

    def decision(self, number: int) -> Decision:
        host = f"10.9.1.{number + 1}"
        for comp_id in self._comps(host):
            if comp_id not in self._floor.traders:
                assert self._floor.rest(comp_id)
        plain = drop(host, why=self._why(number), gateway="", port=0)
        return with_id(
            msgspec.structs.replace(
                plain,
                action=Action.ISOLATE_HOST,
                tier=Tier.ISOLATE_HOST,
                target_type=TargetType.HOST,
                until_ns=plain.t_ns + 60_000 * MS,
            )
        )

    def holds(self, decision: Decision) -> bool:
        return super().holds(decision) and not any(self._open(decision))

    def is_free(self, decision: Decision) -> bool:
        """Whether its frames pass, and new orders of each of its sessions."""
        if not super().is_free(decision):
            return False
        names = self._comps(decision.target[0])
        return all(map(self._floor.may_order, names))

    def heir(self) -> Isolation:
        cut, clock = self._switched(), SystemClock()
        gateways = [self._gateway]
        orders = OrdersActuator(gateways, self.timeout_ms, clock, barred_ms=BARRED_MS)
        self._orders.append(orders)
        fix = MassCancelActuator(gateways, self.timeout_ms, clock)
        return Isolation(cut, [orders, fix], self._sessions, clock)

    def close(self) -> None:
        for one in self._orders:
            one.close()
        self._floor.close()
        super().close()

    @property
    def _gateway(self) -> Gateway:
        """Return the gateway as its clients reach it; its control is at home."""
        return msgspec.structs.replace(self._market.gateway, ip=sdn.GATEWAY)

    def _comps(self, host: str) -> list[str]:
        """Return the sessions that a host has."""
        return comps(host)[: 1 + (_number(host) < self.double)]

    def _hosts(self) -> list[str]:
        return [f"10.9.1.{number + 1}" for number in range(HOSTS)]

    def _sessions(self) -> list[SessionName]:
        """Return every session that may be open."""
        return [one.name for one in self._floor.traders.values()]

    def _open(self, decision: Decision) -> list[bool]:
        """Return for all orders of a host whether they find who sells to them."""
        names = self._comps(decision.target[0])
        return [found for one in names for found in self._floor.open_orders(one)]

    def _log_on(self, comp_id: str) -> Trader:
        """Log on from a host across the switch, but for the probe."""
        if comp_id == PROBE:
            return Trader(self._market, PROBE)
        host = host_of(comp_id)
        with inside(self._net.names[0]):
            route = ("route", "replace", f"{sdn.GATEWAY}/32", "dev", "eth0")
            command("ip", "addr", "replace", f"{host}/32", "dev", "eth0")
            command("ip", *route, "src", host)
            return Trader(self._market, comp_id, sdn.GATEWAY)


def comps(host: str) -> tuple[str, str]:
    """Return the sessions that a host may have."""
    return f"ALGO{_number(host)}", f"MORE{_number(host)}"


def _number(host: str) -> int:
    return int(host.rpartition(".")[2]) - 1


def host_of(comp_id: str) -> str:
    """Return the host of a session."""
    return f"10.9.1.{int(comp_id[4:]) + 1}"


@contextlib.contextmanager
def rig(
    ground: Ground, kind: type[IsolationRig] = IsolationRig
) -> Iterator[IsolationRig]:
    """Give a switch with its controller, and a gateway behind it."""
    pytest.importorskip("quickfix", reason="quickfix: pip install airnet[lab]")
    names = [f"ALGO{number}" for number in range(HOSTS)]
    names += [f"MORE{number}" for number in range(kind.double)]
    ground.clean()
    with (
        tempfile.TemporaryDirectory() as place,
        inside(ground.net.names[1]),
        Market(Path(place), [*names, PROBE], *kind.words) as market,
    ):
        found = kind(ground, market)
        try:
            yield found
        finally:
            found.close()
