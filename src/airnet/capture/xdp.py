"""XdpSource: the mirror port through XDP and AF_XDP; it cannot transmit."""

import errno
import mmap
import os
from typing import Final

import numpy as np
from numpy.typing import NDArray

from airnet._ext import ring
from airnet.clock import Clock, SystemClock
from airnet.domain.frame import FRAMES_MAX
from airnet.errors import CaptureError, UnsupportedError
from airnet.kernel import bpf, link

#: tap.bpf.c's counters that are reasons, AIRNET_TAP_* in bpf/airnet.h.
SEEN = 0
TAP_REASONS = {"no_socket": 2, "no_meta": 3, "ignored": 4, "aborted": 5}
#: A UMEM frame holds 256 B of headroom (af_xdp.rst), an Ethernet header with a VLAN
#: tag, and the packet.
MTU_MAX: Final = ring.FRAME_BYTES - 256 - 18
#: An earlier socket of a queue is freed asynchronously: seen to take a few ms.
BIND_TRIES, BIND_WAIT_S = 10, 0.002


class XdpSource:
    """Frames of one interface, each stamped by the kernel, from AF_XDP sockets.

    The interface becomes ours alone: XDP takes every frame before the host's network
    stack, so one that carries an address is refused.
    """

    def __init__(
        self,
        interface: str,
        queues: int = 1,
        ring_frames: int = 8192,
        generic: bool = False,  # noqa: FBT001, FBT002 -- the callers' contract
        clock: SystemClock | None = None,
    ) -> None:
        """Bring the interface up, quietly, and attach.

        Args:
            interface: the port the mirror feeds.
            queues: receive queues 0..queues-1 are read.
            ring_frames: receive ring of each queue, a power of two; the memory is
                twice as many frames of 2 KiB.
            generic: attach in the slow skb mode, for drivers without XDP.
            clock: what stamps are moved to the epoch with.

        Raises:
            CaptureError: no such interface or queue, or somebody else holds it.
            UnsupportedError: host, driver or privileges do not allow it.
        """
        kind = "generic" if generic else "native"
        self.name = f"xdp {kind} {interface}"
        self.is_exhausted = False
        self._interface = interface
        self._last: dict[str, int] = {}
        self._object: bpf.Object | None = None
        self._link: bpf.Link | None = None
        self._clock = clock or SystemClock()
        found = link.describe(interface)
        _check(found, queues, ring_frames)
        found = link.bring_up(interface, quiet=True)
        self.buffer: NDArray[np.uint8] = np.frombuffer(
            _memory(queues * 2 * ring_frames * ring.FRAME_BYTES), np.uint8
        )
        offset_ns = epoch_offset_ns(self._clock)
        self._rings = ring.Rings(queues, ring_frames, self.buffer, offset_ns)
        self._promiscuous = link.promiscuous(found)
        try:
            self._attach(found, queues, generic=generic)
        except BaseException:
            self.close()
            raise

    def _attach(self, found: link.Interface, queues: int, *, generic: bool) -> None:
        """Sockets first, program last: no frame meets a queue without a socket."""
        self._object = bpf.Object("tap")
        self._counters = bpf.CounterMap(self._object.map_fd("counters"))
        sockets = bpf.Map(self._object.map_fd("sockets"), 4)
        for queue in range(queues):
            try:
                descriptor = self._rings.open(queue)
                self._bind(queue, found.index)
            except OSError as error:
                raise _bind_error(self._interface, queue, error) from error
            sockets.update(queue, descriptor.to_bytes(4, "little"))
        program = self._object.program("tap")
        self._link = program.attach_xdp(self._interface, found.index, generic=generic)

    def _bind(self, queue: int, index: int) -> None:
        for attempt in range(BIND_TRIES):
            try:
                return self._rings.bind(queue, index)
            except OSError as error:
                if error.errno != errno.EBUSY or attempt == BIND_TRIES - 1:
                    raise
            self._clock.sleep_s(BIND_WAIT_S * 2**attempt)
        return None

    def poll(self, rows: NDArray[np.void], wait_ms: int) -> int:
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

        `in_ring` frames wait for the next poll. `unaccounted` is what the program
        saw and nothing else counts: frames in flight, 0 once idle.
        """
        if self._object is None:
            return dict(self._last)
        delivered, in_ring, rx_dropped, ring_full = self._rings.statistics()
        counts = {name: self._counters.total(i) for name, i in TAP_REASONS.items()}
        counts |= {"in_ring": in_ring, "rx_dropped": rx_dropped, "ring_full": ring_full}
        # Read last: a frame that arrives meanwhile is in flight, never missing.
        seen = self._counters.total(SEEN)
        counts["unaccounted"] = seen - delivered - sum(counts.values())
        return {"seen": seen, "delivered": delivered, **counts}

    def tx_frames(self) -> int:
        """Return how many frames the interface has sent since it exists."""
        return link.tx_frames(self._interface)

    def close(self) -> None:
        """Detach the program, then free sockets and maps; twice is harmless."""
        if self._link is not None:
            self._link.close()
            self._link = None
            self._last = self.counters()
        self._rings.close()
        if self._object is not None:
            self._object.close()
            self._object = None
        self._promiscuous.close()


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


def _check(found: link.Interface, queues: int, ring_frames: int) -> None:
    """Refuse what would cut the host off, and what cannot work."""
    if found.addresses:
        raise UnsupportedError(
            f"{found.name} carries {found.addresses[0]}: XDP would cut the host off",
            "give airnet an interface of its own, or use backend packet",
        )
    if found.mtu > MTU_MAX or not found.is_ethernet:
        raise UnsupportedError(
            f"{found.name}: MTU {found.mtu} or link type does not fit AF_XDP frames",
            f"set an Ethernet mirror port to an MTU <= {MTU_MAX}, or use packet",
        )
    if not 1 <= queues <= min(ring.QUEUES_MAX, found.rx_queue_count):
        raise CaptureError(
            f"{found.name}: {queues} queues asked, it has {found.rx_queue_count}",
            "correct capture.queues, or `ethtool -L` the interface",
        )
    if not 64 <= ring_frames <= 65536 or ring_frames & (ring_frames - 1):
        raise CaptureError(
            f"{found.name}: ring_frames is {ring_frames}",
            "correct capture.ring_frames: a power of two, 64..65536",
        )


def _memory(size: int) -> mmap.mmap:
    """Return private zeroed pages, present from the start.

    numpy keeps the mapping alive as long as anybody holds the buffer, so rows of a
    closed source point at stale bytes, never at unmapped ones.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
    return mmap.mmap(-1, size, flags=flags)


def _bind_error(
    interface: str, queue: int, error: OSError
) -> CaptureError | UnsupportedError:
    """Return what an errno of opening or binding an AF_XDP socket means."""
    what = f"{interface} queue {queue}: AF_XDP: {error.strerror}"
    if error.errno == errno.EBUSY:
        return CaptureError(what, "another process captures here: stop it")
    if error.errno == errno.EINVAL:
        return CaptureError(what, "lower capture.queues to what `ethtool -l` says")
    if error.errno in (errno.ENOBUFS, errno.ENOMEM):
        return UnsupportedError(what, "raise LimitMEMLOCK or lower ring_frames")
    return UnsupportedError(what, "run as root with CAP_NET_RAW, or use packet")
