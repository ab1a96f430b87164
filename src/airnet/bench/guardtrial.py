"""The guard's latency on a veth, of a whole `airnet run`, looked at from outside.

`unshare --net python -m airnet.bench.guardtrial TRIALS` prints one JSON object. This
process is the wire: it sends every frame to the mirror port and to the guarded one,
stamps it, and sees which were held back by the kernel's own counters. airnet is another
process, on another CPU, as an operator starts it; it decides on a flood of SYNs, from
a stranger who is a new one in each trial, while sessions trade.
"""

import contextlib
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import structlog

from airnet.bench.guardfloor import Platform, waited_ns
from airnet.bench.guardpaths import Trial, decided, latencies, matched, stages
from airnet.bench.guardtalk import GATEWAYS, refusals, strange, stranger, talk
from airnet.bench.host import environment
from airnet.bench.trials import (
    GATEWAY,
    VENUE,
    child,
    figures,
    ip,
    sender,
    veth,
    wait,
)
from airnet.clock import SystemClock
from airnet.decide.enough import FLOODS_AT_ONCE
from airnet.errors import AirnetError, UnsupportedError
from airnet.lab.generate import go_first, stay_on
from airnet.lab.guarded import Guarded, detach
from airnet.lab.switch import SEARCH
from airnet.twin.wire import Host

MIRROR, CAPTURE = "gmir0", "gmir1"
PEER, PORT = "gport0", "gport1"
#: What the bench may do that no operator would let airnet do.
POLICY = """
[cause.flood]
action = "drop_sources"
mode = "enforce"
tier_max = 2
ttl_ms = 150
at_once = [{at_once}]
[budget]
sources_max = {many}
actions_max = 1000000
passive_max = 1024
[hysteresis]
cooldown_ms = 0
[drift]
lowers = false
"""
CONFIG = """
site = "site.toml"
policy = "policy.toml"
[capture]
interface = "{capture}"
ring_frames = 16384
[pipeline]
cpus = [{cpu}]
[guard]
interface = "{port}"
foresees = {foresees}
spin_us = {spin_us}
[service]
ledger = "ledger"
decisions = "decisions.jsonl"
metrics_port = 0
"""
#: Between a stranger's frames at the mirror; meanwhile his others try the guard.
SPACING_NS = 100_000
#: A trial that is not decided by then has failed; so long is quiet after each.
LIMIT_NS, QUIET_NS = 100_000_000, 12_000_000
#: A real-time thread that never sleeps is held up for 50 ms of each second.
NAP_S = 0.0001
WARM_NS, DRAIN_NS = 3_000_000_000, 1_500_000_000
#: So often, and so long on each CPU, the platform's own gaps are looked for; then the
#: lane has to have caught up.
LOOK_EVERY, LOOK_NS, SETTLE_NS = 25, 100_000_000, 300_000_000
TRADE_NS = 1_000_000
#: How long the lane looks for frames before it sleeps.
SPIN_US = 400
#: Handshakes given up after a trial that came to no end.
RESETS = 1000
AT_ONCE = ", ".join(f'"{name}"' for name in FLOODS_AT_ONCE)
DRILL_S = 120
clock = SystemClock()


class Wires:
    """The mirror and the guarded port, seen by who sends to both."""

    def __init__(self, mirror: Any, port: Any, eyes: Guarded, lane: int) -> None:
        self._lane = lane
        self._mirror, self._port, self._eyes = mirror, port, eyes
        self._trade = talk([Host(ip=one, mac=VENUE.mac) for one in GATEWAYS])
        self._due_ns = 0
        self.traded = self.lost = 0

    def refused(self) -> int:
        """Return how many frames the guard has held back, by a source's rule."""
        return self._eyes.counts()["source"]

    def both(self, frame: bytes) -> int:
        """Send a frame to both; return when the mirror was given it, ns, epoch."""
        at_ns = clock.now_ns()
        self._mirror.send(frame)
        self._port.send(frame)
        return at_ns

    def trade(self) -> None:
        """Send a message of a session when it is time; none may be held back."""
        now_ns = clock.mono_ns()
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + TRADE_NS
        before = self._held()
        self.both(next(self._trade))
        self.traded += 1
        self.lost += self._held() - before

    def _held(self) -> int:
        counts = self._eyes.counts()
        return counts["source"] + counts["session"] + counts["unknown"]

    def end(self, number: int, count: int) -> None:
        """Have the gateway give up what a trial's stranger left open, at the mirror."""
        for frame in islice(refusals(number), count):
            self._mirror.send(frame)

    def trial(self, number: int) -> Trial | None:
        """Flood as one stranger until the guard holds."""
        sent: list[int] = []
        frames = strange(number)
        waited = waited_ns(self._lane)
        before, start_ns = self.refused(), clock.mono_ns()
        gap_ns, last_ns = 0, start_ns
        due_ns = start_ns
        while True:
            frame = next(frames)
            now_ns = clock.mono_ns()
            gap_ns, last_ns = max(gap_ns, now_ns - last_ns), now_ns
            if now_ns >= due_ns:
                due_ns = now_ns + SPACING_NS
                sent.append(self.both(frame))
            else:
                self._port.send(frame)
            if self.refused() > before:
                held_ns = clock.now_ns()
                gap_ns = max(gap_ns, clock.mono_ns() - last_ns)
                return Trial(sent, held_ns, gap_ns, waited_ns(self._lane) - waited)
            if now_ns - start_ns > LIMIT_NS:
                return None
            self.trade()

    def rest(self, span_ns: int) -> None:
        """Let sessions trade, and nothing else happen."""
        end_ns = clock.mono_ns() + span_ns
        while clock.mono_ns() < end_ns:
            self.trade()
            clock.sleep_s(NAP_S)


