"""A network to try the controller on: hosts in namespaces, one Open vSwitch, clients.

    h1, h2, h3 ... --veth-- br0 (userspace datapath, in its own namespace)

The controller runs in the switch's namespace, so that it is reached on 127.0.0.1.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from airnet.controller.entries import OWNER, REFRESH_KIND
from airnet.errors import UnsupportedError
from airnet.lab.switch import Switch

ROOT = Path(__file__).parents[2]
APP = ROOT / "src/airnet/controller/app.py"
CONTROLLER = "tcp:127.0.0.1:6653"
FRAMEWORKS = ("os-ken", "ryu")
LIMIT_S = 20.0
#: How cookies of a rule's twin begin: owner, then kind (airnet.controller.entries).
TWINS = f"cookie={OWNER << 8 | REFRESH_KIND:#x}"


def command(*words: str) -> str:
    """Run a command that must succeed; return what it printed."""
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


def lasting(flows: list[str]) -> list[str]:
    """Return flows but for those that have the switch look anew, for a second."""
    return [line for line in flows if TWINS not in line]


def wait_until(
    holds: Callable[[], bool], limit_s: float = LIMIT_S, what: str = ""
) -> None:
    """Return once `holds()`; fail after `limit_s`."""
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, f"not within {limit_s} s: {what or holds}"
        time.sleep(0.01)


class Network:
    """Hosts h1.. at 10.9.0.1.. on br0 of one switch; made and removed whole."""

    def __init__(self, directory: Path, hosts: int) -> None:
        self.directory = directory
        self.prefix = f"an{os.getpid()}"
        self.inside = f"{self.prefix}sw"
        self.names = [f"{self.prefix}h{i}" for i in range(1, hosts + 1)]
        self.switch = Switch(directory / "ovs", self.inside)

    def start(self) -> None:
        for name in (self.inside, *self.names):
            command("ip", "netns", "add", name)
        command("ip", "-n", self.inside, "link", "set", "lo", "up")
        self.switch.start()
        self.switch.add_bridge("br0")
        for i, name in enumerate(self.names, 1):
            end = ("type", "veth", "peer", "name", f"p{i}", "netns", self.inside)
            command("ip", "link", "add", "eth0", "netns", name, *end)
            command("ip", "-n", self.inside, "link", "set", f"p{i}", "up")
            command("ip", "-n", name, "addr", "add", f"10.9.0.{i}/24", "dev", "eth0")
            command("ip", "-n", name, "link", "set", "eth0", "up")
            if shutil.which("ethtool"):
                offload = ("ethtool", "-K", "eth0", "tx", "off")
                command("ip", "netns", "exec", name, *offload)
            self.switch.add_port("br0", f"p{i}", i)

    def stop(self) -> None:
        self.switch.stop()
        for name in (self.inside, *self.names):
            subprocess.run(["ip", "netns", "del", name], check=False)

    def run(self, host: int, program: str, *words: str) -> subprocess.Popen[str]:
        """Start a Python program, given as text, on host `host` (1 is the first)."""
        line = ["ip", "netns", "exec", self.names[host - 1], sys.executable, "-c"]
        return subprocess.Popen(
            [*line, program, *words], stdout=subprocess.PIPE, text=True
        )


def limited(net: Network, room: int, policy: str = "refuse") -> int:
    """Let the security table of br0 hold so many rules more; return how many in all.

    The switch has some of its own there, which it shows to nobody but counts.
    """
    lines = net.switch.appctl("bridge/dump-flows", "br0").splitlines()
    held = [line for line in lines if line and "table_id=" not in line]
    most = len(held) + room
    made = ("--id=@limit", "create", "Flow_Table", f"flow_limit={most}")
    named = ("--", "set", "bridge", "br0", "flow_tables:0=@limit")
    net.switch.vsctl("--", *made, f"overflow_policy={policy}", *named)
    return most


@contextlib.contextmanager
def network(directory: Path, hosts: int = 3) -> Iterator[Network]:
    """Give a Network, or skip with the reason where there can be none."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    if not shutil.which("ip"):
        pytest.skip("no ip(8): apt-get install iproute2")
    try:
        made = Network(directory, hosts)
    except UnsupportedError as error:
        pytest.skip(str(error))
    try:
        made.start()
        yield made
    finally:
        made.stop()


