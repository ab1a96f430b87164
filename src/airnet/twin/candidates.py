"""Candidates: policies that a search tries, and what each costs on the same worlds."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from airnet.config import Site
from airnet.decide.policy import Policy
from airnet.decide.problems import problems
from airnet.twin import interval
from airnet.twin.interval import Interval
from airnet.twin.knobs import Knob
from airnet.twin.plays import Facts, Play, certain, gather, orders_of
from airnet.twin.policyfile import as_enforced, flat, replaced
from airnet.twin.pool import Executor
from airnet.twin.priors import Case, Priors

#: Resamples of each candidate's interval: a plot's cross, not a verdict.
SEARCH_RESAMPLES = 1000
#: A severe scenario is worse than under the current policy from here on: rounding.
WORSE = 1e-6


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate and what it costs. Dollars a day; seconds over severe incidents.

    `caused_by_incidents` is the part of `caused` that scales with their frequency.
    `contain_s` is the mean to contain, counted to the episode's end where it never
    was. `severe_worse` names severe scenarios that are worse than under the current
    policy on the worlds of the search.
    """

    trial: int
    values: dict[str, int | float]
    missed: Interval
    caused: Interval
    caused_by_incidents: float
    contain_s: float
    false_per_day: float
    excess_s: float
    severe_worse: tuple[str, ...] = ()

    @property
    def is_feasible(self) -> bool:
        """Whether it is as fast over severe incidents as it must be."""
        return self.excess_s <= 0

    def total(self, factor: float = 1.0) -> float:
        """Return what it costs a day when incidents are so many times as frequent."""
        benign = self.caused.estimate - self.caused_by_incidents
        return factor * (self.missed.estimate + self.caused_by_incidents) + benign


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What is searched, where, and for how long."""

    policy: Policy
    knobs: tuple[Knob, ...]
    cases: tuple[Case, ...]
    seeds: tuple[int, ...]
    priors: Priors
    play: Play
    trials: int = 100
    seed: int = 1
    contain_s_max: float = math.inf
    storage: str = ""


class Runner:
    """Plays candidates on the worlds of a search, each once, and sums them up."""

    def __init__(self, wanted: Search, executor: Executor) -> None:
        self.wanted = wanted
        self.executor = executor
        self._plays: dict[str, tuple[Facts, ...]] = {}
        flatly = flat(wanted.policy)
        start = {knob.field: flatly[knob.field] for knob in wanted.knobs}
        self.severe: dict[str, tuple[float, float]] = {}
        self.current = self.points([(-1, start)])[0]
        self.severe = self._severe(self.played([start])[0])

    def is_meant(self, values: Mapping[str, Any]) -> bool:
        """Return whether `airnet lint` would find nothing new in a candidate."""
        known = set(problems(self.wanted.policy, Site()))
        return set(problems(replaced(self.wanted.policy, values), Site())) <= known

    def played(self, turned: Sequence[Mapping[str, Any]]) -> list[tuple[Facts, ...]]:
        """Return what came of every world under each candidate.

        Raises:
            UnsupportedError: a world could not be played.
        """
        missing = {_key(one): one for one in turned if _key(one) not in self._plays}
        if missing:
            policies = tuple(
                as_enforced(replaced(self.wanted.policy, one))
                for one in missing.values()
            )
            wanted = self.wanted
            worlds = orders_of(wanted.play, wanted.cases, wanted.seeds, policies)
            found = [certain(one) for one in gather(worlds, self.executor)]
            for number, key in enumerate(missing):
                self._plays[key] = tuple(world[number] for world in found)
        return [self._plays[_key(one)] for one in turned]

    def points(self, turned: Sequence[tuple[int, Mapping[str, Any]]]) -> list[Point]:
        """Return what candidates cost, by the numbers of their trials."""
        played = self.played([values for _, values in turned])
        return [
            self._point(number, values, facts)
            for (number, values), facts in zip(turned, played, strict=True)
        ]

    def _point(
        self, trial: int, values: Mapping[str, Any], facts: Sequence[Facts]
    ) -> Point:
        wanted = self.wanted
        strata = []
        for case in wanted.cases:
            own = [one for one in facts if one.scenario == case.name]
            episode_s = math.fsum(one.episode_s for one in own) / len(own)
            rate = wanted.priors.per_day(case, wanted.cases, episode_s)
            strata.append((case, rate, own))
        severe = [
            one.contain_s
            for case, _, own in strata
            if case.severity == "severe"
            for one in own
        ]
        contain_s = math.fsum(severe) / len(severe) if severe else 0.0
        mine = self._severe(facts)
        return Point(
            trial=trial,
            values=dict(values),
            missed=_summed(strata, lambda one: one.missed, "missed"),
            caused=_summed(strata, lambda one: one.caused, "caused"),
            caused_by_incidents=math.fsum(
                rate * one.caused / len(own)
                for case, rate, own in strata
                if not case.is_benign
                for one in own
            ),
            contain_s=contain_s,
            false_per_day=math.fsum(
                rate * one.false_containments / len(own)
                for _, rate, own in strata
                for one in own
            ),
            excess_s=max(contain_s - wanted.contain_s_max, -1e9),
            severe_worse=tuple(
                name
                for name, was in self.severe.items()
                if any(a > b + WORSE for a, b in zip(mine[name], was, strict=True))
            ),
        )

    def _severe(self, facts: Sequence[Facts]) -> dict[str, tuple[float, float]]:
        """Return mean seconds to contain and mean harm of each severe scenario."""
        names = [one.name for one in self.wanted.cases if one.severity == "severe"]
        found = {}
        for name in names:
            own = [one for one in facts if one.scenario == name]
            found[name] = (
                math.fsum(one.contain_s for one in own) / len(own),
                math.fsum(one.missed + one.caused for one in own) / len(own),
            )
        return found


def _key(values: Mapping[str, Any]) -> str:
    return msgspec.json.encode(dict(values), order="sorted").decode()


def _summed(
    strata: Sequence[tuple[Case, float, Sequence[Facts]]],
    number: Callable[[Facts], float],
    name: str,
) -> Interval:
    return interval.weighted_mean_interval(
        [(rate, [number(one) for one in own]) for _, rate, own in strata],
        interval.stream_key("tune", name),
        resamples=SEARCH_RESAMPLES,
    )
