"""What a play came to, for people."""

from rich.console import Console
from rich.text import Text

from airnet.cli import show
from airnet.twin.outcome import Harm, Outcome
from airnet.twin.timeline import Series, bars, moments

STYLES = {
    "onset": "bold red",
    "offset": "red",
    "decision": "yellow",
    "in force": "bold green",
    "ended": "green",
    "note": "dim",
}
#: A flood of notes is told as its number.
NOTES_MAX = 12
PARTS = {
    "pnl": "culprits' loss against the same day without the fault",
    "fees": "fees for excess messages",
    "impact": "market impact while it went on",
    "delayed": "orders of others answered late",
    "lost": "orders of others never answered",
    "spread": "what sessions contained wrongly would have earned",
    "taker": "what others paid more to trade",
    "desk": "the desk, for each action",
    "reentry": "coming back, for each session contained wrongly",
}


def money(cents: int) -> str:
    """Return cents as dollars."""
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def after(time_ns: int | None) -> str:
    """Return how long after the onset, or never."""
    return "never" if time_ns is None else show.span_text(time_ns)


def print_outcome(outcome: Outcome, series: Series, policy: str) -> None:
    """Print timeline, harm and whether the expectation was met."""
    out = show.console()
    out.print(
        f"{outcome.scenario}, seed {outcome.seed}, difficulty "
        f"{outcome.difficulty:.2f}: {outcome.virtual_ns / 1e9:.0f} virtual s, "
        f"{outcome.frames:,} frames, {outcome.events:,} events",
        style="bold",
    )
    out.print(f"policy: {policy}", markup=False)
    _print_curves(out, series)
    _print_moments(out, outcome)
    _print_harm(out, outcome.harm, outcome.harm_without)
    _print_end(out, outcome)


def _print_curves(out: Console, series: Series) -> None:
    """Print traffic and the culprits' part of it as one line each."""
    step_s = series.step_ns / 1e9
    for name, values in (
        ("frames", series.frames),
        ("culprits", series.culprit_messages),
    ):
        if any(values):
            most = max(values) / step_s
            line = f"{name:<9} {bars(values)}  at most {most:,.0f}/s"
            out.print(line, markup=False, soft_wrap=True)


def _print_moments(out: Console, outcome: Outcome) -> None:
    told = moments(outcome)
    notes = [moment for moment in told if moment.kind == "note"]
    hidden = {id(moment) for moment in notes[NOTES_MAX:]}
    rows = [
        [
            f"{moment.after_ns / 1e9:10.6f}",
            Text(moment.kind, style=STYLES[moment.kind]),
            moment.what,
        ]
        for moment in told
        if id(moment) not in hidden
    ]
    table = show.table("Timeline", ("virtual s", "", "what"), rows)
    out.print(table)
    if hidden:
        out.print(f"and {len(hidden)} more notes (--json has them all)")


def _print_harm(out: Console, now: Harm, was: Harm) -> None:
    rows = [
        [money(getattr(now, part)), money(getattr(was, part)), meaning]
        for part, meaning in PARTS.items()
        if getattr(now, part) or getattr(was, part)
    ]
    rows.append([money(now.total), money(was.total), "in all"])
    table = show.table("Harm", ("contained", "without", "what"), rows)
    for column in table.columns[:2]:
        column.justify = "right"
    out.print(table)


def _print_end(out: Console, outcome: Outcome) -> None:
    """Print the sum of it."""
    avoided = "-" if outcome.avoided is None else f"{outcome.avoided:.1%}"
    out.print(
        f"detected {after(outcome.detect_ns)}, contained {after(outcome.contain_ns)} "
        f"after the onset; harm avoided {avoided}; "
        f"{outcome.false_containments} false containments, "
        f"{outcome.collateral_orders:,} legitimate orders stopped"
    )
    out.print(f"root {outcome.root}")
    for failure in outcome.held:
        out.print(f"missed: {failure}", style="red", markup=False)
    if not outcome.held:
        out.print("the expectation was met", style="green")
