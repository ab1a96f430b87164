"""PacketSource: an interface through AF_PACKET, for hosts without XDP."""

import os
import socket
import struct

import numpy as np
from numpy.typing import NDArray

from airnet._ext import ring
from airnet.capture.attached import PacketAttached
from airnet.domain.frame import LINK_ETHERNET, LINK_RAW
from airnet.errors import CaptureError

#: Source: include/uapi/linux/if_packet.h.
SOL_PACKET, PACKET_STATISTICS = 263, 6
#: The kernel's counts are 32 bits wide: they are read before they can go round.
FRAMES_BETWEEN_COUNTS = 1 << 28


class PacketSource:
    """Frames of one interface, stamped by the kernel, received in batches.

    It only listens: the host's own traffic and the frames it sends are left alone. It
    reads what `attach_packet` left behind, and needs no privilege for it.
    """

    def __init__(self, attached: PacketAttached) -> None:
        """Take the socket; the descriptor is this object's then."""
        self.name = f"packet {attached.interface} ({', '.join(attached.features)})"
        self.is_exhausted = False
        self._interface = attached.interface
        self._delivered = self._seen = self._dropped = self._counted = 0
        self._socket = socket.socket(fileno=attached.socket_fd)
        self.buffer: NDArray[np.uint8] = np.zeros(ring.BATCH_BYTES, np.uint8)
        kind = LINK_ETHERNET if attached.is_ethernet else LINK_RAW
        self._batch = ring.Batch(attached.socket_fd, kind, self.buffer)

    def poll(self, rows: NDArray[np.void] | memoryview, wait_ms: int) -> int:
        """Fill rows in order of arrival.

        Raises:
            CaptureError: the interface went away.
        """
        count = self._batch.poll(rows, wait_ms)
        if count < 0:
            raise CaptureError(
                f"{self._interface}: capture ended: {os.strerror(-count)}",
                "check the interface; airnet can be started again at any time",
            )
        self._delivered += count
        if self._delivered - self._counted > FRAMES_BETWEEN_COUNTS:
            self._count()
        return count

    def _count(self) -> None:
        """Add what the kernel counted since it was last asked.

        It counts what it offers the socket, drops included, and forgets the counts
        when they are read (packet(7)).
        """
        raw = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        seen, dropped = struct.unpack("=II", raw)
        self._seen += seen
        self._dropped += dropped
        self._counted = self._delivered

    def counters(self) -> dict[str, int]:
        """Return seen, delivered, `socket_full` (the kernel's drops) and `in_ring`."""
        if self._socket.fileno() >= 0:
            self._count()
        return {
            "seen": self._seen,
            "delivered": self._delivered,
            "socket_full": self._dropped,
            "in_ring": self._seen - self._delivered - self._dropped,
        }

    def close(self) -> None:
        """Close the socket; closing twice is harmless."""
        if self._socket.fileno() >= 0:
            self.counters()
            self._socket.close()
