"""The two streams of a command: one JSON document, and lines for people beside it.

Light to import, unlike `show`, so that a short command is short.
"""

import os
import sys

from airnet.aside import tell
from airnet.errors import Stopped

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from airnet.errors import AirnetError

    Command = TypeVar("Command", bound=Callable[..., object])


def as_json(command: "Command") -> "Command":
    """Give a command its option --json."""
    import click

    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document, nothing else."
    )(command)


class OutputError(Exception):
    """Standard output took no more; only a closed pipe is not an error."""


def plain(text: str) -> str:
    """Return text without what would move a cursor or cannot be encoded."""
    return "".join(one if one.isprintable() else "?" for one in " ".join(text.split()))


def say(text: str) -> None:
    """Write one line for people on standard error."""
    tell(f"airnet: {plain(text)}")


def failure(error: "AirnetError", *, is_document: bool) -> int:
    """Tell why a command failed; return its exit status.

    One line for people, always; with --json, for scripts one document, too.
    """
    say(str(error) if isinstance(error, Stopped) else f"error: {error}")
    if is_document:
        document(
            {
                "error": {
                    "what": error.what,
                    "where": error.where,
                    "fault_of": error.fault_of,
                    "remedy": error.remedy,
                    "exit_status": error.exit_status,
                }
            }
        )
    return error.exit_status


def stand_in() -> None:
    """Put something where whoever started us closed a standard stream.

    Else the next file that is opened, a ledger perhaps, would be the standard output.
    What is then told fails as it should: that one is open for reading only.
    """
    for stream, mode in ((0, os.O_RDWR), (1, os.O_RDONLY), (2, os.O_RDWR)):
        try:
            os.fstat(stream)
        except OSError:
            os.dup2(os.open(os.devnull, mode), stream)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


def drop() -> None:
    """Let go of what standard output did not take: it would fail again at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def flush() -> None:
    """Hand on what was written on standard output.

    Raises:
        OutputError: there is no room for it.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(error.strerror) from error


def document(value: object) -> None:
    """Write one JSON document on standard output.

    Raises:
        OutputError: there is no room for it.
    """
    import msgspec

    text(msgspec.json.encode(value))


def text(line: bytes) -> None:
    """Write one line on standard output.

    Raises:
        OutputError: there is no room for it.
    """
    try:
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(error.strerror) from error
