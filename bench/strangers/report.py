"""Grades summed up: the issue's measures beside their targets, families, misses."""

import collections
import dataclasses
import math
from typing import Any

from strangers.grade import CONTAINED, FAULTS, Event, Grade

MS = 1_000_000
#: Median time to detect, in ms.
MEDIANS = {"flood": 5, "algo_fault": 200, "venue_fault": 1500, "compromise": 5000}


@dataclasses.dataclass
class Measure:
    """One number, what it has to be, and whether it is."""

    name: str
    value: float
    target: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Return whether the target is met; what nothing was measured of is."""
        if math.isnan(self.value):
            return True
        if self.at_least:
            return self.value >= self.target
        return self.value <= self.target


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _quantile(values: list[float], share: float) -> float:
    if not values:
        return math.nan
    listed = sorted(values)
    return listed[min(len(listed) - 1, math.ceil(share * len(listed)) - 1)]


def _delays(events: list[Event], cause: str) -> list[float]:
    """Return times to detect in ms; what was missed took for ever."""
    own = [one for one in events if one.cause == cause]
    return [math.inf if one.delay_ns is None else one.delay_ns / MS for one in own]


def harm(events: list[Event]) -> list[float]:
    """Return the share of harm avoided of each incident that can be contained."""
    return [
        one.avoided / one.harm for one in events if one.harm and one.cause in CONTAINED
    ]


def measures(grades: list[Grade]) -> list[Measure]:
    """Return the issue's measures over all captures."""
    events = [one for grade in grades for one in grade.events]
    said = [one for one in events if one.said != "nothing"]
    right = sum(one.said == one.cause for one in said)
    benign = [one for one in grades if one.kind == "benign"]
    false = sum(len(one.false_containments) for one in benign)
    saved = harm(events)
    every = sum(len(one.false_containments) for one in grades)
    hurt = sum(len(one.collateral) for one in grades)
    told = sum(bool(one.said_of_nothing) for one in benign)
    most = max((one.changes for one in events), default=0)
    found = [
        Measure("recall", _share(sum(one.found for one in events), len(events)), 0.99),
        Measure("class accuracy", _share(right, len(said)), 0.97),
        Measure("harm avoided, mean", _share(sum(saved), len(saved)), 0.95),
    ]
    for one in found:
        one.at_least = True
    found += [
        Measure("false containments, benign", false, 0),
        Measure("false containments, all", every, 0),
        Measure("collateral on floods", hurt, 0),
        Measure("state changes, most of an incident", most, 2),
    ]
    found.append(Measure("benign captures told a fault", told, math.inf))
    for cause, limit in MEDIANS.items():
        median = _quantile(_delays(events, cause), 0.5)
        found.append(Measure(f"{cause} median, ms", median, limit))
        p99 = _quantile(_delays(events, cause), 0.99)
        worst = 50 if cause == "flood" else math.inf
        found.append(Measure(f"{cause} p99, ms", p99, worst))
    return found


def confusion(grades: list[Grade]) -> dict[str, dict[str, int]]:
    """Return how often what was said of what; benign captures are `none`."""
    table: dict[str, collections.Counter[str]] = collections.defaultdict(
        collections.Counter
    )
    for grade in grades:
        for one in grade.events:
            table[one.cause][one.said] += 1
        if not grade.events:
            said = [*grade.false_containments, *grade.said_of_nothing]
            table["none"][said[0].split()[0] if said else "nothing"] += 1
    return {cause: dict(row) for cause, row in sorted(table.items())}


def _mark(value: float) -> str:
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "never"
    return f"{value:.3f}" if value < 10 else f"{value:.0f}"


