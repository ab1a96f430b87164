"""The mirror does what its rows say, counts it, and does nothing else."""

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest

from airnet._ext.twin import World
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import BOTH, Impairment
from tests.twin import strikes
from tests.twin.strikes import build

Frames = list[tuple[int, int, bytes]]


def plan_with(kind: Impairment | None, **fields: Any) -> Plan:
    """Return a quiet Plan whose mirror has one fault in the middle half."""
    plan = build("quiet", 5, duration_s=3.0, sessions=20, symbols=10)
    quarter = plan.duration_ns // 4
    if kind is not None:
        row = {
            "onset_ns": plan.start_ns + quarter,
            "offset_ns": plan.end_ns - quarter,
            "run_frames": 1.0,
            "direction": BOTH,
            "kind": int(kind),
        }
        plan.add("sensor", **(row | fields))
    return plan


def play(kind: Impairment | None, **fields: Any) -> tuple[Frames, dict[str, int]]:
    """Return the frames of a world with one fault, and its counters."""
    plan = plan_with(kind, **fields)
    world = strikes.world_of(plan)
    frames = list(strikes.run(world, plan.end_ns))
    counters = world.counters()
    balance = counters["mirror_passed"] + counters["mirror_twice"]
    balance -= counters["mirror_lost"] + counters["mirror_missing"]
    assert 0 <= balance - counters["mirror_written"] <= 8  # what still waits to be late
    assert counters["mirror_written"] == len(frames)
    return frames, counters


@pytest.fixture(scope="module")
def perfect() -> Frames:
    """Return what a mirror without fault shows."""
    frames, counters = play(None)
    assert counters["mirror_passed"] == len(frames) > 1_000
    return frames


def inside(frames: Frames) -> tuple[int, int]:
    """Return the places of the first and the last frame of the fault's time."""
    plan = plan_with(None)
    quarter = plan.duration_ns // 4
    times = [time_ns for time_ns, _, _ in frames]
    first = int(np.searchsorted(times, plan.start_ns + quarter))
    return first, int(np.searchsorted(times, plan.end_ns - quarter))


