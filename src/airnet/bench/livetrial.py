"""The receiver's half of the live bench, in a network namespace of its own.

`python -m airnet.bench.livetrial SECONDS` prints one JSON object. The sender is
another process on another CPU. Receivers take turns on the same link: one that lets
every frame go at once, and airnet, from the socket to feature rows.
"""

import contextlib
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import structlog
from numpy.typing import NDArray

from airnet import config
from airnet.bench.host import environment
from airnet.bench.livetalk import CLIENT, GATEWAY, GATEWAY_PORT
from airnet.bench.trials import veth
from airnet.capture.attach import attach_xdp
from airnet.capture.xdp import XdpSource
from airnet.clock import SystemClock
from airnet.decode import Decoder
from airnet.errors import AirnetError
from airnet.features import Windows
from airnet.lab.generate import go_first
from airnet.stride import Stride

CAPTURE, MIRROR = "live0", "live1"
#: Enough for 40 ms of 1.5 million frames a second that nobody fetched.
RING_FRAMES = 65536
ROUNDS, ROUND_FRAMES = 5, 2_000_000
BATCH = 64
SHARE = 0.7
GAP_NS = 50_000
LATE_ROUNDS, LATE_FRAMES = 4, 10_000
SPIN_NS = 1_000_000
clock = SystemClock()

Link = subprocess.Popen[bytes]
Figures = dict[str, Any]


class Receiver:
    """A fresh socket and, unless it is idle, fresh stages; an idle one lets go."""

    def __init__(self, *, is_idle: bool, late_frames: int = 0) -> None:
        wanted = config.Capture(interface=CAPTURE, ring_frames=RING_FRAMES)
        gateways = [(GATEWAY.ip, GATEWAY_PORT)]
        self.source = XdpSource(attach_xdp(wanted))
        self.decoder = Decoder(gateways)
        self.windows = Windows(gateways, [CLIENT.ip])
        self.stride = Stride(self.source, self.decoder, self.windows)
        self._late = np.zeros(late_frames, np.uint32)
        self.closed = 0
        self.stride.measure(self._late, is_idle=is_idle)

    def take(self, spin_ns: int) -> None:
        """Take what comes, and read the windows that close."""
        more = self.stride.spin(spin_ns)
        while more:
            self.closed += len(self.windows.windows)
            more = self.stride.advance()

    def late_ns(self) -> NDArray[np.uint32]:
        """Return how long each frame waited."""
        return self._late[: self.stride.measured]

    def accounts(self) -> dict[str, int]:
        """Return the source's counters, without those that are zero."""
        kept = ("seen", "delivered", "unaccounted")
        counts = self.source.counters()
        return {name: n for name, n in counts.items() if n or name in kept}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.source.close()
        self.decoder.close()


@contextlib.contextmanager
def sender(cpu: int) -> Iterator[Link]:
    """Run the sender; it has loaded its programs when this begins."""
    command = [sys.executable, "-m", "airnet.bench.livesend", MIRROR, str(cpu)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env=environment(),
    )
    try:
        answer(process)
        yield process
    finally:
        process.communicate(timeout=10)


def ask(link: Link, **wanted: int) -> None:
    """Have the sender begin."""
    assert link.stdin is not None
    link.stdin.write(json.dumps(wanted).encode() + b"\n")


def answer(link: Link) -> dict[str, int]:
    """Return what the sender says when it is done."""
    assert link.stdout is not None
    return dict(json.loads(link.stdout.readline() or b"{}"))


def receive(link: Link, receiver: Receiver, **wanted: int) -> Figures:
    """Let frames be sent, take them, and say what became of each."""
    os.set_blocking(_pipe(link), False)
    cpu_ns = clock.cpu_ns()
    ask(link, **wanted)
    said = b""
    while not said.endswith(b"\n"):
        receiver.take(SPIN_NS)
        said += _read(link)
    taken = receiver.stride.totals[0]  # while frames came; the rest is in the ring
    spent_ns = clock.cpu_ns() - cpu_ns
    receiver.take(20 * SPIN_NS)
    os.set_blocking(_pipe(link), True)
    sent = json.loads(said)
    wall_s = (sent["end_mono_ns"] - sent["start_mono_ns"]) / 1e9
    counts = receiver.accounts()
    return {
        "sent": sent["frames"],
        "not_taken_by_link": sent["lost"],
        **counts,
        "per_second": round(taken / wall_s),
        "sent_per_second": round(sent["frames"] / wall_s),
        "receiver_cpu_s": round(spent_ns / 1e9, 3),
        "is_exact": is_exact(sent, counts),
    }


def _pipe(link: Link) -> int:
    assert link.stdout is not None
    return link.stdout.fileno()


