"""Pareto: the plot of a search, and of curves. matplotlib is an extra (`report`)."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airnet.errors import UnsupportedError, UsageError
from airnet.extras import extra
from airnet.twin.candidates import Point
from airnet.twin.curve import Curve

FORMATS = (".pdf", ".png", ".svg")
#: Below this many dollars a day axes are linear: costs are differences of plays, and
#: may be zero or less.
LINEAR_USD = 1.0
#: Where a logarithmic axis of seconds ends: what is not known to be longer.
SHORTEST_S = 1e-3


@contextmanager
def drawing(path: Path) -> Iterator[Any]:
    """Yield matplotlib's pyplot; the same drawing gives the same file.

    Raises:
        UsageError: the file's name says no format.
        UnsupportedError: matplotlib is missing, or the file cannot be written.
    """
    if path.suffix not in FORMATS:
        raise UsageError(f"{path}: no format", f"name it {' or '.join(FORMATS)}")
    mpl = extra("matplotlib", "report")
    mpl.use("Agg")
    pyplot = extra("matplotlib.pyplot", "report")  # it takes the canvas chosen
    with mpl.rc_context({"svg.hashsalt": "airnet", "font.size": 9}):
        try:
            yield pyplot
        except OSError as error:
            raise UnsupportedError(
                f"{path}: cannot be written: {error.strerror}", "name another place"
            ) from error
        finally:
            pyplot.close("all")


def _saved(figure: Any, path: Path) -> None:
    dated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}
    figure.savefig(path, metadata=dated[path.suffix], dpi=150, bbox_inches="tight")


def plot_search(
    path: Path,
    points: Sequence[Point],
    ends: Sequence[int],
    current: Point,
    proposed: Point,
) -> None:
    """Draw candidates: caused harm across, missed harm up, seconds as colour.

    The front has crosses of its intervals; dotted lines join equal totals.
    """
    with drawing(path) as pyplot:
        figure, axes = pyplot.subplots(figsize=(7.5, 5.5), layout="constrained")
        axes.set_xscale("symlog", linthresh=LINEAR_USD)
        axes.set_yscale("symlog", linthresh=LINEAR_USD)
        shown = [*points, current]
        cloud = axes.scatter(
            [one.caused.estimate for one in shown],
            [one.missed.estimate for one in shown],
            c=[one.contain_s for one in shown],
            cmap="viridis_r",
            s=[26 if one.is_feasible else 8 for one in shown],
            zorder=3,
        )
        bar = figure.colorbar(cloud, ax=axes)
        bar.set_label("mean seconds to contain, severe")
        by_trial = {one.trial: one for one in points}
        crossed = [by_trial[trial] for trial in ends]
        for one in (*crossed, current, proposed):
            _cross(axes, one)
        line = sorted((one.caused.estimate, one.missed.estimate) for one in crossed)
        axes.step(
            [x for x, _ in line],
            [y for _, y in line],
            where="post",
            color="0.5",
            linewidth=0.8,
            label="front",
        )
        _iso_costs(axes, shown)
        for one, mark, label in (
            (current, "o", "current"),
            (proposed, "D", "proposed"),
        ):
            axes.plot(
                one.caused.estimate,
                one.missed.estimate,
                mark,
                markersize=11,
                markerfacecolor="none",
                markeredgecolor="crimson",
                markeredgewidth=1.6,
                label=f"{label}: ${one.total():,.0f} a day",
                zorder=4,
            )
        axes.set_xlabel("harm that containing causes, $ a day")
        axes.set_ylabel("harm that is missed, $ a day")
        axes.legend(loc="best", fontsize=8)
        _saved(figure, path)


def _cross(axes: Any, one: Point) -> None:
    """Draw a candidate's intervals; an end that is not known is left out."""
    for interval, is_across in ((one.caused, True), (one.missed, False)):
        if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
            continue
        ends = [interval.low, interval.high]
        x, y = one.caused.estimate, one.missed.estimate
        across = (ends, [y, y]) if is_across else ([x, x], ends)
        axes.plot(*across, color="0.55", linewidth=0.7, zorder=2)


def _iso_costs(axes: Any, shown: Sequence[Point]) -> None:
    """Draw lines on which missed and caused harm add up to the same."""
    largest = max(one.total() for one in shown)
    if largest <= LINEAR_USD:
        return
    low, high = axes.get_xlim()
    bottom, top = axes.get_ylim()
    power = math.floor(math.log10(largest))
    costs = [
        m * 10.0**e for e in range(max(power - 2, 0), power + 1) for m in (1, 2, 5)
    ]
    for cost in costs:
        xs = [cost * share / 200 for share in range(201)]
        axes.plot(
            xs, [cost - x for x in xs], ":", color="0.75", linewidth=0.8, zorder=1
        )
        if bottom < cost < top:
            axes.annotate(
                f"${cost:,.0f}", (max(low, 0.0), cost), fontsize=7, color="0.5"
            )
    axes.set_xlim(low, high)
    axes.set_ylim(bottom, top)


def plot_curve(path: Path, found: Curve) -> None:
    """Draw a curve: the share contained, and the median seconds, with intervals."""
    with drawing(path) as pyplot:
        figure, (upper, lower) = pyplot.subplots(
            2, 1, figsize=(6.5, 6.0), sharex=True, layout="constrained"
        )
        xs = [one.difficulty for one in found.steps]
        shares = [one.share for one in found.steps]
        upper.fill_between(
            xs, [one.low for one in shares], [one.high for one in shares], alpha=0.25
        )
        upper.plot(xs, [one.estimate for one in shares], "o-")
        upper.set_ylim(-0.03, 1.03)
        upper.set_ylabel(found.meaning)
        upper.set_title(f"{found.scenario}, {found.seeds} seeds a step")
        times = [one.seconds for one in found.steps]
        known = [
            (x, max(one.low, SHORTEST_S), min(one.high, found.episode_s), one.estimate)
            for x, one in zip(xs, times, strict=True)
            if math.isfinite(one.estimate)
        ]
        if known:
            lower.fill_between(
                [one[0] for one in known],
                [one[1] for one in known],
                [one[2] for one in known],
                alpha=0.25,
            )
            lower.plot([one[0] for one in known], [one[3] for one in known], "o-")
        lower.set_yscale("log")
        lower.set_ylabel("median seconds to contain")
        lower.set_xlabel("difficulty (0 shouts, 1 hides)")
        _saved(figure, path)
