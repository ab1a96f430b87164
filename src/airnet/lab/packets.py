"""Packets: frames of a capture put on wires as they are, many with one system call.

Nothing is made a frame: headers of sendmmsg(2) point at the bytes where they were read.
"""

import ctypes
import errno
import os
import socket
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from airnet.errors import UnsupportedError

#: struct mmsghdr and struct iovec of 64-bit Linux (socket.h(0p), recvmmsg(2)).
MMSGHDR = np.dtype(
    [
        ("name", "<u8"),
        ("name_bytes", "<u4"),
        ("pad", "<u4"),
        ("vectors", "<u8"),
        ("vector_count", "<u8"),
        ("control", "<u8"),
        ("control_bytes", "<u8"),
        ("flags", "<u4"),
        ("pad2", "<u4"),
        ("sent_bytes", "<u4"),
        ("pad3", "<u4"),
    ]
)
IOVEC = np.dtype([("place", "<u8"), ("bytes", "<u8")])
#: Source: include/uapi/linux/sched.h; include/uapi/linux/if_packet.h.
CLONE_NEWNET = 0x40000000
SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
#: Where ip-netns(8) keeps the namespaces that have a name.
NAMESPACES = Path("/run/netns")

library = ctypes.CDLL(None, use_errno=True)


def socket_in(namespace: str, interface: str) -> socket.socket:
    """Return a packet socket of an interface in a namespace; the caller is then there.

    It only sends: of what arrives it is given nothing.

    Raises:
        UnsupportedError: there is no such namespace or interface, or no right to it.
    """
    try:
        place = os.open(NAMESPACES / namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if library.setns(place, CLONE_NEWNET):
                raise _last_error()
        finally:
            os.close(place)
        out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        out.bind((interface, 0))
        out.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
    except OSError as error:
        raise UnsupportedError(
            f"{interface} of {namespace}: cannot send there: {error.strerror}",
            "run as root",
        ) from error
    return out


def _last_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


class Packets:
    """A batch of frames, ready to be sent through one socket or another.

    Args:
        limit: the most frames of a batch.
    """

    def __init__(self, limit: int) -> None:
        self._vectors = np.zeros(limit, IOVEC)
        self._headers = np.zeros(limit, MMSGHDR)
        places = np.arange(limit, dtype=np.uint64) * np.uint64(IOVEC.itemsize)
        self._headers["vectors"] = places + np.uint64(self._vectors.ctypes.data)
        self._headers["vector_count"] = 1
        self._first = self._headers.ctypes.data

    def load(self, rows: NDArray[np.void], buffer: NDArray[np.uint8]) -> None:
        """Take FRAME[n] rows; their bytes must stay in `buffer` until they are sent."""
        count = len(rows)
        self._vectors["place"][:count] = rows["offset"] + np.uint64(buffer.ctypes.data)
        self._vectors["bytes"][:count] = rows["captured_bytes"]

    def send(self, out: int, first: int, count: int) -> int:
        """Send frames [first, first + count); return how many the wire took.

        Fewer than `count`: the wire did not take the one after those.

        Raises:
            OSError: the wire is gone.
        """
        place = self._first + first * MMSGHDR.itemsize
        sent: int = library.sendmmsg(out, ctypes.c_void_p(place), count, 0)
        if sent >= 0:
            return sent
        if ctypes.get_errno() in (errno.ENOBUFS, errno.EAGAIN, errno.EINTR):
            return 0
        raise _last_error()
