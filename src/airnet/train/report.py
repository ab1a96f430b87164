"""Report: how well a model does on what it never saw, beside one-line baselines.

The unit is one session, or one gateway, of one episode. Its statistic is the largest
that held for two windows in a row. Thresholds are set on the tuning domain so that of
a thousand benign units one is alarmed, and used unchanged on the report domain and on
mechanisms that were held out. The baselines get the same budget.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from airnet.domain.window import WINDOW_GATEWAY, WINDOW_SESSION
from airnet.train import classes
from airnet.train.gather import Scene
from airnet.train.seen import Happening

Rows = NDArray[np.float32]
Statistic = NDArray[np.float64]
#: Of benign units, the share that may be alarmed when thresholds are set.
ALARMED = (0.01, 0.001)
#: Memory of the moving average, in windows, and the drift CUSUM lets pass.
SPAN, SLACK = 20, 2.0


class Unit:
    """One subject of one episode: its worst benign statistic, and its worst bad one.

    By method; `delay_ms` needs the threshold, so times and statistics are kept.
    """

    def __init__(self, family: str, *, is_held_out: bool) -> None:
        self.family, self.is_held_out = family, is_held_out
        self.benign: dict[str, float] = {}
        self.bad: dict[str, Statistic] = {}
        self.since_ms: NDArray[np.float64] | None = None


def fixed(rate: Statistic) -> Statistic:
    """Return the statistic of a fixed threshold: the rate itself."""
    return rate


def moving(rate: Statistic) -> Statistic:
    """Return the rate over its exponentially weighted mean so far (EWMA)."""
    mean, out = float(rate[0]) if len(rate) else 0.0, np.zeros(len(rate))
    for place, value in enumerate(rate.tolist()):
        out[place] = (value + 100.0) / (mean + 100.0)
        mean += (value - mean) / SPAN
    return out


def cumulated(rate: Statistic) -> Statistic:
    """Return CUSUM of the rate over its mean so far (Page, Biometrika 41, 1954)."""
    mean, total, out = float(rate[0]) if len(rate) else 0.0, 0.0, np.zeros(len(rate))
    for place, value in enumerate(rate.tolist()):
        total = max(0.0, total + (value + 100.0) / (mean + 100.0) - SLACK)
        out[place] = total
        if total == 0.0:
            mean += (value - mean) / SPAN
    return out


BASELINES: dict[str, Callable[[Statistic], Statistic]] = {
    "fixed_threshold": fixed,
    "ewma": moving,
    "cusum": cumulated,
}
MODEL = "model"


def twice(values: Statistic) -> Statistic:
    """Return what held in each window and the one before."""
    out = values.copy()
    out[1:] = np.minimum(values[1:], values[:-1])
    out[:1] = -np.inf
    return out


class Judge:
    """Gathers Units of one kind of window.

    Args:
        kind: of which windows.
        leads: by how much each row's bad margin is above normal's.
        rate: the column the baselines look at.
    """

    def __init__(
        self, kind: int, leads: Callable[[Rows], Statistic], rate: int
    ) -> None:
        self._kind, self._leads, self._rate = kind, leads, rate
        self.units: list[Unit] = []

    def look(self, scene: Scene, bad: int) -> None:
        """Add the Units of an episode; `bad` is the class that must be found."""
        mine = np.flatnonzero(scene.kinds == self._kind)
        leads = self._leads(scene.rows[mine]) if len(mine) else np.zeros(0)
        subjects, ends = scene.subjects[mine], scene.ends[mine]
        for subject in np.unique(subjects).tolist():
            own = np.flatnonzero(subjects == subject)
            own = own[np.argsort(ends[own], kind="stable")]
            self._add(scene, mine[own], leads[own], bad)

    def _add(
        self, scene: Scene, places: NDArray[np.intp], leads: Statistic, bad: int
    ) -> None:
        """Add the Unit of one subject, whose windows are at these places."""
        labels, ends = scene.labels[places], scene.ends[places]
        rate = scene.rows[places, self._rate].astype(np.float64)
        unit = Unit(scene.family, is_held_out=scene.is_held_out)
        is_bad, is_good = labels == bad, (labels >= 0) & (labels != bad)
        values = {MODEL: leads}
        values |= {name: method(rate) for name, method in BASELINES.items()}
        for name, found in values.items():
            held = twice(found)
            if is_good.any():
                unit.benign[name] = float(held[is_good].max())
            if is_bad.any():
                unit.bad[name] = held[is_bad]
        if is_bad.any():
            onset = onset_of(scene.happenings, int(ends[is_bad][0]))
            unit.since_ms = (ends[is_bad] - onset) / 1e6
        self.units.append(unit)


def onset_of(happenings: Iterable[Happening], at_ns: int) -> int:
    """Return when what is going on at a time began: the latest onset before it."""
    begun = [one.span_ns[0] for one in happenings if one.span_ns[0] <= at_ns]
    return max(begun, default=at_ns)


def thresholds(units: list[Unit], share: float) -> dict[str, float]:
    """Return by method what a share of benign units exceeds."""
    out = {}
    for name in (MODEL, *BASELINES):
        values = np.sort([unit.benign[name] for unit in units if name in unit.benign])
        place = min(int(np.ceil(len(values) * (1 - share))), len(values) - 1)
        out[name] = float(values[place]) if len(values) else np.inf
    return out


def summary(units: list[Unit], limits: dict[str, float], name: str) -> dict[str, float]:
    """Return how many events a method finds above its limit, how soon, how wrongly."""
    limit = limits[name]
    events = [unit for unit in units if name in unit.bad]
    calm = [unit for unit in units if name in unit.benign]
    delays = []
    for unit in events:
        hit = np.flatnonzero(unit.bad[name] > limit)
        if len(hit) and unit.since_ms is not None:
            delays.append(float(unit.since_ms[hit[0]]))
    wrong = sum(unit.benign[name] > limit for unit in calm)
    return {
        "events": len(events),
        "found": len(delays),
        "recall": round(len(delays) / max(len(events), 1), 4),
        "median_ms": round(float(np.median(delays or [0])), 1),
        "benign_units": len(calm),
        "false_alarms": wrong,
        "false_share": round(wrong / max(len(calm), 1), 6),
    }


def tables(tune: list[Unit], report: list[Unit]) -> dict[str, dict[str, float]]:
    """Return everything the card keeps: by budget, method, and family."""
    out: dict[str, dict[str, float]] = {}
    for share in ALARMED:
        limits = thresholds(tune, share)
        per_mille = f"{1000 * share:g}"
        for name in limits:
            title = f"{name}_at_{per_mille}_per_1000"
            out[title] = summary(report, limits, name)
            held = [unit for unit in report if unit.is_held_out]
            out[f"{title}_held_out"] = summary(held, limits, name)
    limits = thresholds(tune, ALARMED[0])
    families: dict[str, list[Unit]] = defaultdict(list)
    for unit in report:
        families[unit.family].append(unit)
    for family, units in sorted(families.items()):
        found = {name: summary(units, limits, name) for name in limits}
        is_held = any(unit.is_held_out for unit in units)
        row = {"held_out": float(is_held), "benign_units": found[MODEL]["benign_units"]}
        row["false_alarms"] = found[MODEL]["false_alarms"]
        if found[MODEL]["events"]:
            row |= {f"recall_{name}": one["recall"] for name, one in found.items()}
            row["events"] = found[MODEL]["events"]
            row["median_ms"] = found[MODEL]["median_ms"]
        out[f"family_{family}"] = row
    return out


def beaten(report_tables: dict[str, dict[str, float]]) -> tuple[str, ...]:
    """Return where a baseline finds more than the model, in words."""
    out = []
    for title, row in sorted(report_tables.items()):
        if not title.startswith("family_") or "events" not in row:
            continue
        own = row[f"recall_{MODEL}"]
        best = max(BASELINES, key=lambda name: row[f"recall_{name}"])
        if row[f"recall_{best}"] > own:
            what = f"{best} finds {row[f'recall_{best}']:g}, the model {own:g}"
            out.append(f"{title.removeprefix('family_')}: {what}")
    return tuple(out)


#: By model, whose windows units are made of, the class to be found, and the rate.
OF = {
    "session": (WINDOW_SESSION, classes.FAULT, "rate_fast"),
    "flood": (WINDOW_GATEWAY, classes.FLOOD, "rate"),
}
