"""Capture: from an interface or a file to Frame rows."""

from airnet._ext.pcap import frame_rows, wire_bytes

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from airnet import config
    from airnet.capture.source import Source

__all__ = ["frame_rows", "open_interface", "wire_bytes"]


def open_interface(
    capture: "config.Capture", site: "config.Site | None" = None
) -> "Source":
    """Open the mirror port with the backend asked for; `auto` takes the best.

    The Source's `name` says which backend it became. `site` names what is order
    traffic, for `capture.select`.

    Raises:
        CaptureError: no such interface, or somebody else holds it.
        UnsupportedError: this host cannot do what was asked.
    """
    from airnet.capture.interface import (  # noqa: PLC0415 -- netlink's library takes
        attach_interface,  # 0.1 s to import, and only a live interface needs it
        read_attached,
    )

    return read_attached(attach_interface(capture, site))
