"""The switch under the kit: a real Open vSwitch, its controller, frames across it."""

import contextlib
import ctypes
import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.act.actuator import Actuator
from airnet.act.sdn import SdnActuator
from airnet.domain.decision import Decision
from tests.conformance.role import Breaking, Fault
from tests.fakes.verdicts import MS, T0, drop
from tests.netns.lying import Lying, lying
from tests.netns.ovs import Controller, Network, network, wait_until

MARKS = (pytest.mark.root,)
GATEWAY = "10.9.0.2"
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
#: A frame takes some 100 us across the switch; a busy machine may take long.
CROSSING_S = 0.25
#: What a switch forwarded just before stays in its cache until its revalidators have
#: been round: hundreds of milliseconds on a busy machine (docs/adr/0045).
CACHED_S = 1.0
ASKED = "airnet kit "


class SdnRig:
    """A Decision is a drop of two sources at the gateway."""

    ttl_ns = 2000 * MS
    #: Hard timeouts are whole seconds, looked at about once a second.
    late_ns = 2600 * MS
    call_ns = 2500 * MS

    def __init__(self, net: Network, controller: Controller, liar: Lying) -> None:
        self._net = net
        self._controller = controller
        self._liar = liar
        self._made: list[SdnActuator] = []
        self._count = 0
        self._out = packet_socket(net.names[0])
        self._in = packet_socket(net.names[1])
        self._in.settimeout(CROSSING_S)
        self.actuator: Actuator = self.heir()
        self.faults: dict[Fault, Breaking | str] = {
            Fault.GONE: self._gone,
            Fault.SLOW: self._stopped,
            Fault.FULL: lambda: self._full(0),
            Fault.LYING: lambda: self._lies("deaf"),
            Fault.REFUSES: lambda: self._lies("refusing"),
            Fault.PARTIAL: lambda: self._full(1),
        }

    def decision(self, number: int) -> Decision:
        sources = (f"10.9.1.{2 * number + 1}", f"10.9.1.{2 * number + 2}")
        # Seeing that a frame does not come takes a while: it is to stand so long.
        ends = {"until_ns": T0 + 60_000 * MS, "why": f"Decision {number}."}
        return drop(*sources, gateway=GATEWAY, **ends)

    def holds(self, decision: Decision) -> bool:
        return all(self._is_stopped(source) for source in decision.target)

    def is_free(self, decision: Decision) -> bool:
        return all(self._passes(source) for source in decision.target)

    def heir(self) -> Actuator:
        return self._switched()

    def _switched(self) -> SdnActuator:
        made = SdnActuator(self._controller.path, timeout_ms=1000)
        self._made.append(made)
        return made

    def close(self) -> None:
        for one in (*self._made, self._out, self._in):
            one.close()

    def _is_stopped(self, source: str) -> bool:
        """Whether no frame of it comes out any more, now or when the cache is old."""
        end_s = time.monotonic() + CACHED_S
        while self._passes(source):
            if time.monotonic() >= end_s:
                return False
            time.sleep(0.01)
        return True

    def _passes(self, source: str) -> bool:
        """Send a frame of it, and see whether it comes out at the gateway."""
        self._count += 1
        mark = f"{ASKED}{os.getpid()} {self._count}".encode()
        self._out.send(frame(source, mark))
        with contextlib.suppress(TimeoutError):
            while mark not in self._in.recv(2048):
                pass
            return True
        return False

    @contextlib.contextmanager
    def _gone(self) -> Iterator[None]:
        """The switch has no controller any more; it keeps what it holds."""
        self._liar.be("gone")
        wait_until(lambda: not self._switches())
        yield
        self._liar.be("honest")
        wait_until(self._controller.is_ready)

    def _switches(self) -> object:
        with self._controller.client() as client:
            return client.ask({"command": "status"})["switches"]

    @contextlib.contextmanager
    def _stopped(self) -> Iterator[None]:
        """The switch does nothing at all for a while, and then what it was told."""
        os.kill(self._net.switch.pid, signal.SIGSTOP)
        yield
        os.kill(self._net.switch.pid, signal.SIGCONT)
        wait_until(self._controller.is_ready)

    @contextlib.contextmanager
    def _full(self, room: int) -> Iterator[None]:
        """Have room for so many more flows in the security table."""
        vsctl = self._net.switch.vsctl
        rules = self._net.switch.flows("br0")
        limit = sum("table=0" in rule for rule in rules) + room
        made = ("--id=@limit", "create", "Flow_Table", f"flow_limit={limit}")
        named = ("--", "set", "bridge", "br0", "flow_tables:0=@limit")
        vsctl("--", *made, "overflow_policy=refuse", *named)
        yield
        vsctl("clear", "bridge", "br0", "flow_tables")

    @contextlib.contextmanager
    def _lies(self, behaviour: str) -> Iterator[None]:
        self._liar.be(behaviour)
        yield
        self._liar.be("honest")


def packet_socket(name: str) -> socket.socket:
    """Return a packet socket of a namespace; this thread stays where it is."""
    library = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    other = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        assert library.setns(other, CLONE_NEWNET) == 0
        found = socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)
        )
        found.bind(("eth0", 0))
    finally:
        assert library.setns(before, CLONE_NEWNET) == 0
        os.close(before)
        os.close(other)
    return found


def frame(source: str, body: bytes) -> bytes:
    """Return a UDP datagram to the gateway in a broadcast frame (RFC 791, 768)."""
    datagram = b"\x04\xd2\x23\x28" + (8 + len(body)).to_bytes(2, "big") + b"\0\0" + body
    head = b"\x45\0" + (20 + len(datagram)).to_bytes(2, "big") + b"\0\0\0\0\x40\x11\0\0"
    addresses = socket.inet_aton(source) + socket.inet_aton(GATEWAY)
    ends = b"\xff" * 6 + b"\x02\0\0\0\0\x11"
    return ends + b"\x08\0" + head + addresses + datagram


@contextlib.contextmanager
def rig() -> Iterator[SdnRig]:
    """Give a switch of its own, with a controller and a liar in between."""
    with (
        tempfile.TemporaryDirectory(prefix="kit") as name,
        network(Path(name), 2) as net,
        lying(net, "os-ken") as (controller, liar),
    ):
        found = SdnRig(net, controller, liar)
        try:
            yield found
        finally:
            found.close()
