"""Extract: a recording as far as features, counted; nothing is scored or decided.

Light to import: neither numpy nor a model is loaded, because on a short capture that
would take longer than the work.
"""

from collections import Counter

from airnet.capture.pcap import PcapSource
from airnet.clock import SystemClock
from airnet.decode import Decoder, holes
from airnet.errors import CaptureError
from airnet.features import Windows
from airnet.front import BATCH_FRAMES, Front, Totals
from airnet.stride import stride_of

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from airnet.capture.source import Source
    from airnet.config import Site

NOT_STREAMS = frozenset({"frames", "messages", "malformed", "sessions"})


class Extraction:
    """What to extract features from, and how. `speed` None: as fast as possible."""

    site: "Path | None" = None
    batch_frames: int = BATCH_FRAMES
    speed: float | None = None
    select: str = "all"
    lanes: int = 1
    trailer: str = "none"

    def __init__(self, files: "tuple[str | Path, ...]", **given: "Any") -> None:
        assert given.keys() <= Extraction.__annotations__.keys(), "no such field"
        self.files = files
        self.__dict__.update(given)


def extract(order: Extraction) -> dict[str, object]:
    """Take capture files as far as Window rows and return what was counted.

    `cpu_s` is that of the whole process so far: its start counts.

    Raises:
        CaptureError: a file is no capture.
        ConfigError: the site is wrong, or there are not so many lanes.
    """
    clock = SystemClock()
    begun_ns = clock.mono_ns()
    source, site = opened(order)
    decoder, windows = stages(site, order.lanes, order.trailer)
    front = Front(source, decoder, windows, _ignore, batch_frames=order.batch_frames)
    front.at_once(stride_of(source, decoder, windows, order.batch_frames))
    try:
        while not source.is_exhausted:
            front.step(0)
        decoder.finish()
        captured = source.counters()
    finally:
        source.close()
        decoder.close()
    return {
        **account(front.totals, captured, decoder.counters()),
        "cpu_s": clock.cpu_ns() / 1e9,
        "wall_s": (clock.mono_ns() - begun_ns) / 1e9,
        "peak_rss_bytes": peak_rss_bytes(),
    }


def opened(order: Extraction) -> "tuple[Source, Site | None]":
    """Return where the frames come from, and the site if there is one.

    Raises:
        CaptureError: a file is no capture.
        ConfigError: the site is wrong.
        UsageError: order traffic is asked for, and no site says which that is.
    """
    if order.site is None and order.speed is None and order.select == "all":
        return PcapSource(order.files), None
    from airnet import recording  # noqa: PLC0415 -- msgspec and numpy, 0.1 s

    site = recording.known(order.site)
    return recording.open_files(order.files, order.speed, order.select, site), site


def stages(site: "Site | None", lanes: int, trailer: str) -> tuple[Decoder, Windows]:
    """Return decoder and windows that know the gateways and hosts of a site."""
    if site is None:
        return Decoder([], lanes, trailer=trailer), Windows([], [])
    gateways = [(gateway.ip, gateway.port) for gateway in site.gateways]
    hosts = sorted({host for firm in site.firms for host in firm.hosts})
    return Decoder(gateways, lanes, trailer=trailer), Windows(gateways, hosts)


def account(
    totals: Totals, captured: dict[str, int], counters: "dict[str, Any]"
) -> "dict[str, Any]":
    """Return what became of every frame; `seen` == `processed` + all of `by_reason`.

    Raises:
        CaptureError: it does not add up, which is a bug.
    """
    by_reason = Counter(captured)
    seen, delivered = by_reason.pop("seen"), by_reason.pop("delivered")
    dropped = Counter(counters["frames"])
    del dropped["ok"]
    processed = delivered - dropped.total()
    by_reason = +(by_reason + dropped)
    if seen != processed + by_reason.total() or delivered != totals.frames:
        raise CaptureError(
            f"frames do not add up: seen {seen}, processed {processed}, {by_reason}",
            "report this as a bug",
        )
    return {
        "frames": totals.frames,
        "bytes": totals.bytes,
        "seen": seen,
        "processed": processed,
        "by_reason": dict(sorted(by_reason.items())),
        "messages": counters["messages"],
        "malformed": {name: n for name, n in counters["malformed"].items() if n},
        "sessions": counters["sessions"],
        "windows": totals.windows,
        "holes": holes(counters),
        "streams": {name: n for name, n in counters.items() if name not in NOT_STREAMS},
    }


def peak_rss_bytes() -> int:
    """Return the most memory this program had resident.

    Not getrusage's: what the process was before it became this program counts there.
    """
    with open("/proc/self/status", "rb") as lines:  # noqa: PTH123 -- pathlib: 3 ms
        for line in lines:
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _ignore() -> None:
    """Leave closed windows alone: they were counted."""
