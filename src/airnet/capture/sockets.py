"""The AF_XDP sockets of one interface, opened and bound over one memory."""

import errno
import mmap
import os
import socket
from collections.abc import Callable

import msgspec
import numpy as np
import structlog

from airnet import config
from airnet._ext import ring
from airnet.errors import CaptureError, UnsupportedError
from airnet.kernel import link, netdev, xsk

log = structlog.get_logger()


class Sockets(msgspec.Struct, frozen=True, kw_only=True):
    """The AF_XDP sockets of one interface, bound, with the memory of their frames."""

    memory_fd: int
    descriptors: tuple[int, ...]
    zero_copy_count: int
    is_busy: bool


def open_sockets(
    capture: config.Capture,
    found: link.Interface,
    side_bytes: int,
    keep: Callable[[int], int],
    *,
    generic: bool,
) -> Sockets:
    """Open and bind a socket for each queue over one shared memory."""
    queues, ring_frames = capture.queues, capture.ring_frames
    size = ring.memory_bytes(queues, ring_frames, side_bytes)
    memory_fd = keep(os.memfd_create("airnet-frames", os.MFD_CLOEXEC))
    os.ftruncate(memory_fd, size)
    pages = mmap.mmap(memory_fd, size, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
    memory = np.frombuffer(pages, np.uint8)
    each = 2 * ring_frames * xsk.FRAME_BYTES
    modes = [xsk.XDP_COPY]
    # An older kernel does not tell what the driver has: then it is tried.
    features = netdev.xdp_features().get(found.name, netdev.ZERO_COPY)
    has_zero_copy = bool(features & netdev.ZERO_COPY)
    if capture.zero_copy == "auto" and has_zero_copy and not generic:
        modes.insert(0, xsk.XDP_ZEROCOPY)
    pieces = xsk.XDP_USE_SG if side_bytes else 0
    is_busy = bool(capture.busy_poll_us)
    descriptors, zero_copy_count = [], 0
    for queue in range(queues):
        try:
            receiver = xsk.open_socket(memory[queue * each :], ring_frames)
            descriptors.append(keep(os.dup(receiver.fileno())))
            with receiver:
                is_busy &= _busy(receiver, capture)
                _bind(receiver, found.index, queue, [m | pieces for m in modes])
                zero_copy_count += xsk.is_zero_copy(receiver)
                xsk.check_handover(receiver)
        except OSError as error:
            raise _bind_error(capture.interface, queue, error) from error
    return Sockets(
        memory_fd=memory_fd,
        descriptors=tuple(descriptors),
        zero_copy_count=zero_copy_count,
        is_busy=is_busy,
    )


def _busy(receiver: socket.socket, capture: config.Capture) -> bool:
    """Ask for busy polling where configured; return whether the socket has it."""
    if not capture.busy_poll_us:
        return False
    try:
        xsk.prefer_busy_poll(receiver, capture.busy_poll_us * 1000)
    except OSError as error:
        reason = error.strerror
        log.warning("capture.degraded", without="busy-poll", reason=reason)
        return False
    return True


def _bind(
    receiver: socket.socket, interface_index: int, queue: int, modes: list[int]
) -> None:
    """Bind in the first of these modes that the driver has."""
    for flags in modes:
        try:
            return xsk.bind_patiently(
                receiver, interface_index, queue, flags | xsk.XDP_USE_NEED_WAKEUP
            )
        except OSError as error:
            if flags == modes[-1] or error.errno == errno.EBUSY:
                raise
    return None


def _bind_error(
    interface: str, queue: int, error: OSError
) -> CaptureError | UnsupportedError:
    """Return what an errno of opening or binding an AF_XDP socket means."""
    what = f"{interface} queue {queue}: AF_XDP: {error.strerror}"
    if error.errno == errno.EBUSY:
        return CaptureError(what, "another process captures here: stop it")
    if error.errno == errno.EINVAL:
        return CaptureError(
            what, "lower capture.queues to what `ethtool -l` says, or the MTU to 1500"
        )
    if error.errno in (errno.ENOBUFS, errno.ENOMEM):
        return UnsupportedError(what, "raise LimitMEMLOCK or lower ring_frames")
    return UnsupportedError(what, "run as root with CAP_NET_RAW, or use packet")
