"""Extract: a recording as far as features, counted; nothing is scored or decided.

Light to import: neither numpy nor a model is loaded, because on a short capture that
would take longer than the work.
"""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from airnet.capture.paced import Paced, Waits
from airnet.capture.pcap import PcapSource
from airnet.clock import SystemClock
from airnet.decode import Decoder
from airnet.errors import CaptureError
from airnet.features import Windows
from airnet.pipeline import BATCH_FRAMES, Front, Totals

if TYPE_CHECKING:
    from airnet.capture.source import Source

NOT_STREAMS = frozenset({"frames", "messages", "malformed", "sessions"})


class Extraction(NamedTuple):
    """What to extract features from, and how fast: None is as fast as possible."""

    files: tuple[Path, ...]
    site: Path | None = None
    batch_frames: int = BATCH_FRAMES
    lanes: int = 1
    speed: float | None = None
    trailer: str = "none"


def open_files(files: tuple[Path, ...], speed: float | None, clock: Waits) -> "Source":
    """Return the Source of capture files, paced when there is a speed.

    Raises:
        CaptureError: a file is no capture.
    """
    source: Source = PcapSource(files)
    return source if speed is None else Paced(source, clock, speed)


def extract(order: Extraction) -> dict[str, object]:
    """Take capture files as far as Window rows and return what was counted.

    `cpu_s` is that of the whole process so far: its start counts.

    Raises:
        CaptureError: a file is no capture.
        ConfigError: the site is wrong.
    """
    clock = SystemClock()
    begun_ns = clock.mono_ns()
    decoder, windows = stages(order.site, order.lanes, order.trailer)
    source = open_files(order.files, order.speed, clock)
    front = Front(source, decoder, windows, _ignore, batch_frames=order.batch_frames)
    try:
        while not source.is_exhausted:
            front.step(0)
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


def stages(
    site: Path | None, lanes: int = 1, trailer: str = "none"
) -> tuple[Decoder, Windows]:
    """Return decoder and windows that know the gateways and hosts of a site file."""
    if site is None:
        return Decoder([], lanes, trailer=trailer), Windows([], [])
    from airnet.config import Site, load  # noqa: PLC0415 -- nobody else needs them

    known = load(site, Site)
    gateways = [(gateway.ip, gateway.port) for gateway in known.gateways]
    hosts = sorted({host for firm in known.firms for host in firm.hosts})
    return Decoder(gateways, lanes, trailer=trailer), Windows(gateways, hosts)


def account(
    totals: Totals, captured: dict[str, int], counters: dict[str, Any]
) -> dict[str, Any]:
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
        "streams": {name: n for name, n in counters.items() if name not in NOT_STREAMS},
    }


def peak_rss_bytes() -> int:
    """Return the most memory this program had resident.

    Not getrusage's: what the process was before it became this program counts there.
    """
    with Path("/proc/self/status").open("rb") as lines:
        for line in lines:
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _ignore() -> None:
    """Leave closed windows alone: they were counted."""