def rows(grades: list[Grade]) -> list[dict[str, Any]]:
    """Return one row a family."""
    families: dict[str, list[Grade]] = {}
    for grade in grades:
        families.setdefault(grade.family, []).append(grade)
    made = []
    for family, own in families.items():
        events = [one for grade in own for one in grade.events]
        saved = harm(events)
        delays = [one.delay_ns / MS for one in events if one.delay_ns is not None]
        row = {"family": family, "kind": own[0].kind, "captures": len(own)}
        row |= {"incidents": len(events), "found": sum(one.found for one in events)}
        row["right"] = sum(one.said == one.cause for one in events)
        row["named"] = sum(one.named for one in events)
        row["false"] = sum(len(one.false_containments) for one in own)
        row["hurt"] = sum(len(one.collateral) for one in own)
        row["told"] = sum(len(one.said_of_nothing) for one in own)
        row["changes"] = max((one.changes for one in events), default=0)
        row["harm"] = _mark(_share(sum(saved), len(saved)))
        row["median_ms"] = _mark(_quantile(delays, 0.5))
        made.append(row)
    return made


def misses(grades: list[Grade]) -> list[str]:
    """Return a line for everything that was not as it should be."""
    lines = []
    for grade in grades:
        for one in grade.events:
            if not one.found:
                lines.append(f"{grade.file}: {one.cause} missed, said {one.said}")
            elif one.said != one.cause:
                lines.append(f"{grade.file}: {one.cause} first called {one.said}")
            if one.changes > 2:
                lines.append(f"{grade.file}: {one.cause}: {one.changes} state changes")
            if one.cause in CONTAINED and one.harm:
                share = one.avoided / one.harm
                if share < 0.95:
                    lines.append(f"{grade.file}: {one.cause}: {share:.2f} avoided")
        lines += [f"{grade.file}: false: {one}" for one in grade.false_containments]
        lines += [f"{grade.file}: hurt {one}" for one in grade.collateral]
        lines += [f"{grade.file}: told {one}" for one in grade.said_of_nothing]
    return lines


def beaten(every: dict[str, list[Grade]]) -> list[str]:
    """Return where a baseline did better than the product, measure by measure."""
    own = measures(every["product"])
    lines = []
    for name, grades in every.items():
        if name == "product":
            continue
        for ours, theirs in zip(own, measures(grades), strict=True):
            gap = theirs.value - ours.value
            if (gap if ours.at_least else -gap) > 0:
                marks = f"{_mark(theirs.value)} against {_mark(ours.value)}"
                lines.append(f"{name} is better at {ours.name}: {marks}")
    return lines


def text(every: dict[str, list[Grade]], *, with_misses: bool = True) -> str:
    """Return the report: measures of all contestants, families and misses of one."""
    product = every["product"]
    lines = [f"{'measure':36}{'target':>10}" + "".join(f"{n:>10}" for n in every)]
    columns = [measures(grades) for grades in every.values()]
    for one in zip(*columns, strict=True):
        sign = ">=" if one[0].at_least else "<="
        target = "" if math.isinf(one[0].target) else f"{sign} {one[0].target:g}"
        cells = "".join(f"{_mark(m.value) + ('' if m.holds else '!'):>10}" for m in one)
        lines.append(f"{one[0].name:36}{target:>10}{cells}")
    lines += ["", "! misses its target", *beaten(every), "", "said of (rows: what was)"]
    table = confusion(product)
    said = [*FAULTS, *sorted({k for r in table.values() for k in r} - set(FAULTS))]
    lines.append(" " * 14 + "".join(f"{one:>14}" for one in said))
    for cause, row in table.items():
        lines.append(f"{cause:14}" + "".join(f"{row.get(s, 0):14}" for s in said))
    listed = rows(product)
    names = list(listed[0])
    lines += ["", f"{'family':26}" + "".join(f"{n:>11}" for n in names[1:])]
    for family in listed:
        cells = "".join(f"{family[n]!s:>11}" for n in names[1:])
        lines.append(f"{family['family']:26}{cells}")
    if with_misses:
        lines += ["", *misses(product)]
    return "\n".join(lines)
