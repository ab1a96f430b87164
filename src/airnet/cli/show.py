"""What commands print: tables for people, one JSON document for scripts."""

import io
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import IO, TypeVar, cast

from rich.console import Console
from rich.table import Table

from airnet.cli.output import OutputError, as_json, document, plain, say
from airnet.domain.decision import PASSIVE, Action, Decision

T = TypeVar("T")


class Output(io.TextIOBase):
    """Standard output, whose failure is told from every other."""

    def write(self, text: str) -> int:
        """Write text.

        Raises:
            OutputError: there is no room for it.
        """
        return self._done(lambda: sys.stdout.write(text))

    def flush(self) -> None:
        """Hand everything on.

        Raises:
            OutputError: there is no room for it.
        """
        self._done(sys.stdout.flush)

    def isatty(self) -> bool:
        """Return whether a person reads it."""
        return sys.stdout.isatty()

    def fileno(self) -> int:
        """Return its descriptor, which says how wide it is."""
        return sys.stdout.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override] # read-only here
        """Return its encoding, which says what can be drawn."""
        return sys.stdout.encoding

    @staticmethod
    def _done(work: Callable[[], T]) -> T:
        try:
            return work()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(error.strerror) from error


def console() -> Console:
    """Return a console on standard output, at least 100 columns when piped."""
    file = cast("IO[str]", Output())
    out = Console(highlight=False, file=file)
    return out if out.is_terminal else Console(highlight=False, width=120, file=file)


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> Table:
    """Return a table with a title; numbers are right-aligned."""
    kept = [list(row) for row in rows]
    view = Table(title=title, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        numeric = bool(kept) and all(isinstance(row[index], int) for row in kept)
        view.add_column(column, justify="right" if numeric else "left")
    for row in kept:
        view.add_row(
            *(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row)
        )
    return view


def time_text(time_ns: int) -> str:
    """Return ns since the epoch as UTC time of day with ns; a dash for 0."""
    if time_ns == 0:
        return "-"
    seconds, fraction = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}.{fraction:09d}"


def span_text(span_ns: int) -> str:
    """Return a duration in the unit that reads best."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if abs(span_ns) >= size:
            return f"{span_ns / size:.3g} {unit}"
    return f"{span_ns} ns"


def action_style(action: Action) -> str:
    """Return the colour of an action: the further it reaches, the warmer."""
    if action in PASSIVE:
        return "cyan"
    return "yellow" if action is not Action.ISOLATE_SUBNET else "red"


def decision_row(decision: Decision) -> list[object]:
    """Return a Decision as a table row; see DECISION_COLUMNS."""
    style = action_style(decision.action)
    return [
        time_text(decision.t_ns),
        str(decision.cause),
        f"T{int(decision.tier)}",
        f"[{style}]{decision.action}[/{style}]",
        " ".join(decision.target),
        str(decision.mode),
        decision.why,
    ]


DECISION_COLUMNS = ("time (UTC)", "cause", "tier", "action", "target", "mode", "why")

__all__ = [
    "DECISION_COLUMNS",
    "OutputError",
    "action_style",
    "as_json",
    "console",
    "decision_row",
    "document",
    "plain",
    "say",
    "span_text",
    "table",
    "time_text",
]
