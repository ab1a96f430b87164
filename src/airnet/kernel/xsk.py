"""Opening and binding AF_XDP sockets, by raw system calls; reading is ext/ring.pyx.

Not libxdp: its calls load a dispatcher that hosts refuse, and for shared frame memory
they bind before the fill ring can be filled. A socket gets no transmit ring at all, so
nothing here can send. Source: Documentation/networking/af_xdp.rst, if_xdp.h.
"""

import ctypes
import errno
import mmap
import os
import socket
import struct

import numpy as np
from numpy.typing import NDArray

from airnet.clock import SystemClock
from airnet.errors import UnsupportedError

AF_XDP, SOL_XDP = 44, 283
XDP_MMAP_OFFSETS, XDP_RX_RING, XDP_UMEM_REG = 1, 2, 4
XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_OPTIONS = 5, 6, 8
XDP_COPY, XDP_ZEROCOPY, XDP_USE_NEED_WAKEUP, XDP_USE_SG = 1 << 1, 1 << 2, 1 << 3, 1 << 4
XDP_OPTIONS_ZEROCOPY = 1
FILL_OFFSET = 0x1_0000_0000
FRAME_BYTES = 2048
#: Of each frame the kernel keeps this much free in front (XDP_PACKET_HEADROOM).
HEADROOM_BYTES = 256
#: Source: include/uapi/asm-generic/socket.h.
SO_BUSY_POLL, SO_PREFER_BUSY_POLL, SO_BUSY_POLL_BUDGET = 46, 69, 70
#: Frames the driver handles a busy poll: NAPI's own weight.
BUSY_POLL_BUDGET = 64
#: An earlier socket of a queue is freed asynchronously: seen to take a few ms.
BIND_TRIES, BIND_WAIT_S = 10, 0.002


def open_socket(memory: NDArray[np.uint8], ring_frames: int) -> socket.socket:
    """Return a socket whose fill ring already holds every frame of `memory`.

    `memory` is 2 * ring_frames * FRAME_BYTES; the kernel keeps its pages for as long
    as the socket is open, so it need not stay mapped here. The fill ring is full
    before bind, as some drivers want it.

    Raises:
        OSError: the errno of what the kernel refused.
    """
    frames = 2 * ring_frames
    receiver = socket.socket(AF_XDP, socket.SOCK_RAW | socket.SOCK_CLOEXEC)
    try:
        area = struct.pack(
            "=QQIIII", memory.ctypes.data, frames * FRAME_BYTES, FRAME_BYTES, 0, 0, 0
        )
        receiver.setsockopt(SOL_XDP, XDP_UMEM_REG, area)
        receiver.setsockopt(SOL_XDP, XDP_UMEM_FILL_RING, frames)
        # Binding asks for a completion ring, though nothing is ever sent.
        receiver.setsockopt(SOL_XDP, XDP_UMEM_COMPLETION_RING, 64)
        receiver.setsockopt(SOL_XDP, XDP_RX_RING, ring_frames)
        _fill(receiver, frames)
    except BaseException:
        receiver.close()
        raise
    return receiver


def _fill(receiver: socket.socket, frames: int) -> None:
    """Give every frame to the kernel."""
    raw = receiver.getsockopt(SOL_XDP, XDP_MMAP_OFFSETS, 128)
    # struct xdp_mmap_offsets: rx, tx, fill, completion; each producer, consumer,
    # descriptors, flags.
    producer, _, entries, _ = struct.unpack_from("=4Q", raw, 2 * 32)
    with mmap.mmap(
        receiver.fileno(), entries + 8 * frames, mmap.MAP_SHARED, offset=FILL_OFFSET
    ) as ring:
        addresses = np.arange(frames, dtype="<u8") * np.uint64(FRAME_BYTES)
        ring[entries : entries + 8 * frames] = addresses.tobytes()
        ring[producer : producer + 4] = struct.pack("=I", frames)


def bind(receiver: socket.socket, interface_index: int, queue: int, flags: int) -> None:
    """Bind to one receive queue.

    Raises:
        OSError: EBUSY while an earlier socket of this queue is still being freed,
            EOPNOTSUPP where the driver has no zero copy, EINVAL for no such queue.
    """
    # Python's bind() does not know this address family.
    address = struct.pack("=HHIII", AF_XDP, flags, interface_index, queue, 0)
    library = ctypes.CDLL(None, use_errno=True)
    if library.bind(receiver.fileno(), address, len(address)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def bind_patiently(
    receiver: socket.socket, interface_index: int, queue: int, flags: int
) -> None:
    """Bind as soon as an earlier socket of this queue is freed.

    Raises:
        OSError: as `bind`; EBUSY when the queue is somebody else's.
    """
    clock = SystemClock()
    for attempt in range(BIND_TRIES):
        try:
            return bind(receiver, interface_index, queue, flags)
        except OSError as error:
            if error.errno != errno.EBUSY or attempt == BIND_TRIES - 1:
                raise
        clock.sleep_s(BIND_WAIT_S * 2**attempt)
    return None


def is_zero_copy(receiver: socket.socket) -> bool:
    """Return whether the driver writes into our frames itself."""
    raw = receiver.getsockopt(SOL_XDP, XDP_OPTIONS, 4)
    return bool(struct.unpack("=I", raw)[0] & XDP_OPTIONS_ZEROCOPY)


def prefer_busy_poll(receiver: socket.socket, busy_ns: int) -> None:
    """Let the reader drive the driver instead of interrupts.

    Raises:
        OSError: the kernel refused it.
    """
    receiver.setsockopt(socket.SOL_SOCKET, SO_PREFER_BUSY_POLL, 1)
    receiver.setsockopt(socket.SOL_SOCKET, SO_BUSY_POLL, max(1, busy_ns // 1000))
    receiver.setsockopt(socket.SOL_SOCKET, SO_BUSY_POLL_BUDGET, BUSY_POLL_BUDGET)


def check_handover(receiver: socket.socket) -> None:
    """Raise UnsupportedError where the rings of a bound socket cannot be mapped.

    Before Linux 6.4 they can only be mapped before bind, so no other process could
    read what this one bound.
    """
    try:
        mmap.mmap(receiver.fileno(), mmap.PAGESIZE, mmap.MAP_SHARED).close()
    except OSError as error:
        raise UnsupportedError(
            f"AF_XDP rings cannot be mapped after bind: {error.strerror}",
            "needs Linux 6.4; use backend packet",
        ) from error
