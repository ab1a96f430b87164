"""Timeline: a play as a person wants to see it, moment by moment, with and without.

Series are sampled from the world itself in steps of virtual time; the events are what
the labels, the Decisions and the containments say.
"""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from airnet.domain.decision import PASSIVE, Decision, Mode
from airnet.errors import UnsupportedError
from airnet.extras import extra
from airnet.twin.outcome import Act, Outcome, Wrong
from airnet.twin.scenario import Label
from airnet.twin.stage import FULL, Kind, Stage, World, account_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NS_PER_S = 1_000_000_000
#: Shorter than a person or a plot can tell apart; longer than a window.
STEP_NS = 100_000_000
#: Heights of a line of text that stands for a curve.
BARS = " ▁▂▃▄▅▆▇█"
_MODES = {
    Mode.SHADOW: "in shadow",
    Mode.PROPOSE: "proposed",
    Mode.ENFORCE: "in force",
}


class Series(msgspec.Struct, kw_only=True):
    """What a run did in each step of `step_ns`: counts; cents are sums so far."""

    step_ns: int = STEP_NS
    frames: list[int] = msgspec.field(default_factory=list)
    messages: list[int] = msgspec.field(default_factory=list)
    culprit_messages: list[int] = msgspec.field(default_factory=list)
    culprit_cents: list[int] = msgspec.field(default_factory=list)


class Sampler:
    """Fills a Series while a world runs; given to the loop as Terms.look."""

    def __init__(self, start_ns: int, culprits: Iterable[int]) -> None:
        self.series = Series()
        self._next_ns = start_ns + STEP_NS
        self._culprits = sorted(culprits)
        self._before = (0, 0, 0)

    def __call__(self, now_ns: int, world: World, frames: int) -> None:
        """Note what was done, when a step is over."""
        if now_ns < self._next_ns:
            return
        found = world.harm()
        messages = sum(account_of(one).messages for one in found)
        guilty = [found[line] for line in self._culprits]
        culprit = sum(account_of(one).messages for one in guilty)
        now = (frames, messages, culprit)
        series = self.series
        for kept, value, before in zip(
            (series.frames, series.messages, series.culprit_messages),
            now,
            self._before,
            strict=True,
        ):
            kept.append(value - before)
        series.culprit_cents.append(sum(account_of(one).pnl_cents for one in guilty))
        self._before = now
        while self._next_ns <= now_ns:
            self._next_ns += STEP_NS


