"""A slow line is driven round: `airnet run`, two controllers, Open vSwitch, traffic."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airnet.lab.needs import missing
from airnet.record.file import read, verify
from tests.fakes.office import public, write_approvers, write_key
from tests.netns.ovs import Controller, Network, network, wait_until
from tests.netns.traffic import SEND, Sink
from tests.netns.two_paths import CAPTURE, GATEWAY, PORT, WITNESS, TwoPaths

LACKS = missing()
pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKS), reason="; ".join(LACKS)),
]
FIRM = "10.9.0.1"
SIGNER = "Mary Major"
SITE = f"""\
[[gateway]]
ip = "{GATEWAY}"
port = {PORT}
comp_id = "VENUE"

[[gateway]]
ip = "{WITNESS}"
port = {PORT}
comp_id = "VENUE"

[[path]]
name = "second"
gateway = "{GATEWAY}"
witness = "{WITNESS}"

[[firm]]
name = "firm"
hosts = ["{FIRM}"]

[[protected]]
why = "the gateway and its twin"
network = "{GATEWAY}"

[[protected]]
why = "the gateway and its twin"
network = "{WITNESS}"
"""
ROLES = "".join(
    f'\n[[protected]]\nwhy = "{role}"\nnetwork = "10.9.9.{n}"\nrole = "{role}"\n'
    for n, role in enumerate(("mirror", "control", "clock"), 1)
)
POLICY = """\
[cause.venue_fault.divert]
mode = "enforce"
ttl_ms = 120000
"""
CONFIG = f"""\
site = "site.toml"
policy = "policy.toml"
policy_keys = ["{public(SIGNER)}"]
approvers = "approvers.toml"

[capture]
interface = "{CAPTURE}"
backend = "packet"
select = "all"
ring_frames = 32768

[actuators]
controller_socket = "northbound6653.sock"

[sdn]
standby = ["northbound6654.sock"]

[[sdn.path]]
name = "second"
hops = [{{ port = 4, mac = "%s" }}]

[service]
ledger = "ledger"
decisions = "decisions.jsonl"
socket = "airnet.sock"
metrics_port = 0
"""


def airnet(folder: Path, *words: str) -> dict[str, Any]:
    """Run a command that must succeed; return its document."""
    command = [sys.executable, "-m", "airnet", *words, "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, capture_output=True, check=False, env=environment, cwd=folder
    )
    assert done.returncode == 0, f"{words}: {done.stderr!r} {done.stdout!r}"
    found: dict[str, Any] = json.loads(done.stdout or b"{}")
    return found


class Street:
    """Two paths, traffic on them, two controllers and an airnet that may act."""

    def __init__(self, net: Network) -> None:
        self.net, self.folder = net, net.directory
        self.paths = TwoPaths(net)
        self.sensor: subprocess.Popen[bytes] | None = None
        self.controllers = [
            Controller(net, "os-ken", GATEWAY, port=port, is_standby=port == 6654)
            for port in (6653, 6654)
        ]
        for one in self.controllers:
            one.paths = (f"{GATEWAY}=4@{self.paths.mac}",)
            one.targets = ["tcp:127.0.0.1:6653", "tcp:127.0.0.1:6654"]
        (self.folder / "site.toml").write_text(SITE + ROLES)
        (self.folder / "policy.toml").write_text(POLICY)
        (self.folder / "airnet.toml").write_text(CONFIG % self.paths.mac)
        write_approvers(self.folder / "approvers.toml")
        write_key(self.folder / "key.pem", SIGNER)
        airnet(self.folder, "lint", "airnet.toml")
        airnet(self.folder, "prove", "policy.toml", "--site", "site.toml")
        airnet(self.folder, "policy", "sign", "policy.toml", "--key", "key.pem")

    def start(self) -> None:
        """Start airnet, and wait until it watches."""
        log = (self.folder / "sensor.log").open("ab")
        command = ["ip", "netns", "exec", self.net.inside, sys.executable]
        self.sensor = subprocess.Popen(
            [*command, "-m", "airnet", "run", "--config", "airnet.toml"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=log,
            stderr=log,
        )
        log.close()
        already = self.log().count("service.started")
        wait_until(
            lambda: self.log().count("service.started") > already, 40, "airnet starts"
        )

    def log(self) -> str:
        path = self.folder / "sensor.log"
        return path.read_text() if path.exists() else ""

    def end(self, number: int = signal.SIGTERM) -> None:
        """End airnet."""
        if self.sensor is not None:
            self.sensor.send_signal(number)
            self.sensor.wait(30)
            self.sensor = None

    def stop(self) -> None:
        self.end(signal.SIGKILL)
        self.paths.stop()
        for one in self.controllers:
            if one.process is not None and one.process.poll() is None:
                one.kill()

    def states(self) -> list[str]:
        """Return what the ledger says of the reroute, in its order."""
        return [
            str(one.body["state"])
            for one in read(self.folder / "ledger")
            if one.kind == "containment"
        ]

    def until(self, holds: Callable[[], bool], what: str, limit_s: float = 30) -> None:
        wait_until(holds, limit_s, f"{what}: {self.log()[-3000:]}")

    def undo(self) -> dict[str, Any]:
        (line,) = airnet(self.folder, "actions", "--config", "airnet.toml")["standing"]
        words = ("--by", SIGNER, "--key", "key.pem", "--reason", "seen")
        return airnet(
            self.folder, "undo", line["id"], *words, "--config", "airnet.toml"
        )


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    with network(tmp_path / "n", hosts=2) as net:
        made = Street(net)
        try:
            for one in made.controllers:
                one.start()
            yield made
        finally:
            made.stop()


def test_a_slow_line_is_driven_round_undone_and_survives_kills(street: Street) -> None:
    """Nothing is lost on the way there, nor back; who dies takes nothing along."""
    paths, net = street.paths, street.net
    street.start()
    sink = Sink(net)
    sender = net.run(1, SEND, "20000", "0.004")
    paths.trade(sessions=4)
    # What is usual of a line must have been seen of it.
    street.until(lambda: paths.by_first() > 2000, "trade")
    assert not paths.is_round()

    paths.slow(0.02)
    street.until(paths.is_round, "a reroute", 60)
    before = paths.by_second()
    street.until(lambda: paths.by_second() > before + 200, "frames by it")
    street.until(lambda: "verified" in street.states(), "its effect to be seen")

    street.end(signal.SIGKILL)
    before = paths.by_second()
    street.until(lambda: paths.by_second() > before + 200, "frames without airnet")
    street.start()
    street.controllers[0].kill()
    paths.slow(0.0)
    assert street.undo()["ok"]

    street.until(lambda: not paths.is_round(), "the first path again")
    counts = paths.counts()
    sender.kill()
    sender.communicate()
    # One more, to know that all before it have come.
    net.run(1, SEND, "1", "0").communicate(timeout=10)
    sink.read(lambda s: s.numbers(FIRM).count(0) == 2)
    sink.end()
    street.end()

    assert set(sink.numbers(FIRM)) == set(range(max(sink.numbers(FIRM)) + 1))
    for one in counts:
        assert not one["gone"], one
        assert one["acked"] == one["sent"] > 0, one
    assert street.states() == ["applied", "verified", "rolled_back"]
    assert verify(street.folder / "ledger").verifies
