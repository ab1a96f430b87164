"""The order of the seven stages; the only module that knows it.

One Pipeline is one lane. `step` does a bounded amount of work and returns counts. The
service runs it on the real roles, replay on a file and simulated actuators; nothing
in here can tell the difference.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.capture.source import Source
from airnet.config import Site
from airnet.decide import Judge
from airnet.decide.policy import Policy
from airnet.decode import Decoder
from airnet.domain.decision import Decision
from airnet.domain.frame import FRAME, FRAMES_MAX
from airnet.domain.verdict import Verdict
from airnet.features import Windows
from airnet.features.schema import SCHEMAS
from airnet.score.scorer import Scorer


class Tape(Protocol):
    """Keeps frames as they were captured."""

    def write(
        self, rows: NDArray[np.void], count: int, buffer: NDArray[np.uint8]
    ) -> None:
        """Keep FRAME[count] rows and their bytes."""
        ...


class Hands(Protocol):
    """What Decisions are given to: Standing, or a queue in front of it."""

    def carry_out(self, decision: Decision, verdict: Verdict) -> object:
        """Record the intent, act, record the outcome."""
        ...

    def tick(self, now_ns: int) -> object:
        """Record as ended what has ended by itself at capture time `now_ns`."""
        ...


class Brain(msgspec.Struct, frozen=True, kw_only=True):
    """The stages that remember and judge; one set for each lane."""

    decoder: Decoder
    windows: Windows
    scorer: Scorer
    judge: Judge


class Totals(msgspec.Struct, kw_only=True):
    """What went through a Pipeline so far."""

    frames: int = 0
    bytes: int = 0
    windows: int = 0
    decisions: int = 0
    now_ns: int = 0


def think(site: Site, policy: Policy, scorer: Scorer) -> Brain:
    """Return a fresh set of stages for one lane."""
    gateways = [(gateway.ip, gateway.port) for gateway in site.gateways]
    hosts = sorted({host for firm in site.firms for host in firm.hosts})
    columns = {
        kind: {name: column for column, name in enumerate(schema.names)}
        for kind, schema in SCHEMAS.items()
    }
    return Brain(
        decoder=Decoder(gateways),
        windows=Windows(gateways, hosts),
        scorer=scorer,
        judge=Judge(policy, site, columns),
    )


class Pipeline:
    """One lane: frames in, Decisions out, in capture order.

    Args:
        source: where frames come from.
        brain: the stages.
        hands: what Decisions are given to.
        on_decision: called with each Decision before it is carried out.
        tape: keeps every frame, when given.
        batch_frames: frames taken at a time, 1..FRAMES_MAX. It changes the speed and
            never an answer.
    """

    def __init__(
        self,
        source: Source,
        brain: Brain,
        hands: Hands,
        *,
        on_decision: Callable[[Decision], None],
        tape: Tape | None = None,
        batch_frames: int = FRAMES_MAX,
    ) -> None:
        assert 1 <= batch_frames <= FRAMES_MAX
        self.source = source
        self.brain = brain
        self.totals = Totals()
        self._hands = hands
        self._on_decision = on_decision
        self._tape = tape
        self._rows = np.zeros(batch_frames, FRAME)

    def step(self, wait_ms: int) -> int:
        """Take one batch through every stage and return its number of frames.

        Raises:
            CaptureError: the source failed.
        """
        count = self.source.poll(self._rows, wait_ms)
        if count == 0:
            return 0
        frames = self._rows[:count]
        if self._tape is not None:
            self._tape.write(self._rows, count, self.source.buffer)
        self.totals.frames += count
        self.totals.bytes += int(frames["wire_bytes"].sum())
        while len(frames):
            headers, messages = self.brain.decoder.decode(frames, self.source.buffer)
            assert 0 < len(headers) <= len(frames), "decode took nothing"
            self._follow(headers, messages)
            frames = frames[len(headers) :]
        return count

    def finish(self) -> None:
        """End what has ended by the last frame's time; the capture is over."""
        self._hands.tick(self.totals.now_ns)

    def _follow(self, headers: NDArray[np.void], messages: NDArray[np.void]) -> None:
        """Take decoded rows through features, score and decide."""
        brain = self.brain
        sessions = brain.decoder.sessions
        newest_ns = int(headers["time_ns"].max())
        start = 0
        while start < len(headers):
            taken = brain.windows.update(headers[start:], messages, sessions)
            windows = brain.windows.windows
            assert taken > 0 or len(windows), "features took nothing"
            start += taken
            if len(windows):
                self.totals.windows += len(windows)
                self._judge(brain.scorer.score(windows, brain.windows.rows, sessions))
        self.totals.now_ns = max(self.totals.now_ns, newest_ns)

    def _judge(self, verdicts: list[Verdict]) -> None:
        """Decide on each Verdict in turn, and hand the Decisions on."""
        for verdict in verdicts:
            self._hands.tick(verdict.close_ns)
            for decision in self.brain.judge.judge(verdict):
                self.totals.decisions += 1
                self._on_decision(decision)
                self._hands.carry_out(decision, verdict)


def models_path() -> Path:
    """Return the folder of the models that came with this package."""
    packaged = Path(__file__).parent / "_models"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parents[2] / "models"


def policy_path() -> Path:
    """Return the policy that came with this package: everything in shadow."""
    return Path(__file__).parent / "data" / "policy.toml"