class Controller:
    """A controller process of one framework, and a client of its socket."""

    def __init__(
        self,
        net: Network,
        framework: str,
        *protected: str,
        port: int = 6653,
        tls: tuple[Path, Path, Path] | None = None,
        is_standby: bool = False,
    ) -> None:
        self.net = net
        self.framework = framework
        self.protected = protected
        self.port = port
        self.tls = tls
        self.is_standby = is_standby
        self.paths: tuple[str, ...] = ()
        self.path = net.directory / f"northbound{port}.sock"
        self.process: subprocess.Popen[bytes] | None = None
        self.targets = [f"{'ssl' if tls else 'tcp'}:127.0.0.1:{port}"]

    def words(self) -> list[str]:
        python = [sys.executable, "-m", "airnet.controller.framework"]
        files = [str(path) for path in self.tls or ()]
        if self.framework == "os-ken":
            words = [*python, "--socket", str(self.path)]
            words += [f"--listen=127.0.0.1:{self.port}"]
            words += ["--standby"] if self.is_standby else []
            words += ["--tls", *files] if files else []
            words += [f"--path={text}" for text in self.paths]
            return words + [f"--protected={text}" for text in self.protected]
        loaded = ["--ofp-tcp-listen-port", str(self.port)]
        if files:
            loaded = ["--ofp-ssl-listen-port", str(self.port)]
            names = ("--ctl-privkey", "--ctl-cert", "--ca-certs")
            loaded += [word for pair in zip(names, files, strict=True) for word in pair]
        loaded.append(str(APP))
        if self.framework == "ryu":
            return [*python, "ryu", *loaded]
        return [str(Path(sys.executable).parent / "ryu-manager"), *loaded]

    def start(self, *paths: Path) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "src", *paths))),
            "OS_AIRNET__SOCKET": str(self.path),
            "OS_AIRNET__PROTECTED": ",".join(self.protected),
            "OS_AIRNET__STANDBY": str(self.is_standby).lower(),
        }
        output = (self.net.directory / "controller.log").open("ab")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.net.inside, *self.words()],
            env=environment,
            stdout=output,
            stderr=output,
        )
        output.close()
        wait_until(self.is_listening, what=f"{self.framework}: {self.log()}")
        # Named only now: a switch that is refused once comes back a second later.
        self.net.switch.set_controller("br0", *self.targets)
        wait_until(self.is_ready, what=f"{self.framework}: {self.log()}")

    def is_listening(self) -> bool:
        """Return whether the controller's port is open (0A is LISTEN)."""
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        lines = Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()
        return any(f":{self.port:04X} 00000000:0000 0A" in line for line in lines)

    def is_ready(self) -> bool:
        """Return whether the switch is connected, as both of them see it."""
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        try:
            with self.client() as client:
                status = client.ask({"command": "status"})
        except OSError:
            return False
        return any(switch["synced"] for switch in status["switches"])

    def log(self) -> str:
        return (self.net.directory / "controller.log").read_text()[-4000:]

    def client(self) -> "Client":
        return Client(self.path)

    def kill(self) -> None:
        """End it as a crash would: kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def end(self) -> int:
        """SIGTERM; return the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(10)


class Client:
    """A northbound client that keeps events apart from replies."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")
        self.events: list[dict] = []
        self.reply_us = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def line(self, limit_s: float = LIMIT_S) -> dict:
        self.socket.settimeout(limit_s)
        line = self.file.readline()
        if not line:
            raise ConnectionError("closed by the controller")
        return json.loads(line)

    def ask(self, request: dict) -> dict:
        began = time.monotonic_ns()
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self.line()
            if "event" not in answer:
                self.reply_us = (time.monotonic_ns() - began) // 1000
                return answer
            self.events.append(answer)

    def event(self, identity: str, limit_s: float = LIMIT_S) -> dict:
        """Return the `ended` event of a containment."""
        while True:
            for event in self.events:
                if event["id"] == identity:
                    return event
            self.events.append(self.line(limit_s))


@contextlib.contextmanager
def controller(net: Network, framework: str, *protected: str) -> Iterator[Controller]:
    """Give a started Controller that the switch is connected to."""
    made = Controller(net, framework, *protected)
    try:
        made.start()
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.kill()
