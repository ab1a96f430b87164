"""Stages: what a row costs in each, on traffic of the twin."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.capture.pcap import PcapSource
from airnet.clock import SystemClock
from airnet.config import load as load_file
from airnet.decide.policy import Policy
from airnet.decode import Decoder
from airnet.domain.decision import Decision
from airnet.domain.frame import FRAME, FRAMES_MAX, LINK_ETHERNET
from airnet.domain.verdict import Verdict
from airnet.domain.window import WINDOW, WINDOW_GATEWAY, WINDOW_SESSION, WINDOW_SOURCE
from airnet.features import Windows
from airnet.pipeline import Brain, Pipeline, think
from airnet.score import OnnxScorer, load as load_models
from airnet.score.model import Model
from airnet.shipped import models_path, policy_path
from airnet.twin.traffic import Episode, generate

SCENARIO, SEED = "demo", 1
REPEATS = 9
BATCH = 64

Rows = NDArray[np.void]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one row costs: ns over repeats of the same work."""

    row: str
    rows: int
    repeats: int
    best_ns: float
    median_ns: float
    p90_ns: float
    max_ns: float


def cost(row: str, rows: int, repeat: Callable[[], int], times: int = REPEATS) -> Cost:
    """Return the Cost of `rows` rows; `repeat` does the work and returns its ns."""
    repeat()
    return summary(row, rows, [repeat() for _ in range(times)])


def summary(row: str, rows: int, spent_ns: list[int]) -> Cost:
    """Return the Cost of `rows` rows that took so long each time."""
    each = np.array(spent_ns) / max(rows, 1)
    return Cost(
        row=row,
        rows=rows,
        repeats=len(spent_ns),
        best_ns=round(float(each.min()), 1),
        median_ns=round(float(np.median(each)), 1),
        p90_ns=round(float(np.quantile(each, 0.9)), 1),
        max_ns=round(float(each.max()), 1),
    )


class Memory:
    """A Source of frames in memory: what remains of capture is a copy of rows."""

    name = "memory"

    def __init__(self, rows: Rows, buffer: NDArray[np.uint8]) -> None:
        self._all = rows
        self._next = 0
        self.buffer = buffer
        self.is_exhausted = False

    def poll(self, rows: Rows | memoryview, wait_ms: int) -> int:
        """Copy the next rows."""
        count = min(len(rows), len(self._all) - self._next)
        # As bytes: numpy takes 0.1 ms to read the layout of a memoryview.
        room = np.frombuffer(rows, FRAME)
        room[:count] = self._all[self._next : self._next + count]
        self._next += count
        self.is_exhausted = self._next == len(self._all)
        return count

    def counters(self) -> dict[str, int]:
        """Return how many were asked for."""
        return {"seen": self._next, "delivered": self._next}

    def close(self) -> None:
        """Do nothing."""


class Idle:
    """Hands that do nothing: acting is not what is measured here."""

    def carry_out(self, decision: Decision, verdict: Verdict | None) -> None:
        """Do nothing."""

    def tick(self, now_ns: int) -> None:
        """Do nothing."""


def frames_of(episode: Episode) -> tuple[Rows, NDArray[np.uint8]]:
    """Return an episode as FRAME rows and the buffer they point into."""
    rows = np.zeros(len(episode.frames), FRAME)
    lengths = np.array([len(frame) for _, frame in episode.frames], np.uint64)
    rows["time_ns"] = [time_ns for time_ns, _ in episode.frames]
    rows["offset"] = np.cumsum(lengths) - lengths
    rows["captured_bytes"] = lengths
    rows["wire_bytes"] = lengths
    rows["link"] = LINK_ETHERNET
    joined = b"".join(frame for _, frame in episode.frames)
    return rows, np.frombuffer(joined, np.uint8)


