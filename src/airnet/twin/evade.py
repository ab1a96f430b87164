"""Evade: how much harmful stuffing gets past the policy for ten seconds?

A session trades for a while; then its algorithm stuffs, in one of several shapes, each
made to ride under a condition by which stuffing is told. How much is measured against
the session itself: its envelope is the 99.9th percentile of its messages in a sliding
second, looked at every tenth of one, before the stuffing begins. A multiple is all that
it sends a second while it stuffs, its own trading among it, over that.

For each shape and detector the largest multiple that survives is found by bisection, on
a grid of a quarter of an octave. A detector need not catch all that is above what it
catches: the steps just above are played, too. Every run is a function of seed, shape
and multiple. The runs are open loop: up to the first containment nothing differs.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from airnet.decide.policy import Policy
from airnet.domain.decision import PASSIVE, Decision
from airnet.errors import UnsupportedError
from airnet.twin import catalogue, disturb
from airnet.twin.closed import Terms, hear
from airnet.twin.loop import shipped_scorer
from airnet.twin.meter import DETECTORS, SECOND_NS, Meter, Traffic
from airnet.twin.plan import Plan, Size, Span
from airnet.twin.plays import Progress
from airnet.twin.pool import Executor
from airnet.twin.spec import algorithm
from airnet.twin.staging import PlanStage

#: What must not survive, and for how long.
STUFFED_NS = 10 * SECOND_NS
#: The first seconds of a session say nothing of it.
WARM_NS = 5 * SECOND_NS
#: A multiple is 2 to the power of step / STEPS, from 1 to 64 times the envelope.
STEPS, STEP_MAX = 4, 24
ABOVE = 2
SPEC = algorithm("messages a second: 1 to 64 times the own p99.9", "severe")
PRODUCT = "airnet"


class Shape(NamedTuple):
    """A way to stuff: its name, under what it rides, and the rows it adds to a Plan."""

    name: str
    about: str
    stuff: Callable[[Plan, int, Span, float], None]


def _add(kind: str, part: float = 1.0, **fields: float) -> Callable[..., None]:
    """Return what adds one fault with a part of the rate."""

    def add(plan: Plan, line: int, span: Span, rate: float) -> None:
        row = dict(fields)
        if row.pop("is_one", 0):
            row["symbol"] = disturb.symbol_of(plan, line)
        ramp_ns = row.pop("ramp_ns", 0)
        disturb.fail(plan, kind, line, span, rate=rate * part, ramp_ns=ramp_ns, **row)

    return add


def _both(*parts: Callable[..., None]) -> Callable[..., None]:
    """Return what adds several faults at once."""

    def add(plan: Plan, line: int, span: Span, rate: float) -> None:
        for part in parts:
            part(plan, line, span, rate)

    return add


def _pulsed(plan: Plan, line: int, span: Span, rate: float) -> None:
    """Add a fault in a quarter of each second, four times as fast there."""
    pulse = _add("stuffing", 4.0, lifetime_ns=2_000_000)
    for start_ns in range(span[0], span[1], SECOND_NS):
        pulse(plan, line, (start_ns, start_ns + SECOND_NS // 4), rate)


#: Lifetimes: of quick stuffing as the catalogue has it; of slow, as honest quotes have.
QUICK, SLOW = {"lifetime_ns": 2_000_000}, {"lifetime_ns": 1_500_000_000}
SHAPES = (
    Shape(
        "steady",
        "one symbol, cancelled within 2 ms",
        _add("stuffing", is_one=1, **QUICK),
    ),
    Shape("spread", "all its symbols: nothing repeats", _add("stuffing", **QUICK)),
    Shape(
        "slow", "orders live 1.5 s, as honest ones do", _add("stuffing_slow", **SLOW)
    ),
    Shape("pulsed", "a quarter of each second: no window is bad for long", _pulsed),
    Shape(
        "bursts", "eight at a time, then silence", _add("stuffing", burst=8, **QUICK)
    ),
    Shape(
        "ramped",
        "from nothing over 10 s: no step to see, and the baseline learns",
        _add("stuffing", 2.0, ramp_ns=STUFFED_NS, **QUICK),
    ),
    Shape(
        "filled",
        "half of it trades: fills for orders, as in honest business",
        _both(_add("stuffing_slow", 0.5, **SLOW), _add("knight", 0.5)),
    ),
    Shape("own", "what its own algorithm does anyway, more often", _add("hidden")),
    Shape(
        "instead",
        "its own trading stops for it: the sum grows least",
        _add("stuffing_slow", share=1.0, **SLOW),
    ),
)
NAMES = tuple(shape.name for shape in SHAPES)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One search: which shape in which world, under which policy."""

    shape: str
    seed: int
    policy: Policy
    calm_s: float = 60.0
    sessions: int = 12
    domain: str = "report"


class Survived(msgspec.Struct, frozen=True, kw_only=True):
    """What got past one detector: its multiple of the envelope; 0: nothing on the grid.

    `is_all`: even the most that was tried. `caught_by` says what caught the next step;
    `told` what was said, and not done, of what survived. `is_nervous`: it alarms at the
    session's calm trading, too, so that what it catches tells nothing.
    """

    multiple: float
    is_all: bool = False
    caught_by: str = ""
    told: tuple[str, ...] = ()
    is_nervous: bool = False


class Evaded(msgspec.Struct, frozen=True, kw_only=True):
    """What got past each detector in one shape and world; messages a second."""

    shape: str
    seed: int
    envelope: float
    own: float
    by: dict[str, Survived]


