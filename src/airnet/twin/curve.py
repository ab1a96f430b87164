"""Curve: how often and how fast a scenario is contained, the harder it gets."""

import math

import msgspec

from airnet.decide.policy import Policy
from airnet.twin import interval
from airnet.twin.interval import Interval
from airnet.twin.plays import Play, Progress, certain, gather, orders_of
from airnet.twin.pool import Executor
from airnet.twin.priors import Case

#: Orders of a runaway within which the design has it stopped.
ORDERS = 50


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One difficulty: the share contained (of a benign scenario: contained falsely).

    `seconds` is the median to contain, with an exact interval; infinite: never. So are
    `orders`, of the fault, that reached the venue until then; of `promptly` of the
    plays ORDERS at most.
    """

    difficulty: float
    share: Interval
    seconds: Interval
    orders: Interval
    promptly: Interval
    false_containments: int


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario over its difficulty."""

    scenario: str
    severity: str
    meaning: str
    seeds: int
    policy: str
    episode_s: float
    steps: tuple[Step, ...]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which scenario, under which policy, at which difficulties."""

    case: Case
    policy: Policy
    difficulties: tuple[float, ...]
    seeds: tuple[int, ...]
    play: Play


def curve(
    wanted: Wanted, executor: Executor, progress: Progress | None = None
) -> Curve:
    """Play every difficulty with the same seeds.

    Raises:
        UnsupportedError: an episode could not be played.
    """
    case = wanted.case
    orders = [
        order
        for difficulty in wanted.difficulties
        for order in orders_of(
            wanted.play, [case], wanted.seeds, [wanted.policy], difficulty
        )
    ]
    facts = [certain(one)[0] for one in gather(orders, executor, progress)]
    size = len(wanted.seeds)
    steps = []
    for number, difficulty in enumerate(wanted.difficulties):
        own = facts[number * size : (number + 1) * size]
        if case.is_benign:
            hits = [one.false_containments > 0 for one in own]
        else:
            hits = [one.is_contained for one in own]
        times = [one.contain_s if one.is_contained else math.inf for one in own]
        sent = [one.fault_orders if one.is_contained else math.inf for one in own]
        prompt = sum(count <= ORDERS for count in sent)
        steps.append(
            Step(
                difficulty=difficulty,
                share=interval.proportion(sum(hits), size),
                seconds=interval.median_interval(times),
                orders=interval.median_interval(sent),
                promptly=interval.proportion(prompt, size),
                false_containments=sum(one.false_containments for one in own),
            )
        )
    return Curve(
        scenario=case.name,
        severity=case.severity,
        meaning="share falsely contained" if case.is_benign else "share contained",
        seeds=size,
        policy=facts[0].policy,
        episode_s=max(one.episode_s for one in facts),
        steps=tuple(steps),
    )


def evenly(count: int) -> tuple[float, ...]:
    """Return difficulties from 0 to 1, evenly spaced."""
    return tuple(round(number / (count - 1), 6) for number in range(count))
