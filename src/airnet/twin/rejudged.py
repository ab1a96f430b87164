"""Rejudged: kept days under today's rules and a policy, and what they bound.

What a day showed is judged as the pipeline does it; who was contained without having
done anything is counted by episode, with what one-line detectors would have done to the
same sessions beside it. A day's result takes its name when its bytes are on the disk,
under what judged it: after a kill -9 only what is missing is judged.
"""

import functools
import hashlib
import math
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from airnet import durable
from airnet.decide.policy import Policy
from airnet.domain.decision import PASSIVE, Decision
from airnet.domain.verdict import Verdict
from airnet.domain.window import WINDOW_SESSION
from airnet.errors import UnsupportedError, UsageError
from airnet.score.onnx import OnnxScorer
from airnet.twin import interval, tally
from airnet.twin.again import rejudge
from airnet.twin.closed import policy_digest
from airnet.twin.kept import Episode
from airnet.twin.larder import Larder, Part
from airnet.twin.loop import shipped_scorer
from airnet.twin.meter import LINES
from airnet.twin.outcome import Wrong
from airnet.twin.plain import alarms
from airnet.twin.plays import Progress
from airnet.twin.pool import Executor, fill
from airnet.twin.sweep import Regime, regime_of

#: What judges, beside the policy and the models: any change of it judges anew.
_CODE = ("score", "decide", "domain", "_ext", "crowd.py", "twin")


class Wronged(msgspec.Struct, frozen=True, kw_only=True):
    """One containment of somebody innocent, as far as it takes to look into it."""

    rule: str
    target: tuple[str, ...]
    t_ns: int
    wrong: Wrong
    measured: int
    limit: int


class EpisodeJudged(msgspec.Struct, frozen=True, kw_only=True):
    """What is made of one kept episode.

    `plain` is by one-line detector: sessions it wrongly alarms of, and whether it
    alarms of a guilty one.
    """

    day: int
    episode: int
    scenario: str
    severity: str
    regime: str
    seed: int
    domain: str
    difficulty: float
    weight: float
    episode_s: float
    windows: int
    session_s: float
    decisions: int
    has_incident: bool
    is_contained: bool
    wrong: tuple[Wronged, ...]
    plain: dict[str, tuple[int, bool]]

    @property
    def false_containments(self) -> int:
        """How many there were."""
        return len(self.wrong)


