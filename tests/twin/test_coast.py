"""Slices that follow one another without a pause are those taken one by one."""

from collections.abc import Iterator

import pytest

from airnet._ext.step import Step
from airnet.clock import SimulatedClock
from airnet.decide.policy import Policy
from airnet.pipeline import Brain, think
from airnet.record.memory import MemoryLedger
from airnet.stride import Stride
from airnet.twin.closed import Heard, Loop, Terms
from airnet.twin.loop import enforced, shipped_scorer
from airnet.twin.source import WorldSource
from airnet.twin.stage import Kind, Stage, World
from airnet.twin.staging import stage_of

FORCE = enforced(Policy())
SECONDS = 12.0
LEAST_NS = 3_000_000


def heard(stage: Stage, *, is_watched: bool) -> tuple[Heard, str, list[int]]:
    """Run a stage's loop; `is_watched` looks after each slice, so that none coasts."""
    ledger, looks = MemoryLedger(), [0]

    def look(*_: object) -> None:
        looks[0] += 1

    terms = Terms(is_rooted=False, ledger=ledger, look=look if is_watched else None)
    loop = Loop(stage, FORCE, shipped_scorer(), "closed", terms)
    out = loop.run()
    return out, ledger.root(), looks


@pytest.mark.parametrize(
    "name", ["market_news", "syn_flood", "runaway", "clock_step", "one_way_mirror"]
)
def test_coasting_changes_no_decision_no_act_and_no_ledger(name: str) -> None:
    """Nothing standing, something standing and ended, and clocks that jump."""
    stage = stage_of(name, 5, 0.3, sessions=12, symbols=4, duration_s=SECONDS)

    coasted, root, _ = heard(stage, is_watched=False)
    watched, other, looks = heard(stage, is_watched=True)

    assert coasted == watched
    assert root == other
    assert looks[0] > SECONDS * 50
    assert coasted.frames > 1000


@pytest.fixture
def course() -> Iterator[tuple[Stage, World, Brain, WorldSource]]:
    """A quiet stage whose world writes a decoder's rows, at its beginning."""
    stage = stage_of("quiet", 5, None, sessions=4, symbols=2, duration_s=2.0)
    world = stage.world(Kind.WHOLE, is_seen=True, is_decoded=True)
    brain = think(stage.site, FORCE, shipped_scorer())
    clock = SimulatedClock(stage.span_ns[0])
    yield stage, world, brain, WorldSource(world, brain.decoder, clock)
    brain.decoder.close()


def test_one_call_goes_on_until_windows_close(
    course: tuple[Stage, World, Brain, WorldSource],
) -> None:
    """Over many slices: else the test above would compare them with themselves."""
    stage, _, brain, source = course
    start_ns, end_ns = stage.span_ns
    stride = Stride(source, brain.decoder, brain.windows)
    source.until_ns = start_ns + LEAST_NS
    source.course = end_ns, LEAST_NS

    assert stride.poll(0) > 0
    assert source.until_ns > start_ns + 5 * LEAST_NS
    assert stride.advance()
    assert brain.windows.count

    before_ns = source.until_ns
    while stride.advance():
        pass
    stride.poll(0)
    assert source.until_ns == before_ns, "a course is followed once"


def test_a_world_that_was_told_something_must_be_run(
    course: tuple[Stage, World, Brain, WorldSource],
) -> None:
    """What it was told is done when a run begins: none may pass over that."""
    stage, world, brain, source = course
    start_ns, end_ns = stage.span_ns
    assert stage.world(Kind.WHOLE, is_seen=False).engine is None
    assert world.engine is not None

    world.throttle(0, 5, 5, end_ns)
    assert world.engine is None
    source.until_ns = start_ns + LEAST_NS
    source.course = end_ns, LEAST_NS
    Stride(source, brain.decoder, brain.windows).poll(0)
    assert source.until_ns == start_ns + LEAST_NS
    assert world.engine is not None


def test_a_course_that_cannot_be_is_refused(
    course: tuple[Stage, World, Brain, WorldSource],
) -> None:
    """Another build's world, time before the epoch, or slices of nothing."""
    stage, world, brain, _ = course
    start_ns, end_ns = stage.span_ns
    engine = world.engine
    assert engine is not None
    rows = brain.decoder.rows
    step = Step(
        None,
        brain.decoder.stream,
        brain.windows.table,
        world.buffer,
        world.frames,
        *rows,
    )
    with pytest.raises(ImportError, match="build both"):
        step.coast((*engine[:2], engine[2] + 8), start_ns, 0, end_ns, 5)
    for now_ns, least_ns in ((-1, 5), (start_ns, 0)):
        with pytest.raises(ValueError, match="must be"):
            step.coast(engine, now_ns, 0, end_ns, least_ns)

    found = step.coast(engine, end_ns, 7, end_ns, 5)
    assert found == (False, 0, 0, 0, 7, end_ns, end_ns)
