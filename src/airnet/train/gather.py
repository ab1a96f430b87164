"""Gather: rows with their classes from many episodes, thinned where all look alike."""

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.domain.columns import SESSION_SCHEMA
from airnet.errors import UsageError
from airnet.train import classes, crew, episodes
from airnet.train.seen import Seen
from airnet.twin import catalogue

Rows = NDArray[np.float32]
#: At most so many windows of an episode: calm ones, other ordinary ones, the rest.
CALM_MOST, PLAIN_MOST, EACH_MOST = 60, 150, 200
#: Windows of one subject closer than this share what they look back at.
APART_NS = 1_000_000_000
_RATIO = SESSION_SCHEMA.index("ratio_fast")

Maker = Callable[[], Seen]


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How much is generated: episodes a family of the catalogue, and of the others.

    `families`, when not 0, is how many of the catalogue's are taken, evenly spread.
    """

    catalogue: int = 2
    classic: int = 25
    plain: int = 550
    quiet: int = 240
    families: int = 0

    def scaled(self, share: float) -> "Budget":
        """Return a part of it, at least one of each."""
        parts = {
            name: max(1, round(value * share))
            for name, value in msgspec.structs.asdict(self).items()
        }
        return Budget(**{**parts, "families": self.families})

    def names(self) -> tuple[str, ...]:
        """Return the families of the catalogue that are taken."""
        every = catalogue.names()
        if not self.families:
            return every
        return every[:: max(1, len(every) // self.families)][: self.families]


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Which worlds a part of the work is drawn from; parts share no seed.

    `first` is where seeds begin. With `is_held_out`, held-out mechanisms come too, and
    in plain markets nothing else.
    """

    domain: str
    first: int
    is_held_out: bool = False


TRAIN = Share(domain="train", first=1_000_000)
TUNE = Share(domain="tune", first=2_000_000)
REPORT = Share(domain="report", first=3_000_000, is_held_out=True)


class Lot:
    """Rows of one model's windows; `names` has domains and families, each once."""

    def __init__(self) -> None:
        self._rows: list[Rows] = []
        self._labels: list[NDArray[np.int64]] = []
        self.names: dict[tuple[str, str, bool], int] = {}

    def add(self, one: "Found") -> None:
        """Append rows of an episode."""
        self.names.setdefault(one.origin, len(self.names))
        self._rows.append(one.rows)
        self._labels.append(one.labels)

    @property
    def rows(self) -> Rows:
        """Return float32[n, 64]."""
        return np.concatenate([np.zeros((0, 64), np.float32), *self._rows])

    @property
    def labels(self) -> NDArray[np.int64]:
        """Return the class of each row."""
        return np.concatenate([np.zeros(0, np.int64), *self._labels])


def makers(share: Share, budget: Budget) -> Iterator[tuple[int, Maker]]:
    """Return (seed, maker) of every episode of a share, in a fixed order."""
    seed = share.first
    for name in budget.names():
        if catalogue.scenario(name).spec.is_held_out and not share.is_held_out:
            continue
        for _ in range(budget.catalogue):
            seed += 1
            yield seed, _catalogue(name, seed, share.domain)
    for index in range(budget.classic):
        seed += 1
        yield seed, _classic(episodes.CLASSIC[index % len(episodes.CLASSIC)], seed)
    for _ in range(budget.plain):
        seed += 1
        yield seed, _plain(seed, is_held_out=share.is_held_out)


def benign_makers(share: Share, budget: Budget) -> Iterator[tuple[int, Maker]]:
    """Return (seed, maker) of episodes in which nobody does anything wrong."""
    seed = share.first + 500_000
    names = [
        name
        for name in catalogue.names()
        if catalogue.scenario(name).spec.cause.value in ("normal", "volatility")
        and (share.is_held_out or not catalogue.scenario(name).spec.is_held_out)
    ]
    for index in range(budget.quiet):
        seed += 1
        if index % 3 == 2:
            yield seed, _plain(seed, is_held_out=False, is_benign=True)
        else:
            yield seed, _catalogue(names[index % len(names)], seed, share.domain)


def _catalogue(name: str, seed: int, domain: str) -> Maker:
    return lambda: episodes.of_catalogue(name, seed, domain, with_site=seed % 2 == 0)


def _classic(name: str, seed: int) -> Maker:
    return lambda: episodes.of_classic(name, seed, with_site=seed % 2 == 0)


def _plain(seed: int, *, is_held_out: bool, is_benign: bool = False) -> Maker:
    return lambda: episodes.of_plain(seed, is_held_out=is_held_out, is_benign=is_benign)


def made(maker: Maker) -> Seen | None:
    """Return an episode; None where its world was built too small."""
    try:
        return maker()
    except UsageError:
        return None


