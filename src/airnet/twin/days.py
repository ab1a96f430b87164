"""Days: a trading day as the episodes that make it up, drawn from priors by its number.

A day is compressed. What happens in it (news, auctions, incidents, ...) is played
whole, as often as drawn, and stands for itself: weight 1. The rest of its minutes is
calm, of which only samples are played; each stands for its share of the rest. Where a
sweep wants every scenario every day, each is played that often and weighs its prior.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from airnet.decide.policy import Policy
from airnet.twin import interval
from airnet.twin.plays import Facts, Order, Play, certain, told
from airnet.twin.priors import Case, Priors

#: Seeds are drawn below this, so that they fit wherever a seed is written.
SEEDS = 2**48


class Season(msgspec.Struct, frozen=True, kw_only=True):
    """What all days of a sweep have in common.

    `cases` are played; `all_cases` are those that share the priors of incidents.
    """

    play: Play
    policy: Policy
    priors: Priors
    cases: tuple[Case, ...]
    all_cases: tuple[Case, ...]
    seed: int = 1
    difficulty: float | None = None
    is_every: bool = False


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of a day; what fills the day has no weight before it was played."""

    number: int
    case: Case
    seed: int
    weight: float | None


class EpisodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one episode: a row of the results (docs/twin.md has the columns)."""

    day: int
    episode: int
    scenario: str
    severity: str
    regime: str
    seed: int
    difficulty: float
    weight: float
    episode_s: float
    has_incident: bool
    is_contained: bool
    contain_s: float
    missed_usd: float
    caused_usd: float
    missed_without_usd: float
    false_containments: int
    collateral_orders: int
    state_changes: int
    decisions: int
    is_held: bool
    root: str


def uniform(*words: object) -> float:
    """Return a number in 0..1 from the chance stream that these words name."""
    raw = int(np.random.Philox(key=interval.stream_key(*words)).random_raw())
    return (raw >> 11) / 2**53


def poisson(mean: float, share: float) -> int:
    """Return the Poisson count whose distribution first reaches a share in 0..1."""
    count, part = 0, math.exp(-mean)
    total = part
    while total < share and count < 10_000:
        count += 1
        part *= mean / count
        total += part
    return count


def episodes(season: Season, day: int) -> list[Episode]:
    """Return the episodes of a day, in the order of scenarios."""
    found: list[Episode] = []
    for case in season.cases:
        count, weight = _drawn(season, case, day)
        for index in range(count):
            key = interval.stream_key("episode", season.seed, day, case.name, index)
            found.append(
                Episode(number=len(found), case=case, seed=key % SEEDS, weight=weight)
            )
    return found


def _drawn(season: Season, case: Case, day: int) -> tuple[int, float | None]:
    """Return how often a scenario comes on a day, and what each time stands for."""
    priors = season.priors
    if case.name == priors.calm.scenario:
        return priors.calm.samples, None
    rate = priors.per_day(case, season.all_cases)
    if case.is_benign and priors.benign_of(case).is_daily:
        return int(rate), 1.0
    if season.is_every:
        count = max(1, round(rate))
        return count, rate / count
    share = uniform("how often", season.seed, day, case.name)
    return poisson(rate, share), 1.0


def play_day(season: Season, day: int) -> list[EpisodeRow]:
    """Play a day and return its rows; run by workers.

    Raises:
        UnsupportedError: an episode could not be played; the day is not finished.
    """
    played = [(one, _played(season, one)) for one in episodes(season, day)]
    weights = weighed(season, [(one, found.episode_s) for one, found in played])
    return [
        _row(season, day, one, found, weight)
        for (one, found), weight in zip(played, weights, strict=True)
    ]


def weighed(season: Season, played: Sequence[tuple[Episode, float]]) -> list[float]:
    """Return how many of a day each episode stands for, of so many seconds each."""
    rest_s = season.priors.day_minutes * 60.0 - math.fsum(
        one.weight * took_s for one, took_s in played if one.weight is not None
    )
    calm_s = math.fsum(took_s for one, took_s in played if one.weight is None)
    share = max(rest_s, 0.0) / calm_s if calm_s > 0 else 0.0
    return [share if one.weight is None else one.weight for one, _ in played]


def _played(season: Season, episode: Episode) -> Facts:
    order = Order(
        play=season.play,
        scenario=episode.case.name,
        seed=episode.seed,
        policies=(season.policy,),
        difficulty=season.difficulty,
    )
    return certain(told(order))[0]


def _row(
    season: Season, day: int, episode: Episode, found: Facts, weight: float
) -> EpisodeRow:
    return EpisodeRow(
        day=day,
        episode=episode.number,
        scenario=episode.case.name,
        severity=episode.case.severity,
        regime=season.priors.regime(episode.case),
        seed=episode.seed,
        difficulty=found.difficulty,
        weight=weight,
        episode_s=found.episode_s,
        has_incident=found.has_incident,
        is_contained=found.is_contained,
        contain_s=found.contain_s,
        missed_usd=found.missed,
        caused_usd=found.caused,
        missed_without_usd=found.missed_without,
        false_containments=found.false_containments,
        collateral_orders=found.collateral_orders,
        state_changes=found.state_changes,
        decisions=found.decisions,
        is_held=found.is_held,
        root=found.root,
    )