def test_stamps_ascend_by_the_port(perfect: Frames) -> None:
    """No two frames are closer than the mirror port can pass them on (25 Gbit/s)."""
    times = np.array([time_ns for time_ns, _, _ in perfect])
    sizes = np.array([len(raw) for _, _, raw in perfect])

    assert (np.diff(times) >= (sizes[1:] + 24) * 8 // 25).all()


@pytest.mark.parametrize(("rate", "run"), [(0.02, 1.0), (0.3, 1.0), (0.2, 10.0)])
def test_loss_takes_its_share_in_bursts(
    perfect: Frames, rate: float, run: float
) -> None:
    """About the share is lost, in runs of about that length, within the time only."""
    first, last = inside(perfect)
    frames, counters = play(Impairment.LOSS, rate=rate, run_frames=run)

    kept = Counter(frames)
    is_lost = [kept[frame] == 0 for frame in perfect]

    assert not any(is_lost[:first])
    assert not any(is_lost[last:])
    assert sum(is_lost) == counters["mirror_lost"]
    share = sum(is_lost) / (last - first)
    expected = rate / (1 + rate * (run - 1) / run)  # a run ends before another begins
    assert share == pytest.approx(expected, rel=0.35)
    edges = sum(
        a and not b for a, b in zip(is_lost, [*is_lost[1:], False], strict=True)
    )
    mean_run = sum(is_lost) / edges
    assert 0.6 * run < mean_run < 2.2 * run
    assert [frame for frame in perfect if kept[frame]] == frames


def test_duplicates_follow_their_originals(perfect: Frames) -> None:
    """A frame that comes twice comes at once, with the same bytes, a little later."""
    frames, counters = play(Impairment.DUPLICATE, rate=0.25)
    first, last = inside(perfect)

    twice = [(one, two) for one, two in itertools.pairwise(frames) if one[2] == two[2]]

    assert counters["mirror_twice"] == len(frames) - len(perfect)
    assert counters["mirror_twice"] == pytest.approx(0.25 * (last - first), rel=0.3)
    assert len(twice) >= counters["mirror_twice"]
    assert all(0 < two[0] - one[0] < 1_000 for one, two in twice)


@pytest.mark.parametrize("direction", [0, 1])
def test_one_way_misses_that_way_only(perfect: Frames, direction: int) -> None:
    """What is missing was all of one direction; the other is whole."""
    frames, counters = play(Impairment.ONE_WAY, direction=direction)
    plan = plan_with(None)
    gateways = {plan.address(host) for host in plan.gateways}
    kept = Counter(frames)

    missing = [frame for frame in perfect if not kept[frame]]

    assert len(missing) == counters["mirror_missing"] > 150
    for frame in missing:
        one = strikes.read(*frame)
        assert one is not None
        if one.protocol == strikes.TCP:
            other_way = (one.source, one.target)[direction]
            assert other_way not in gateways


def test_a_step_moves_stamps_and_nothing_else(perfect: Frames) -> None:
    """Stamps are off by the amount between onset and offset; bytes are the same."""
    for amount in (2_000_000_000, -300_000):
        frames, _ = play(Impairment.STEP, amount_ns=amount)
        first, last = inside(perfect)
        moved = np.array([a[0] - b[0] for a, b in zip(frames, perfect, strict=True)])
        assert (moved[first:last] == amount).all()
        assert not moved[:first].any()
        assert not moved[last:].any()
        assert [raw for _, _, raw in frames] == [raw for _, _, raw in perfect]


def test_jitter_is_bounded_and_even(perfect: Frames) -> None:
    """Stamps are late by up to the amount, half of it on average."""
    frames, _ = play(Impairment.JITTER, amount_ns=40_000)
    first, last = inside(perfect)

    late = np.array([a[0] - b[0] for a, b in zip(frames, perfect, strict=True)])

    assert not late[:first].any()
    assert late.min() >= 0
    assert late.max() < 40_000
    assert late[first:last].mean() == pytest.approx(20_000, rel=0.1)


def test_drift_grows(perfect: Frames) -> None:
    """A fast clock gains its rate every second."""
    frames, _ = play(Impairment.DRIFT, rate=1e6)
    first, last = inside(perfect)
    onset_ns = int(plan_with(Impairment.DRIFT).row("sensor", 0)["onset_ns"])

    for (stamp, _, _), (true, _, _) in list(zip(frames, perfect, strict=True))[
        first:last:97
    ]:
        assert stamp - true == pytest.approx((true - onset_ns) * 1e-3, abs=2)


def test_reordered_frames_are_all_there(perfect: Frames) -> None:
    """Late frames come a few places later, and none is lost or changed."""
    frames, counters = play(Impairment.REORDER, rate=0.1, run_frames=3.0)
    place = {raw: n for n, (_, _, raw) in enumerate(perfect)}

    assert Counter(raw for _, _, raw in frames) == Counter(raw for _, _, raw in perfect)
    moved = [n - place[raw] for n, (_, _, raw) in enumerate(frames)]
    assert counters["mirror_late"] > 25
    assert 1 <= max(moved) <= 8
    assert min(moved) >= -8


def test_an_overflowing_port_is_a_leaky_bucket(perfect: Frames) -> None:
    """Exactly those frames are lost that a queue of the port's size cannot take."""
    rate, wait_ns = 150_000.0, 4_000_000
    frames, counters = play(Impairment.OVERFLOW, rate=rate, amount_ns=wait_ns)
    first, last = inside(perfect)
    queue, before, expected = 0.0, 0, []
    for number, frame in enumerate(perfect):
        if first <= number < last:
            queue = max(0.0, queue - (frame[0] - before) * 1e-9 * rate)
            before = frame[0]
            if queue + len(frame[2]) > rate * wait_ns * 1e-9:
                continue
            queue += len(frame[2])
        expected.append(frame)

    assert frames == expected
    assert counters["mirror_lost"] == len(perfect) - len(expected) > 50


def test_a_ramp_begins_gently() -> None:
    """With a ramp over its whole time, a fault is weaker in the first half."""
    plan = plan_with(Impairment.DUPLICATE, rate=1.0)
    row = plan.row("sensor", 0)
    row["ramp_ns"] = row["offset_ns"] - row["onset_ns"]
    middle = int(row["onset_ns"] + row["offset_ns"]) // 2
    frames = list(strikes.run(strikes.world_of(plan), plan.end_ns))

    twice = [b[0] for a, b in itertools.pairwise(frames) if a[2] == b[2]]

    early = sum(time_ns < middle for time_ns in twice)
    assert 0.1 < early / len(twice) < 0.45


def test_faults_do_not_touch_the_world(perfect: Frames) -> None:
    """Whatever the mirror does, the same frames pass the switch."""
    plan = plan_with(Impairment.LOSS, rate=0.5)
    other = plan_with(None)

    def counters(of: Plan) -> dict[str, int]:
        world: World = strikes.world_of(of)
        for _ in strikes.run(world, of.end_ns, 50_000_000):
            pass
        told: dict[str, int] = world.counters()
        return {name: told[name] for name in ("events", "mirror_passed_bytes")}

    assert counters(plan) == counters(other)


def test_faults_add_up() -> None:
    """Several faults at once: each does its part, and the counters still balance."""
    plan = plan_with(Impairment.LOSS, rate=0.1, run_frames=4.0)
    times = {name: plan.row("sensor", 0)[name] for name in ("onset_ns", "offset_ns")}
    for kind, more in (
        (Impairment.DUPLICATE, {"rate": 0.2}),
        (Impairment.REORDER, {"rate": 0.2, "run_frames": 2.0}),
        (Impairment.JITTER, {"amount_ns": 5_000}),
    ):
        plan.add("sensor", kind=int(kind), direction=BOTH, **(times | more))
    world = strikes.world_of(plan)

    frames = list(strikes.run(world, plan.end_ns))

    told = world.counters()
    assert all(told[f"mirror_{name}"] > 10 for name in ("lost", "twice", "late"))
    balance = told["mirror_passed"] + told["mirror_twice"] - told["mirror_lost"]
    assert 0 <= balance - len(frames) <= 8


def test_end_leaves_what_was_read_alone() -> None:
    """A World that ends writes nothing: whose memory its rows lie in may be gone.

    The collector of a cycle that a World is part of frees its rows before the World.
    """
    plan = plan_with(Impairment.REORDER, rate=1.0, run_frames=50.0)
    world = strikes.world_of(plan)
    list(strikes.run(world, plan.start_ns + plan.duration_ns // 2))
    counters = world.counters()
    assert counters["mirror_passed"] > counters["mirror_written"]  # some are held
    frames, marks, buffer = world.frames, world.marks, world.buffer
    for rows in (frames, marks, buffer):
        rows.view(np.uint8)[:] = 0xA5

    del world

    for rows in (frames, marks, buffer):
        assert (rows.view(np.uint8) == 0xA5).all()
