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
from airnet.act.sdn import SdnActuator
from airnet.clock import SystemClock
from airnet.config import Gateway
from airnet.domain.decision import Action, Decision, TargetType, Tier, with_id
from airnet.domain.session import SessionName
from airnet.errors import ActuationError, AirnetError
from tests.conformance.adapters import sdn
from tests.conformance.adapters.mass_cancel import PROBE, open_orders, rest
from tests.conformance.role import Breaking, Fault
from tests.fakes.market import Market, Trader
from tests.fakes.verdicts import MS, drop
from tests.netns.lying import lying
from tests.netns.ovs import command, network, wait_until

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


class Ground:
    """A switch, its controller and the liar between them, for one case after another.

    Each begins on what is as new: put back, or made again where that cannot be.
    """

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        #: Cases that began here: none decides what another one did.
        self.cases = 0
        self._bare = 0

    def clean(self) -> None:
        """Take away whatever a case left."""
        self.cases += 1
        if not self._is_put_back():
            self.close()
            self._make()

    def close(self) -> None:
        """Leave nothing behind."""
        self._bare = 0
        self._stack.close()

    def _make(self) -> None:
        place = Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="kit"))
        )
        self.net = self._stack.enter_context(network(place, 2))
        made = self._stack.enter_context(lying(self.net, "os-ken"))
        self.controller, self.liar = made
        with inside(self.net.names[1]):
            command("ip", "link", "set", "lo", "up")
            command("ip", "route", "add", "10.9.1.0/24", "dev", "eth0")
        self._bare = len(self.net.switch.flows("br0"))

    def _is_put_back(self) -> bool:
        """Take away what a case left; return whether it is as new."""
        if not self._bare:
            return False  # nothing is made yet
        try:
            self.liar.be("honest")
            self.net.switch.vsctl("clear", "bridge", "br0", "flow_tables")
            with contextlib.closing(SdnActuator(self.controller.path)) as cleaner:
                cleaner.reconcile([])
            wait_until(lambda: len(self.net.switch.flows("br0")) == self._bare)
            return self.controller.is_ready()
        except (AssertionError, AirnetError, OSError):
            return False


class IsolationRig(sdn.SdnRig):
    """A Decision isolates a host: no order of it is left, no frame of it passes."""

    #: No shorter: for so long a gateway lets no order in for what is to be cut.
    ttl_ns = BARRED_MS * MS
    call_ns = 4500 * MS
    words: tuple[str, ...] = ("cod=off",)
    lies: tuple[tuple[str, object], ...] = (("cancels", False),)

    def __init__(self, ground: Ground, market: Market) -> None:
        self._market = market
        self._case = ground.cases
        self._traders: dict[str, Trader] = {}
        self._orders: list[OrdersActuator] = []
        super().__init__(ground.net, ground.controller, ground.liar)
        # What the switch forgot was forgotten by its cache as well.
        hosts = [f"10.9.1.{number + 1}" for number in range(HOSTS)]
        wait_until(lambda: all(self._passes(one) for one in hosts))
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
        plain = drop(
            host, why=f"Decision {number} of case {self._case}.", gateway="", port=0
        )
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
def ground() -> Iterator[Ground]:
    """Give what all cases stand on."""
    made = Ground()
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def rig(ground: Ground) -> Iterator[IsolationRig]:
    """Give a switch with its controller, and a gateway behind it."""
    pytest.importorskip("quickfix", reason="quickfix: pip install airnet[lab]")
    names = [one for number in range(HOSTS) for one in comps(f"10.9.1.{number + 1}")]
    ground.clean()
    with tempfile.TemporaryDirectory() as place, inside(ground.net.names[1]):
        words = IsolationRig.words
        with Market(Path(place), [*names, PROBE], *words) as market:
            found = IsolationRig(ground, market)
            try:
                yield found
            finally:
                found.close()