def without(stage: Stage, culprits: Iterable[int]) -> Series:
    """Return the Series of the same seed with nobody containing anything."""
    start_ns, end_ns = stage.span_ns
    sampler = Sampler(start_ns, culprits)
    world = stage.world(Kind.WHOLE, is_seen=True)
    frames, now_ns = 0, start_ns
    while now_ns < end_ns:
        now_ns = min(now_ns + STEP_NS, end_ns)
        frames += world.run(now_ns)
        while world.ended == FULL:
            frames += world.run(now_ns)
        sampler(now_ns, world, frames)
    return sampler.series


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened; `after_ns` is since the start of the episode."""

    after_ns: int
    kind: str
    what: str


def moments(outcome: Outcome) -> list[Moment]:
    """Return what happened, in order."""
    found = [one for label in outcome.labels for one in _of_label(label)]
    found += [_of_decision(one) for one in outcome.decisions]
    found += [moment for act in outcome.acts for moment in _of_act(act)]
    found = [
        Moment(
            after_ns=moment.after_ns - outcome.start_ns,
            kind=moment.kind,
            what=moment.what,
        )
        for moment in found
    ]
    return sorted(found, key=lambda moment: moment.after_ns)


def _of_label(label: Label) -> list[Moment]:
    about = label.about or str(label.cause)
    who = " ".join(comp for _, comp in label.sessions) or " ".join(label.hosts[:3])
    told = f"{label.cause}: {about}" + (f" ({who})" if who else "")
    return [
        Moment(after_ns=label.onset_ns, kind="onset", what=told),
        Moment(after_ns=label.offset_ns, kind="offset", what=told),
    ]


def _of_decision(decision: Decision) -> Moment:
    kind = "decision" if decision.action not in PASSIVE else "note"
    mode = _MODES[decision.mode]
    said = mode if kind == "decision" else "passive"
    return Moment(
        after_ns=decision.t_ns,
        kind=kind,
        what=f"{decision.action} {' '.join(decision.target)} ({said}): {decision.why}",
    )


def _of_act(act: Act) -> list[Moment]:
    if not act.is_carried_out:
        return []
    right = "" if act.wrong is Wrong.NO else f" FALSE: {act.wrong}"
    whom = f"{act.action} {' '.join(act.target)}"
    return [
        Moment(
            after_ns=act.effect_ns,
            kind="in force",
            what=f"{whom}: the world obeys ({act.state}){right}",
        ),
        Moment(after_ns=act.ended_ns, kind="ended", what=whom),
    ]


def bars(values: Sequence[int], width: int = 80) -> str:
    """Return a curve as one line of text, the largest value as a full block."""
    if not values:
        return ""
    width = min(width, len(values))
    edges = [len(values) * n // width for n in range(width + 1)]
    means = [sum(values[a:b]) / max(b - a, 1) for a, b in itertools.pairwise(edges)]
    top = max(means) or 1
    return "".join(
        BARS[min(int(mean / top * (len(BARS) - 1) + 0.999), len(BARS) - 1)]
        for mean in means
    )


def plot(path: Path, outcome: Outcome, now: Series, was: Series) -> None:
    """Write the timeline as a picture, its kind by the suffix (png, svg, pdf).

    Raises:
        UnsupportedError: matplotlib is not installed, or there is no such kind or room.
    """
    figure = extra("matplotlib.figure", "report").Figure(
        figsize=(11, 7), layout="constrained"
    )
    traffic, culprit, money = figure.subplots(3, sharex=True)
    _curves(traffic, (now.frames, was.frames), now.step_ns)
    traffic.set_ylabel("frames on the\nmirror, 1/s")
    _curves(culprit, (now.culprit_messages, was.culprit_messages), now.step_ns)
    culprit.set_ylabel("culprits'\nmessages, 1/s")
    seconds = [(n + 1) * now.step_ns / NS_PER_S for n in range(len(now.culprit_cents))]
    for series, style in ((was, _WITHOUT), (now, _WITH)):
        cents = series.culprit_cents[: len(seconds)]
        money.plot(seconds[: len(cents)], [one / 100 for one in cents], **style)
    money.set_ylabel("culprits'\nprofit, $")
    money.set_xlabel("virtual time, s")
    for axes in (traffic, culprit, money):
        _spans(axes, outcome)
    traffic.legend(loc="upper left", fontsize="small", ncols=5)
    figure.suptitle(_title(outcome), x=0.01, ha="left", fontsize="medium")
    try:
        figure.savefig(path, dpi=120, metadata=_undated(path))
    except (OSError, ValueError) as error:
        raise UnsupportedError(
            f"{path}: cannot be written: {error}", "name a .png, .svg or .pdf file"
        ) from error


_WITH: dict[str, Any] = {"color": "#1b6ca8", "label": "contained", "linewidth": 1.4}
_WITHOUT: dict[str, Any] = {
    "color": "#b0413e",
    "label": "without",
    "linewidth": 1.0,
    "linestyle": "--",
}


def _undated(path: Path) -> dict[str, None] | None:
    """Return metadata that leaves the date out: same play, same picture."""
    return {"Date": None} if path.suffix == ".svg" else None


def _curves(axes: "Axes", pair: tuple[list[int], list[int]], step_ns: int) -> None:
    """Draw a rate with and without containment."""
    for values, style in ((pair[1], _WITHOUT), (pair[0], _WITH)):
        seconds = [(n + 1) * step_ns / NS_PER_S for n in range(len(values))]
        rates = [value * NS_PER_S / step_ns for value in values]
        axes.plot(seconds, rates, **style)
    axes.set_ylim(bottom=0)


def _spans(axes: "Axes", outcome: Outcome) -> None:
    """Shade the incident and what was contained; mark Decisions."""
    start_ns = outcome.start_ns

    def at(time_ns: int) -> float:
        return (time_ns - start_ns) / NS_PER_S

    for number, label in enumerate(outcome.labels):
        axes.axvspan(
            at(label.onset_ns),
            at(label.offset_ns),
            color="#f2d0ce",
            zorder=0,
            label="incident" if number == 0 else None,
        )
    for number, act in enumerate(outcome.acts):
        colour = "#3a7d44" if act.wrong is Wrong.NO else "#d9822b"
        axes.axvline(
            at(act.decided_ns),
            color=colour,
            linestyle=":",
            label="decision" if number == 0 else None,
        )
        if act.is_carried_out:
            axes.axvspan(
                at(act.effect_ns),
                at(act.ended_ns),
                ymax=0.05,
                color=colour,
                label="in force" if number == 0 else None,
            )


def _title(outcome: Outcome) -> str:
    harm, was = outcome.harm_cents / 100, outcome.harm_without_cents / 100
    return (
        f"{outcome.scenario}, seed {outcome.seed}, difficulty "
        f"{outcome.difficulty:.2f}, {outcome.mode} loop: harm {harm:,.2f} USD, "
        f"without {was:,.2f} USD"
    )
