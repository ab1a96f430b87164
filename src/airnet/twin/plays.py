"""Plays: many of them, paired by seed, and the numbers a study takes from each.

A study never calls the closed loop itself: it is handed a `Play`, so that whatever
behaves like one can be studied. A play that fails is told as failed and never dropped.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from airnet.decide.policy import Policy
from airnet.domain.decision import PASSIVE
from airnet.errors import UnsupportedError, UsageError
from airnet.twin.closed import How
from airnet.twin.outcome import Outcome
from airnet.twin.pool import Answer, Executor, attempt
from airnet.twin.priors import Case

NS_PER_S = 1_000_000_000
CENTS = 100.0
#: Told after each finished piece of work: how many of how many.
Progress = Callable[[int, int], None]


class Play(Protocol):
    """Plays a scenario to its end; must be importable where workers run."""

    def __call__(
        self,
        scenario: str,
        seed: int,
        *,
        difficulty: float | None,
        policy: Policy,
        mode: How,
    ) -> Outcome:
        """Return what came of it. Difficulty None: drawn from the seed."""
        ...


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One world, to be played under each of some policies by the same worker.

    What does not depend on a policy (the same day without containment, and without the
    incident) is then made once.
    """

    play: Play
    scenario: str
    seed: int
    policies: tuple[Policy, ...]
    difficulty: float | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a study takes from an Outcome. Money is dollars, times are seconds.

    `contain_s` is after the onset; where nothing was contained, until the end of the
    episode, and `is_contained` says so. Both are about incidents only. `fault_orders`
    are the culprits' orders of the fault that reached the venue.
    """

    scenario: str
    seed: int
    difficulty: float
    severity: str
    has_incident: bool
    is_contained: bool
    contain_s: float
    missed: float
    caused: float
    missed_without: float
    false_containments: int
    collateral_orders: int
    state_changes: int
    decisions: int
    frames: int
    fault_orders: int = 0
    is_held: bool
    episode_s: float
    root: str
    policy: str

    @property
    def key(self) -> tuple[str, int]:
        """What pairs it with the play of another policy."""
        return self.scenario, self.seed


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A play of which nothing came."""

    scenario: str
    seed: int
    problem: str
    trace: str = ""


def played(order: Order, policy: Policy) -> Facts:
    """Play an order under one of its policies.

    Raises:
        AssertionError: what came back is not of that order.
    """
    outcome = order.play(
        order.scenario,
        order.seed,
        difficulty=order.difficulty,
        policy=policy,
        mode="closed",
    )
    assert outcome.scenario == order.scenario, "the outcome is of another scenario"
    assert outcome.seed == order.seed, "the outcome is of another seed"
    return facts(outcome)


def told(order: Order) -> list[Facts | Failure]:
    """Play an order; return what came of it under each policy. Run by workers."""
    found: list[Facts | Failure] = []
    for policy in order.policies:
        answer = attempt(functools.partial(played, order), 0, policy)
        if answer.value is None:
            found.append(_failure(order, answer))
        else:
            found.append(answer.value)
    return found


def _failure(order: Order, answer: Answer[Any]) -> Failure:
    return Failure(
        scenario=order.scenario,
        seed=order.seed,
        problem=answer.problem,
        trace=answer.trace,
    )


def facts(outcome: Outcome) -> Facts:
    """Return what a study takes from an Outcome."""
    onsets = [one.onset_ns for one in outcome.labels if one.action not in PASSIVE]
    end_ns = outcome.start_ns + outcome.virtual_ns
    contain_ns = outcome.contain_ns
    if contain_ns is None:
        contain_ns = max(end_ns - min(onsets), 0) if onsets else 0
    return Facts(
        scenario=outcome.scenario,
        seed=outcome.seed,
        difficulty=outcome.difficulty,
        severity=outcome.severity,
        has_incident=bool(onsets),
        is_contained=outcome.contain_ns is not None,
        contain_s=contain_ns / NS_PER_S,
        missed=outcome.harm.missed / CENTS,
        caused=outcome.harm.caused / CENTS,
        missed_without=outcome.harm_without.missed / CENTS,
        false_containments=outcome.false_containments,
        collateral_orders=outcome.collateral_orders,
        state_changes=outcome.state_changes,
        decisions=len(outcome.decisions),
        frames=outcome.frames,
        fault_orders=outcome.fault_orders,
        is_held=not outcome.held,
        episode_s=outcome.virtual_ns / NS_PER_S,
        root=outcome.root,
        policy=outcome.policy,
    )


def gather(
    orders: Sequence[Order], executor: Executor, progress: Progress | None = None
) -> list[list[Facts | Failure]]:
    """Play all orders; return what came of each under each policy, in their order."""
    found: dict[int, list[Facts | Failure]] = {}
    for answer in executor.run(told, orders):
        order = orders[answer.index]
        found[answer.index] = (
            [_failure(order, answer) for _ in order.policies]
            if answer.value is None
            else answer.value
        )
        if progress:
            progress(len(found), len(orders))
    return [found[index] for index in range(len(orders))]


def certain(found: Sequence[Facts | Failure]) -> list[Facts]:
    """Return what came of plays none of which may have failed.

    Raises:
        UnsupportedError: one has.
    """
    good = []
    for one in found:
        if isinstance(one, Failure):
            raise UnsupportedError(
                f"{one.scenario}, seed {one.seed}: {one.problem}",
                "play that episode alone with `airnet twin run`",
            )
        good.append(one)
    return good


def orders_of(
    play: Play,
    cases: Iterable[Case],
    seeds: Sequence[int],
    policies: Sequence[Policy],
    difficulty: float | None = None,
) -> list[Order]:
    """Return an order for each scenario and seed.

    Raises:
        UsageError: a seed is given twice, which would count one day as two.
    """
    if len(set(seeds)) != len(seeds):
        raise UsageError("a seed is given twice", "give each seed once")
    return [
        Order(
            play=play,
            scenario=case.name,
            seed=seed,
            policies=tuple(policies),
            difficulty=difficulty,
        )
        for case in cases
        for seed in seeds
    ]
