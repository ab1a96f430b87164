"""Replay: a recording through the same pipeline, with actuators that only write down.

Open loop: a recording cannot react, so effects are `unverifiable` and nothing
escalates because of them.
"""

import hashlib
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from airnet import __version__
from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.capture.pcap import PcapSource
from airnet.clock import SimulatedClock, SystemClock
from airnet.config import Site, load
from airnet.decide.policy import Policy
from airnet.domain.decision import Decision, decision_line
from airnet.domain.frame import FRAMES_MAX
from airnet.domain.verdict import Verdict
from airnet.errors import CaptureError, ConfigError, UsageError
from airnet.pipeline import Pipeline, models_path, policy_path, think
from airnet.record.file import FileLedger
from airnet.record.incident import fold
from airnet.record.ledger import Ledger
from airnet.record.memory import MemoryLedger
from airnet.score import load as load_models

NOT_STREAMS = frozenset({"frames", "messages", "malformed", "sessions"})


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to replay, against what, and what to write. None means the default."""

    files: tuple[Path, ...]
    site: Path | None = None
    policy: Path | None = None
    models: Path | None = None
    decisions: Path | None = None
    ledger: Path | None = None
    batch_frames: int = FRAMES_MAX


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found. `seen` == `processed` + the sum of `by_reason`.

    `messages` counts by MsgType and direction: up is client to gateway.
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
    streams: dict[str, int]
    effects: str
    cpu_s: float
    wall_s: float
    peak_rss_bytes: int


class ReplayHands:
    """Carries Decisions out on simulated actuators, with capture time as the clock."""

    def __init__(self, ledger: Ledger) -> None:
        self.clock = SimulatedClock()
        self.standing = Standing([SimulatedActuator(self.clock)], ledger, self.clock)

    def carry_out(self, decision: Decision, verdict: Verdict) -> None:
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
            f"{path}: cannot be read: {error}", "check the path"
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
        peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


class Outputs:
    """What a replay writes: beside its place first, moved there when whole."""

    def __init__(self, order: Order) -> None:
        self._moves: list[tuple[Path, Path]] = []
        ledger = self._place(order.ledger)
        if order.ledger is not None and order.ledger.exists():
            if not order.ledger.is_dir() or any(order.ledger.iterdir()):
                raise UsageError(
                    f"{order.ledger} exists and is not an empty directory",
                    "name a directory that does not exist yet",
                )
            order.ledger.rmdir()
        decisions = self._place(order.decisions)
        try:
            self.decisions = decisions.open("wb") if decisions else None
            self.ledger: Ledger = FileLedger(ledger) if ledger else MemoryLedger()
        except OSError as error:
            self.discard()
            raise UsageError(
                f"output cannot be written: {error}", "check path and space"
            ) from error

    def _place(self, target: Path | None) -> Path | None:
        """Return where to write until `target` is whole."""
        if target is None:
            return None
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        self._moves.append((partial, target))
        return partial

    def write(self, decision: Decision) -> None:
        """Write one decisions line."""
        if self.decisions is not None:
            self.decisions.write(decision_line(decision))

    def keep(self) -> None:
        """Make everything durable and move it to its place."""
        self.ledger.close()
        if self.decisions is not None:
            self.decisions.flush()
            os.fsync(self.decisions.fileno())
            self.decisions.close()
        for partial, target in self._moves:
            partial.rename(target)

    def discard(self) -> None:
        """Remove what was begun."""
        for partial, _ in self._moves:
            if partial.is_dir():
                shutil.rmtree(partial)
            else:
                partial.unlink(missing_ok=True)


def _run(
    order: Order, outputs: Outputs, progress: Callable[[int, int], None]
) -> Summary:
    """Take every frame through the pipeline and sum up."""
    site = load(order.site, Site) if order.site else Site()
    policy_file = order.policy or policy_path()
    policy = load(policy_file, Policy)
    scorer = load_models(order.models or models_path())
    source = PcapSource(order.files)
    brain = think(site, policy, scorer)
    hands = ReplayHands(outputs.ledger)
    outputs.ledger.append(
        "start",
        0,
        {
            "version": __version__,
            "mode": "replay",
            "site": digest(order.site),
            "policy": digest(policy_file),
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
    try:
        while not source.is_exhausted:
            lane.step(0)
            progress(lane.totals.frames, lane.totals.decisions)
        lane.finish()
        captured = source.counters()
    finally:
        source.close()
    outputs.ledger.append("end", lane.totals.now_ns, {"frames": lane.totals.frames})
    outputs.ledger.sync()
    return _sum_up(lane, captured, outputs.ledger)


def _sum_up(lane: Pipeline, captured: dict[str, int], ledger: Ledger) -> Summary:
    """Return the Summary; times and memory are filled in by the caller."""
    counters = lane.brain.decoder.counters()
    by_reason = {
        name: count
        for name, count in captured.items()
        if name not in ("seen", "delivered") and count
    }
    dropped = {
        name: count
        for name, count in counters["frames"].items()
        if name != "ok" and count
    }
    seen = captured["seen"]
    processed = captured["delivered"] - sum(dropped.values())
    by_reason |= dropped
    if seen != processed + sum(by_reason.values()):
        raise CaptureError(
            f"frames do not add up: seen {seen}, processed {processed}, {by_reason}",
            "report this as a bug",
        )
    return Summary(
        frames=lane.totals.frames,
        bytes=lane.totals.bytes,
        seen=seen,
        processed=processed,
        by_reason=by_reason,
        messages=counters["messages"],
        malformed={name: n for name, n in counters["malformed"].items() if n},
        sessions=counters["sessions"],
        windows=lane.totals.windows,
        verdicts=lane.brain.scorer.counters(),
        decisions=lane.totals.decisions,
        incidents=len(fold(ledger.evidence())),
        ledger={"size": ledger.size, "root": ledger.root()},
        streams={name: n for name, n in counters.items() if name not in NOT_STREAMS},
        effects="not verified: a recording cannot react (open loop)",
        cpu_s=0.0,
        wall_s=0.0,
        peak_rss_bytes=0,
    )
