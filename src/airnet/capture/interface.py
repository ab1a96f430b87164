"""Choosing the backend of a live interface."""

import structlog

from airnet import config
from airnet.capture.packet import PacketSource
from airnet.capture.source import Source
from airnet.capture.xdp import XdpSource
from airnet.errors import UnsupportedError

log = structlog.get_logger()


def open_backend(capture: config.Capture) -> Source:
    """Open `capture.interface`; `auto`: XDP native, XDP generic, AF_PACKET.

    Raises:
        CaptureError: no such interface, or somebody else holds it.
        UnsupportedError: this host cannot do what was asked.
    """
    if capture.backend == "packet":
        return PacketSource(capture.interface)
    if capture.backend == "xdp":
        return _xdp(capture, generic=False)
    if capture.backend == "xdp_generic":
        return _xdp(capture, generic=True)
    for generic in (False, True):
        try:
            return _xdp(capture, generic=generic)
        except UnsupportedError as error:
            mode = "xdp_generic" if generic else "xdp"
            log.warning("capture.degraded", without=mode, reason=str(error))
    return PacketSource(capture.interface)


def _xdp(capture: config.Capture, *, generic: bool) -> XdpSource:
    return XdpSource(
        capture.interface, capture.queues, capture.ring_frames, generic=generic
    )
