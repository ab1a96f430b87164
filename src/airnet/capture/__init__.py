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
    # Only a live interface needs netlink, whose library takes 0.1 s to import.
    from airnet.capture.interface import open_backend  # noqa: PLC0415

    return open_backend(capture)
