"""The two streams of a command: one JSON document, and lines for people beside it.

Light to import, unlike `show`, so that a short command is short.
"""

import sys

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

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
    sys.stderr.write(f"airnet: {plain(text)}\n")


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
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(error.strerror) from error
