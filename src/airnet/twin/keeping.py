"""Keeping: plays the days of a season that a larder does not have yet."""

import functools
from pathlib import Path

import msgspec

from airnet.errors import UnsupportedError, UsageError
from airnet.twin.days import Season
from airnet.twin.kept import schemas
from airnet.twin.larder import FORM, Larder, Stock, keep_day
from airnet.twin.parts import digest
from airnet.twin.plays import Progress
from airnet.twin.pool import Executor, fill
from airnet.twin.sweep import DAYS_MAX


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What `airnet twin keep` says."""

    days: int
    size: int
    directory: str
    stock: Stock


def stock_of(
    season: Season, domain: str, version: str, size: dict[str, int] | None = None
) -> Stock:
    """Return what makes kept days others."""
    return Stock(
        form=FORM,
        seed=season.seed,
        priors=digest((season.priors, season.all_cases)),
        version=version,
        domain=domain,
        scenarios=tuple(case.name for case in season.cases),
        difficulty=season.difficulty,
        is_every=season.is_every,
        schemas=schemas(),
        size=size or {},
    )


def run(
    season: Season,
    stock: Stock,
    days: int,
    means: tuple[Path, Executor, Progress | None],
) -> Kept:
    """Keep the days that are not there yet; `means` are where, by whom, who is told.

    Raises:
        UsageError: no day, no scenario, or the directory holds something else.
        UnsupportedError: days could not be played or kept; the others are kept.
    """
    directory, executor, progress = means
    if not 1 <= days <= DAYS_MAX:
        raise UsageError(f"{days} days", f"1 to {DAYS_MAX:,} can be kept")
    if not season.cases:
        raise UsageError("no scenario", "leave --scenario out for all of them")
    larder = Larder(directory)
    with larder.claim(stock).opened():
        play = functools.partial(keep_day, season, stock.domain, **stock.size)
        there = set(larder.finished())
        wanted = range(1, days + 1)
        problems = fill(executor, play, wanted, there, larder.put, progress)
    if problems:
        raise UnsupportedError(
            f"{len(problems)} of {days} days failed: {min(problems)}",
            "the other days are kept; run again for these",
        )
    return Kept(days=days, size=larder.size(), directory=str(directory), stock=stock)
