"""PacketSource: an interface through AF_PACKET, for hosts without XDP."""

import os
import socket
import struct

import numpy as np
from numpy.typing import NDArray

from airnet._ext import ring
from airnet.domain.frame import LINK_ETHERNET, LINK_RAW
from airnet.errors import CaptureError, UnsupportedError
from airnet.kernel import link

#: Source: include/uapi/linux/if_packet.h, if_ether.h, asm-generic/socket.h.
SOL_PACKET = 263
PACKET_STATISTICS, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 6, 8, 23
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
ETH_P_ALL = 0x0003
#: Holds about 0.1 s of a loaded gigabit while the process is not scheduled.
RECEIVE_BUFFER_BYTES = 32 << 20


class PacketSource:
    """Frames of one interface, stamped by the kernel, received in batches.

    It only listens: the host's own traffic and the frames it sends are left alone.
    """

    def __init__(self, interface: str) -> None:
        """Bring the interface up and listen.

        Raises:
            CaptureError: no such interface.
            UnsupportedError: this process may not open packet sockets.
        """
        self.name = f"packet {interface}"
        self.is_exhausted = False
        self._interface = interface
        self._delivered = self._seen = self._dropped = 0
        found = link.describe(interface)
        # An interface with an address serves the host: it is not silenced.
        found = link.bring_up(interface, quiet=not found.addresses)
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError as error:
            raise UnsupportedError(
                f"{interface}: AF_PACKET: {error.strerror}",
                "run as root or with CAP_NET_RAW",
            ) from error
        self._socket.setblocking(False)
        self._listen(found)
        self.buffer: NDArray[np.uint8] = np.zeros(ring.BATCH_BYTES, np.uint8)
        kind = LINK_ETHERNET if found.is_ethernet else LINK_RAW
        self._batch = ring.Batch(self._socket.fileno(), kind, self.buffer)

    def _listen(self, found: link.Interface) -> None:
        """Set every option before bind: from then on frames arrive."""
        options = self._socket.setsockopt
        try:
            options(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        except PermissionError:
            options(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        options(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        options(SOL_PACKET, PACKET_AUXDATA, 1)
        options(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        link.join_promiscuous(self._socket, found)
        self._socket.bind((found.name, ETH_P_ALL))

    def poll(self, rows: NDArray[np.void], wait_ms: int) -> int:
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
        return count

    def counters(self) -> dict[str, int]:
        """Return seen, delivered, `socket_full` (the kernel's drops) and `in_ring`.

        The kernel counts what it offers the socket, drops included, and forgets the
        count when it is read (packet(7)).
        """
        if self._socket.fileno() >= 0:
            raw = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
            seen, dropped = struct.unpack("=II", raw)
            self._seen += seen
            self._dropped += dropped
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
