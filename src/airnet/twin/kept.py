"""Kept: the windows of an episode, to be judged again under other rules and policies.

What a session's windows show does not depend on what is made of them, as long as
nothing is contained. So an episode is played once, unjudged, and its rows are kept;
score and decide then take seconds for what takes the world an hour. Kept are all
windows that could matter: of sessions, those of which the shipped models say anything
or that are beyond WIDE in any feature. A rule that could fire beside them is refused.
"""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet import durable
from airnet._ext import rows as row_kernel
from airnet.config import Site
from airnet.decide import Judge
from airnet.decide.policy import Policy
from airnet.domain.columns import SCHEMAS, SESSION_SCHEMA
from airnet.domain.decision import Decision
from airnet.domain.drift import Drift
from airnet.domain.session import SESSION
from airnet.domain.verdict import Verdict
from airnet.domain.window import WINDOW, WINDOW_SESSION
from airnet.errors import UsageError
from airnet.score.drift import Drifts
from airnet.score.onnx import OnnxScorer
from airnet.score.rule import Rule
from airnet.score.rules import RULES
from airnet.twin.closed import Loop, Terms
from airnet.twin.scenario import Label
from airnet.twin.staging import stage_of

#: Features of sessions and from where on a window is kept, in their own units; a rule
#: must ask for as much of one of them at least.
WIDE = {
    "duplicates": 1,
    "identical_rate": 200,
    "loop_share": 400,
    "rejects": 4,
    "relative_fast": 3_000,
    "relative_1s": 2_500,
    "ratio_1s": 5_000,
    "side_run": 24,
    "replace_run": 8,
    "retries": 3,
    "resend_rate": 5,
}
#: Below this nothing is kept whatever else it shows but what is a count: tenths a
#: second of order messages, recent ones or over a second.
QUIET = 100
_COUNTS = ("duplicates", "rejects", "replace_run", "retries", "resend_rate")
_PLACES = {name: place for place, name in enumerate(SESSION_SCHEMA.names)}
COLUMNS = {
    kind: {name: column for column, name in enumerate(schema.names)}
    for kind, schema in SCHEMAS.items()
}

Rows = NDArray[np.float32]


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """What an episode is, beside its rows.

    `drifts` are what decide heard between windows, each with how many windows came
    before it. `provenance` names the models that chose.
    """

    scenario: str
    seed: int
    domain: str
    site: Site
    provenance: dict[str, str]
    labels: tuple[Label, ...] = ()
    bystanders: tuple[str, ...] = ()
    drifts: tuple[tuple[int, Drift], ...] = ()


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """An episode's windows, in order, with who they are about.

    `names` are rows of the SESSION table: the i-th is of `subjects[i]` from the window
    `since[i]` on.
    """

    heading: Heading
    windows: NDArray[np.void]
    rows: Rows
    names: NDArray[np.void]
    subjects: NDArray[np.int64]
    since: NDArray[np.int64]