class Scene:
    """One model's windows of one whole episode, for judging it as it came."""

    def __init__(
        self, seen: Seen, places: NDArray[np.intp], labels: NDArray[np.int64]
    ) -> None:
        self.family, self.is_held_out = seen.family, seen.is_held_out
        self.happenings = seen.happenings
        self.rows, self.labels = seen.rows[places], labels
        self.ends = classes.ends_of(seen)[places]
        self.kinds = seen.windows["kind"][places]
        self.subjects = seen.windows["subject"][places]


Scenes = tuple[list[Scene], list[Scene]]


class Found(NamedTuple):
    """What one model takes of one episode: rows thinned, and perhaps all of it."""

    origin: tuple[str, str, bool]
    rows: Rows
    labels: NDArray[np.int64]
    scene: Scene | None


def found(seed: int, maker: Maker, *, with_scenes: bool) -> tuple[Found, Found] | None:
    """Return what both models take of an episode; None when it could not be made."""
    seen = made(maker)
    if seen is None:
        return None
    rng = np.random.Generator(np.random.PCG64([seed, 3]))
    out = []
    for name, (places, labels) in (
        ("session", classes.of_sessions(seen)),
        ("flood", classes.of_floods(seen)),
    ):
        rows = seen.rows[places]
        ratio = rows[:, _RATIO] if name == "session" else np.zeros(len(rows))
        kept = thinned(rng, labels, calm=ratio < classes.CALM)
        scene = Scene(seen, places, labels) if with_scenes else None
        origin = seen.domain, seen.family, seen.is_held_out
        out.append(Found(origin, rows[kept], labels[kept], scene))
    return out[0], out[1]


def gathered(
    share: Share, budget: Budget, scenes: Scenes | None = None, jobs: int = 1
) -> tuple[Lot, Lot]:
    """Return the session windows and the gateway and source windows of a share.

    `scenes`, when given, are appended whole episodes, by model.
    """
    lots = Lot(), Lot()
    work = [
        functools.partial(found, seed, maker, with_scenes=scenes is not None)
        for seed, maker in makers(share, budget)
    ]
    for pair in crew.made(work, jobs):
        for place, one in enumerate(pair or ()):
            lots[place].add(one)
            if scenes is not None and one.scene is not None:
                scenes[place].append(one.scene)
    return lots


def thinned(
    rng: np.random.Generator, labels: NDArray[np.int64], *, calm: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Return which windows of an episode are kept: enough of each sort."""
    sorts = np.where(labels > 0, labels, np.where(calm, -2, 0))
    sorts[labels < 0] = -1
    kept = []
    for sort in np.unique(sorts[sorts != -1]).tolist():
        chosen = np.flatnonzero(sorts == sort)
        most = {-2: CALM_MOST, 0: PLAIN_MOST}.get(sort, EACH_MOST)
        if len(chosen) > most:
            chosen = rng.choice(chosen, most, replace=False)
        kept.append(chosen)
    return np.sort(np.concatenate([np.zeros(0, np.intp), *kept]))


class Days(NamedTuple):
    """Rows of benign windows, far apart, and the number of each one's day."""

    rows: Rows
    numbers: NDArray[np.int64]

    def beside(self, other: "Days") -> "Days":
        """Return both, no day of the one being one of the other."""
        first = int(self.numbers.max(initial=-1)) + 1
        return Days(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.numbers, other.numbers + first]),
        )


def benign(share: Share, budget: Budget, jobs: int = 1) -> tuple[Days, Days]:
    """Return session rows, gateway and source rows of benign days, far apart.

    Calibration needs windows that do not share what they look back at.
    """
    work = [
        functools.partial(sparse, maker) for _, maker in benign_makers(share, budget)
    ]
    parts = list(crew.made(work, jobs))
    return _days([part[0] for part in parts]), _days([part[1] for part in parts])


def _days(parts: list[Rows]) -> Days:
    """Return the rows of days, one after the other."""
    blank = np.zeros((0, 64), np.float32)
    sizes = [len(part) for part in parts]
    return Days(np.concatenate([blank, *parts]), np.arange(len(parts)).repeat(sizes))


def sparse(maker: Maker) -> tuple[Rows, Rows]:
    """Return the rows of one benign episode, far apart."""
    seen = made(maker)
    out = []
    for label in (classes.of_sessions, classes.of_floods):
        if seen is None:
            out.append(np.zeros((0, 64), np.float32))
            continue
        places, labels = label(seen)
        ready = places[labels >= 0]
        out.append(seen.rows[ready[apart(seen.windows[ready])]])
    return out[0], out[1]


def apart(windows: NDArray[np.void]) -> NDArray[np.intp]:
    """Return the first window of each subject in each APART_NS."""
    slots = windows["open_ns"].astype(np.int64) // APART_NS
    key = np.zeros(
        len(windows), [("a", "V16"), ("s", "<u4"), ("k", "u1"), ("t", "<i8")]
    )
    key["a"] = np.ascontiguousarray(windows["address"]).view("V16").reshape(-1)
    key["s"], key["k"], key["t"] = windows["subject"], windows["kind"], slots
    _, first = np.unique(key.view(f"V{key.dtype.itemsize}"), return_index=True)
    return np.sort(first)
