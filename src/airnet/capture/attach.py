"""Attaching to a mirror port: the part of capture that needs privileges.

It returns an Attached, and needs them no more; `airnet.capture.interface` tells which
Source reads it.
"""

import contextlib
import os
import socket
from collections.abc import Callable
from typing import Final, NamedTuple

import structlog

from airnet import config
from airnet._ext import ring
from airnet._ext.selection import TABLE_WORDS
from airnet.capture.attached import PacketAttached, XdpAttached
from airnet.capture.selection import Selection
from airnet.capture.sockets import Sockets, open_sockets
from airnet.errors import AirnetError, CaptureError, UnsupportedError
from airnet.kernel import bpf, link, xsk

#: A frame of AF_XDP memory holds what the kernel keeps, an Ethernet header with a VLAN
#: tag, and the packet; a longer packet comes in pieces.
MTU_ONE_FRAME: Final = xsk.FRAME_BYTES - xsk.HEADROOM_BYTES - 18
#: What cards call jumbo ends at 9216 to 16384.
MTU_MAX = 16384
#: Room to join packets in, a queue: a hundred of 9000 B in one poll.
SIDE_BYTES = 1 << 20
#: Source: include/uapi/linux/if_packet.h, asm-generic/socket.h, if_ether.h.
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
ETH_P_ALL = 0x0003
#: Holds about 0.1 s of a loaded gigabit while the process is not scheduled.
RECEIVE_BUFFER_BYTES = 32 << 20

log = structlog.get_logger()


#: Watched: nothing in particular, everything is taken.
EVERYTHING = Selection()


class Loaded(NamedTuple):
    """Descriptors of the attached programs and of the maps that are read."""

    link: int
    tracepoint: int
    counters: int
    summaries: int
    sketches: int
    redirects: int


def attach_xdp(
    capture: config.Capture,
    selection: Selection = EVERYTHING,
    *,
    generic: bool = False,
) -> XdpAttached:
    """Bring the interface up, quietly, and let XDP give its frames to our sockets.

    The interface becomes ours alone: XDP takes every frame before the host's network
    stack, so one that carries an address is refused. Sockets come first and the
    program last: no frame meets a queue without a socket. `selection` says what is
    taken; of the rest the kernel keeps a summary.

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
    with contextlib.ExitStack() as undo:

        def keep(fd: int) -> int:
            undo.callback(os.close, fd)
            return fd

        promiscuous = keep(link.promiscuous(found).detach())
        sockets = open_sockets(capture, found, side_bytes, keep, generic=generic)
        loaded = _load(found, sockets, selection, keep, generic=generic)
        undo.pop_all()
    return XdpAttached(
        interface=name,
        missed_before=found.missed_frames,
        selection=selection,
        features=_features(
            sockets, selection, is_jumbo=is_jumbo, is_traced=loaded.redirects >= 0
        ),
        mode="generic" if generic else "native",
        is_busy=sockets.is_busy,
        cpus=bpf.possible_cpu_count(),
        ring_frames=capture.ring_frames,
        side_bytes=side_bytes,
        memory_fd=sockets.memory_fd,
        link_fd=loaded.link,
        tracepoint_fd=loaded.tracepoint,
        sockets=sockets.descriptors,
        counters_fd=loaded.counters,
        summaries_fd=loaded.summaries,
        sketches_fd=loaded.sketches,
        redirects_fd=loaded.redirects,
        promiscuous_fd=promiscuous,
    )


def attach_packet(
    capture: config.Capture, selection: Selection = EVERYTHING
) -> PacketAttached:
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
        missed_before=found.missed_frames,
        selection=selection,
        features=("copy", *_selected(selection)),
        socket_fd=listener.detach(),
        is_ethernet=found.is_ethernet,
    )


def _load(
    found: link.Interface,
    sockets: Sockets,
    selection: Selection,
    keep: Callable[[int], int],
    *,
    generic: bool,
) -> Loaded:
    """Load the programs, fill their tables, attach: the tap last."""
    cpus = bpf.possible_cpu_count()
    entries = dict.fromkeys(("counters", "summaries", "sketches"), cpus)
    watched = selection.selector().table()
    with bpf.Object("tap", entries=entries) as tap:
        table = bpf.Map(tap.map_fd("sockets"), 4)
        for queue, fd in enumerate(sockets.descriptors):
            table.update(queue, fd.to_bytes(4, "little"))
        rule = bpf.mapped(tap.map_fd("selection"), TABLE_WORDS, writable=True)
        rule[:] = watched
        program = tap.program("tap")
        tracepoint, redirects = _watch_redirects(program.id(), keep)
        counters, summaries, sketches = (
            keep(os.dup(tap.map_fd(name))) for name in entries
        )
        held = program.attach_xdp(found.name, found.index, generic=generic)
        return Loaded(
            link=keep(held.fd),
            tracepoint=tracepoint,
            counters=counters,
            summaries=summaries,
            sketches=sketches,
            redirects=redirects,
        )


def _watch_redirects(program_id: int, keep: Callable[[int], int]) -> tuple[int, int]:
    """Count failed redirects by errno; (-1, -1) where the tracepoint is denied."""
    cpus = bpf.possible_cpu_count()
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


def _selected(selection: Selection) -> tuple[str, ...]:
    return ("order traffic only",) if selection.mode == "order" else ()


def _features(
    sockets: Sockets, selection: Selection, *, is_jumbo: bool, is_traced: bool
) -> tuple[str, ...]:
    """Return how it works here, in words."""
    queues = len(sockets.descriptors)
    copies = {0: "copy", queues: "zero-copy"}
    mixed = f"zero-copy on {sockets.zero_copy_count} of {queues} queues"
    found = [copies.get(sockets.zero_copy_count, mixed), *_selected(selection)]
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
    if queues < found.rx_queue_count:
        reason = f"{found.name} has {found.rx_queue_count} queues, {queues} are read"
        log.warning("capture.degraded", without="queues", reason=reason)
