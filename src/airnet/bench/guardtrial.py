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
from datetime import UTC, datetime
from itertools import count, cycle
from pathlib import Path
from typing import Any

import msgspec
import structlog

from airnet.bench.host import environment
from airnet.bench.lab import SEARCH
from airnet.bench.livetalk import framed
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
from airnet.errors import AirnetError, UnsupportedError
from airnet.lab.generate import go_first, stay_on
from airnet.lab.guarded import Guarded, detach
from airnet.record.file import read
from airnet.twin.wire import ACK, PSH, SYN, Host, Path as Wire, syn_options

MIRROR, CAPTURE = "gmir0", "gmir1"
PEER, PORT = "gport0", "gport1"
#: What the bench may do that no operator would let airnet do.
POLICY = """
[cause.flood]
action = "drop_sources"
mode = "enforce"
tier_max = 2
ttl_ms = 1000
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
[service]
ledger = "ledger"
decisions = "decisions.jsonl"
metrics_port = 0
"""
#: Between a stranger's frames at the mirror; meanwhile his others try the guard.
SPACING_NS = 100_000
#: A trial that is not decided by then has failed; so long is quiet after each.
LIMIT_NS, QUIET_NS = 100_000_000, 12_000_000
WARM_NS, DRAIN_NS = 3_000_000_000, 1_500_000_000
TRADE_NS = 1_000_000
#: Each is attacked in turn, so that floods do not add up to one of many sources.
GATEWAYS = tuple(f"10.8.0.{n}" for n in range(1, 61))
CLIENTS = 4
DRILL_S = 120
ORDER = (
    "35=D|49={firm}|56=VENUE|34={n}|52={time}|11=O{n:010}|21=1|55=ACME|54={side}|"
    "60={time}|38={n}00|40=2|44=101.{n:02}|59=0|"
)
REPORT = (
    "35=8|49=VENUE|56={firm}|34={n}|52={time}|37=V{n:010}|11=O{n:010}|17=E{n:010}|"
    "150=0|39=0|55=ACME|54={side}|38={n}00|44=101.{n:02}|151={n}00|14=0|6=0|60={time}|"
)
clock = SystemClock()


class Wires:
    """The mirror and the guarded port, seen by who sends to both."""

    def __init__(self, mirror: Any, port: Any, eyes: Guarded) -> None:
        self._mirror, self._port, self._eyes = mirror, port, eyes
        self._trade = talk()
        self._due_ns = 0
        self.traded = self.lost = 0

    def refused(self) -> int:
        """Return how many frames the guard has held back, by a source's rule."""
        return self._eyes.counts()["source"]

    def both(self, frame: bytes) -> int:
        """Send a frame to both; return when the mirror had it, ns since the epoch."""
        self._mirror.send(frame)
        at_ns = clock.now_ns()
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

    def trial(self, number: int) -> tuple[list[int], int] | None:
        """Flood as one stranger until the guard holds; when each was sent, and that."""
        sent: list[int] = []
        frames = strange(number)
        before, start_ns = self.refused(), clock.mono_ns()
        due_ns = start_ns
        while True:
            frame = next(frames)
            now_ns = clock.mono_ns()
            if now_ns >= due_ns:
                due_ns = now_ns + SPACING_NS
                sent.append(self.both(frame))
            else:
                self._port.send(frame)
            if self.refused() > before:
                return sent, clock.now_ns()
            if now_ns - start_ns > LIMIT_NS:
                return None
            self.trade()

    def rest(self, span_ns: int) -> None:
        """Let sessions trade, and nothing else happen."""
        end_ns = clock.mono_ns() + span_ns
        while clock.mono_ns() < end_ns:
            self.trade()


def stranger(number: int) -> str:
    """Return the address of the stranger of one trial."""
    return f"10.9.{1 + number // 200}.{1 + number % 200}"


def strange(number: int) -> Iterator[bytes]:
    """Return an endless row of SYNs of a trial's stranger at that trial's gateway."""
    here = Host(ip=stranger(number), mac=b"\x02" * 6)
    there = Host(ip=GATEWAYS[number % len(GATEWAYS)], mac=VENUE.mac)
    for port in cycle(range(1024, 65_536, 7)):
        path = Wire(here, there, (port, GATEWAY.port), port)
        options = syn_options(has_stamps=True, stamp=port * 977)
        yield path.tcp(port * 65_521, 0, SYN, options, len(options))


