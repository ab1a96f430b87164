"""Kept: every window of an episode as bytes, to be judged again under other rules.

What windows show does not depend on what is made of them, as long as nothing is
contained: an episode is played once, unjudged, and score and decide then take
hundredths of a second for what takes the world ten times as long. All windows are kept,
whatever was thought of them: a rule nobody has thought of yet sees what it would have.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.config import Site
from airnet.domain.columns import SCHEMAS
from airnet.domain.columns_gone import BEFORE
from airnet.domain.session import SESSION
from airnet.domain.window import WINDOW, WINDOW_ORDER
from airnet.errors import UsageError
from airnet.extras import extra
from airnet.twin.scenario import Label
from airnet.twin.staging import stage_of
from airnet.twin.watch import Seen, watched

#: Kinds of windows that days of before have none of.
LATER = frozenset({WINDOW_ORDER})
#: What compresses; level 1 takes a third of the time of 3 for a twentieth more bytes.
CODEC, LEVEL = "zstd", 1
#: Rows that are taken apart at once.
NEAR = 256


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """What an episode is, beside its windows.

    `schemas` are the digests of what the rows mean, by window kind.
    """

    scenario: str
    seed: int
    domain: str
    severity: str
    difficulty: float
    episode_s: float
    site: Site
    schemas: dict[int, str]
    labels: tuple[Label, ...] = ()
    bystanders: tuple[str, ...] = ()


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """An episode that was watched."""

    heading: Heading
    seen: Seen


class Blob(msgspec.Struct, frozen=True):
    """An array as bytes: compressed, and how many bytes it was."""

    size: int
    data: bytes


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An Episode on the disk."""

    heading: Heading
    count: int
    parts: dict[str, Blob]


def keep(
    scenario: str,
    seed: int,
    domain: str,
    difficulty: float | None = None,
    **size: float,
) -> Episode:
    """Play an episode unjudged, and return what it showed; `size` as for `stage_of`.

    Raises:
        UsageError: there is no such scenario or domain.
        UnsupportedError: the world was built too small.
    """
    stage = stage_of(scenario, seed, difficulty, domain=domain, **size)
    start_ns, end_ns = stage.span_ns
    heading = Heading(
        scenario=scenario,
        seed=seed,
        domain=domain,
        severity=stage.severity,
        difficulty=stage.difficulty,
        episode_s=(end_ns - start_ns) / 1e9,
        site=stage.site,
        schemas=schemas(),
        labels=stage.labels,
        bystanders=tuple(sorted(stage.bystanders)),
    )
    return Episode(heading=heading, seen=watched(stage))


def schemas() -> dict[int, str]:
    """Return the digests of the windows' schemas as they are now."""
    return {kind: schema.digest() for kind, schema in SCHEMAS.items()}


def packed(episode: Episode) -> Record:
    """Return an episode as it is kept: windows of one subject lie together."""
    seen = episode.seen
    order = np.lexsort((seen.windows["subject"], seen.windows["kind"]))
    arrays: dict[str, NDArray[Any]] = {
        "order": order.astype(np.uint32),
        "windows": _planes(seen.windows[order]),
        "rows": _planes(seen.rows[order]),
        "batches": np.diff(seen.batches, prepend=0).astype(np.uint32),
        "names": seen.names,
        "subjects": seen.subjects,
        "since": seen.since,
    }
    codec = _codec()
    return Record(
        heading=episode.heading,
        count=len(seen.windows),
        parts={
            name: Blob(array.nbytes, codec.compress(array.tobytes(), asbytes=True))
            for name, array in arrays.items()
        },
    )


def unpacked(record: Record) -> Episode:
    """Return the episode of a record.

    Raises:
        UsageError: its windows are of other columns than today's, or it is damaged.
    """
    unseen = _unseen(record.heading.schemas)
    if unseen is None:
        raise UsageError(
            f"{record.heading.scenario}, seed {record.heading.seed}: its windows have "
            "other columns than this version's",
            "keep the days again",
        )
    codec = _codec()
    try:
        raw = {
            name: codec.decompress(blob.data, blob.size, asbytes=True)
            for name, blob in record.parts.items()
        }
        order = np.frombuffer(raw["order"], np.uint32)
        windows = np.zeros(record.count, WINDOW)
        rows = np.zeros((record.count, 64), np.float32)
        windows[order] = _whole(raw["windows"], record.count).view(WINDOW)[:, 0]
        rows[order] = _whole(raw["rows"], record.count).view(np.float32)
        for kind, places in unseen.items():
            rows[np.ix_(windows["kind"] == kind, places)] = np.nan
        seen = Seen(
            windows=windows,
            rows=rows,
            batches=np.cumsum(
                np.frombuffer(raw["batches"], np.uint32), dtype=np.uint32
            ),
            names=np.frombuffer(raw["names"], SESSION),
            subjects=np.frombuffer(raw["subjects"], np.uint32),
            since=np.frombuffer(raw["since"], np.uint32),
        )
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise UsageError(
            f"{record.heading.scenario}, seed {record.heading.seed}: damaged: {error}",
            "keep the days again",
        ) from error
    return Episode(heading=record.heading, seen=seen)


def _unseen(kept: dict[int, str]) -> dict[int, list[int]] | None:
    """Return which columns windows had not when they were kept, by kind.

    Those came since, or stand where others stood. None where the others are not what
    they were.
    """
    if not SCHEMAS.keys() - LATER <= kept.keys() <= SCHEMAS.keys():
        return None
    unseen = {}
    for kind, digest in kept.items():
        places = unseen_of(kind, digest)
        if places is None:
            return None
        if places:
            unseen[kind] = places
    return unseen


def unseen_of(kind: int, digest: str) -> list[int] | None:
    """Return which of a kind's columns a schema of before had not, with this digest.

    None where it was another schema.
    """
    now = SCHEMAS[kind]
    for schema in (now, BEFORE.get(kind, now)):
        count = schema.grown_from(digest)
        if count is not None:
            names = {one.name for one in schema.features[:count]}
            return [at for at, one in enumerate(now.names) if one not in names]
    return None


def _planes(rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Return rows byte by byte, the first of all rows first: like lies by like."""
    flat = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)
    made = np.empty(flat.shape[::-1], np.uint8)
    for start in range(0, len(rows), NEAR):  # as many as stay in the cache
        made[:, start : start + NEAR] = flat[start : start + NEAR].T
    return made


def _whole(raw: bytes, count: int) -> NDArray[np.uint8]:
    """Return the rows that `_planes` took apart."""
    planes = np.frombuffer(raw, np.uint8).reshape(-1, count)
    return np.ascontiguousarray(planes.T)


def _codec() -> Any:
    return extra("pyarrow", "twin").Codec(CODEC, compression_level=LEVEL)
