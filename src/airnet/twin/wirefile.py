"""The wire twin: a scenario's mirrored frames as a pcapng file, and what is true of it.

The pcapng has ns stamps, one interface and its counters at the end (an interface
statistics block); the truth is a JSON document beside it: labels, which frames belong
to which incident, the messages by type, connection and direction, the site.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet._ext.twin import FULL, TYPES, VOID, WIRE, World
from airnet.capture.recorder import Recorder
from airnet.config import Site
from airnet.twin.plan import Plan
from airnet.twin.spec import Mark

#: How much virtual time passes between two looks at the clock, for whoever watches.
STEP_NS = 100_000_000
#: A mark above this is the line whose algorithm sent the frame (SENSOR_MARK_LINE).
MARK_LINE = 0x80000000
DIRECTIONS = ("up", "down")


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """A label of the file: what, who, when, and its frames by their place in the file.

    `first_frame` and `last_frame` are the first and the last seen between onset and
    offset, -1 when there is none. `frames` are runs (first, count) of frames that the
    incident itself put on the wire; frames of a failing algorithm are among them, its
    healthy ones and the venue's answers are not.
    """

    label: Mark
    first_frame: int
    last_frame: int
    frames: tuple[tuple[int, int], ...]


class Messages(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages of a type passed the switch on a line, in a direction."""

    line: int
    direction: str
    type: str
    count: int


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is true of a written file."""

    scenario: str
    seed: int
    difficulty: float
    domain: str
    held_out: bool
    start_ns: int
    end_ns: int
    frames: int
    bytes: int
    sha256: str
    mirror: dict[str, int]
    counters: dict[str, int]
    incidents: tuple[Incident, ...]
    messages: tuple[Messages, ...]
    sessions: tuple[tuple[str, str, str], ...]
    site: Site


class Runs:
    """Runs of frames by the mark they carry, gathered batch by batch."""

    def __init__(self) -> None:
        self._runs: dict[int, list[list[int]]] = {}

    def add(self, first: int, marks: NDArray[np.uint32]) -> None:
        """Note the marks of a batch whose first frame has this place in the file."""
        if not marks.any():
            return
        edges = np.flatnonzero(np.diff(marks)) + 1
        starts = np.concatenate([[0], edges]).tolist()
        ends = np.concatenate([edges, [len(marks)]]).tolist()
        for start, end in zip(starts, ends, strict=True):
            mark = int(marks[start])
            if mark:
                self._append(mark, first + start, end - start)

    def _append(self, mark: int, first: int, count: int) -> None:
        runs = self._runs.setdefault(mark, [])
        if runs and sum(runs[-1]) == first:
            runs[-1][1] += count
        else:
            runs.append([first, count])

    def of(self, label: Mark) -> tuple[tuple[int, int], ...]:
        """Return the runs of a label, by its number or its failing lines."""
        marks = [label.number, *(MARK_LINE | line for line in label.lines)]
        runs = [run for mark in marks for run in self._runs.get(mark, [])]
        return tuple((first, count) for first, count in sorted(runs))


class Spans:
    """First and last frame of each label's time."""

    def __init__(self, labels: tuple[Mark, ...]) -> None:
        self._labels = labels
        self._found = [[-1, -1] for _ in labels]

    def add(self, first: int, times: NDArray[np.uint64]) -> None:
        """Note a batch; stamps need not be in order."""
        for label, found in zip(self._labels, self._found, strict=True):
            inside = np.flatnonzero(
                (times >= label.onset_ns) & (times < label.offset_ns)
            )
            if len(inside):
                found[1] = first + int(inside[-1])
                if found[0] < 0:
                    found[0] = first + int(inside[0])

    def of(self, index: int) -> tuple[int, int]:
        """Return first and last frame of a label."""
        first, last = self._found[index]
        return first, last


class VoidError(AssertionError):
    """A world was built too small for its rows: nothing of it counts."""


def write(plan: Plan, path: Path, moved: Callable[[int], None] | None = None) -> Truth:
    """Run a Plan's world and write its mirror into a pcapng file.

    Args:
        plan: what happens.
        path: a file that does not exist yet.
        moved: told the virtual time now and then.

    Raises:
        CaptureError: the file cannot be written.
        VoidError: the world was too small; a bug of ours.
    """
    world = World(plan.seed, plan.start_ns, plan.end_ns, WIRE, **plan.rows())
    tape = Recorder(path)
    runs, spans = Runs(), Spans(tuple(plan.labels))
    written = 0
    try:
        now_ns = plan.start_ns
        while now_ns < plan.end_ns:
            count = world.run(min(now_ns + STEP_NS, plan.end_ns))
            tape.write(world.frames, count, world.buffer)
            runs.add(written, world.marks[:count])
            spans.add(written, world.frames["time_ns"][:count])
            written += count
            if world.ended == VOID:
                raise VoidError(f"{plan.scenario} with seed {plan.seed}")
            if world.ended != FULL:
                now_ns += STEP_NS
            if moved is not None:
                moved(min(now_ns, plan.end_ns))
        counters = world.counters()
        lost = counters["mirror_lost"] + counters["mirror_missing"]
        tape.close({"seen": written + lost, "delivered": written})
    finally:
        tape.close()
    return _truth(plan, path, (counters, written, world), (runs, spans))


def _truth(
    plan: Plan,
    path: Path,
    played: tuple[dict[str, Any], int, World],
    found: tuple[Runs, Spans],
) -> Truth:
    counters, written, world = played
    runs, spans = found
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    mirror = {
        name.removeprefix("mirror_"): int(value)
        for name, value in counters.items()
        if name.startswith("mirror_")
    }
    incidents = tuple(
        Incident(
            label=label,
            first_frame=spans.of(index)[0],
            last_frame=spans.of(index)[1],
            frames=runs.of(label),
        )
        for index, label in enumerate(plan.labels)
    )
    return Truth(
        scenario=plan.scenario,
        seed=plan.seed,
        difficulty=plan.difficulty,
        domain=plan.ranges.name,
        held_out=plan.spec.is_held_out,
        start_ns=plan.start_ns,
        end_ns=plan.end_ns,
        frames=written,
        bytes=path.stat().st_size,
        sha256=digest,
        mirror=mirror,
        counters={name: int(value) for name, value in counters.items()},
        incidents=incidents,
        messages=_messages(world),
        sessions=tuple(_session(plan, line) for line in range(plan.count("line"))),
        site=plan.site(),
    )


def _messages(world: World) -> tuple[Messages, ...]:
    """Return what passed the switch, mirrored or not, as the lines counted it."""
    counts = world.truth()
    return tuple(
        Messages(
            line=int(line),
            direction=DIRECTIONS[side],
            type=TYPES[kind],
            count=int(counts[line, side, kind]),
        )
        for line, side, kind in np.argwhere(counts).tolist()
    )


def _session(plan: Plan, line: int) -> tuple[str, str, str]:
    """Return a line's client `ip:port`, gateway `ip:port` and CompID."""
    client, comp = plan.name_of(line)
    row = plan.row("line", line)
    gateway = f"{plan.address(int(row['gateway']))}:{row['gateway_port']}"
    return client, gateway, comp
