"""Capture: from an interface or a file to Frame rows."""

from airnet import config
from airnet.capture.source import Source

__all__ = ["Source", "open_interface"]


def open_interface(capture: config.Capture) -> Source:
    """Open the mirror port with the backend asked for; `auto` takes the best.

    The Source's `name` says which backend it became.

    Raises:
        CaptureError: no such interface, or somebody else holds it.
        UnsupportedError: this host cannot do what was asked.
    """
    from airnet.capture.interface import (  # noqa: PLC0415 -- netlink's library takes
        attach_interface,  # 0.1 s to import, and only a live interface needs it
        read_attached,
    )

    return read_attached(attach_interface(capture))
