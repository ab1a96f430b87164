"""XdpSource: the mirror port through XDP and AF_XDP; it cannot transmit."""

import errno
import mmap
import os

import numpy as np
from numpy.typing import NDArray

from airnet._ext import ring
from airnet._ext.selection import SKETCH_WORDS, SUMMARY_WORDS
from airnet.capture.attached import XdpAttached
from airnet.capture.selection import Ignored, ignored
from airnet.clock import Clock, SystemClock
from airnet.domain.frame import FRAMES_MAX
from airnet.errors import CaptureError, UnsupportedError
from airnet.kernel import bpf, link

#: tap.bpf.c's counters that are reasons, AIRNET_TAP_* in bpf/airnet.h.
SEEN, TAP_WORDS = 0, 16
TAP_REASONS = {"no_socket": 2, "no_meta": 3, "ignored": 4, "aborted": 5}
#: Of all reasons, those that leave judgement without a frame it should have had.
LOST = (
    "missed",
    "no_socket",
    "no_meta",
    "aborted",
    "rx_dropped",
    "ring_full",
    "too_long",
    "wrong_queue",
    "redirect_failed",
)
#: Words of `struct airnet_redirect_counts`.
ERRNOS = 128
#: Errnos of a redirect that the socket's own statistics count as well: no free frame,
#: longer than a frame, receive ring full. Source: net/xdp/xsk.c.
IN_STATISTICS = (errno.ENOMEM, errno.ENOSPC, errno.ENOBUFS)


