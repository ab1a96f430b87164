"""The lab with a governed airnet on it, whose policy is proved and signed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from airnet.config import Protected, Site
from airnet.lab.actor import Actor, environment, python
from airnet.lab.cast import Cast
from airnet.lab.network import (
    ADDRESSES,
    BRIDGE,
    CAPTURE,
    CONTROL_ADDRESS,
    CONTROL_PORT,
    SWITCH,
    VENUE,
    Network,
    run,
)
from airnet.lab.papers import Papers, lab_site
from airnet.lab.result import SessionCounts
from airnet.lab.sensor import DRAIN_LIMIT_S, Sensor
from airnet.record.file import read
from tests.fakes.office import KEYS, public, write_approvers, write_key
from tests.fakes.stopping import stopped
from tests.netns.ovs import lasting

LIMIT_S = 60.0
CONTROLLER = "127.0.0.1:6653"
#: A gateway that does not answer is waited for so long: time to be killed in.
TIMEOUT_MS = 1500
POLICY = """\
name = "kill"

[cause.algo_fault]
action = "throttle_session"
mode = "enforce"
dwell_windows = 2
dwell_ms = 100
ttl_ms = 30000
tier_max = 5

[[cause.algo_fault.rung]]
action = "disable_session"
needs = ["lower_failed"]
after_ms = 500
approvals = 2
ttl_ms = 60000

[cause.compromise]
action = "drop_sources"
mode = "enforce"
dwell_windows = 1
ttl_ms = 30000
tier_max = 6

[[cause.compromise.rung]]
action = "isolate_host"
needs = ["answered"]
approvals = 2
ttl_ms = 60000

[budget]
session_share_max_percent = 50
hosts_max = 4
"""
#: What tells how a Decision got on, by the kind of ledger entry.
STATES = {
    "decision": "mode",
    "proposal": "state",
    "instruction": "ask",
    "containment": "state",
}
ASK = """
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=5)
connection.request("POST", "/.well-known/openc2", sys.argv[3])
print(connection.getresponse().read().decode())
"""
#: Ports of the venue at which nobody was ever served, called one after the other.
CALL = """
import socket, sys
for port in range(8001, 8009):
    try:
        socket.create_connection((sys.argv[1], port), 1).close()
    except OSError:
        pass
"""


def site() -> Site:
    """Return the lab's site, which says where mirror, control and clock are."""
    found = lab_site()
    roles = tuple(
        Protected(why=role, network=network, role=role)
        for role, network in (
            ("mirror", "10.79.0.1"),
            ("control", f"{CONTROL_ADDRESS}/30"),
            ("clock", "10.79.0.2"),
        )
    )
    return Site(
        gateways=found.gateways,
        firms=found.firms,
        protected=(*found.protected, *roles),
        algorithms=found.algorithms,
    )


