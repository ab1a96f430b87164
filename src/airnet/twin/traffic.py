"""Traffic: from a scenario's name and a seed to labelled frames."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from airnet.config import Site
from airnet.errors import UsageError
from airnet.twin import background
from airnet.twin.flow import Ends
from airnet.twin.line import Act, Connection, Line, Truth
from airnet.twin.market import stream
from airnet.twin.scenario import Expectation, Label, Params, SessionPlan, World
from airnet.twin.scenarios import SCENARIOS
from airnet.twin.trader import Trader
from airnet.twin.venue import Venue
from airnet.twin.wire import Frame, write_pcapng

DIRECTIONS = ("up", "down")


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """What a scenario became under one seed.

    `frames` are (ns since the epoch, bytes), in the order the mirror gave them, which
    is time order but for a clock that steps. `truth` counts the messages sent, by
    MsgType and direction: what a mirror that loses nothing shows.
    """

    scenario: str
    seed: int
    params: Params
    frames: list[Frame]
    labels: tuple[Label, ...]
    truth: dict[str, dict[str, int]]
    site: Site
    expectation: Expectation

    def digest(self) -> str:
        """Return the SHA-256, in hex, of all times and bytes."""
        total = hashlib.sha256()
        for time_ns, frame in self.frames:
            total.update(time_ns.to_bytes(8, "little"))
            total.update(frame)
        return total.hexdigest()

    def write(self, path: Path) -> None:
        """Write the frames as pcapng with nanosecond stamps."""
        write_pcapng(path, self.frames)


def generate(scenario: str, seed: int, *, params: Params | None = None) -> Episode:
    """Return the episode of a scenario under a seed: same arguments, same bytes.

    Raises:
        UsageError: there is no such scenario.
    """
    chosen = SCENARIOS.get(scenario)
    if chosen is None:
        raise UsageError(
            f"there is no scenario {scenario!r}", f"choose from {', '.join(SCENARIOS)}"
        )
    world = World(scenario, seed, params or chosen.params)
    chosen.prepare(world)
    frames: list[Frame] = []
    truth: Truth = Counter()
    for plan in world.sessions:
        activity = list(_activity(world, plan))
        for number, connection in enumerate(plan.connections):
            _play(world, plan, (connection, number), activity, (frames, truth))
    background.add(world, frames)
    for disturbance in world.disturbances:
        disturbance(world, frames, truth)
    frames = [frame for frame in frames if world.start_ns <= frame[0] < world.end_ns]
    frames.sort()
    for mirror in world.mirrors:
        frames = mirror(world, frames)
    return Episode(
        scenario=scenario,
        seed=seed,
        params=world.params,
        frames=frames,
        labels=tuple(sorted(world.labels, key=lambda label: label.onset_ns)),
        truth=_counted(truth),
        site=world.site(),
        expectation=chosen.expectation,
    )


def _counted(truth: Truth) -> dict[str, dict[str, int]]:
    """Return counts by MsgType and direction, in order of MsgType."""
    counted: dict[str, dict[str, int]] = {}
    for kind in sorted({kind for kind, _ in truth}):
        counted[kind] = {
            name: truth[kind, side] for side, name in enumerate(DIRECTIONS)
        }
    return counted


def _activity(world: World, plan: SessionPlan) -> Iterator[tuple[int, int]]:
    """Return (time, which) of all a session will do: -1 is work, else a fault."""
    rng = stream(world.seed, "activity", plan.name)
    if plan.period_ns:
        first = int(rng.integers(plan.period_ns))
        ticks = np.arange(first, world.duration_ns, plan.period_ns, dtype=np.int64)
        work = ticks + rng.integers(0, 3_000_000, len(ticks))
    else:
        work = world.market.arrivals(rng, plan.pace, plan.symbols)
    times = [work + world.start_ns]
    kinds = [np.full(len(work), -1)]
    for number, fault in enumerate(plan.faults):
        times.append(fault.times)
        kinds.append(np.full(len(fault.times), number))
    when, what = np.concatenate(times), np.concatenate(kinds)
    order = np.argsort(when, kind="stable")
    return zip(when[order].tolist(), what[order].tolist(), strict=True)


def _play(
    world: World,
    plan: SessionPlan,
    which: tuple[Connection, int],
    activity: list[tuple[int, int]],
    output: tuple[list[Frame], Truth],
) -> None:
    """Play one connection of a session into `output`."""
    connection, number = which
    rng = stream(world.seed, "line", plan.name, number)
    server = world.servers[plan.gateway]
    ends = Ends(
        client=plan.host,
        server=server.host,
        client_port=connection.client_port,
        server_port=server.port,
        turn_ns=plan.turn_ns,
    )
    line = Line(
        ends,
        connection,
        plan.manner,
        rng,
        (*output, world.start_ns),
        world.impairment,
    )
    line.meet(plan.dialect, (plan.comp.encode(), server.comp.encode()))
    first = 1 + number * 1_000_000 + int(rng.integers(100_000))
    venue = Venue(
        line, world.market.symbols, plan.odds, plan.dialect.price_style, first
    )
    if plan.dialect.version == "FIX.4.2":
        venue.fill_type = b""
    trader = Trader(
        line,
        venue,
        (world.market, world.start_ns),
        plan.dialect,
        (plan.kind, plan.symbols, plan.comp.encode(), first),
        rng,
    )
    acts: dict[int, tuple[Act, Any]] = {-1: (trader.act, None)}
    for index, fault in enumerate(plan.faults):
        acts[index] = (trader.failing(fault.terms), fault.terms)
    line.run((time_ns, *acts[what]) for time_ns, what in activity)
