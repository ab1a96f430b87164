"""Parts: a directory of Parquet files, one a finished day, that outlives a kill -9.

    sweep.json          what is swept; another sweep is refused here
    days/D.parquet      the rows of day D, whole or not there
    results.parquet     all days, in order, a row group each, once every day is there

A day's file takes its name when its bytes are on the disk, so whatever is there under
its name is finished. Same days, same bytes, whoever wrote them and in which order.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec

from airnet import durable
from airnet.errors import UnsupportedError
from airnet.extras import extra
from airnet.twin.claim import Claim
from airnet.twin.days import EpisodeRow

IDENTITY = "sweep.json"
RESULTS = "results.parquet"
#: The form of the rows; a directory of another form is not resumed.
FORM = 1
#: Columns by type; whatever is not named here is text.
INTEGERS = {
    "day": "int32",
    "episode": "int32",
    "seed": "int64",
    "false_containments": "int32",
    "collateral_orders": "int64",
    "state_changes": "int32",
    "decisions": "int32",
}
FLOATS = {
    "difficulty",
    "weight",
    "episode_s",
    "contain_s",
    "missed_usd",
    "caused_usd",
    "missed_without_usd",
}
BOOLEANS = {"has_incident", "is_contained", "is_held"}


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """What is swept; a directory holds one. The number of days may grow."""

    form: int
    seed: int
    policy: str
    priors: str
    play: str
    scenarios: tuple[str, ...]
    difficulty: float | None
    is_every: bool


def digest(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


class Parts:
    """The results of a sweep, in a directory; one writer at a time."""

    def __init__(self, directory: Path, sweep: Sweep) -> None:
        self.directory = directory
        self.sweep = sweep
        self._arrow, self._parquet = _pyarrow()
        self._schema = self._arrow.schema(
            [(name, _type(self._arrow, name)) for name in EpisodeRow.__struct_fields__]
        )

    def opened(self) -> AbstractContextManager[None]:
        """Hold the directory; made where it is missing.

        Raises:
            UsageError: it holds something else, or somebody sweeps there right now.
            UnsupportedError: it cannot be written.
        """
        text = msgspec.json.format(msgspec.json.encode(self.sweep)) + b"\n"
        return Claim(self.directory, IDENTITY, text, "days", _other).opened()

    def finished(self) -> set[int]:
        """Return the days that are there."""
        found = (self.directory / "days").glob("[0-9]*.parquet")
        return {int(path.stem) for path in found}

    def keep(self, day: int, rows: Sequence[EpisodeRow]) -> None:
        """Write a finished day.

        Raises:
            UnsupportedError: there is no room for it.
        """
        self._write(self._path(day), [rows])

    def rows(self, days: Sequence[int]) -> Iterator[EpisodeRow]:
        """Yield the rows of days, in their order."""
        for day in days:
            table = self._parquet.read_table(self._path(day))
            yield from msgspec.convert(table.to_pylist(), list[EpisodeRow])

    def join(self, days: Sequence[int]) -> Path:
        """Write all days into one file and return its path.

        Raises:
            UnsupportedError: there is no room for it.
        """
        path = self.directory / RESULTS
        self._write(path, (list(self.rows([day])) for day in days))
        return path

    def _path(self, day: int) -> Path:
        return self.directory / "days" / f"{day:06d}.parquet"

    def _write(self, path: Path, groups: Any) -> None:
        sink = self._arrow.BufferOutputStream()
        with self._parquet.ParquetWriter(
            sink, self._schema, version="2.6", compression="zstd"
        ) as writer:
            for group in groups:
                table = self._arrow.Table.from_pylist(
                    [msgspec.to_builtins(row) for row in group], self._schema
                )
                writer.write_table(table, row_group_size=max(len(table), 1))
        try:
            durable.put(path, sink.getvalue().to_pybytes())
        except OSError as error:
            raise UnsupportedError(
                f"{path}: cannot be written: {error.strerror}",
                "make room; what is finished is kept, run again for the rest",
            ) from error


def _other(held: bytes) -> str:
    """Return in a few words what a directory holds."""
    try:
        found = msgspec.json.decode(held, type=Sweep)
    except msgspec.DecodeError:
        return "an unknown form"
    return f"seed {found.seed}, policy {found.policy[:12]}, priors {found.priors[:12]}"


def _type(arrow: Any, name: str) -> Any:
    if name in INTEGERS:
        return arrow.type_for_alias(INTEGERS[name])
    if name in FLOATS:
        return arrow.float64()
    return arrow.bool_() if name in BOOLEANS else arrow.string()


def _pyarrow() -> tuple[Any, Any]:
    return extra("pyarrow", "twin"), extra("pyarrow.parquet", "twin")