class Keeper:
    """A Scorer that keeps windows and says nothing of them."""

    def __init__(self, scorer: OnnxScorer) -> None:
        self._scorer = scorer
        self._windows: list[NDArray[np.void]] = []
        self._rows: list[Rows] = []
        self._known: dict[int, bytes] = {}
        self._names: list[tuple[int, int, NDArray[np.void]]] = []
        self.count = 0
        self._drifted: list[tuple[int, Drift]] = []

    def score(
        self,
        windows: NDArray[np.void],
        features: Rows,
        sessions: NDArray[np.void],
    ) -> list[Verdict]:
        """Keep what could matter of WINDOW[k] with float32[k, 64] features."""
        spoken = self._scorer.score(windows, features, sessions)
        places = chosen(windows, features, spoken)
        if not len(places):
            return []
        kept = windows[places]
        for at, place in enumerate(places.tolist()):
            if windows[place]["kind"] == WINDOW_SESSION:
                self._name(self.count + at, int(windows[place]["subject"]), sessions)
        self._windows.append(kept)
        self._rows.append(features[places])
        self.count += len(places)
        return []

    def _name(self, at: int, subject: int, sessions: NDArray[np.void]) -> None:
        named = bytes(row_kernel.identity(sessions, subject))
        if self._known.get(subject) != named:
            self._known[subject] = named
            self._names.append((at, subject, sessions[subject : subject + 1].copy()))

    def counters(self) -> dict[str, int]:
        """Return what the scorer that chooses counted."""
        return self._scorer.counters()

    def provenance(self) -> dict[str, str]:
        """Return what the scorer that chooses is made of."""
        return self._scorer.provenance()

    def drifts(self, comps: Iterable[str]) -> "tuple[Drifts, ...]":
        """Return what looks for drift, and has it noted."""
        found = self._scorer.drifts(comps)
        return cast("tuple[Drifts, ...]", tuple(Noted(one, self) for one in found))

    def note(self, drift: Drift) -> None:
        """Keep a drift, after the windows so far."""
        self._drifted.append((self.count, drift))

    def episode(self, heading: Heading) -> Episode:
        """Return everything that was kept."""
        heading = msgspec.structs.replace(heading, drifts=tuple(self._drifted))
        none = np.zeros((0, 64), np.float32)
        return Episode(
            heading=heading,
            windows=np.concatenate([np.zeros(0, WINDOW), *self._windows]),
            rows=np.concatenate([none, *self._rows]),
            names=np.concatenate(
                [np.zeros(0, SESSION), *(row for *_, row in self._names)]
            ),
            subjects=np.array([subject for _, subject, _ in self._names], np.int64),
            since=np.array([at for at, *_ in self._names], np.int64),
        )


class Noted:
    """Drifts whose findings a Keeper keeps as well."""

    def __init__(self, drifts: Drifts, keeper: Keeper) -> None:
        self._drifts, self._keeper = drifts, keeper

    def look(
        self, windows: NDArray[np.void], features: Rows, sessions: NDArray[np.void]
    ) -> list[Drift]:
        """Return what drift shows, as Drifts does."""
        found = self._drifts.look(windows, features, sessions)
        for drift in found:
            self._keeper.note(drift)
        return found


def chosen(
    windows: NDArray[np.void], features: Rows, spoken: Sequence[Verdict]
) -> NDArray[np.intp]:
    """Return the places of windows to keep."""
    is_kept = windows["kind"] != WINDOW_SESSION
    with np.errstate(invalid="ignore"):
        is_busy = features[:, _PLACES["rate_fast"]] >= QUIET
        is_busy |= features[:, _PLACES["rate_1s"]] >= QUIET
        for name, least in WIDE.items():
            is_wide = features[:, _PLACES[name]] >= least
            is_kept |= is_wide if name in _COUNTS else is_wide & is_busy
    heard = {
        (verdict.subject, verdict.close_ns)
        for verdict in spoken
        if verdict.window_kind == WINDOW_SESSION
    }
    if heard:
        for place in np.flatnonzero(~is_kept).tolist():
            window = windows[place]
            is_kept[place] = (int(window["subject"]), int(window["close_ns"])) in heard
    return np.flatnonzero(is_kept)


def uncovered(rules: Sequence[Rule]) -> list[str]:
    """Return the rules of sessions that could fire on a window that is not kept."""
    return [rule.name for rule in rules if not _is_covered(rule)]


def _is_covered(rule: Rule) -> bool:
    asked = {rule.feature: rule.limit * rule.divisor + 1}
    for name, least, _ in rule.needs:
        asked[name] = max(asked.get(name, 0), least)
    is_busy = max(asked.get(name, 0) for name in ("rate_fast", "rate_1s")) >= QUIET
    return any(
        asked.get(name, -1) >= least and (is_busy or name in _COUNTS or _busies(asked))
        for name, least in WIDE.items()
    )


