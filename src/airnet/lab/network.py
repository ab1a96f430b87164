r"""Network, the lab's hosts and wires: namespaces, one Open vSwitch, its mirror.

    venue  alpha  beta  gamma  unknown        10.77.0.0/24, one veth each
        \     \     |     /     /
                 br0 (sw)  --mirror of venue's port-->  eth0 (cap)

`cap` gets nothing but the mirror on eth0, which has no address and no ARP. Management
is apart: mgmt0 of venue and cap, 10.78.0.0/30, for the order gateway's control; the
controller runs in `sw` and is spoken to over a Unix socket. Everything is named after
the pid that made it, so that what a killed process left behind is found and removed.
"""

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from airnet.errors import EXIT_UNAVAILABLE, AirnetError
from airnet.lab.switch import SEARCH, Switch

VENUE, FIRMS, UNKNOWN = "venue", ("alpha", "beta", "gamma"), "unknown"
HOSTS = (VENUE, *FIRMS, UNKNOWN)
SWITCH, CAPTURE = "sw", "cap"
BRIDGE, MIRROR_PORT = "br0", "mirror"
ADDRESSES = {
    "venue": "10.77.0.10",
    "alpha": "10.77.0.21",
    "beta": "10.77.0.22",
    "gamma": "10.77.0.23",
    "unknown": "10.77.0.66",
}
SUBNET_BITS = 24
GATEWAY_PORT = 9001
CONTROL_ADDRESS, CONTROL_PORT = "10.78.0.1", 9101
CAPTURE_MANAGEMENT = "10.78.0.2"
MANAGEMENT_BITS = 30
#: Without these a mirror shows super-frames and bad checksums.
OFFLOADS = ("tx", "off", "tso", "off", "gso", "off", "gro", "off")
#: No IPv6, so that nobody announces himself.
SILENCE = "echo 1 | tee /proc/sys/net/ipv6/conf/*/disable_ipv6 || true"
PREFIX = re.compile(r"an-(\d+)-")
COMMAND_LIMIT_S = 20
END_LIMIT_MS = 3000


class NetworkError(AirnetError):
    """A namespace or link could not be made: the command and what it said."""

    exit_status = EXIT_UNAVAILABLE
    fault_of = "host"


