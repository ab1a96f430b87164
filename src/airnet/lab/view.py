"""What a person sees of a demonstration: live on a terminal, line by line elsewhere."""

from collections import deque
from datetime import UTC, datetime
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from airnet.lab.result import (
    Counts,
    Decided,
    DecisionTimes,
    DemoResult,
    Event,
    Expectation,
    Happened,
    SceneBegan,
    SessionCounts,
    Stage,
)

BARS = " ▁▂▃▄▅▆▇█"
SAMPLES = 36
LINES = 7
NS_PER_S = 1_000_000_000


def clock_text(time_ns: int) -> str:
    """Return ns since the epoch as UTC time of day with us; a dash for 0."""
    if time_ns == 0:
        return "-"
    seconds, fraction_ns = divmod(time_ns, NS_PER_S)
    day = datetime.fromtimestamp(seconds, UTC)
    return f"{day:%H:%M:%S}.{fraction_ns // 1000:06d}"


def span_text(span_ns: int) -> str:
    """Return a span in the unit that reads best, with its sign."""
    for unit, size_ns in (("s", NS_PER_S), ("ms", 1_000_000), ("us", 1000)):
        if abs(span_ns) >= size_ns:
            return f"{span_ns / size_ns:.1f} {unit}"
    return f"{span_ns} ns"


def spark(values: deque[float]) -> str:
    """Return values as a row of bars, the largest one full."""
    top = max(values, default=0.0)
    if top <= 0:
        return BARS[0] * len(values)
    return "".join(BARS[round(value / top * (len(BARS) - 1))] for value in values)


class Lines:
    """Tells events one a line: for pipes, files and journals."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""

    def __call__(self, event: Event) -> None:
        """Tell one event."""
        line = line_of(event)
        if line:
            self._console.print(line, highlight=False)


def line_of(event: Event) -> str:
    """Return an event as one line of markup; empty for what is told by pictures."""
    at = clock_text(event.time_ns) if not isinstance(event, Expectation) else ""
    if isinstance(event, Stage):
        return f"[dim]{at}[/]  {event.text}"
    if isinstance(event, SceneBegan):
        title = f"[bold]{event.number}/{event.of} {event.title}[/]"
        return f"[dim]{at}[/]  {title}: {event.text}"
    if isinstance(event, Decided):
        line = event.line
        return f"[dim]{at}[/]  [yellow]{line['action']}[/] {line['why']}"
    if isinstance(event, Happened):
        body = event.body
        if event.kind == "effect":
            seen = "seen on the mirror" if body["verified"] else "not seen: rolled back"
            return f"[dim]{at}[/]  [magenta]effect[/] {seen}"
        told = f"{body['state']} {body['detail']}".strip()
        return f"[dim]{at}[/]  [magenta]{body['actuator']}[/] {told}"
    if isinstance(event, Expectation):
        mark = "[green]held  [/]" if event.ok else "[red]FAILED[/]"
        return f"{mark} {event.scene}: {event.name}: {event.found}"
    return ""


class Screen:
    """Draws events on a terminal, live."""

    def __init__(self, console: Console) -> None:
        self._scene: SceneBegan | None = None
        self._stage = ""
        self._now_ns = 0
        self._counts: Counts | None = None
        self._before: dict[str, tuple[int, int]] = {}
        self._rates: dict[str, deque[float]] = {}
        self._told: deque[str] = deque(maxlen=LINES)
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        """Take the terminal."""
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Give the terminal back."""
        self._live.__exit__(None, None, None)

    def __call__(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Expectation):
            return
        self._now_ns = event.time_ns
        if isinstance(event, Counts):
            self._take(event)
        elif isinstance(event, SceneBegan):
            self._scene = event
        elif isinstance(event, Stage):
            self._stage = event.text
        else:
            self._told.append(line_of(event))
        self._live.update(self._draw())

    def _take(self, counts: Counts) -> None:
        """Turn counts into rates of order messages a second."""
        self._counts = counts
        for one in counts.sessions:
            tally = one.by_firm
            sent = tally.orders + tally.replaces + tally.cancels
            then_ns, then = self._before.get(one.comp_id, (0, 0))
            self._before[one.comp_id] = (counts.time_ns, sent)
            span_ns = counts.time_ns - then_ns
            rates = self._rates.setdefault(one.comp_id, deque([0.0] * SAMPLES, SAMPLES))
            if then_ns and span_ns > 0:
                rates.append((sent - then) * NS_PER_S / span_ns)

    def _draw(self) -> RenderableType:
        """Return the whole picture."""
        parts: list[RenderableType] = [self._head()]
        if self._counts is not None:
            parts.append(self._sessions(self._counts))
        told = Text.from_markup("\n".join(self._told) or "[dim]nothing decided[/]")
        parts.append(Panel(told, title="decisions and effects", title_align="left"))
        return Group(*parts)

    def _head(self) -> RenderableType:
        """Return the scene, how far it is, and what the host is doing."""
        scene = self._scene
        if scene is None:
            return Panel(Text(self._stage), title="airnet demo", title_align="left")
        done_s = (self._now_ns - scene.time_ns) / NS_PER_S
        bar = ProgressBar(total=scene.seconds, completed=min(done_s, scene.seconds))
        title = f"airnet demo  {scene.number}/{scene.of}  {scene.title}"
        lines: list[RenderableType] = [Text(scene.text)]
        if self._counts is not None:
            cpu = self._counts.cpu_percent
            load = "  ".join(f"{name} {percent} %" for name, percent in cpu.items())
            flood = f"flood {self._counts.flooded:,} packets sent   cpu: {load}"
            lines.append(Text(flood, style="dim"))
        # Last: a bar does not end its line.
        lines.append(bar)
        return Panel(Group(*lines), title=title, title_align="left")

    def _sessions(self, counts: Counts) -> Table:
        """Return the wall of sessions."""
        table = Table(expand=True)
        table.add_column("session")
        table.add_column("order messages/s", ratio=1)
        for name in ("now", "orders", "accepted", "stopped", "cancels", "ack"):
            table.add_column(name, justify="right")
        table.add_column("contained")
        for one in counts.sessions:
            table.add_row(*self._session(one, counts))
        for address in sorted(set(counts.contained) - set(self._rates)):
            left = (
                f"[yellow]dropped at the switch, {counts.contained[address]:.1f} s[/]"
            )
            table.add_row(address, "", "", "", "", "", "", "", left)
        return table

    def _session(self, one: SessionCounts, counts: Counts) -> list[str]:
        """Return one session's row."""
        left_s = counts.contained.get(one.comp_id)
        rates = self._rates[one.comp_id]
        held = f"[yellow]new orders stopped, {left_s:.1f} s[/]" if left_s else ""
        style = "yellow" if left_s else "green"
        return [
            f"{one.firm} {one.comp_id}",
            f"[{style}]{spark(rates)}[/]",
            f"{rates[-1]:.0f}",
            f"{one.by_firm.orders:,}",
            f"{one.by_firm.accepted:,}",
            f"{one.by_firm.stopped:,}",
            f"{one.by_firm.cancels:,}",
            f"{counts.latency_us.get(one.comp_id, 0):,} us",
            held,
        ]


