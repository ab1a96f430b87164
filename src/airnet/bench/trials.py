"""Trials: the lab's latencies, measured in a network namespace of our own.

`unshare --net python -m airnet.bench.trials` prints one JSON object a run. Wire to
decision: a frame is given to one end of a veth; XDP, AF_XDP and the whole pipeline run
on the other; taken one frame at a time, so that nothing queues. Decision to effect: a
flood runs through Open vSwitch; a decision goes to the controller; the last frame of
the flood seen on the mirror ends the trial.
"""

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from airnet.act.sdn import SdnActuator
from airnet.bench.host import environment
from airnet.capture import open_interface
from airnet.capture.source import Source
from airnet.clock import SystemClock
from airnet.config import Capture, Gateway, Site, load
from airnet.decide.policy import Policy
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.frame import FRAME, FRAMES_MAX
from airnet.domain.verdict import Cause, Verdict
from airnet.errors import AirnetError, UnsupportedError
from airnet.lab.switch import SEARCH, Switch
from airnet.pipeline import Pipeline, think
from airnet.score import load as load_models
from airnet.shipped import models_path, policy_path
from airnet.twin.wire import SYN, Host, Path as Wire, syn_options

WIRE_TRIALS, EFFECT_TRIALS = 40, 20
FRAMES_PER_TRIAL_MAX = 20_000
SPACING_NS = 100_000
QUIET_NS = 150_000_000
GATEWAY = Gateway(ip="10.9.0.2", port=9878)
VENUE = Host(ip=GATEWAY.ip, mac=b"\x02\0\0\0\0\x02")
clock = SystemClock()


def figures(latencies_ns: list[int]) -> dict[str, object]:
    """Return quantiles in us of latencies in ns."""
    if not latencies_ns:
        return {"missing": "a single trial that came to its end"}
    values = np.array(latencies_ns) / 1000.0
    quantiles = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    found: dict[str, object] = {"trials": len(values)}
    for name, quantile in quantiles.items():
        found[f"{name}_us"] = round(float(np.quantile(values, quantile)), 1)
    return found


def ip(*words: str) -> None:
    """Run an iproute2 command.

    Raises:
        UnsupportedError: it is not there, or refused.
    """
    program = shutil.which("ip", path=SEARCH)
    if program is None:
        raise UnsupportedError("no ip(8)", "apt-get install iproute2")
    done = subprocess.run([program, *words], check=False, capture_output=True)
    if done.returncode:
        raise UnsupportedError(
            f"ip {' '.join(words)}: {done.stderr.decode().strip()}", "run as root"
        )


def veth(one: str, other: str) -> None:
    """Make a pair of interfaces that send nothing by themselves."""
    ip("link", "add", one, "type", "veth", "peer", "name", other)
    for name in (one, other):
        ip("link", "set", name, "addrgenmode", "none")
        ip("link", "set", name, "up")


def sender(interface: str) -> socket.socket:
    """Return a socket that puts whole frames on an interface."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    raw.bind((interface, 0))
    return raw


def syns(number: int) -> Iterator[bytes]:
    """Return an endless row of SYNs at the gateway from stranger `number`."""
    source = Host(ip=f"10.9.{1 + number // 200}.{1 + number % 200}", mac=b"\x02" * 6)
    while True:
        for port in range(1024, 65_536, 7):
            path = Wire(source, VENUE, (port, GATEWAY.port), port)
            options = syn_options(has_stamps=True, stamp=port * 977)
            yield path.tcp(port * 65_521, 0, SYN, options, len(options))


# ---- wire to decision ----


class Watch:
    """Hands that note when a containment was decided, and on which frame."""

    def __init__(self) -> None:
        self.decided: tuple[int, int] | None = None

    def carry_out(self, decision: Decision, verdict: Verdict | None) -> None:
        """Note the first decision that would contain something."""
        if self.decided is None and verdict and decision.tier >= Tier.PROTECT:
            self.decided = clock.mono_ns(), verdict.frame_count

    def tick(self, now_ns: int) -> None:
        """Do nothing."""


def wire_to_decision() -> dict[str, dict[str, object]]:
    """Return latencies from a flood's frames to the decision against it."""
    veth("bench0", "bench1")
    source = open_interface(Capture(interface="bench0"))
    site = Site(gateways=(GATEWAY,))
    policy, scorer = load(policy_path(), Policy), load_models(models_path())
    last, first = [], []
    try:
        with sender("bench1") as raw:
            for number in range(WIRE_TRIALS):
                watch = Watch()
                brain = think(site, policy, scorer)
                lane = Pipeline(source, brain, watch, on_decision=lambda _: None)
                sent = _flood_until_decided(lane, watch, raw, number)
                if watch.decided is not None:
                    decided_ns, frame = watch.decided
                    last.append(decided_ns - sent[frame])
                    first.append(decided_ns - sent[0])
    finally:
        source.close()
    name = source.name
    return {
        f"deciding frame on the wire -> decision ({name})": figures(last),
        "first bad frame on the wire -> decision": figures(first),
    }


def _flood_until_decided(
    lane: Pipeline, watch: Watch, raw: socket.socket, number: int
) -> list[int]:
    """Send SYNs one at a time until there is a decision; return when each left."""
    sent: list[int] = []
    for frame in syns(number):
        due = sent[-1] + SPACING_NS if sent else 0
        while clock.mono_ns() < due:
            pass
        sent.append(clock.mono_ns())
        raw.send(frame)
        while lane.totals.frames < len(sent):
            if lane.step(1) == 0 and clock.mono_ns() - sent[-1] > 1_000_000_000:
                return sent
        if watch.decided is not None or len(sent) == FRAMES_PER_TRIAL_MAX:
            break
    return sent