class Run(NamedTuple):
    """One run: what was sent, and what each detector did about it; "": nothing."""

    multiple: float
    caught: dict[str, str]
    told: tuple[str, ...]


class Search:
    """The runs of one shape and world; each is made once."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        #: What comes of one multiple, by its step; each is played once.
        self._run = functools.cache(self._play)
        calm, decisions = self._traffic(0.0)
        done = any(one.action not in PASSIVE for one in decisions)
        span = calm.start_ns, calm.onset_ns + STUFFED_NS
        self._nervous = {PRODUCT: done}
        for name, detector in DETECTORS.items():
            self._nervous[name] = detector(calm, *span)
        start_ns, onset_ns = calm.start_ns + WARM_NS, calm.onset_ns
        self.envelope = max(1.0, calm.percentile(start_ns, onset_ns))
        self.own = calm.rate(onset_ns, onset_ns + STUFFED_NS)

    def found(self) -> Evaded:
        """Return what gets past each detector."""
        return Evaded(
            shape=self._asked.shape,
            seed=self._asked.seed,
            envelope=round(self.envelope, 3),
            own=round(self.own, 3),
            by={name: self._past(name) for name in (PRODUCT, *DETECTORS)},
        )

    def _past(self, detector: str) -> Survived:
        """Bisect what survives one detector; look above what was found."""
        low, high = -1, STEP_MAX + 1
        while high - low > 1:
            middle = (low + high) // 2
            if self._run(middle).caught[detector]:
                high = middle
            else:
                low = middle
        above = low + 2
        while above <= min(low + 1 + ABOVE, STEP_MAX):
            if not self._run(above).caught[detector]:
                low = above
            above += 1
        if low < 0:
            return Survived(
                multiple=0.0,
                caught_by=self._run(0).caught[detector],
                is_nervous=self._nervous[detector],
            )
        last = self._run(low)
        is_all = low == STEP_MAX
        return Survived(
            multiple=round(last.multiple, 3),
            is_all=is_all,
            caught_by="" if is_all else self._run(low + 1).caught[detector],
            told=last.told if detector == PRODUCT else (),
            is_nervous=self._nervous[detector],
        )

    def _play(self, step: int) -> Run:
        """Play one multiple."""
        wanted = self.envelope * 2.0 ** (step / STEPS)
        traffic, decisions = self._traffic(max(0.5, wanted - self.own))
        onset_ns = traffic.onset_ns
        end_ns = onset_ns + STUFFED_NS
        lately = [one for one in decisions if onset_ns <= one.t_ns <= end_ns]
        done = [one.rule for one in lately if one.action not in PASSIVE]
        caught = {PRODUCT: done[0] if done else ""}
        for name, detector in DETECTORS.items():
            caught[name] = name if detector(traffic, onset_ns, end_ns) else ""
        return Run(
            multiple=traffic.rate(onset_ns, end_ns) / self.envelope,
            caught=caught,
            told=tuple(sorted({f"{one.action.value}: {one.rule}" for one in lately})),
        )

    def _traffic(self, rate: float) -> tuple[Traffic, list[Decision]]:
        """Play; return what the session sent, and what was decided about it."""
        asked = self._asked
        plan, line = _planned(asked, rate)
        stage = PlanStage(plan, SPEC, {"domain": asked.domain})
        comp = plan.comp(line)
        meter = Meter(shipped_scorer(), comp)
        heard = hear(stage, asked.policy, meter, "open", Terms(is_rooted=False))
        onset_ns = plan.start_ns + round(asked.calm_s * SECOND_NS)
        own = [
            one
            for one in heard.decisions
            if one.session is not None and one.session.client_comp == comp
        ]
        return meter.traffic(plan.start_ns, onset_ns, plan.end_ns), own


def _planned(asked: Asked, rate: float) -> tuple[Plan, int]:
    """Return a quiet day on which one maker stuffs at `rate`, and its line."""
    size = Size(
        duration_s=asked.calm_s + STUFFED_NS / SECOND_NS + 1.0,
        sessions=asked.sessions,
        difficulty=0.5,
    )
    plan = catalogue.build("quiet", asked.seed, size=size, of=asked.domain)
    line = disturb.pick(plan, disturb.MAKER)
    if rate:
        onset_ns = plan.start_ns + round(asked.calm_s * SECOND_NS)
        shape = SHAPES[NAMES.index(asked.shape)]
        shape.stuff(plan, line, (onset_ns, onset_ns + STUFFED_NS), rate)
    return plan, line


def searched(asked: Asked) -> Evaded:
    """Return what gets past each detector in one shape and world."""
    return Search(asked).found()


def evade(
    asked: Sequence[Asked], executor: Executor, progress: Progress | None = None
) -> list[Evaded]:
    """Search each; the answer does not depend on who runs it.

    Raises:
        UnsupportedError: an episode could not be played.
    """
    found: dict[int, Evaded] = {}
    for answer in executor.run(searched, asked):
        if answer.value is None:
            one = asked[answer.index]
            raise UnsupportedError(
                f"{one.shape}, seed {one.seed}: {answer.problem}",
                "report it with these numbers",
            )
        found[answer.index] = answer.value
        if progress:
            progress(len(found), len(asked))
    return [found[index] for index in range(len(asked))]


__all__ = ["NAMES", "SHAPES", "Asked", "Evaded", "Survived", "evade"]
