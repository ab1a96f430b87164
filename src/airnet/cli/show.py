"""What commands print: tables for people, one JSON document for scripts."""

import io
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import IO, TypeVar, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from airnet.cli.output import OutputError, as_json, document, plain, say

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
    """Return a table with a title; numbers are right-aligned.

    Text is text: what others may have written (a CompID, a file's name) is no markup.
    A cell with a style is a Text.
    """
    kept = [list(row) for row in rows]
    view = Table(title=Text(title, style="bold"), title_justify="left")
    for index, column in enumerate(columns):
        numeric = bool(kept) and all(isinstance(row[index], int) for row in kept)
        view.add_column(column, justify="right" if numeric else "left")
    for row in kept:
        view.add_row(*(_cell(value) for value in row))
    return view


def _cell(value: object) -> Text:
    """Return a cell of a table."""
    if isinstance(value, Text):
        return value
    return Text(f"{value:,}" if isinstance(value, int) else str(value))


def time_text(time_ns: int) -> str:
    """Return ns since the epoch as UTC time of day with ns; a dash for 0."""
    if time_ns == 0:
        return "-"
    seconds, fraction = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}.{fraction:09d}"


def moment_text(time_ns: int) -> str:
    """Return ns since the epoch as UTC date and time of day; a dash for 0."""
    if time_ns == 0:
        return "-"
    day = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return f"{day:%Y-%m-%d} {time_text(time_ns)}"


def span_text(span_ns: int) -> str:
    """Return a duration in the unit that reads best."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if abs(span_ns) >= size:
            return f"{span_ns / size:.3g} {unit}"
    return f"{span_ns} ns"


__all__ = [
    "OutputError",
    "as_json",
    "console",
    "document",
    "moment_text",
    "plain",
    "say",
    "span_text",
    "table",
    "time_text",
]