# ---- decision to effect ----


def flood_on_demand(interface: str) -> None:
    """Flood as stranger N for each line `N` on standard input, until the next."""
    os.set_blocking(0, False)
    pending = b""
    flood: Iterator[bytes] | None = None
    with sender(interface) as raw:
        while True:
            try:
                read = os.read(0, 4096)
            except BlockingIOError:
                pass
            else:
                if not read:
                    return
                pending += read
                *lines, pending = pending.split(b"\n")
                number = int(lines[-1]) if lines else -1
                flood = syns(number) if number >= 0 else None
            if flood is not None:
                raw.send(next(flood))
            clock.sleep_s(0.0001)


@contextlib.contextmanager
def child(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of ours beside this one; end it at the end."""
    process = subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env=environment(),
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait(holds: Callable[[], bool], what: str, limit_ns: int = 20_000_000_000) -> None:
    """Return once `holds()`.

    Raises:
        UnsupportedError: it does not, in time.
    """
    end = clock.mono_ns() + limit_ns
    while not holds():
        if clock.mono_ns() > end:
            raise UnsupportedError(f"no {what} in time", "run airnet doctor")
        clock.sleep_s(0.02)


def decision_to_effect() -> dict[str, dict[str, object]]:
    """Return latencies from a decision to the last frame of the flood it ends."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))
        ip("link", "set", "lo", "up")
        switch = Switch(directory / "ovs")
        stack.enter_context(switch)
        switch.add_bridge("br0")
        for host, port in (("evil0", "p1"), ("venue0", "p2"), ("tap0", "p3")):
            veth(host, port)
            switch.add_port("br0", port)
        switch.mirror("br0", "p3", "p2")
        path = directory / "northbound.sock"
        stack.enter_context(
            child("-m", "airnet.controller.framework", "--socket", str(path))
        )
        switch.set_controller("br0", "tcp:127.0.0.1:6653")
        switch.wait_connected()
        wait(path.exists, "controller")
        source = open_interface(Capture(interface="tap0"))
        stack.callback(source.close)
        flood = stack.enter_context(child("-m", "airnet.bench.trials", "flood"))
        actuator = SdnActuator(path, timeout_ms=5000)
        stack.callback(actuator.close)
        return _effects(source, flood, actuator)


def _effects(
    source: Source, flood: subprocess.Popen[bytes], actuator: SdnActuator
) -> dict[str, dict[str, object]]:
    """Run the trials one after the other."""
    effects, answers = [], []
    rows = np.zeros(FRAMES_MAX, FRAME)
    assert flood.stdin is not None
    for number in range(EFFECT_TRIALS):
        flood.stdin.write(b"%d\n" % number)
        _last_frame(source, rows, least=100)
        decided_ns = clock.now_ns()
        standing = actuator.apply(_drop(number, decided_ns), 10_000_000_000)
        last_ns = _last_frame(source, rows, least=0)
        effects.append(max(0, last_ns - decided_ns))
        answers.append(standing.applied_ns - decided_ns)
        flood.stdin.write(b"-1\n")
        actuator.release(standing)
    return {
        "decision -> last flood frame on the mirror": figures(effects),
        "decision -> the controller's acknowledgement": figures(answers),
    }


def _last_frame(source: Source, rows: NDArray[np.void], least: int) -> int:
    """Take frames until there were `least`; with 0, until it stays quiet.

    Returns when the last frame was seen, ns since the epoch.
    """
    taken, last_ns = 0, 0
    start = clock.mono_ns()
    quiet_since = start
    while clock.mono_ns() - start < 10_000_000_000:
        count = source.poll(rows, 5)
        if count:
            taken += count
            last_ns = int(rows["time_ns"][:count].max())
            quiet_since = clock.mono_ns()
        if least and taken >= least:
            break
        if not least and clock.mono_ns() - quiet_since > QUIET_NS:
            break
    return last_ns


def _drop(number: int, now_ns: int) -> Decision:
    """Return the Decision to drop stranger `number`."""
    return Decision(
        id=hashlib.sha256(b"bench %d" % number).hexdigest()[:32],
        t_ns=now_ns,
        cause=Cause.FLOOD,
        tier=Tier.PROTECT,
        action=Action.DROP_SOURCES,
        target_type=TargetType.SOURCE,
        target=(f"10.9.{1 + number // 200}.{1 + number % 200}",),
        until_ns=now_ns + 10_000_000_000,
        mode=Mode.ENFORCE,
        rule="bench",
        measured=0,
        limit=0,
        probability=1.0,
        why="measuring",
        first_ns=now_ns,
        window_kind=2,
        subject=0,
        gateway=GATEWAY.ip,
        port=GATEWAY.port,
    )


def main() -> int:
    """Run all trials and print what came of them."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    if sys.argv[1:] == ["flood"]:
        flood_on_demand("evil0")
        return 0
    found: dict[str, dict[str, object]] = {}
    for trial in (wire_to_decision, decision_to_effect):
        try:
            found |= trial()
        except AirnetError as error:
            found[trial.__name__.replace("_", " ")] = {"missing": str(error)}
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
