"""Opening DPDK's virtual ports as the product does."""

import contextlib
import importlib.util
from collections.abc import Iterator

import pytest

from airnet import config
from airnet.capture.dpdk import DpdkSource
from airnet.capture.dpdk_attach import attach_dpdk
from airnet.capture.selection import Selection

NEEDS_DPDK = pytest.mark.skipif(
    importlib.util.find_spec("airnet._ext.dpdk") is None,
    reason="built without libdpdk-dev (apt.txt): there is no capture with DPDK",
)


@contextlib.contextmanager
def dpdk(*arguments: str, ring_frames: int = 8192) -> Iterator[DpdkSource]:
    """Open a port and close it, however the test ends."""
    capture = config.Capture(
        interface="c0",
        backend="dpdk",
        dpdk_args=arguments,
        ring_frames=ring_frames,
    )
    source = DpdkSource(attach_dpdk(capture, Selection()))
    try:
        yield source
    finally:
        source.close()
        source.close()


def losses(source: DpdkSource) -> dict[str, int]:
    """Return the reasons that are not 0; they must explain everything."""
    counts = source.counters()
    seen, delivered = counts.pop("seen"), counts.pop("delivered")
    assert seen == delivered + sum(counts.values())
    assert counts["unaccounted"] == 0
    return {name: count for name, count in counts.items() if count}