class Plain(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector of one line does to the same days; airnet's own is among them."""

    name: str
    false_episodes: int
    false_max: float
    incidents: int
    caught: int


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `airnet twin rejudge` says of its days.

    Bounds are one-sided at `level`, exact (Clopper and Pearson): of episodes, and of
    days, with at least one false containment. `total.per_day_max` weighs what stands
    for more.
    """

    days: int
    episodes: int
    windows: int
    session_hours: float
    simulated_hours: float
    level: float
    false_episodes: int
    false_episodes_max: float
    bad_days: int
    bad_days_max: float
    regimes: tuple[Regime, ...]
    total: Regime
    detectors: tuple[Plain, ...]
    wrong: tuple[EpisodeJudged, ...]
    policy: str
    judged_by: str


def judged_by(policy: Policy, scorer: OnnxScorer) -> str:
    """Return a digest of everything that judges: policy, models and code."""
    total = hashlib.sha256(policy_digest(policy).encode())
    total.update(msgspec.json.encode(scorer.provenance(), order="sorted"))
    root = Path(str(files("airnet")))
    for name in _CODE:
        place = root / name
        found = [place] if place.is_file() else place.rglob("*")
        for path in sorted(found):
            if path.suffix in (".py", ".so"):
                total.update(path.relative_to(root).as_posix().encode())
                total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def judge_day(directory: Path, policy: Policy, day: int) -> list[EpisodeJudged]:
    """Judge a kept day; run by workers.

    Raises:
        UsageError: it is not there, damaged, or of other columns.
    """
    scorer = shipped_scorer()
    assert isinstance(scorer, OnnxScorer), "the shipped models are ONNX"
    return [
        judged(day, part, episode, rejudge(episode, policy, scorer))
        for part, episode in Larder(directory).episodes(day)
    ]


def judged(
    day: int,
    part: Part,
    episode: Episode,
    said: Sequence[tuple[Verdict | None, Decision]],
) -> EpisodeJudged:
    """Return what it comes to that this was decided."""
    heading, seen = episode.heading, episode.seen
    bystanders = frozenset(heading.bystanders)
    acted = [one for _, one in said if one.action not in PASSIVE]
    reasons = [tally.judged(one, heading.labels, bystanders)[1] for one in acted]
    is_session = seen.windows["kind"] == WINDOW_SESSION
    spans = seen.windows[is_session]
    return EpisodeJudged(
        day=day,
        episode=part.number,
        scenario=heading.scenario,
        severity=heading.severity,
        regime=part.regime,
        seed=heading.seed,
        domain=heading.domain,
        difficulty=heading.difficulty,
        weight=part.weight,
        episode_s=heading.episode_s,
        windows=len(seen.windows),
        session_s=float((spans["close_ns"] - spans["open_ns"]).sum()) / 1e9,
        decisions=len(said),
        has_incident=any(map(tally.may_be_contained, heading.labels)),
        is_contained=Wrong.NO in reasons,
        wrong=tuple(
            _false(one, wrong)
            for one, wrong in zip(acted, reasons, strict=True)
            if wrong is not Wrong.NO
        ),
        plain=alarms(episode),
    )


def _false(decision: Decision, wrong: Wrong) -> Wronged:
    return Wronged(
        rule=decision.rule,
        target=decision.target,
        t_ns=decision.t_ns,
        wrong=wrong,
        measured=decision.measured,
        limit=decision.limit,
    )


class Results:
    """What came of each day, under what judged it: judged/DIGEST/D.json."""

    def __init__(self, directory: Path, by: str) -> None:
        self._place = directory / "judged" / by[:16]

    def finished(self) -> set[int]:
        """Return the days that are judged."""
        return {int(path.stem) for path in self._place.glob("[0-9]*.json")}

    def put(self, day: int, rows: Sequence[EpisodeJudged]) -> None:
        """Write a day's.

        Raises:
            UnsupportedError: there is no room for it.
        """
        try:
            self._place.mkdir(parents=True, exist_ok=True)
            durable.put(self._path(day), msgspec.json.encode(rows))
        except OSError as error:
            raise UnsupportedError(
                f"{self._place}: cannot be written: {error.strerror}",
                "make room; what is finished is kept, run again for the rest",
            ) from error

    def rows(self, days: Iterable[int]) -> list[EpisodeJudged]:
        """Return the rows of days, in their order."""
        found: list[EpisodeJudged] = []
        for day in days:
            raw = self._path(day).read_bytes()
            found += msgspec.json.decode(raw, type=list[EpisodeJudged])
        return found

    def _path(self, day: int) -> Path:
        return self._place / f"{day:06d}.json"


def run(
    directory: Path,
    policy: Policy,
    executor: Executor,
    progress: Progress | None = None,
) -> Bound:
    """Judge the kept days that are not judged yet, and return what all of them say.

    Raises:
        UsageError: there are no kept days, or some cannot be read.
        UnsupportedError: there is no room for the results.
    """
    days = Larder(directory).finished()
    if not days:
        raise UsageError(f"{directory}: no kept days", "airnet twin keep --days N")
    scorer = shipped_scorer()
    assert isinstance(scorer, OnnxScorer), "the shipped models are ONNX"
    by = judged_by(policy, scorer)
    results = Results(directory, by)
    judge = functools.partial(judge_day, directory, policy)
    there = results.finished()
    problems = fill(executor, judge, days, there, results.put, progress)
    if problems:
        raise UsageError(
            f"{len(problems)} of {len(days)} days were not judged: {min(problems)}",
            "keep those again, or take them out of days/",
        )
    return bound(results.rows(days), len(days), policy_digest(policy), by)


def bound(rows: Sequence[EpisodeJudged], days: int, policy: str, by: str) -> Bound:
    """Return what judged days say."""
    false = [row for row in rows if row.wrong]
    bad = {row.day for row in false}
    names = sorted({row.regime for row in rows})
    return Bound(
        days=days,
        episodes=len(rows),
        windows=sum(row.windows for row in rows),
        session_hours=math.fsum(row.session_s for row in rows) / 3600,
        simulated_hours=math.fsum(row.episode_s for row in rows) / 3600,
        level=interval.LEVEL,
        false_episodes=len(false),
        false_episodes_max=interval.share_max(len(false), len(rows)),
        bad_days=len(bad),
        bad_days_max=interval.share_max(len(bad), days),
        regimes=tuple(
            regime_of(name, [row for row in rows if row.regime == name], days)
            for name in names
        ),
        total=regime_of("all", rows, days),
        detectors=tuple(_detectors(rows)),
        wrong=tuple(false),
        policy=policy,
        judged_by=by,
    )


def _detectors(rows: Sequence[EpisodeJudged]) -> Iterable[Plain]:
    """Yield airnet, then each one-line detector, over the same episodes."""
    incidents = [row for row in rows if row.has_incident]
    shown = [
        (
            "airnet",
            [bool(row.wrong) for row in rows],
            [r.is_contained for r in incidents],
        )
    ]
    shown += [
        (
            name,
            [row.plain[name][0] > 0 for row in rows],
            [row.plain[name][1] for row in incidents],
        )
        for name in LINES
    ]
    for name, wrong, right in shown:
        yield Plain(
            name=name,
            false_episodes=sum(wrong),
            false_max=interval.share_max(sum(wrong), len(rows)),
            incidents=len(incidents),
            caught=sum(right),
        )
