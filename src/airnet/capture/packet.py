"""PacketSource: an interface through AF_PACKET, for hosts without XDP."""

import contextlib
import os
import socket
import struct

import numpy as np
from numpy.typing import NDArray

from airnet._ext import ring
from airnet.capture.attached import PacketAttached
from airnet.capture.selection import Ignored, ignored
from airnet.domain.frame import LINK_ETHERNET, LINK_RAW
from airnet.errors import CaptureError
from airnet.kernel import link

#: Source: include/uapi/linux/if_packet.h.
SOL_PACKET, PACKET_STATISTICS = 263, 6
#: The kernel's counts are 32 bits wide: they are read before they can go round.
FRAMES_BETWEEN_COUNTS = 1 << 28
#: Batches of nothing but ignored frames in one poll: it ends, whatever comes.
BATCHES_MAX = 64


class PacketSource:
    """Frames of one interface, stamped by the kernel, received in batches.

    It only listens: the host's own traffic and the frames it sends are left alone. It
    reads what `attach_packet` left behind, and needs no privilege for it. What is not
    to be taken is received and left out here, by the rule that XDP applies before.
    """

    def __init__(self, attached: PacketAttached) -> None:
        """Take the socket; the descriptor is this object's then."""
        self.name = f"packet {attached.interface} ({', '.join(attached.features)})"
        self.is_exhausted = False
        self._interface = attached.interface
        self._received = self._delivered = self._seen = self._dropped = 0
        self._counted = self._missed = 0
        self._missed_before = attached.missed_before
        self._selection = attached.selection
        self._selector = attached.selection.selector()
        self._socket = socket.socket(fileno=attached.socket_fd)
        self.buffer: NDArray[np.uint8] = np.zeros(ring.BATCH_BYTES, np.uint8)
        kind = LINK_ETHERNET if attached.is_ethernet else LINK_RAW
        self._batch = ring.Batch(attached.socket_fd, kind, self.buffer)

    def poll(self, rows: NDArray[np.void] | memoryview, wait_ms: int) -> int:
        """Fill rows in order of arrival.

        Raises:
            CaptureError: the interface went away.
        """
        kept = 0
        for _ in range(BATCHES_MAX):
            count = self._batch.poll(rows, wait_ms)
            if count < 0:
                raise CaptureError(
                    f"{self._interface}: capture ended: {os.strerror(-count)}",
                    "check the interface; airnet can be started again at any time",
                )
            self._received += count
            kept = self._selector.select_batch(rows, count, self.buffer)
            if kept or not count:
                break
        self._delivered += kept
        if self._received - self._counted > FRAMES_BETWEEN_COUNTS:
            self._count()
        return kept

    def ignored(self) -> list[Ignored]:
        """Return the frames that were received and not taken, by kind."""
        return ignored(self._selector.summary())

    def floods(self) -> dict[str, tuple[int, int, int]]:
        """Return about how many SYN, UDP and ICMP frames each watched address got."""
        return self._selection.floods(self._selector.sketch())

    def _count(self) -> None:
        """Add what the kernel counted since it was last asked.

        It counts what it offers the socket, drops included, and forgets the counts
        when they are read (packet(7)).
        """
        raw = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        seen, dropped = struct.unpack("=II", raw)
        self._seen += seen
        self._dropped += dropped
        self._counted = self._received
        with contextlib.suppress(CaptureError):  # it is gone: as last known
            now = link.missed_frames(self._interface)
            self._missed = now - self._missed_before

    def counters(self) -> dict[str, int]:
        """Return seen, delivered and every reason a frame was not delivered.

        `missed` frames the card had no room for, `socket_full` ones the socket,
        `ignored` ones were not to be taken, `in_ring` ones wait for the next poll.
        """
        if self._socket.fileno() >= 0:
            self._count()
        return {
            "seen": self._seen + self._missed,
            "delivered": self._delivered,
            "missed": self._missed,
            "socket_full": self._dropped,
            "ignored": self._received - self._delivered,
            "in_ring": self._seen - self._received - self._dropped,
        }

    def losses(self) -> tuple[int, int]:
        """Return how many frames card and socket had no room for, of how many."""
        found = self.counters()
        return found["missed"] + found["socket_full"], found["seen"]

    def close(self) -> None:
        """Close the socket; closing twice is harmless."""
        if self._socket.fileno() >= 0:
            self.counters()
            self._socket.close()
