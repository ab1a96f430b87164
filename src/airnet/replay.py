"""Replay: a recording through the same pipeline, with actuators that only write down.

Open loop: a recording cannot react, so effects are `unverifiable` and nothing
escalates because of them.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from airnet import __version__
from airnet.act.intents import Journal
from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SimulatedClock, SystemClock
from airnet.config import Site, load
from airnet.decide.reading import read_policy
from airnet.domain.decision import Decision, decision_line
from airnet.domain.verdict import Verdict
from airnet.errors import (
    ENDINGS,
    ConfigError,
    LedgerError,
    UnsupportedError,
    UsageError,
)
from airnet.extract import account, peak_rss_bytes
from airnet.front import BATCH_FRAMES
from airnet.pipeline import Pipeline, think
from airnet.record.file import FileLedger
from airnet.record.incident import fold
from airnet.record.ledger import Ledger
from airnet.record.memory import MemoryLedger
from airnet.record.stamped import Stamped
from airnet.recording import open_files
from airnet.score import load as load_models
from airnet.shipped import models_path, policy_path
from airnet.stride import stride_of


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to replay, against what, and what to write. None means the default."""

    files: tuple[Path, ...]
    site: Path | None = None
    policy: Path | None = None
    models: Path | None = None
    unsigned: bool = False
    decisions: Path | None = None
    ledger: Path | None = None
    batch_frames: int = BATCH_FRAMES
    speed: float | None = None
    select: str = "all"
    lanes: int = 1
    trailer: str = "none"


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found. `seen` == `processed` + the sum of `by_reason`.

    `messages` counts by MsgType and direction: up is client to gateway. `holes` are by
    who lost the bytes.
    """

    frames: int
    bytes: int
    seen: int
    processed: int
    by_reason: dict[str, int]
    messages: dict[str, dict[str, int]]
    malformed: dict[str, int]
    sessions: int
    windows: int
    verdicts: dict[str, int]
    decisions: int
    incidents: int
    ledger: dict[str, int | str]
    holes: dict[str, dict[str, int]]
    streams: dict[str, int]
    effects: str
    cpu_s: float
    wall_s: float
    peak_rss_bytes: int


class ReplayHands:
    """Carries Decisions out on simulated actuators, with capture time as the clock."""

    def __init__(self, ledger: Journal) -> None:
        self.clock = SimulatedClock()
        self.standing = Standing([SimulatedActuator(self.clock)], ledger, self.clock)

    def carry_out(self, decision: Decision, verdict: Verdict | None) -> None:
        """Record intent and outcome at the capture time of the deciding frame."""
        self.clock.time_ns = decision.t_ns
        self.standing.carry_out(decision, verdict)

    def tick(self, now_ns: int) -> None:
        """Record as ended what has ended by `now_ns`."""
        self.clock.time_ns = max(self.clock.time_ns, now_ns)
        self.standing.tick(now_ns)


def digest(path: Path | None) -> str:
    """Return the SHA-256 of a file, in hex; of nothing for None.

    Raises:
        ConfigError: the file cannot be read.
    """
    if path is None:
        return hashlib.sha256(b"").hexdigest()
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {_reason(error)}", "check the path"
        ) from error


def replay(order: Order, progress: Callable[[int, int], None]) -> Summary:
    """Replay capture files and return what was found.

    Args:
        order: what to replay.
        progress: called after each batch with frames and decisions so far.

    Raises:
        CaptureError: a file is no capture.
        ConfigError: site or policy is wrong.
        ModelError: the models cannot be used.
        UsageError: an output is in the way.
        UnsupportedError: there is no room for an output.
    """
    clock = SystemClock()
    wall_ns, cpu_ns = clock.mono_ns(), clock.cpu_ns()
    outputs = Outputs(order)
    try:
        summary = _run(order, outputs, progress)
    except BaseException:
        outputs.discard()
        raise
    outputs.keep()
    return msgspec.structs.replace(
        summary,
        cpu_s=(clock.cpu_ns() - cpu_ns) / 1e9,
        wall_s=(clock.mono_ns() - wall_ns) / 1e9,
        peak_rss_bytes=peak_rss_bytes(),
    )


class Outputs:
    """What a replay writes: beside its place first, moved there when whole.

    Raises:
        UsageError: an output is in the way, or cannot be written where it should be.
    """

    def __init__(self, order: Order) -> None:
        _require_apart(order)
        self._moves: list[tuple[Path, Path]] = []
        self._file: BinaryIO | None = None
        self.ledger: Ledger = MemoryLedger()
        target = order.decisions or order.ledger
        try:
            if order.ledger is not None:
                target = order.ledger
                self.ledger = FileLedger(self._partial(target))
            if order.decisions is not None:
                target = order.decisions
                self._file = self._open(target)
        except (OSError, LedgerError) as error:
            self.discard()
            cause = error if isinstance(error, OSError) else error.__cause__
            if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
                raise _no_room(target, cause) from error
            raise UsageError(
                f"{target}: cannot be written: {_reason(cause)}",
                "name a place in a folder that exists and is yours",
            ) from error

    def _partial(self, target: Path) -> Path:
        """Return where to write until `target` is whole."""
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        self._moves.append((partial, target))
        return partial

    def _open(self, target: Path) -> BinaryIO:
        """Open the decisions file; a pipe or device is written to as it is."""
        if target.exists() and not target.is_file():
            return target.open("wb")
        return self._partial(target.resolve()).open("wb")

    def write(self, decision: Decision) -> None:
        """Write one decisions line.

        Raises:
            UnsupportedError: there is no room for it.
        """
        if self._file is None:
            return
        try:
            self._file.write(decision_line(decision))
        except OSError as error:
            raise _no_room(self._file.name, error) from error

    def keep(self) -> None:
        """Make everything durable and move it to its place.

        Raises:
            LedgerError: the disk refused the ledger.
            UnsupportedError: there is no room, or an output came in the way.
        """
        # Between two moves is the one moment at which an end would leave half.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        try:
            self.ledger.close()
            self._close()
            for partial, target in self._moves:
                partial.rename(target)
                _sync_folder(target.parent)
        except OSError as error:
            self.discard()
            raise _no_room(error.filename, error) from error
        except BaseException:
            self.discard()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _close(self) -> None:
        """Flush the decisions to the disk, where there is one behind them."""
        if self._file is None:
            return
        try:
            self._file.flush()
            if stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
                os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise _no_room(self._file.name, error) from error

    def discard(self) -> None:
        """Remove what was begun."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # it may be what failed
                self._file.close()
        with contextlib.suppress(LedgerError):
            self.ledger.close()
        for partial, _ in self._moves:
            if partial.is_dir():
                shutil.rmtree(partial)
                continue
            # It was never begun, or its disk is gone.
            with contextlib.suppress(OSError):
                partial.unlink()


