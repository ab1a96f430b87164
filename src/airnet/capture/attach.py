"""Attaching to a mirror port: the part of capture that needs privileges.

It returns an Attached, and needs them no more; `airnet.capture.interface` tells which
Source reads it.
"""

import contextlib
import errno
import mmap
import os
import socket
from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
import structlog

from airnet import config
from airnet._ext import ring
from airnet.capture.attached import PacketAttached, XdpAttached
from airnet.clock import SystemClock
from airnet.errors import AirnetError, CaptureError, UnsupportedError
from airnet.kernel import bpf, link, xsk

#: A frame of AF_XDP memory holds what the kernel keeps, an Ethernet header with a VLAN
#: tag, and the packet; a longer packet comes in pieces.
MTU_ONE_FRAME: Final = xsk.FRAME_BYTES - xsk.HEADROOM_BYTES - 18
#: What cards call jumbo ends at 9216 to 16384.
MTU_MAX = 16384
#: Room to join packets in, a queue: a hundred of 9000 B in one poll.
SIDE_BYTES = 1 << 20
#: An earlier socket of a queue is freed asynchronously: seen to take a few ms.
BIND_TRIES, BIND_WAIT_S = 10, 0.002

#: Source: include/uapi/linux/if_packet.h, asm-generic/socket.h, if_ether.h.
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
ETH_P_ALL = 0x0003
#: Holds about 0.1 s of a loaded gigabit while the process is not scheduled.
RECEIVE_BUFFER_BYTES = 32 << 20

log = structlog.get_logger()
_clock = SystemClock()


class Sockets(msgspec.Struct, frozen=True, kw_only=True):
    """The AF_XDP sockets of one interface, bound, with the memory of their frames."""

    memory_fd: int
    descriptors: tuple[int, ...]
    zero_copy_count: int
    is_busy: bool


def attach_xdp(capture: config.Capture, *, generic: bool = False) -> XdpAttached:
    """Bring the interface up, quietly, and let XDP give its frames to our sockets.

    The interface becomes ours alone: XDP takes every frame before the host's network
    stack, so one that carries an address is refused. Sockets come first and the
    program last: no frame meets a queue without a socket.

    Raises:
        CaptureError: no such interface or queue, or somebody else holds it.
        UnsupportedError: host, driver or privileges do not allow it.
    """
    name = capture.interface
    found = link.describe(name)
    _check(found, capture.queues)
    found = link.bring_up(name, quiet=True)
    is_jumbo = found.mtu > MTU_ONE_FRAME
    side_bytes = SIDE_BYTES if is_jumbo else 0
    cpus = bpf.possible_cpu_count()
    with contextlib.ExitStack() as undo:

        def keep(fd: int) -> int:
            undo.callback(os.close, fd)
            return fd

        promiscuous = keep(link.promiscuous(found).detach())
        sockets = _open_sockets(capture, found, side_bytes, keep, generic=generic)
        with bpf.Object("tap", entries={"counters": cpus}) as tap:
            table = bpf.Map(tap.map_fd("sockets"), 4)
            for queue, fd in enumerate(sockets.descriptors):
                table.update(queue, fd.to_bytes(4, "little"))
            counters = keep(os.dup(tap.map_fd("counters")))
            program = tap.program("tap")
            tracepoint, redirects = _watch_redirects(program.id(), cpus, keep)
            held = keep(program.attach_xdp(name, found.index, generic=generic).fd)
        undo.pop_all()
    return XdpAttached(
        interface=name,
        features=_features(
            sockets, capture.queues, is_jumbo=is_jumbo, is_traced=tracepoint >= 0
        ),
        mode="generic" if generic else "native",
        is_busy=sockets.is_busy,
        cpus=cpus,
        missed_before=found.missed_frames,
        ring_frames=capture.ring_frames,
        side_bytes=side_bytes,
        memory_fd=sockets.memory_fd,
        link_fd=held,
        tracepoint_fd=tracepoint,
        sockets=sockets.descriptors,
        counters_fd=counters,
        redirects_fd=redirects,
        promiscuous_fd=promiscuous,
    )


def attach_packet(capture: config.Capture) -> PacketAttached:
    """Bring the interface up and listen with an AF_PACKET socket.

    Raises:
        CaptureError: no such interface.
        UnsupportedError: this process may not open packet sockets.
    """
    name = capture.interface
    found = link.describe(name)
    # An interface with an address serves the host: it is not silenced.
    found = link.bring_up(name, quiet=not found.addresses)
    try:
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError as error:
        raise UnsupportedError(
            f"{name}: AF_PACKET: {error.strerror}", "run as root or with CAP_NET_RAW"
        ) from error
    listener.setblocking(False)
    # Every option before bind: from then on frames arrive.
    options = listener.setsockopt
    try:
        options(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except PermissionError:
        options(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    options(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    options(SOL_PACKET, PACKET_AUXDATA, 1)
    options(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    link.join_promiscuous(listener, found)
    listener.bind((name, ETH_P_ALL))
    return PacketAttached(
        interface=name,
        features=("copy",),
        socket_fd=listener.detach(),
        is_ethernet=found.is_ethernet,
    )


def _open_sockets(
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
    if capture.zero_copy == "auto" and not generic:
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
            return _bind_patiently(
                receiver, interface_index, queue, flags | xsk.XDP_USE_NEED_WAKEUP
            )
        except OSError as error:
            if flags == modes[-1] or error.errno == errno.EBUSY:
                raise
    return None


def _bind_patiently(
    receiver: socket.socket, interface_index: int, queue: int, flags: int
) -> None:
    for attempt in range(BIND_TRIES):
        try:
            return xsk.bind(receiver, interface_index, queue, flags)
        except OSError as error:
            if error.errno != errno.EBUSY or attempt == BIND_TRIES - 1:
                raise
        _clock.sleep_s(BIND_WAIT_S * 2**attempt)
    return None


def _watch_redirects(
    program_id: int, cpus: int, keep: Callable[[int], int]
) -> tuple[int, int]:
    """Count failed redirects by errno; (-1, -1) where the tracepoint is denied."""
    constants = program_id.to_bytes(4, "little")
    try:
        with bpf.Object(
            "redirect", entries={"errors": cpus}, constants=constants
        ) as redirect:
            held = redirect.program("redirect_err").attach_tracepoint()
            return keep(held.fd), keep(os.dup(redirect.map_fd("errors")))
    except AirnetError as error:
        log.warning("capture.degraded", without="tracepoint", reason=error.what)
        return -1, -1


def _features(
    sockets: Sockets, queues: int, *, is_jumbo: bool, is_traced: bool
) -> tuple[str, ...]:
    """Return how it works here, in words."""
    copies = {0: "copy", queues: "zero-copy"}
    mixed = f"zero-copy on {sockets.zero_copy_count} of {queues} queues"
    found = [copies.get(sockets.zero_copy_count, mixed)]
    if is_jumbo:
        found.append("multi-buffer")
    if sockets.is_busy:
        found.append("busy-poll")
    if not is_traced:
        found.append("no tracepoint")
    return tuple(found)


def _check(found: link.Interface, queues: int) -> None:
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