def run(*words: str, text: str = "") -> str:
    """Run a command that must succeed; return what it printed.

    Raises:
        NetworkError: it did not.
    """
    try:
        done = subprocess.run(
            words,
            input=text,
            env={**os.environ, "PATH": SEARCH},
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NetworkError(
            f"{' '.join(words)}: {error}", "see airnet doctor"
        ) from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"status {done.returncode}"
        raise NetworkError(f"{' '.join(words)}: {said}", "see airnet doctor")
    return done.stdout


def sweep() -> list[str]:
    """Remove what labs of dead processes left behind; return the names."""
    removed = []
    with contextlib.suppress(NetworkError):
        for line in run("ip", "netns", "list").splitlines():
            name = line.split()[0] if line.strip() else ""
            if _is_orphan(name):
                _remove(name)
                removed.append(name)
    for path in sorted(Path(tempfile.gettempdir()).glob("an-*-*")):
        if _is_orphan(path.name):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(str(path))
    return removed


def _is_orphan(name: str) -> bool:
    """Return whether `name` is a lab's whose process is gone."""
    found = PREFIX.match(name)
    return found is not None and not Path(f"/proc/{found[1]}").exists()


def _remove(name: str) -> None:
    """End what still runs in a namespace of ours, and delete it."""
    with contextlib.suppress(NetworkError):
        for pid in run("ip", "netns", "pids", name).split():
            _end(int(pid))
    with contextlib.suppress(NetworkError):
        run("ip", "netns", "delete", name)


def _end(pid: int) -> None:
    """End one process: politely first."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        gone = select.poll()
        gone.register(descriptor, select.POLLIN)
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(descriptor, number)
            if gone.poll(END_LIMIT_MS):
                break
    except ProcessLookupError:
        pass
    finally:
        os.close(descriptor)


class Network:
    """The lab's network, whole: up on entry, gone on exit, whatever happened between.

    Args:
        is_open: forward from the start by the switch itself, for use without a
            controller; otherwise nothing passes before a controller says so.
        hosts: whom it connects, the venue first; a host that the lab does not know
            has no address.
        is_silent: nobody speaks or answers but who writes frames itself.
    """

    def __init__(
        self,
        *,
        is_open: bool = False,
        hosts: tuple[str, ...] = HOSTS,
        is_silent: bool = False,
    ) -> None:
        self._is_open = is_open
        self._hosts = hosts
        self._is_silent = is_silent
        self._prefix = f"an-{os.getpid()}-"
        self._made: list[str] = []
        #: Short enough for Unix sockets; removed with the network.
        self.directory = Path()
        self.switch: Switch | None = None

    def __enter__(self) -> Self:
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def name(self, role: str) -> str:
        """Return the name of a role's namespace."""
        return f"{self._prefix}{role}"

    def inside(self, role: str, *words: str) -> tuple[str, ...]:
        """Return a command line that runs `words` in a role's namespace."""
        return ("ip", "netns", "exec", self.name(role), *words)

    def up(self) -> None:
        """Make everything.

        Raises:
            AirnetError: the host refused; nothing is left behind after `down`.
        """
        sweep()
        self.directory = Path(tempfile.mkdtemp(prefix=self._prefix))
        for role in (*self._hosts, SWITCH, CAPTURE):
            run("ip", "netns", "add", self.name(role))
            self._made.append(self.name(role))
            run(*self.inside(role, "sh", "-c", SILENCE))
        self._link()
        self._offloads_off()
        self.switch = Switch(self.directory / "ovs", self.name(SWITCH))
        self.switch.start()
        self._plug(self.switch)

    def down(self) -> None:
        """Remove everything that `up` made; harmless at any time."""
        if self.switch is not None:
            self.switch.stop()
            self.switch = None
        for name in reversed(self._made):
            _remove(name)
        self._made.clear()
        if self.directory.name.startswith(self._prefix):
            shutil.rmtree(self.directory, ignore_errors=True)

    def pids(self, role: str) -> list[int]:
        """Return the processes that run in a role's namespace."""
        return [int(pid) for pid in run("ip", "netns", "pids", self.name(role)).split()]

    def _link(self) -> None:
        """Make and address every link."""
        switch, capture = self.name(SWITCH), self.name(CAPTURE)
        links = [
            f"link add {port} netns {switch} type veth peer name eth0 netns {far}"
            for port, far in self._wires().items()
        ]
        links.append(
            f"link add mgmt0 netns {self.name(VENUE)} type veth"
            f" peer name mgmt0 netns {capture}"
        )
        run("ip", "-batch", "-", text="\n".join(links) + "\n")
        for role in (*self._hosts, SWITCH, CAPTURE):
            lines = "\n".join((*self._settings(role), "link set lo up", ""))
            run("ip", "-n", self.name(role), "-batch", "-", text=lines)

    def _wires(self) -> dict[str, str]:
        """Return the namespace at the far end of each port of the switch."""
        ends = {role: self.name(role) for role in self._hosts}
        return {**ends, MIRROR_PORT: self.name(CAPTURE)}

    def _offloads_off(self) -> None:
        """Switch every offload off, at both ends of every wire."""
        script = f'for port; do ethtool -K "$port" {" ".join(OFFLOADS)}; done'
        ports = [(role, ("eth0",)) for role in (*self._hosts, CAPTURE)]
        for role, names in (*ports, (SWITCH, (*self._hosts, MIRROR_PORT))):
            run(*self.inside(role, "sh", "-ec", script, "sh", *names))

    def _plug(self, switch: Switch) -> None:
        """Plug every host in, and copy the venue's port to the capture host."""
        switch.add_bridge(BRIDGE)
        for number, port in enumerate((*self._hosts, MIRROR_PORT), 1):
            switch.add_port(BRIDGE, port, number)
        switch.mirror(BRIDGE, MIRROR_PORT, both_ways_of=VENUE)
        if self._is_open:
            switch.ofctl("add-flow", BRIDGE, "priority=0,actions=NORMAL")

    def _settings(self, role: str) -> list[str]:
        """Return the `ip -batch` lines that set up a role's ends of the wires."""
        if role == SWITCH:
            return [f"link set {port} up" for port in (*self._hosts, MIRROR_PORT)]
        lines = ["link set eth0 up"]
        if role in ADDRESSES and not self._is_silent:
            lines.append(f"address add {ADDRESSES[role]}/{SUBNET_BITS} dev eth0")
        else:
            lines.insert(0, "link set eth0 arp off multicast off")
        management = {VENUE: CONTROL_ADDRESS, CAPTURE: CAPTURE_MANAGEMENT}
        if role in management:
            lines.append(f"address add {management[role]}/{MANAGEMENT_BITS} dev mgmt0")
            lines.append("link set mgmt0 up")
        return lines
