"""Choosing the backend of a live interface; attaching and reading, in two steps."""

import structlog

from airnet import config
from airnet.capture.attach import attach_packet, attach_xdp
from airnet.capture.attached import (
    Attached,
    DpdkAttached,
    PacketAttached,
    XdpAttached,
)
from airnet.capture.dpdk import DpdkSource
from airnet.capture.dpdk_attach import attach_dpdk
from airnet.capture.packet import PacketSource
from airnet.capture.selection import choose
from airnet.capture.source import Source
from airnet.capture.xdp import XdpSource
from airnet.clock import SystemClock
from airnet.errors import UnsupportedError

log = structlog.get_logger()


def attach_interface(
    capture: config.Capture, site: config.Site | None = None
) -> Attached:
    """Attach to `capture.interface`; `auto`: XDP native, XDP generic, AF_PACKET.

    The site's gateways and hosts are what `capture.select` watches. DPDK is taken only
    where it is asked for: it keeps a core and a port to itself.

    Raises:
        CaptureError: no such interface, or somebody else holds it.
        UnsupportedError: this host cannot do what was asked.
    """
    # The sketch's hash: a stranger must not know which addresses share a cell.
    seed = SystemClock().mono_ns()
    selection = choose(capture.select, site or config.Site(), seed)
    if capture.backend == "packet":
        return attach_packet(capture, selection)
    if capture.backend in ("xdp", "xdp_generic"):
        is_generic = capture.backend == "xdp_generic"
        return attach_xdp(capture, selection, generic=is_generic)
    if capture.backend == "dpdk":
        return attach_dpdk(capture, selection)
    for generic in (False, True):
        try:
            return attach_xdp(capture, selection, generic=generic)
        except UnsupportedError as error:
            mode = "xdp_generic" if generic else "xdp"
            log.warning("capture.degraded", without=mode, reason=str(error))
    return attach_packet(capture, selection)


def read_attached(attached: Attached) -> Source:
    """Return the Source that reads what was attached, here or by another process.

    Raises:
        UnsupportedError: the kernel does not let it be read.
    """
    if isinstance(attached, XdpAttached):
        return XdpSource(attached)
    if isinstance(attached, DpdkAttached):
        return DpdkSource(attached)
    assert isinstance(attached, PacketAttached)
    return PacketSource(attached)
