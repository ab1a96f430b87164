"""Decision to the last bad frame through Open vSwitch, by OpenFlow, traffic running.

    python bench/sdn.py [--trials N] [--young N] [--reroutes N]
                         [--whole N] [--at-once N] [--ways NAME,NAME] [--tls]

Needs root, gcc and Open vSwitch. What is compared takes turns within one run: the fast
lane, and a raw sender in C that does nothing but write the same bytes and wait for the
barrier, which is the floor. Time runs from the moment the order is given to the
receiving kernel's stamp on the last bad frame. See bench/README.md.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from sdnacts import Acts, at_once, whole
from sdnlab import BACKUP, BAD, GAP_NS, GOOD, RECORDS, Bench

from airnet.bench.hiccup import Floor
from airnet.bench.host import describe

#: How long an order stands in one trial; how old a young session is at most.
HOLD_NS, YOUNG_HOLD_NS = 20_000_000, 150_000_000
YOUNG_NS = 220_000_000
BLOCK = 20
#: Frames looked at that came before an order.
BEFORE = 64
HELD_AGAINST = {
    "effect p50": "effect_p50_us",
    "effect p99": "effect_p99_us",
    "last bad p99": "p99_us",
}
#: What is held against the floor, and what the floor is.
FLOORS = {
    "lane rule": "raw rule",
    "lane both": "raw both",
    "warm both": "raw both",
    "default both": "raw both",
    "durable both": "raw both",
    "hop both": "raw both",
}
SESSIONS = 1000


def steal() -> int:
    """Return the ticks that the hypervisor took from all processors."""
    return int(Path("/proc/stat").read_text().split()[8])


def until(moment_ns: int) -> None:
    """Wait until a moment."""
    while (left := moment_ns - time.time_ns()) > 0:
        time.sleep(left / 1e9)


Order = tuple[Callable[[], tuple[int, int]], Callable[[], None]]


def contain(
    bench: Bench, ways: dict[str, Order], trials: int, *, is_young: bool
) -> dict:
    """Return, for each way, us to the last bad frame and to the acknowledgement.

    And to the effect: it lies between the last bad frame that came, be that before the
    order, and the first that did not, a gap later; in the middle, on the whole.
    """
    hold_ns = YOUNG_HOLD_NS if is_young else HOLD_NS
    found: dict[str, list[tuple[float, float, int]]] = {name: [] for name in ways}
    turn = 0
    while min(map(len, found.values())) < trials:
        for name, (order, undo) in ways.items():
            before = steal()
            block = []
            for _ in range(BLOCK):
                turn += 1
                if is_young:
                    bench.ask(generation=turn)
                    until(time.time_ns() + YOUNG_NS)
                start = max(0, bench.count - BEFORE)
                given_ns, told_ns = order()
                until(given_ns + hold_ns)
                rows = bench.arrived(start)
                undo()
                bad = rows["arrived_ns"][rows["kind"] & 3 == BAD]
                last = int(bad.max()) - given_ns
                took = (max(0, last), told_ns - given_ns, last + GAP_NS / 2)
                block.append(tuple(ns / 1e3 for ns in took))
                # Not at one phase of the switch's own clocks.
                until(time.time_ns() + 20_000_000 + turn * 7_919_000 % 20_000_000)
            stolen = steal() - before
            found[name] += [(*one, stolen) for one in block]
        print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return {name: summary(rows) for name, rows in found.items()}


def summary(rows: list) -> dict[str, float]:
    """Return figures of last bad frames, acknowledgements, and of calm blocks."""
    every = np.array(rows, float)
    calm = every[every[:, 3] <= 2]
    said = {"trials": len(every), **points(every[:, 0], "us")}
    said["within_1_ms"] = round(float((every[:, 0] <= 1000).mean()), 4)
    said["leaking"] = round(float((every[:, 0] > 20_000 - 1000).mean()), 4)
    said |= {f"ack_{k}": v for k, v in points(every[:, 1], "us").items()}
    said |= {f"effect_{k}": v for k, v in points(every[:, 2], "us").items()}
    if len(calm):
        said |= {"calm": len(calm)}
        said |= {f"calm_{k}": v for k, v in points(calm[:, 0], "us").items()}
    return said


def points(values: np.ndarray, unit: str) -> dict[str, float]:
    """Return percentiles by name."""
    at = {"p50": 50, "p90": 90, "p99": 99, "p99_9": 99.9, "max": 100}
    return {
        f"{k}_{unit}": round(float(np.percentile(values, p)), 1) for k, p in at.items()
    }


def innocents(bench: Bench, start: int) -> dict[str, int]:
    """Return how many frames of the uncontained were sent, and how many arrived."""
    bench.ask(gap_ns=50_000_000)
    time.sleep(0.5)
    rows = bench.arrived(0)
    good = rows["number"][(rows["kind"] & 3) == GOOD]
    wanted = np.arange(start, int(good.max()) + 1)
    return {
        "sent": len(wanted),
        "arrived": len(np.intersect1d(good, wanted)),
        "lost": len(np.setdiff1d(wanted, good)),
    }


def reroutes(bench: Bench, trials: int) -> dict[str, object]:
    """Return us to the first frame by the new way, and to the last by the old."""
    rows = []
    for turn in range(trials):
        to_backup = turn % 2 == 0
        port, old, new = (4, BAD, BAD + BACKUP) if to_backup else (2, BAD + BACKUP, BAD)
        start = bench.count
        stolen = steal()
        given_ns, told_ns = bench.write(bench.group(port, modify=True))
        until(given_ns + 40_000_000)
        found = bench.arrived(start)
        at, kind = found["arrived_ns"].astype(np.int64) - given_ns, found["kind"]
        before, after = at[(kind == old) & (at > 0)], at[(kind == new) & (at > 0)]
        first = int(after.min()) / 1e3 if len(after) else 4e4
        last = int(before.max()) / 1e3 if len(before) else 0
        gaps = np.diff(np.sort(at[at > -5_000_000]))
        hole = int(gaps.max()) / 1e3 if len(gaps) else 0
        rows.append((first, last, (told_ns - given_ns) / 1e3, hole, steal() - stolen))
        until(time.time_ns() + turn * 7_919_000 % 20_000_000 + 10_000_000)
    every = np.array(rows)
    slow = every[every[:, 0] > 2000]
    return {
        "trials": trials,
        "first_new": points(every[:, 0], "us"),
        "last_old": points(every[:, 1], "us"),
        "ack": points(every[:, 2], "us"),
        "longest_silence": points(every[:, 3], "us"),
        "above_2_ms": len(slow),
        "of_them_ack_late": int((slow[:, 2] > 1000).sum()),
        "of_them_traffic_silent": int((slow[:, 3] > 1000).sum()),
        "of_them_stolen": int((slow[:, 4] > 0).sum()),
        "worst": [[round(v) for v in row] for row in slow[:20].tolist()],
    }


@contextlib.contextmanager
def many_sessions(bench: Bench) -> Iterator[int]:
    """Have a thousand sessions, each a flow of its own in the switch's cache."""
    bench.ask(sessions=SESSIONS)
    # A site's own rule that looks at the source port: a cached flow a session.
    seen = "move:NXM_OF_UDP_SRC[]->NXM_NX_REG0[0..15]"
    rule = f"table=1,priority=10,udp,nw_dst=10.9.0.2,actions={seen},output:2"
    bench.switch.ofctl("add-flow", "br0", rule)
    time.sleep(1)
    yield bench.switch.appctl("dpctl/dump-flows").count("actions:")
    bench.ask(sessions=1)
    bench.switch.ofctl("del-flows", "br0", "table=1,udp")


