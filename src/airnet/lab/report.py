"""The programme in print: one HTML file with plots, readable without airnet.

Plots are drawn by matplotlib as SVG inside the page, so that the file stands alone.
"""

import io
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from airnet import durable
from airnet.extras import extra
from airnet.lab.result import STEP_NS, DemoResult, Series
from airnet.lab.view import clock_text, span_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NS_PER_S = 1_000_000_000
PER_S = NS_PER_S // STEP_NS
SCENE_COLOURS = ("#8ecae6", "#ffd166", "#cdeac0", "#ef476f", "#cdb4db", "#f4845f")

STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #2a9d5c; --bad: #d1383d; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1250px; margin: 2rem auto;
  padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.9em; }
th, td { text-align: left; padding: 0.3em 0.6em; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.held { color: var(--good); } .failed { color: var(--bad); font-weight: bold; }
pre { white-space: pre-wrap; background: #8881; padding: 1em; border-radius: 6px; }
figure { margin: 1.5rem 0; background: #fff; border-radius: 6px; padding: 0.5rem; }
figure svg { width: 100%; height: auto; }
code { word-break: break-all; }
.wide { overflow-x: auto; }
"""


def write_report(result: DemoResult) -> Path:
    """Write `report.html` into the run's directory and return its path."""
    held = sum(expectation.ok for expectation in result.expectations)
    parts = [
        f"<h1>airnet demo: {held} of {len(result.expectations)} expectations held</h1>",
        _summary(result),
    ]
    if result.series is not None:
        parts += ["<h2>What the mirror saw</h2>", _figure(result, result.series)]
    parts += [
        "<h2>Decisions and their times</h2>",
        _decisions(result),
        "<h2>Incidents</h2>",
        *(
            f"<h3>{escape(story.cause)} {escape(story.id)}</h3>"
            f"<pre>{escape(story.narrative)}</pre>"
            for story in result.stories
        ),
        "<h2>Expectations</h2>",
        _expectations(result),
        "<h2>Sessions, counted at both ends</h2>",
        _sessions(result),
    ]
    page = (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        f"<title>airnet demo</title><style>{STYLE}</style>{''.join(parts)}</html>\n"
    )
    path = Path(result.directory) / "report.html"
    durable.put(path, page.encode())
    return path


def _summary(result: DemoResult) -> str:
    """Return what kind of run it was, and the ledger."""
    kinds = {
        "lab": "A real network of namespaces: Open vSwitch, QuickFIX sessions over "
        "TCP, the mirror port captured by " + (result.source or "airnet"),
        "generated": "A generated capture with simulated actuators: decisions only, no "
        "effects",
    }
    took = span_text(result.end_ns - result.begin_ns)
    lines = [f"<p>{escape(kinds.get(result.kind, result.kind))}; {took} in all.</p>"]
    if result.missing:
        items = "".join(f"<li>{escape(line)}</li>" for line in result.missing)
        lines.append(f"<p>Missing on this host:</p><ul>{items}</ul>")
    if result.ledger is not None:
        state = "; ".join(result.ledger.problems) or "verified"
        lines.append(
            f"<p>Ledger: {result.ledger.size} entries, root "
            f"<code>{escape(result.ledger.root)}</code>, {escape(state)}.</p>"
        )
    return "".join(lines)


def _table(columns: tuple[str, ...], rows: list[list[str]]) -> str:
    """Return a table; cells are HTML already."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<div class='wide'>{table}</div>"


def _decisions(result: DemoResult) -> str:
    """Return every Decision: first bad frame, decision, command, last bad frame."""
    rows = []
    for one in result.decisions:
        acts = one.command_ns > 0
        first = span_text(one.decided_ns - one.first_bad_ns)
        last = acts and one.last_bad_ns
        rows.append(
            [
                escape(f"{one.cause}: {one.action}"),
                escape(" ".join(one.target)),
                clock_text(one.first_bad_ns),
                f"{clock_text(one.decided_ns)} (+{first})",
                f"{clock_text(one.command_ns)} "
                f"({span_text(one.command_ns - one.decided_ns)})"
                if acts
                else "-",
                f"{clock_text(one.last_bad_ns)} "
                f"({span_text(one.last_bad_ns - one.command_ns)} from the command)"
                if last
                else "-",
                clock_text(one.ended_ns),
                escape(one.state),
                escape(one.why),
            ]
        )
    columns = (
        "cause: action",
        "target",
        "first bad frame",
        "decision",
        "command",
        "last bad frame on the mirror",
        "ended",
        "state",
        "why",
    )
    return _table(columns, rows)


def _expectations(result: DemoResult) -> str:
    """Return every expectation with what was found."""
    rows = [
        [
            "<span class='held'>held</span>"
            if one.ok
            else "<span class='failed'>FAILED</span>",
            escape(one.scene),
            escape(one.name),
            escape(one.expected),
            escape(one.found),
        ]
        for one in result.expectations
    ]
    return _table(("", "scene", "what", "expected", "found"), rows)


def _sessions(result: DemoResult) -> str:
    """Return each session's counts at the firm and at the venue."""
    rows = [
        [
            escape(f"{one.firm} {one.comp_id}"),
            f"{one.by_firm.orders:,} / {one.by_venue.orders:,}",
            f"{one.by_firm.accepted:,} / {one.by_venue.accepted:,}",
            f"{one.by_firm.stopped:,} / {one.by_venue.stopped:,}",
            f"{one.by_firm.cancels:,} / {one.by_venue.cancels:,}",
            f"{one.by_firm.unanswered():,} / {one.by_venue.unanswered():,}",
        ]
        for one in result.sessions
    ]
    names = ("orders", "accepted", "stopped", "cancels", "unanswered")
    columns = ("session", *(f"{name}: firm / venue" for name in names))
    return _table(columns, rows)


def _figure(result: DemoResult, series: Series) -> str:
    """Return the plots as one SVG figure."""
    mpl = extra("matplotlib", "report")
    mpl.use("svg")
    pyplot = extra("matplotlib.pyplot", "report")  # it takes the canvas chosen
    figure, axes = pyplot.subplots(3, 1, figsize=(11, 8), sharex=True)
    seconds = [index / PER_S for index in range(len(series.frames))]
    for comp_id, counts in sorted(series.orders.items()):
        rates = [count * PER_S for count in counts]
        axes[0].plot(seconds[: len(rates)], rates, label=comp_id, linewidth=1.2)
    axes[0].set_yscale("symlog", linthresh=10)
    axes[0].set_ylabel("new orders/s")
    axes[0].set_ylim(top=3000)
    axes[0].legend(ncols=6, fontsize=8, loc="upper left")
    for comp_id, counts in sorted(series.stopped.items()):
        if any(counts):
            rates = [count * PER_S for count in counts]
            axes[1].plot(seconds[: len(rates)], rates, label=f"{comp_id} stopped")
            cancels = [count * PER_S for count in series.cancels[comp_id]]
            axes[1].plot(seconds[: len(cancels)], cancels, label=f"{comp_id} cancels")
    axes[1].set_ylabel("contained session/s")
    axes[1].legend(fontsize=8, loc="upper left")
    flood = [count * PER_S for count in series.flood]
    axes[2].plot(seconds[: len(flood)], flood, color="#d1383d", label="SYN to gateway")
    axes[2].set_ylabel("SYN packets/s")
    axes[2].set_xlabel("seconds")
    axes[2].legend(fontsize=8, loc="upper left")
    for axis in axes:
        axis.grid(alpha=0.3)
        _mark(axis, result, series.begin_ns)
    figure.tight_layout()
    out = io.StringIO()
    figure.savefig(out, format="svg")
    pyplot.close(figure)
    drawing = out.getvalue()
    return f"<figure>{drawing[drawing.index('<svg') :]}</figure>"


def _mark(axis: "Axes", result: DemoResult, begin_ns: int) -> None:
    """Shade scenes, and what was in force, on a plot."""
    for number, scene in enumerate(result.scenes):
        left, right = (
            (time_ns - begin_ns) / NS_PER_S
            for time_ns in (scene.begin_ns, scene.end_ns)
        )
        colour = SCENE_COLOURS[number % len(SCENE_COLOURS)]
        axis.axvspan(left, right, color=colour, alpha=0.15, linewidth=0)
        axis.text(
            left, 1.01, scene.name, fontsize=7, transform=axis.get_xaxis_transform()
        )
    for one in result.decisions:
        if one.command_ns:
            end_ns = one.ended_ns or one.until_ns
            for time_ns in (one.command_ns, end_ns):
                at = (time_ns - begin_ns) / NS_PER_S
                axis.axvline(at, color="#333", linestyle=":", linewidth=1)
