"""Stride: capture, decode and features in one call, of AF_XDP, a file or memory.

The rows are those of the stages called one after the other. A frame that comes alone
waits for its work and not for a dozen calls of Python between the stages.
"""

import os

from airnet._ext.step import Step
from airnet.capture import frame_rows
from airnet.capture.pcap import PcapSource
from airnet.decode import Decoder
from airnet.domain.frame import FRAMES_MAX
from airnet.errors import CaptureError

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol, TypeGuard

    import numpy as np
    from numpy.typing import NDArray

    from airnet._ext.gather import Gather
    from airnet._ext.reflex import Arms
    from airnet.capture.source import Source
    from airnet.capture.xdp import XdpSource
    from airnet.features import Windows

    #: Takes batches by a Step until windows close; None: it must be polled.
    Coast = Callable[[Step], tuple[bool, int] | None]

    class Filled(Source, Protocol):
        """A Source that fills rows of its own, FRAME[n], whoever polls it."""

        @property
        def frames(self) -> NDArray[np.void]:
            """The rows."""
            ...


def stride_of(
    source: object,
    decoder: Decoder,
    windows: "Windows",
    batch_frames: int = FRAMES_MAX,
) -> "Stride | None":
    """Return a Stride where there can be one: AF_XDP or a file, on one lane."""
    if decoder.lanes > 1:
        return None
    if isinstance(source, PcapSource) or _has_rings(source):
        return Stride(source, decoder, windows, batch_frames)
    return None


def _has_rings(source: object) -> "TypeGuard[XdpSource]":
    """Return whether it is of AF_XDP; loading that class to ask would take 0.1 s."""
    return hasattr(source, "rings")


class Stride:
    """Takes batches from a source through a Decoder and Windows.

    Nobody else may call the three meanwhile. The windows that closed are read from
    the Windows, as after its own update.
    """

    def __init__(
        self,
        source: "XdpSource | PcapSource | Filled",
        decoder: Decoder,
        windows: "Windows",
        batch_frames: int = FRAMES_MAX,
    ) -> None:
        rings = getattr(source, "rings", None)
        own = getattr(source, "frames", None)
        self.frames = frame_rows(batch_frames) if own is None else own
        self._given: Source | None = source if rings is None else None
        self._coast: Coast | None = getattr(source, "coast", None)
        self._has_closed = False
        self._name = source.name
        self._step = Step(
            rings,
            decoder.stream,
            windows.table,
            source.buffer,
            self.frames,
            *decoder.rows,
        )

    def poll(self, wait_ms: int) -> int:
        """Take a batch, whose rows are `frames`; the last one is done with.

        A source that wrote the decoder's rows itself says so by `decoded`: how many
        messages they have, and how many bytes they were on the wire. One with `coast`
        may take several, until windows close: whether they did, and how many frames.

        Raises:
            CaptureError: the interface went away, or a file cannot be read.
        """
        if self._given is None:
            return self._checked(self._step.poll(wait_ms))
        coasted = self._coast(self._step) if self._coast is not None else None
        if coasted is not None:
            self._has_closed, count = coasted
            return count
        count = self._given.poll(self.frames, wait_ms)
        decoded = getattr(self._given, "decoded", None)
        if decoded is None:
            self._step.give(count)
        else:
            self._step.follow(count, *decoded)
        return count

    def advance(self) -> bool:
        """Go on with the batch; True when windows closed: call again. False: done."""
        if self._has_closed:
            self._has_closed = False
            return True
        return self._step.advance()

    def spin(self, spin_ns: int) -> bool:
        """Take what comes, looking without a pause; True when windows closed.

        Then `advance` until it says False. False when the time is over.

        Raises:
            CaptureError: the interface went away.
        """
        return self._checked(self._step.spin(spin_ns)) == 1

    def nap(self, least_ns: int) -> bool:
        """Sleep until frames come, if so much is owed; True when none are there.

        Who looks for frames instead of sleeping owes a share of the time.
        """
        return self._step.nap(least_ns)

    def stirs(self) -> int:
        """Return the most flood-like packets that an open gateway window has."""
        return self._step.stirs

    def tell(self, arms: "Arms | Gather | None", spin_ns: int) -> None:
        """Have windows compared with what is foreseen, in C, as soon as they close.

        A Gather lays them by instead.

        With `spin_ns`, look for frames so long instead of sleeping until some come.
        """
        self._step.tell(arms, spin_ns)

    def measure(self, late_ns: "NDArray[np.uint32]", *, is_idle: bool = False) -> None:
        """Note in `late_ns` how long each frame waits for its rows, from now on.

        With `is_idle`, frames are let go unread: the wait is capture's own.
        """
        self._step.measure(late_ns, is_idle)

    @property
    def measured(self) -> int:
        """How many waits were noted."""
        return self._step.measured

    @property
    def totals(self) -> tuple[int, int, int]:
        """Return frames taken, their bytes on the wire, the latest frame's time, ns."""
        return self._step.totals

    def _checked(self, status: int) -> int:
        if status < 0:
            raise CaptureError(
                f"{self._name}: capture ended: {os.strerror(-status)}",
                "check the interface; airnet can be started again at any time",
            )
        return status
