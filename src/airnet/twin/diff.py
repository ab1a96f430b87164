"""Diff: what another policy changes, on the same days, seed by seed.

Both policies play each scenario with each seed, so that chance is common to both and
what differs is the policy's doing. Every number has its interval. The gate is for
severe incidents: each is a class of its own, and none may get worse beyond it.
"""

import math
from collections.abc import Callable, Sequence

import msgspec

from airnet.decide.policy import Policy
from airnet.twin import interval
from airnet.twin.interval import Interval
from airnet.twin.plays import (
    Facts,
    Failure,
    Play,
    Progress,
    gather,
    orders_of,
)
from airnet.twin.policyfile import Change, as_enforced, changes, contains_something
from airnet.twin.pool import Executor
from airnet.twin.priors import Case, Priors
from airnet.twin.sheet import seeds

#: Pairs a gate wants of each severe scenario: chaotic divergence limits what common
#: random numbers save, so fewer say little (measured on our prototype; docs/twin).
GATE_SEEDS_MIN = 30
#: Money that is no difference: below a cent.
SAME = 1e-9

Number = Callable[[Facts], float]
#: What is compared of an incident and of a benign day; of all of them less is better.
INCIDENT: dict[str, tuple[str, Number]] = {
    "missed": ("share of episodes", lambda one: float(not one.is_contained)),
    "to contain": ("s", lambda one: one.contain_s),
    "harm": ("$", lambda one: one.missed + one.caused),
    "false containments": ("an episode", lambda one: one.false_containments),
    "of harm, missed": ("$", lambda one: one.missed),
    "of harm, caused": ("$", lambda one: one.caused),
}
#: Parts of a sum that is judged: containing more costs a little and saves a lot.
TOLD_ONLY = frozenset({"of harm, missed", "of harm, caused"})
BENIGN: dict[str, tuple[str, Number]] = {
    "false containments": ("an episode", lambda one: one.false_containments),
    "caused harm": ("$", lambda one: one.caused),
    "orders held back": ("an episode", lambda one: one.collateral_orders),
}
MONEY: dict[str, Number] = {
    "missed harm": lambda one: one.missed,
    "caused harm": lambda one: one.caused,
    "total": lambda one: one.missed + one.caused,
}


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One number of one scenario under both policies; less is better.

    `difference` is after - before, with its interval over the pairs; `worse` and
    `better` count pairs, and `chance` is how likely such counts are when nothing
    changed (sign test).
    """

    name: str
    unit: str
    before: float
    after: float
    difference: Interval
    worse: int = 0
    better: int = 0
    chance: float = 1.0

    @property
    def is_worse(self) -> bool:
        """Whether it is judged, and worse beyond the interval."""
        return self.difference.is_above_zero and self.name not in TOLD_ONLY

    @property
    def is_better(self) -> bool:
        """Whether it is judged, and better beyond the interval."""
        return self.difference.is_below_zero and self.name not in TOLD_ONLY


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario under both policies.

    `verdict` is worse, better (some measure is, beyond its interval; worse wins),
    unclear or same. `changed_seeds` are the days that differ at all, `lost` those on
    which the incident is no longer contained, `won` those on which it now is, `hit`
    and `spared` those with more and with fewer false containments. `changed_max` is
    the bound of the share of such days that change: never zero. `incidents` are the
    pairs with something to contain, `silent` those whose mirror showed nothing.
    """

    scenario: str
    severity: str
    pairs: int
    verdict: str
    measures: tuple[Measure, ...]
    changed_seeds: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()
    won: tuple[int, ...] = ()
    hit: tuple[int, ...] = ()
    spared: tuple[int, ...] = ()
    changed_max: float = 1.0
    incidents: int = 0
    silent: int = 0

    @property
    def is_severe(self) -> bool:
        """Whether the gate is about it."""
        return self.severity == "severe"


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of two policies: where it was read, its name, what it was played as."""

    file: str
    name: str
    digest: str = ""
    is_as_enforced: bool = False


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a change may pass, and every reason why not."""

    passes: bool
    reasons: tuple[str, ...]
    severe: tuple[str, ...]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `airnet twin diff` says."""

    before: Side
    after: Side
    changes: tuple[Change, ...]
    rows: tuple[Row, ...]
    per_day: tuple[Measure, ...]
    failures: tuple[Failure, ...]
    seeds: tuple[int, ...]
    difficulty: float | None
    level: float
    resamples: int
    gate: Gate


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be compared, on which days."""

    before: Policy
    after: Policy
    cases: Sequence[Case]
    seeds: Sequence[int]
    priors: Priors
    play: Play
    files: tuple[str, str] = ("before", "after")
    difficulty: float | None = None
    level: float = interval.LEVEL
    is_as_written: bool = False


