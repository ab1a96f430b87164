"""Sheet: what a study says, as titled tables; a reader gets them as Markdown."""

import math
from collections.abc import Iterable, Sequence

import msgspec

from airnet.twin.interval import Interval


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A titled table with a sentence under it. Cells are text."""

    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    note: str = ""


def markdown(title: str, sheets: Iterable[Sheet]) -> str:
    """Return sheets as one Markdown document."""
    parts = [f"# {title}\n"]
    for sheet in sheets:
        parts.append(f"\n## {sheet.title}\n\n")
        if sheet.columns:
            parts.append(_line(sheet.columns))
            parts.append("|" + "---|" * len(sheet.columns) + "\n")
            parts += [_line(row) for row in sheet.rows]
        if sheet.note:
            parts.append(("\n" if sheet.columns else "") + sheet.note + "\n")
    return "".join(parts)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def number(value: float | None) -> str:
    """Return a number with as many digits as anybody reads."""
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value):
        return "unknown"
    size = abs(value)
    if size >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def signed(value: float) -> str:
    """Return a difference, its sign always told."""
    text = number(value)
    return text if value <= 0 or not math.isfinite(value) else f"+{text}"


def change(found: Interval) -> str:
    """Return a difference with its interval."""
    if found.low == found.high:
        return signed(found.estimate)
    ends = f"{signed(found.low)} to {signed(found.high)}"
    return f"{signed(found.estimate)} ({ends})"


def between(found: Interval) -> str:
    """Return an estimate with its interval."""
    return f"{number(found.estimate)} ({number(found.low)} to {number(found.high)})"


def percent(share: float) -> str:
    """Return a share as a percentage."""
    return "-" if math.isnan(share) else f"{100 * share:.3g} %"


def seeds(given: Sequence[int], most: int = 8) -> str:
    """Return seeds as text, not all of many."""
    text = " ".join(map(str, given[:most]))
    return f"{text} ... ({len(given)})" if len(given) > most else text
