"""Realism: worlds of the twin, measured against what real markets do.

A world's market runs on lines without wire (the order flow is the same, and hundreds
of times faster); each moment is the median of several worlds, since one world is one
draw of a domain. The day's shape is looked at with the slow common factor held still:
within the seconds that are run at each hour it would drown the hour.
"""

import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet._ext import market
from airnet.twin import catalogue
from airnet.twin.cast import populate
from airnet.twin.market import SECOND_NS
from airnet.twin.moments import (
    BANDS,
    CANCEL,
    END,
    NEW,
    RECORD,
    REPLACE,
    TRADE,
    Band,
    Records,
    measure,
)
from airnet.twin.plan import Plan, Size
from airnet.twin.ranges import TRAIN, Ranges

WARM_S = 5.0
ROOM = 1 << 18
#: Where of the day its shape is looked at, and for how long.
HOURS = (1 / 16, 3 / 16, 7 / 16, 9 / 16, 13 / 16, 15 / 16)
HOUR_S = 12.0
#: The day's shape is the same in all worlds of a domain: some of them tell it.
DAYS = 3
_UP = 0


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One moment: the median of the worlds, their range, and its band."""

    name: str
    value: float | None
    lowest: float | None
    highest: float | None
    band: Band
    holds: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a domain's worlds are like; `holds` when every moment is in its band."""

    domain: str
    worlds: int
    seconds: float
    messages_per_s: float
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Say whether every moment is in its band."""
        return all(finding.holds for finding in self.findings)


def build(ranges: Ranges, seed: int, size: Size) -> Plan:
    """Return the Plan of a quiet world of a domain."""
    plan = Plan("quiet", catalogue.scenario("quiet").spec, seed, ranges, size)
    populate(plan)
    return plan


def market_of(plan: Plan, start_ns: int, room: int) -> market.Market:
    """Return a Plan's market on lines without wire."""
    rows = plan.rows()
    tables: dict[str, Any] = {name: rows[name] for name in market.TABLES}
    return market.Market(plan.seed, start_ns, len(rows["line"]), room, **tables)


def records_of(rows: NDArray[np.void]) -> Records:
    """Return messages of airnet._ext.market as moments takes them."""
    up = rows["direction"] == _UP
    executed, type_ = rows["executed"], rows["type"]
    is_fill = ~up & (executed == ord("F"))
    kinds = np.select(
        [
            up & (type_ == ord("D")),
            up & (type_ == ord("G")),
            up & (type_ == ord("F")),
            is_fill & (rows["status"] != ord("2")),
            is_fill,
            ~up & np.isin(executed, [ord("4"), ord("8"), ord("C")]),
        ],
        [NEW, REPLACE, CANCEL, TRADE, TRADE, END],
        0,
    ).astype(np.uint8)
    last = rows[is_fill & (rows["status"] == ord("2"))]
    made = np.zeros(np.count_nonzero(kinds) + len(last), RECORD)
    known = kinds > 0
    for name in ("time_ns", "order", "line"):
        made[name] = np.concatenate([rows[name][known], last[name]])
    made["kind"] = np.concatenate([kinds[known], np.full(len(last), END, np.uint8)])
    return made[np.argsort(made["time_ns"], kind="stable")]


def observe(plan: Plan, seconds: float) -> Records:
    """Run a Plan's market, warm, and return what happened to its orders."""
    one = market_of(plan, plan.start_ns, ROOM)
    begun = plan.start_ns + int(WARM_S * SECOND_NS)
    until = begun + int(seconds * SECOND_NS)
    parts = []
    is_done = False
    while not is_done:
        count, is_done = one.run(until)
        parts.append(records_of(one.rows[:count]))
    found = np.concatenate(parts)
    return found[found["time_ns"] >= begun]


def hour_rates(plan: Plan) -> list[float]:
    """Return messages a second at HOURS of the day, the slow factor held still."""
    venue = plan.row("venue", 0)
    venue["slow_sigma"] = 0.0
    span = int(venue["close_ns"]) - int(venue["open_ns"])
    rates = []
    for share in HOURS:
        start = int(venue["open_ns"]) + int(share * span)
        one = market_of(plan, start, 0)
        one.run(start + 3 * SECOND_NS)
        before = one.messages
        one.run(start + int((3 + HOUR_S) * SECOND_NS))
        rates.append((one.messages - before) / HOUR_S)
    return rates


def day_shape(ranges: Ranges, seeds: range, size: Size) -> float:
    """Return the rate near open and close over that about noon."""
    rates = np.array([hour_rates(build(ranges, seed, size)) for seed in seeds])
    outer = rates[:, [0, -1]].mean()
    middle = rates[:, 2:4].mean()
    return float(outer / middle) if middle else math.nan


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _finding(band: Band, values: list[float]) -> Finding:
    known = [value for value in values if not math.isnan(value)]
    median = float(np.median(known)) if len(known) == len(values) else math.nan
    return Finding(
        name=band.name,
        value=_number(median),
        lowest=_number(min(known, default=math.nan)),
        highest=_number(max(known, default=math.nan)),
        band=band,
        holds=band.holds(median),
    )


def realism(
    ranges: Ranges = TRAIN,
    *,
    seeds: range = range(1, 10),
    size: Size | None = None,
    bands: tuple[Band, ...] = BANDS,
) -> Report:
    """Return how a domain's quiet worlds compare with bands.

    Args:
        ranges: the domain.
        seeds: one world each.
        size: of every world; 50 sessions, 20 symbols and 150 s unless told.
        bands: what to compare with.
    """
    size = size or Size(duration_s=150.0, sessions=50, symbols=20)
    found: list[dict[str, float]] = []
    asked = 0
    day = day_shape(ranges, seeds[:DAYS], size)
    for seed in seeds:
        plan = build(ranges, seed, size)
        seconds = size.duration_s or plan.duration_ns / SECOND_NS
        records = observe(plan, seconds)
        asked += int(np.isin(records["kind"], (NEW, REPLACE, CANCEL)).sum())
        found.append(measure(records, day_ratio=day))
    return Report(
        domain=ranges.name,
        worlds=len(seeds),
        seconds=seconds,
        messages_per_s=asked / seconds / len(seeds),
        findings=tuple(
            _finding(band, [one[band.name] for one in found]) for band in bands
        ),
    )