def compare(
    request: Request, executor: Executor, progress: Progress | None = None
) -> Comparison:
    """Play every scenario with every seed under both policies, and compare.

    Raises:
        UsageError: a seed is given twice.
    """
    pair = (request.before, request.after)
    if not request.is_as_written:
        pair = (as_enforced(pair[0], pair[1]), as_enforced(pair[1], pair[0]))
    orders = orders_of(
        request.play, request.cases, request.seeds, pair, request.difficulty
    )
    found = gather(orders, executor, progress)
    olds = [one for one, _ in found if isinstance(one, Facts)]
    news = [other for _, other in found if isinstance(other, Facts)]
    failures = tuple(one for both in found for one in both if isinstance(one, Failure))
    rows = rows_of(request, olds, news)
    return Comparison(
        before=_side(request, 0, olds, pair[0]),
        after=_side(request, 1, news, pair[1]),
        changes=tuple(changes(request.before, request.after)),
        rows=rows,
        per_day=_per_day(request, olds, news),
        failures=failures,
        seeds=tuple(request.seeds),
        difficulty=request.difficulty,
        level=request.level,
        resamples=interval.RESAMPLES,
        gate=judged(rows, failures, is_inert=not any(map(contains_something, pair))),
    )


def _side(request: Request, number: int, played: list[Facts], policy: Policy) -> Side:
    given = (request.before, request.after)[number]
    return Side(
        file=request.files[number],
        name=given.name,
        digest=played[0].policy if played else "",
        is_as_enforced=policy != given,
    )


def rows_of(
    request: Request, olds: Sequence[Facts], news: Sequence[Facts]
) -> tuple[Row, ...]:
    """Return a row for each scenario, of the pairs of which both plays are there."""
    left = {one.key: one for one in olds}
    right = {one.key: one for one in news}
    rows = []
    for case in request.cases:
        keys = [(case.name, seed) for seed in request.seeds]
        pairs = [(left[k], right[k]) for k in keys if k in left and k in right]
        rows.append(_row(case, pairs, request.level))
    return tuple(rows)


def _row(case: Case, pairs: list[tuple[Facts, Facts]], level: float) -> Row:
    wanted = BENIGN if case.is_benign else INCIDENT
    measures = (
        tuple(
            measured(name, unit, pairs, number, level)
            for name, (unit, number) in wanted.items()
        )
        if pairs
        else ()
    )
    changed = [a.seed for a, b in pairs if a.root != b.root]
    return Row(
        scenario=case.name,
        severity=case.severity,
        pairs=len(pairs),
        verdict=_verdict(measures, changed),
        measures=measures,
        changed_seeds=tuple(changed),
        lost=_seeds(pairs, lambda a, b: a.is_contained and not b.is_contained),
        won=_seeds(pairs, lambda a, b: b.is_contained and not a.is_contained),
        hit=_seeds(pairs, lambda a, b: b.false_containments > a.false_containments),
        spared=_seeds(pairs, lambda a, b: b.false_containments < a.false_containments),
        changed_max=interval.share_max(len(changed), len(pairs), level),
        incidents=sum(a.has_incident and b.has_incident for a, b in pairs),
        silent=sum(not (a.frames and b.frames) for a, b in pairs),
    )


def _seeds(
    pairs: list[tuple[Facts, Facts]], is_meant: Callable[[Facts, Facts], bool]
) -> tuple[int, ...]:
    return tuple(a.seed for a, b in pairs if is_meant(a, b))


def _verdict(measures: tuple[Measure, ...], changed: list[int]) -> str:
    if any(one.is_worse for one in measures):
        return "worse"
    if any(one.is_better for one in measures):
        return "better"
    return "unclear" if changed or any(m.worse + m.better for m in measures) else "same"


