"""Tune: a search for thresholds that miss less harm and cause less of it.

Two objectives, both dollars a day: missed harm, and what containing costs. Every
candidate plays the same worlds (common random numbers), and one that takes longer than
allowed over severe incidents is no candidate. The search proposes one policy; whether
it may replace the current one is judged on worlds that it has not seen.
"""

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from airnet.errors import UsageError
from airnet.extras import extra
from airnet.twin.candidates import Point, Runner, Search
from airnet.twin.knobs import Knob
from airnet.twin.parts import digest
from airnet.twin.plays import Facts, Progress
from airnet.twin.pool import Executor

#: Candidates of a generation; they play each world together.
POPULATION = 20
#: By how much a knob may make a candidate dearer when it is put back: by rounding.
NOTHING = 1e-9
#: By how much incidents' priors are swept: from ten times as rare to ten times as
#: frequent.
FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """Which candidate wins when incidents are so many times as frequent."""

    factor: float
    best_trial: int
    best_total: float
    current_total: float
    proposed_total: float


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found. `skipped` candidates could not be meant by anybody."""

    current: Point
    proposed: Point
    points: tuple[Point, ...]
    front: tuple[int, ...]
    swept: tuple[Swept, ...]
    skipped: int
    plays: dict[str, tuple[Facts, ...]]


def search(
    wanted: Search, executor: Executor, progress: Progress | None = None
) -> Found:
    """Search, generation by generation; the same for any number of workers.

    Raises:
        UsageError: nothing to search over, or the storage holds another search.
        UnsupportedError: optuna is missing, or a world could not be played.
    """
    if not wanted.cases or not wanted.seeds:
        raise UsageError("no scenario or no seed", "leave --scenario out for all")
    if not wanted.knobs:
        raise UsageError("no knob", "leave --knob out for the usual ones")
    study, optuna = opened(wanted)
    runner = Runner(wanted, executor)
    start = runner.current.values
    if not study.trials:
        study.enqueue_trial(start)
    points = [
        msgspec.msgpack.decode(bytes.fromhex(trial.user_attrs[POINT]), type=Point)
        for trial in study.trials
        if POINT in trial.user_attrs
    ]
    while (rest := wanted.trials - len(study.trials)) > 0:
        points += _generation(study, optuna, runner, min(rest, POPULATION))
        if progress:
            progress(len(study.trials), wanted.trials)
    ends = front(points)
    best = propose(runner.current, [one for one in points if one.is_feasible])
    proposed = simplified(runner, best)
    return Found(
        current=runner.current,
        proposed=proposed,
        points=tuple(points),
        front=tuple(points[index].trial for index in ends),
        swept=tuple(_swept(runner.current, proposed, points)),
        skipped=len(study.trials) - len(points),
        plays={
            "current": runner.played([start])[0],
            "proposed": runner.played([proposed.values])[0],
        },
    )


def _generation(study: Any, optuna: Any, runner: Runner, count: int) -> list[Point]:
    """Ask for candidates, play those that can be meant, and tell what they cost."""
    has_own = hasattr(optuna.trial.Trial, "set_constraint")  # from 5.0 on
    trials = [study.ask() for _ in range(count)]
    turned = [_suggested(trial, runner.wanted.knobs) for trial in trials]
    meant = [number for number in range(count) if runner.is_meant(turned[number])]
    points = runner.points(
        [(trials[number].number, turned[number]) for number in meant]
    )
    by_trial = {point.trial: point for point in points}
    for trial in trials:
        point = by_trial.get(trial.number)
        if point is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        trial.set_user_attr(EXCESS, point.excess_s)
        if has_own:
            trial.set_constraint(EXCESS, point.excess_s)
        # JSON has no infinity, which is where an interval of one seed ends.
        trial.set_user_attr(POINT, msgspec.msgpack.encode(point).hex())
        study.tell(trial, [point.missed.estimate, point.caused.estimate])
    return points


def _suggested(trial: Any, knobs: Sequence[Knob]) -> dict[str, int | float]:
    """Return what the sampler turns each knob to."""
    found: dict[str, int | float] = {}
    for knob in knobs:
        if knob.is_whole:
            low, high = int(knob.low), int(knob.high)
            drawn = trial.suggest_int(knob.field, low, high, log=knob.is_log)
        else:
            drawn = trial.suggest_float(
                knob.field, knob.low, knob.high, log=knob.is_log
            )
        found[knob.field] = knob.value(drawn)
    return found


#: What a trial carries in a storage.
POINT, EXCESS, IDENTITY = "point", "excess_s", "search"


def opened(wanted: Search) -> tuple[Any, Any]:
    """Return the study, which a storage may have begun, and optuna.

    Raises:
        UnsupportedError: optuna is missing.
        UsageError: the storage holds another search, or is none.
    """
    optuna = extra("optuna", "twin")
    problems = extra("sqlalchemy.exc", "twin")  # optuna's
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    more: dict[str, Any] = {}
    if not hasattr(optuna.trial.Trial, "set_constraint"):
        more["constraints_func"] = lambda trial: (trial.user_attrs.get(EXCESS, 0.0),)
    sampler = optuna.samplers.NSGAIISampler(
        seed=wanted.seed, population_size=POPULATION, **more
    )
    try:
        study = optuna.create_study(
            storage=f"sqlite:///{wanted.storage}" if wanted.storage else None,
            sampler=sampler,
            study_name="airnet twin tune",
            directions=["minimize", "minimize"],
            load_if_exists=True,
        )
    except (problems.SQLAlchemyError, optuna.exceptions.StorageInternalError):
        raise UsageError(
            f"{wanted.storage}: cannot be opened as the storage of a search",
            "name a file of SQLite's, or a new one in a directory that is there",
        ) from None
    mine = digest(
        (wanted.policy, wanted.knobs, wanted.cases, wanted.seeds, wanted.priors)
    )
    theirs = study.user_attrs.get(IDENTITY, mine)
    if theirs != mine:
        raise UsageError(
            f"{wanted.storage}: holds the search of something else",
            "name another --storage, or give what it was begun with",
        )
    study.set_user_attr(IDENTITY, mine)
    return study, optuna


def front(points: Sequence[Point]) -> list[int]:
    """Return the places of feasible candidates that none beats in both objectives.

    In the order of rising caused harm; of equals, the first.
    """
    order = sorted(
        (place for place, point in enumerate(points) if point.is_feasible),
        key=lambda n: (points[n].caused.estimate, points[n].missed.estimate, n),
    )
    best, kept = math.inf, []
    for place in order:
        if points[place].missed.estimate < best:
            best = points[place].missed.estimate
            kept.append(place)
    return kept


def propose(current: Point, candidates: Sequence[Point]) -> Point:
    """Return the cheapest feasible candidate that is worse in no severe scenario.

    The current policy itself where none is cheaper.
    """
    good = [one for one in candidates if not one.severe_worse]
    return min([current, *good], key=Point.total)


def simplified(runner: Runner, best: Point) -> Point:
    """Return a candidate with every knob put back that did nothing for it.

    A reviewer should read only what matters. A knob is put back where the candidate
    then costs no more, is as fast, and still worse in no severe scenario.
    """
    for field, was in runner.current.values.items():
        if best.values[field] == was:
            continue
        values = {**best.values, field: was}
        if not runner.is_meant(values):
            continue
        (simpler,) = runner.points([(best.trial, values)])
        costs_no_more = simpler.total() <= best.total() * (1 + NOTHING)
        if simpler.is_feasible and not simpler.severe_worse and costs_no_more:
            best = simpler
    return best


def _swept(current: Point, proposed: Point, points: Sequence[Point]) -> list[Swept]:
    """Return which candidate wins as incidents become rarer or more frequent."""
    feasible = [one for one in (current, proposed, *points) if one.is_feasible]
    feasible = feasible or [current]
    found = []
    for factor in FACTORS:
        best = min(feasible, key=lambda one: one.total(factor))
        found.append(
            Swept(
                factor=factor,
                best_trial=best.trial,
                best_total=best.total(factor),
                current_total=current.total(factor),
                proposed_total=proposed.total(factor),
            )
        )
    return found
