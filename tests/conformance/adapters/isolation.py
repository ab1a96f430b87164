"""Isolation under the kit: a real switch cuts, a real gateway cancels; real orders.

Hosts trade over TCP across the switch. What becomes of their orders is seen by whoever
sells where they buy, at the gateway itself; whether they are cut, by their frames.
"""

import contextlib
import ctypes
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from airnet.act.isolation import Isolation
from airnet.act.masscancel import MassCancelActuator
from airnet.act.orders import BARRED_MS, OrdersActuator
from airnet.clock import SystemClock
from airnet.config import Gateway
from airnet.domain.decision import Action, Decision, TargetType, Tier, with_id
from airnet.domain.session import SessionName
from airnet.errors import ActuationError
from tests.conformance.adapters import sdn
from tests.conformance.adapters.mass_cancel import PROBE, open_orders, rest
from tests.conformance.role import Breaking, Fault
from tests.fakes.market import Market, Trader
from tests.fakes.verdicts import MS, drop
from tests.netns.lying import Lying, lying
from tests.netns.ovs import Controller, Network, command, network

MARKS = (pytest.mark.root,)
HOSTS = 64
#: These have two sessions each.
DOUBLE = 3
TIMEOUT_MS = 600


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Have this thread, and what it starts, in a network namespace."""
    library = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        assert library.setns(there, sdn.CLONE_NEWNET) == 0
        yield
    finally:
        assert library.setns(before, sdn.CLONE_NEWNET) == 0
        os.close(before)
        os.close(there)


class IsolationRig(sdn.SdnRig):
    """A Decision isolates a host: no order of it is left, no frame of it passes."""

    #: No shorter: for so long a gateway lets no order in for what is to be cut.
    ttl_ns = BARRED_MS * MS
    call_ns = 4500 * MS
    words: tuple[str, ...] = ("cod=off",)
    lies: tuple[tuple[str, object], ...] = (("cancels", False),)

    def __init__(
        self, net: Network, controller: Controller, liar: Lying, market: Market
    ) -> None:
        self._market = market
        self._traders: dict[str, Trader] = {}
        self._orders: list[OrdersActuator] = []
        super().__init__(net, controller, liar)
        self.faults: dict[Fault, Breaking | str] = {
            Fault.GONE: self._dead,
            Fault.SLOW: self._hung,
            Fault.FULL: lambda: self._full(0),
            Fault.LYING: self._lying,
            Fault.REFUSES: lambda: self._lies("refusing"),
            Fault.PARTIAL: lambda: self._full(1),
        }

    def decision(self, number: int) -> Decision:
        host = f"10.9.1.{number + 1}"
        for comp_id in comps(host):
            if comp_id not in self._traders:
                assert rest(self._trader(comp_id))
        plain = drop(host, why=f"Decision {number}.", gateway="", port=0)
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
        return all(self._may_order(one) for one in comps(decision.target[0]))

    def heir(self) -> Isolation:
        cut, clock = self._switched(), SystemClock()
        orders = OrdersActuator([self._gateway], TIMEOUT_MS, clock)
        self._orders.append(orders)
        fix = MassCancelActuator([self._gateway], TIMEOUT_MS, clock)
        return Isolation(cut, [orders, fix], self._sessions, clock)

    def close(self) -> None:
        for one in self._orders:
            one.close()
        self._drop()
        super().close()

    @property
    def _gateway(self) -> Gateway:
        """Return the gateway as its clients reach it; its control is at home."""
        return msgspec.structs.replace(self._market.gateway, ip=sdn.GATEWAY)

    def _sessions(self) -> list[SessionName]:
        """Return every session that may be open."""
        return [one.name for one in self._traders.values()]

    def _open(self, decision: Decision) -> list[bool]:
        """Return for all orders of a host whether they find who sells to them."""
        probe = self._trader(PROBE)
        names = comps(decision.target[0])
        return [found for one in names for found in open_orders(probe, one)]

    def _may_order(self, comp_id: str) -> bool:
        """Have a session order, once it has logged on again where it had to leave."""
        try:
            return rest(self._trader(comp_id))
        except ActuationError:  # logged out, and kept out still
            if comp_id in self._traders:
                self._traders.pop(comp_id).drop()
            self._market.counts()
            return False

    def _trader(self, comp_id: str) -> Trader:
        """Return a session; of a host across the switch, but for the probe's."""
        if comp_id in self._traders:
            return self._traders[comp_id]
        if comp_id == PROBE:
            made = Trader(self._market, PROBE)
        else:
            host = host_of(comp_id)
            with inside(self._net.names[0]):
                route = ("route", "replace", f"{sdn.GATEWAY}/32", "dev", "eth0")
                command("ip", "addr", "replace", f"{host}/32", "dev", "eth0")
                command("ip", *route, "src", host)
                made = Trader(self._market, comp_id, sdn.GATEWAY)
        self._traders[comp_id] = made
        return made

    def _drop(self) -> None:
        for trader in self._traders.values():
            trader.drop()
        self._traders.clear()

    @contextlib.contextmanager
    def _dead(self) -> Iterator[None]:
        """The gateway's power goes, and comes back; who traded may trade still."""
        self._market.kill()
        yield
        self._market.restart()
        self._drop()

    @contextlib.contextmanager
    def _hung(self) -> Iterator[None]:
        """The gateway does nothing for a while, and then all that it was told."""
        self._market.process.send_signal(signal.SIGSTOP)
        yield
        self._market.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def _lying(self) -> Iterator[None]:
        """The gateway says that it cancels, and does not."""
        self._market.behave(**dict(self.lies))
        yield
        self._market.behave(**{word: True for word, _ in self.lies})


def comps(host: str) -> list[str]:
    """Return the sessions of a host."""
    number = int(host.rpartition(".")[2]) - 1
    return [f"ALGO{number}", *([f"MORE{number}"] if number < DOUBLE else [])]


def host_of(comp_id: str) -> str:
    """Return the host of a session."""
    return f"10.9.1.{int(comp_id[4:]) + 1}"


@contextlib.contextmanager
def rig(kind: type[IsolationRig] = IsolationRig) -> Iterator[IsolationRig]:
    """Give a switch with its controller, and a gateway behind it."""
    pytest.importorskip("quickfix", reason="quickfix: pip install airnet[lab]")
    names = [one for number in range(HOSTS) for one in comps(f"10.9.1.{number + 1}")]
    with (
        tempfile.TemporaryDirectory(prefix="kit") as place,
        network(Path(place), 2) as net,
        lying(net, "os-ken") as (controller, liar),
        inside(net.names[1]),
    ):
        command("ip", "link", "set", "lo", "up")
        command("ip", "route", "add", "10.9.1.0/24", "dev", "eth0")
        with Market(Path(place), [*names, PROBE], *kind.words) as market:
            found = kind(net, controller, liar, market)
            try:
                yield found
            finally:
                found.close()
