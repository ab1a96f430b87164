"""Switch, a private Open vSwitch: userspace datapath, own directory, own processes.

Nothing of it touches a system-wide Open vSwitch: database, sockets, logs and pid
files live in one directory, the daemons are ended by the pids written there.
Source of the options: ovs-vswitchd(8), ovsdb-server(1), ovs-vswitchd.conf.db(5).
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Self

from airnet.errors import EXIT_UNAVAILABLE, AirnetError, UnsupportedError

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
PROGRAMS = ("ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl", "ip")
# Debian keeps the daemons outside an ordinary user's PATH.
SEARCH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
COMMAND_LIMIT_S = 20
STOP_LIMIT_MS = 5000
#: sun_path of unix(7) is 108 bytes; the longest name used below is "/br0.snoop".
DIRECTORY_BYTES_MAX = 80
#: The floor of both is 1 s in practice: reconnect quickly, notice silence quickly.
CONTROLLER_BACKOFF_MS = 1000
CONTROLLER_PROBE_MS = 5000


class SwitchError(AirnetError):
    """Open vSwitch refused a command: the command, its status, what it said."""

    exit_status = EXIT_UNAVAILABLE
    fault_of = "Open vSwitch"


class Switch:
    """One Open vSwitch with a userspace datapath, for the lab and for tests.

    The userspace datapath owns a tap device called `ovs-netdev`, so there can be only
    one switch in a network namespace: give each its own `namespace`. Ports must be
    interfaces of that namespace, and a controller must be reachable from it (bring
    its `lo` up for one on 127.0.0.1). Turn transmit checksum offload off at the far
    end of each veth (`ethtool -K eth0 tx off`): the userspace datapath forwards
    frames as it gets them.

    Args:
        directory: holds the database, sockets, logs and pid files; made if absent.
        namespace: an existing `ip netns` name; None is the present namespace.

    Raises:
        UnsupportedError: not root, or Open vSwitch is not installed.
    """

    def __init__(self, directory: Path, namespace: str | None = None) -> None:
        missing = [name for name in PROGRAMS if not shutil.which(name, path=SEARCH)]
        if missing or not SCHEMA.exists():
            raise UnsupportedError(
                f"no {', '.join(missing) or SCHEMA}",
                "apt-get install openvswitch-switch iproute2",
            )
        if os.geteuid() != 0:
            raise UnsupportedError("Open vSwitch needs root", "run as root")
        if len(os.fsencode(directory)) > DIRECTORY_BYTES_MAX:
            raise UnsupportedError(
                f"{directory}: too long for a socket's path", "use a shorter path"
            )
        self.directory = directory
        self.namespace = namespace

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the database and the switch, and wait until both answer.

        Raises:
            SwitchError: one of them did not start; nothing is left running.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self.stop()
        for old in ("conf.db", ".conf.db.~lock~"):
            (self.directory / old).unlink(missing_ok=True)
        database = self.directory / "conf.db"
        socket = self.directory / "db.sock"
        try:
            self._run("ovsdb-tool", "create", str(database), str(SCHEMA))
            self._daemon("ovsdb-server", str(database), f"--remote=punix:{socket}")
            self.vsctl("--no-wait", "init")
            # Without the system datapath no kernel module is asked for.
            self._daemon("ovs-vswitchd", f"unix:{socket}", "--disable-system")
        except AirnetError:
            self.stop()
            raise

    def stop(self) -> None:
        """End the daemons by their pid files; harmless when none is running."""
        for name in ("ovs-vswitchd", "ovsdb-server"):
            path = self.directory / f"{name}.pid"
            with contextlib.suppress(OSError, ValueError):
                _end(int(path.read_text()), name)
            path.unlink(missing_ok=True)

    @property
    def pid(self) -> int:
        """The process that forwards."""
        return int((self.directory / "ovs-vswitchd.pid").read_text("ascii"))

    def add_bridge(self, bridge: str) -> None:
        """Make a bridge that, without a controller, keeps the flows it has.

        `fail_mode=secure` is a must: `standalone` flushes them.
        """
        settings = ("datapath_type=netdev", "fail_mode=secure", "protocols=OpenFlow13")
        self.vsctl(
            "--may-exist", "add-br", bridge, "--", "set", "bridge", bridge, *settings
        )

    def add_port(self, bridge: str, interface: str, number: int = 0) -> int:
        """Plug an interface of the switch's namespace in; return its port number.

        Args:
            bridge: the bridge's name.
            interface: the interface's name.
            number: the OpenFlow port number asked for; 0 leaves it to the switch.
        """
        asked = ("--", "set", "interface", interface, f"ofport_request={number}")
        self.vsctl("add-port", bridge, interface, *(asked if number else ()))
        return int(self.vsctl("get", "interface", interface, "ofport"))

    def mirror(self, bridge: str, output_port: str, both_ways_of: str) -> None:
        """Copy what enters at and leaves through a port to `output_port`.

        A packet dropped before it leaves is not copied, so the mirror of a gateway's
        port shows the effect of a drop rule. `output_port` carries nothing else.
        """
        name = f"{bridge}-{output_port}"
        self.vsctl(
            *("--", "--id=@out", "get", "port", output_port),
            *("--", "--id=@seen", "get", "port", both_ways_of),
            *("--", "--id=@mirror", "create", "mirror", f"name={name}"),
            *("select_src_port=@seen", "select_dst_port=@seen", "output_port=@out"),
            *("--", "add", "bridge", bridge, "mirrors", "@mirror"),
        )

    def set_controller(self, bridge: str, *targets: str) -> None:
        """Name the bridge's controllers, like `tcp:127.0.0.1:6653`; none is legal.

        The first controller added and the last removed flush all flows.
        """
        if not targets:
            self.vsctl("del-controller", bridge)
            return
        self.vsctl("set-controller", bridge, *targets)
        backoff = f"max_backoff={CONTROLLER_BACKOFF_MS}"
        probe = f"inactivity_probe={CONTROLLER_PROBE_MS}"
        found = self.vsctl("get", "bridge", bridge, "controller").strip().strip("[]")
        for name in found.split(", "):
            self.vsctl("set", "controller", name, backoff, probe)

    def is_connected(self) -> bool:
        """Return whether every controller named is connected."""
        text = self.vsctl("--columns=is_connected", "--bare", "list", "controller")
        answers = text.split()
        return bool(answers) and set(answers) == {"true"}

    def wait_connected(self, limit_s: float = 15.0) -> None:
        """Return once every controller is connected.

        Raises:
            SwitchError: they are not, after `limit_s`.
        """
        found = self.vsctl("--columns=_uuid", "--bare", "list", "controller").split()
        for name in found:
            self.vsctl(
                f"--timeout={max(1, round(limit_s))}",
                *("wait-until", "controller", name, "is_connected=true"),
            )

    def flows(self, bridge: str) -> list[str]:
        """Return the bridge's flows, one text a flow, as ovs-ofctl writes them."""
        text = self.ofctl("dump-flows", bridge, "--no-names")
        return [line.strip() for line in text.splitlines() if "cookie=" in line]

    def vsctl(self, *words: str) -> str:
        """Run ovs-vsctl against this switch's database; return what it printed."""
        database = f"--db=unix:{self.directory / 'db.sock'}"
        return self._run("ovs-vsctl", database, *words)

    def ofctl(self, *words: str) -> str:
        """Run ovs-ofctl, OpenFlow 1.3; `ofctl("dump-flows", "br0")`."""
        return self._run("ovs-ofctl", "-O", "OpenFlow13", *words)

    def appctl(self, *words: str) -> str:
        """Run ovs-appctl against this switch's vswitchd; return what it printed."""
        return self._run("ovs-appctl", *words)

    def _daemon(self, name: str, *words: str) -> None:
        files = (
            f"--pidfile={self.directory / f'{name}.pid'}",
            f"--log-file={self.directory / f'{name}.log'}",
        )
        self._run(name, *words, *files, "--detach", "--no-chdir", "-vconsole:off")

    def _run(self, *words: str) -> str:
        inside = ("ip", "netns", "exec", self.namespace) if self.namespace else ()
        here = str(self.directory)
        paths = dict.fromkeys(
            ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR"), here
        )
        try:
            done = subprocess.run(
                [*inside, *words],
                env={**os.environ, **paths, "PATH": SEARCH},
                capture_output=True,
                text=True,
                timeout=COMMAND_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SwitchError(
                f"{' '.join(words)}: no answer in {COMMAND_LIMIT_S} s",
                f"see the logs in {here}",
            ) from error
        if done.returncode != 0:
            said = " ".join(done.stderr.split()) or f"status {done.returncode}"
            raise SwitchError(f"{' '.join(words)}: {said}", f"see the logs in {here}")
        return done.stdout


def _end(pid: int, name: str) -> None:
    """End the process `pid` if it is still the daemon called `name`."""
    # A stale pid file may name somebody else's process by now.
    if Path(f"/proc/{pid}/comm").read_text().strip() != name[:15]:
        return
    descriptor = os.pidfd_open(pid)
    try:
        gone = select.poll()
        gone.register(descriptor, select.POLLIN)
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        if not gone.poll(STOP_LIMIT_MS):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            gone.poll(STOP_LIMIT_MS)
    finally:
        os.close(descriptor)
