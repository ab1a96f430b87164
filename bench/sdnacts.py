"""The actuator's part of bench/sdn.py: whole Decisions, by controller and fast lane."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sdnlab import BAD, CHRT, IP, Bench

from airnet.act.intents import Order
from airnet.act.sdn import SdnActuator, Ways
from airnet.act.standing import Standing
from airnet.bench.host import environment
from airnet.clock import SystemClock
from airnet.decide.drafts import with_id
from airnet.domain.containment import State
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.verdict import Cause
from airnet.record.file import FileLedger, read

READY_S = 20
TTL_NS = 60_000_000_000


class Acts:
    """A controller process on the bench's switch, and an actuator that asks it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._number = 1_000_000
        path = bench.directory / "controller.sock"
        words = [sys.executable, "-m", "airnet.controller.framework"]
        words += ["--socket", str(path), "--listen", "127.0.0.1:6653"]
        log = (bench.directory / "controller.log").open("wb")
        process = subprocess.Popen(
            [IP, "netns", "exec", bench.inside, CHRT, "-f", "20", *words],
            env=environment(),
            stderr=log,
        )
        log.close()
        bench.held.callback(process.wait, 10)
        bench.held.callback(process.terminate)
        wait(path.exists)
        others = (f"tcp:127.0.0.1:{port}" for port in (6653, 6655))
        bench.switch.set_controller("br0", bench.lane_target, *others)
        ways = Ways(lane=str(bench.directory / "lane.sock"))
        self.actuator = SdnActuator(path, timeout_ms=5000, ways=ways)
        bench.held.callback(self.actuator.close)
        wait(lambda: any(one["synced"] for one in self.switches()))

    def next_number(self, count: int) -> int:
        """Return the first of so many numbers that no Decision had yet."""
        self._number += count
        return self._number - count

    def switches(self) -> Any:
        """Return the switches that the controller tells."""
        return self.actuator.status()["switches"]

    def standing(self, name: str) -> tuple[Standing, Path]:
        """Return what carries Decisions out, and its ledger's directory."""
        directory = self.bench.directory / name
        directory.mkdir()
        ledger = FileLedger(directory)
        self.bench.held.callback(ledger.close)
        return Standing([self.actuator], ledger, SystemClock()), directory


def wait(holds: Any) -> None:
    """Return once it is so."""
    end = time.monotonic() + READY_S
    while not holds():
        assert time.monotonic() < end, holds
        time.sleep(0.01)


def decision(number: int, source: str) -> Decision:
    """Return a drop of one source at the gateway."""
    return with_id(
        Decision(
            id="",
            t_ns=1_700_000_000_000_000_000 + number,
            cause=Cause.FLOOD,
            tier=Tier.PROTECT,
            action=Action.DROP_SOURCES,
            target_type=TargetType.SOURCE,
            target=(source,),
            until_ns=1_700_000_000_000_000_000 + number + TTL_NS,
            mode=Mode.ENFORCE,
            rule="bench",
            measured=1,
            limit=0,
            probability=1.0,
            why="A bench.",
            first_ns=0,
            window_kind=2,
            subject=0,
            gateway="10.9.0.2",
        )
    )


def at_once(acts: Acts, count: int, name: str) -> dict[str, object]:
    """Return how long until so many stand and are recorded; then their undoing."""
    standing, directory = acts.standing(name)
    sources = [f"10.8.{i // 250}.{1 + i % 250}" for i in range(count)]
    first = acts.next_number(count)
    orders = [Order(decision(first + i, source)) for i, source in enumerate(sources)]
    began = time.monotonic()
    outcomes = standing.carry_out_all(orders)
    took_s = time.monotonic() - began
    rules = sum("cookie=0xa101" in line for line in acts.bench.switch.flows("br0"))
    entries = [one for one in read(directory) if one.kind == "containment"]
    applied = [one for one in outcomes if one and one.state is State.APPLIED]
    undone_us = []
    for order in orders:
        began_ns = time.monotonic_ns()
        standing.release(order.decision.id, "the bench")
        undone_us.append((time.monotonic_ns() - began_ns) / 1e3)
    left = sum("cookie=0xa101" in line for line in acts.bench.switch.flows("br0"))
    return {
        "containments": count,
        "seconds": round(took_s, 3),
        "applied": len(applied),
        "rules_on_the_switch": rules,
        "recorded": len(entries),
        "undo_us": percentiles(undone_us),
        "rules_left": left,
    }


def percentiles(values: list[float]) -> dict[str, float]:
    """Return p50, p90, p99 and max."""
    points = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    return {k: round(float(np.percentile(values, p)), 1) for k, p in points.items()}


def whole(acts: Acts, trials: int) -> dict[str, object]:
    """Return us from apply() to the last bad frame, armed, and until it returned."""
    bench = acts.bench
    acts.actuator.arm([decision(0, "10.9.0.1")])
    last_us, told_us = [], []
    for turn in range(trials):
        wanted = decision(1000 + turn, "10.9.0.1")
        start = bench.count
        wait(lambda start=start: (bench.arrived(start)["kind"] & 3 == BAD).any())
        given_ns = time.time_ns()
        standing = acts.actuator.apply(wanted, TTL_NS)
        told_us.append((time.time_ns() - given_ns) / 1e3)
        time.sleep(0.03)
        rows = bench.arrived(start)
        bad = rows["arrived_ns"][rows["kind"] & 3 == BAD]
        late = bad[bad > given_ns]
        last_us.append((int(late.max()) - given_ns) / 1e3 if len(late) else 0.0)
        acts.actuator.release(standing)
        time.sleep(0.03 + turn * 7919 % 20000 / 1e6)
    within = float((np.array(last_us) <= 1000).mean())
    return {
        "trials": trials,
        "last_bad_us": percentiles(last_us),
        "within_1_ms": round(within, 4),
        "returned_us": percentiles(told_us),
    }
