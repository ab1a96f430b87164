"""What a replay found, for people."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from airnet.cli import show
from airnet.replay import Summary


@contextlib.contextmanager
def progress(*, disable: bool) -> Iterator[Callable[[int, int], None]]:
    """Show frames and Decisions so far on standard error, where progress belongs."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.fields[frames]:,} frames, {task.fields[made]} decisions"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=disable,
        transient=True,
    ) as bar:
        task = bar.add_task("replay", total=None, frames=0, made=0)
        yield lambda frames, made: bar.update(task, frames=frames, made=made)


def print_summary(summary: Summary) -> None:
    """Print what a replay found."""
    found = msgspec.structs.asdict(summary)
    _counts(found)
    out = show.console()
    verdicts = sorted(summary.verdicts.items())
    out.print(show.table("Windows by cause", ("cause", "windows"), verdicts))
    out.print(
        f"{summary.sessions:,} sessions, {summary.windows:,} windows, "
        f"{summary.decisions:,} decisions, {summary.incidents:,} incidents"
    )
    out.print(
        f"ledger: {summary.ledger['size']} entries, root {summary.ledger['root']}"
    )
    _cost(found)
    out.print(f"effects: {summary.effects}")


def print_extract(found: dict[str, Any]) -> None:
    """Print what a replay found that ended with features."""
    _counts(found)
    out = show.console()
    out.print(f"{found['sessions']:,} sessions, {found['windows']:,} windows")
    _cost(found)


def _counts(found: dict[str, Any]) -> None:
    """Print what became of frames and messages."""
    out = show.console()
    frames = [["seen", found["seen"]], ["processed", found["processed"]]]
    frames += [[name, count] for name, count in sorted(found["by_reason"].items())]
    out.print(show.table("Frames", ("fate", "frames"), frames))
    messages = [
        [kind, counts["up"], counts["down"]]
        for kind, counts in sorted(found["messages"].items())
    ]
    out.print(
        show.table("Messages", ("MsgType", "to gateway", "from gateway"), messages)
    )
    if found["malformed"]:
        rows = sorted(found["malformed"].items())
        out.print(show.table("Malformed", ("reason", "messages"), rows))


def _cost(found: dict[str, Any]) -> None:
    """Print what it took."""
    show.console().print(
        f"{found['frames']:,} frames in {found['wall_s']:.2f} s "
        f"({found['cpu_s']:.2f} s of CPU, {found['peak_rss_bytes'] / 2**20:.0f} MiB)"
    )