def decisions_table(decisions: tuple[DecisionTimes, ...]) -> Table:
    """Return every Decision with its times, each as a span from the one before."""
    table = Table(title="Decisions", title_justify="left", title_style="bold")
    for name in ("cause", "action", "target", "first bad frame (UTC)"):
        table.add_column(name)
    for name in ("to decision", "to command", "to last bad frame", "in force"):
        table.add_column(name, justify="right")
    table.add_column("state")
    for one in decisions:
        acts = one.command_ns > 0
        table.add_row(
            one.cause,
            one.action,
            " ".join(one.target),
            clock_text(one.first_bad_ns),
            span_text(one.decided_ns - one.first_bad_ns) if one.first_bad_ns else "-",
            span_text(one.command_ns - one.decided_ns) if acts else "-",
            span_text(one.last_bad_ns - one.command_ns)
            if acts and one.last_bad_ns
            else "-",
            span_text(one.ended_ns - one.applied_ns) if one.ended_ns else "-",
            one.state,
        )
    return table


def print_result(console: Console, result: DemoResult, report: str) -> None:
    """Print what was found: decisions, stories, expectations, ledger, report."""
    console.print(decisions_table(result.decisions))
    for story in result.stories:
        console.rule(f"incident {story.id}: {story.cause}", align="left")
        console.print(story.narrative, markup=False, highlight=False)
    console.rule("expectations", align="left")
    for expectation in result.expectations:
        console.print(line_of(expectation), highlight=False)
    if result.ledger is not None:
        ledger = result.ledger
        state = "; ".join(ledger.problems) or "verified"
        console.print(f"ledger: {ledger.size} entries, root {ledger.root}: {state}")
    console.print(f"frames came from: {result.source or 'a generated capture'}")
    for line in result.missing:
        console.print(f"[yellow]missing here[/] {line}")
    held = sum(expectation.ok for expectation in result.expectations)
    took_s = (result.end_ns - result.begin_ns) / NS_PER_S
    console.print(f"{held} of {len(result.expectations)} held, {took_s:.0f} s")
    console.print(f"report: {report}", soft_wrap=True, highlight=False)
