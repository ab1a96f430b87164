"""Watch: an episode seen to its end by the product's front, and judged by nobody.

What windows show does not depend on what is made of them while nothing is contained:
the world, decode and features go on in C, slice after slice as in the closed loop, and
the windows are laid by as they close.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from airnet._ext.gather import Gather
from airnet.clock import SimulatedClock
from airnet.decode import Decoder
from airnet.domain.session import SESSION
from airnet.domain.window import WINDOW
from airnet.features import Windows
from airnet.stride import Stride
from airnet.twin.actuator import Latency
from airnet.twin.source import WorldSource
from airnet.twin.stage import Kind, Stage

Rows = NDArray[np.float32]


class Seen(NamedTuple):
    """Every window of an episode in the order they closed, and who they are about.

    `windows` are WINDOW[k], `rows` their features. `batches` says how many there were
    each time that some had closed. `names` are rows of the SESSION table: the i-th is
    of `subjects[i]` from the window `since[i]` on.
    """

    windows: NDArray[np.void]
    rows: Rows
    batches: NDArray[np.uint32]
    names: NDArray[np.void]
    subjects: NDArray[np.uint32]
    since: NDArray[np.uint32]


def watched(stage: Stage) -> Seen:
    """Return what the windows of a stage's world show.

    Raises:
        UnsupportedError: the world was built too small.
    """
    site = stage.site
    gateways = [(gateway.ip, gateway.port) for gateway in site.gateways]
    decoder = Decoder(gateways)
    hosts = sorted({host for firm in site.firms for host in firm.hosts})
    try:
        return _run(stage, decoder, Windows(gateways, hosts))
    finally:
        decoder.close()


def _run(stage: Stage, decoder: Decoder, windows: Windows) -> Seen:
    """Run to the end, as the closed loop does where it has nothing to do."""
    start_ns, end_ns = stage.span_ns
    world = stage.world(Kind.WHOLE, is_seen=True, is_decoded=True)
    clock = SimulatedClock(start_ns)
    source = WorldSource(world, decoder, clock)
    stride = Stride(source, decoder, windows)
    gather = Gather(decoder.sessions)
    stride.tell(gather, 0)
    least_ns = Latency().least_ns
    while clock.time_ns < end_ns:
        source.until_ns = min(clock.time_ns + least_ns, end_ns)
        source.course = end_ns, least_ns
        _take(stride)
        while not source.is_exhausted:
            _take(stride)
        clock.time_ns = source.until_ns
    windows_, rows, batches, names, subjects, since = gather.gathered()
    return Seen(
        windows=np.frombuffer(windows_, WINDOW),
        rows=rows,
        batches=batches,
        names=np.frombuffer(names, SESSION),
        subjects=subjects,
        since=since,
    )


def _take(stride: Stride) -> None:
    """Take what one call of the world shows; the Gather is told of its windows."""
    stride.poll(0)
    while stride.advance():
        pass