def trade_on(interface: str) -> None:
    """Let sessions trade on one port until somebody ends this."""
    with sender(interface) as port:
        for frame in talk():
            port.send(frame)
            clock.sleep_s(TRADE_NS / 1e9)


@contextlib.contextmanager
def running(folder: Path, cpu: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run airnet on those two ports, as an operator would.

    Raises:
        UnsupportedError: it does not come up.
    """
    (folder / "site.toml").write_text(
        "".join(
            f'[[gateway]]\nip = "{address}"\nport = {GATEWAY.port}\n'
            for address in (GATEWAY.ip, *GATEWAYS)
        )
    )
    (folder / "policy.toml").write_text(POLICY.format(many=1024, at_once=AT_ONCE))
    (folder / "airnet.toml").write_text(
        CONFIG.format(
            capture=CAPTURE, port=PORT, cpu=cpu, foresees="true", spin_us=SPIN_US
        )
    )
    first = shutil.which("chrt", path=SEARCH)
    command = [sys.executable, "-m", "airnet", "run", "--unproved", "--config"]
    if first is not None:
        command = [first, "--fifo", "1", *command]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, str(folder / "airnet.toml")], stderr=log, env=environment()
        )
    try:
        told = folder / "log"
        wait(
            lambda: (
                b"service.started" in told.read_bytes() or process.poll() is not None
            ),
            "airnet run",
        )
        if process.poll() is not None:
            said = told.read_text("utf-8", "replace").strip().splitlines()
            raise UnsupportedError(said[-1] if said else "it ended", "run as root")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def whole(trials: int) -> dict[str, Any]:
    """Run the trials against a whole airnet."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return {"missing": "two CPUs: one is the wire, one is airnet"}
    veth(MIRROR, CAPTURE)
    veth(PEER, PORT)
    seen: dict[str, Trial] = {}
    platform = Platform(cpus[:2])
    undecided = 0
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        stack.callback(detach, PORT)
        airnet = stack.enter_context(running(folder, cpus[1]))
        stay_on(cpus[0])
        is_first = go_first()
        eyes = stack.enter_context(Guarded(PORT))
        mirror = stack.enter_context(sender(MIRROR))
        wires = Wires(mirror, stack.enter_context(sender(PEER)), eyes, airnet.pid)
        wires.rest(WARM_NS)
        gc.disable()
        for number in range(trials):
            found = wires.trial(number)
            if found is None:
                undecided += 1
            else:
                seen[stranger(number)] = found
            wires.end(number, len(found.sent) if found else RESETS)
            wires.rest(QUIET_NS + number % 10 * 1_000_000)
            if number % LOOK_EVERY == 0:
                platform.look(LOOK_NS)
                stay_on(cpus[0])
                wires.rest(SETTLE_NS)
        gc.enable()
        wires.rest(DRAIN_NS)
        known = matched(seen, decided(folder, clock.now_ns() - clock.mono_ns()))
        return {
            "latencies": latencies(seen, known, folder),
            "stages": stages(known),
            "platform": platform.found(),
            "held_up": sum(not one.trial.is_calm for one in known),
            "trials": trials,
            "undecided": undecided,
            "session_frames": wires.traded,
            "session_frames_lost": wires.lost,
            "is_real_time": is_first,
        }


def many() -> dict[str, Any]:
    """Return what a drill of a thousand containments took, while sessions trade.

    Raises:
        UnsupportedError: it failed.
    """
    with child("-m", "airnet.bench.guardtrial", "traffic", PEER):
        done = subprocess.run(
            [sys.executable, "-m", "airnet.service.drill", PORT],
            check=False,
            capture_output=True,
            env=environment(),
            timeout=DRILL_S,
        )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UnsupportedError(f"the drill: {said[-1:]}", "run as root")
    found = json.loads(done.stdout)
    return {
        "latencies": {
            "decision -> in force and read back": figures(found["force_ns"]),
            "decision -> intent durable on the disk": figures(found["durable_ns"]),
            "undo": figures(found["undo_ns"]),
        },
        "in_force": found["at_once_in_force"],
        "in_force_ms": round(found["at_once_force_ns"] / 1e6, 1),
        "recorded": found["at_once_recorded"],
        "recorded_ms": round(found["at_once_durable_ns"] / 1e6, 1),
        "session_frames": found["frames"],
        "session_frames_lost": found["frames_lost"],
    }


def main() -> int:
    """Print what was found, or what is missing."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    if sys.argv[1] == "traffic":
        trade_on(sys.argv[2])
    try:
        cpus = os.sched_getaffinity(0)
        ip("link", "set", "lo", "up")
        found = whole(int(sys.argv[1]))
        if "missing" not in found:
            # What writes the disk runs where it likes, and must not be kept from it.
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            os.sched_setaffinity(0, cpus)
            found["many"] = many()
    except AirnetError as error:
        found = {"missing": str(error)}
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
