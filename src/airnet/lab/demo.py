"""The demonstration: the scenes played in the lab, and everything judged afterwards."""

import contextlib
import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from airnet.clock import SystemClock
from airnet.errors import UsageError
from airnet.lab.channel import Json
from airnet.lab.chronicle import Chronicle
from airnet.lab.expectations import Facts, judge
from airnet.lab.network import ADDRESSES, GATEWAY_PORT, VENUE
from airnet.lab.papers import Papers
from airnet.lab.play import Play
from airnet.lab.rerun import rerun
from airnet.lab.result import (
    DemoResult,
    Expectation,
    Report,
    SceneSpan,
    SessionCounts,
    Stage,
)
from airnet.lab.scenes import SCENES, Scene
from airnet.lab.tape import Tape

SEED = 20_260_101
#: Written into a run's directory, so that only such a one is ever replaced.
MARK = ".airnet-demo"


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What is known when the scenes are over and everybody is gone."""

    scenes: tuple[SceneSpan, ...]
    sessions: tuple[SessionCounts, ...]
    probes: dict[str, bool]
    is_answered: bool
    processes: dict[str, float]


def run_demo(
    directory: Path,
    report: Report,
    *,
    seed: int = SEED,
    scenes: Sequence[Scene] = SCENES,
) -> DemoResult:
    """Build the lab, play the scenes, judge what happened, leave nothing running.

    Args:
        directory: where the run's files go; an earlier run's is replaced.
        report: told everything while it happens, in this thread.
        seed: of everything the lab draws by lot.
        scenes: what is played; the expectations are about the default ones.

    Raises:
        AirnetError: the lab could not be built or broke down.
        KeyboardInterrupt: SIGINT or SIGTERM came; everything has been ended.
    """
    clock = SystemClock()
    begin_ns = clock.now_ns()
    directory = prepare(directory)
    papers = Papers(directory=directory)
    with interruptible():
        played = _play(papers, report, seed, scenes)
        report(Stage(time_ns=clock.now_ns(), text="The recording is replayed"))
        again = directory / "replayed.jsonl"
        summary = rerun(papers, again)
        is_same = again.read_bytes() == papers.decisions.read_bytes()
        report(Stage(time_ns=clock.now_ns(), text="Recording and ledger are examined"))
        result = _examine(papers, played, summary, is_same=is_same)
    for expectation in result.expectations:
        report(expectation)
    result = msgspec.structs.replace(result, begin_ns=begin_ns, end_ns=clock.now_ns())
    (directory / "result.json").write_bytes(msgspec.json.encode(result))
    return result


def prepare(directory: Path) -> Path:
    """Make an empty directory for a run; an earlier run's is replaced.

    Raises:
        UsageError: it holds something else, or cannot be made.
    """
    directory = directory.resolve()
    try:
        if directory.exists():
            is_ours = (directory / MARK).exists()
            if not is_ours and any(directory.iterdir()):
                raise UsageError(
                    f"{directory}: not empty, and no earlier run of the lab",
                    "name another --directory",
                )
            shutil.rmtree(directory)
        directory.mkdir(parents=True)
        (directory / MARK).touch()
    except OSError as error:
        raise UsageError(
            f"{directory}: cannot be made: {error}", "name another --directory"
        ) from error
    return directory


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does: in order, with nothing left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _play(papers: Papers, report: Report, seed: int, scenes: Sequence[Scene]) -> Played:
    """Build, play, clear; return what is known then."""
    with Play(papers, report, seed) as play:
        spans = play.perform(scenes)
        is_answered = play.finish()
        processes = play.cpu_s()
        sessions = play.sessions()
        play.clear()
        return Played(
            scenes=spans,
            sessions=sessions,
            probes=play.probes,
            is_answered=is_answered,
            processes=processes,
        )


def _examine(
    papers: Papers, played: Played, summary: Json, *, is_same: bool
) -> DemoResult:
    """Read every record back and judge."""
    chronicle = Chronicle(papers.ledger)
    tape = Tape(papers.recording, (ADDRESSES[VENUE], GATEWAY_PORT))
    ledger = chronicle.state()
    facts = Facts(
        scenes=played.scenes,
        sessions=played.sessions,
        decisions=chronicle.decisions(),
        tape=tape,
        ledger=ledger,
        capture=chronicle.counters(),
        probes=played.probes,
        is_answered=played.is_answered,
        live_lines=len(papers.decisions.read_bytes().splitlines()),
        is_same=is_same,
    )
    names = {scene.name for scene in played.scenes}
    expectations: list[Expectation] = []
    if names == {scene.name for scene in SCENES}:
        expectations = judge(facts)
    return DemoResult(
        kind="lab",
        directory=str(papers.directory),
        begin_ns=0,
        end_ns=0,
        missing=(),
        scenes=played.scenes,
        expectations=tuple(expectations),
        decisions=facts.decisions,
        stories=chronicle.stories(),
        sessions=played.sessions,
        series=tape.series(),
        ledger=ledger,
        replay=summary,
        processes=played.processes,
        source=chronicle.source(),
    )
