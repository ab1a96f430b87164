"""Sweep: many simulated trading days, on every core or a cluster, and what they bound.

A day depends on its number and on nothing that ran before it, so the results are the
same for any number of workers and for both executors, and a sweep that was killed goes
on where it was. What was never seen is told by its bound.
"""

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from airnet.errors import UnsupportedError, UsageError
from airnet.twin import interval
from airnet.twin.closed import policy_digest
from airnet.twin.days import EpisodeRow, Season, play_day
from airnet.twin.interval import Interval
from airnet.twin.parts import FORM, Parts, Sweep, digest
from airnet.twin.plays import Progress
from airnet.twin.pool import Executor, fill
from airnet.twin.priors import SEVERITIES

#: Six digits in a file's name, and four thousand years of trading.
DAYS_MAX = 1_000_000


class Regime(msgspec.Struct, frozen=True, kw_only=True):
    """False containments in one kind of hour.

    `episodes` were played and stand for `standing_for`; `false_containments` were
    seen in `false_episodes` of them. `per_day` weighs them, and `per_day_max` is its
    one-sided bound: episodes are what is independent, and one that could have been
    seen and was not weighs as the heaviest.
    """

    regime: str
    episodes: int
    standing_for: float
    hours: float
    false_containments: int
    false_episodes: int
    per_day: float
    per_day_max: float


class Grave(msgspec.Struct, frozen=True, kw_only=True):
    """How the incidents of one severity went. Seconds are quantiles; null: never."""

    severity: str
    episodes: int
    contained: Interval
    median_s: float
    p90_s: float


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `airnet twin sweep` says of its days.

    Money is dollars a day with the interval over days; `bad_days` had at least one
    false containment. `compressed` says in words which minutes were played.
    """

    days: int
    episodes: int
    simulated_hours: float
    standing_for_hours: float
    level: float
    regimes: tuple[Regime, ...]
    total: Regime
    bad_days: int
    bad_days_max: float
    severities: tuple[Grave, ...]
    missed_usd: Interval
    caused_usd: Interval
    compressed: str
    results: str
    sweep: Sweep


def identity(season: Season, play: str) -> Sweep:
    """Return what makes a sweep another one."""
    return Sweep(
        form=FORM,
        seed=season.seed,
        policy=policy_digest(season.policy),
        priors=digest((season.priors, season.all_cases)),
        play=play,
        scenarios=tuple(case.name for case in season.cases),
        difficulty=season.difficulty,
        is_every=season.is_every,
    )


def run(
    season: Season,
    days: int,
    parts: Parts,
    executor: Executor,
    progress: Progress | None = None,
) -> Summary:
    """Play the days that are not there yet, and return what all of them say.

    Raises:
        UsageError: no day, no scenario, or the directory holds something else.
        UnsupportedError: days could not be played or kept; the others are kept.
    """
    if not 1 <= days <= DAYS_MAX:
        raise UsageError(f"{days} days", f"a sweep has 1 to {DAYS_MAX:,}")
    if not season.cases:
        raise UsageError("no scenario", "leave --scenario out for all of them")
    wanted = range(1, days + 1)
    with parts.opened():
        play = functools.partial(play_day, season)
        there = parts.finished()
        problems = fill(executor, play, wanted, there, parts.keep, progress)
        if problems:
            raise UnsupportedError(
                f"{len(problems)} of {days} days failed: {min(problems)}",
                "the other days are kept; run again for these",
            )
        path = parts.join(wanted)
        return summed(season, days, parts, str(path))


def summed(season: Season, days: int, parts: Parts, results: str) -> Summary:
    """Return what finished days say."""
    rows = list(parts.rows(range(1, days + 1)))
    # Also those of which no episode was drawn: their bound is not zero either.
    names = sorted({season.priors.regime(case) for case in season.cases})
    regimes = tuple(
        regime_of(name, [row for row in rows if row.regime == name], days)
        for name in names
    )
    bad = {row.day for row in rows if row.false_containments}
    key = interval.stream_key("sweep", season.seed, days)
    return Summary(
        days=days,
        episodes=len(rows),
        simulated_hours=math.fsum(row.episode_s for row in rows) / 3600,
        standing_for_hours=math.fsum(row.episode_s * row.weight for row in rows) / 3600,
        level=interval.LEVEL,
        regimes=regimes,
        total=regime_of("all", rows, days),
        bad_days=len(bad),
        bad_days_max=interval.share_max(len(bad), days),
        severities=tuple(_graves(rows)),
        missed_usd=interval.mean_interval(_daily(rows, days, "missed_usd"), key),
        caused_usd=interval.mean_interval(_daily(rows, days, "caused_usd"), key),
        compressed=compressed(season),
        results=results,
        sweep=parts.sweep,
    )


class Weighed(Protocol):
    """What counts false containments: an episode, played or judged again."""

    @property
    def weight(self) -> float:
        """How many such episodes of a day it stands for."""
        ...

    @property
    def episode_s(self) -> float:
        """Virtual seconds."""
        ...

    @property
    def false_containments(self) -> int:
        """How many there were."""
        ...


def regime_of(name: str, rows: Sequence[Weighed], days: int) -> Regime:
    """Return the false containments of rows, with their bound a day."""
    false = [row for row in rows if row.false_containments]
    weights = [row.weight * row.false_containments for row in false]
    heaviest = max((row.weight for row in rows), default=1.0)
    return Regime(
        regime=name,
        episodes=len(rows),
        standing_for=math.fsum(row.weight for row in rows),
        hours=math.fsum(row.episode_s for row in rows) / 3600,
        false_containments=sum(row.false_containments for row in false),
        false_episodes=len(false),
        per_day=math.fsum(weights) / days,
        per_day_max=interval.weighted_count_max(weights, heaviest) / days,
    )


def _daily(rows: Iterable[EpisodeRow], days: int, field: str) -> list[float]:
    """Return what each day cost, weighted."""
    totals = [0.0] * days
    for row in rows:
        totals[row.day - 1] += row.weight * float(getattr(row, field))
    return totals


def _graves(rows: Sequence[EpisodeRow]) -> Iterable[Grave]:
    for severity in SEVERITIES[1:]:
        own = [row for row in rows if row.severity == severity and row.has_incident]
        if own:
            times = [row.contain_s if row.is_contained else math.inf for row in own]
            contained = sum(row.is_contained for row in own)
            yield Grave(
                severity=severity,
                episodes=len(own),
                contained=interval.proportion(contained, len(own)),
                median_s=interval.quantile(times, 0.5),
                p90_s=interval.quantile(times, 0.9),
            )


def compressed(season: Season) -> str:
    """Return in words which minutes of a day are played, and what they stand for."""
    calm = season.priors.calm
    has_calm = any(case.name == calm.scenario for case in season.cases)
    events = (
        "each scenario is played every day and weighs its prior"
        if season.is_every
        else "what happens is played whole, as often as the priors draw it"
    )
    rest = (
        f"the rest of {season.priors.day_minutes} minutes is calm, of which "
        f"{calm.samples} of {calm.scenario!r} are played, each standing for its share"
        if has_calm
        else "the rest of the day is left out: what fills it is not among the scenarios"
    )
    return f"A day is compressed: {events}; {rest}."
