"""Stride: capture, decode and features of a live source in one call.

The rows are those of the stages called one after the other. A frame that comes alone
waits for its work and not for a dozen calls of Python between the stages.
"""

import os

import numpy as np
from numpy.typing import NDArray

from airnet._ext.step import Step
from airnet.capture import frame_rows
from airnet.capture.xdp import XdpSource
from airnet.decode import Decoder
from airnet.domain.frame import FRAMES_MAX, HEADER
from airnet.domain.message import MESSAGE, MESSAGES_MAX
from airnet.errors import CaptureError
from airnet.features import Windows


def stride_of(source: object, decoder: Decoder, windows: Windows) -> "Stride | None":
    """Return a Stride where there can be one: AF_XDP, decoded on one lane."""
    if not isinstance(source, XdpSource) or decoder.lanes > 1:
        return None
    return Stride(source, decoder, windows)


class Stride:
    """Takes batches from an XdpSource through a Decoder and Windows.

    Nobody else may call the three meanwhile. The windows that closed are read from
    the Windows, as after its own update.
    """

    def __init__(
        self,
        source: XdpSource,
        decoder: Decoder,
        windows: Windows,
        batch_frames: int = FRAMES_MAX,
    ) -> None:
        self.frames = frame_rows(batch_frames)
        self._headers = np.zeros(batch_frames, HEADER)
        self._messages = np.zeros(MESSAGES_MAX, MESSAGE)
        self._name = source.name
        self._step = Step(
            source.rings,
            decoder.stream,
            windows.table,
            source.buffer,
            self.frames,
            self._headers,
            self._messages,
        )

    def poll(self, wait_ms: int) -> int:
        """Take a batch, whose rows are `frames`; the last one is done with.

        Raises:
            CaptureError: the interface went away.
        """
        return self._checked(self._step.poll(wait_ms))

    def advance(self) -> bool:
        """Go on with the batch; True when windows closed: call again. False: done."""
        return self._step.advance()

    def spin(self, spin_ns: int) -> bool:
        """Take what comes, looking without a pause; True when windows closed.

        Then `advance` until it says False. False when the time is over.

        Raises:
            CaptureError: the interface went away.
        """
        return self._checked(self._step.spin(spin_ns)) == 1

    def measure(self, late_ns: NDArray[np.uint32], *, is_idle: bool = False) -> None:
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