def young(bench: Bench, ways: dict[str, Order], trials: int) -> dict:
    """Return the same with a thousand new sessions in the switch's cache each time."""
    with many_sessions(bench) as cached:
        found = contain(bench, ways, trials, is_young=True)
    return {"cached_flows": cached, **found}


def together(bench: Bench, acts: Acts, count: int) -> dict[str, object]:
    """Return what comes of so many at once: with few sessions, with young ones."""
    found: dict[str, object] = {"few": at_once(acts, count, "few")}
    with many_sessions(bench):
        for turn in range(3):
            bench.ask(generation=turn + 1)
            until(time.time_ns() + YOUNG_NS)
            found[f"young {turn + 1}"] = at_once(acts, count, f"young{turn}")
    return found


def main() -> int:
    """Measure, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--young", type=int, default=1000)
    parser.add_argument("--reroutes", type=int, default=1000)
    parser.add_argument("--whole", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=1000)
    parser.add_argument("--ways", help="only these, by a comma between")
    parser.add_argument("--tls", action="store_true", help="lane and switch by TLS")
    wanted = parser.parse_args()
    found: dict[str, object] = {"host": describe()}
    # As the raw sender and the lane: who decides goes first. Others choose themselves.
    with contextlib.suppress(OSError):
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(45))
    with (
        tempfile.TemporaryDirectory(prefix="bs") as name,
        contextlib.ExitStack() as held,
    ):
        bench = Bench(Path(name), held, is_tls=wanted.tls)
        bench.start()
        time.sleep(1)
        ways: dict[str, Order] = {
            "raw rule": (bench.raw_rule, bench.undo_raw),
            "lane rule": (lambda: bench.fire(bench.meeting), bench.release),
            "raw meter": (bench.raw_meter, bench.undo_raw),
            "raw both": (bench.raw_both, bench.undo_raw),
            "sealed both": (bench.sealed_both, bench.undo_raw),
            "lane both": (lambda: bench.fire(bench.knowing), bench.release),
            "warm both": (lambda: bench.warm(bench.knowing), bench.release),
            "default both": (lambda: bench.usual(bench.knowing), bench.release),
            "durable both": (lambda: bench.durable(bench.knowing), bench.release),
            "hop both": (bench.hop, bench.release),
        }
        if not wanted.tls:
            del ways["sealed both"]
        if wanted.ways:
            ways = {name: ways[name] for name in wanted.ways.split(",")}
        begun = bench.arrived(0)
        start = int(begun["number"][begun["kind"] == GOOD].max())
        if wanted.trials:
            found["few sessions"] = contain(bench, ways, wanted.trials, is_young=False)
            print(json.dumps(found), file=sys.stderr, flush=True)
        if wanted.reroutes:
            found["reroute"] = reroutes(bench, wanted.reroutes)
            bench.write(bench.group(2, modify=True))
        if wanted.young:
            found["young"] = young(bench, ways, wanted.young)
        if wanted.at_once:  # the last: the raw sender loses its connection to this
            acts = Acts(bench)
            found["actuator"] = whole(acts, wanted.whole) if wanted.whole else {}
            found["at once"] = together(bench, acts, wanted.at_once)
        found["innocents"] = innocents(bench, start)
        assert bench.count < RECORDS, "more frames than the bench keeps"
    with Floor() as floor:
        time.sleep(2)
    found["floor"] = floor.found
    show(found)
    return 0


def show(found: dict) -> None:
    """Print a table, then everything as one JSON object on the last line."""
    print(f"frames 1 in {GAP_NS / 1e3:.0f} us, so an effect is known to that")
    names = ("p50", "p90", "p99", "p99_9", "max")
    for title in ("few sessions", "young"):
        for name, row in found.get(title, {}).items():
            if not isinstance(row, dict):
                print(f"{title}: {name} {row}")
                continue
            figures = " ".join(f"{row[f'{n}_us']:>9,.0f}" for n in names)
            acks = " ".join(f"{row[f'ack_{n}_us']:>7,.0f}" for n in ("p50", "p99"))
            effect = f"{row['effect_p50_us']:>7,.0f} {row['effect_p99_us']:>7,.0f}"
            calm = f"{row.get('calm', 0)} calm, p99 {row.get('calm_p99_us', 0):,.0f}"
            print(
                f"{title:13}{name:12}{row['trials']:>6} last bad us {figures}"
                f"  <=1 ms {row['within_1_ms']:.2%}  effect {effect}"
                f"  ack {acks}  {calm}"
            )
        measured = found.get(title, {})
        against = [*FLOORS.items(), *((name, "sealed both") for name in FLOORS)]
        for name, floor in against:
            if name not in measured or floor not in measured:
                continue
            ours, least = measured[name], measured[floor]
            times = ", ".join(
                f"{what} {ours[key] / max(1, least[key]):.2f}"
                for what, key in HELD_AGAINST.items()
            )
            print(f"{title:13}{name} / {floor}: {times}")
    for name in ("reroute", "actuator", "at once", "innocents", "floor"):
        print(f"{name}: {json.dumps(found.get(name, {}))}")
    print(json.dumps(found))


if __name__ == "__main__":
    sys.exit(main())