def measured(
    name: str,
    unit: str,
    pairs: Sequence[tuple[Facts, Facts]],
    number: Number,
    level: float,
) -> Measure:
    """Return one number of paired plays with the interval of its difference."""
    olds = [float(number(one)) for one, _ in pairs]
    news = [float(number(other)) for _, other in pairs]
    key = interval.stream_key("diff", pairs[0][0].scenario, name)
    worse = sum(b - a > SAME for a, b in zip(olds, news, strict=True))
    better = sum(a - b > SAME for a, b in zip(olds, news, strict=True))
    return Measure(
        name=name,
        unit=unit,
        before=math.fsum(olds) / len(olds),
        after=math.fsum(news) / len(news),
        difference=interval.paired(olds, news, key, level),
        worse=worse,
        better=better,
        chance=interval.sign_test(worse, better),
    )


def _per_day(
    request: Request, olds: Sequence[Facts], news: Sequence[Facts]
) -> tuple[Measure, ...]:
    """Return dollars a trading day, by the priors, with intervals over the pairs."""
    left = {one.key: one for one in olds}
    right = {one.key: one for one in news}
    strata: list[tuple[float, list[tuple[Facts, Facts]]]] = []
    for case in request.cases:
        keys = [(case.name, seed) for seed in request.seeds]
        pairs = [(left[k], right[k]) for k in keys if k in left and k in right]
        if pairs:
            episode_s = math.fsum(a.episode_s for a, _ in pairs) / len(pairs)
            rate = request.priors.per_day(case, request.cases, episode_s)
            strata.append((rate, pairs))
    return tuple(
        _money(name, strata, number, request.level) for name, number in MONEY.items()
    )


def _money(
    name: str,
    strata: list[tuple[float, list[tuple[Facts, Facts]]]],
    number: Number,
    level: float,
) -> Measure:
    def mean(side: int) -> float:
        return math.fsum(
            rate * math.fsum(number(pair[side]) for pair in pairs) / len(pairs)
            for rate, pairs in strata
        )

    differences = [
        (rate, [number(b) - number(a) for a, b in pairs]) for rate, pairs in strata
    ]
    key = interval.stream_key("diff", "per day", name)
    return Measure(
        name=name,
        unit="$ a day",
        before=mean(0),
        after=mean(1),
        difference=interval.weighted_mean_interval(differences, key, level),
    )


def judged(
    rows: Sequence[Row], failures: Sequence[Failure], *, is_inert: bool = False
) -> Gate:
    """Return whether no severe incident got worse, and enough was looked at to say so.

    Nothing passes by not being looked at: a failed play, too few pairs, no severe
    scenario, one in which nothing happens, or two policies that contain nothing are
    reasons.
    """
    severe = [row for row in rows if row.is_severe]
    reasons = failed(failures)
    if not severe:
        reasons.append("no severe scenario was played")
    if is_inert:
        reasons.append("neither policy contains anything: nothing could get worse")
    for row in severe:
        reasons += _objections(row)
    return Gate(
        passes=not reasons,
        reasons=tuple(reasons),
        severe=tuple(row.scenario for row in severe),
    )


def failed(failures: Sequence[Failure]) -> list[str]:
    """Return in a line each what failed where: plays that failed alike are one."""
    alike: dict[tuple[str, str], dict[int, None]] = {}
    for one in failures:
        alike.setdefault((one.scenario, one.problem), {})[one.seed] = None
    return [
        f"{scenario}, seed {seeds(tuple(found))}: the play failed: {problem}"
        for (scenario, problem), found in alike.items()
    ]


def _objections(row: Row) -> list[str]:
    """Return why one severe scenario does not let a change pass."""
    found = []
    if row.pairs < GATE_SEEDS_MIN:
        found.append(
            f"{row.scenario}: {row.pairs} pairs of plays; {GATE_SEEDS_MIN} are needed"
        )
    if row.incidents < row.pairs:
        found.append(
            f"{row.scenario}: there was no incident to contain in "
            f"{row.pairs - row.incidents} of {row.pairs} pairs"
        )
    if row.silent:
        found.append(
            f"{row.scenario}: the mirror showed nothing in {row.silent} of "
            f"{row.pairs} pairs"
        )
    found += [
        f"{row.scenario}: {one.name} {one.before:.4g} -> {one.after:.4g} {one.unit}, "
        f"worse by {one.difference.low:.4g} to {one.difference.high:.4g}"
        for one in row.measures
        if one.is_worse
    ]
    return found
