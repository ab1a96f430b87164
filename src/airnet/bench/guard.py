"""Guard: from the deciding frame to the first one held back, and a thousand at once.

In a network namespace of its own; see `airnet.bench.guardtrial` and `guardmany`.
"""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from airnet.bench.host import environment
from airnet.bench.lab import SEARCH

TRIALS = 1000
LIMIT_S = 600
#: What each figure is to be, p50 and p99 in us.
WANTED = {
    "deciding frame on the wire -> first frame dropped": (100, 1000),
    "undo": (None, 100_000),
}


def measure(trials: int = TRIALS) -> dict[str, Any]:
    """Return what was found; where it cannot be had, what is missing."""
    unshare = shutil.which("unshare", path=SEARCH)
    if os.geteuid() != 0:
        return {"missing": "root (namespaces, XDP)"}
    if unshare is None:
        return {"missing": "unshare(1): apt-get install util-linux"}
    module = [sys.executable, "-m", "airnet.bench.guardtrial", str(trials)]
    try:
        done = subprocess.run(
            [unshare, "--net", *module],
            check=False,
            capture_output=True,
            timeout=LIMIT_S,
            env=environment(),
        )
        found: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"missing": f"an end within {LIMIT_S} s"}
    except ValueError:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return {"missing": said[-1] if said else f"status {done.returncode}"}
    return found


def table(found: dict[str, Any]) -> RenderableType:
    """Return the figures for people, each beside what it is to be."""
    shown = Table(title="the guard, on a veth; us", title_justify="left")
    shown.add_column("from -> to")
    for name in ("trials", "p50", "p90", "p99", "max", "wanted"):
        shown.add_column(name, justify="right")
    if "missing" in found:
        shown.add_row(f"[yellow]missing: {found['missing']}[/yellow]")
        return shown
    many = found["many"]
    rows = found["latencies"] | many["latencies"]
    for name, figures in rows.items():
        if "missing" in figures:
            shown.add_row(name, f"[yellow]missing: {figures['missing']}[/yellow]")
            continue
        values = (f"{figures[f'{q}_us']:,.0f}" for q in ("p50", "p90", "p99", "max"))
        p50, p99 = WANTED.get(name, (None, None))
        wanted = [f"p50 {p50:,}"] if p50 else []
        wanted += [f"p99 {p99:,}"] if p99 else []
        shown.add_row(name, str(figures["trials"]), *values, ", ".join(wanted))
    frames = found["session_frames"] + many["session_frames"]
    lost = found["session_frames_lost"] + many["session_frames_lost"]
    return Group(
        shown,
        Text(
            f"1,000 at once: {many['in_force']:,} in force after "
            f"{many['in_force_ms']:,} ms, {many['recorded']:,} recorded after "
            f"{many['recorded_ms']:,} ms (wanted: all, 2,000 ms)\n"
            f"frames of sessions held back: {lost} of {frames:,} (wanted: 0); "
            f"trials without a decision: {found['undecided']} of {found['trials']:,}"
        ),
    )