class Load:
    """The input of every stage: each stage's is what the one before makes of it."""

    def __init__(
        self, scenario: str = SCENARIO, seed: int = SEED, limit: int = 1 << 30
    ) -> None:
        self.clock = SystemClock()
        self.episode = generate(scenario, seed)
        del self.episode.frames[limit:]
        self.frames, self.buffer = frames_of(self.episode)
        site = self.episode.site
        self.site = site
        self.gateways = [(gateway.ip, gateway.port) for gateway in site.gateways]
        self.hosts = sorted({host for firm in site.firms for host in firm.hosts})
        self.policy = load_file(policy_path(), Policy)
        self.decoded: list[tuple[Rows, Rows]] = []
        decoder = Decoder(self.gateways)
        for headers, messages in decode_all(decoder, self.frames, self.buffer):
            self.decoded.append((headers.copy(), messages.copy()))
        self.sessions = decoder.sessions.copy()
        self.windows, self.rows = self._windows()

    def _windows(self) -> tuple[Rows, NDArray[np.float32]]:
        """Return every WINDOW and its features."""
        keys, rows = [np.zeros(0, WINDOW)], []
        stage = Windows(self.gateways, self.hosts)
        for headers, messages in self.decoded:
            start = 0
            while start < len(headers):
                start += stage.update(headers[start:], messages)
                keys.append(stage.windows.copy())
                rows.append(stage.rows.copy())
        return np.concatenate(keys), np.concatenate(rows)

    def brain(self) -> Brain:
        """Return fresh stages."""
        return think(self.site, self.policy, load_models(models_path()))

    @property
    def message_count(self) -> int:
        """Return the number of messages in the input."""
        return sum(len(messages) for _, messages in self.decoded)

    def describe(self) -> dict[str, object]:
        """Return what the input is."""
        return {
            "scenario": SCENARIO,
            "seed": SEED,
            "frames": len(self.frames),
            "bytes": int(self.frames["wire_bytes"].sum()),
            "messages": self.message_count,
            "windows": len(self.windows),
        }


def decode_all(
    decoder: Decoder, frames: Rows, buffer: NDArray[np.uint8]
) -> list[tuple[Rows, Rows]]:
    """Return what decode makes of all frames, in batches of FRAMES_MAX."""
    found = []
    while len(frames):
        headers, messages = decoder.decode(frames[:FRAMES_MAX], buffer)
        found.append((headers.copy(), messages.copy()))
        frames = frames[len(headers) :]
    return found


def capture(load: Load) -> list[Cost]:
    """Read the capture from a file in the page cache."""
    rows = np.zeros(FRAMES_MAX, FRAME)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "bench.pcapng"
        load.episode.write(path)

        def once() -> int:
            start = load.clock.mono_ns()
            source = PcapSource([path])
            while not source.is_exhausted:
                source.poll(rows, 0)
            source.close()
            return load.clock.mono_ns() - start

        return [cost("frame", len(load.frames), once)]


def decode(load: Load) -> list[Cost]:
    """Decode all frames; then only those that carry messages, per message."""

    def over(frames: Rows) -> Callable[[], int]:
        def once() -> int:
            decoder = Decoder(load.gateways)
            start = load.clock.mono_ns()
            left = frames
            while len(left):
                headers, _ = decoder.decode(left[:FRAMES_MAX], load.buffer)
                left = left[len(headers) :]
            return load.clock.mono_ns() - start

        return once

    counts = np.concatenate([headers["message_count"] for headers, _ in load.decoded])
    carrying = load.frames[counts > 0]
    return [
        cost("frame", len(load.frames), over(load.frames)),
        cost("message", int(counts.sum()), over(carrying)),
    ]


def features(load: Load) -> list[Cost]:
    """Turn all headers and messages into windows."""

    def once() -> int:
        stage = Windows(load.gateways, load.hosts)
        start = load.clock.mono_ns()
        for headers, messages in load.decoded:
            at = 0
            while at < len(headers):
                at += stage.update(headers[at:], messages)
        return load.clock.mono_ns() - start

    return [
        cost("frame", len(load.frames), once),
        cost("message", load.message_count, once),
    ]


