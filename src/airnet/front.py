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


#: How often an interface is asked what it lost, and how often that is written down
#: although it is nothing: a share of a quiet hour would hide a second's loss.
LOSSES_EVERY_NS = 100_000_000
LOSSES_SAID_NS = 1_000_000_000


class Losses:
    """What an interface lost, looked at now and then by capture time.

    Args:
        losses: returns frames lost, of how many, since opening.
    """

    def __init__(self, losses: "Callable[[], tuple[int, int]]") -> None:
        self._losses = losses
        self._lost, self._seen = losses()
        self._looked_ns = self._said_ns = 0

    def look(self, now_ns: int) -> "tuple[int, int] | None":
        """Return what was lost of how many since it last said so; mostly None."""
        if now_ns - self._looked_ns < LOSSES_EVERY_NS:
            return None
        self._looked_ns = now_ns
        lost, seen = self._losses()
        if lost == self._lost and now_ns - self._said_ns < LOSSES_SAID_NS:
            return None
        told = lost - self._lost, seen - self._seen
        self._lost, self._seen, self._said_ns = lost, seen, now_ns
        return told


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
        self._on_loss: Callable[[int, int], None] | None = None
        self._mark: Callable[[], tuple[int, int] | None] | None = None
        self._losses: Losses | None = None
        self._stride: Stride | None = None
        self._rows = frame_rows(batch_frames)

    def on_loss(self, told: "Callable[[int, int], None]") -> None:
        """Have `told` called with frames lost and seen, where the source tells of it.

        It is called between the same two frames live and in a replay.
        """
        self._on_loss = told
        self._mark = getattr(self.source, "mark", None)
        losses = getattr(self.source, "losses", None)
        self._losses = None if losses is None else Losses(losses)

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
            count = self._step_at_once(self._stride, wait_ms)
        else:
            count = self._step_by_stages(wait_ms)
        if self._losses is not None and count:
            self._lose(self._losses.look(self.totals.now_ns))
        return count

    def _lose(self, told: "tuple[int, int] | None") -> None:
        """Write down and say what was lost up to here."""
        if told is None:
            return
        assert self._on_loss is not None
        if self._tape is not None:
            self._tape.mark(*told)
        self._on_loss(*told)

    def _step_by_stages(self, wait_ms: int) -> int:
        """Take one batch through one stage after the other."""
        count = self.source.poll(self._rows, wait_ms)
        if self._mark is not None:
            self._lose(self._mark())
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
        if self._mark is not None:
            self._lose(self._mark())
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
