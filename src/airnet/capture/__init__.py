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
    from airnet.capture import interface  # noqa: PLC0415 -- netlink, 0.1 s: live only

    return interface.read_attached(interface.attach_interface(capture, site))
