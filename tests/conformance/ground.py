"""A switch, its controller and a liar between them, for many cases of the kit."""

import contextlib
import ctypes
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from airnet.act.sdn import SdnActuator
from airnet.errors import AirnetError
from tests.netns.lying import lying
from tests.netns.ovs import command, lasting, network, wait_until

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Have this thread, and what it starts, in a network namespace."""
    library = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        assert library.setns(there, CLONE_NEWNET) == 0
        yield
    finally:
        assert library.setns(before, CLONE_NEWNET) == 0
        os.close(before)
        os.close(there)


class Ground:
    """A switch, its controller and the liar between them, for one case after another.

    Each begins on what is as new: put back, or made again where that cannot be.

    Args:
        hosts: how many there are at the switch.
    """

    def __init__(self, hosts: int) -> None:
        self._hosts = hosts
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
        self.net = self._stack.enter_context(network(place, self._hosts))
        made = self._stack.enter_context(lying(self.net, "os-ken"))
        self.controller, self.liar = made
        with inside(self.net.names[1]):
            command("ip", "link", "set", "lo", "up")
            command("ip", "route", "add", "10.9.1.0/24", "dev", "eth0")
        self._bare = len(self._rules())

    def _rules(self) -> list[str]:
        return lasting(self.net.switch.flows("br0"))

    def _is_put_back(self) -> bool:
        """Take away what a case left; return whether it is as new."""
        if not self._bare:
            return False  # nothing is made yet
        try:
            self.liar.be("honest")
            self.net.switch.vsctl("clear", "bridge", "br0", "flow_tables")
            with contextlib.closing(SdnActuator(self.controller.path)) as cleaner:
                cleaner.reconcile([])
            wait_until(lambda: len(self._rules()) == self._bare)
            return self.controller.is_ready()
        except (AssertionError, AirnetError, OSError):
            return False


@contextlib.contextmanager
def ground(hosts: int = 2) -> Iterator[Ground]:
    """Give what all cases stand on."""
    made = Ground(hosts)
    try:
        yield made
    finally:
        made.close()


def packet_socket(name: str) -> socket.socket:
    """Return a packet socket of a namespace; this thread stays where it is."""
    with inside(name):
        found = socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)
        )
        found.bind(("eth0", 0))
    return found