def _read(link: Link) -> bytes:
    with contextlib.suppress(BlockingIOError):
        return os.read(_pipe(link), 4096)
    return b""


def is_exact(sent: dict[str, int], counts: dict[str, int]) -> bool:
    """Return whether every frame is delivered or lost for a reason that is named."""
    reasons = sum(
        n for name, n in counts.items() if name not in ("seen", "delivered", "missed")
    )
    return (
        sent["frames"] == counts["seen"] + sent["lost"]
        and counts["seen"] == counts["delivered"] + reasons
        and counts["unaccounted"] == 0
    )


# ---- the three questions ----


def rates(link: Link) -> Figures:
    """Return frames a second of both receivers, flat out, in turns."""
    found: dict[bool, list[Figures]] = {True: [], False: []}
    for _ in range(ROUNDS):
        for is_idle in (True, False):
            with Receiver(is_idle=is_idle) as receiver:
                found[is_idle].append(
                    receive(
                        link, receiver, frames=ROUND_FRAMES, per_second=0, batch=BATCH
                    )
                )
    each = {
        name: [one["per_second"] for one in found[is_idle]]
        for name, is_idle in (("dropping", True), ("airnet", False))
    }
    ratios = [b / a for a, b in zip(each["dropping"], each["airnet"], strict=True)]
    return {
        "dropping_per_second": int(np.median(each["dropping"])),
        "airnet_per_second": int(np.median(each["airnet"])),
        "ratio": round(float(np.median(ratios)), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "is_exact": all(one["is_exact"] for both in found.values() for one in both),
        "rounds": {"dropping": found[True], "airnet": found[False]},
    }


def steady(link: Link, per_second: int, seconds: float) -> Figures:
    """Return what is lost at a steady rate."""
    with Receiver(is_idle=False) as receiver:
        found = receive(
            link,
            receiver,
            frames=int(per_second * seconds),
            per_second=per_second,
            batch=BATCH,
        )
        found["windows"] = receiver.closed
        found["messages"] = int(receiver.decoder.sessions["messages"].sum())
    return {
        "wanted_per_second": per_second,
        "seconds": seconds,
        "lost": found["sent"] - found["delivered"],
        **found,
    }


def waits(link: Link) -> Figures:
    """Return how long a frame that comes alone waits, with and without the work."""
    late: dict[bool, list[NDArray[np.uint32]]] = {True: [], False: []}
    per_second = 1_000_000_000 // GAP_NS
    for _ in range(LATE_ROUNDS):
        for is_idle in (True, False):
            with Receiver(is_idle=is_idle, late_frames=LATE_FRAMES * 2) as receiver:
                gc.disable()
                told = receive(
                    link, receiver, frames=LATE_FRAMES, per_second=per_second, batch=1
                )
                gc.enable()
                late[is_idle].append(receiver.late_ns()[500:])
                if not is_idle:
                    each = receiver.decoder.sessions["messages"].sum()
                    assert each == told["delivered"], "a message for each frame"
    wake = quantiles(late[True])
    rows = quantiles(late[False])
    return {
        "wake_up": wake,
        "feature_row": rows,
        "above_p50_us": round(rows["p50_us"] - wake["p50_us"], 2),
        "above_p99_us": round(rows["p99_us"] - wake["p99_us"], 2),
    }


def quantiles(parts: list[NDArray[np.uint32]]) -> dict[str, float]:
    """Return p50, p99 and max in us: medians over the rounds, and the largest."""
    points = {"p50_us": 0.5, "p90_us": 0.9, "p99_us": 0.99}
    found = {
        name: round(
            float(np.median([np.quantile(part, at) for part in parts])) / 1e3, 2
        )
        for name, at in points.items()
    }
    found["max_us"] = round(float(max(part.max() for part in parts)) / 1e3, 2)
    found["frames"] = sum(len(part) for part in parts)
    return found


def measure(seconds: float) -> Figures:
    """Run everything on a veth of this namespace."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return {"missing": "two CPUs: one sends, one receives"}
    veth(MIRROR, CAPTURE)
    os.sched_setaffinity(0, {cpus[1]})
    with sender(cpus[0]) as link:
        found: Figures = {
            "cpus": {"sender": cpus[0], "receiver": cpus[1]},
            "is_real_time": go_first(),
        }
        found["rate"] = rates(link)
        wanted = int(found["rate"]["dropping_per_second"] * SHARE)
        found["steady"] = steady(link, wanted, seconds)
        found["latency"] = waits(link)
    return found


def main() -> int:
    """Print what was found, or what is missing."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        found = measure(float(sys.argv[1]))
    except AirnetError as error:
        found = {"missing": str(error)}
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
