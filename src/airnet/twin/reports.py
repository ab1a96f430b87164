"""Reports: what sweeps, curves and searches say, as tables."""

import math

from airnet.twin.curve import ORDERS, Curve
from airnet.twin.diff import Measure
from airnet.twin.interval import Interval
from airnet.twin.proposal import Evidence
from airnet.twin.sheet import Sheet, between, change, number, percent
from airnet.twin.sweep import Grave, Regime, Summary


def of_sweep(found: Summary) -> list[Sheet]:
    """Return what `airnet twin sweep` says."""
    level = percent(found.level)
    regimes = Sheet(
        title=f"False containments, {found.days:,} days",
        columns=(
            "kind of hour",
            "episodes",
            "stand for",
            "false",
            "a day",
            f"at most, {level}",
        ),
        rows=tuple(_regime(one) for one in (*found.regimes, found.total)),
        note=(
            f"Days with at least one: {found.bad_days:,} of {found.days:,}, at most "
            f"{percent(found.bad_days_max)} of days at {level}.\n{found.compressed}\n"
            f"{found.simulated_hours:,.1f} hours were simulated and stand for "
            f"{found.standing_for_hours:,.0f}."
        ),
    )
    columns = ("severity", "episodes", "contained", "median s", "p90 s")
    severities = Sheet(
        title="Incidents",
        columns=columns if found.severities else (),
        rows=tuple(_grave(one) for one in found.severities),
        note=(
            f"Dollars a day, by the priors: missed harm {_seen(found.missed_usd)}, "
            f"caused harm {_seen(found.caused_usd)} at {level}.\n"
            f"Rows: {found.results}"
        ),
    )
    return [regimes, severities]


def _seen(found: Interval) -> str:
    """Return an estimate; what was never seen is not zero, and nobody knows how far."""
    is_nothing = found.estimate == found.low == found.high == 0
    return "none seen" if is_nothing else between(found)


def _regime(one: Regime) -> tuple[str, ...]:
    return (
        one.regime,
        number(one.episodes),
        number(one.standing_for),
        number(one.false_containments),
        number(one.per_day) if one.per_day else "none seen",
        number(one.per_day_max),
    )


def _grave(one: Grave) -> tuple[str, ...]:
    ends = f"{percent(one.contained.low)} to {percent(one.contained.high)}"
    return (
        one.severity,
        number(one.episodes),
        f"{percent(one.contained.estimate)} ({ends})",
        seconds(one.median_s),
        seconds(one.p90_s),
    )


def seconds(value: float) -> str:
    """Return seconds to contain; infinity is never."""
    return "never" if math.isinf(value) else number(value)


_UNTIL = ("median s", "95 %", "median orders", f"at most {ORDERS}")


def of_curve(found: Curve) -> list[Sheet]:
    """Return what `airnet twin curve` says."""
    rows = tuple(
        (
            number(one.difficulty),
            (
                f"{percent(one.share.estimate)} "
                f"({percent(one.share.low)} to {percent(one.share.high)})"
            ),
            seconds(one.seconds.estimate),
            f"{seconds(max(one.seconds.low, 0.0))} to {seconds(one.seconds.high)}",
            seconds(one.orders.estimate),
            percent(one.promptly.estimate),
            number(one.false_containments),
        )
        for one in found.steps
    )
    return [
        Sheet(
            title=f"{found.scenario} ({found.severity}), {found.seeds} seeds a step",
            columns=("difficulty", found.meaning, *_UNTIL, "false"),
            rows=rows,
            note="Difficulty 0: it shouts; 1: it hides. Intervals are exact, 95 %. "
            "Orders are the culprits', of the fault, that reached the venue.",
        )
    ]


def of_search(found: Evidence) -> list[Sheet]:
    """Return what `airnet twin tune` says, its verdict first."""
    return [_verdict(found), _turned(found), _costs(found), _priors(found)]


def _verdict(found: Evidence) -> Sheet:
    if not found.changes:
        note = "Nothing cheaper was found that is worse in no severe scenario."
        return Sheet(title="Proposal: none", note=note)
    lines = [
        f"Got looser: {', '.join(found.looser) or 'nothing'}.",
        f"Got bolder: {', '.join(found.bolder) or 'nothing'}.",
    ]
    if found.gate:
        lines += [f"Gate, on unseen days: {one}" for one in found.gate.reasons]
    if found.passes and not found.is_better:
        lines.append(
            "On unseen days it is not shown to be cheaper: the interval holds 0."
        )
    title = "Proposal: passes the gate" if found.passes else "Proposal: refused"
    return Sheet(title=title, note="\n".join(lines))


def _turned(found: Evidence) -> Sheet:
    rows = tuple(
        (one.field, str(one.before), str(one.after), str(one.lean), one.why)
        for one in found.changes
    )
    columns = ("field", "current", "proposed", "leans", "what it means")
    return Sheet(title="Fields", columns=columns if rows else (), rows=rows)


def _costs(found: Evidence) -> Sheet:
    rows: list[tuple[str, ...]] = [
        (
            name,
            between(point.missed),
            between(point.caused),
            number(point.total()),
            number(point.contain_s),
            number(point.false_per_day),
        )
        for name, point in (
            ("current", found.found.current),
            ("proposed", found.found.proposed),
        )
    ]
    if found.held_out:
        by_name = {one.name: one for one in found.held_out.per_day}
        for name, side in (
            ("current, unseen", "before"),
            ("proposed, unseen", "after"),
        ):
            money = (by_name[n] for n in ("missed harm", "caused harm", "total"))
            cells = tuple(number(getattr(one, side)) for one in money)
            rows.append((name, *cells, "-", "-"))
        rows.append(("change, unseen", *_changed(by_name), "-", "-"))
    columns = ("policy", "missed $", "caused $", "total $", "s, severe", "false a day")
    note = (
        f"Dollars a day by the priors. {len(found.found.points)} candidates, "
        f"{len(found.found.front)} on the front, {found.found.skipped} could not be "
        "meant."
    )
    return Sheet(title="Costs", columns=columns, rows=tuple(rows), note=note)


def _changed(by_name: dict[str, Measure]) -> tuple[str, ...]:
    names = ("missed harm", "caused harm", "total")
    return tuple(change(by_name[name].difference) for name in names)


def _priors(found: Evidence) -> Sheet:
    rows = tuple(
        (
            f"x {one.factor:g}",
            number(one.current_total),
            number(one.proposed_total),
            number(one.best_total),
            "current"
            if one.best_total >= one.current_total
            else f"trial {one.best_trial}",
        )
        for one in found.found.swept
    )
    return Sheet(
        title="If incidents were rarer or more frequent",
        columns=("incidents", "current $", "proposed $", "best $", "best candidate"),
        rows=rows,
        note="A proposal that wins only at one frequency rests on a prior.",
    )