def _require_apart(order: Order) -> None:
    """Raise UsageError when an output would overwrite what must stay."""
    try:
        _look_apart(order)
    except OSError as error:
        place = order.ledger if order.decisions is None else order.decisions
        raise UsageError(
            f"{error.filename or place}: cannot be written: {_reason(error)}",
            "name a place in a folder that exists and is yours",
        ) from error
    except RuntimeError as error:  # pathlib, of links that go in a circle
        raise UsageError(
            f"{order.decisions}: cannot be written: {error}", "name a file"
        ) from error


def _look_apart(order: Order) -> None:
    """Look whether an output would overwrite what must stay.

    Raises:
        UsageError: it would.
        OSError, RuntimeError: there is no place of that name.
    """
    ledger, decisions = order.ledger, order.decisions
    is_there = ledger is not None and ledger.exists()
    if ledger and is_there and (not ledger.is_dir() or any(ledger.iterdir())):
        raise UsageError(
            f"{ledger}: is there, and is no empty directory",
            "name a directory that does not exist yet",
        )
    if decisions is None:
        return
    if decisions.is_dir():
        raise UsageError(f"{decisions}: is a directory", "name a file")
    place = decisions.resolve()
    if ledger is not None and ledger.resolve() in (place, *place.parents):
        raise UsageError(f"{decisions}: lies in the ledger {ledger}", "keep them apart")
    inputs = [*order.files, order.site, order.policy]
    if any(one is not None and one.resolve() == place for one in inputs):
        raise UsageError(f"{decisions}: is an input, too", "name another file")


def _reason(error: BaseException | None) -> str:
    """Return why the system refused, without numbers and names."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)


def _no_room(name: object, error: OSError) -> UnsupportedError:
    return UnsupportedError(
        f"{name}: cannot be written: {_reason(error)}",
        "nothing was kept; make room or name another place",
    )


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` outlive the host."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _run(
    order: Order, outputs: Outputs, progress: Callable[[int, int], None]
) -> Summary:
    """Take every frame through the pipeline and sum up."""
    site = load(order.site, Site) if order.site else Site()
    policy_file = order.policy or policy_path()
    policy = read_policy(policy_file)
    scorer = load_models(order.models or models_path(), is_signed=not order.unsigned)
    source = open_files(
        order.files, order.speed, order.select, site if order.site else None
    )
    brain = think(site, policy, scorer, order.lanes, trailer=order.trailer)
    hands = ReplayHands(Stamped(outputs.ledger, {"policy": digest(policy_file)}))
    outputs.ledger.append(
        "start",
        0,
        {
            "version": __version__,
            "mode": "replay",
            "site": digest(order.site),
            "policy": digest(policy_file),
            # A replay is configured by its options: no file of a host's takes part.
            **dict.fromkeys(("config", "approvers", "agents"), digest(None)),
            **scorer.provenance(),
        },
    )
    lane = Pipeline(
        source,
        brain,
        hands,
        on_decision=outputs.write,
        batch_frames=order.batch_frames,
    )
    lane.at_once(stride_of(source, brain.decoder, brain.windows, order.batch_frames))
    try:
        while not source.is_exhausted:
            lane.step(0)
            progress(lane.totals.frames, lane.totals.decisions)
        lane.finish()
        captured = source.counters()
    finally:
        source.close()
        brain.decoder.close()
    outputs.ledger.append("end", lane.totals.now_ns, {"frames": lane.totals.frames})
    outputs.ledger.sync()
    return _sum_up(lane, captured, outputs.ledger)


def _sum_up(lane: Pipeline, captured: dict[str, int], ledger: Ledger) -> Summary:
    """Return the Summary; times and memory are filled in by the caller."""
    return Summary(
        **account(lane.totals, captured, lane.brain.decoder.counters()),
        verdicts=lane.brain.scorer.counters(),
        decisions=lane.totals.decisions,
        incidents=len(fold(ledger.evidence())),
        ledger={"size": ledger.size, "root": ledger.root()},
        effects="not verified: a recording cannot react (open loop)",
        cpu_s=0.0,
        wall_s=0.0,
        peak_rss_bytes=0,
    )