def score(load: Load) -> list[Cost]:
    """Score session windows one and 32 at a time, gateways with their sources.

    Of quiet windows alone, too, which are most of a day; and margins alone, by
    onnxruntime and by the kernel that scores in its place.
    """
    scorer = load_models(models_path())
    quiet = quiet_windows(load, scorer)
    kinds = load.windows["kind"]
    heads = np.flatnonzero(kinds != WINDOW_SOURCE)
    ends = np.append(heads[1:], len(load.windows))
    singles = heads[kinds[heads] == WINDOW_SESSION]
    is_gateway = kinds[heads] == WINDOW_GATEWAY

    def over(groups: list[NDArray[np.intp]]) -> Callable[[], int]:
        inputs = [(load.windows[group], load.rows[group]) for group in groups]

        def once() -> int:
            start = load.clock.mono_ns()
            for windows, rows in inputs:
                scorer.score(windows, rows, load.sessions)
            return load.clock.mono_ns() - start

        return once

    found = []
    for batch in (1, 32):
        groups = [singles[at : at + batch] for at in range(0, len(singles), batch)]
        row = f"session window, {batch} at a time"
        found.append(cost(row, len(singles), over(groups), 5))
        groups = [quiet[at : at + batch] for at in range(0, len(quiet), batch)]
        row = f"quiet session window, {batch} at a time"
        found.append(cost(row, len(quiet), over(groups)))
    pairs = zip(heads[is_gateway], ends[is_gateway], strict=True)
    groups = [np.arange(head, end) for head, end in pairs]
    count = sum(len(group) for group in groups)
    found.append(cost("window, a gateway and its sources", count, over(groups), 5))
    return [*found, *margins(load, scorer.session_model)]


def quiet_windows(load: Load, scorer: OnnxScorer) -> NDArray[np.intp]:
    """Return the places of session windows that give no Verdict."""
    said = scorer.score(load.windows, load.rows, load.sessions)
    spoken = {(one.subject, one.close_ns, one.frame_count) for one in said}
    names = ("subject", "close_ns", "frame_count")
    keys = zip(*(load.windows[name].tolist() for name in names), strict=True)
    is_quiet = np.array([key not in spoken for key in keys], np.bool_)
    is_quiet &= load.windows["kind"] == WINDOW_SESSION
    return np.flatnonzero(is_quiet)


def margins(load: Load, model: Model) -> list[Cost]:
    """Score session windows alone and in batches, by each way, in turns."""
    rows = np.ascontiguousarray(load.rows[load.windows["kind"] == WINDOW_SESSION])
    ways = {"onnxruntime": model.reference}
    if model.native.trees is not None:
        ways[model.native.kernel] = model.native.trees.score
    found = []
    for batch in (1, 32):
        groups = [rows[at : at + batch] for at in range(0, len(rows), batch)]
        spent: dict[str, list[int]] = {name: [] for name in ways}
        for _ in range(REPEATS + 1):
            for name, score_rows in ways.items():
                start = load.clock.mono_ns()
                for group in groups:
                    score_rows(group)
                spent[name].append(load.clock.mono_ns() - start)
        for name, times in spent.items():
            row = f"margins by {name}, {batch} at a time"
            found.append(summary(row, len(rows), times[1:]))
    return found


def decide(load: Load) -> list[Cost]:
    """Judge every Verdict of the capture."""
    scorer = load_models(models_path())
    verdicts = scorer.score(load.windows, load.rows, load.sessions)

    def once() -> int:
        judge = load.brain().judge
        start = load.clock.mono_ns()
        for verdict in verdicts:
            judge.judge(verdict)
        return load.clock.mono_ns() - start

    return [cost("verdict", len(verdicts), once)]


def pipeline(load: Load) -> list[Cost]:
    """Take all frames from memory to Decisions; and in batches as on a wire."""
    found = []
    for batch in (BATCH, FRAMES_MAX):

        def once(batch: int = batch) -> int:
            source = Memory(load.frames, load.buffer)
            lane = Pipeline(
                source,
                load.brain(),
                Idle(),
                on_decision=lambda _: None,
                batch_frames=batch,
            )
            start = load.clock.mono_ns()
            while not source.is_exhausted:
                lane.step(0)
            return load.clock.mono_ns() - start

        found.append(cost(f"frame, {batch} at a time", len(load.frames), once, 5))
    return found


STAGES: dict[str, Callable[[Load], list[Cost]]] = {
    "capture": capture,
    "decode": decode,
    "features": features,
    "score": score,
    "decide": decide,
    "pipeline": pipeline,
}
