"""The switch under the kit: a real Open vSwitch, its controller, frames across it."""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from airnet.act.actuator import Actuator
from airnet.act.sdn import SdnActuator
from airnet.domain.decision import Decision
from tests.conformance.ground import Ground, ground, packet_socket
from tests.conformance.role import Breaking, Fault
from tests.fakes.stopping import stopped
from tests.fakes.verdicts import MS, T0, drop
from tests.netns.ovs import limited, wait_until

__all__ = ["GATEWAY", "MARKS", "Frame", "SdnRig", "ground", "rig", "soon"]

MARKS = (pytest.mark.root,)
GATEWAY = "10.9.0.2"
COUNT = 64
TCP, UDP = 6, 17
#: A frame takes some 100 us across the switch; a busy machine may take long.
CROSSING_S = 0.25
#: What a switch forwarded just before stays in its cache until its revalidators have
#: been round: hundreds of milliseconds on a busy machine (docs/adr/0045).
CACHED_S = 1.0
ASKED = "airnet kit "


class Frame(NamedTuple):
    """What is sent across the switch: from whom to whom, and by which protocol."""

    source: str
    target: str = GATEWAY
    protocol: int = UDP
    source_port: int = 1234
    port: int = 9000
    station: bytes = b"\xff" * 6

    def bytes(self, body: bytes) -> bytes:
        """Return it with a body (RFC 791, 768, 9293); no checksum is looked at."""
        ports = self.source_port.to_bytes(2, "big") + self.port.to_bytes(2, "big")
        datagram = ports + (8 + len(body)).to_bytes(2, "big") + b"\0\0" + body
        if self.protocol == TCP:
            datagram = ports + bytes(8) + b"\x50\x10\x20\0\0\0\0\0" + body
        size = (20 + len(datagram)).to_bytes(2, "big")
        head = b"\x45\0" + size + b"\0\0\0\0\x40" + bytes([self.protocol, 0, 0])
        addresses = socket.inet_aton(self.source) + socket.inet_aton(self.target)
        ends = self.station + b"\x02\0\0\0\0\x11"
        return ends + b"\x08\0" + head + addresses + datagram

    def back(self) -> "Frame":
        """Return what answers it."""
        return self._replace(
            source=self.target,
            target=self.source,
            source_port=self.port,
            port=self.source_port,
        )


def soon(holds: Callable[[], bool]) -> bool:
    """Return whether it holds, now or when what a switch remembers is old."""
    end_s = time.monotonic() + CACHED_S
    while not holds():
        if time.monotonic() >= end_s:
            return False
        time.sleep(0.01)
    return True


class SdnRig:
    """A Decision is a drop of two sources at the gateway."""

    ttl_ns = 2000 * MS
    #: Hard timeouts are whole seconds, looked at about once a second.
    late_ns = 2600 * MS
    call_ns = 2500 * MS

    def __init__(self, ground: Ground) -> None:
        self._net = ground.net
        self._controller, self._liar = ground.controller, ground.liar
        self._case = ground.cases
        self._made: list[SdnActuator] = []
        self._count = 0
        self._out = packet_socket(self._net.names[0])
        self._in = packet_socket(self._net.names[1])
        for one in (self._out, self._in):
            one.settimeout(CROSSING_S)
        # What the switch forgot was forgotten by its cache as well.
        wait_until(lambda: all(self._passes(one) for one in self._hosts()))
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
        ends = {"until_ns": T0 + 60_000 * MS, "why": self._why(number)}
        return drop(*sources, gateway=GATEWAY, **ends)

    def holds(self, decision: Decision) -> bool:
        return all(self._is_stopped(source) for source in decision.target)

    def is_free(self, decision: Decision) -> bool:
        return all(self._passes(source) for source in decision.target)

    def heir(self) -> Actuator:
        return self._switched()

    def _why(self, number: int) -> str:
        """Return what makes it another Decision than any of another case."""
        return f"Decision {number} of case {self._case}."

    def _hosts(self) -> list[str]:
        """Return whose frames pass where nothing stands."""
        return [f"10.9.1.{number + 1}" for number in range(2 * COUNT)]

    def _switched(self) -> SdnActuator:
        made = SdnActuator(self._controller.path, timeout_ms=1000)
        self._made.append(made)
        return made

    def close(self) -> None:
        for one in (*self._made, self._out, self._in):
            one.close()

    def _is_stopped(self, source: str) -> bool:
        """Whether no frame of it comes out any more, now or when the cache is old."""
        return soon(lambda: not self._passes(source))

    def _passes(self, source: str) -> bool:
        """Send a frame of it, and see whether it comes out at the gateway."""
        return self._crosses(Frame(source))

    def _crosses(self, sent: Frame) -> bool:
        """Send a frame from the hosts, and see whether it comes out at the gateway."""
        return self._came_out(sent, self._out, self._in)

    def _comes_back(self, sent: Frame) -> bool:
        """Send one from the gateway, and see whether it comes out at the hosts."""
        return self._came_out(sent, self._in, self._out)

    def _came_out(
        self, sent: Frame, out: socket.socket, ear: socket.socket, count: int = 1
    ) -> int:
        """Send some of a frame, and return how many of them come out."""
        self._count += 1
        mark = f"{ASKED}{os.getpid()} {self._count} ".encode()
        for number in range(count):
            out.send(sent.bytes(mark + b"%d." % number))
        found = 0
        with contextlib.suppress(TimeoutError):
            while found < count:
                found += mark in ear.recv(2048)
        return found

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
        with stopped(self._net.switch.pid):
            yield
        wait_until(self._controller.is_ready)

    @contextlib.contextmanager
    def _full(self, room: int) -> Iterator[None]:
        """Have room for so many more flows in the security table."""
        limited(self._net, room)
        yield
        self._net.switch.vsctl("clear", "bridge", "br0", "flow_tables")

    @contextlib.contextmanager
    def _lies(self, behaviour: str) -> Iterator[None]:
        self._liar.be(behaviour)
        yield
        self._liar.be("honest")


@contextlib.contextmanager
def rig(ground: Ground, kind: type[SdnRig] = SdnRig) -> Iterator[SdnRig]:
    """Give a switch with a controller, and a liar in between."""
    ground.clean()
    found = kind(ground)
    try:
        yield found
    finally:
        found.close()
