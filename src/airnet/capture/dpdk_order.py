"""What the process that owns DPDK is told: the Order, and DPDK's own command line."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from airnet import config
from airnet.domain.frame import CLOCK_FILE, CLOCK_KERNEL, CLOCK_NIC

#: Buffers and DPDK's own tables, MiB: 8191 buffers of 2.3 KiB a queue.
MEMORY_MIB, QUEUE_MIB = 64, 24


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Which descriptors and which port the child has, and what its stamps are.

    `port` is the interface behind the device where the driver attaches an XDP program
    to it, which must not stay there.
    """

    memory: int
    wake: int
    life: int
    epoch_ns: int
    arguments: list[str]
    port: str
    queues: int
    is_promiscuous: bool
    stamp_clock: int
    stamp_ns: int
    nap_us: int


def device(arguments: Sequence[str], ring_frames: int) -> str:
    """Return the one device that the configuration has made sure of.

    net_af_packet's own ring has 512 frames, which 50 µs of a loaded port fill.
    """
    found = next(one for one in arguments if config.DPDK_DEVICE.fullmatch(one))
    if found.startswith("--vdev=net_af_packet") and ",framecnt=" not in found:
        return f"{found},framecnt={ring_frames}"
    return found


def interface_of(port: str) -> str:
    """Return the Linux interface behind a virtual device, or nothing."""
    for part in port.split(",")[1:]:
        key, _, value = part.partition("=")
        if key in ("iface", "rx_iface", "rx_iface_in"):
            return value
    return ""


def stamps(port: str) -> tuple[int, int]:
    """Return the clock of the driver's stamps and the ns of one unit.

    A stamp of another driver is the card's, if it turns out to be ns since the epoch.
    """
    if port.startswith("--vdev=net_pcap"):
        is_file = "rx_pcap=" in port
        return (CLOCK_FILE if is_file else CLOCK_KERNEL), 1000
    if port.startswith("--vdev=net_af_"):
        return CLOCK_KERNEL, 1
    return CLOCK_NIC, 1


def arguments(wanted: Sequence[str], port: str, queues: int) -> list[str]:
    """Return DPDK's command line: no file, no socket, one core at a time."""
    others = [one for one in wanted if not config.DPDK_DEVICE.fullmatch(one)]
    given = ["airnet", "--no-telemetry", *others]
    if not any(one.startswith("--lcores=") for one in others):
        cores = ",".join(str(one) for one in sorted(os.sched_getaffinity(0)))
        given.append(f"--lcores=0@({cores})")
    is_virtual = port.startswith("--vdev=")
    given += [port, "--no-pci"] if is_virtual else [f"--allow={port}"]
    need = MEMORY_MIB + queues * QUEUE_MIB
    is_sized = any(one.startswith("--socket-mem=") for one in others)
    if not is_sized and _free_huge_mib() < need:
        # Small pages are what DPDK calls legacy, and that excludes --in-memory.
        return [*given, "--no-shconf", "--no-huge", "-m", str(need)]
    return [*given, "--in-memory"]


def order(
    capture: config.Capture, descriptors: tuple[int, int, int], epoch_ns: int
) -> Order:
    """Return the order for a port; `descriptors` are memory, wake and life."""
    memory, wake, life = descriptors
    port = device(capture.dpdk_args, capture.ring_frames)
    name = interface_of(port)
    stamp_clock, stamp_ns = stamps(port)
    return Order(
        memory=memory,
        wake=wake,
        life=life,
        epoch_ns=epoch_ns,
        arguments=arguments(capture.dpdk_args, port, capture.queues),
        port=name if has_program(port) else "",
        queues=capture.queues,
        is_promiscuous=not name,
        stamp_clock=stamp_clock,
        stamp_ns=stamp_ns,
        nap_us=capture.dpdk_nap_us,
    )


def has_program(port: str) -> bool:
    """Return whether the driver attaches an XDP program to the interface."""
    return port.startswith("--vdev=net_af_xdp")


def _free_huge_mib() -> int:
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    pages = int(text.partition("HugePages_Free:")[2].split()[0])
    return pages * int(text.partition("Hugepagesize:")[2].split()[0]) // 1024
