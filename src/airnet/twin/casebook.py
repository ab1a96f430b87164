"""Casebook: the catalogue's scenarios as studies see them, and how they are played."""

import functools

from airnet.decide.policy import Policy
from airnet.twin import catalogue
from airnet.twin.closed import How, Terms
from airnet.twin.loop import Prepared, play_on
from airnet.twin.outcome import Outcome
from airnet.twin.priors import Case
from airnet.twin.staging import stage_of

#: Worlds whose two runs without containment a worker keeps for the next policy.
KEPT_MAX = 256


@functools.cache
def cases() -> tuple[Case, ...]:
    """Return every scenario of the catalogue, by name."""
    found = []
    for name in catalogue.names():
        spec = catalogue.scenario(name).spec
        found.append(
            Case(name=name, severity=spec.severity, is_held_out=spec.is_held_out)
        )
    return tuple(found)


def play(
    scenario: str,
    seed: int,
    *,
    difficulty: float | None,
    policy: Policy,
    mode: How,
    domain: str = "report",
) -> Outcome:
    """Play a scenario of the catalogue in a world of a domain.

    Its frames are read and never made: a study plays thousands.

    Raises:
        UsageError: there is no such scenario or domain.
        UnsupportedError: the world was built too small for what happens in it.
    """
    prepared = _prepared(scenario, seed, difficulty, domain)
    return play_on(prepared, policy, mode=mode, terms=Terms(is_rooted=False))


@functools.lru_cache(maxsize=KEPT_MAX)
def _prepared(
    scenario: str, seed: int, difficulty: float | None, domain: str
) -> Prepared:
    return Prepared(stage_of(scenario, seed, difficulty, domain=domain))