def talk() -> Iterator[bytes]:
    """Return sessions' orders and reports, in turn, in sequence and on time."""
    hosts = [
        Host(ip=f"10.9.0.{20 + n}", mac=b"\x02\0\0\0\0\x09") for n in range(CLIENTS)
    ]
    ends = 40_000, GATEWAY.port
    ups = [Wire(host, VENUE, ends) for host in hosts]
    downs = [Wire(VENUE, host, ends[::-1]) for host in hosts]
    sent, told = [1] * CLIENTS, [1] * CLIENTS
    for number in count(1):
        for n, (up, down) in enumerate(zip(ups, downs, strict=True)):
            fields = {"n": number, "firm": f"FIRM{n}", "side": 1 + number % 2}
            order = framed(ORDER.format(time=utc(), **fields))
            yield up.tcp(sent[n], told[n], PSH | ACK, order, 0)
            sent[n] += len(order)
            report = framed(REPORT.format(time=utc(), **fields))
            yield down.tcp(told[n], sent[n], PSH | ACK, report, 0)
            told[n] += len(report)


def trade_on(interface: str) -> None:
    """Let sessions trade on one port until somebody ends this."""
    with sender(interface) as port:
        for frame in talk():
            port.send(frame)
            clock.sleep_s(TRADE_NS / 1e9)


def utc() -> str:
    """Return the time as FIX writes it (UTCTimestamp, milliseconds)."""
    seconds, rest_ns = divmod(clock.now_ns(), 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y%m%d-%H:%M:%S}.{rest_ns // 1_000_000:03}"


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
    (folder / "policy.toml").write_text(POLICY.format(many=1024))
    (folder / "airnet.toml").write_text(
        CONFIG.format(capture=CAPTURE, port=PORT, cpu=cpu)
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


def decided(folder: Path) -> dict[str, int]:
    """Return the capture time of each stranger's Decision."""
    found = {}
    for line in (folder / "decisions.jsonl").read_bytes().splitlines():
        one = msgspec.json.decode(line)
        if one["action"] == "drop_sources":
            found[one["target"][0]] = int(one["t_ns"])
    return found


def matched(
    seen: dict[str, tuple[list[int], int]], folder: Path
) -> dict[str, dict[str, object]]:
    """Return latencies of the trials whose Decision is known."""
    at_ns, deciding, first = decided(folder), [], []
    for source, (sent, held_ns) in seen.items():
        first.append(held_ns - sent[0])
        # What decided is the first frame that the mirror had at the Decision's time.
        frame_ns = next((one for one in sent if one >= at_ns.get(source, 1 << 63)), 0)
        if frame_ns:
            deciding.append(held_ns - frame_ns)
    lags = [
        int(str(one.body["applied_ns"])) - int(str(one.body["command_ns"]))
        for one in read(folder / "ledger")
        if one.kind == "containment" and one.body["state"] == "applied"
    ]
    return {
        "deciding frame on the wire -> first frame dropped": figures(deciding),
        "first bad frame on the wire -> first frame dropped": figures(first),
        "of it, writing the rules and reading them back": figures(lags),
    }


def whole(trials: int) -> dict[str, Any]:
    """Run the trials against a whole airnet."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return {"missing": "two CPUs: one is the wire, one is airnet"}
    veth(MIRROR, CAPTURE)
    veth(PEER, PORT)
    seen: dict[str, tuple[list[int], int]] = {}
    undecided = 0
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        stack.callback(detach, PORT)
        stack.enter_context(running(folder, cpus[1]))
        stay_on(cpus[0])
        is_first = go_first()
        eyes = stack.enter_context(Guarded(PORT))
        mirror = stack.enter_context(sender(MIRROR))
        wires = Wires(mirror, stack.enter_context(sender(PEER)), eyes)
        wires.rest(WARM_NS)
        gc.disable()
        for number in range(trials):
            found = wires.trial(number)
            if found is None:
                undecided += 1
            else:
                seen[stranger(number)] = found
            wires.rest(QUIET_NS + number % 10 * 1_000_000)
        gc.enable()
        wires.rest(DRAIN_NS)
        return {
            "latencies": matched(seen, folder),
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
