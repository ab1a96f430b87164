"""Toml: the text of a configuration file, and where in it something is wrong."""

import errno
import re
import tomllib
from pathlib import Path
from typing import Any

from airnet.errors import ConfigError

#: A longer file is none that a person wrote; an endless one would take all memory.
FILE_BYTES_MAX = 16 << 20

#: One step of a path into a TOML tree: a key, or the place in an array.
Step = str | int


def read_text(path: Path) -> str:
    """Return a configuration file's text.

    Raises:
        ConfigError: it cannot be read.
    """
    return text_of(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Return a configuration file's bytes.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return whole(path)
    except OSError as error:
        reason = error.strerror or str(error)
    raise ConfigError(f"{path}: cannot be read: {reason}", "check the path")


def whole(path: Path) -> bytes:
    """Return a file's bytes, as long as there is an end to them.

    Raises:
        OSError: it cannot be read, or is longer than `FILE_BYTES_MAX`.
    """
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise OSError(errno.EFBIG, "File too large", str(path))
    return data


def tree_of(text: str) -> dict[str, Any]:
    """Return what a TOML text says; whatever else it is, is told in one way.

    Raises:
        TOMLDecodeError: it is no TOML, or nothing that anybody would write.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        problem = "nested too deeply"
    except ValueError as error:  # a number of thousands of digits
        problem = str(error)
    raise tomllib.TOMLDecodeError(problem)


def text_of(data: bytes, path: Path) -> str:
    """Return the text of a configuration file's bytes.

    Raises:
        ConfigError: it is none.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 at byte {error.start}"
    raise ConfigError(f"{path}: cannot be read: {reason}", "check the path")


def explain(message: str) -> tuple[tuple[Step, ...], str]:
    """Return where msgspec found something wrong, and what, in an operator's words."""
    text, _, path = message.partition(" - at `$")
    steps = _steps(path)
    unknown = re.search(r"unknown field `([^`]+)`", text)
    if unknown:
        return (*steps, unknown.group(1)), "unknown key"
    missing = re.search(r"missing required field `([^`]+)`", text)
    if missing:
        return tuple(steps), f"`{missing.group(1)}` is missing"
    own = re.match(r"`([^`]+)` must ", text)  # ours: airnet.config.require
    if own:
        return (*steps, *_steps(own.group(1))), text[own.end() - len("must ") :]
    return tuple(steps), text[:1].lower() + text[1:]


def _steps(path: str) -> list[Step]:
    """Return the steps of `gateway[1].port`."""
    found = re.findall(r"([\w-]+)|\[(\d+)\]", path)
    return [int(index) if index else name for name, index in found]


def field_of(steps: tuple[Step, ...]) -> str:
    """Return a path as `gateway[1].port: `, or nothing for the whole file."""
    text = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps)
    return f"{text[1:]}: " if text else ""


def line_of(text: str, steps: tuple[Step, ...]) -> str:
    """Return `:LINE` of the key or table that `steps` lead to, or nothing.

    The line that leads furthest towards it: of its table, or array, if it has none.
    """
    best, place = 0, ""
    table: tuple[Step, ...] = ()
    counts: dict[tuple[Step, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*(\[{1,2})\s*([\w.\"' -]+?)\s*\]", line)
        key = re.match(r"\s*([\w.\"'-]+)\s*=", line)
        if header:
            is_array = header.group(1) == "[["
            table = _resolve(_names(header.group(2)), counts, is_array=is_array)
            here = table
        elif key:
            here = (*table, *_names(key.group(1)))
        else:
            continue
        if len(here) > best and steps[: len(here)] == here:
            best, place = len(here), f":{number}"
    return place


def _names(dotted: str) -> list[str]:
    return [part.strip(" \"'") for part in dotted.split(".")]


def _resolve(
    names: list[str], counts: dict[tuple[Step, ...], int], *, is_array: bool
) -> tuple[Step, ...]:
    """Return a header's path with the places of the arrays of tables it goes through.

    Source: TOML 1.0, "Array of Tables".
    """
    table: tuple[Step, ...] = ()
    for depth, name in enumerate(names, 1):
        table = (*table, name)
        if is_array and depth == len(names):
            counts[table] = counts.get(table, 0) + 1
        if table in counts:
            table = (*table, counts[table] - 1)
    return table
