"""Guard: from the deciding frame to the first one held back, and a thousand at once.

In a network namespace of its own; see `airnet.bench.guardtrial` and `guardmany`.
"""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from airnet.bench import apart

TRIALS = 1000
LIMIT_S = 600
#: What each figure is to be, p50 and p99 in us.
WANTED = {
    "deciding frame on the wire -> first frame dropped": (100, 1000),
    "the same, trials that the platform did not hold up": (100, 1000),
    "undo": (None, 100_000),
}


def measure(trials: int = TRIALS) -> dict[str, Any]:
    """Return what was found; where it cannot be had, what is missing."""
    return apart.run(
        "guardtrial", str(trials), limit_s=LIMIT_S, needs="namespaces, XDP"
    )


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
    rows = found["latencies"] | found["stages"] | many["latencies"]
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
        Text(_platform(found)),
    )


def _platform(found: dict[str, Any]) -> str:
    """Return what the platform itself held up, in words."""
    lines = [
        f"{name}: a thread that only spun was kept {gaps['over_1_ms']} times for over "
        f"1 ms, {gaps['over_0_1_ms']} for over 0.1, at most {gaps['longest_us']:,} us, "
        f"in {gaps['seconds']} s between trials"
        for name, gaps in found["platform"].items()
    ]
    held = f"trials in which sender or lane was held up for 1 ms: {found['held_up']}"
    return "\n".join([*lines, held])
