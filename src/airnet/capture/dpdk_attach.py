"""Attaching to a port that DPDK drives: starting the process that owns DPDK.

DPDK's environment is global to a process and cannot be started twice in one, so it has
its own. What the two share has no name in any file system; the child's life ends with
the last copy of a pipe's end, so it cannot outlive its readers.
"""

import contextlib
import importlib.util
import mmap
import os
import select
import sys
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from airnet import config
from airnet._ext import relay
from airnet.capture import dpdk_order
from airnet.capture.attached import DpdkAttached
from airnet.capture.dpdk import OUTPUT_BYTES, complaint
from airnet.capture.selection import Selection
from airnet.capture.xdp import epoch_offset_ns
from airnet.clock import SystemClock
from airnet.errors import CaptureError, UnsupportedError
from airnet.kernel import link

#: Bytes of the ring for each of `ring_frames`.
RING_FRAME_BYTES: Final = 2048
#: Starting takes about half a second; a large card or much memory takes longer.
START_TIMEOUT_S = 20.0
CHILD: Final = (sys.executable, "-m", "airnet.capture.dpdk_child")


def attach_dpdk(
    capture: config.Capture, selection: Selection, child: Sequence[str] = CHILD
) -> DpdkAttached:
    """Start the child and wait until its port receives.

    Args:
        capture: `dpdk_args` names the device, `interface` what people call it.
        selection: what the reader keeps of what comes.
        child: the program that owns DPDK; it takes an Order as its last argument.

    Raises:
        CaptureError: no such device or interface, or DPDK refuses it.
        UnsupportedError: DPDK was not built in, or this host does not allow it.
    """
    _require_built()
    device = dpdk_order.device(capture.dpdk_args, capture.ring_frames)
    has_xdp = dpdk_order.has_program(device)
    port = dpdk_order.interface_of(device)
    found = _prepare(port, has_xdp=has_xdp) if port else None
    with contextlib.ExitStack() as undo:

        def keep(fd: int) -> int:
            undo.callback(os.close, fd)
            return fd

        promiscuous = keep(link.promiscuous(found).detach()) if found else -1
        memory = keep(os.memfd_create("airnet-dpdk", os.MFD_CLOEXEC))
        size = max(capture.ring_frames * RING_FRAME_BYTES, relay.DATA_BYTES_MIN)
        os.ftruncate(memory, relay.SHARED_BYTES + size)
        wake = keep(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))
        watched, life = os.pipe2(os.O_CLOEXEC)
        keep(life)
        output, said = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        keep(output)
        order = dpdk_order.order(
            capture, (memory, wake, watched), epoch_offset_ns(SystemClock())
        )
        try:
            process = keep(_start(child, order, said))
        finally:
            os.close(watched)
            os.close(said)
        attached = DpdkAttached(
            interface=capture.interface,
            features=(device.removeprefix("--vdev="),),
            selection=selection,
            device=device,
            port=port,
            port_index=found.index if found else 0,
            missed_before=found.missed_frames if found else 0,
            life_fd=life,
            process_fd=process,
            memory_fd=memory,
            wake_fd=wake,
            output_fd=output,
            promiscuous_fd=promiscuous,
        )
        _await(attached)
        undo.pop_all()
    return attached


def _require_built() -> None:
    if importlib.util.find_spec("airnet._ext.dpdk") is None:
        raise UnsupportedError(
            "capture with DPDK is not built",
            "install libdpdk-dev and build again, or use another backend",
        )


def _prepare(port: str, *, has_xdp: bool) -> link.Interface:
    """Bring a virtual device's interface up, quiet; refuse what would be cut off."""
    found = link.describe(port)
    if has_xdp and found.addresses:
        raise UnsupportedError(
            f"{port} carries {found.addresses[0]}: XDP would cut the host off",
            "give airnet an interface of its own",
        )
    if has_xdp and link.xdp_program(port):
        raise CaptureError(
            f"{port}: an XDP program is attached to it",
            f"stop who captures there, or `ip link set {port} xdp off`",
        )
    return link.bring_up(port, quiet=not found.addresses)


def _start(child: Sequence[str], order: dpdk_order.Order, said: int) -> int:
    """Start the child with its three descriptors and no other; return its pidfd."""
    kept = (order.memory, order.wake, order.life)
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, said, 1),
        (os.POSIX_SPAWN_DUP2, said, 2),
        # Onto itself: the copy survives execve(2) where the original would not.
        *((os.POSIX_SPAWN_DUP2, fd, fd) for fd in kept),
    ]
    # Without a place for it, DPDK leaves no directory behind.
    environment = {**os.environ, "RUNTIME_DIRECTORY": os.devnull}
    arguments = [*child, msgspec.json.encode(order).decode()]
    pid = os.posix_spawn(
        child[0], arguments, environment, file_actions=actions, setsid=True
    )
    return os.pidfd_open(pid)


def _await(attached: DpdkAttached) -> None:
    """Wait until frames come; the child says so, or why not, or dies."""
    waiting = select.poll()
    waiting.register(attached.wake_fd, select.POLLIN)
    waiting.register(attached.process_fd, select.POLLIN)
    waiting.poll(int(START_TIMEOUT_S * 1000))
    shared = np.frombuffer(mmap.mmap(attached.memory_fd, 0), np.uint8)
    reader = relay.Reader(shared, attached.wake_fd, attached.process_fd)
    if reader.state != relay.RUNNING:
        raise complaint(attached, reader, "did not start")
    with contextlib.suppress(BlockingIOError):
        # What starting said says nothing of a later end.
        os.read(attached.output_fd, OUTPUT_BYTES)