class XdpSource:
    """Frames of one interface, each stamped by the kernel, from AF_XDP sockets.

    It reads what `attach_xdp` left behind, and needs no privilege for it.
    """

    def __init__(self, attached: XdpAttached, clock: Clock | None = None) -> None:
        """Map memory, rings and counters; the descriptors are this object's then.

        Args:
            attached: made by this process, or inherited from one that made it.
            clock: what stamps are moved to the epoch with.

        Raises:
            UnsupportedError: the kernel does not let them be mapped.
        """
        self.name = (
            f"xdp {attached.mode} {attached.interface} ({', '.join(attached.features)})"
        )
        self.is_exhausted = False
        self._attached: XdpAttached | None = attached
        self._interface = attached.interface
        self._selection = attached.selection
        self._missed_before = attached.missed_before
        self._last: dict[str, int] = {}
        self._missed = 0
        try:
            self._map(attached, clock or SystemClock())
        except OSError as error:
            attached.close()
            raise UnsupportedError(
                f"{attached.interface}: cannot map what was attached: {error.strerror}",
                "start `airnet run` anew; it needs Linux 6.4",
            ) from error

    def _map(self, attached: XdpAttached, clock: Clock) -> None:
        self.buffer: NDArray[np.uint8] = np.frombuffer(
            # numpy keeps the mapping alive as long as anybody holds the buffer, so
            # rows of a closed source point at stale bytes, never at unmapped ones.
            mmap.mmap(
                attached.memory_fd,
                ring.memory_bytes(
                    len(attached.sockets), attached.ring_frames, attached.side_bytes
                ),
                flags=mmap.MAP_SHARED | mmap.MAP_POPULATE,
            ),
            np.uint8,
        )
        self._rings = ring.Rings(
            list(attached.sockets),
            attached.ring_frames,
            self.buffer,
            attached.side_bytes,
            epoch_offset_ns(clock),
        )
        if attached.is_busy:
            self._rings.busy()
        cpus = attached.cpus
        self._tap = bpf.mapped(attached.counters_fd, TAP_WORDS * cpus)
        self._summaries = bpf.mapped(attached.summaries_fd, SUMMARY_WORDS * cpus)
        self._sketches = bpf.mapped(attached.sketches_fd, SKETCH_WORDS * cpus)
        self._errors = (
            bpf.mapped(attached.redirects_fd, ERRNOS * cpus)
            if attached.redirects_fd >= 0
            else np.zeros(ERRNOS, np.uint64)
        )

    @property
    def rings(self) -> ring.Rings:
        """The rings themselves, for who takes frames in one call with the rest."""
        return self._rings

    def poll(self, rows: NDArray[np.void] | memoryview, wait_ms: int) -> int:
        """Fill rows, oldest first; the previous rows' frames go back to the kernel.

        Raises:
            CaptureError: the interface went away.
        """
        count = self._rings.poll(rows[:FRAMES_MAX], wait_ms)
        if count < 0:
            raise CaptureError(
                f"{self._interface}: capture ended: {os.strerror(-count)}",
                "check the interface; airnet can be started again at any time",
            )
        return count

    def counters(self) -> dict[str, int]:
        """Return seen, delivered and every reason a frame was not delivered.

        `missed` frames the card had no room for; `in_ring` ones wait for the next
        poll. `unaccounted` is what the program saw and nothing else counts: frames in
        flight, 0 once idle.
        """
        if self._attached is None:
            return dict(self._last)
        errors = self._errors.reshape(-1, ERRNOS).sum(axis=0).tolist()
        rings = self._rings.statistics()
        # Read last: a frame that arrives meanwhile is in flight, never missing.
        tap = self._tap.reshape(-1, TAP_WORDS).sum(axis=0).tolist()
        # Jumbo frames without room are dropped by the kernel, or by us while joining.
        too_long = errors[errno.ENOSPC]
        counts = {name: tap[index] for name, index in TAP_REASONS.items()}
        counts |= {
            "in_ring": rings["in_ring"],
            "rx_dropped": rings["rx_dropped"] - too_long,
            "ring_full": rings["ring_full"],
            "too_long": rings["too_long"] + too_long,
            "wrong_queue": errors[errno.EINVAL],
            "redirect_failed": sum(errors)
            - errors[errno.EINVAL]
            - sum(errors[number] for number in IN_STATISTICS),
        }
        delivered, missed = rings["delivered"], self._missed_frames()
        counts["unaccounted"] = tap[SEEN] - delivered - sum(counts.values())
        seen = tap[SEEN] + missed
        return {"seen": seen, "delivered": delivered, "missed": missed, **counts}

    def losses(self) -> tuple[int, int]:
        """Return how many frames were lost, of how many that were to be taken.

        What is on its way to a ring, or not to be taken, is not lost.
        """
        found = self.counters()
        lost = sum(found[name] for name in LOST)
        return lost, found["seen"] - found["ignored"]

    def causes(self) -> dict[str, int]:
        """Return what explains losses and is no count of frames of its own.

        `fill_empty`: the kernel found no free frame of ours; `wakeups`: times that we
        called the driver; `invalid_frames`: descriptors of ours it refused.
        """
        found = self._rings.statistics()
        return {name: found[name] for name in ("fill_empty", "wakeups")} | {
            "invalid_frames": found["invalid_frames"]
        }

    def ignored(self) -> list[Ignored]:
        """Return the frames that the kernel did not give us, by kind."""
        return ignored(self._summaries)

    def floods(self) -> dict[str, tuple[int, int, int]]:
        """Return about how many SYN, UDP and ICMP frames each watched address got."""
        sketch = self._sketches.reshape(-1, SKETCH_WORDS).sum(axis=0, dtype=np.uint64)
        return self._selection.floods(sketch)

    def _missed_frames(self) -> int:
        """Return what the card had no room for since attaching; as last known."""
        try:
            now = link.missed_frames(self._interface)
        except CaptureError:
            return self._missed  # the interface is gone
        self._missed = now - self._missed_before
        return self._missed

    def tx_frames(self) -> int:
        """Return how many frames the interface has sent since it exists."""
        return link.tx_frames(self._interface)

    def close(self) -> None:
        """Detach the program, then free sockets and maps; twice is harmless."""
        attached = self._attached
        if attached is None:
            return
        os.close(attached.link_fd)
        self._last = self.counters()
        self._attached = None
        self._rings.close()
        for fd in attached.descriptors()[1:]:
            os.close(fd)


def epoch_offset_ns(clock: Clock) -> int:
    """Return what moves the monotonic clock to the epoch, measured once.

    The kernel stamps with CLOCK_MONOTONIC. Of 64 readings between two monotonic ones
    the tightest counts, so that being preempted in between does not shift the result.
    """
    best_gap, offset = 1 << 62, 0
    for _ in range(64):
        before = clock.mono_ns()
        epoch = clock.now_ns()
        after = clock.mono_ns()
        if after - before < best_gap:
            best_gap, offset = after - before, epoch - (before + after) // 2
    return offset
