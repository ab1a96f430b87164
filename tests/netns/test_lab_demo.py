"""The whole loop, live and short: mirror, sensor, controller, gateway, and back.

The demonstration's own scenes take a minute; these are the same in ten seconds.
"""

import os
from pathlib import Path

import pytest

from airnet.lab.chronicle import acted
from airnet.lab.demo import run_demo
from airnet.lab.needs import missing
from airnet.lab.network import ADDRESSES, GATEWAY_PORT, UNKNOWN, VENUE, run
from airnet.lab.result import Counts, Decided, Event, Happened, SceneBegan
from airnet.lab.scenes import EVERYBODY, RUNAWAY, Cue, Scene, runaway
from airnet.lab.tape import Tape, between

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason="; ".join(missing())),
]

SHORT = (
    Scene(
        name="quiet",
        title="Quiet",
        text="",
        seconds=5.0,
        cues=(Cue(at_s=0.0, who=EVERYBODY, command={"do": "trade"}),),
    ),
    Scene(
        name="runaway",
        title="Runaway",
        text="",
        seconds=2.0,
        cues=(runaway(0.0, 450.0), runaway(2.0, 0.0)),
    ),
    Scene(
        name="flood",
        title="Flood",
        text="",
        seconds=2.0,
        cues=(
            Cue(
                at_s=0.0,
                who=UNKNOWN,
                command={"do": "flood", "rate": 4000.0, "seconds": 1.5},
            ),
        ),
    ),
)

MENDED = (
    Scene(
        name="quiet",
        title="Quiet",
        text="",
        seconds=6.0,
        cues=(Cue(at_s=0.0, who=EVERYBODY, command={"do": "trade"}),),
    ),
    Scene(
        name="runaway",
        title="Runaway",
        text="",
        seconds=2.0,
        cues=(runaway(0.0, 450.0), runaway(1.0, 0.0)),
    ),
    # The throttle of eight seconds ends within; what it made is seen for as long again.
    Scene(name="release", title="Release", text="", seconds=14.0),
)


def test_who_was_mended_and_asks_again_is_let_go_and_stays_so(tmp_path: Path) -> None:
    """What he asks for is refused by us: that neither renews nor repeats it."""
    result = run_demo(tmp_path / "run", lambda _: None, scenes=MENDED)
    place = Path(result.directory)

    (throttle,) = (one for one in result.decisions if acted(one))
    assert throttle.action == "throttle_session"
    assert throttle.state.endswith("ended")
    tape = Tape(place / "mirror.pcapng", (ADDRESSES[VENUE], GATEWAY_PORT))
    # Long after it was mended he insisted, and at the end all of it is taken.
    late_ns = throttle.until_ns - 3_000_000_000
    assert between(tape.stopped(RUNAWAY), late_ns, throttle.until_ns) >= 10
    after_ns = throttle.until_ns + 1_000_000_000
    assert between(tape.stopped(RUNAWAY), after_ns, 1 << 62) == 0
    assert between(tape.accepted(RUNAWAY), after_ns, 1 << 62) >= 10
    live = (place / "decisions.jsonl").read_bytes()
    assert (place / "replayed.jsonl").read_bytes() == live
    assert b"itself has stopped" in live


def test_live_run_contains_both_and_replays_to_the_same_bytes(tmp_path: Path) -> None:
    events: list[Event] = []
    result = run_demo(tmp_path / "run", events.append, scenes=SHORT)
    place = Path(result.directory)

    assert {(one.cause, one.action) for one in result.decisions if acted(one)} == {
        ("algo_fault", "throttle_session"),
        ("flood", "drop_sources"),
    }
    throttle, drop = (one for one in result.decisions if acted(one))
    assert RUNAWAY in throttle.target
    assert drop.target == (ADDRESSES[UNKNOWN],)
    for one in (throttle, drop):
        assert "verified" in one.state
        assert 0 < one.first_bad_ns <= one.decided_ns < one.command_ns
        assert one.command_ns <= one.applied_ns < one.until_ns
    live = (place / "decisions.jsonl").read_bytes()
    assert live.count(b"\n") == len(result.decisions) >= 2
    assert (place / "replayed.jsonl").read_bytes() == live
    assert result.ledger is not None
    assert not result.ledger.problems
    tape = Tape(place / "mirror.pcapng", (ADDRESSES[VENUE], GATEWAY_PORT))
    for one in result.sessions:
        assert one.by_firm == one.by_venue, one.comp_id
        assert one.by_firm.unanswered() == 0, one.comp_id
        assert tape.new_orders(one.comp_id) == one.by_venue.orders, one.comp_id
    kinds = {type(event) for event in events}
    assert kinds >= {SceneBegan, Counts, Decided, Happened}
    assert f"an-{os.getpid()}-" not in run("ip", "netns", "list")