class Floor:
    """Everybody of the lab, trading, and an airnet that people govern.

    Args:
        network: it is up.
        folder: where everything goes.
        policy: what may be done.
        top: more of airnet.toml, before its tables.
    """

    def __init__(
        self, network: Network, folder: Path, policy: str = POLICY, top: str = ""
    ) -> None:
        self._policy, self._top = policy, top
        self.network = network
        self.folder = folder
        self.papers = Papers(directory=folder)
        self.papers.logs.mkdir(parents=True)
        self.cast = Cast(network, folder, seed=7)
        self.sensor: Sensor | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            self._write()
            self._control()
            self.start()
            self._stack.callback(self.stop)
            self._stack.enter_context(self.cast)
            self.cast.tell_firms(do="trade")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> None:
        """Start airnet; it enforces because its policy is proved and signed."""
        self.sensor = Sensor(self.network, self.papers, is_proved=True)
        self.sensor.__enter__()

    def kill(self) -> None:
        """End airnet as a power cut would."""
        assert self.sensor is not None
        # `setpriv` and `ip netns exec` become it by execve(2): one pid throughout.
        os.kill(self.sensor.actor.pid, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """End airnet, if it runs."""
        if self.sensor is not None:
            self.sensor.__exit__(None, None, None)
            self.sensor = None

    def say(self, *words: str) -> tuple[int, dict[str, Any], str]:
        """Run a command of airnet; return status, document and what it complained."""
        config = ("--config", str(self.papers.config))
        command = python("airnet", *words, "--json", *config)
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as wrong:
            process = subprocess.Popen(
                command, stdout=said, stderr=wrong, env=environment()
            )
            # Heard meanwhile: whoever is not heard stops when its pipe is full.
            self.until(lambda: process.poll() is not None, f"airnet {words[0]}")
            said.seek(0)
            wrong.seek(0)
            document = json.loads(said.read() or b"{}")
            return process.returncode, document, wrong.read().decode()

    def approve(
        self, decision: str, by: str, *more: str
    ) -> tuple[int, dict[str, Any], str]:
        """Have somebody approve by a key of their own."""
        key = str(self.folder / f"{by}.pem")
        words = ("--by", by, "--key", key, "--reason", "seen it")
        return self.say("approve", decision, *words, *more)

    def approving(self, decision: str, by: str) -> subprocess.Popen[bytes]:
        """Begin to approve, without waiting for what comes of it."""
        words = ("--by", by, "--key", str(self.folder / f"{by}.pem"), "--reason", "y")
        config = ("--config", str(self.papers.config))
        return subprocess.Popen(
            python("airnet", "approve", decision, *words, *config),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )

    def undo(self, decision: str, by: str) -> tuple[int, dict[str, Any], str]:
        """Have somebody undo a Decision by a key of their own."""
        key = str(self.folder / f"{by}.pem")
        return self.say("undo", decision, "--by", by, "--key", key, "--reason", "over")

    def proposed(self, action: str, target: str) -> str:
        """Wait for a proposal, and return its id."""
        found: list[str] = []

        def has_come() -> bool:
            found[:] = [
                one["id"]
                for one in self.say("actions")[1]["proposed"]
                if one["action"] == action and target in one["target"]
            ]
            return bool(found)

        self.until(has_come, f"a proposal to {action} {target}")
        return found[0]

    def has_gateway_mail(self) -> bool:
        """Return whether the gateway's control has not read all that came."""
        words = ("ss", "-H", "-t", "-n", "sport", "=", f":{CONTROL_PORT}")
        lines = run(*self.network.inside(VENUE, *words)).splitlines()
        return any(int(line.split()[1]) > 0 for line in lines)

    def enforced_of(self, proposal: str) -> str:
        """Return the Decision that an approved proposal became, "" before."""
        entries = list(read(self.papers.ledger))
        decided = {one.body["id"] for one in entries if one.kind == "decision"}
        for one in entries:
            if one.kind == "proposal" and one.body["decision_id"] == proposal:
                enforced = str(one.body.get("enforced", ""))
                if enforced in decided:
                    return enforced
        return ""

    @contextlib.contextmanager
    def gateway_stopped(self) -> Iterator[None]:
        """Have the gateway's process stand still; what comes meanwhile waits in it."""
        with stopped(self.cast.actors[VENUE].pid):
            yield

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Listen until something holds."""
        end = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < end, f"not within {LIMIT_S} s: {what}"
            self.listen()

    def listen(self) -> None:
        """Take in what everybody says."""
        self.cast.listen(0.05)
        if self.sensor is not None:
            self.sensor.hear()

    def recount(self) -> None:
        """Hear the venue's counts of from now on."""
        for _ in range(2):
            self.cast.actors[VENUE].wait_for("counts", lambda _: True, LIMIT_S)

    def session(self, comp_id: str) -> SessionCounts:
        """Return one session's counts as last told."""
        return next(one for one in self.cast.sessions() if one.comp_id == comp_id)

    def runaway(self, firm: str, comp_id: str, rate: int) -> None:
        """Have an algorithm lose its mind, or find it (rate 0)."""
        self.cast.actors[firm].tell(do="runaway", comp_id=comp_id, rate=rate)

    def set_gateway(self, *, cod: bool, confirms: bool = True) -> None:
        """Set whether it cancels on disconnect, and says how many orders are open."""
        venue = self.cast.actors[VENUE]
        venue.tell(do="control", cod=cod, confirms=confirms)

        def is_so() -> bool:
            said = self.gateway_says("ALPHAMM")
            is_told = "open_orders" in said
            return (said["cancel_on_disconnect"], is_told) == (cod, confirms)

        self.until(is_so, "the gateway to be so")

    def gateway_says(self, comp_id: str, command_id: str = "q") -> dict[str, Any]:
        """Ask the gateway about a session, over management."""
        request = {
            "action": "query",
            "target": {"x-airnet:session": {"comp_id": comp_id, "client": ""}},
            "command_id": command_id,
        }
        body = {
            "headers": {"request_id": "r"},
            "body": {"openc2": {"request": request}},
        }
        words = (sys.executable, "-c", ASK, CONTROL_ADDRESS, str(CONTROL_PORT))
        said = run(*self.network.inside(CAPTURE, *words, json.dumps(body)))
        response = json.loads(said)["body"]["openc2"]["response"]
        found: dict[str, Any] = response["results"]["x-airnet"]
        return found

    def allowed(self) -> list[Any]:
        """Return who allowed which session again, as the gateway last told."""
        told = self.cast.actors[VENUE].latest.get("counts", {}).get("allowed", [])
        assert isinstance(told, list)
        return told

    def attack(self, firm: str) -> None:
        """Have a firm's host call services that nobody was ever served at."""
        words = (sys.executable, "-c", CALL, ADDRESSES[VENUE])
        run(*self.network.inside(firm, *words))

    def rules_about(self, firm: str) -> list[str]:
        """Return the switch's rules that name a firm's host."""
        switch = self.network.switch
        assert switch is not None
        found = lasting(switch.flows(BRIDGE))
        return [flow for flow in found if ADDRESSES[firm] in flow]

    def ledger(self, decision: str) -> list[str]:
        """Return what the ledger says of a Decision, in its order.

        What the mirror showed meanwhile, which depends on the moment, is left out.
        """
        found = []
        for one in read(self.papers.ledger):
            named = one.body.get("id" if one.kind == "decision" else "decision_id")
            state = one.body.get(STATES.get(one.kind, ""))
            if named == decision and state not in (None, "verified"):
                found.append(f"{one.kind}:{state}")
        return found

    def _write(self) -> None:
        """Write every file, prove the policy and sign it."""
        papers = self.papers
        papers.write_site(site(), self._policy)
        write_approvers(papers.directory / "approvers.toml")
        for name in KEYS:
            write_key(papers.directory / f"{name}.pem", name)
        words = ("--site", str(papers.site))
        _airnet("prove", str(papers.policy), *words)
        key = papers.directory / "Mary Major.pem"
        _airnet("policy", "sign", str(papers.policy), "--key", str(key))
        socket = self.network.directory / "controller.sock"
        papers.config.write_text(
            f"""\
site = "{papers.site.name}"
policy = "{papers.policy.name}"
policy_keys = ["{public("Mary Major")}"]
approvers = "approvers.toml"
{self._top}

[capture]
interface = "eth0"
select = "all"
ring_frames = 32768

[actuators]
controller_socket = "{socket}"
timeout_ms = {TIMEOUT_MS}
plain = ["{CONTROL_ADDRESS}:{CONTROL_PORT}"]

[service]
ledger = "{papers.ledger.name}"
decisions = "{papers.decisions.name}"
socket = "{self.network.directory / "airnet.sock"}"
metrics_port = 0
"""
        )

    def _control(self) -> None:
        """Start the controller and give it the switch."""
        socket = self.network.directory / "controller.sock"
        words = ("controller", "--listen", CONTROLLER, "--socket", str(socket))
        command = self.network.inside(SWITCH, *python("airnet", *words))
        controller = Actor("controller", command, self.papers.logs)
        self._stack.callback(controller.end, DRAIN_LIMIT_S, ask=False)
        controller.wait_until("socket", socket.exists, LIMIT_S)
        switch = self.network.switch
        assert switch is not None
        switch.set_controller(BRIDGE, f"tcp:{CONTROLLER}")
        controller.wait_until("flows", lambda: bool(switch.flows(BRIDGE)), LIMIT_S)


@contextlib.contextmanager
def trading_floor(folder: Path, *more: str) -> Iterator[Floor]:
    """Give a floor on a network of its own; `more` as Floor takes it."""
    with Network() as network, Floor(network, folder, *more) as floor:
        yield floor


def _airnet(*words: str) -> None:
    done = subprocess.run(
        python("airnet", *words), capture_output=True, check=False, env=environment()
    )
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
