"""What a demonstration tells while it runs, and what it found in the end.

Plain values: a terminal view draws the events, a report is written from the result.
Times are ns since the epoch, UTC; a frame's time and a clock's time are both that.
"""

from collections.abc import Callable

import msgspec

#: Width of one bin of every series.
STEP_NS = 250_000_000


class Tally(msgspec.Struct, kw_only=True):
    """Order messages of one session as one end counted them.

    The firm counts what it sent and which answers came; the venue what came and which
    answers it sent. `orders` == `accepted` + `refused` + `stopped` once all is
    answered; likewise `replaces` == `replaced` + `replace_rejects` and `cancels` ==
    `canceled` + `cancel_rejects`. `stopped` are new orders that a containment stopped,
    `refused` those the venue refused for any other reason.
    """

    orders: int = 0
    accepted: int = 0
    refused: int = 0
    stopped: int = 0
    replaces: int = 0
    replaced: int = 0
    replace_rejects: int = 0
    cancels: int = 0
    canceled: int = 0
    cancel_rejects: int = 0
    fills: int = 0

    def unanswered(self) -> int:
        """Return how many order messages have had no answer."""
        sent = self.orders + self.replaces + self.cancels
        answers = self.accepted + self.refused + self.stopped
        answers += self.replaced + self.replace_rejects
        return sent - answers - self.canceled - self.cancel_rejects


class SessionCounts(msgspec.Struct, frozen=True, kw_only=True):
    """One FIX session as both its ends counted it, so far or in all."""

    firm: str
    comp_id: str
    host: str
    by_firm: Tally
    by_venue: Tally


class Stage(msgspec.Struct, frozen=True, kw_only=True, tag="stage"):
    """A step of building up, examining or taking down began."""

    time_ns: int
    text: str


class SceneBegan(msgspec.Struct, frozen=True, kw_only=True, tag="scene"):
    """A scene began; `seconds` is how long it is planned to take."""

    time_ns: int
    name: str
    title: str
    text: str
    seconds: float
    number: int
    of: int


class Counts(msgspec.Struct, frozen=True, kw_only=True, tag="counts"):
    """What all ends counted so far; sent about four times a second.

    `latency_us` is the median order-to-acknowledgement time since the last one, by
    CompID; `flooded` counts packets the unknown host has sent; `contained` names the
    sessions and addresses under a containment now, with what is left of it in seconds;
    `cpu_percent` is of one core, by process.
    """

    time_ns: int
    sessions: tuple[SessionCounts, ...]
    latency_us: dict[str, int]
    flooded: int
    contained: dict[str, float]
    cpu_percent: dict[str, int]


class Decided(msgspec.Struct, frozen=True, kw_only=True, tag="decided"):
    """A Decision was made; `line` is its line of decisions.jsonl."""

    time_ns: int
    line: dict[str, object]


class Happened(msgspec.Struct, frozen=True, kw_only=True, tag="happened"):
    """A ledger entry about a containment was written: `containment` or `effect`."""

    time_ns: int
    kind: str
    body: dict[str, object]


class Expectation(msgspec.Struct, frozen=True, kw_only=True, tag="expectation"):
    """One thing that must be true, what was found, and whether it is."""

    scene: str
    name: str
    expected: str
    found: str
    ok: bool


Event = Stage | SceneBegan | Counts | Decided | Happened | Expectation
Report = Callable[[Event], None]


class SceneSpan(msgspec.Struct, frozen=True, kw_only=True):
    """When a scene was played."""

    name: str
    title: str
    begin_ns: int
    end_ns: int


class DecisionTimes(msgspec.Struct, frozen=True, kw_only=True):
    """One Decision with its times; 0 where there is no such time.

    `first_bad_ns`, `decided_ns` and `last_bad_ns` are capture times of frames on the
    mirror, `command_ns` and `applied_ns` the clock's. `ended_ns` is when the ledger
    says that it ended by itself.
    """

    id: str
    cause: str
    action: str
    mode: str
    target: tuple[str, ...]
    rule: str
    measured: int
    limit: int
    probability: float
    why: str
    state: str
    first_bad_ns: int
    decided_ns: int
    command_ns: int
    applied_ns: int
    last_bad_ns: int
    until_ns: int
    ended_ns: int


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """An Incident and its narrative."""

    id: str
    cause: str
    target: tuple[str, ...]
    first_ns: int
    last_bad_ns: int
    narrative: str


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Counts in bins of STEP_NS from `begin_ns`, as seen on the mirror.

    By client CompID: `orders` and `cancels` towards the gateway, `accepted` and
    `stopped` answers from it. `flood` is SYN packets towards the gateway, `frames` and
    `bytes` everything.
    """

    begin_ns: int
    orders: dict[str, tuple[int, ...]]
    cancels: dict[str, tuple[int, ...]]
    accepted: dict[str, tuple[int, ...]]
    stopped: dict[str, tuple[int, ...]]
    flood: tuple[int, ...]
    frames: tuple[int, ...]
    bytes: tuple[int, ...]


class LedgerState(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger as `airnet verify` found it."""

    size: int
    root: str
    problems: tuple[str, ...]


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """A demonstration, whole.

    `kind` is `lab` or `generated`; `missing` says what kept it from being the lab.
    `processes` is the CPU time of each process, in seconds.
    """

    kind: str
    directory: str
    begin_ns: int
    end_ns: int
    missing: tuple[str, ...]
    scenes: tuple[SceneSpan, ...]
    expectations: tuple[Expectation, ...]
    decisions: tuple[DecisionTimes, ...]
    stories: tuple[Story, ...]
    sessions: tuple[SessionCounts, ...]
    series: Series | None
    ledger: LedgerState | None
    replay: dict[str, object]
    processes: dict[str, float]
    source: str = ""

    @property
    def ok(self) -> bool:
        """Return whether there were expectations, and every one of them held."""
        held = [expectation.ok for expectation in self.expectations]
        return bool(held) and all(held)
