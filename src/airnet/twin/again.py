"""Again: kept windows judged as the pipeline judges them, byte for byte.

Score is pure at any batch size, so that it takes all windows between two changes of a
name at once. What follows it has an order: drift of some windows that closed together,
their Verdicts, then who was looked at. That order is kept, batch by batch.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from airnet._ext import rows as row_kernel
from airnet.crowd import Crowd
from airnet.decide import Judge
from airnet.decide.findings import runs
from airnet.decide.heeds import heeds_of
from airnet.decide.policy import Policy
from airnet.domain.columns import SCHEMAS
from airnet.domain.decision import Decision
from airnet.domain.drift import Drift
from airnet.domain.session import SESSION, Look
from airnet.domain.verdict import Verdict
from airnet.domain.window import WINDOW_SESSION
from airnet.score.drift import Drifts
from airnet.score.drift_habits import Habits
from airnet.score.looks import LOOK_NS, Looks
from airnet.score.onnx import OnnxScorer
from airnet.twin.kept import Episode
from airnet.twin.watch import Seen

COLUMNS = {
    kind: {name: column for column, name in enumerate(schema.names)}
    for kind, schema in SCHEMAS.items()
}
Said = tuple[Verdict | None, Decision]
Item = TypeVar("Item")
#: In place of a subject, whoever it is.
ANYBODY = -1


class Heard(NamedTuple):
    """What score says of an episode, each with the number of its batch."""

    drifts: list[tuple[int, Drift]]
    verdicts: list[tuple[int, Verdict]]
    looks: list[tuple[int, Look]]


class Scored:
    """The part of a pipeline that scores, over whole stretches of windows."""

    def __init__(
        self, scorer: OnnxScorer, looking: Sequence[Drifts | Habits], seen: Seen
    ) -> None:
        self._scorer, self._looking = scorer, looking
        self._looks = Looks()
        self._turns = row_kernel.Turns(WINDOW_SESSION, LOOK_NS)
        #: By window, the batch that it closed in.
        self._batch = np.searchsorted(
            seen.batches, np.arange(len(seen.windows)), side="right"
        )

    def of(self, start: int, seen: Seen, sessions: NDArray[np.void]) -> Heard:
        """Return what is said of a stretch of windows that begins at `start`."""
        windows, rows = seen.windows, seen.rows
        numbers = self._batch[start : start + len(windows)]
        drifted = [
            one for each in self._looking for one in each.look(windows, rows, sessions)
        ]
        verdicts = self._scorer.score(windows, rows, sessions)
        asked = [one.t_ns for one in drifted] + [one.close_ns for one in verdicts]
        batch_of = _places(windows, numbers, asked)
        drifts = [
            (batch_of[one.window_kind, _who(one), one.t_ns], one) for one in drifted
        ]
        drifts.sort(key=lambda one: one[0])  # stable: those of a batch as they came
        looks = self._looks.of(windows, rows, sessions, verdicts)
        places = self._turns.choose(windows)
        return Heard(
            drifts=drifts,
            verdicts=[
                (batch_of[one.window_kind, one.subject, one.close_ns], one)
                for one in verdicts
            ],
            looks=[
                (int(numbers[at]), one) for at, one in zip(places, looks, strict=True)
            ],
        )


def rejudge(episode: Episode, policy: Policy, scorer: OnnxScorer) -> list[Said]:
    """Return what is decided about an episode's windows, each with its Verdict.

    As the pipeline does it: the same Decisions, byte for byte, while nothing that was
    decided changed the world.
    """
    site, seen = episode.heading.site, episode.seen
    judge = Judge(policy, site, COLUMNS)
    scorer.heed(heeds_of(policy, site))
    comps = [session.comp_id for firm in site.firms for session in firm.sessions]
    looking: tuple[Drifts | Habits, ...] = (
        *scorer.drifts(comps),
        Habits(runs(policy, site)),
    )
    scored, bench = Scored(scorer, looking, seen), Bench(judge)
    for start, end, sessions in stretches(seen):
        some = slice(start, end)
        part = seen._replace(windows=seen.windows[some], rows=seen.rows[some])
        bench.take(scored.of(start, part, sessions))
    return bench.said


class Bench:
    """The part of a pipeline that decides; what was said so far."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._crowd = Crowd(judge)
        self.said: list[Said] = []

    def take(self, heard: Heard) -> None:
        """Decide on what was heard, batch by batch."""
        drifts, verdicts = _by_batch(heard.drifts), _by_batch(heard.verdicts)
        looks = _by_batch(heard.looks)
        for number in sorted({*drifts, *verdicts, *looks}):
            for drift in drifts.get(number, ()):
                self.said += [(None, one) for one in self._judge.hear(drift)]
            for verdict in verdicts.get(number, ()):
                self._crowd.until(verdict.close_ns)
                self.said += [(verdict, one) for one in self._judge.judge(verdict)]
            self._crowd.add(looks.get(number, ()))


def _places(
    windows: NDArray[np.void], numbers: NDArray[np.intp], asked: Sequence[int]
) -> dict[tuple[int, int, int], int]:
    """Return the batch of each window by kind, subject and end; ANYBODY: the first.

    Of those windows alone that end when it is `asked`: of most, nothing is said.
    """
    if not asked:
        return {}
    those = np.isin(windows["close_ns"], np.array(asked, np.uint64)).nonzero()[0]
    some, batches = windows[those], numbers[those].tolist()
    kinds, subjects = some["kind"].tolist(), some["subject"].tolist()
    ends = some["close_ns"].tolist()
    found = dict(zip(zip(kinds, subjects, ends, strict=True), batches, strict=True))
    for kind, end, number in zip(kinds, ends, batches, strict=True):
        found.setdefault((kind, ANYBODY, end), number)
    return found


def _who(drift: Drift) -> int:
    """Return whose window a drift is of: one of everybody names none."""
    return ANYBODY if drift.session is None else drift.subject


def _by_batch(items: list[tuple[int, Item]]) -> dict[int, list[Item]]:
    found: dict[int, list[Item]] = {}
    for number, item in items:
        found.setdefault(number, []).append(item)
    return found


def stretches(seen: Seen) -> Iterator[tuple[int, int, NDArray[np.void]]]:
    """Yield stretches of windows in which no session's name changes, with the names.

    They end where batches do: sources belong to the gateway window beside them.
    """
    total = len(seen.windows)
    begins = np.concatenate([np.zeros(1, np.uint32), seen.batches])
    cuts = begins[np.searchsorted(begins, seen.since, side="right") - 1].tolist()
    sessions = np.zeros(int(seen.subjects.max(initial=0)) + 1, SESSION)
    turn = 0
    for start, end in pairwise(sorted({0, *cuts, total})):
        while turn < len(cuts) and cuts[turn] <= start:
            sessions[seen.subjects[turn]] = seen.names[turn]
            turn += 1
        yield start, end, sessions