def _busies(asked: dict[str, int]) -> bool:
    """Return whether what is asked for implies a rate that is not quiet."""
    if asked.get("identical_rate", 0) >= QUIET:
        return True
    if asked.get("rate_new_fast", 0) >= QUIET:
        return True
    # Sixteen gaps at that rate or more lie within the last second, or nearly so; a
    # ratio has a prior of ten messages a second below it.
    return asked.get("rate_16", 0) >= 2 * QUIET or asked.get("relative_fast", 0) > 2_000


def keep(scenario: str, seed: int, domain: str, scorer: OnnxScorer) -> Episode:
    """Play an episode unjudged, and return what it showed."""
    stage = stage_of(scenario, seed, None, domain=domain)
    keeper = Keeper(scorer)
    Loop(stage, Policy(), keeper, "open", Terms(is_rooted=False)).run()
    heading = Heading(
        scenario=scenario,
        seed=seed,
        domain=domain,
        site=stage.site,
        provenance=scorer.provenance(),
        labels=stage.labels,
        bystanders=tuple(sorted(stage.bystanders)),
    )
    return keeper.episode(heading)


def write(path: Path, episode: Episode) -> None:
    """Write an episode, whole or not at all."""
    sink = io.BytesIO()
    head = np.frombuffer(msgspec.json.encode(episode.heading), np.uint8)
    np.savez_compressed(
        sink,
        heading=head,
        windows=episode.windows.view(np.uint8),
        rows=episode.rows,
        names=episode.names.view(np.uint8),
        subjects=episode.subjects,
        since=episode.since,
    )
    durable.put(path, sink.getvalue())


def read(path: Path) -> Episode:
    """Return an episode that `write` wrote.

    Raises:
        UsageError: the file is something else.
    """
    try:
        with np.load(path, allow_pickle=False) as kept:
            heading = msgspec.json.decode(kept["heading"].tobytes(), type=Heading)
            return Episode(
                heading=heading,
                windows=kept["windows"].view(WINDOW),
                rows=kept["rows"],
                names=kept["names"].view(SESSION),
                subjects=kept["subjects"],
                since=kept["since"],
            )
    except (OSError, ValueError, KeyError, msgspec.DecodeError) as error:
        raise UsageError(
            f"{path}: no kept episode: {error}", "keep the days again"
        ) from error


def rejudge(
    episode: Episode, policy: Policy, scorer: OnnxScorer
) -> list[tuple[Verdict | None, Decision]]:
    """Return what is decided about an episode's windows, each with its Verdict.

    As the pipeline does it: the same Decisions, byte for byte, while nothing that was
    decided changed the world.

    Raises:
        UsageError: a rule could fire on windows that were not kept.
    """
    missing = uncovered(RULES[WINDOW_SESSION])
    if missing:
        raise UsageError(
            f"{', '.join(missing)}: may fire on windows that were not kept",
            "keep more (airnet.twin.kept.WIDE) and play the days again",
        )
    judge = Judge(policy, episode.heading.site, COLUMNS)
    found: list[tuple[Verdict | None, Decision]] = []
    most = int(episode.subjects.max(initial=0)) + 1
    sessions = np.zeros(most, SESSION)
    drifts = list(episode.heading.drifts)
    cuts = {*episode.since.tolist(), *(at for at, _ in drifts)}
    edges = sorted(cuts | {0, len(episode.windows)})
    names = list(zip(episode.since.tolist(), episode.subjects.tolist(), strict=True))
    turn = 0
    for start, end in zip(edges, [*edges[1:], edges[-1]], strict=True):
        while turn < len(names) and names[turn][0] <= start:
            sessions[names[turn][1]] = episode.names[turn]
            turn += 1
        while drifts and drifts[0][0] <= start:
            found += [(None, one) for one in judge.doubts.hear(drifts.pop(0)[1])]
        if end > start:
            some = slice(start, end)
            for verdict in scorer.score(
                episode.windows[some], episode.rows[some], sessions
            ):
                found += [(verdict, one) for one in judge.judge(verdict)]
    return found
