"""Recording: capture files opened as an operator asks, and the site they are of."""

from pathlib import Path

from airnet.capture.paced import Paced
from airnet.capture.pcap import PcapSource
from airnet.capture.selected import Selected
from airnet.capture.selection import choose
from airnet.capture.source import Source
from airnet.clock import SystemClock
from airnet.config import Site, load
from airnet.errors import UsageError


def known(path: Path | None) -> Site | None:
    """Return the site a file describes; None without one.

    Raises:
        ConfigError: the site is wrong.
    """
    return None if path is None else load(path, Site)


def open_files(
    files: tuple[str | Path, ...], speed: float | None, select: str, site: Site | None
) -> Source:
    """Return the Source of capture files, paced and selected as asked.

    Raises:
        CaptureError: a file is no capture.
        UsageError: order traffic is asked for, and no site says which that is.
    """
    source: Source = PcapSource(files)
    if speed is not None:
        source = Paced(source, SystemClock(), speed)
    if select == "all":
        return source
    if site is None:
        raise UsageError("--select order needs --site", "name the site's gateways")
    return Selected(source, choose("order", site))
