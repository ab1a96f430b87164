"""Larder: days of kept windows in a directory, whole or not there.

    kept.json        what is kept; another season is refused here
    days/D.kept      the episodes of day D, in msgpack, about 20 MB

A day's file takes its name when its bytes are on the disk. Same days, same bytes,
whoever wrote them, and in which order.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from airnet import durable
from airnet.errors import UnsupportedError, UsageError
from airnet.twin import kept
from airnet.twin.claim import Claim
from airnet.twin.days import Season, episodes, weighed

IDENTITY = "kept.json"
#: The form of the files; a directory of another form is not gone on with.
FORM = 1


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of a day, and how many of them it stands for."""

    number: int
    regime: str
    weight: float
    record: kept.Record


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day's episodes."""

    day: int
    parts: tuple[Part, ...]


class Stock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept; a directory holds one. The number of days may grow.

    `size` fixes what a world is otherwise drawn with: sessions, symbols.
    """

    form: int
    seed: int
    priors: str
    version: str
    domain: str
    scenarios: tuple[str, ...]
    difficulty: float | None
    is_every: bool
    schemas: dict[int, str]
    size: dict[str, int] = {}


def keep_day(season: Season, domain: str, day: int, **size: float) -> bytes:
    """Play a day unjudged and return its bytes; run by workers.

    Raises:
        UnsupportedError: an episode could not be played; the day is not finished.
    """
    drawn = episodes(season, day)
    found = [
        kept.packed(
            kept.keep(one.case.name, one.seed, domain, season.difficulty, **size)
        )
        for one in drawn
    ]
    took = [record.heading.episode_s for record in found]
    weights = weighed(season, list(zip(drawn, took, strict=True)))
    parts = tuple(
        Part(
            number=one.number,
            regime=season.priors.regime(one.case),
            weight=weight,
            record=record,
        )
        for one, weight, record in zip(drawn, weights, found, strict=True)
    )
    return msgspec.msgpack.encode(Day(day=day, parts=parts))


class Larder:
    """The kept days in a directory; one writer at a time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def claim(self, stock: Stock) -> Claim:
        """Return the right to write days of a stock."""
        text = msgspec.json.format(msgspec.json.encode(stock)) + b"\n"
        return Claim(self.directory, IDENTITY, text, "days", _other)

    def finished(self) -> list[int]:
        """Return the days that are there, in order."""
        found = (self.directory / "days").glob("[0-9]*.kept")
        return sorted(int(path.stem) for path in found)

    def size(self) -> int:
        """Return how many bytes the days take."""
        found = (self.directory / "days").glob("[0-9]*.kept")
        return sum(path.stat().st_size for path in found)

    def put(self, day: int, data: bytes) -> None:
        """Write a finished day.

        Raises:
            UnsupportedError: there is no room for it.
        """
        path = self._path(day)
        try:
            durable.put(path, data)
        except OSError as error:
            raise UnsupportedError(
                f"{path}: cannot be written: {error.strerror}",
                "make room; what is finished is kept, run again for the rest",
            ) from error

    def day(self, day: int) -> Day:
        """Return a day.

        Raises:
            UsageError: it is not there, or damaged.
        """
        path = self._path(day)
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=Day)
        except (OSError, msgspec.DecodeError) as error:
            raise UsageError(
                f"{path}: no kept day: {error}", "keep it again"
            ) from error

    def episodes(self, day: int) -> Iterator[tuple[Part, kept.Episode]]:
        """Yield the episodes of a day, one at a time.

        Raises:
            UsageError: as `day` and `kept.unpacked`.
        """
        for part in self.day(day).parts:
            yield part, kept.unpacked(part.record)

    def _path(self, day: int) -> Path:
        return self.directory / "days" / f"{day:06d}.kept"


def _other(held: bytes) -> str:
    """Return in a few words what a directory holds."""
    try:
        found = msgspec.json.decode(held, type=Stock)
    except msgspec.DecodeError:
        return "an unknown form"
    return f"seed {found.seed}, domain {found.domain}, priors {found.priors[:12]}"
