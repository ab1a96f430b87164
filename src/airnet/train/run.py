"""Run: the whole training, from a seed to folders, and how long each part took."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from airnet.domain.columns import FLOOD_SCHEMA, SESSION_SCHEMA
from airnet.domain.verdict import Cause
from airnet.domain.window import FeatureSchema
from airnet.score import seal
from airnet.score.model import FILE as MODEL_FILE
from airnet.score.second import FILE as SECOND_FILE
from airnet.train import classes, gather, make, report
from airnet.train.gather import REPORT, TRAIN, TUNE, Budget, Lot
from airnet.train.make import Data, Maker

SEED = 20261121
#: Raised when what is learned changes; the schema has a version of its own.
VERSION = 4
KINDS: dict[str, tuple[FeatureSchema, tuple[Cause, ...]]] = {
    "session": (SESSION_SCHEMA, classes.SESSION_CLASSES),
    "flood": (FLOOD_SCHEMA, classes.FLOOD_CLASSES),
}
#: Of the budget, what is tuned on and reported on.
TUNE_SHARE, REPORT_SHARE = 0.3, 0.35

Say = Callable[[str], None]


class Gathered(NamedTuple):
    """Everything generated, once for all models; by model where it is a tuple."""

    train: tuple[Lot, Lot]
    tune: tuple[Lot, Lot]
    report: tuple[Lot, Lot]
    benign: tuple[gather.Days, gather.Days]
    report_benign: tuple[gather.Days, gather.Days]
    tune_scenes: gather.Scenes
    report_scenes: gather.Scenes


def gathered(budget: Budget, seed: int, say: Say, jobs: int = 1) -> Gathered:
    """Generate all episodes and keep their rows."""
    shift = seed % 1000 * 10_000_000

    def share(one: gather.Share) -> gather.Share:
        return gather.Share(
            domain=one.domain, first=one.first + shift, is_held_out=one.is_held_out
        )

    say("training episodes")
    train = gather.gathered(share(TRAIN), budget, None, jobs)
    say("tuning episodes")
    tune_scenes: gather.Scenes = ([], [])
    tune = gather.gathered(share(TUNE), budget.scaled(TUNE_SHARE), tune_scenes, jobs)
    say("report episodes")
    scenes: gather.Scenes = ([], [])
    reported = gather.gathered(share(REPORT), budget.scaled(REPORT_SHARE), scenes, jobs)
    say("benign days")
    half = budget.scaled(0.5)
    # Of two domains: what is exchangeable with one world alone is with no other.
    first, second = (gather.benign(share(one), half, jobs) for one in (TUNE, TRAIN))
    found = first[0].beside(second[0]), first[1].beside(second[1])
    later = gather.benign(share(REPORT), budget.scaled(REPORT_SHARE), jobs)
    return Gathered(train, tune, reported, found, later, tune_scenes, scenes)


def train(
    names: tuple[str, ...],
    out: Path,
    seed: int,
    budget: Budget,
    say: Say,
    jobs: int = 1,
) -> dict[str, str]:
    """Train models into folders of `out`; return the digest of each manifest.

    The same arguments give the same bytes, whatever the number of `jobs`.
    """
    data = gathered(budget, seed, say, jobs)
    digests = {}
    for name in names:
        place = list(KINDS).index(name)
        say(f"{name}: learning")
        schema, causes = KINDS[name]
        maker = Maker(
            schema,
            causes,
            Data(
                data.train[place],
                data.tune[place],
                data.benign[place],
                data.report[place],
                data.report_benign[place],
            ),
            seed,
        )
        maker.make()
        say(f"{name}: measuring")
        tables = {**maker.measured(), **_judged(name, maker, data)}
        maker.files["card.toml"] = card(name, maker, data.train[place], tables)
        make.write(out / name, maker.files)
        manifest = seal.manifest_of(out / name)
        (out / name / seal.MANIFEST).write_bytes(manifest)
        digests[name] = hashlib.sha256(manifest).hexdigest()
    return digests


def _judged(name: str, maker: Maker, data: Gathered) -> dict[str, make.Table]:
    """Return what the report says of whole episodes."""
    place = list(KINDS).index(name)
    kind, bad, rate = report.OF[name]

    def leads(rows: gather.Rows) -> NDArray[np.float64]:
        filled = make.filled(rows, maker.schema)
        margins = make.margins_of(maker.files[MODEL_FILE], filled).astype(np.float64)
        rest = np.delete(margins, bad, axis=1).max(axis=1)
        out: NDArray[np.float64] = margins[:, bad] - rest
        return out

    found = []
    for scenes in (data.tune_scenes[place], data.report_scenes[place]):
        judge = report.Judge(kind, leads, maker.schema.index(rate))
        for scene in scenes:
            judge.look(scene, bad)
        found.append(judge.units)
    tables = report.tables(*found)
    maker.beaten = report.beaten(tables)
    return {f"metrics.{title}": row for title, row in tables.items()}


def card(name: str, maker: Maker, lot: Lot, tables: Mapping[str, make.Table]) -> bytes:
    """Return card.toml."""
    data = hashlib.sha256(lot.rows.tobytes())
    data.update(lot.labels.tobytes())
    head: dict[str, object] = {
        "name": name,
        "version": VERSION,
        "classes": [cause.value for cause in maker.causes],
        "temperature": maker.temperatures[MODEL_FILE],
        "second_temperature": maker.temperatures[SECOND_FILE],
        "seed": maker.seed,
        "episodes": len(lot.names),
        "rows": len(lot.labels),
        "data": f"rows {data.hexdigest()}",
        "missing": make.MISSING,
        "sha256": hashlib.sha256(maker.files[MODEL_FILE]).hexdigest(),
        "schema": maker.schema.name,
        "schema_version": maker.schema.version,
        "schema_digest": maker.schema.digest(),
        "limits": [*make.LIMITS, *(f"baseline: {one}" for one in maker.beaten)],
    }
    parts: dict[str, make.Table] = {
        "libraries": make.libraries(),
        "reference": maker.reference_table(),
        **maker.driving(),
        **tables,
    }
    lines = ["# Written by `airnet models train`; `airnet models card` shows it."]
    lines += [f"{key} = {toml(value)}" for key, value in head.items()]
    for title, table in parts.items():
        lines += ["", f"[{title}]"]
        lines += [f"{key} = {toml(value)}" for key, value in table.items()]
    return ("\n".join(lines) + "\n").encode()


def toml(value: object) -> str:
    """Return a value as TOML; long lists one item a line, of numbers ten."""
    if isinstance(value, str):
        return f'"{value}"'
    if not isinstance(value, list):
        return str(value)
    if value and not isinstance(value[0], int):
        return "[\n" + "".join(f"  {toml(one)},\n" for one in value) + "]"
    lines = [value[i : i + 10] for i in range(0, len(value), 10)]
    return "[\n" + "".join(f"  {', '.join(map(str, one))},\n" for one in lines) + "]"
