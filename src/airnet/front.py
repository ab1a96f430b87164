"""Front: the stages that only see rows, from frames to Window rows.

Light to import, as is all it imports: on a short capture the interpreter's start takes
longer than the work (ADR 0019).
"""

from airnet.capture import frame_rows, wire_bytes
from airnet.domain.frame import FRAMES_MAX

TYPE_CHECKING = False  # typing itself takes 8 ms to load, and brings re with it
if TYPE_CHECKING:
    from collections.abc import Callable

    from airnet.capture.source import Source, Tape
    from airnet.decode import Decoder
    from airnet.features import Windows
    from airnet.stride import Stride

#: As many as fit the processor's second cache with their rows; see bench replay.
BATCH_FRAMES = 2048


class Totals:
    """What went through a Pipeline so far."""

    def __init__(self) -> None:
        self.frames = self.bytes = self.windows = self.decisions = self.now_ns = 0


class Front:
    """The stages that only see rows: frames in, Window rows out, in capture order.

    Args:
        source: where frames come from.
        decoder: frames to headers and messages.
        windows: those to Window rows.
        on_windows: called when windows have closed; they lie in `windows` until it
            returns.
        tape: keeps every frame, when given.
        batch_frames: frames taken at a time, 1..FRAMES_MAX. It changes the speed and
            never an answer.
    """

    def __init__(
        self,
        source: "Source",
        decoder: "Decoder",
        windows: "Windows",
        on_windows: "Callable[[], None]",
        *,
        tape: "Tape | None" = None,
        batch_frames: int = BATCH_FRAMES,
    ) -> None:
        assert 1 <= batch_frames <= FRAMES_MAX
        self.source = source
        self.totals = Totals()
        self._decoder = decoder
        self._windows = windows
        self._on_windows = on_windows
        self._tape = tape
        self._stride: Stride | None = None
        self._rows = frame_rows(batch_frames)

    def at_once(self, stride: "Stride | None") -> None:
        """Have source, decoder and windows, whose `stride` is, work in one call.

        It changes the speed and never an answer. None: stage by stage, as before.
        """
        self._stride = stride

    def step(self, wait_ms: int) -> int:
        """Take one batch through the stages and return its number of frames.

        Raises:
            CaptureError: the source failed.
        """
        if self._stride is not None:
            return self._step_at_once(self._stride, wait_ms)
        count = self.source.poll(self._rows, wait_ms)
        if count == 0:
            return 0
        buffer = self.source.buffer
        if self._tape is not None:
            self._tape.write(self._rows, count, buffer)
        self.totals.frames += count
        self.totals.bytes += wire_bytes(self._rows, count)
        frames = self._rows[:count]
        while len(frames):
            headers, messages = self._decoder.take(frames, buffer)
            assert 0 < len(headers) <= len(frames), "decode took nothing"
            self._follow(headers, messages)
            frames = frames[len(headers) :]
        return count

    def _step_at_once(self, stride: "Stride", wait_ms: int) -> int:
        """Do the same with one call for the stages."""
        count = stride.poll(wait_ms)
        if count == 0:
            return 0
        if self._tape is not None:
            self._tape.write(stride.frames, count, self.source.buffer)
        self.totals.frames, self.totals.bytes, _ = stride.totals
        while stride.advance():
            self.totals.windows += self._windows.count
            self._on_windows()
        self.totals.now_ns = self._windows.now_ns
        return count

    def _follow(self, headers: memoryview, messages: memoryview) -> None:
        """Take decoded rows through features."""
        stage = self._windows
        while True:
            taken = stage.update(headers, messages)
            closed = stage.count
            assert taken > 0 or closed, "features took nothing"
            if closed:
                self.totals.windows += closed
                self._on_windows()
            if taken == len(headers):
                break
            headers = headers[taken:]
        self.totals.now_ns = stage.now_ns
